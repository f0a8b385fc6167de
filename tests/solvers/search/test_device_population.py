"""`evolution` with its population on the device: the same rules, optima and repeatability."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest

from splitfog import generate, solve
from splitfog.formulations.objective import objective_for
from splitfog.formulations.plan import Plan
from splitfog.formulations.vectorised.batch_cost import BatchCost
from splitfog.instances.instance import Instance
from splitfog.solvers.search import device_population, evolution
from splitfog.solvers.search.device_moves import repaired, tables_of
from splitfog.solvers.search.moves import Moves
from splitfog.solvers.starts.placement_space import PlacementSpace, homeless
from tests.cases.golden import OPTIMA, case, optimum
from tests.cases.strategies import random_instance
from tests.checks import check_plan

CLOCK = ("runtime_s", "progress")


@pytest.fixture(autouse=True)
def _no_enumeration(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small instances are searched like large ones."""
    monkeypatch.setattr(evolution, "MOST_ENUMERATED", 0)


def on_device(instance: Instance, seed: int = 0, **how: Any) -> Plan:
    """The plan of a search on the device from random placements."""
    options = {"population": "device", "warm": False}
    return solve(instance, "evolution", seed=seed, time_limit_s=600, options=options, **how)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("memory-1", "latency, once, not monotone"),
        pytest.param("memory-4", "period, once", marks=pytest.mark.slow),
    ],
)
def test_reaches_the_optimum(name, key):
    """The least value over all placements, with memory and groups, no warm start."""
    plan = on_device(case(name)[0], **OPTIMA[key])
    check_plan(case(name)[0], plan)
    assert plan.value == pytest.approx(optimum(name, key), rel=1e-9)


@pytest.mark.slow  # compiles twice
def test_same_seed_same_plan(monkeypatch):
    """Many streams: twice the same plan by the same seed, no worse than the host's; the second
    search compiles nothing."""
    traced = []

    def counted(*how):
        traced.append(how)
        return repaired(*how)

    monkeypatch.setattr(device_population, "repaired", counted)
    instance = generate("fog", users=3, seed=1, utilisation=0.5)
    plans = [on_device(instance, seed=5, objective="mean-latency")]
    once = len(traced)
    plans.append(on_device(instance, seed=5, objective="mean-latency"))
    assert len(traced) == once > 0
    check_plan(instance, plans[0])
    assert plans[0].value == plans[1].value
    assert [task.placement for task in plans[0].tasks] == [
        task.placement for task in plans[1].tasks
    ]
    host = solve(
        instance, "evolution", objective="mean-latency", time_limit_s=600, options={"warm": False}
    )
    assert plans[0].value is not None
    assert host.value is not None
    assert plans[0].value <= 1.01 * host.value


def test_orders_are_not_bred_there():
    """Makespan needs orders, which only the host makes: said in a sentence."""
    with pytest.raises(ValueError, match="population = 'device', must be host for the objective"):
        on_device(case("mesh-3")[0], objective="makespan")


@pytest.mark.parametrize("seed", [1, 2, 7, 8, 232])
def test_repair_and_excess_are_those_of_the_host(seed):
    """The same codes and the same overload, wherever one pass mends all."""
    instance = random_instance(np.random.default_rng(seed), num_tasks=2, rates=True)
    objective = objective_for(instance, "mean-latency", monotone=bool(seed % 2))
    space = PlacementSpace(instance, objective)
    assert homeless(space) is None
    rng = np.random.default_rng(seed)
    codes = rng.choice(space.code_of, (space.num_units, 8))
    moves = Moves(space, rng)
    expected = codes.copy()
    space.repair(expected, 4)
    with jax.enable_x64(True):
        lowered = np.arange(8) < 4
        made = np.asarray(
            repaired(tables_of(space, moves), jax.numpy.asarray(codes), jax.numpy.asarray(lowered))
        )
        excess = BatchCost(instance, objective).excess_on_device(
            jax.numpy.asarray(space.placements(expected))
        )
    assert (space.edges[:, 0] < space.edges[:, 1]).all()
    assert (made == expected).all()
    assert np.asarray(excess) == pytest.approx(space.excess(expected), rel=1e-9, abs=1e-12)
