"""Wide plans: any node may be the home of a stage, and of what runs whole between stages.

Ours. A dynamic program over the borders of the partition and the nodes where the tensor may be:
from border to border a task's layers run whole on a node, or as a stage with its home there. Stages
count by estimates at first (`wide_stages`); those on the least way are laid out (`wide_layout`)
and count as they are, until none is new.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf

import numpy as np

from splitfog.formulations.arrays.task import task_arrays
from splitfog.formulations.costs.routes import routes_of
from splitfog.formulations.decision import Stage, TaskDecision
from splitfog.formulations.offloading.loads import Loads
from splitfog.formulations.offloading.one_cut import cut_table
from splitfog.instances.arrays import Flags, Floats, Integers, frozen
from splitfog.instances.instance import Instance
from splitfog.solvers.dina.visit_prices import VisitPrices
from splitfog.solvers.dina.wide_layout import Layout, laid_out
from splitfog.solvers.dina.wide_stages import WideStages, wide_stages

MOST_HOSTS = 64
"""Nodes that tasks look at beside their sources: the fastest."""

MOST_LOOKS = 4
"""Least ways of a task, while stages on them are new."""

RENEWED = 0.05
"""Share of a block's `ratio` that its newest layout makes."""

TRUSTED = 0.75
"""Share of what layouts took above estimates, by which estimates are raised: the next layout may be
a better one."""

WHOLE = -1
"""In place of a block: the layers run whole."""

Step = tuple[int, int, int, int]
"""Block or `WHOLE`, the borders between which, and the position of the node."""


@dataclass(eq=False, kw_only=True)
class KnownStages:
    """Stages of a model: `seconds` [b, H] with tolls, as estimated or as laid out; and `laid`.

    `ratio`: by block what layouts took so far in times of the estimate, by which estimates are
    corrected; all that share it learn together. `before`: layouts of other prices, which may do
    yet.
    """

    stages: WideStages
    seconds: Floats
    ratio: dict[int, float]
    laid: dict[tuple[int, int], Layout | None] = field(default_factory=dict)
    before: dict[tuple[int, int], Layout | None] = field(default_factory=dict)

    @classmethod
    def of_model(
        cls, loads: Loads, task: int, held: Floats, ratio: dict[int, float] | None = None
    ) -> KnownStages:
        """Those whose homes and helpers are hosts, for a task that is away and others like it."""
        hosts = _hosts(loads, task)
        return cls.of(loads, task, hosts, hosts, held, {} if ratio is None else ratio)

    @classmethod
    def of(
        cls,
        loads: Loads,
        task: int,
        homes: Integers,
        nodes: Integers,
        held: Floats,
        ratio: dict[int, float],
    ) -> KnownStages:
        """Those of some homes with some helpers."""
        prices = VisitPrices.of(loads, task, nodes, held)
        stages = wide_stages(loads, task, homes, nodes, prices, _open_to(loads, task, nodes))
        seconds = stages.priced_s.copy()
        for block, times in ratio.items():
            seconds[block] *= 1 + TRUSTED * (times - 1)
        return cls(stages=stages, seconds=seconds, ratio=ratio)

    def lay_out(self, instance: Instance, block: int, home: int) -> bool:
        """Lay a stage out, unless it is; whether it was not."""
        key = block, home
        if key in self.laid:
            return False
        layout = self.before.get(key)
        layout = None if layout is None else layout.again(self.stages, block, home)
        if layout is None:
            layout = laid_out(instance, self.stages, block, home)
            if layout is not None:
                so_far = self.ratio.setdefault(block, layout.ratio)
                self.ratio[block] += RENEWED * (layout.ratio - so_far)
        self.laid[key] = layout
        self.seconds[key] = inf if layout is None else layout.seconds
        return True


