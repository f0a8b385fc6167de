"""The least of all plans of a small instance, by branch and bound over every one of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf

import numpy as np

from splitfog.formulations.costs.feasibility import decision_violations, memory_room
from splitfog.formulations.costs.reference import decision_cost
from splitfog.formulations.costs.routes import routes_of
from splitfog.formulations.decision import Decision, Stage, TaskDecision
from splitfog.formulations.objective import Objective
from splitfog.formulations.tiles.stage_shape import geometry_of
from splitfog.instances.arrays import Flags, Floats, Integers, frozen
from splitfog.instances.instance import Instance
from tests.cases.enumeration.answers import Answers, Layers, answers
from tests.cases.enumeration.slicings import Slicings, summed_slicings, timed_slicings

MOST_ROWS = 100_000
"""Combinations of slicings that are looked at together."""


FIRST = 4
"""Placements of every task by which a first plan is found, for the others to be below."""


class TooMany(Exception):
    """More combinations than the limit would have to be looked at."""


def least_plan(
    instance: Instance, objective: Objective, *, sliced: bool = True, limit: int = 2_000_000
) -> tuple[float, Decision | None]:
    """The least value of all plans, by the reference, and such a plan; inf and None: there is none.

    All placements, and if `sliced` with all sets of legal stages, from any home, cut into any
    rectangles on any nodes; for `latency` and `mean-latency` by `once`, not `monotone`. What other
    tasks and stages do can only make a wait longer, and a limit tighter: so what a choice takes
    alone bounds all plans that have it.

    Raises
    ------
    TooMany
        Beyond `limit` combinations.
    """
    assert objective.transfers == "once"
    assert not objective.monotone
    return _Search(instance, objective, sliced, limit).run()


@dataclass(frozen=True, eq=False, kw_only=True)
class _Cuts:
    """The slicings of a stage from a home, O of them, by what they take alone, ascending.

    `moved_s` [O, N] transfers both ways; `link_s` [O, links].
    """

    slicings: Slicings
    home: int
    serial: bool
    moved_s: Floats
    link_s: Floats
    least_s: Floats

    def seconds(self, rows: Integers, wait_s: Floats) -> Floats:
        """[C]: the stage's latency, of some slicings with the waits [C, N] at every node."""
        alone_s = self.slicings.alone_s[rows]
        if len(alone_s) and not np.isnan(alone_s[0]):
            return alone_s
        service_s, used = self.slicings.service_s[rows], self.slicings.count[rows] > 0
        served = np.where(service_s > 0, service_s + wait_s, 0.0)
        if self.serial:
            return np.asarray(self.moved_s[rows].sum(axis=1) + served.max(axis=1))
        return np.asarray(np.where(used, self.moved_s[rows] + served, 0.0).max(axis=1))


@dataclass(frozen=True, eq=False, kw_only=True)
class _Joint:
    """One placement of every task, and the stages that go with it, with all their slicings."""

    rows: list[tuple[Answers, int]]
    stages: list[tuple[int, Layers, _Cuts]]
    alone_s: float


