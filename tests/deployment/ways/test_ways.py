"""Ways by name: rules and methods that solve again, told the same, asked the same."""

from __future__ import annotations

from math import inf
from typing import Any

import numpy as np
import pytest

import splitfog as sf
from splitfog.deployment.adaptation.way import Choice, Way
from splitfog.deployment.ways.making import FORMS, RIVALS, make_way
from splitfog.formulations.costs.reference import decision_cost
from splitfog.formulations.costs.routes import keep_routes, routes_of
from splitfog.formulations.parametric.vary import at_figures, figures_for
from splitfog.formulations.plan import decision_of
from tests.cases.small_networks import chain, link, network, node

FIGURES: dict[Any, tuple[float, float]] = {("d", "e"): (1e5, 1e9), "e": (0.5, 20.0)}
LINK = ("d", "e")


def instance() -> sf.Instance:
    """A chain of four layers on a line of three nodes."""
    return network(
        chain((0, 0.6), (1, 0.3), (2, 0.2), (5, 0.1), (1, 0.0)),
        links=[link("d", "e", 8e6, latency_s=0.01), link("e", "c", 32e6, latency_s=0.02)],
    )


def off_the_line() -> sf.Instance:
    """The same with two nodes on the edge, where no minimum cut applies; and not a chain."""
    layers = chain((0, 0.6), (1, 0.3), (2, 0.2), (5, 0.1))
    layers.append(sf.Layer(name="end", op="other", flops=1e9, output_bytes=0.0, inputs=("a", "c")))
    nodes = [node("d", 1e9, "device"), node("e", 10e9, "edge"), node("f", 12e9, "edge")]
    links = [link("d", "e", 8e6), link("d", "f", 7e6), link("e", "f", 1e8)]
    return network(layers, nodes, links)


def way(name: str, given: sf.Instance | None = None, **options: Any) -> Way:
    """A way of an instance, told nothing yet, that believes what was measured last."""
    given = given or instance()
    table = sf.plan_table(given, FIGURES)
    return make_way(name, given, table, **{"estimate": "last"} | options)


def at(given: sf.Instance, values: tuple[float, float]) -> sf.Instance:
    """The instance at values of the figures, with the routes of its own."""
    return keep_routes(at_figures(given, figures_for(given, FIGURES), values), routes_of(given))


def seconds(given: sf.Instance, choice: Choice, values: tuple[float, float]) -> float:
    """What the reference cost says of a choice at values of the figures."""
    assert choice.plan is not None
    now = at(given, values)
    return float(decision_cost(now, decision_of(now, choice.plan), choice.plan.objective))


def points(count: int, seed: int = 0) -> list[tuple[float, float]]:
    """Bandwidths and loads in the box."""
    rng = np.random.default_rng(seed)
    bandwidths = 10 ** rng.uniform(5, 9, count)
    return list(zip(bandwidths.tolist(), rng.uniform(0.5, 20, count).tolist(), strict=True))


def told(mine: Way, time_s: float, values: tuple[float, float]) -> Choice:
    """What a way chooses at these figures."""
    mine.observe(time_s, link=LINK, bandwidth_bps=values[0])
    mine.observe(time_s, node="e", load=values[1])
    return mine.decide(time_s)


@pytest.mark.parametrize("given", [instance(), off_the_line()], ids=["line", "off the line"])
def test_solving_again_is_the_optimum(given: sf.Instance) -> None:
    """As a solver that is asked at these figures says, and as it predicts."""
    mine = way("resolve", given)
    for time_s, values in enumerate(points(8)):
        choice = told(mine, time_s, values)
        best = sf.solve(at(given, values), solver="ilp").value
        assert seconds(given, choice, values) == pytest.approx(best, rel=1e-6)
        assert choice.predicted_s == pytest.approx(best, rel=1e-6)
        assert choice.position is None


@pytest.mark.parametrize(("name", "solver"), [("hpa", "hpa"), ("hpa-local", "hpa-plain")])
def test_the_partition_is_that_of_its_solver(name: str, solver: str) -> None:
    """At these figures, in value, as it predicts; the local one is without the safety net."""
    given = instance()
    mine = way(name, given)
    for time_s, values in enumerate(points(8)):
        choice = told(mine, time_s, values)
        value = sf.solve(at(given, values), solver=solver).value
        assert seconds(given, choice, values) == pytest.approx(value)
        assert choice.predicted_s == pytest.approx(value)