@dataclass(eq=False, kw_only=True)
class WideProgram:
    """P borders and J nodes, the source the last. `run_s` [P, P, J] of layers whole, `move_s`
    [P, J, J] of tensors, `due_s` [J] of results; stages of hosts, and those at the source."""

    loads: Loads
    task: int
    nodes: Integers
    known: KnownStages
    own: KnownStages
    run_s: Floats
    move_s: Floats
    due_s: Floats

    @classmethod
    def of(cls, loads: Loads, task: int, known: KnownStages, held: Floats) -> WideProgram:
        """The program of a task that is away; `known` of its model's stages."""
        source = np.array([loads.source[task]])
        hosts = known.stages.homes
        nodes = np.concatenate([hosts, source])
        members = np.append(hosts[hosts != source], source)
        own = KnownStages.of(loads, task, source, members, held, known.ratio)
        table = cut_table(loads.instance, loads.objective, task)
        borders = own.stages.blocks.borders
        before = table.before_s[borders][:, nodes]
        with np.errstate(invalid="ignore"):
            service_s = before[None, :] - before[:, None]
        barred = ~np.isfinite(service_s)
        service_s = np.where(barred, 0.0, np.maximum(service_s, 0.0))
        barred |= ~_open_to(loads, task, nodes) & (service_s > 0)
        prices = VisitPrices.of(loads, task, nodes, held)
        waits_s = prices.waits_s(service_s)
        run_s = service_s + waits_s + prices.tolls_s(service_s, waits_s)
        return cls(
            loads=loads,
            task=task,
            nodes=nodes,
            known=known,
            own=own,
            run_s=np.where(barred, inf, run_s),
            move_s=_moves(loads, task, nodes, borders),
            due_s=_due(loads, task, nodes),
        )

    def answer(self, below_s: float) -> TaskDecision | None:
        """The least way, its stages laid out."""
        for _ in range(MOST_LOOKS):
            total, way = self.least_way()
            if not total < below_s:
                return None
            fresh = False
            for block, _, _, home in way:
                if block != WHOLE:
                    known, at = self._at(home)
                    fresh |= known.lay_out(self.loads.instance, block, at)
            if not fresh:
                break
        return self._decision(way)

    def _at(self, node: int) -> tuple[KnownStages, int]:
        """Who knows the stages from a node, and its position among the homes there."""
        last = node == len(self.nodes) - 1
        return (self.own, 0) if last else (self.known, node)

    def least_way(self) -> tuple[float, list[Step]]:
        """Seconds with tolls, and the steps; [] where there is no way.

        What runs whole is at the source or on one other node, for it is one subtask. Only where
        the least way of all breaks that, one is sought for each such node.
        """
        every = np.arange(len(self.nodes))
        least, way = self._least_way(np.zeros((1, len(every)), bool))
        if len({node for block, _, _, node in way if block == WHOLE} - {int(every[-1])}) <= 1:
            return least, way
        return self._least_way((every != every[-1]) & (every != every[:, None]))

    def _least_way(self, closed: Flags) -> tuple[float, list[Step]]:
        """The same, for R rows of nodes where nothing runs whole, `closed` [R, J], the least of
        all rows. O(R P^2 J + R P J^2), vectorised.
        """
        count, source = len(self.move_s), len(self.nodes) - 1
        done = np.full((count, *closed.shape), inf)
        to, chosen = np.zeros((2, *done.shape), np.int64)
        done[-1] = self.due_s
        stage_s = np.concatenate([self.known.seconds, self.own.seconds], axis=1)
        steps = self.own.stages.blocks.steps
        for at in reversed(range(count - 1)):
            whole = np.where(closed, inf, self.run_s[at, at + 1 :, None]) + done[at + 1 :]
            blocks, ends = steps[at]
            staged = stage_s[blocks][:, None] + done[ends]
            seconds = np.concatenate([whole, staged])
            chosen[at] = seconds.argmin(axis=0)
            total = self.move_s[at] + seconds.min(axis=0)[:, None]
            to[at] = total.argmin(axis=2)
            done[at] = total.min(axis=2)
        run = int(done[0, :, source].argmin())
        least = float(done[0, run, source])
        way: list[Step] = []
        at, node = 0, source
        while least < inf and at < count - 1:
            node = int(to[at, run, node])
            step = int(chosen[at, run, node]) - (count - 1 - at)  # those that run whole are first
            blocks, ends = steps[at]
            block, last = (
                (WHOLE, count + step) if step < 0 else (int(blocks[step]), int(ends[step]))
            )
            way.append((block, at, last, node))
            at = last
        return least, way

    def _decision(self, way: list[Step]) -> TaskDecision | None:
        table = cut_table(self.loads.instance, self.loads.objective, self.task)
        arrays, borders = (
            task_arrays(self.loads.instance, self.task),
            self.own.stages.blocks.borders,
        )
        placement = np.full(len(arrays.model.layers), arrays.source)
        stages: list[Stage] = []
        for block, first, last, at in way:
            placement[table.layers[borders[first] : borders[last]]] = self.nodes[at]
            if block != WHOLE:
                known, home = self._at(at)
                layout = known.laid.get((block, home))
                if layout is None:
                    return None
                stages.append(layout.stage)
        return TaskDecision(frozen(placement), stages=tuple(stages))


def _open_to(loads: Loads, task: int, nodes: Integers) -> Flags:
    """[J]: whether a node has room for a visit; the source always has."""
    return np.asarray((loads.guests[nodes] < loads.quota[nodes]) | (nodes == loads.source[task]))


def _hosts(loads: Loads, task: int) -> Integers:
    """Nodes that take foreign visits, those where a task's layers take least in all."""
    seconds = cut_table(loads.instance, loads.objective, task).before_s[-1]
    seconds = np.where(loads.quota > 0, seconds, inf)
    order = np.argsort(seconds, kind="stable")[:MOST_HOSTS]
    return np.sort(order[seconds[order] < inf])


def _moves(loads: Loads, task: int, nodes: Integers, borders: Integers) -> Floats:
    """[P, J, J]: seconds that the tensor of every border takes from node to node."""
    table, routes = cut_table(loads.instance, loads.objective, task), routes_of(loads.instance)
    count, size = (figure[borders][:, None, None] for figure in (table.count, table.size))
    pairs = np.ix_(nodes, nodes)
    latency_s, per_byte = routes.latency_s[pairs], routes.seconds_per_byte[pairs]
    finite = np.isfinite(latency_s)
    seconds = count * np.where(finite, latency_s, 0.0) + size * np.where(finite, per_byte, 0.0)
    barred = ~finite & (count > 0)
    if loads.objective.monotone:
        rank = loads.instance.node_rank[nodes]
        barred |= rank[None, :] < rank[:, None]
    barred |= ~table.whole_groups[borders][:, None, None] & (nodes[None, :] != nodes[:, None])
    return np.where(barred, inf, seconds)


def _due(loads: Loads, task: int, nodes: Integers) -> Floats:
    """[J]: seconds that the results take from every node to where they are due."""
    target = task_arrays(loads.instance, task).results_to
    if target is None:
        return np.zeros(len(nodes))
    routes = routes_of(loads.instance)
    count, size = cut_table(loads.instance, loads.objective, task).sent_results[0]
    latency, per_byte = routes.latency_s[nodes, target], routes.seconds_per_byte[nodes, target]
    finite = np.isfinite(latency)
    seconds = count * np.where(finite, latency, 0.0) + size * np.where(finite, per_byte, 0.0)
    return np.where(finite, seconds, inf)
