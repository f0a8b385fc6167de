"""Periods and their bounds on accelerators around a host: `-m benchmarks.partition.period [RUNS]`.

The published throughput workloads of github.com/msr-fiddle/dnn-partitioning, where they lie beside
the repository (else they are left out), and operator graphs of transformer encoders of the sizes
of that collection's, with made-up times: `ilp` with a limit of 60 s, RUNS times by other seeds.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import asked_for, machine, table
from splitfog import Instance, Layer, Link, Model, Node, Task, solve
from splitfog.formulations.objective import Objective
from splitfog.instances.importers.msr import import_msr

LIMIT_S = 60.0
PUBLISHED = Path(__file__).parents[3] / "shared" / "data" / "msr-dnn-partitioning"
WORKLOADS = {"throughput-bert24": 17.715, "throughput-resnet50": 33.433}
"""With the period in ms of the published integer program."""
ENCODERS = (6, 12, 24)
ACCELERATORS = 6
PERIOD = Objective("period", "once", monotone=False)


class OperatorGraph:
    """Operators of a transformer's encoders, one by one; ms of time and of every crossing."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.layers: list[Layer] = []

    def add(self, time_ms: float, crossing_ms: float, *inputs: str) -> str:
        """An operator of about that time, ten times as much on the host; its name."""
        seconds = round(time_ms * float(self.rng.uniform(0.8, 1.2)), 3) * 1e-3
        layer = Layer(
            name=f"op{len(self.layers)}",
            op="other",
            inputs=inputs,
            output_bytes=crossing_ms * 1e-3,
            times_s={"host": 10 * seconds, "accelerator": seconds},
        )
        self.layers.append(layer)
        return layer.name

    def run(self, figures: Sequence[tuple[float, float]], name: str) -> str:
        """Operators one after another."""
        for time_ms, crossing_ms in figures:
            name = self.add(time_ms, crossing_ms, name)
        return name

    def norm(self, name: str) -> str:
        """A layer normalisation: mean, difference, variance, quotient, scale, shift."""
        mean = self.add(0.04, 0.002, name)
        difference = self.add(0.03, 0.05, name, mean)
        root = self.run([(0.03, 0.05), (0.03, 0.002), (0.003, 0.002), (0.003, 0.002)], difference)
        return self.run([(0.03, 0.05)] * 2, self.add(0.03, 0.05, difference, root))

    def encoder(self, name: str, mask: str) -> str:
        """Attention and a feed-forward block, each with its shortcut."""
        split = [(0.25, 0.05), (0.03, 0.05), (0.01, 0.05), (0.05, 0.05)]
        query, key, value = (self.run(split, name) for _ in range(3))
        scores = self.add(0.2, 0.1, query, self.add(0.02, 0.05, key))
        scores = self.add(0.05, 0.1, self.add(0.04, 0.1, scores), mask)
        mixed = self.add(0.2, 0.05, self.add(0.1, 0.1, scores), value)
        mixed = self.run([(0.05, 0.05), (0.25, 0.05), (0.03, 0.05)], mixed)
        name = self.norm(self.add(0.03, 0.05, mixed, name))
        wide = self.run([(0.9, 0.2), (0.06, 0.2)], name)
        gate = self.run([(0.05, 0.2), (0.1, 0.2), (0.04, 0.2)], wide)
        wide = self.run([(0.04, 0.2), (0.9, 0.05), (0.03, 0.05)], self.add(0.05, 0.2, wide, gate))
        return self.norm(self.add(0.03, 0.05, wide, name))


def encoders(count: int, seed: int = 0) -> Instance:
    """The operator graph of so many encoders on `ACCELERATORS` around a host."""
    graph = OperatorGraph(seed)
    name, mask = graph.add(0.3, 0.05), graph.add(0.02, 0.01)
    for _ in range(count):
        name = graph.encoder(name, mask)
    graph.add(0.3, 0.0, name)
    names = [f"accelerator{i}" for i in range(ACCELERATORS)]
    return Instance(
        name=f"encoders-{count}",
        tiers=("host", "accelerator"),
        nodes=(
            Node(name="host", tier="host", speed_flops=1e9),
            *(Node(name=n, tier="accelerator", speed_flops=1e9, overlap=False) for n in names),
        ),
        links=tuple(Link(tail="host", head=n, bandwidth_bps=8.0) for n in names),
        models=(Model(name="encoders", layers=tuple(graph.layers)),),
        tasks=(Task(name="inference", model="encoders", source=None),),
    )


def cases() -> Iterator[tuple[str, Instance, float | str]]:
    """A name, an instance and the published ms, if any."""
    for name, published_ms in WORKLOADS.items():
        if (file := PUBLISHED / f"{name}.json").exists():
            yield name, import_msr(file), published_ms
    for count in ENCODERS:
        instance = encoders(count)
        yield f"{instance.name}, {len(instance.models[0].layers)} operators", instance, "-"


def main(runs: int) -> None:
    """Print a row a run."""
    print(machine(), "\n")
    rows: list[list[Any]] = []
    for name, instance, published_ms in cases():
        for seed in range(runs):
            started = time.perf_counter()
            plan = solve(instance, "ilp", PERIOD, time_limit_s=LIMIT_S, seed=seed)
            seconds = time.perf_counter() - started
            figures = [
                None if s is None else f"{1e3 * s:.4f}" for s in (plan.value, plan.lower_bound)
            ]
            gap = None if plan.gap is None else f"{100 * plan.gap:.3f}"
            rows.append([name, published_ms, *figures, gap, plan.status, f"{seconds:.1f}"])
    header = ["", "published ms", "ours ms", "bound ms", "gap %", "status", "seconds"]
    print(table(header, rows))


if __name__ == "__main__":
    words = asked_for(__doc__, "how often, by default once")
    main(int(words[0]) if words else 1)
