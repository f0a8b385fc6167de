"""Batches of placements of models with passes cost what the reference says."""

from __future__ import annotations

from math import inf
from typing import Any

import numpy as np
import pytest

import splitfog as sf
from tests.cases.enumeration.passes import with_passes
from tests.cases.golden import case


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("passes-2", {"objective": "latency", "contiguous": "ring"}),
        ("passes-2", {"objective": "period", "pass_name": "decode", "contiguous": "line"}),
        ("passes-3", {"objective": "latency", "pass_name": "decode", "transfers": "per-edge"}),
        ("passes-3", {"objective": "period", "monotone": False}),
        ("shared-weights-1", {"objective": "latency"}),
    ],
)
def test_a_batch_is_a_loop(name: str, asked: dict[str, Any]) -> None:
    """Values and feasibility of random placements: sends, state, direct links, runs of layers."""
    instance, _ = case(name)
    width = sum(len(instance.model_of(task).layers) for task in instance.tasks)
    rows = np.random.default_rng(0).integers(0, len(instance.nodes), (60, width))
    cost = sf.BatchCost(instance, **asked)
    for row, value, fits in zip(rows, cost(rows), cost.feasible(rows), strict=True):
        plan = sf.plan(instance, row, **asked)
        assert value == pytest.approx(inf if plan.value is None else plan.value, rel=1e-12)
        assert fits == (not sf.violations(instance, plan))


def test_what_is_never_sent_needs_no_route() -> None:
    """Every placement whose reference cost is finite has that cost, over missing links, too."""
    instance = with_passes(5, "direct", layers=4)
    rows = np.array(list(np.ndindex(3, 3, 3, 3)))
    values = sf.BatchCost(instance, pass_name="decode")(rows)
    expected = [sf.plan(instance, row, "latency", pass_name="decode").value for row in rows]
    assert None in expected
    assert values == pytest.approx([inf if value is None else value for value in expected])
