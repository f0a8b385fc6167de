"""A figure of an instance that varies in a plan table: a link's bandwidth or a node's load."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from splitfog.instances.records import Name, Positive

Key = tuple[str, str] | str
"""A link (from, to), or a node's name."""


class Figure(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What varies, and between which limits, both included.

    Attributes
    ----------
    link, node
        The bandwidth of a link (from, to), or the load of a node; the other is None.
    directions : "both" or "forward"
        Of a duplex link: whether both directions change together.
    low, high
        In `unit`.
    own
        What the instance says: an adapter believes it until it is measured; None: not known.
    """

    link: tuple[Name, Name] | None = None
    node: Name | None = None
    directions: Literal["both", "forward"] = "both"
    low: Positive
    high: Positive
    own: Positive | None = None

    @property
    def key(self) -> Key:
        """(from, to) or the node's name: what tables are asked by."""
        if self.link is not None:
            return self.link
        assert self.node is not None
        return self.node

    @property
    def label(self) -> str:
        """The key as one writes it: `device,edge0`."""
        return self.key if isinstance(self.key, str) else ",".join(self.key)

    @property
    def unit(self) -> Literal["bit/s", "load"]:
        """Of `low` and `high`; a load multiplies every layer's time on the node, 1: as given."""
        return "load" if self.link is None else "bit/s"

    @property
    def name(self) -> str:
        """For readers."""
        if self.link is None:
            return f"load of {self.node}"
        return f"bandwidth of {self.link[0]} -> {self.link[1]}"

    @property
    def limits(self) -> str:
        """For readers: `between 1e5 and 1e9 bit/s`."""
        unit = "" if self.link is None else " bit/s"
        return f"between {self.low:g} and {self.high:g}{unit}"

    def coordinate(self, value: float) -> float:
        """In what a latency is linear: 1 / bandwidth, or the load."""
        return value if self.link is None else 1 / value

    def directed(self) -> tuple[tuple[str, str], ...]:
        """The directed links (from, to) that change; none for a node."""
        if self.link is None:
            return ()
        there, back = self.link, self.link[::-1]
        return (there,) if self.directions == "forward" else (there, back)
