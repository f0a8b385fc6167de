"""`plan_table`: the best plan for all values of several bandwidths and loads at once."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from splitfog.formulations.costs.feasibility import memory_bytes
from splitfog.formulations.deadline import NEVER, Deadline
from splitfog.formulations.decision import Decision, placed
from splitfog.formulations.objective import Objective, objective_for
from splitfog.formulations.parametric.decision_plane import decision_plane
from splitfog.formulations.parametric.figure import Figure
from splitfog.formulations.parametric.plan_table import (
    CrossedLink,
    FailureTable,
    HeldWeights,
    PlanTable,
)
from splitfog.formulations.parametric.planes import Cell, Plane, Side
from splitfog.formulations.parametric.vary import figures_for
from splitfog.instances.arguments import choice, flag, number, wrong
from splitfog.instances.files import GivenInstance, instance_of
from splitfog.instances.instance import Instance
from splitfog.instances.records import changed
from splitfog.solvers.base import Answer, Solver, SolverDeclined
from splitfog.solvers.parametric.table_cases import ORACLES, Case, Search, has_own_routes, solve_case


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
        Seconds after which the search ends with the plans found.

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
    instance = instance_of(instance)
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
    table = _Writer(instance, figures, search, cases).table()
    return changed(table, runtime_s=time.perf_counter() - started)


def _cases(
    instance: Instance, figures: tuple[Figure, ...], failures: bool
) -> dict[str | None, Case]:
    """The whole network under None, and by name each node whose failure leaves the sources."""
    cases: dict[str | None, Case] = {None: Case(instance, figures)}
    sources = {task.source for task in instance.tasks}
    for node in instance.nodes if failures else ():
        if node.name in sources:
            continue
        try:
            rest = instance.without_node(node.name)
        except ValueError as error:  # it gets results, or is the only one
            gone = Answer(None, infeasible=True, reason=str(error))
            cases[node.name] = Case(instance, (), stuck=gone)
            continue
        left = tuple(f for f in figures if node.name not in (f.node, *(f.link or ())))
        cases[node.name] = Case(rest, left)
    return cases


class _Writer:
    """What was found in all cases as one table: plans are numbered once, by the whole instance."""

    def __init__(
        self,
        instance: Instance,
        figures: tuple[Figure, ...],
        search: Search,
        cases: Mapping[str | None, Case],
    ) -> None:
        self.instance, self.figures, self.search, self.cases = instance, figures, search, cases
        placements = [placement for case in cases.values() for placement in _placements(case)]
        self.placements = list({_key(one): one for one in placements}.values())
        self.links: dict[tuple[str, str], int] = {}

    def table(self) -> PlanTable:
        """The table, in seconds 0."""
        written = {name: self._surface(case) for name, case in self.cases.items()}
        whole = written.pop(None)
        return PlanTable(
            instance=self.instance.name,
            instance_sha256=self.instance.sha256,
            objective=self.search.objective,
            figures=self.figures,
            routes=self.search.routes,  # type: ignore[arg-type]
            epsilon=self.search.epsilon,
            placements=tuple(self.placements),
            links=self._crossed_links(),
            held=self._held(),
            failures={
                str(name): FailureTable(**self._padded(claims)) for name, claims in written.items()
            },
            **self._padded(whole),
        )

    def _surface(self, case: Case) -> dict[str, Any]:
        """Claims of a case and the planes of all plans in its cells."""
        claims = case.claims(self.search.epsilon)
        if not case.decisions:
            return claims
        axes = [self.figures.index(figure) for figure in case.figures]
        decisions = [_decision(case.instance, one) for one in self.placements]
        claims["cells"] = tuple(
            Cell(
                sides=tuple(self._side(side, axes) for side in cell.sides),
                planes=self._planes(cell.instance, decisions),
            )
            for cell in case.cells
        )
        if not has_own_routes(case):
            claims["own"] = self._planes(case.instance, decisions)
        return claims

    def _side(self, side: Side, axes: Sequence[int]) -> Side:
        """A side of a case's figures in those of the table."""
        normal = [0.0] * len(self.figures)
        for axis, slope in zip(axes, side.normal, strict=True):
            normal[axis] = slope
        return changed(side, normal=tuple(normal))

    def _planes(
        self, instance: Instance, decisions: Sequence[Decision | None]
    ) -> tuple[Plane | None, ...]:
        return tuple(None if one is None else self._plane(instance, one) for one in decisions)

    def _plane(self, instance: Instance, decision: Decision) -> Plane | None:
        found = decision_plane(instance, decision, self.search.objective, self.figures)
        if found is None:
            return None
        plane, crossed = found
        names = [node.name for node in instance.nodes]
        counts: dict[int, float] = {}
        for position, count in crossed.items():
            link = instance.directed_links[position]
            at = self.links.setdefault((names[link.tail], names[link.head]), len(self.links))
            counts[at] = count / len(instance.tasks)
        crossings = tuple(counts.get(at, 0.0) for at in range(len(self.links)))
        return changed(plane, crossings=crossings)

    def _padded(self, claims: Mapping[str, Any]) -> dict[str, Any]:
        """Claims whose planes have an entry for each link of all."""

        def padded(planes: Sequence[Plane | None]) -> tuple[Plane | None, ...]:
            return tuple(plane and self._with_all_links(plane) for plane in planes)

        more: dict[str, Any] = {}
        if "cells" in claims:
            more["cells"] = tuple(changed(c, planes=padded(c.planes)) for c in claims["cells"])
        if "own" in claims:
            more["own"] = padded(claims["own"])
        return {**claims, **more}

    def _with_all_links(self, plane: Plane) -> Plane:
        missing = len(self.links) - len(plane.crossings)
        return changed(plane, crossings=(*plane.crossings, *[0.0] * missing))

    def _crossed_links(self) -> tuple[CrossedLink, ...]:
        index, own = self.instance.node_index, self.instance.directed_links
        latency = {(link.tail, link.head): link.seconds(0.0) for link in own}
        duplex = {ends for link in self.instance.links if link.duplex for ends in _both(link)}
        return tuple(
            CrossedLink(
                tail=tail,
                head=head,
                latency_s=latency[index[tail], index[head]],
                duplex=(tail, head) in duplex,
            )
            for tail, head in self.links
        )

    def _held(self) -> dict[str, HeldWeights]:
        """Every node's weights with all plans ready: those of a model once, whoever uses them."""
        held = np.zeros(len(self.instance.nodes))
        for position, name in enumerate(node.name for node in self.instance.nodes):
            held[position] = joint_weights(self.instance, self.placements, name)
        return {
            node.name: HeldWeights(weight_bytes=weight, memory_bytes=node.memory_bytes)
            for node, weight in zip(self.instance.nodes, held.tolist(), strict=True)
        }


