"""How an answer is found: one algorithm a file, registered in `registry`.

The package can be called: `splitfog.solvers()` is what every solver and baseline declares.
"""

from __future__ import annotations

import sys
from types import ModuleType

from splitfog.solvers.declare import EVERYTHING, SolverInfo

SOLVERS: tuple[SolverInfo, ...] = (
    SolverInfo(
        name="auto",
        summary="chooses: exact and polynomial, else exact, else a heuristic; then slices on top",
        kind="exact",
        objectives=("latency", "makespan", "period", "mean-latency", "batch", "throughput"),
        answers="slices",
        entry=".auto:solve_auto",
        exact_when="as the solver that it chooses; the plan's reason says which and why",
        start=True,
        takes=EVERYTHING,
    ),
)


class _Solvers(ModuleType):
    def __call__(self) -> tuple[SolverInfo, ...]:
        from splitfog.solvers.registry import solver_infos

        return solver_infos()


sys.modules[__name__].__class__ = _Solvers
