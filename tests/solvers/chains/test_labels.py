"""Prices and labels, which are for many nodes, on few: what they find is what enumeration finds."""

from __future__ import annotations

from itertools import product
from math import inf
from typing import Any

import pytest

import splitfog as sf
from splitfog.formulations.deadline import NEVER
from splitfog.formulations.objective import Objective
from splitfog.instances.instance import Instance
from splitfog.solvers.chains import dssr, pipeline
from splitfog.solvers.chains.chain import chain_for
from splitfog.solvers.chains.dssr import Layout
from tests.cases.enumeration.blocks import blocks
from tests.cases.enumeration.chains import least, tiny_chain


@pytest.fixture(autouse=True)
def all_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few nodes are taken for many."""
    monkeypatch.setattr(dssr, "SMALL", 0)
    monkeypatch.setattr(pipeline, "MOST_OF_BLOCKS", 0)


def best(instance: Instance, objective: Objective) -> Layout:
    """The best layout that is found."""
    return pipeline.Pipeline(chain_for(instance, objective), objective).best(inf, NEVER)


@pytest.mark.parametrize("held", ["line", "ring"])
@pytest.mark.parametrize("name", ["latency", "period"])
def test_any_chain(name: Any, held: Any) -> None:
    """Unlike layers, groups, shared weights, nodes alike: the optimum, proven."""
    objective = Objective(name, contiguous=held)
    for seed in range(40):
        instance = tiny_chain(seed)
        layout, value = best(instance, objective), least(instance, objective)
        assert layout.cost == pytest.approx(value, rel=1e-9), seed
        assert layout.bound == pytest.approx(value, rel=1e-8), seed


@pytest.mark.parametrize("held", ["line", "ring"])
@pytest.mark.parametrize("name", ["latency", "period"])
def test_blocks(name: Any, held: Any) -> None:
    """Identical blocks, of which no two ranges are partial and a ring's last one has the fewest."""
    objective = Objective(name, contiguous=held)
    shapes = [{"ends": True}, {"ends": False}, {"ends": True, "back": True}]
    for shape, seed in product(shapes, range(4)):
        instance = blocks(seed, bool(seed % 2), target=("n0", "n2")[seed // 2], **shape)
        asked: dict[str, Any] = {"objective": name, "contiguous": held}
        value = sf.solve(instance, "brute-force", **asked).value
        layout = best(instance, objective)
        assert layout.cost == pytest.approx(inf if value is None else value, rel=1e-9)
        assert layout.bound == pytest.approx(layout.cost, rel=1e-9)
