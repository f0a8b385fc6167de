"""The linear program over columns (node, set of subtasks) and layouts of stages (ours).

A column's waits are exact, so the program is a plain set partition, joined over nodes only by
the latencies of stages with several slices, the barriers, and by links that might be overloaded. A
barrier chooses one of its `layouts`, whose parts the columns have, and whose time is no less than
what the visits of its parts take there.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np

from splitfog.formulations.deadline import NEVER, Deadline
from splitfog.formulations.offloading.assignment import Assignments
from splitfog.formulations.offloading.node_sets import node_sets
from splitfog.formulations.tolerances import BOUND_SLACK
from splitfog.instances.arrays import Flags, Floats, Integers
from splitfog.solvers.offloading.layouts import layouts_of, part_numbers
from splitfog.solvers.offloading.pricing import NodeColumns, barriers_of

Layout = tuple[int, int]
"""(barrier, position among its layouts)."""
Column = tuple[int, tuple[int, ...]]
"""(node, positions of the offers that its set takes)."""


@dataclass(frozen=True)
class Links:
    """Links that some assignment may overload: load [links, K, N], and room [links] left."""

    load: Floats
    room: Floats


def overloadable_links(assignments: Assignments) -> Links:
    """The links that the worst of all assignments would load to 1 or more."""
    use, (count, nodes) = assignments.links, assignments.subtasks.service_s.shape
    load = np.zeros((len(use.base_load), count, nodes))
    for leg in np.flatnonzero(use.rate[use.subtask] > 0).tolist():
        links = use.table[use.row[leg]]
        seconds = use.busy_s(links, use.size[leg])
        node, hop = np.nonzero(links >= 0)
        subtask = use.subtask[leg]
        np.add.at(load, (links[node, hop], subtask, node), use.rate[subtask] * seconds[node, hop])
    kept = use.base_load + load.max(axis=2).sum(axis=1) >= 1
    return Links(load[kept], 1 - use.base_load[kept])


def _floor_s(assignments: Assignments) -> float:
    """Seconds that no assignment's value is below, without waits; 1 if that is nothing."""
    subtasks, least = assignments.subtasks, np.zeros(assignments.num_groups)
    shortest = subtasks.alone_s().min(axis=1, initial=inf)
    np.maximum.at(least, subtasks.group, np.where(shortest < inf, shortest, 0.0))
    floor = float(assignments.weight @ subtasks.base_s)
    floor += float(assignments.weight[assignments.group_task] @ least)
    return floor if 0 < floor < inf else 1.0


@dataclass(frozen=True)
class Rows:
    """Where the rows are: subtasks, nodes, barriers, parts twice, links."""

    count: int
    nodes: int
    barriers: int
    parts: int

    @property
    def stage(self) -> int:
        """The first of the rows that give a barrier a layout."""
        return self.count + self.nodes

    @property
    def part(self) -> int:
        """The first of the rows that have parts on nodes where layouts have them."""
        return self.stage + self.barriers

    @property
    def time(self) -> int:
        """The first of the rows that keep visits of parts within the time of layouts."""
        return self.part + self.parts

    @property
    def link(self) -> int:
        """The first of the rows of links' loads."""
        return self.time + self.parts


