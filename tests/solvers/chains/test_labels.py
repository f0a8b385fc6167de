"""Prices and labels, which are for many nodes, on few: what they find is what enumeration finds."""

from __future__ import annotations

from itertools import product
from math import inf
from typing import Any

import numpy as np
import pytest

import splitfog as sf
from splitfog.formulations.deadline import NEVER
from splitfog.formulations.objective import Objective
from splitfog.instances.instance import Instance
from splitfog.solvers.chains import dssr, labels, pipeline
from splitfog.solvers.chains.chain import chain_for
from splitfog.solvers.chains.dssr import Layout
from splitfog.solvers.chains.line import RangeLine
from splitfog.solvers.chains.memory import Memory, nothing, remembered
from splitfog.solvers.chains.multiset_dp import best_walk
from splitfog.solvers.chains.prices import priced, with_good_prices
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
    for seed in range(20):
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
    for shape, seed in product(shapes, (0, 3)):
        instance = blocks(seed, bool(seed % 2), target=("n0", "n2")[seed // 2], **shape)
        asked: dict[str, Any] = {"objective": name, "contiguous": held}
        value = sf.solve(instance, "brute-force", **asked).value
        layout = best(instance, objective)
        assert layout.cost == pytest.approx(inf if value is None else value, rel=1e-9)
        assert layout.bound == pytest.approx(layout.cost, rel=1e-9)


def test_bounds_hold_where_labels_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """With two labels at most a search remembers nodes and chooses the first; its bound is never
    more than the optimum, and its layout costs no less."""
    sizes = []

    def counted(cycles: Any, most: int) -> Memory:
        sizes.append(most)
        return remembered(cycles, most)

    monkeypatch.setattr(labels, "MOST_LABELS", 2)
    monkeypatch.setattr(dssr, "remembered", counted)
    objective = Objective("latency", contiguous="ring")
    for seed in range(20):
        instance = tiny_chain(seed)
        layout, value = best(instance, objective), least(instance, objective)
        assert layout.bound <= value * (1 + 1e-9) and layout.cost >= value * (1 - 1e-9), seed
    assert sizes


def random_line(seed: int) -> RangeLine:
    """Four kinds of one node for six layers, of which a range has three at most."""
    rng = np.random.default_rng(seed)
    cuts = np.arange(7)
    lengths = cuts - cuts[:, None]
    fits = (lengths > 0) & (lengths <= 3)
    stages = np.where(fits, lengths * rng.uniform(1, 9, (4, 1, 1)), inf)
    hops = rng.uniform(1, 9, (7, 4, 4))
    hops[:, range(4), range(4)] = inf
    ends = np.full((2, 4, 7), inf)
    ends[0, :, 0] = ends[1, :, -1] = 0.0
    counts = np.ones(4, np.int64)
    return RangeLine(counts=counts, stages=stages, hops=hops, starts=ends[0], ends=ends[1])


def test_who_remembers_everything_uses_nothing_twice() -> None:
    """At no price a walk that remembers all nodes is the best one; without a memory it costs less
    in some lines, and never more, and prices never lift its bound above that cost."""
    less = 0
    for seed in range(20):
        line = random_line(seed)
        everyone = Memory(np.tile(np.arange(4), (4, 1)))
        cost, _ = best_walk(line, (0, 1, 2, 3), NEVER)
        free = np.zeros(4)
        assert priced(line, free, everyone).bound == pytest.approx(cost)
        blind = priced(line, free, nothing(line))
        less += blind.bound < cost * (1 - 1e-9)
        good, _ = with_good_prices(blind, cost, NEVER)
        assert blind.bound <= good.bound <= cost * (1 + 1e-9)
    assert less >= 5