class _Search:
    """The state: the best plan so far, and how many combinations have been looked at."""

    def __init__(self, instance: Instance, objective: Objective, sliced: bool, limit: int) -> None:
        self.instance, self.objective = instance, objective
        self.sliced, self.left = sliced, limit
        self.value = inf
        self.best: Decision | None = None
        rates = [task.arrivals_per_s or 0.0 for task in instance.tasks]
        streams = objective.name == "mean-latency" and any(rates)
        self.rates = np.array(rates if streams else [0.0] * len(rates))
        self.weights = np.array(rates if streams else [1.0] * len(rates))
        self.weights /= self.weights.sum()
        self.queues = objective.name == "mean-latency"
        quotas = [np.inf if n.quota is None else n.quota for n in instance.nodes]
        self.quotas = np.array(quotas) if self.queues else np.full(len(quotas), np.inf)
        self.sources = [
            None if task.source is None else instance.node_index[task.source]
            for task in instance.tasks
        ]
        self.cuts: dict[tuple[int, Layers, int], _Cuts] = {}
        self.summed: dict[tuple[str, Layers], Slicings] = {}

    def run(self) -> tuple[float, Decision | None]:
        """Joint placements by what they take alone, while that is below the best."""
        choices = [self._choices(task) for task in range(len(self.instance.tasks))]
        if not all(len(bounds) for bounds, _ in choices):
            return inf, None
        bounds = [own for own, _ in choices]
        self._ascend([own[:FIRST] for own in bounds], choices)
        self._ascend(bounds, choices)
        return self.value, self.best

    def _ascend(
        self, bounds: list[Floats], choices: list[tuple[Floats, list[tuple[Answers, int]]]]
    ) -> None:
        """Look at the joint placements of sorted lists in the order of their sums."""
        for at, alone_s in self._sums(bounds):
            if alone_s >= self.value:
                return
            rows = [choices[task][1][row] for task, row in enumerate(at)]
            stages = [
                (task, layers, self._cuts(task, layers, int(block.homes[row, k])))
                for task, (block, row) in enumerate(rows)
                for k, layers in enumerate(block.stages)
            ]
            self._look(_Joint(rows=rows, stages=stages, alone_s=alone_s))

    def _sums(self, bounds: list[Floats]) -> Iterator[tuple[tuple[int, ...], float]]:
        total = np.zeros(1)
        for at, own in enumerate(bounds):
            rest = sum(later[0] for later in bounds[at + 1 :])
            own = own[own + rest + total.min(initial=inf) < self.value]
            total = np.add.outer(total, own).ravel()
            bounds[at] = own
            self._spend(len(total))
        if not len(total):
            return
        shape = [len(own) for own in bounds]
        good = np.flatnonzero(total < self.value)
        for flat in good[np.argsort(total[good], kind="stable")].tolist():
            place = tuple(int(i) for i in np.unravel_index(flat, shape))
            yield place, float(total[flat])

    def _spend(self, number: int) -> None:
        self.left -= number
        if self.left < 0:
            raise TooMany

    def _choices(self, task: int) -> tuple[Floats, list[tuple[Answers, int]]]:
        """A task's placements by weighted seconds that they take alone, ascending."""
        bounds, rows = [], []
        for block in answers(self.instance, self.instance.tasks[task], self.sliced):
            visits = block.visit_s
            wait_s, possible = self._waits(
                self.rates[task] * visits,
                self.rates[task] * visits**2,
                block.link_s * self.rates[task],
            )
            possible &= self._guests(task, visits)
            alone_s = block.base_s + np.where(visits > 0, wait_s, 0.0).sum(axis=1)
            for k, layers in enumerate(block.stages):
                least = [
                    self._cuts(task, layers, home).least_s.min(initial=inf)
                    for home in range(len(self.instance.nodes))
                ]
                alone_s = alone_s + np.array(least)[block.homes[:, k]]
            good = np.flatnonzero(possible & np.isfinite(alone_s))
            bounds += (alone_s[good] * self.weights[task]).tolist()
            rows += [(block, int(row)) for row in good]
        order = np.argsort(bounds, kind="stable")
        return np.array(bounds)[order], [rows[at] for at in order.tolist()]

    def _guests(self, task: int, visits: Floats) -> Flags:
        """[P]: whether no node serves more foreign visits than its quota, of one task alone."""
        foreign = np.arange(visits.shape[1]) != self.sources[task]
        return np.asarray((((visits > 0) & foreign) <= self.quotas).all(axis=1))

    def _waits(self, rho: Floats, second: Floats, links: Floats) -> tuple[Floats, Flags]:
        """[C, N] waits, and [C] whether queues and links keep up."""
        possible = np.all(rho < 1, axis=1) & np.all(links < 1, axis=1)
        return second / (2 * np.maximum(1 - rho, 1e-300)), possible

    def _cuts(self, task: int, layers: Layers, home: int) -> _Cuts:
        """The slicings of a stage of a task from a home, kept."""
        if (task, layers, home) not in self.cuts:
            self.cuts[task, layers, home] = self._new_cuts(task, layers, home)
        return self.cuts[task, layers, home]

    def _new_cuts(self, task: int, layers: Layers, home: int) -> _Cuts:
        instance = self.instance
        model = instance.model_of(instance.tasks[task])
        geometry, routes = geometry_of(model, layers), routes_of(instance)
        may = [
            at
            for at, node in enumerate(instance.nodes)
            if all(model.layers[layer].may_run_on(node) for layer in layers)
            and geometry.weight_bytes <= memory_room(instance)[at]
        ]
        if self.queues:
            if (model.name, layers) not in self.summed:
                self.summed[model.name, layers] = summed_slicings(instance, geometry, may)
            slicings = self.summed[model.name, layers]
        else:
            slicings = timed_slicings(instance, geometry, may, home)
        used = slicings.count > 0
        near = [
            routes.path(home, n) is not None and routes.path(n, home) is not None
            for n in range(len(instance.nodes))
        ]
        good = ~(used & ~np.array(near)).any(axis=1)
        if self.queues:
            good &= ~np.array([[s.node for s in cut] == [home] for cut in slicings.slices], bool)
            foreign = (slicings.service_s > 0) & (np.arange(len(near)) != self.sources[task])
            good &= (foreign <= self.quotas).all(axis=1)
        if any(
            set(group) & set(layers) and not set(group) <= set(layers)
            for group in model.groups.values()
        ):
            good &= used.sum(axis=1) == 1
        return self._priced(task, slicings.only(good), home)

    def _priced(self, task: int, slicings: Slicings, home: int) -> _Cuts:
        """What the slicings take alone, of those that keep up with the task's own rate."""
        moved_s, link_s = self._transfers(slicings, home)
        cuts = _Cuts(
            slicings=slicings,
            home=home,
            serial=self.instance.nodes[home].radio == "serial",
            moved_s=moved_s,
            link_s=link_s,
            least_s=np.zeros(len(moved_s)),
        )
        rate, service_s = self.rates[task], slicings.service_s
        wait_s, possible = self._waits(rate * service_s, rate * service_s**2, rate * link_s)
        alone_s = np.where(possible, cuts.seconds(np.arange(len(moved_s)), wait_s), inf)
        order = np.argsort(alone_s, kind="stable")
        order = order[np.isfinite(alone_s[order])]
        slicings = Slicings(
            count=slicings.count[order],
            input_bytes=slicings.input_bytes[order],
            service_s=slicings.service_s[order],
            output_bytes=slicings.output_bytes[order],
            alone_s=slicings.alone_s[order],
            slices=[slicings.slices[at] for at in order.tolist()],
        )
        return _Cuts(
            slicings=slicings,
            home=home,
            serial=cuts.serial,
            moved_s=moved_s[order],
            link_s=link_s[order],
            least_s=alone_s[order],
        )

    def _transfers(self, slicings: Slicings, home: int) -> tuple[Floats, Floats]:
        """[O, N] seconds of every node's transfers both ways, and [O, links] of occupied links.

        A link on a parallel home's way counts for all hops of the stage in that direction.
        """
        links, routes = self.instance.directed_links, routes_of(self.instance)
        nodes = range(len(self.instance.nodes))
        lag, delay, per_byte = (
            np.array(figures)
            for figures in (
                [link.latency_s for link in links],
                [link.delay_s for link in links],
                [8 / link.bandwidth_bps for link in links],
            )
        )
        serial = self.instance.nodes[home].radio == "serial"
        moved_s = np.zeros(slicings.count.shape)
        link_s = np.zeros((len(moved_s), len(links)))
        for inwards in (True, False):
            on = np.zeros((len(nodes), len(links)))
            for node in nodes:
                way = routes.path(home, node) if inwards else routes.path(node, home)
                on[node, list(way or ())] = 1.0
            sizes = slicings.input_bytes if inwards else slicings.output_bytes
            hops = on * (slicings.count[..., None] * lag + sizes[..., None] * per_byte)
            occupied, times = hops.sum(axis=1), slicings.count if serial else slicings.count > 0
            each = hops if serial else on * occupied[:, None]
            moved_s += each.sum(axis=-1) + (on @ delay) * times
            link_s += occupied
        return moved_s, link_s

    def _look(self, joint: _Joint) -> None:
        """All slicings of the joint placement's stages that may be below the best."""
        counts = [len(cuts.least_s) for _, _, cuts in joint.stages]
        mins = [
            self.weights[task] * cuts.least_s[0] if len(cuts.least_s) else inf
            for task, _, cuts in joint.stages
        ]
        parts = np.zeros((1, 0), np.int64)
        bound = np.full(1, joint.alone_s)
        for at, ((task, _, cuts), _) in enumerate(zip(joint.stages, counts, strict=True)):
            more = self.weights[task] * cuts.least_s - mins[at]
            total = np.add.outer(bound, more)
            row, column = np.nonzero(total < self.value)
            self._spend(len(row))
            parts = np.concatenate([parts[row], column[:, None]], axis=1)
            bound = total[row, column]
            if at < len(joint.stages) - 1 and len(parts):
                bound = np.maximum(bound, self._values(joint, parts) + sum(mins[at + 1 :]))
                parts, bound = parts[bound < self.value], bound[bound < self.value]
        for begin in range(0, len(parts), MOST_ROWS):
            some = parts[begin : begin + MOST_ROWS]
            values = self._values(joint, some)
            for at in np.argsort(values, kind="stable").tolist():
                if not values[at] < self.value:
                    break
                self._spend(100)
                if self._take(joint, some[at].tolist(), float(values[at])):
                    break

    def _values(self, joint: _Joint, parts: Integers) -> Floats:
        """[C]: the value with slicings [C, stages] of the first stages, and none of the others."""
        num_nodes, some = len(self.instance.nodes), len(parts)
        rho, second = np.zeros((some, num_nodes)), np.zeros((some, num_nodes))
        links = np.zeros((some, len(self.instance.directed_links)))
        guests = np.zeros((some, num_nodes))
        at_home = [np.arange(num_nodes) == source for source in self.sources]
        for task, (block, row) in enumerate(joint.rows):
            rate, visits = self.rates[task], block.visit_s[row]
            rho, second = rho + rate * visits, second + rate * visits**2
            links = links + rate * block.link_s[row]
            guests = guests + ((visits > 0) & ~at_home[task])
        chosen = list(zip(joint.stages, parts.T, strict=False))
        for (task, _, cuts), rows in chosen:
            rate, service_s = self.rates[task], cuts.slicings.service_s[rows]
            rho, second = rho + rate * service_s, second + rate * service_s**2
            links = links + rate * cuts.link_s[rows]
            guests = guests + ((service_s > 0) & ~at_home[task])
        wait_s, possible = self._waits(rho, second, links)
        total = np.zeros(some)
        for task, (block, row) in enumerate(joint.rows):
            waited = np.where(block.visit_s[row] > 0, wait_s, 0.0).sum(axis=1)
            total += self.weights[task] * (block.base_s[row] + waited)
        for (task, _, cuts), rows in chosen:
            total += self.weights[task] * cuts.seconds(rows, wait_s)
        return np.where(possible & (guests <= self.quotas).all(axis=1), total, inf)

    def _take(self, joint: _Joint, parts: list[int], value: float) -> bool:
        """Take a plan, if the reference allows it; its own value is held to the reference's."""
        decided: list[tuple[Integers, list[Stage]]] = [
            (block.placement[row], []) for block, row in joint.rows
        ]
        for (task, layers, cuts), row in zip(joint.stages, parts, strict=True):
            decided[task][1].append(Stage(layers, cuts.home, cuts.slicings.slices[row]))
        decision = Decision(
            tuple(TaskDecision(frozen(place.copy()), None, tuple(st)) for place, st in decided)
        )
        if decision_violations(self.instance, decision, self.objective):
            return False
        cost = float(decision_cost(self.instance, decision, self.objective))
        assert abs(cost - value) <= 1e-9 * cost, (cost, value)
        self.value, self.best = cost, decision
        return True
