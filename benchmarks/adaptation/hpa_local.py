"""`hpa-local` against full runs of `hpa-plain`.

`python -m benchmarks.adaptation.hpa_local [equal|speed|zoo]`.

equal: values of both on 1,000 random (DAG, change) pairs. speed: 10,000 layers, 20 changes of a
kind. zoo: how many decisions fail when a bandwidth changes, in how many layers, and the time.

A full run is `hpa-plain`'s own work with the same figures, from the times and routes to the
plan's names and value, without making and checking an instance, its bound or a report.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any

import numpy as np

from benchmarks.common import asked_for, machine, table
from splitfog import HpaLocal, Instance, generate, solve, zoo
from splitfog.formulations.arrays.tier_latency import tier_latency
from splitfog.formulations.arrays.tiers import TierGraph
from splitfog.solvers.adjustment.figures import Figures
from splitfog.solvers.d3.hpa import horizontal_partition
from tests.cases.figures import random_change, with_figures

PAIRS = 1_000
CHANGES = 20
FACTORS = {"1.1": 1.1, "0.9": 0.9, "half": 0.5, "a tenth": 0.1}

Change = tuple[dict[Any, float], dict[str, dict[str, float]]]

DAGS: dict[str, dict[str, Any]] = {
    "width 5": {},
    "width 20": {"width": 20},
    "width 20, rivals": {"width": 20, "heterogeneity": 0.95, "speed_ratio": 1.5, "ccr": 0.1},
}
"""Of 10,000 layers; rivals: nodes that are about as fast, each better at some layers."""


def equal() -> str:
    """The largest relative difference of the values, and how much was looked at."""
    worst, looked_at, layers = 0.0, 0, 0
    for seed in range(PAIRS):
        rng = np.random.default_rng(seed)
        options: dict[str, Any] = {
            "layers": int(rng.integers(5, 120)),
            "width": int(rng.integers(1, 9)),
            "ccr": float(rng.choice([0.05, 0.2, 1, 5, 20])),
            "heterogeneity": float(rng.choice([0, 0.5, 0.95])),
            "speed_ratio": float(rng.choice([1.05, 1.5, 5])),
            "results_to": None if rng.random() < 0.7 else "device",
        }
        instance = generate("random-dag", seed=seed, **options)
        transfers = str(rng.choice(["once", "per-edge"]))
        local = HpaLocal(instance, transfers=transfers)
        figures, times = random_change(rng, instance)
        plan, report = local.adapt(figures, times)
        changed = with_figures(instance, figures, times)
        full = solve(changed, "hpa-plain", "latency", transfers=transfers)
        assert plan.value is not None and full.value is not None
        worst = max(worst, abs(plan.value - full.value) / full.value)
        looked_at += report.looked_at
        layers += len(instance.models[0].layers)
    row = [PAIRS, worst, f"{looked_at / layers:.1%}"]
    return table(["pairs", "largest relative difference", "of all layers looked at"], [row])


def one_layer(rng: np.random.Generator, instance: Instance) -> Change:
    """Another time of a layer on a node."""
    return {}, _times(rng, instance, 1)


def some_layers(rng: np.random.Generator, instance: Instance) -> Change:
    """Other times of 1 % of the layers, each on a node."""
    return {}, _times(rng, instance, max(1, len(instance.models[0].layers) // 100))


def bandwidth(rng: np.random.Generator, instance: Instance) -> Change:
    """Another bandwidth of a link, half to twice as much."""
    link = instance.links[int(rng.integers(len(instance.links)))]
    return {(link.tail, link.head): link.bandwidth_bps * 2.0 ** rng.uniform(-1, 1)}, {}


def load(rng: np.random.Generator, instance: Instance) -> Change:
    """A node that is up to three times as slow."""
    return {instance.nodes[int(rng.integers(len(instance.nodes)))].name: rng.uniform(1, 3)}, {}


def _times(rng: np.random.Generator, instance: Instance, count: int) -> dict[str, dict[str, float]]:
    layers = instance.models[0].layers
    times: dict[str, dict[str, float]] = {}
    for position in rng.choice(np.arange(1, len(layers)), count, replace=False).tolist():
        node = instance.nodes[int(rng.integers(len(instance.nodes)))]
        layer = layers[position]
        usual = layer.times_s.get(node.name, layer.flops / node.speed_flops)
        times[layer.name] = {node.name: usual * float(np.exp(rng.normal()))}
    return times


KINDS: dict[str, Callable[[np.random.Generator, Instance], Change]] = {
    "one layer": one_layer,
    "1 % of the layers": some_layers,
    "a bandwidth": bandwidth,
    "a load": load,
}


def full_run(instance: Instance, figures: Figures) -> float:
    """Seconds of a run of `hpa-plain` with its plan by names and its value."""
    started = time.perf_counter()
    graph = TierGraph(figures.arrays(0), figures.routes)
    nodes = horizontal_partition(graph, once=True)
    assert nodes is not None
    tier_of = {node: tier for tier, node in enumerate(graph.nodes)}
    tier_latency(graph, np.array([tier_of[node] for node in nodes.tolist()]), once=True)
    names = [node.name for node in instance.nodes]
    layers = instance.models[0].layers
    dict(zip([layer.name for layer in layers], [names[n] for n in nodes.tolist()], strict=True))
    return time.perf_counter() - started


def race(instance: Instance, changes: Iterator[Change]) -> list[tuple[float, float, int]]:
    """Seconds of the full run and of `adapt`, and layers looked at, for changes in a row."""
    local, figures, found = HpaLocal(instance), Figures.of(instance), []
    for changed, times in changes:
        figures = figures.told(changed, times, None)
        _, report = local.adapt(changed, times)
        found.append((full_run(instance, figures), report.seconds, report.looked_at))
    return found


def speed() -> str:
    """Full runs and `adapt` at 10,000 layers."""
    rows = []
    for name, options in DAGS.items():
        instance = generate("random-dag", layers=10_000, **options)
        for kind, draw in KINDS.items():
            rng = np.random.default_rng(0)
            found = race(instance, (draw(rng, instance) for _ in range(CHANGES)))
            whole, own, looked_at = zip(*found, strict=True)
            ratios = [full / adapt for full, adapt in zip(whole, own, strict=True)]
            most = f"{median(looked_at):.0f} / {max(looked_at)}"
            own_ms = f"{median(own) * 1e3:.1f} / {max(own) * 1e3:.1f}"
            rows.append([name, kind, median(whole) * 1e3, own_ms, median(ratios), most])
    header = ["10,000 layers", "change", "full run ms", "adapt ms, median / most"]
    return table([*header, "times faster, median", "looked at, median / most"], rows)


def zoo_table() -> str:
    """What a change of a bandwidth does to every network, and what it takes."""
    rows = []
    for model in zoo.names():
        instance = generate("three-tier", model=model, device_edge="wi-fi")
        cells = []
        unchanged: list[float] = []
        followed: list[float] = []
        for factor in FACTORS.values():
            counts = []
            for link in instance.links[::2]:  # up; nothing goes down
                key = link.tail, link.head
                there: Change = {key: link.bandwidth_bps * factor}, {}
                back: Change = {key: link.bandwidth_bps}, {}
                _, report = HpaLocal(instance).adapt(*there)
                counts.append(f"{report.failed} / {report.changed}")
                for whole, own, looked_at in race(instance, iter([there, back] * 10)):
                    (followed if looked_at else unchanged).append(own / whole)
            cells.append(", ".join(counts))
        ratios = [f"{median(own):.2f}" if own else "-" for own in (unchanged, followed)]
        rows.append([model, len(instance.models[0].layers), *cells, *ratios])
    header = [f"to {factor}" for factor in FACTORS]
    return table(["failed / moved", "layers", *header, "adapt / full", "where some fail"], rows)


WORDS: dict[str, Callable[[], str]] = {"equal": equal, "speed": speed, "zoo": zoo_table}


def main(words: list[str]) -> None:
    """Print the tables asked for."""
    print(machine(), "\n")
    for word in words or WORDS:
        print(WORDS[word](), "\n")


if __name__ == "__main__":
    main(asked_for(__doc__, "equal, speed or zoo; all without", tuple(WORDS)))
