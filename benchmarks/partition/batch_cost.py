"""`BatchCost` against vectorised numpy and a loop: `python -m benchmarks.partition.batch_cost`.

The opponents are the best numpy we could write for this instance (no shared links, all nodes
overlap, few nodes): one table look-up a layer for latency, one pass over the layers for makespan,
bytes instead of integers where they fit, buffers reused, in blocks of whichever size is fastest.
All are given the same int64 placements; all check their answers against the reference first.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.common import asked_for, best_seconds, machine, table
from splitfog.formulations.arrays.task import task_arrays
from splitfog.formulations.costs.reference import decision_cost
from splitfog.formulations.costs.routes import routes_of
from splitfog.formulations.decision import placed
from splitfog.formulations.objective import Objective
from splitfog.formulations.vectorised.batch_cost import BatchCost
from splitfog.instances.generators import generate
from splitfog.instances.instance import Instance

BATCH = 4096
LAYERS = 200
MANY = 1_000_000
BLOCKS = (256, 512, 1024, 2048, 4096)
ROUNDS, REPEATS = 8, 6
LOOP = 64  # placements that the loop over the reference is timed on

Placements = NDArray[np.int64]


class NumpyLatency:
    """Latency, `once`: codes of (node, set of readers' nodes), and a table [layers, codes]."""

    def __init__(self, instance: Instance) -> None:
        arrays = task_arrays(instance)
        self.nodes = len(instance.nodes)
        self.table = arrays.times_s[:, :, None] + self._trees(instance, arrays.output_bytes)
        self.table = self.table.reshape(len(self.table), -1)
        readers = arrays.model.consumers
        self.rounds = []
        for turn in range(max(map(len, readers))):
            rows = [layer for layer, found in enumerate(readers) if len(found) > turn]
            self.rounds.append((np.array(rows), np.array([readers[row][turn] for row in rows])))

    def _trees(self, instance: Instance, num_bytes: NDArray[np.float64]) -> NDArray[np.float64]:
        """[layers, nodes, sets]: seconds of the tree from a node to a set."""
        routes, links = routes_of(instance), instance.directed_links
        seconds = np.zeros((len(num_bytes), self.nodes, 2**self.nodes))
        for root in range(self.nodes):
            for members in range(2**self.nodes):
                leaves = {node for node in range(self.nodes) if members >> node & 1}
                for position in routes.tree(root, leaves) or ():
                    link = links[position]
                    crossing = link.latency_s + 8 * num_bytes / link.bandwidth_bps
                    seconds[:, root, members] += crossing
        return seconds

    def block(self, placements: Placements) -> NDArray[np.float64]:
        """Seconds of one block."""
        places = np.ascontiguousarray(placements.astype(np.uint8).T)
        bits = np.left_shift(np.uint8(1), places)
        codes = places << np.uint8(self.nodes)
        for rows, readers in self.rounds:
            codes[rows] |= bits[readers]
        value, entries = np.zeros(len(placements)), np.empty(len(placements))
        for seconds, code in zip(self.table, codes, strict=True):
            seconds.take(code, out=entries, mode="clip")
            value += entries
        return value


class NumpyMakespan:
    """Makespan in one pass over the layers, with the edges' seconds from tables by pair."""

    def __init__(self, instance: Instance) -> None:
        arrays, routes = task_arrays(instance), routes_of(instance)
        self.nodes, self.model = len(instance.nodes), arrays.model
        self.times_s, self.is_input = arrays.times_s, arrays.is_input
        per_pair = routes.latency_s + arrays.output_bytes[:, None, None] * routes.seconds_per_byte
        self.per_pair = per_pair.reshape(len(self.times_s), -1)
        self.inputs = [tuple(dict.fromkeys(tails)) for tails in self.model.inputs]
        edges = [(tail, head) for head, tails in enumerate(self.inputs) for tail in tails]
        self.tails, self.heads = np.array(edges).T
        self.number = {edge: position for position, edge in enumerate(edges)}

    def block(self, placements: Placements) -> NDArray[np.float64]:
        """Seconds of one block."""
        batch = len(placements)
        places = np.ascontiguousarray(placements.astype(np.uint8).T)
        pairs = places[self.tails] * np.uint8(self.nodes) + places[self.heads]
        at_node = places.astype(np.int64) * batch + np.arange(batch)
        free, finish = np.zeros(self.nodes * batch), np.zeros((len(self.times_s), batch))
        found, start = np.empty(batch), np.empty(batch)
        for layer in self.model.order.tolist():
            if self.is_input[layer]:
                continue
            free.take(at_node[layer], out=start, mode="clip")
            for tail in self.inputs[layer]:
                code = pairs[self.number[tail, layer]]
                self.per_pair[tail].take(code, out=found, mode="clip")
                found += finish[tail]
                np.maximum(start, found, out=start)
            self.times_s[layer].take(places[layer], out=found, mode="clip")
            np.add(start, found, out=finish[layer])
            free[at_node[layer]] = finish[layer]
        latest: NDArray[np.float64] = finish.max(axis=0)
        return latest


def in_blocks(
    function: Callable[[Placements], NDArray[np.float64]], placements: Placements, size: int
) -> NDArray[np.float64]:
    """The function of all rows, block by block."""
    blocks = range(0, len(placements), size)
    return np.concatenate([function(placements[start : start + size]) for start in blocks])


def interleaved(
    runs: dict[Any, Callable[[], Any]], rounds: int = ROUNDS, repeats: int = REPEATS
) -> dict[Any, float]:
    """Least seconds of each; rounds of some runs in a row, so that all meet the same machine."""
    best = dict.fromkeys(runs, np.inf)
    for _ in range(rounds):
        for name, run in runs.items():
            best[name] = min(best[name], best_seconds(run, repeats))
    return best


def loop_seconds(instance: Instance, objective: str, placements: Placements) -> float:
    """Seconds of a loop over the reference, for a whole batch, from its first rows."""
    rows = placements[:LOOP]
    started = time.perf_counter()
    expected = [decision_cost(instance, placed(row), Objective(objective)) for row in rows]  # type: ignore[arg-type]
    seconds = (time.perf_counter() - started) * len(placements) / LOOP
    np.testing.assert_allclose(BatchCost(instance, objective)(rows), expected, rtol=1e-12)
    return seconds


def compile_seconds(cost: BatchCost, placements: Placements) -> float:
    """Seconds of the first call, less those of a second."""
    seconds = []
    for _ in range(2):
        started = time.perf_counter()
        cost(placements)
        seconds.append(time.perf_counter() - started)
    return seconds[0] - seconds[1]


def compare(
    instance: Instance, objective: str, opponent: NumpyLatency | NumpyMakespan
) -> list[Any]:
    """One row of the table."""
    placements = np.random.default_rng(0).integers(0, len(instance.nodes), (BATCH, LAYERS))
    cost = BatchCost(instance, objective)
    compiled = compile_seconds(cost, placements)
    expected = cost(placements)
    runs: dict[Any, Callable[[], Any]] = {"ours": lambda: cost(placements)}
    for size in BLOCKS:
        runs[size] = partial(in_blocks, opponent.block, placements, size)
        np.testing.assert_allclose(runs[size](), expected, rtol=1e-12)
    best = interleaved(runs)
    ours = best.pop("ours")
    loop = loop_seconds(instance, objective, placements)
    numpy = min(best.values())
    million = million_seconds(cost, len(instance.nodes)) * BATCH / MANY
    return [
        objective, compiled, 1e3 * ours, 1e3 * numpy, numpy / ours, loop / ours, 1e3 * million,
    ]  # fmt: skip


def million_seconds(cost: BatchCost, nodes: int) -> float:
    """Seconds of a million placements, cut into chunks; the faster of two."""
    placements = np.random.default_rng(1).integers(0, nodes, (MANY, LAYERS), np.uint8)
    return interleaved({"ours": lambda: cost(placements)}, 1, 2)["ours"]


def others(instance: Instance) -> list[list[Any]]:
    """Milliseconds of the objectives and masks without an opponent."""
    placements = np.random.default_rng(0).integers(0, len(instance.nodes), (BATCH, LAYERS))
    kinds = [("latency", "per-edge"), ("period", "once"), ("mean-latency", "once")]
    return [
        _without_opponent(BatchCost(instance, objective, transfers), placements)
        for objective, transfers in kinds
    ]


def _without_opponent(cost: BatchCost, placements: Placements) -> list[Any]:
    compiled = compile_seconds(cost, placements)
    cost.feasible(placements)
    runs = {"cost": lambda: cost(placements), "mask": lambda: cost.feasible(placements)}
    best = interleaved(runs)
    objective = cost.objective
    milliseconds = (1e3 * best["cost"], 1e3 * best["mask"])
    return [objective.name, objective.transfers, compiled, *milliseconds]


def main() -> None:
    """Print the tables."""
    instance = generate("random-dag", seed=1, layers=LAYERS - 1)
    nodes, edges = len(instance.nodes), len(instance.models[0].edges)
    print(f"{BATCH} placements x {LAYERS} layers ({edges} edges) x {nodes} nodes; {machine()}\n")
    rows = [
        compare(instance, "latency", NumpyLatency(instance)),
        compare(instance, "makespan", NumpyMakespan(instance)),
    ]
    header = ["objective", "compile s", "BatchCost ms", "numpy ms", "times numpy", "times loop"]
    print(table([*header, f"ms per {BATCH} of {MANY:,} (uint8)"], rows))
    print()
    header = ["objective", "transfers", "compile s", "BatchCost ms", "feasible ms"]
    print(table(header, others(instance)))


if __name__ == "__main__":
    asked_for(__doc__)
    main()
