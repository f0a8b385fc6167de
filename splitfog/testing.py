"""The contract of every solver, to hold your own to: `check_solver(info)` in a test.

A plan is feasible and costs what the reference says; its bound and status are consistent, and true
beside the best of all placements; the instance is left as it was; and the same seed gives the same
plan. A solver may decline, with a reason.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from math import inf
from typing import Any

from splitfog.formulations.evaluation.evaluate import evaluate, violations
from splitfog.formulations.objective import OBJECTIVES, Objective, flipped, objective_for
from splitfog.formulations.plan import OPTIMALITY_GAP, Plan, encode_plan
from splitfog.formulations.tolerances import EQUAL
from splitfog.instances.arguments import number
from splitfog.instances.instance import Instance, encode_instance
from splitfog.instances.records import Layer, Link, Model, Node, Task, Window, changed
from splitfog.solvers.base import SolverDeclined, WrongAnswer
from splitfog.solvers.declare import SolverInfo
from splitfog.solvers.functions import Function
from splitfog.solvers.plugins import declaration_faults
from splitfog.solvers.registry import parse_options
from splitfog.solvers.solve import info_of, solve

SECONDS = 20.0
"""Of each run at most."""


def check_solver(
    solver: SolverInfo | Function | str,
    time_limit_s: float = SECONDS,
    options: dict[str, Any] | None = None,
) -> int:
    """Hold a solver to the contract on small instances, for every objective it declares.

    Parameters
    ----------
    solver
        What it declares, the name by which it is registered, or a function as `solve` takes it.
        A declaration whose entry is relative to its package must be registered.
    time_limit_s
        Of each run, of which there are some dozens.
    options
        The solver's own.

    Returns
    -------
    int
        How many plans were checked. The rest of the runs was declined.

    Raises
    ------
    AssertionError
        Naming instance, objective and what is not kept; also where the solver declines everything.

    Examples
    --------
    >>> from splitfog.testing import check_solver
    >>> check_solver("device-only") > 10
    True
    """
    time_limit_s = number("time_limit_s", time_limit_s, above=0, endless=True)
    info = _found(solver)
    faults = declaration_faults(info)
    _require(not faults, *faults)
    for name, option in info.options.items():
        if option.default is not None:
            option.parse(name, option.default)
    parse_options(info, {} if options is None else options)
    how: dict[str, Any] = {"time_limit_s": time_limit_s, "options": options}
    checked = 0
    for instance, objective in small_problems(info):
        try:
            plan = solved(instance, info, objective=objective, **how)
            if plan is not None:
                checked += 1
                optimum = _optimum(instance, objective)
                if optimum is not None:
                    check_against_optimum(plan, optimum)
        except Exception as error:
            bug = "" if isinstance(error, AssertionError) else f"{type(error).__name__}: "
            at = f"{info.name} on {instance.name}, {objective}"
            raise AssertionError(f"{at}: {bug}{error}") from error
    _require(checked > 0, f"{info.name} declines every small instance")
    return checked


def _found(solver: SolverInfo | Function | str) -> SolverInfo:
    info = info_of(solver)
    relative = isinstance(info.entry, str) and info.entry.startswith(".")
    return info_of(info.name) if relative else info


def solved(instance: Instance, solver: str | Function | SolverInfo, **how: Any) -> Plan | None:
    """The plan of a solver, held to the contract.

    Parameters
    ----------
    instance, solver, **how
        As for `solve`.

    Returns
    -------
    Plan or None
        None where the solver declines with a reason.

    Raises
    ------
    AssertionError
        Saying what is not kept.
    """
    before = encode_instance(instance)
    with _strictly():
        try:
            plan = solve(instance, solver, **how)
        except SolverDeclined as declined:
            _require(bool(declined.reason), "it declines without a reason")
            return None
        except WrongAnswer as error:
            raise AssertionError(str(error)) from error
        _require(encode_instance(instance) == before, "the instance was changed")
        check_plan(instance, plan)
        again = solve(instance, solver, **how)
    same = again.without_times() == plan.without_times()
    _require(same, "the same seed gives another plan")
    return plan


def check_plan(instance: Instance, plan: Plan) -> None:
    """Hold a plan to be feasible, its value the reference cost, its bound and status consistent.

    Parameters
    ----------
    instance, plan
        The plan that a solver gave for the instance.

    Raises
    ------
    AssertionError
        Saying what is not so.
    """
    _require(plan.instance_sha256 == instance.sha256, "the plan is for another instance")
    _require(bool(encode_plan(plan)), "the plan cannot be written")
    if plan.status in ("infeasible", "unknown"):
        _require(plan.value is None, f"value = {plan.value!r} with status {plan.status}")
        _require(plan.tasks == (), f"there are tasks with status {plan.status}")
        return
    _require(plan.status in ("optimal", "feasible"), f"status {plan.status}: {plan.reason}")
    broken = violations(instance, plan)
    _require(not broken, *broken)
    cost = float(evaluate(instance, plan))
    _require(plan.value == cost, f"value = {plan.value!r}, must be {cost!r}")
    if plan.bound is None:
        _require(plan.gap is None, f"gap = {plan.gap!r} without a bound")
        _require(plan.status == "feasible", f"status {plan.status} without a bound")
    else:
        name, bound = plan.objective.name, plan.bound
        is_bound = (flipped(name, bound) or 0.0) <= (flipped(name, cost) or 0.0)
        _require(bound >= 0 and is_bound, f"bound {bound!r} of value {cost!r}")
        gap = inf if plan.gap is None else plan.gap
        _require(
            (plan.status == "optimal") == (gap <= OPTIMALITY_GAP), f"{plan.status} with gap {gap!r}"
        )


def check_against_optimum(plan: Plan, optimum: float) -> None:
    """Hold what a plan claims to the best value of all placements.

    A plan with slices may be better than any placement.

    Parameters
    ----------
    plan
        Of any solver.
    optimum
        Seconds; inf: no placement is feasible. Not of `throughput`.

    Raises
    ------
    AssertionError
        Saying what contradicts it.
    """
    beside = f"beside the best placement of all, {optimum!r}"
    value, bound = plan.value, plan.lower_bound
    if value is not None and not any(entry.stages for entry in plan.tasks):
        _require(value >= optimum * (1 - EQUAL), f"value {value!r} {beside}")
    if bound is not None and _speaks_of_placements(plan):
        _require(bound <= optimum * (1 + EQUAL), f"bound {bound!r} {beside}")
    if plan.status == "optimal" and _speaks_of_placements(plan):
        least = optimum * (1 + OPTIMALITY_GAP + EQUAL)
        _require(value is not None and value <= least, f"optimal at {value!r} {beside}")
    if plan.status == "infeasible":
        _require(optimum == inf, f"infeasible {beside}")


def _speaks_of_placements(plan: Plan) -> bool:
    """Whether the plan's proof is about all placements, not about a part of them."""
    return plan.proven_over in (None, "all", "placements")