@pytest.mark.parametrize("name", ["argmin", "resolve"])
def test_a_measured_latency_moves_the_plan(name: str) -> None:
    """3 s to e instead of 10 ms: all stays on d."""
    mine = way(name)
    assert set(placement(mine.decide(0)).values()) != {"d"}
    mine.observe(1, link=LINK, latency_s=9.0)
    choice = mine.decide(1)
    assert set(placement(choice).values()) == {"d"}
    assert choice.predicted_s == pytest.approx(9.0)  # 9 GFLOP at 1 GFLOP/s


def placement(choice: Choice) -> dict[str, str]:
    """Of the one task."""
    assert choice.plan is not None
    return choice.plan.placement("t")


@pytest.mark.parametrize("name", ["argmin", "switch", "resolve", "hpa", "hpa-local"])
def test_without_a_node_it_is_not_used(name: str) -> None:
    """Nor is what lies behind it; when it is back, it is used as before."""
    mine = way(name)
    before = placement(mine.decide(0))
    assert "e" in before.values() or "c" in before.values()
    mine.observe(1, node="e", up=False)
    assert set(placement(mine.decide(1)).values()) == {"d"}
    mine.observe(2, node="e", up=True)
    assert placement(mine.decide(2)) == before


@pytest.mark.parametrize("gone", ["e", "f"])
def test_a_table_of_failures_is_as_good_as_solving_again(gone: str) -> None:
    """While a node is down, too: its table has the plans that are best without it."""
    given = off_the_line()
    table = sf.plan_table(given, FIGURES, failures=True, routes="keep")
    ways = [make_way(name, given, table, estimate="last") for name in ("argmin", "resolve")]
    for mine in ways:
        mine.observe(0, node=gone, up=False)
    for time_s, values in enumerate(points(8)):
        plan, again = (told(way, time_s, values) for way in ways)
        assert plan.predicted_s == pytest.approx(again.predicted_s)
        assert gone not in placement(plan).values()


@pytest.mark.parametrize("name", ["argmin", "resolve", "hpa", "hpa-local"])
def test_without_a_link_what_lies_behind_is_not_used(name: str) -> None:
    """Only d and e are left."""
    mine = way(name)
    mine.observe(1, link=("e", "c"), up=False)
    assert set(placement(mine.decide(1)).values()) <= {"d", "e"}


@pytest.mark.parametrize("name", sorted(RIVALS))
def test_without_its_source_there_is_no_plan(name: str) -> None:
    """And it says so."""
    mine = way(name)
    mine.observe(1, node="d", up=False)
    choice = mine.decide(1)
    assert (choice.plan, choice.predicted_s) == (None, inf)
    assert choice.reason.startswith("no plan was found; d is down")


@pytest.mark.parametrize("name", sorted(RIVALS))
def test_what_is_out_of_the_box_counts_as_its_limit(name: str) -> None:
    """For those who solve again, too: 0 bit/s are 100 kbit/s."""
    mine = way(name)
    choice = told(mine, 0, (0.0, 1.0))
    assert choice.clamped == (LINK,)
    assert choice.predicted_s == pytest.approx(seconds(instance(), choice, (1e5, 1.0)))


@pytest.mark.parametrize("name", ["learned", *(form.replace("H", "0.1") for form in FORMS)])
def test_every_name_makes_a_way(name: str) -> None:
    """Which chooses a plan of the instance."""
    learned = sf.learn([[1e6, 1.0]], [[1.0] * len(sf.plan_table(instance(), FIGURES).plans)])
    choice = way(name, learned=learned).decide(0)
    assert list(placement(choice)) == [layer.name for layer in instance().models[0].layers]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("best", "adapt = 'best', must be one of argmin, hysteresis:H, switch"),
        (None, "adapt = None, must be one of argmin"),
        ("hysteresis:2", "rule = 'hysteresis:2', must be hysteresis:H with 0 <= H < 1"),
        ("learned", "learned needs another part of the trace to learn from"),
    ],
)
def test_wrong_names_are_errors(name: Any, said: str) -> None:
    """With what is allowed."""
    with pytest.raises(ValueError, match=r".") as error:
        way(name)
    assert said in str(error.value)
