"""greedy: what each step sees, and that its prices are the objectives'."""

from __future__ import annotations

from math import isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st

from splitfog import Instance, solve
from splitfog.baselines.simple.greedy import _Pass
from splitfog.baselines.simple.prices import PRICES, Bundle
from splitfog.formulations.arrays.task import task_arrays
from splitfog.formulations.costs.reference import decision_cost
from splitfog.formulations.decision import placed
from splitfog.formulations.objective import Objective
from tests.cases.small_networks import chain, layer, network, places
from tests.cases.strategies import instances


def test_by_hand() -> None:
    """a: d 0.5 < e 1.05 < c 1.255; b: c 0.125 + 0.02 < e 0.1 + 0.2 < d 2; c: c 0.01; 0.655."""
    instance = network(chain((0, 1.0), (0.5, 0.1), (2, 0.5), (1, 0.0)))
    plan = solve(instance, "greedy", "latency")
    assert plan.value == pytest.approx(0.655)
    assert places(instance, plan) == "ddcc"


def test_it_does_not_look_ahead() -> None:
    """a stays (0.5 < 1.05) and its 4 MB then keep all at d: 3.5 s, where e would take 1.35 s."""
    instance = network(chain((0, 1.0), (0.5, 4.0), (2, 4.0), (1, 0.0)))
    plan = solve(instance, "greedy", "latency")
    assert places(instance, plan) == "dddd"
    assert plan.value == pytest.approx(3.5)


def test_a_tensor_is_paid_once_a_link() -> None:
    """b and c both read a (1 MB): c rides on b's transfer with `once`, pays its own per edge.

    once: b goes to e for 1 + 0.2 s < 2 s at d, then c for 0.09 s < 0.9 s. per-edge: c stays.
    """
    layers = [layer("in", 0, 0), layer("a", 0, 1, "in"), layer("b", 2, 0, "a")]
    instance = network([*layers, layer("c", 0.9, 0, "a")])
    # b and c end there; with inputs of 0 bytes a itself could leave for nothing
    pinned = network([layers[0], layer("a", 0, 1, "in", tiers=("device",)), layers[2],
                      layer("c", 0.9, 0, "a")])  # fmt: skip
    assert places(instance, solve(pinned, "greedy", "latency")) == "ddee"
    assert places(instance, solve(pinned, "greedy", "latency", transfers="per-edge")) == "dded"


@given(
    instances(num_tasks=2, rates=True),
    st.sampled_from(["latency", "period", "mean-latency"]),
    st.booleans(),
)
def test_prices_add_up_to_the_objective(instance: Instance, name: str, monotone: bool) -> None:
    """The sum of what every step added (for `period` the last) is the reference cost."""
    objective = Objective(name, monotone=monotone)  # type: ignore[arg-type]
    prices = PRICES[name](instance, objective)
    added, place = [], prices.place

    def recording(bundle: Bundle, node: int) -> None:
        added.append(float(prices.prices(bundle)[0][node]))
        place(bundle, node)

    prices.place = recording  # type: ignore[method-assign]
    arrays = [task_arrays(instance, position) for position in range(2)]
    found = [_Pass(own, position, prices).run() for position, own in enumerate(arrays)]
    if any(isinstance(placement, str) for placement in found):
        return
    cost = float(decision_cost(instance, placed(*found), objective))  # type: ignore[arg-type]
    rates = [task.arrivals_per_s for task in instance.tasks]
    weights = [r or 0.0 for r in rates] if any(rates) and name == "mean-latency" else [1.0, 1.0]
    expected = added[-1] if name == "period" else sum(added) / sum(weights)
    assert isclose(cost, expected, rel_tol=1e-9, abs_tol=1e-12)
