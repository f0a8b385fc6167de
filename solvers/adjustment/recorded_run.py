"""A run of `hpa-plain` with its decisions, of which later only those that fail are taken anew."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from heapq import heappop, heappush

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.arrays.tiers import TierGraph, Tree
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

MOST_COUNTED = 4
"""Readers counted again, per edge of the model, before it is quicker to decide all layers anew."""


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
        self.consumers = model.consumers
        self._partition: _Recorder | None = None
        self._records = Records.of(Log())

    @property
    def tiers(self) -> NDArray[np.int64] | None:
        """[layers]; None where some layer found no tier."""
        return None if self._partition is None else np.array(self._partition.tier, np.int64)

    def adjust(self, graph: TierGraph, costs_s: NDArray[np.float64]) -> tuple[int, int]:
        """Be the run at other costs, [layers, tiers].

        Returns
        -------
        looked_at, failed
            Layers decided anew, and those whose recorded decision did not hold.
        """
        partition = self._partition
        if partition is None:
            return self._run(graph, costs_s), len(costs_s)
        for tail, heads in partition.graph.trees:
            graph.tree(tail, heads)  # at the same positions
        ways = Ways.of(graph.trees.values())
        given = self.shape, self._records, ways, costs_s, graph.arrays.output_bytes
        rows, steps = np.flatnonzero(failing_rows(*given)), np.flatnonzero(failing_steps(*given))
        partition.graph = graph
        failed = self._layers(rows, steps)
        if not failed:
            return 0, 0
        shape = self.shape
        blocks = {*shape.block_of_row[rows].tolist(), *shape.block_of_step[steps].tolist()}
        partition.costs_s = costs_s.tolist()
        looked_at = self._redo(partition, sorted(blocks))
        return self._run(graph, costs_s) if looked_at is None else looked_at, failed

    def _run(self, graph: TierGraph, costs_s: NDArray[np.float64]) -> int:
        """Decide all layers."""
        log = Log()
        partition = _Recorder(graph, costs_s.tolist(), self.once)
        self._partition = None
        for block in self.shape.blocks:
            if not partition.take(block, log):
                return len(costs_s)
        self._partition, self._records = partition, Records.of(log)
        return len(costs_s)

    def _redo(self, partition: _Recorder, queue: list[int]) -> int | None:
        """Decide the layers of some blocks, and what follows; how many, None: too much to do."""
        blocks, log, known = self.shape.blocks, Log(), set(queue)
        done: list[Block] = []
        looked_at, counted = 0, 0
        while queue:
            block = blocks[heappop(queue)]
            if self.once:
                counted += partition.rewind(block, self.shape.level_of, self.consumers)
                if counted > MOST_COUNTED * len(self.shape.tails):
                    return None
            before = [partition.tier[layer] for layer in block.layers]
            looked_at += len(block.layers)
            if not partition.take(block, log):
                self._partition = None
                return looked_at
            done.append(block)
            for layer, tier in zip(block.layers, before, strict=True):
                if partition.tier[layer] != tier:
                    for follower in self._followers(layer, partition.graph.inputs[layer]):
                        if follower not in known:
                            known.add(follower)
                            heappush(queue, follower)
        self._records.write(done, log)
        return looked_at

    def _followers(self, layer: int, inputs: Sequence[int]) -> Iterator[int]:
        """Blocks whose decisions read where a layer is."""
        block_of, level_of = self.shape.block_of, self.shape.level_of
        for reader in self.consumers[layer]:
            yield block_of[reader]
        if self.once:
            for tensor in inputs:
                for reader in self.consumers[tensor]:
                    if level_of[reader] > level_of[layer]:
                        yield block_of[reader]

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
            log.least.append(max([self.tier[p] for p in self.graph.inputs[layer]], default=0))
            if not self.decide(layer):
                return False
            log.chosen.append(self.tier[layer])
        for siblings in block.siblings:
            self.reconsider(siblings)
        return True

    def rewind(self, block: Block, level_of: list[int], consumers: Readers) -> int:
        """Count the readers of the block's inputs as they were when its turn came; how many."""
        counted = 0
        for tensor in block.inputs:
            self.readers[tensor] = [0] * self.graph.count
            self.sent[tensor] = 0
            counted += len(consumers[tensor])
            for reader in consumers[tensor]:
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
        self.log.least_common.append(max([self.tier[p] for p in tensors]))
        self.log.outcome.append(KEPT if tier is None else tier)
        return tier

    def trees(self, tensors: Sequence[int]) -> list[tuple[float, Tree]]:
        """As the paper's, logged."""
        found = super().trees(tensors)
        self.place += [tree.position for _, tree in found]
        return found
