"""How an engine for 0-1 programs is called, what it found, and the tolerances that both keep to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.deadline import Deadline
from splitfog.formulations.plan import StoppedBy

FEASIBILITY = 1e-7
"""By how much an engine may break a row: coefficients should be near 1."""
ABSOLUTE_GAP = 1e-11
"""At which an engine stops, whatever the relative gap: for optima of 0."""
LEAST_S = 1e-3
"""Seconds that an engine is given in any case, once it has its program."""


Watch = Callable[[NDArray[np.float64] | None, float], None]
"""Called with the columns of a better solution (None: there is none) and a bound for all."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """How an engine is to run: from a start (of all binary columns, or empty) to a deadline."""

    deadline: Deadline
    gap: float
    start: dict[int, float]
    seed: int
    presolved: bool
    threads: int


@dataclass(frozen=True)
class MilpResult:
    """What an engine found: `values` None if nothing; `bound` holds for every solution.

    `infeasible` is a proof. `optimal` says that the engine closed its gap. `root` is the bound
    before any branching, as far as it came (None: unknown), `nodes` the size of the tree.
    """

    values: NDArray[np.float64] | None
    bound: float
    _: KW_ONLY
    optimal: bool = False
    infeasible: bool = False
    stopped_by: StoppedBy = "finished"
    root: float | None = None
    nodes: int = 0
