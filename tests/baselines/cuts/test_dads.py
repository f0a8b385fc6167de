"""dads: the exact split over two nodes, with the published gadget mended."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from splitfog import Instance, solve
from splitfog.formulations.objective import Objective
from tests.cases.small_networks import best_of_all, layer, link, network, node, places
from tests.cases.strategies import instances

objectives = st.builds(
    Objective, st.just("latency"), st.sampled_from(["once", "per-edge"]), st.booleans()
)


def two(layers: list, **task: str) -> Instance:  # type: ignore[type-arg]
    """A device of 1 GFLOP/s and a server of 10 GFLOP/s, 1 MB/s between them."""
    nodes = [node("d", 1e9, "device"), node("e", 10e9, "edge")]
    return network(layers, nodes, [link("d", "e", 8e6)], **task)


def test_a_tensor_with_several_readers_is_paid_once() -> None:
    """b, c, dd read a (1 MB): 0 + 1 + 0.1 + 0.1 + 0.1; per edge 3 s of transfers beat no 3 s."""
    layers = [layer("in", 0, 9), layer("a", 0, 1, "in")]
    layers += [layer(name, 1, 0, "a") for name in ("b", "c", "dd")]
    instance = two(layers)
    plan = solve(instance, "dads", "latency")
    assert (places(instance, plan), plan.value) == ("ddeee", pytest.approx(1.3))
    apart = solve(instance, "dads", "latency", transfers="per-edge")
    assert (places(instance, apart), apart.value) == ("ddddd", pytest.approx(3.0))


def test_a_layer_that_the_server_slows_down_does_not_come_back() -> None:
    """a and c belong on e, b (0.1 s at d, 2 s at e) on d: monotone forbids d after e.

    Free: a 0.5, 0.1 back, b 0.1, 0.1 up, c 0.5 after 0.1 up: 1.4 s. Monotone: all on e for
    0.1 + 0.5 + 2 + 0.5 = 3.1 s, or a and b on d for 5 + 0.1 + 0.1 + 0.5 = 5.7 s.
    """
    layers = [layer("in", 0, 0.1), layer("a", 5, 0.1, "in")]
    layers += [layer("b", 0.1, 0.1, "a", times_s={"e": 2.0}), layer("c", 5, 0, "b")]
    assert solve(two(layers), "dads").value == pytest.approx(3.1)
    free = solve(two(layers), "dads", monotone=False)
    assert free.value == pytest.approx(1.4)
    assert places(two(layers), free) == "dede"


@given(instances(num_nodes=2, limits=False), objectives)
def test_exact_on_two_nodes(instance: Instance, objective: Objective) -> None:
    """Once or per edge, monotone or not, whatever the links and sources."""
    plan = solve(instance, "dads", objective)
    best = best_of_all(instance, objective)
    if plan.value is None:
        assert best == float("inf")
    else:
        assert plan.value == pytest.approx(best, rel=1e-9)


def test_the_best_remote_node_is_taken() -> None:
    """Three tiers: c is worth the longer way: 1 + 0.25 + 0.5 < 1 + 5 s."""
    instance = network([layer("in", 0, 1), layer("a", 50, 0, "in")])
    plan = solve(instance, "dads")
    assert (places(instance, plan), plan.value) == ("dc", pytest.approx(1.75))
