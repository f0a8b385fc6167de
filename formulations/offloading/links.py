"""Which directed links an assignment of subtasks loads, and how much (docs/costs.md)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from splitfog.formulations.arrays.task import task_arrays
from splitfog.formulations.costs.routes import Routes, routes_of
from splitfog.formulations.offloading.subtasks import Subtasks, moving_tensors, run_layers
from splitfog.instances.arrays import Integers, Seconds


@dataclass(frozen=True, eq=False, kw_only=True)
class LinkUse:
    """Every tensor that moves with a subtask, as legs over links, which it occupies.

    Leg e carries `size` [E] bytes of subtask `subtask` [E] over the links
    `table[row[e], node of the subtask]` [rows, N, hops], padded with -1. `base_load` [links] is
    the load of what stays where the template has it. The first legs are of slices, two each: in and
    out.
    """

    subtask: Integers
    row: Integers
    size: Seconds
    table: NDArray[np.int32]
    rate: Seconds
    latency_s: Seconds
    seconds_per_byte: Seconds
    delay_s: Seconds
    base_load: Seconds

    def busy_s(self, links: NDArray[np.integer], size: ArrayLike) -> Seconds:
        """Seconds that links [..., hops] carry `size` [...] bytes; 0 for -1."""
        sizes = np.asarray(size)[..., None]
        seconds = self.latency_s[links] + sizes * self.seconds_per_byte[links]
        return np.where(links >= 0, seconds, 0.0)

    def load(self, assignment: Integers) -> Seconds:
        """[links]: rate times seconds of all that crosses; O(E hops)."""
        links = self.table[self.row, assignment[self.subtask]]
        used = links >= 0
        loads = (self.rate[self.subtask][:, None] * self.busy_s(links, self.size))[used]
        return self.base_load + np.bincount(links[used], loads, len(self.base_load))


def link_use(subtasks: Subtasks) -> LinkUse:
    """The legs of all subtasks. O(K + rows N hops), and a tree per node for tensors that fork."""
    legs = _Legs(subtasks)
    for subtask, home in enumerate(subtasks.home.tolist()):
        if home >= 0:
            legs.add(subtask, _from(home), subtasks.input_bytes[subtask])
            legs.add(subtask, _to(home), subtasks.output_bytes[subtask])
    runs = {int(subtasks.task[k]): int(k) for k in np.flatnonzero(subtasks.is_run)}
    for task in range(len(subtasks.instance.tasks)):
        legs.add_unsliced(task, runs.get(task, -1))
    return legs.finished()


Row = tuple[str, int, frozenset[int]]


def _from(home: int) -> Row:
    return "from", home, frozenset()


def _to(leaf: int) -> Row:
    return "to", -1, frozenset([leaf])


@dataclass
class _Legs:
    """Collects legs; rows of the table are shared by all that go the same ways."""

    subtasks: Subtasks
    legs: list[tuple[int, int, float]] = field(default_factory=list)
    rows: dict[Row, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.routes = routes_of(self.subtasks.instance)
        self.base_load = np.zeros(len(self.routes.links))

    def add(self, subtask: int, row: Row, size: float) -> None:
        """One leg."""
        self.legs.append((subtask, self.rows.setdefault(row, len(self.rows)), float(size)))

    def add_unsliced(self, task: int, subtask: int) -> None:
        """The tensors of a task's unsliced layers; `subtask` is its run, -1 for none."""
        subtasks = self.subtasks
        arrays, answer = task_arrays(subtasks.instance, task), subtasks.template.tasks[task]
        run = run_layers(subtasks.instance, task, answer) if subtask >= 0 else []
        inside = set(run)
        once = subtasks.objective.transfers == "once"
        for tensor in moving_tensors(arrays, answer, run):
            readers = arrays.model.reads[tensor]
            home, size = int(answer.placement[tensor]), float(arrays.output_bytes[tensor])
            others = [int(answer.placement[r]) for r in readers if r not in inside]
            moving = sum(reader in inside for reader in readers)
            if arrays.results_to is not None and arrays.model.results[tensor]:
                others.append(arrays.results_to)
            split = [frozenset(others)] if once else [frozenset([node]) for node in others]
            if tensor in inside:
                for leaves in filter(None, split):
                    self.add(subtask, ("to", -1, leaves), size)
                continue
            for leaves in split:
                self._add_base(task, home, leaves, size)
            if moving:
                beside = frozenset(others) - {home} if once else frozenset()
                for _ in range(1 if once else moving):
                    self.add(subtask, ("from", home, beside), size)

    def _add_base(self, task: int, home: int, leaves: frozenset[int], size: float) -> None:
        rate = self.subtasks.instance.tasks[task].arrivals_per_s or 0.0
        for link in self.routes.tree(home, set(leaves)) or ():
            self.base_load[link] += rate * self.routes.links[link].busy_seconds(size)

    def finished(self) -> LinkUse:
        """The legs as arrays."""
        links = self.routes.links
        columns = list(zip(*self.legs, strict=True)) or [(), (), ()]
        return LinkUse(
            subtask=np.array(columns[0], np.int64),
            row=np.array(columns[1], np.int64),
            size=np.array(columns[2], np.float64),
            table=_table(self.routes, list(self.rows)),
            rate=self.subtasks.rate,
            latency_s=np.array([link.latency_s for link in links]),
            seconds_per_byte=np.array([8 / link.bandwidth_bps for link in links]),
            delay_s=np.array([link.delay_s for link in links]),
            base_load=self.base_load,
        )


def _table(routes: Routes, rows: list[Row]) -> NDArray[np.int32]:
    """[rows, N, hops]: links that a tensor crosses because of a subtask on each node."""
    parts = [_row_links(routes, row) for row in rows]
    hops = max((part.shape[1] for part in parts), default=0)
    table = np.full((len(rows), routes.num_nodes, hops), -1, np.int32)
    for entry, part in zip(table, parts, strict=True):
        entry[:, : part.shape[1]] = part
    return table


def _row_links(routes: Routes, row: Row) -> NDArray[np.int64]:
    kind, home, leaves = row
    if kind == "from" and not leaves:
        return routes.paths(home, np.arange(routes.num_nodes))
    if kind == "to" and len(leaves) == 1:
        return routes.paths(np.arange(routes.num_nodes), next(iter(leaves)))
    before = set(routes.tree(home, set(leaves)) or ()) if kind == "from" else set()

    def crossed(node: int) -> set[int]:
        tree = (
            routes.tree(home, {*leaves, node}) if kind == "from" else routes.tree(node, {*leaves})
        )
        return set(tree or ()) - before

    return _padded(routes.num_nodes, crossed)


def _padded(count: int, links_of: Callable[[int], set[int]]) -> NDArray[np.int64]:
    lists = [sorted(links_of(node)) for node in range(count)]
    padded = np.full((count, max(map(len, lists), default=0)), -1)
    for row, links in zip(padded, lists, strict=True):
        row[: len(links)] = links
    return padded