def small_instances() -> Iterator[Instance]:
    """Instances of a few layers and nodes on which every rule of the model binds somewhere.

    Yields
    ------
    Instance
    """
    chain, diamond = _model("chain", (("a", ("in",)), ("b", ("a",)), ("c", ("b",)))), _diamond()
    yield _on_tiers("chain", chain)
    yield _on_tiers("diamond", diamond)
    tight = _on_tiers("tight", diamond)
    yield changed(tight, nodes=tuple(_with_room(node) for node in tight.nodes))
    none = _on_tiers("no-room", chain)
    yield changed(none, nodes=tuple(changed(n, memory_bytes=0.5e6) for n in none.nodes))
    yield _on_tiers("two-fogs", diamond, fogs=2)
    yield _streams(_on_tiers("streams", chain), 2)
    yield _delayed(_on_tiers("delays", diamond, fogs=2))
    yield _linked(_on_tiers("images", _convolutions(), fogs=2))
    images = _linked(_on_tiers("images-in-streams", _convolutions(), fogs=2))
    yield _streams(images, 2)
    yield _streams(_delayed(changed(images, name="delayed-images")), 2)


def small_problems(info: SolverInfo) -> Iterator[tuple[Instance, Objective]]:
    """The small instances, each with the objectives that a solver declares to minimise.

    Parameters
    ----------
    info
        What the solver declares.

    Yields
    ------
    (Instance, Objective)
        Monotone and not.
    """
    for instance in small_instances():
        for name in OBJECTIVES:
            if name in info.objectives:
                for monotone in (True, False):
                    try:
                        yield instance, objective_for(instance, name, monotone=monotone)
                    except ValueError:  # an objective that the instance excludes
                        break


