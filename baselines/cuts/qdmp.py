"""QDMP: the DAG's cut vertices first, a minimum cut only inside the best block."""

from __future__ import annotations

from math import inf

import numpy as np
from numpy.typing import NDArray

from splitfog.baselines.common import (
    Placement,
    each_task,
    fits_memory,
    home_node,
    remote_nodes,
    result_seconds,
)
from splitfog.baselines.cuts.chain_of_blocks import BlockChain, block_chain
from splitfog.baselines.cuts.dads import NO_PLACE, two_node_cut
from splitfog.formulations.arrays.task import TaskArrays
from splitfog.formulations.objective import Objective
from splitfog.instances.records import Layer, changed
from splitfog.solvers.base import Answer, Request


def solve_qdmp(request: Request) -> Answer:
    """The least cut between the source and the best remote node, searched block by block.

    After S. Zhang et al., Towards real-time cooperative deep inference over the cloud and edge
    end devices (QDMP), IMWUT 2020: cut vertices split the DAG into blocks, so that only small
    minimum cuts are needed. Ours: all cuts at cut vertices are scanned by prefix sums; blocks
    are then searched by rising lower bound (everything before at the source, everything after
    remote, inside each layer where it is faster, no transfers) until the bound is no better than
    the best cut known, mostly after the first; every node that the source reaches is tried as
    the remote one.

    Exact as `dads` if monotone with two nodes, the source in the lower tier. O(V + E) and few small
    maximum flows a remote node.
    """
    return each_task(request, lambda arrays: _best_cut(arrays, request.objective))


def _best_cut(arrays: TaskArrays, objective: Objective) -> Placement | str:
    chain, home = _strict(block_chain(arrays, objective)), home_node(arrays)
    if not chain.num_blocks:
        return chain.placement([])
    best, found = inf, None
    for remote in remote_nodes(arrays, home, objective.monotone) or [home]:
        cut = _Search(chain, home, remote).run()
        if cut[0] < best and fits_memory(arrays, cut[1]):
            best, found = cut
    return NO_PLACE if found is None else found


def _strict(chain: BlockChain) -> BlockChain:
    """The chain with only those boundaries that every path passes.

    There the layer just passed descends from all before and is an ancestor of all after it: no
    layer before it ends the model, none after it starts without inputs.
    """
    model = chain.arrays.model
    order = chain.order.tolist()
    at = {layer: place for place, layer in enumerate(order)}
    ends = [at[i] for i, readers in enumerate(model.reads) if not readers]
    begins = [at[i] for i, inputs in enumerate(model.inputs) if not inputs]
    first_end, last_begin = min(ends), max(begins)
    starts = chain.starts.tolist()
    kept = [p for p in starts[1:-1] if p - 1 < first_end and last_begin < p]
    bounds = [starts[0], *kept, starts[-1]] if chain.num_blocks else starts
    return BlockChain(chain.arrays, chain.objective, chain.order, np.array(bounds))


class _Search:
    """The search between two nodes."""

    def __init__(self, chain: BlockChain, home: int, remote: int) -> None:
        self.chain, self.home, self.remote = chain, home, remote
        here, there = chain.costs_s[:, home], chain.costs_s[:, remote]
        self.before = np.concatenate([[0.0], np.cumsum(here)])
        self.beyond = np.concatenate([np.cumsum(there[::-1])[::-1], [0.0]])

    def run(self) -> tuple[float, Placement]:
        """Value and placement of the best cut; inf if none is allowed."""
        value, cut = self._best_vertex()
        count = self.chain.num_blocks
        best = self.chain.placement([self.home] * cut + [self.remote] * (count - cut))
        if self.home == self.remote:
            return value, best
        bounds = self._bounds()
        for block in np.argsort(bounds, kind="stable").tolist():
            if bounds[block] >= value:
                break
            inside = self._inside(block)
            if inside is not None and inside[0] < value:
                value, best = inside
        return value, best

    def _best_vertex(self) -> tuple[float, int]:
        """Value and number of home blocks of the best cut at a cut vertex, or of none."""
        pair = [self.home, self.remote]
        steps = [float(self.chain.step(b, pair)[0, 1]) for b in range(self.chain.num_blocks - 1)]
        costs = self.before + self.beyond + np.array([0.0, *steps, 0.0])
        return float(costs.min()), int(costs.argmin())

    def _bounds(self) -> NDArray[np.float64]:
        """[blocks]: no cut inside a block costs less."""
        arrays, chain = self.chain.arrays, self.chain
        fastest = arrays.costs_s[:, [self.home, self.remote]].min(axis=1)[chain.order]
        inside = np.add.reduceat(fastest, chain.starts[:-1])
        return np.asarray(self.before[:-1] + inside + self.beyond[1:])

    def _inside(self, block: int) -> tuple[float, Placement] | None:
        """Value and placement of the least cut inside a block; None where there is none."""
        chain = self.chain
        part, layers, ends = self._part(block)
        cut = two_node_cut(part, self.home, self.remote, chain.objective)
        if cut is None or isinstance(cut, str):
            return None
        ways = result_seconds(part)
        paid = sum(float(ways[row, node]) for row, node in ends)
        value = self.before[block] + cut[0] - paid + self.beyond[block + 1]
        count = chain.num_blocks
        nodes = [self.home] * block + [self.remote] * (count - block)
        placement = chain.placement(nodes)
        placement[layers] = cut[1][: len(layers)]
        return float(value), placement

    def _part(self, block: int) -> tuple[TaskArrays, list[int], list[tuple[int, int]]]:
        """The block as a model of its own: arrays, its layers, and the rows and nodes of its ends.

        The tensor that it reads is a layer at home, what reads its tensor a layer remote; both
        take no time. The first block keeps the model's inputs, the last ends as the model does.
        """
        chain, model = self.chain, self.chain.arrays.model
        start = 0 if block == 0 else int(chain.starts[block])
        layers: list[int] = chain.order[start : chain.starts[block + 1]].tolist()
        inside = [model.layers[layer] for layer in layers]
        ends = []
        if block > 0:
            ends.append((len(inside), self.home))
            before = model.layers[int(chain.order[start - 1])]
            inside.append(changed(before, op="identity", inputs=(), group=None))
        if block + 1 < chain.num_blocks:
            ends.append((len(inside), self.remote))
            last = layers[-1]
            readers = (model.layers[last].name,) * len(model.reads[last])
            inside.append(Layer(name=" after", op="identity", output_bytes=0.0, inputs=readers))
        arrays = chain.arrays
        part = changed(model, layers=tuple(inside))
        times = np.zeros((len(inside), len(arrays.instance.nodes)))
        allowed = np.zeros(times.shape, bool)
        times[: len(layers)], allowed[: len(layers)] = (
            arrays.times_s[layers],
            arrays.allowed[layers],
        )
        for row, node in ends:
            allowed[row, node] = True
        return (
            TaskArrays(arrays.instance, arrays.task, part).with_costs(times, allowed),
            layers,
            ends,
        )