Placement = Mapping[str, Mapping[str, str]]


def joint_weights(instance: Instance, placements: Sequence[Placement], node: str) -> float:
    """Bytes of the weights that a node needs to be ready for all of these placements."""
    owners: dict[str, set[int]] = {}
    for placement in placements:
        for task in instance.tasks:
            model = instance.model_of(task)
            here = [layer for layer, place in placement[task.name].items() if place == node]
            owners.setdefault(model.name, set()).update(
                int(model.weight_owner[model.index[layer]]) for layer in here
            )
    layers = {model.name: model.layers for model in instance.models}
    return sum(layers[name][at].weight_bytes for name, ats in owners.items() for at in sorted(ats))


def _both(link: Any) -> Iterator[tuple[str, str]]:
    yield link.tail, link.head
    yield link.head, link.tail


def _placements(case: Case) -> Iterator[dict[str, dict[str, str]]]:
    """The decisions of a case by names."""
    instance = case.instance
    names = [node.name for node in instance.nodes]
    for decision in case.decisions:
        yield {
            task.name: {
                layer.name: names[node]
                for layer, node in zip(
                    instance.model_of(task).layers, answer.placement.tolist(), strict=True
                )
            }
            for task, answer in zip(instance.tasks, decision.tasks, strict=True)
        }


def _key(placement: Placement) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(layers.values()) for layers in placement.values())


def _decision(instance: Instance, placement: Placement) -> Decision | None:
    """The decision of a placement; None where it needs a node that is gone."""
    index = instance.node_index
    if any(place not in index for layers in placement.values() for place in layers.values()):
        return None
    return placed(
        *([index[place] for place in placement[task.name].values()] for task in instance.tasks)
    )
