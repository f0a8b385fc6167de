"""What ways of adapting promise on a link that fades as LTE does, of a few seeds."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

import splitfog as sf
from splitfog.deployment.adaptation.offline import offline_path, path_cost
from splitfog.deployment.adaptation.rules import Argmin, Switch
from splitfog.deployment.adaptation.situation import Rule, Situation
from splitfog.deployment.adaptation.switching import switch_matrix

LINK = ("device", "edge0")
BOX = (1e4, 1e9)


@cache
def case(model: str) -> tuple[sf.Instance, sf.PlanTable]:
    """A Pi 4, a desktop and a server, with a table over the bandwidth between the first two."""
    instance = sf.generate("three-tier", model=model)
    return instance, sf.plan_table(instance, {LINK: BOX}, routes="keep")


def faded(seed: int) -> sf.Trace:
    """Ten minutes."""
    return sf.generate_trace("fading", seed=seed, preset="lte", link=LINK, directions="forward")


def ratio(rule: Rule, costs: Any, switch_s: Any) -> float:
    """What a rule that knows the figures costs, changes included, over the offline optimum."""
    path = []
    for time_s, row in enumerate(costs):
        rule = rule.after(Situation(float(time_s), row))
        path.append(rule.position)
    best = path_cost(costs, offline_path(costs, switch_s), switch_s)
    return path_cost(costs, np.array(path), switch_s) / best


@pytest.mark.parametrize("model", ["resnet-18", "alexnet"])
@pytest.mark.parametrize("price_s", [0.1, 1.0, 10.0])
def test_switch_is_near_the_offline_optimum(model: str, price_s: float) -> None:
    """At most 1.25 times it, whatever a change costs; the fastest each time is much dearer."""
    _, table = case(model)
    switch_s = switch_matrix("switch_s", price_s, len(table.plans))
    for seed in range(3):
        bandwidths = np.array(faded(seed).series[0].values).clip(*BOX)
        costs = table.values(bandwidths[:, None])
        mine = ratio(Switch(switch_s), costs, switch_s)
        assert mine <= 1.25
        assert mine <= ratio(Argmin(), costs, switch_s)


def ways(model: str, seed: int, adapt: list[str], **how: Any) -> list[Any]:
    """What a replay says of ways that measure everything."""
    instance, table = case(model)
    found = sf.replay(
        instance, faded(seed), table=table, adapt=adapt, seed=seed, measure="all", **how
    )
    return list(found.ways)


@pytest.mark.parametrize("model", ["resnet-18", "alexnet"])
def test_learned_is_no_worse_than_the_best_plan(model: str) -> None:
    """By what the other half of a trace taught: at most 1.5 points above it."""
    learned, fixed = ways(model, 0, ["learned", "best-fixed"])
    assert learned.regret <= fixed.regret + 0.015


def test_backlog_is_far_below_the_table_as_if_alone() -> None:
    """At two requests a second, which queue: at least 30 % less."""
    how: dict[str, Any] = {"requests": "poisson:2", "queues": "fifo"}
    alone, backlog = ways("resnet-18", 0, ["argmin", "backlog"], **how)
    assert backlog.mean_s <= 0.7 * alone.mean_s
