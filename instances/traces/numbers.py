"""Cells of text read as numbers, all at once where all are some."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

import numpy as np

from splitfog.instances.arrays import Floats


def all_numbers(cells: Sequence[str]) -> Floats | None:
    """[n] of cells that all hold finite numbers; None where one does not."""
    try:
        values = np.array(list(map(float, cells)))
    except ValueError:
        return None
    return values if np.isfinite(values).all() and not any("_" in cell for cell in cells) else None


def number_in(cell: str) -> float | None:
    """The finite number in a cell; None where there is none."""
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if isfinite(value) and "_" not in cell else None


def number_text(value: float) -> str:
    """A number as files have it: the shortest text that stands for it."""
    return repr(float(value)).removesuffix(".0")
