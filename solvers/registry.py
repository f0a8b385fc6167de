"""Every solver and baseline: who declares what, and where its code is.

Our own are declared by the rooms in `HOMES`. Those of others are found by the entry points of the
group `splitfog.solvers`, each a module with `SOLVERS`, and only when they are needed: for a name
that is none of ours, and for all. Whoever chooses by itself (`auto`, warm starts, fronts, curves)
takes `own_infos`: the same seed gives the same plan, whatever is installed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from splitfog.instances.arguments import mapping
from splitfog.instances.lookup import look_up
from splitfog.instances.plugins.found import OURS, code_of
from splitfog.solvers.declare import SolverInfo
from splitfog.solvers.plugins import plugin_infos

if TYPE_CHECKING:
    from splitfog.solvers.base import Solver

HOMES = (
    "splitfog.solvers",
    "splitfog.solvers.exact",
    "splitfog.solvers.chains",
    "splitfog.solvers.replicas",
    "splitfog.solvers.makespan",
    "splitfog.solvers.d3",
    "splitfog.solvers.search",
    "splitfog.solvers.offloading",
    "splitfog.solvers.dina",
    "splitfog.baselines.simple",
    "splitfog.baselines.cuts",
    "splitfog.baselines.offloading",
    "splitfog.baselines.pipelines",
    "splitfog.baselines.language_models",
    "splitfog.baselines",
)
"""The rooms that declare `SOLVERS`; here alone solvers speak of baselines."""

ORDER = (
    "auto",
    "min-cut",
    "ilp",
    "chain-dp",
    "pipeline",
    "replicas",
    "cp-sat",
    "brute-force",
    "hpa",
    "hpa-plain",
    "evolution",
    "alpha-expansion",
    "offload-assignment",
    "vsm",
    "vsm-ilp",
    "d3",
    "dina",
    "dina-p",
    "dina-o",
    "swap",
    "deferred-acceptance",
    "best-response",
    "offload-ilp",
    "joint-ilp",
    "unsplittable",
    "device-only",
    "edge-only",
    "cloud-only",
    "random",
    "greedy",
    "neurosurgeon",
    "dads",
    "local",
    "nearest",
    "random-match",
    "greedy-match",
    "scission",
    "qdmp",
    "ionn",
    "jointdnn",
    "aaiot",
    "heft",
    "cpop",
    "pipedream",
    "tarnawski-dp",
    "equal",
    "memory-proportional",
    "exo",
    "greedy-fill",
    "water-fill",
    "pipeedge",
    "edgeshard",
    "halda",
    "modnn",
    "deepthings",
    "aofl",
    "coedge",
)
"""In which they are shown and compared; who is not named here follows, room by room."""


@cache
def own_infos() -> tuple[SolverInfo, ...]:
    """What our own solvers and baselines declare, solvers first."""
    declared = {info.name: info for home in HOMES for info in _declared(home)}
    first = [declared.pop(name) for name in ORDER]
    return (*first, *declared.values())


def _declared(home: str) -> Iterator[SolverInfo]:
    for info in import_module(home).SOLVERS:
        yield info.settled(home, OURS)


def solver_infos() -> tuple[SolverInfo, ...]:
    """What every solver and baseline declares: our own, solvers first, then those of plug-ins."""
    return (*own_infos(), *_foreign_infos())


@cache
def _foreign_infos() -> tuple[SolverInfo, ...]:
    """What plug-ins declare, read once, so that a broken one is one warning."""
    return plugin_infos({info.name: info.origin for info in own_infos()})


def solver_info(name: str) -> SolverInfo:
    """What one solver declares.

    Raises
    ------
    LookupError
        Naming the nearest and all known names.
    """
    own = {info.name: info for info in own_infos()}
    known = own.get(name) if isinstance(name, str) else None
    return known or look_up({info.name: info for info in solver_infos()}, name, "solver")


def load_solver(info: SolverInfo) -> Solver:
    """The function of a solver, imported now; where the time is up it answers with what it has.

    Raises
    ------
    LookupError
        Where the code of a plug-in cannot be had.
    """
    from splitfog.solvers.base import timely  # costs are loaded where something is solved only
    from splitfog.solvers.honoured import honoured

    return honoured(info, timely(code_of(info.name, info.entry, info.origin)))


def parse_options(info: SolverInfo, given: Mapping[str, Any]) -> dict[str, Any]:
    """All options of a solver: those given, checked, and the defaults of the others.

    Raises
    ------
    ValueError
        For an unknown option or a value that is not allowed.
    """
    for name in mapping("options", given, "a mapping of options by name"):
        if name not in info.options:
            known = ", ".join(info.options) or "none"
            raise ValueError(f"option {name} is unknown to {info.name}; its options: {known}")
    return {
        name: option.parse(name, given[name]) if name in given else option.default
        for name, option in info.options.items()
    }
