"""What was found in all cases of a plan table, written as one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from splitfog.formulations.decision import Decision, placed
from splitfog.formulations.parametric.decision_plane import decision_plane
from splitfog.formulations.parametric.figure import Figure
from splitfog.formulations.parametric.plan_table import (
    CrossedLink,
    FailureTable,
    HeldWeights,
    PlanTable,
)
from splitfog.formulations.parametric.planes import Cell, Plane, Side
from splitfog.instances.instance import Instance
from splitfog.instances.records import Link, changed
from splitfog.solvers.parametric.table_cases import Search, TableCase, has_own_routes

Placement = Mapping[str, Mapping[str, str]]
"""{task: {layer: node}}"""


class TableWriter:
    """What was found in all cases as one table: plans are numbered once, by the whole instance."""

    def __init__(
        self,
        instance: Instance,
        figures: tuple[Figure, ...],
        search: Search,
        cases: Mapping[str | None, TableCase],
    ) -> None:
        self.instance, self.figures, self.search, self.cases = instance, figures, search, cases
        placements = [placement for case in cases.values() for placement in placements_of(case)]
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

    def _surface(self, case: TableCase) -> dict[str, Any]:
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
        latency = {(link.tail, link.head): link.latency_s for link in own}
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
        return {
            node.name: HeldWeights(
                weight_bytes=joint_weights(self.instance, self.placements, node.name),
                memory_bytes=node.memory_bytes,
            )
            for node in self.instance.nodes
        }


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
    held = (layers[name][at].weight_bytes for name, ats in owners.items() for at in sorted(ats))
    return float(sum(held))


def _both(link: Link) -> Iterator[tuple[str, str]]:
    yield link.tail, link.head
    yield link.head, link.tail


def placements_of(case: TableCase) -> Iterator[dict[str, dict[str, str]]]:
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