@dataclass
class Master:
    """The linear program over the columns made so far; costs are in units of `unit_s`.

    `may` [K, N]: where subtasks may be, of where they are allowed; None: anywhere. `places` [K, N]:
    where they can be.
    """

    assignments: Assignments
    value: float
    deadline: Deadline = NEVER
    may: Flags | None = None

    def __post_init__(self) -> None:
        own = self.assignments
        self.unit_s = self.value if self.value < inf else _floor_s(own)
        self.cutoff = self.value / self.unit_s
        sets = node_sets(own, self.may)
        self.barriers = barriers_of(own, sets, own.weight[own.group_task] / self.unit_s)
        links = overloadable_links(own)
        self.room = links.room
        stays = [own_sets.stay_weight / self.unit_s for own_sets in sets]
        numbers, count = part_numbers(sets, self.barriers)
        self.nodes = []
        for each, parts, stay in zip(sets, numbers, stays, strict=True):
            self.deadline.check("the columns of all nodes")
            load = links.load[:, :, each.node]
            self.nodes.append(NodeColumns(each, self.barriers, parts, (load, self.room), stay))
        self.layouts = layouts_of(own, self.nodes, self.barriers)
        self.constant = float(own.weight @ own.subtasks.base_s) / self.unit_s
        least = (each.least_wait_s for each in sets)
        self.constant += sum(stay * wait_s for stay, wait_s in zip(stays, least, strict=True))
        self.constant += float(self.barriers.least @ self.barriers.is_barrier)
        for node in self.nodes:  # sets that alone are too dear would bring wide coefficients
            node.dearest = self.cutoff - self.constant + BOUND_SLACK
        self.lone = ~self.barriers.is_barrier[own.subtasks.group]
        self.places = np.stack([own_sets.holds.any(axis=0) for own_sets in sets], axis=1)
        self.rows = Rows(len(self.lone), own.num_nodes, len(self.layouts), count)

    def seconds(self, amount: float) -> float:
        """An amount in seconds, rounded down."""
        return amount * self.unit_s - BOUND_SLACK * abs(amount * self.unit_s)

    def columns_of(self, assignment: Integers) -> list[Column]:
        """The columns of an assignment, of nodes that have something."""
        nodes = np.unique(assignment).tolist()
        return [self.column(node, np.flatnonzero(assignment == node)) for node in nodes]

    def layouts_of(self, assignment: Integers) -> list[Layout]:
        """The layouts of an assignment."""
        pairs = enumerate(own.of(assignment).tolist() for own in self.layouts)
        return [(barrier, at) for barrier, found in pairs for at in found]

    def column(self, node: int, subtasks: Integers) -> Column:
        """A node with exactly these subtasks, all of which may be there."""
        return column_of(self.nodes[node], self.nodes[node].sets.take(subtasks))

    def cost(self, column: Column) -> float:
        """What a column costs beside the barriers."""
        return float(self.nodes[column[0]].costs(self.taken(column)[None])[0])

    def taken(self, column: Column) -> Flags:
        """[J]: the offers that its set takes."""
        taken = np.zeros(len(self.nodes[column[0]].fixed), bool)
        taken[list(column[1])] = True
        return taken

    def held(self, column: Column) -> Integers:
        """The subtasks of a column."""
        sets = self.nodes[column[0]].sets
        return np.flatnonzero(sets.holds[list(column[1])].any(axis=0))

    def terms(self, column: Column) -> list[tuple[int, float]]:
        """(row, coefficient) of a column: its node, subtasks, parts and links."""
        node, taken = column[0], self.taken(column)
        own, rows, held = self.nodes[node], self.rows, self.held(column)
        terms = [(rows.count + node, 1.0), *((k, 1.0) for k in held[self.lone[held]].tolist())]
        for part, visit in own.visits(taken):
            terms += [(rows.part + part, 1.0), (rows.time + part, -visit)]
        loads = own.load[taken].sum(axis=0)
        return terms + [(rows.link + i, load) for i, load in enumerate(loads.tolist()) if load]

    def level(self, layout: Layout) -> float:
        """What a layout costs."""
        return float(self.layouts[layout[0]].level[layout[1]])

    def layout_terms(self, layout: Layout) -> list[tuple[int, float]]:
        """(row, coefficient) of a layout: its barrier, the places of its parts and their time."""
        (barrier, at), rows = layout, self.rows
        spare = self.layouts[barrier].spare[at].tolist()
        terms = [(rows.stage + barrier, 1.0)]
        for part, spare_s in zip(self.layouts[barrier].parts[at].tolist(), spare, strict=True):
            if part >= 0:
                terms += [(rows.part + part, -1.0), (rows.time + part, spare_s)]
        return terms

    def longer_terms(self, layout: Layout) -> list[tuple[int, float]]:
        """(row, coefficient) of more time for a layout, at 1 a unit."""
        parts = self.layouts[layout[0]].parts[layout[1]].tolist()
        return [(self.rows.time + part, 1.0) for part in parts if part >= 0]

    def limits(self) -> list[tuple[float, float]]:
        """(lower, upper) of every row in order."""
        rows = self.rows
        limits = [(1.0 if lone else 0.0, inf) for lone in self.lone.tolist()]
        limits += [(-inf, 1.0)] * rows.nodes + [(1.0, inf)] * rows.barriers
        limits += [(0.0, inf)] * (2 * rows.parts)
        return limits + [(-inf, float(room)) for room in self.room]


def column_of(own: NodeColumns, taken: Flags) -> Column:
    """A set of a node's offers, [J], as a column."""
    return own.sets.node, tuple(np.flatnonzero(taken).tolist())
