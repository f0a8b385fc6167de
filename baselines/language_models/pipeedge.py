"""`pipeedge`: the best ranges on kinds of machines for the period, as PipeEdge counts it."""

from __future__ import annotations

from math import inf

import numpy as np
from numpy.typing import NDArray

from splitfog.baselines.common import checked
from splitfog.baselines.language_models.stack import Stack, stack_of
from splitfog.instances.changes import derived
from splitfog.instances.instance import Instance
from splitfog.instances.records import Layer, changed
from splitfog.solvers.base import Answer, Request, SolverDeclined
from splitfog.solvers.chains.chain import (
    Chain,
    chain_for,
    cuts,
    last_with_same_weights,
    stage_table,
)
from splitfog.solvers.chains.kinds import Kinds, kinds_of
from splitfog.solvers.chains.line import RangeLine, Walk
from splitfog.solvers.chains.multiset_dp import best_walk, num_states

Table = NDArray[np.float64]
MOST_NUMBERS = 50_000_000


def solve_pipeedge(request: Request) -> Answer:
    """The least period of ranges of layers, one a machine, kinds of machines in any order.

    After PipeEdge's scheduler: a dynamic program over layers and how many machines of each kind are
    used. A stage is as long as its computing or its sending, whichever is more; sending takes its
    bytes over the least bandwidth between two machines. A machine holds the weights, a buffer at
    either end of its range, and those of the option; all together must be less than its memory.

    Ours: kinds are what is alike in every figure; links that differ by pair; shared weights, once;
    of several passes the largest tensor is buffered. Ignores latencies, `overlap`, the key-value
    cache, and what the input's and the result's way take. O(P L K (K + L)) for K kinds and P
    numbers of machines of each.

    Options `buffers_in`, `buffers_out`: tensors that wait to be taken in, but before the first
    machine, and to be sent.

    Raises
    ------
    SolverDeclined
        For several tasks, models with branches, and too many kinds of machines.
    """
    stack = stack_of(request, "pipeedge")
    options = request.options
    instance = _without_latency_and_state(request.instance)
    try:
        chain = chain_for(instance, request.objective)
    except SolverDeclined as error:
        raise SolverDeclined("pipeedge", error.reason, error.instead) from None
    kinds = kinds_of(chain)
    buffered = _buffered(stack, options["buffers_in"], options["buffers_out"])
    line = _line(chain, kinds, buffered)
    everyone = tuple(range(len(kinds)))
    if num_states(line, everyone) > MOST_NUMBERS:
        reason = f"{len(instance.nodes)} nodes of {len(kinds)} kinds are too many"
        raise SolverDeclined("pipeedge", reason, "water-fill")
    _, walk = best_walk(line, everyone, request.deadline)
    if walk is None:
        reason = "with its buffers no ranges of layers are smaller than the memory of machines"
        return Answer(None, reason=reason)
    return checked(request, chain.decision(_nodes(walk, kinds)))


def _without_latency_and_state(instance: Instance) -> Instance:
    """What PipeEdge sees of an instance."""
    links = [changed(link, latency_s=0.0, delay_s=0.0) for link in instance.links]
    models = [
        changed(model, layers=tuple([changed(layer, state_bytes=0.0) for layer in model.layers]))
        for model in instance.models
    ]
    return derived(instance, links=tuple(links), models=tuple(models))


def _line(chain: Chain, kinds: Kinds, buffered: Table) -> RangeLine:
    """Stages, and hops by the busiest link; the ends cost nothing, wherever they can be reached."""
    models, count = [kind[0] for kind in kinds], len(chain.layers)
    nodes = chain.arrays.instance.nodes
    memory = [inf if nodes[i].memory_bytes is None else nodes[i].memory_bytes for i in models]
    stages = np.where(cuts(chain)[None, :, None], stage_table(chain, inf)[models], inf)
    stages[~(_weights(chain) + buffered < np.array(memory)[:, None, None])] = inf
    hops = np.full((count + 1, len(kinds), len(kinds)), inf)
    hops[1:-1] = chain.busy.hops[:, models][:, :, models]
    for position, kind in enumerate(kinds):
        hops[1:-1, position, position] = chain.busy.hops[:, kind[0], kind[-1]]
    starts, ends = np.full((2, len(kinds), count + 1), inf)
    starts[:, 0] = np.where(np.isfinite(chain.ways.enter[models]), 0.0, inf)
    ends[:, -1] = np.where(np.isfinite(chain.ways.leave[models]), 0.0, inf)
    return RangeLine(
        counts=np.array([len(kind) for kind in kinds], np.int64),
        stages=stages,
        hops=hops,
        starts=starts,
        ends=ends,
        join=np.maximum,
    )


def _weights(chain: Chain) -> Table:
    """[layers + 1, layers + 1]: weights of the layers from a start up to an end, shared ones once;
    inf where nothing lies between."""
    count, before = len(chain.layers), last_with_same_weights(chain)
    table = np.full((count + 1, count + 1), inf)
    for start in range(count):
        new: Table = np.where(before[start:] < start, chain.own_bytes[start:], 0.0)
        table[start, start + 1 :] = new.cumsum()
    return table


def _buffered(stack: Stack, waiting_in: int, waiting_out: int) -> Table:
    """[layers + 1, layers + 1]: what tensors take on the machine of a range: one that is read and
    one that is made, and those that wait."""
    model, inputs = stack.arrays.model, np.flatnonzero(stack.arrays.is_input).tolist()
    sizes = np.array([_largest(model.layers[layer]) for layer in stack.layers])
    fed = sum(_largest(model.layers[layer]) for layer in inputs)
    taken = np.array([fed, *((1 + waiting_in) * sizes)])
    made = np.array([0.0, *((1 + waiting_out) * sizes)])
    buffered: Table = taken[:, None] + made
    return buffered


def _largest(layer: Layer) -> float:
    """Bytes of a layer's tensor in the pass where it has most."""
    sizes = layer.output_bytes
    return max([size or 0.0 for size in (sizes if isinstance(sizes, tuple) else (sizes,))])


def _nodes(walk: Walk, kinds: Kinds) -> list[int]:
    """The node of every layer: of a kind, the first that has nothing yet."""
    free = [iter(kind) for kind in kinds]
    return [node for kind, start, end in walk for node in [next(free[kind])] * (end - start)]
