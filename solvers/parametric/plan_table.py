"""`plan_table`: the best plan for all values of several bandwidths and loads at once."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from splitfog.formulations.deadline import NEVER, Deadline
from splitfog.formulations.objective import Objective, objective_for
from splitfog.formulations.parametric.figure import Figure
from splitfog.formulations.parametric.plan_table import PlanTable
from splitfog.formulations.parametric.vary import figures_for
from splitfog.formulations.passes import executed_once
from splitfog.instances.arguments import choice, flag, number, wrong
from splitfog.instances.files import GivenInstance, instance_of
from splitfog.instances.instance import Instance
from splitfog.instances.records import changed
from splitfog.solvers.base import Answer, Solver, SolverDeclined
from splitfog.solvers.parametric.table_cases import ORACLES, Search, TableCase, solve_case
from splitfog.solvers.parametric.table_writer import TableWriter


def plan_table(
    instance: GivenInstance,
    vary: Mapping[Any, tuple[float, float]],
    *,
    epsilon: float = 0.0,
    failures: bool = False,
    objective: str | Objective = "latency",
    transfers: str = "once",
    monotone: bool = True,
    routes: str = "follow",
    oracle: str | Solver | None = None,
    time_limit_s: float | None = None,
) -> PlanTable:
    """The best unsliced plan for all values of some figures in a box, as a table.

    Parameters
    ----------
    instance
        Whose other figures stay as they are; or the path of its file.
    vary
        (low, high), both included, of every figure that varies: of a link (from, to) its bandwidth
        in bit/s, of a node its load, which multiplies every layer's time there (1: as given). A
        pair is one direction; both if the link is duplex and only one is named.
    epsilon
        By how much, relative, a plan of the table may be worse than the best one: fewer plans and
        less time.
    failures
        Also a table for every node that may fail: one that is no task's source.
    objective, transfers, monotone
        Only `latency` is linear in the figures; of several tasks it is the mean.
    routes : "follow" or "keep"
        Whether routes are those at the figures (docs/costs.md), or stay those of the instance's own
        figures, as in a replay.
    oracle
        The exact solver to ask, by name or as a function from `Request` to `Answer`; None: the
        first of min-cut, chain-dp and ilp that applies.
    time_limit_s
        Seconds after which the search ends with the plans found; what is known of them, their
        values everywhere and their gap, is computed then.

    Returns
    -------
    PlanTable
        With status optimal, or feasible with the gap reached (epsilon, time limit, Ctrl-C), or
        infeasible or unknown, and no plans, where there is none.

    Raises
    ------
    SolverDeclined
        For another objective, and where no oracle applies.
    ValueError, LookupError
        For a range, link or node that makes no sense, too many figures, or routes that flip in too
        many parts of the box.

    Notes
    -----
    For a fixed plan `latency` is a plane over 1 / bandwidth and load, so that the optimum is
    concave and the table's best plan, being the least of fewer planes, lies above it. Outer
    approximation: the oracle is asked at the vertices of the hypograph of the table's best plan
    until none is lower by more than epsilon; then nowhere in the box a plan is (the proof is in
    `solvers.parametric.outer`). Only plans without slices are compared: a sliced stage's time is
    not linear. Off a line of tiers routes flip with the bandwidths: the box then is cut into
    cells along the hyperplanes where they do, each searched by itself; the latency may jump there.
    (Where routes tie at an edge of the box or of a cell only, the table holds the one inside.)
    Rounding: planes are exact but for their last digits, and lower bounds of cuts hold for costs
    rounded down to 2^-46 of the value, so that `gap` is some 1e-12; a plan whose vertex qhull does
    not see apart from another's is at most 1e-9 better there. The number of plans can explode with
    the number of layers and figures: 1,000 layers and 3 figures may have more than 500, 10 within
    an epsilon of 1e-2. Known as outer approximation of multi-parametric programs (J. Comb. Optim.
    44, 2022, doi 10.1007/s10878-022-00902-w); ours is the use.

    Examples
    --------
    >>> from splitfog.instances.generators import generate
    >>> vary = {("device", "edge0"): (1e5, 1e9), "edge0": (0.5, 20)}
    >>> table = plan_table(generate("three-tier"), vary)
    >>> table.plan_at({("device", "edge0"): 1e6, "edge0": 2}).placement("task0")["conv1"]
    'device'
    """
    started = time.perf_counter()
    instance = executed_once(instance_of(instance), "a plan table", with_state=False)
    objective = objective_for(instance, objective, transfers, monotone)
    if objective.name != "latency":
        reason = f"{objective.name} is not linear in 1 / bandwidth or load, only latency is"
        raise SolverDeclined("plan_table", reason)
    figures = figures_for(instance, vary)
    if oracle is not None and not isinstance(oracle, str) and not callable(oracle):
        raise wrong("oracle", oracle, "the name of an exact solver, or a function")
    deadline = NEVER
    if time_limit_s is not None:
        limit = number("time_limit_s", time_limit_s, above=0, endless=True)
        deadline = Deadline(started + limit)
    search = Search(
        objective=objective,
        routes=choice("routes", routes, ("follow", "keep")),
        epsilon=number("epsilon", epsilon, low=0),
        oracles=ORACLES if oracle is None else (oracle,),
        deadline=deadline,
    )
    cases = _cases(instance, figures, flag("failures", failures))
    for name, case in cases.items():
        if case.stuck is None:
            solve_case(case, search)
        if name is None and not case.decisions:
            break
    table = TableWriter(instance, figures, search, cases).table()
    return changed(table, runtime_s=time.perf_counter() - started)


def _cases(
    instance: Instance, figures: tuple[Figure, ...], failures: bool
) -> dict[str | None, TableCase]:
    """The whole network under None, and by name each node whose failure leaves the sources."""
    cases: dict[str | None, TableCase] = {None: TableCase(instance=instance, figures=figures)}
    sources = {task.source for task in instance.tasks}
    for node in instance.nodes if failures else ():
        if node.name in sources:
            continue
        try:
            rest = instance.without_node(node.name)
        except ValueError as error:  # it gets results, or is the only one
            gone = Answer(None, infeasible=True, reason=str(error))
            cases[node.name] = TableCase(instance=instance, figures=(), stuck=gone)
            continue
        left = tuple(f for f in figures if node.name not in (f.node, *(f.link or ())))
        cases[node.name] = TableCase(instance=rest, figures=left)
    return cases
