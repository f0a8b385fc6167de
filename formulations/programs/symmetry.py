"""Nodes that may be exchanged: of all programs' equal solutions, rows that keep one (ours)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.arrays.units import TaskUnits
from splitfog.formulations.costs.routes import routes_of
from splitfog.formulations.decision import Decision, placed
from splitfog.formulations.programs.placement import ABSENT, PlacementProgram
from splitfog.formulations.tolerances import BOUND_SLACK
from splitfog.instances.instance import Instance
from splitfog.instances.records import Node

Unit = tuple[int, int]
"""(task, unit)."""


def interchangeable_nodes(instance: Instance, units: tuple[TaskUnits, ...]) -> list[list[int]]:
    """Sets of at least two nodes any two of which may swap all they hold at the same cost.

    Sufficient: the same figures, times and permissions, the same links to every other node and
    between each other, and no route passes through one of them.
    """
    passed = _nodes_on_the_way(instance)
    costs = np.vstack([own.costs_s for own in units])
    links = _link_figures(instance)
    sets: list[list[int]] = []
    for node in range(len(instance.nodes)):
        if node in passed or _is_named(instance, node):
            continue
        for members in sets:
            one = members[0]
            if (
                _figures(instance.nodes[one]) == _figures(instance.nodes[node])
                and np.array_equal(costs[:, one], costs[:, node])
                and all(_may_swap(links, other, node) for other in members)
            ):
                members.append(node)
                break
        else:
            sets.append([node])
    return [members for members in sets if len(members) > 1]


def _figures(node: Node) -> tuple[str, float | None, bool]:
    """What a node brings to `latency` and `period` beside its layer times."""
    return node.tier, node.memory_bytes, node.overlap


def _is_named(instance: Instance, node: int) -> bool:
    """Whether a task's data are born or its results wanted at a node."""
    name = instance.nodes[node].name
    return any(name in (task.source, task.results_to) for task in instance.tasks)


def _nodes_on_the_way(instance: Instance) -> set[int]:
    routes, nodes = routes_of(instance), range(len(instance.nodes))
    return {
        instance.directed_links[link].head
        for tail in nodes
        for head in nodes
        for link in (routes.path(tail, head) or ())[:-1]
    }


def _link_figures(instance: Instance) -> NDArray[np.float64]:
    """[nodes, nodes, 3]: bandwidth, latency and delay of every directed link, -1 without one."""
    figures = np.full((len(instance.nodes), len(instance.nodes), 3), -1.0)
    for link in instance.directed_links:
        figures[link.tail, link.head] = link.bandwidth_bps, link.latency_s, link.delay_s
    return figures


def _may_swap(links: NDArray[np.float64], one: int, other: int) -> bool:
    """Whether exchanging two nodes maps every link onto an equal one."""
    order = np.arange(len(links))
    order[[one, other]] = other, one
    return bool(np.array_equal(links[np.ix_(order, order)], links))


@dataclass(frozen=True)
class SymmetryBreaking:
    """One solution of equal ones is kept for a set of interchangeable nodes.

    Units in `order` first appear on the nodes in file order: the j-th may be on the first j + 1
    nodes only. Where `crowd` is given, the first node is instead the one that holds most of it,
    `least` at least, and the others are in order of first appearance.
    """

    nodes: tuple[int, ...]
    order: tuple[Unit, ...]
    crowd: frozenset[Unit] = frozenset()
    least: int = 0

    def add_to(self, built: PlacementProgram) -> None:
        """Add the rows and bounds."""
        program = built.program
        fixed = 1 if self.crowd else 0
        for rank, (task, unit) in enumerate(self.order[: len(self.nodes)]):
            for node in self.nodes[rank + 1 + fixed :]:
                column = built.columns[task][unit, node]
                if column != ABSENT:
                    program.upper[column] = 0.0
        if self.crowd:
            first = [int(built.columns[task][unit, self.nodes[0]]) for task, unit in self.crowd]
            terms = [(column, 1.0) for column in sorted(first) if column != ABSENT]
            program.add_row(terms, lower=self.least)

    def relabelled(self, built: PlacementProgram, decision: Decision) -> Decision:
        """An equal decision that the rows keep."""
        node_of = {
            (task, unit): int(node)
            for task, (own, answer) in enumerate(zip(built.units, decision.tasks, strict=True))
            for unit, node in zip(own.unit_of.tolist(), answer.placement.tolist(), strict=True)
        }
        seen: dict[int, None] = {}
        if self.crowd:
            held = [sum(node_of[unit] == node for unit in self.crowd) for node in self.nodes]
            seen[self.nodes[held.index(max(held))]] = None
        seen |= dict.fromkeys(node_of[unit] for unit in self.order if node_of[unit] in self.nodes)
        seen |= dict.fromkeys(self.nodes)
        new = np.arange(len(built.instance.nodes))
        new[list(seen)] = self.nodes
        return placed(*(new[answer.placement] for answer in decision.tasks))


def symmetry_breaking(
    built: PlacementProgram, period_at_most_s: float | None
) -> list[SymmetryBreaking]:
    """For every set of interchangeable nodes, which solution is kept.

    Parameters
    ----------
    built
        The program.
    period_at_most_s
        For `period`, the value of a known decision (inf if none); for another objective None.
    """
    costs = np.vstack([own.costs_s for own in built.units])
    names = [(task, unit) for task, own in enumerate(built.units) for unit in range(own.num_units)]
    breakings = []
    for nodes in interchangeable_nodes(built.instance, built.units):
        times = np.where(np.isfinite(costs[:, nodes[0]]), costs[:, nodes[0]], -1.0)
        longest = np.argsort(-times, kind="stable")
        crowd, least = 0, 0
        if period_at_most_s is not None and period_at_most_s < np.inf:
            crowd, least = pigeonhole(costs, nodes, longest, period_at_most_s)
        breakings.append(
            SymmetryBreaking(
                tuple(nodes),
                tuple(names[i] for i in longest),
                frozenset(names[i] for i in longest[:crowd]),
                least,
            )
        )
    return breakings


def pigeonhole(
    costs: NDArray[np.float64],
    nodes: list[int],
    longest: NDArray[np.int64],
    at_most_s: float,
) -> tuple[int, int]:
    """(m, q): with period <= `at_most_s` some of equal nodes has q of the m longest units.

    Other nodes take only so many of them within that period; the rest are shared by the equal
    ones, and one has at least the mean. (m, q) makes the sum of the q shortest of the m largest,
    below which the period cannot be; (0, 0) where that is less than 0.9 of `at_most_s`.
    """
    others = np.setdiff1d(np.arange(costs.shape[1]), nodes)
    best, found = 0.9 * at_most_s, (0, 0)
    for count in range(1, len(longest) + 1):
        own = costs[longest[:count], nodes[0]]
        if not np.isfinite(own[-1]):
            break
        elsewhere = np.sort(costs[longest[:count]][:, others], axis=0).cumsum(axis=0)
        taken = int((elsewhere <= at_most_s * (1 + BOUND_SLACK)).sum())
        least = -(-(count - taken) // len(nodes))
        if least > 0 and (seconds := float(own[-least:].sum())) > best:
            best, found = seconds, (count, least)
    return found
