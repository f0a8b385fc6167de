"""How an answer is found: one algorithm a file, registered in `registry`.

The package can be called: `splitfog.solvers()` is what every solver and baseline declares.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from splitfog.solvers.base import SolverInfo


class _Solvers(ModuleType):
    def __call__(self) -> tuple[SolverInfo, ...]:
        from splitfog.solvers.registry import solver_infos

        return solver_infos()


sys.modules[__name__].__class__ = _Solvers
