"""What a part is before it has a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from splitfog.deployment.splitting.manifest import PartSlice

Rectangle = tuple[int, int, int, int]


@dataclass(frozen=True, kw_only=True)
class Piece:
    """Operators that one node runs together.

    Attributes
    ----------
    node : position in the instance.
    layers : names of the layers that they run.
    operators : `NodeProto`s, each after those that it reads.
    seconds : predicted, of one run.
    constants : initialisers that only this part has.
    types : `ValueInfoProto` of tensors that the whole model does not have, by name.
    regions : which rectangle of a whole tensor these are.
    slice : which slice it is; None for all but slices.
    """

    node: int
    layers: tuple[str, ...]
    operators: Sequence[Any]
    seconds: float
    constants: Sequence[Any] = ()
    types: Mapping[str, Any] = field(default_factory=dict)
    regions: Mapping[str, Rectangle] = field(default_factory=dict)
    slice: PartSlice | None = None