def _model(name: str, layers: tuple[tuple[str, tuple[str, ...]], ...]) -> Model:
    """Layers of rising work and falling output after an input of 1 MB."""
    return Model(
        name=name,
        layers=(
            Layer(name="in", op="input", output_bytes=1e6),
            *(
                Layer(
                    name=layer,
                    op="other",
                    inputs=inputs,
                    flops=2e8 * at,
                    weight_bytes=1e6,
                    output_bytes=1e6 / (at + 1),
                )
                for at, (layer, inputs) in enumerate(layers, start=1)
            ),
        ),
    )


def _diamond() -> Model:
    sides = (("left", ("in",)), ("right", ("in",)), ("end", ("left", "right")))
    return _model("diamond", sides)


def _convolutions() -> Model:
    """Two layers that can be sliced, of 16 x 16 outputs."""
    names = ("in", "first", "second")
    window = Window(kernel=(3, 3), padding=(1, 1, 1, 1))
    return Model(
        name="convolutions",
        layers=tuple(
            Layer(
                name=name,
                op="conv" if at else "input",
                inputs=names[at - 1 : at] if at else (),
                flops=8e8 if at else 0.0,
                weight_bytes=1e6 if at else 0.0,
                output_bytes=3e5,
                output_shape=(1, 16, 16),
                window=window if at else None,
            )
            for at, name in enumerate(names)
        ),
    )


def _linked(instance: Instance) -> Instance:
    """Its first two fog nodes next to each other, so that slicing pays."""
    near = Link(tail="fog0", head="fog1", bandwidth_bps=1e9, latency_s=0.0001)
    return changed(instance, links=(*instance.links, near))


def _delayed(instance: Instance) -> Instance:
    """The same with delays on its links, each another."""
    links = (changed(link, delay_s=0.003 * at) for at, link in enumerate(instance.links))
    return changed(instance, links=tuple(links))


def _on_tiers(name: str, model: Model, fogs: int = 1) -> Instance:
    """One task on a device, fog nodes and a cloud, all linked in a line of tiers."""
    near = [f"fog{i}" for i in range(fogs)]
    return Instance(
        name=name,
        tiers=("device", "fog", "cloud"),
        nodes=(
            Node(name="device", tier="device", speed_flops=1e9),
            *(Node(name=fog, tier="fog", speed_flops=4e9 - i * 1e9) for i, fog in enumerate(near)),
            Node(name="cloud", tier="cloud", speed_flops=5e10),
        ),
        links=(
            *(Link(tail="device", head=f, bandwidth_bps=4e7, latency_s=0.002) for f in near),
            *(Link(tail=f, head="cloud", bandwidth_bps=1e7, latency_s=0.02) for f in near),
        ),
        models=(model,),
        tasks=(Task(name="task", model=model.name, source="device"),),
    )


def _with_room(node: Node) -> Node:
    """A node for the weights of one layer, or in the cloud of two."""
    return changed(node, memory_bytes=2e6 if node.tier == "cloud" else 1e6)


def _streams(instance: Instance, count: int) -> Instance:
    """So many tasks with arrivals in the place of one."""
    (task,) = instance.tasks
    names = [f"{task.name}{i}" for i in range(count)]
    tasks = tuple(changed(task, name=name, arrivals_per_s=0.4) for name in names)
    return changed(instance, tasks=tasks)


def _optimum(instance: Instance, objective: Objective) -> float | None:
    """The least value over all placements, inf if none is feasible; None: too many to try."""
    try:
        plan = solve(instance, "brute-force", objective)
    except SolverDeclined:
        return None
    return inf if plan.value is None else plan.value


@contextmanager
def _strictly() -> Iterator[None]:
    """Refuted claims and infeasible decisions raise, instead of being corrected."""
    before = os.environ.get("SPLITFOG_STRICT")
    os.environ["SPLITFOG_STRICT"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["SPLITFOG_STRICT"]
        else:
            os.environ["SPLITFOG_STRICT"] = before


def _require(holds: bool, *otherwise: str) -> None:
    if not holds:
        raise AssertionError("; ".join(otherwise))
