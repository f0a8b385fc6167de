"""A run of `hpa-plain` with its decisions, of which later only those that fail are taken anew."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.arrays.tiers import TierGraph, Tree, distinct_inputs
from splitfog.instances.records import Model
from splitfog.solvers.adjustment.records import (
    KEPT,
    Log,
    Records,
    Ways,
    failing_rows,
    failing_steps,
)
from splitfog.solvers.adjustment.run_shape import Block, run_shape
from splitfog.solvers.d3.hpa import Partition

Readers = Sequence[Sequence[int]]

MOST_REDONE = 1 / 8
"""Of the layers and of the model's edges: where more is redone, all layers are decided anew, as
what follows from a decision is mostly little or nearly everything."""


class RecordedRun:
    """The last run, kept up with costs that change.

    A decision reads costs, and where by then its inputs were and where their tensors had been
    sent to. The latter are recorded. If each decision, on what is recorded, is the same at the
    new costs, then so is the whole run, by induction over its steps. A decision that is not is
    taken anew with its block, and if a layer moves, so are the blocks that read its tensor, and
    those of higher levels that read a tensor that it reads.
    """

    def __init__(self, model: Model, once: bool) -> None:
        self.shape, self.once = run_shape(model, once), once
        self.consumers, self.inputs = model.consumers, distinct_inputs(model)
        self.tiers: NDArray[np.int64] | None = None
        """[layers]; None where some layer found no tier."""
        self._partition: _Recorder | None = None
        self.records: Records | None = None

    def adjust(self, graph: TierGraph, costs_s: NDArray[np.float64]) -> tuple[int, int]:
        """Be the run at other costs, [layers, tiers].

        Returns
        -------
        looked_at, failed
            Layers decided anew, and those whose recorded decision did not hold.
        """
        partition, records, shape = self._partition, self.records, self.shape
        if partition is None or records is None:
            return self._run(graph, costs_s), len(costs_s)
        graph.share_trees(partition.graph)
        ways = Ways.of(graph.trees.values())
        by_tier = np.ascontiguousarray(costs_s.T)
        given = shape, records, ways, by_tier, graph.arrays.output_bytes
        rows, steps = np.flatnonzero(failing_rows(*given)), np.flatnonzero(failing_steps(*given))
        partition.graph = graph
        failed = self._layers(rows, steps)
        if not failed:
            return 0, 0
        blocks = {*shape.block_of_row[rows].tolist(), *shape.block_of_step[steps].tolist()}
        partition.costs_s = costs_s.tolist()
        looked_at = self._redo(partition, records, sorted(blocks))
        return self._run(graph, costs_s) if looked_at is None else looked_at, failed

    def _run(self, graph: TierGraph, costs_s: NDArray[np.float64]) -> int:
        """Decide all layers; how many."""
        log = Log()
        partition = _Recorder(graph, costs_s.tolist(), self.once)
        self.tiers = self._partition = self.records = None
        for block in self.shape.blocks:
            if not partition.take(block, log):
                return len(costs_s)
        self.tiers = np.array(partition.tier, np.int64)
        self._partition, self.records = partition, Records(self.shape, log, self.tiers)
        return len(costs_s)

    def _redo(self, partition: _Recorder, records: Records, queue: list[int]) -> int | None:
        """Decide the layers of some blocks, and what follows; how many, None: too much to do."""
        blocks, log, known = self.shape.blocks, Log(), set(queue)
        most = MOST_REDONE * len(partition.tier), MOST_REDONE * len(self.shape.tails)
        done: list[Block] = []
        looked_at, counted = 0, 0
        while queue:
            block = blocks[heappop(queue)]
            before = [partition.tier[layer] for layer in block.layers]
            if self.once:
                counted += partition.rewind(block, self.shape.level_of, self.consumers)
            looked_at += len(block.layers)
            if not partition.take(block, log):
                self.tiers = self._partition = self.records = None
                return looked_at
            done.append(block)
            moved = [
                layer
                for layer, tier in zip(block.layers, before, strict=True)
                if partition.tier[layer] != tier
            ]
            if moved:
                followers = self._followers(moved, block.level)
                counted += len(followers)
                for follower in followers:
                    if follower not in known:
                        known.add(follower)
                        heappush(queue, follower)
            if looked_at > most[0] or counted > 4 * most[1]:
                return None
        self.tiers = np.array(partition.tier, np.int64)
        records.write(done, log, self.tiers)
        return looked_at

    def _followers(self, layers: list[int], level: int) -> list[int]:
        """Blocks whose decisions read where layers of a level are."""
        block_of, level_of, consumers = self.shape.block_of, self.shape.level_of, self.consumers
        followers = [block_of[reader] for layer in layers for reader in consumers[layer]]
        if self.once:
            for layer in layers:
                for tensor in self.inputs[layer]:
                    readers = consumers[tensor]
                    if len(readers) > 1:
                        followers += [block_of[r] for r in readers if level_of[r] > level]
        return followers

    def _layers(self, rows: NDArray[np.int64], steps: NDArray[np.int64]) -> int:
        """Of how many layers a decision is among these rows and steps."""
        if not len(steps):
            return len(rows)
        shape = self.shape
        sizes = np.diff(shape.first_member, append=len(shape.members))
        moved = shape.members[np.isin(np.repeat(np.arange(len(sizes)), sizes), steps)]
        return len(np.union1d(rows, moved))


class _Recorder(Partition):
    """A partition that logs what its decisions read and choose."""

    log: Log

    def take(self, block: Block, log: Log) -> bool:
        """Decide a block's layers, and log it; whether each found a tier."""
        self.log, self.place = log, log.way
        for layer in block.layers:
            if not self.decide(layer):
                return False
        log.chosen += [self.tier[layer] for layer in block.layers]
        for siblings in block.siblings:
            self.reconsider(siblings)
        return True

    def rewind(self, block: Block, level_of: list[int], consumers: Readers) -> int:
        """Count the readers of the block's inputs as they were when its turn came; how many."""
        counted = 0
        for tensor in block.inputs:
            self.readers[tensor] = [0] * self.graph.count
            self.sent[tensor] = 0
            readers = consumers[tensor]
            if len(readers) > 1:
                counted += len(readers)
                for reader in readers:
                    if level_of[reader] < block.level:
                        self.count(tensor, self.tier[reader], 1)
        return counted

    def reconsider(self, siblings: list[int]) -> None:
        """As the paper's, logged."""
        self.log.before += [self.tier[layer] for layer in siblings]
        self.place = self.log.joined
        super().reconsider(siblings)

    def common_tier(self, siblings: list[int], tensors: list[int], least: float) -> int | None:
        """As the paper's, logged."""
        self.place = self.log.apart
        tier = super().common_tier(siblings, tensors, least)
        self.log.outcome.append(KEPT if tier is None else tier)
        return tier

    def trees(self, tensors: Sequence[int]) -> list[tuple[float, float, Tree]]:
        """As the paper's, logged."""
        found = super().trees(tensors)
        self.place += [(size, tree) for _, size, tree in found]
        return found
