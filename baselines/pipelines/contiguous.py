"""`pipedream` and `tarnawski-dp`: the best contiguous split of a model for the period."""

from __future__ import annotations

from splitfog.baselines.common import checked
from splitfog.baselines.pipelines.prefixes import Prefixes, all_prefixes, linear_prefixes, units_of
from splitfog.baselines.pipelines.relay import RelaySplit
from splitfog.baselines.pipelines.star import StarSplit, star_hub
from splitfog.formulations.arrays.task import task_arrays
from splitfog.formulations.decision import placed
from splitfog.solvers.base import Answer, Request, SolverDeclined

MAX_UNITS = 3_000
"""Units (layers, or groups) of which `pipedream` looks at all runs."""

MAX_PREFIXES = 5_000
"""Downward-closed sets that `tarnawski-dp` looks at."""

MAX_WORK = 2e9
"""Transitions of the dynamic program."""


def solve_pipedream(request: Request) -> Answer:
    """The best split of the topological order into runs, one a node.

    After D. Narayanan et al., PipeDream: Generalized pipeline parallelism for DNN training, SOSP
    2019: dynamic program over where runs of layers end and how many machines they use. Ours:
    inference, no replicated stages; nodes, links, memory and `overlap` as they are; a DAG is its
    file's order made topological, groups kept whole.

    The best such split in a star (nodes in any order) and on a line of tiers (in the tiers'
    order) where no results travel; an estimate of loads elsewhere. O(L^2 N^2) time.

    Raises
    ------
    SolverDeclined
        For several tasks, above `MAX_UNITS` units or `MAX_WORK` transitions.
    """
    _one_task(request, "pipedream")
    units = units_of(task_arrays(request.instance))
    if units.count > MAX_UNITS:
        reason = f"{units.count} layers or groups, at most {MAX_UNITS}"
        raise SolverDeclined("pipedream", reason, "greedy")
    return _best_split(request, linear_prefixes(units), "pipedream")


def solve_tarnawski_dp(request: Request) -> Answer:
    """The best split of the DAG into contiguous parts, one a node.

    After J. Tarnawski et al., Efficient algorithms for device placement of DNN graph operators,
    NeurIPS 2020: dynamic program over all downward-closed sets of operators, so that every chain
    of contiguous parts is met, not only those of one topological order. Ours: nodes that differ,
    networks other than a host with accelerators; groups are kept whole.

    The best such split in a star (nodes in any order) and on a line of tiers (in the tiers'
    order) where no results travel; an estimate of loads elsewhere. O(I^2 N^2) time for I sets.

    Raises
    ------
    SolverDeclined
        For several tasks, above `MAX_PREFIXES` sets or `MAX_WORK` transitions.
    """
    _one_task(request, "tarnawski-dp")
    prefixes = all_prefixes(units_of(task_arrays(request.instance)), MAX_PREFIXES)
    if prefixes is None:
        reason = f"the model has more than {MAX_PREFIXES} downward-closed sets of layers"
        raise SolverDeclined("tarnawski-dp", reason, "pipedream")
    return _best_split(request, prefixes, "tarnawski-dp")


def _one_task(request: Request, solver: str) -> None:
    if len(request.instance.tasks) > 1:
        raise SolverDeclined(solver, "it splits one task's model, and there are several", "greedy")


def _best_split(request: Request, prefixes: Prefixes, solver: str) -> Answer:
    """The answer of the dynamic program that fits the network."""
    hub = star_hub(prefixes.units.arrays)
    split: StarSplit | RelaySplit
    if hub is None:
        split = RelaySplit(prefixes, request)
    else:
        split = StarSplit(prefixes, hub, request)
    if split.work > MAX_WORK:
        reason = f"about {split.work:.2g} transitions, at most {MAX_WORK:.2g}"
        raise SolverDeclined(solver, reason, "greedy")
    found = split.solve()
    if isinstance(found, str):
        stopped = "time limit" if request.out_of_time else "finished"
        return Answer(None, stopped_by=stopped, reason=found)  # type: ignore[arg-type]
    return checked(request, placed(found))
