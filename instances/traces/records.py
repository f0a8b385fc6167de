"""What a trace is made of: a series says what one figure of a link or a node is, moment by moment.

The fields are those of the trace file (docs/trace-file.md), in SI base units.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Literal

from msgspec import Struct
from msgspec.structs import force_setattr

from splitfog.instances.arguments import plain

Quantity = Literal["bandwidth_bps", "latency_s", "load", "up"]
Directions = Literal["both", "forward"]
End = Literal["repeat", "hold"]

Key = tuple[Literal["link"], str, str, Quantity] | tuple[Literal["node"], str, Quantity]
"""A figure that varies: of a directed link (tail, head), or of a node."""

LINK_QUANTITIES: tuple[Quantity, ...] = ("bandwidth_bps", "latency_s", "up")
NODE_QUANTITIES: tuple[Quantity, ...] = ("load", "up")

UNITS: Mapping[Quantity, str] = MappingProxyType(
    {"bandwidth_bps": "bit/s", "latency_s": "s", "load": "", "up": ""}
)


class Series(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """One figure of a link or of a node; each value holds from its time to the next.

    Attributes
    ----------
    link
        (from, to), where it is a link's figure; else None.
    node
        The name, where it is a node's figure; else None.
    quantity
        Of a link `bandwidth_bps` >= 0, `latency_s` >= 0, or `up`, 0 or 1; of a node `load` > 0
        (what its layers' times are multiplied by) or `up`.
    directions : "both" or "forward"
        Of a duplex link both, each of which stays a link of its own, or only `from` to `to`.
    times_s
        [n], the first is 0, rising strictly.
    values
        [n].
    """

    link: tuple[str, str] | None = None
    node: str | None = None
    quantity: Quantity
    directions: Directions = "both"
    times_s: tuple[float, ...]
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = plain(getattr(self, name))
            if isinstance(value, tuple) and int in (kinds := set(map(type, value))):
                with suppress(OverflowError):  # left for the check
                    value = tuple(map(float, value)) if kinds <= {int, float} else value
            force_setattr(self, name, value)

    @property
    def keys(self) -> tuple[Key, ...]:
        """Whose figure it is: of a link each of its directions, or of a node."""
        if self.node is not None:
            return (("node", self.node, self.quantity),)
        if self.link is None:
            return ()
        tail, head = self.link
        ways = ((tail, head), (head, tail))[: 1 if self.directions == "forward" else 2]
        return tuple(("link", *way, self.quantity) for way in ways)
