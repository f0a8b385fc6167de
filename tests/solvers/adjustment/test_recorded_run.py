"""What a run records after parts of it were redone is what a new run records."""

from __future__ import annotations

from math import inf
from typing import Any

import numpy as np
import pytest

from splitfog import Instance, generate
from splitfog.formulations.arrays.tiers import TierGraph
from splitfog.solvers.adjustment import recorded_run
from splitfog.solvers.adjustment.figures import Figures
from splitfog.solvers.adjustment.recorded_run import RecordedRun
from splitfog.solvers.d3.hpa import costs_by_tier, horizontal_partition, look_ahead

RIVALS: dict[str, Any] = {"heterogeneity": 0.95, "speed_ratio": 1.2, "ccr": 0.3}
"""Nodes that are about as fast, each better at some layers."""


def adjusted(run: RecordedRun, figures: Figures, once: bool) -> tuple[TierGraph, int]:
    """The run at other figures: its graph, and how many layers were decided anew."""
    graph = TierGraph(figures.arrays(0), figures.routes)
    costs_s = np.array(costs_by_tier(graph, look_ahead(graph, once)))
    return graph, run.adjust(graph, costs_s)[0]


def records(run: RecordedRun, graph: TierGraph) -> dict[str, list[Any]]:
    """All that the run has recorded, trees by what they are in place of their positions."""
    assert run.records is not None
    trees = list(graph.trees)
    found = {name: getattr(run.records, name).tolist() for name in PLAIN}
    for name in ("way", "joined", "apart"):
        found[name] = [trees[at] for at in getattr(run.records, name).tolist()]
    return found


PLAIN = ("chosen", "outcome", "before", "least", "least_common")


@pytest.mark.parametrize("once", [True, False])
@pytest.mark.parametrize("seed", range(3))
def test_many_changes(seed: int, once: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Thirty times in a row all loads and a bandwidth change by a few per cent."""
    monkeypatch.setattr(recorded_run, "MOST_REDONE", inf)
    rng = np.random.default_rng(seed)
    instance = generate("random-dag", seed=seed, layers=80, width=8, **RIVALS)
    (model,) = instance.models
    figures, run = Figures.of(instance), RecordedRun(model, once)
    adjusted(run, figures, once)
    redone = []
    for _ in range(30):
        figures = figures.told(small_change(rng, instance), {}, None)
        graph, looked_at = adjusted(run, figures, once)
        redone.append(looked_at)
        new = RecordedRun(model, once)
        other, _ = adjusted(new, figures, once)
        assert records(run, graph) == records(new, other)
        nodes = horizontal_partition(other, once)
        assert nodes is not None and run.tiers is not None
        assert np.array(graph.nodes)[run.tiers].tolist() == nodes.tolist()
    assert sum(0 < layers < 80 for layers in redone) > 10


def small_change(rng: np.random.Generator, instance: Instance) -> dict[Any, float]:
    """All loads near 1, and a bandwidth near its own."""
    link = instance.links[int(rng.integers(2))]
    own: dict[Any, float] = {node.name: 1.0 for node in instance.nodes}
    own[link.tail, link.head] = link.bandwidth_bps
    return {key: value * float(np.exp(0.05 * rng.normal())) for key, value in own.items()}


def test_too_much_to_redo(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where more follows than is worth it, all layers are decided anew."""
    instance = generate("random-dag", layers=60, width=1, max_inputs=1)
    figures = Figures.of(instance)
    monkeypatch.setattr(recorded_run, "MOST_REDONE", 0)
    run = RecordedRun(instance.models[0], True)
    adjusted(run, figures, True)
    _, looked_at = adjusted(run, figures.told({"cloud": 1e6}, {}, None), True)
    assert looked_at == 61
