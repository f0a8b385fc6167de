"""qdmp: DADS's answer from cut vertices and small cuts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from splitfog import Instance, solve
from splitfog.baselines.cuts import qdmp
from splitfog.formulations.objective import Objective
from tests.cases.small_networks import chain, from_lowest, layer, link, network, node, places
from tests.cases.strategies import instances


def two(layers: list) -> Instance:  # type: ignore[type-arg]
    """A device of 1 GFLOP/s and a server of 10 GFLOP/s, 1 MB/s between them."""
    nodes = [node("d", 1e9, "device"), node("e", 10e9, "edge")]
    return network(layers, nodes, [link("d", "e", 8e6)])


@given(instances(num_nodes=2, line=True, limits=False), st.sampled_from(["once", "per-edge"]))
def test_equals_dads_on_two_tiers(instance: Instance, transfers: str) -> None:
    """Monotone, the source in the lower tier: the search by blocks misses nothing."""
    instance = from_lowest(instance, instance.tasks[0].results_to)
    objective = Objective("latency", transfers)  # type: ignore[arg-type]
    values = [solve(instance, solver, objective).value for solver in ("qdmp", "dads")]
    assert values[0] == pytest.approx(values[1], rel=1e-9)


def test_a_cut_inside_a_block() -> None:
    """b stays with a, c and dd go: 0.1 + 0.2 at d, 0.5 + 0.01 over the link, 0.5 + 0.4 s at e.

    At the cut vertices: before a 9 + 0.01 + 2 + 0.5 + 0.4 s; after a 0.1 + 0.5 + 2.9 s; all at d
    0.1 + 0.2 + 5 + 4 s.
    """
    layers = [layer("in", 0, 9), layer("a", 0.1, 0.5, "in")]
    layers += [layer("b", 0.2, 0.01, "a", times_s={"e": 2.0}), layer("c", 5, 1, "a")]
    instance = two([*layers, layer("dd", 4, 0, "b", "c")])
    plan = solve(instance, "qdmp")
    assert (places(instance, plan), plan.value) == ("dddee", pytest.approx(1.71))


def test_hopeless_blocks_are_not_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only blocks whose bound is below the best cut, 0.9 s, are opened, the most promising first.

    Bounds: a 0.05 + 0.2 + 0.1 s, b 0.5 + 0.2 + 0.1 s, c 2.5 + 0.1 s.
    """
    opened = []
    inside = qdmp._Search._inside

    def counting(search: qdmp._Search, block: int) -> object:
        opened.append(block)
        return inside(search, block)

    monkeypatch.setattr(qdmp._Search, "_inside", counting)
    instance = two(chain((0, 1.0), (0.5, 0.1), (2, 0.5), (1, 0.0)))
    assert solve(instance, "qdmp").value == pytest.approx(0.9)
    assert opened == [0, 1]
