"""jointdnn, ionn and aaiot: shortest paths through blocks and nodes."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from splitfog import Instance, solve
from splitfog.formulations.objective import Objective
from tests.cases.small_networks import (
    best_of_all,
    chain,
    from_lowest,
    layer,
    link,
    network,
    node,
    places,
)
from tests.cases.strategies import instances

TRANSFERS = st.sampled_from(["once", "per-edge"])


def has_input(instance: Instance) -> bool:
    """Whether the model reads data from a source."""
    return any(layer.op == "input" for layer in instance.models[0].layers)


@given(
    instances(num_nodes=2, line=True, chain=True, limits=False),
    st.builds(Objective, st.just("latency"), TRANSFERS, st.booleans()),
)
def test_jointdnn_is_exact_on_chains_with_two_nodes(
    instance: Instance, objective: Objective
) -> None:
    """There and back again too, where not monotone."""
    assume(has_input(instance))
    plan = solve(instance, "jointdnn", objective)
    best = best_of_all(instance, objective)
    assert (plan.value if plan.value is not None else float("inf")) == pytest.approx(best)


@given(instances(num_nodes=3, line=True, chain=True, limits=False), TRANSFERS)
def test_aaiot_is_exact_on_chains_in_a_line(instance: Instance, transfers: str) -> None:
    """Monotone, with one node a tier and data from the lowest."""
    assume(has_input(instance))
    instance = from_lowest(instance, instance.tasks[0].results_to)
    objective = Objective("latency", transfers)  # type: ignore[arg-type]
    plan = solve(instance, "aaiot", objective)
    best = best_of_all(instance, objective)
    assert (plan.value if plan.value is not None else float("inf")) == pytest.approx(best)


def test_aaiot_by_hand() -> None:
    """a at d, b at e, c at c: 0.5 + 0.1 + 1 + 0.025 + 0.1 s; b takes 2 s at c."""
    layers = chain((0, 9.0), (0.5, 0.1), (10, 0.1), (10, 0.0))
    layers[2] = layer("b", 10, 0.1, "a", times_s={"c": 2.0})
    instance = network(layers)
    plan = solve(instance, "aaiot")
    assert (places(instance, plan), plan.value) == ("ddec", pytest.approx(1.725))


def test_jointdnn_comes_back_where_it_may() -> None:
    """a on e, the tiny rest on d where the results are read anyway: 1 + 0.5 + 0.1 + 0.1 s."""
    layers = chain((0, 1.0), (5, 0.1), (0.1, 1.0))
    nodes = [node("d", 1e9, "device"), node("e", 10e9, "edge")]
    instance = network(layers, nodes, [link("d", "e", 8e6)], results_to="d")
    back = solve(instance, "jointdnn", monotone=False)
    assert (places(instance, back), back.value) == ("ded", pytest.approx(1.7))
    # monotone: b at e, its 1 MB back: 1 + 0.51 + 1 s
    assert solve(instance, "jointdnn").value == pytest.approx(2.51)


@pytest.mark.parametrize(("queries", "where", "value"), [(6, "dd", 2.0), (7, "de", 1.2)])
def test_ionn_uploads_where_it_pays(queries: int, where: str, value: float) -> None:
    """At d 2 s; at e 1 + 0.2 s and 5 s of upload: worth it above 5 / 0.8 = 6.25 queries.

    The value never holds the upload.
    """
    layers = [layer("in", 0, 1), layer("a", 2, 0, "in", weight_bytes=5e6)]
    nodes = [node("d", 1e9, "device"), node("e", 10e9, "edge")]
    instance = network(layers, nodes, [link("d", "e", 8e6)])
    plan = solve(instance, "ionn", options={"queries": queries})
    assert (places(instance, plan), plan.value) == (where, pytest.approx(value))


@given(instances(limits=False), st.booleans())
def test_ionn_without_uploads_is_jointdnn(instance: Instance, monotone: bool) -> None:
    """With 10^12 queries the upload does not count."""
    values = [
        solve(instance, solver, "latency", monotone=monotone, options=options).value
        for solver, options in (("ionn", {"queries": 1e12}), ("jointdnn", {}))
    ]
    if None in values:
        assert values == [None, None]
    else:
        assert values[0] == pytest.approx(values[1], rel=1e-6)
