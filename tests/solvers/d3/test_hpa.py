"""hpa, hpa-plain: its pseudocode, written apart; exact on chains, never below the optimum."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from splitfog import Instance, Layer, Link, Model, Node, Task, solve
from splitfog.formulations.arrays.task import task_arrays
from splitfog.formulations.arrays.tiers import TierGraph
from splitfog.formulations.objective import Objective
from splitfog.instances.generators import generate
from splitfog.solvers.d3.hpa import look_ahead
from tests.cases.golden import OPTIMA, SINGLE, case, optimum
from tests.cases.strategies import instances
from tests.checks import check_plan

objectives = st.builds(
    Objective, st.just("latency"), st.sampled_from(["once", "per-edge"]), st.booleans()
)


@given(instances(), objectives)
def test_never_below_the_optimum(instance: Instance, objective: Objective) -> None:
    """Feasible or unknown with a reason; its bound, where it has one, holds for every placement."""
    best = solve(instance, "brute-force", objective)
    for solver in ("hpa", "hpa-plain"):
        plan = solve(instance, solver, objective)
        check_plan(instance, plan)
        assert plan.reason or plan.status != "unknown"
        if best.value is not None and plan.lower_bound is not None:
            assert plan.lower_bound <= best.value * (1 + 1e-9)
        if plan.value is not None:
            assert best.value is not None
            assert plan.value >= best.value * (1 - 1e-12)


@given(instances(), objectives)
def test_the_safety_net_never_hurts(instance: Instance, objective: Objective) -> None:
    """hpa has hpa-plain's plan among its candidates."""
    plain, netted = (solve(instance, name, objective) for name in ("hpa-plain", "hpa"))
    if plain.value is not None:
        assert netted.value is not None
        assert netted.value <= plain.value


@given(instances(chain=True, line=True, limits=False), st.sampled_from(["once", "per-edge"]))
def test_exact_on_chains(instance: Instance, transfers: str) -> None:
    """On a chain the look-ahead is the dynamic program, if only the last layer is a result."""
    layers = instance.models[0].layers
    if any(layer.result for layer in layers):
        return
    for solver in ("hpa", "hpa-plain"):
        plan = solve(instance, solver, "latency", transfers=transfers)
        best = solve(instance, "chain-dp", "latency", transfers=transfers)
        assert plan.value == (None if best.value is None else pytest.approx(best.value, rel=1e-12))


@pytest.mark.parametrize("key", [key for key in OPTIMA if key.startswith("latency")])
def test_golden(key: str) -> None:
    """Not below the optima of an independent enumeration."""
    for name in SINGLE:
        for solver in ("hpa", "hpa-plain"):
            plan = solve(case(name)[0], solver, **OPTIMA[key])
            check_plan(case(name)[0], plan)
            assert plan.value is None or plan.value >= optimum(name, key) * (1 - 1e-12)


def diamond(**changes: Layer) -> Instance:
    """in -> a, b -> c on two tiers; a second per 1000 bytes over the link, no latency.

    Times (device, cloud): a 3, 1; b 3, 1; c 3, 1 s. Tensors: in 4000, a and b 1000, c 0 bytes.
    """
    layers = {
        "in": Layer(name="in", op="input", output_bytes=4000),
        "a": Layer(name="a", op="other", inputs=("in",), flops=3, output_bytes=1000),
        "b": Layer(name="b", op="other", inputs=("in",), flops=3, output_bytes=1000),
        "c": Layer(name="c", op="other", inputs=("a", "b"), flops=3, output_bytes=0),
    }
    return Instance(
        name="diamond",
        tiers=("device", "cloud"),
        nodes=(
            Node(name="pi", tier="device", speed_flops=1),
            Node(name="gpu", tier="cloud", speed_flops=3),
        ),
        links=(Link(tail="pi", head="gpu", bandwidth_bps=8000),),
        models=(Model(name="diamond", layers=tuple((layers | changes).values())),),
        tasks=(Task(name="task", model="diamond", source="pi"),),
    )


def test_look_ahead_of_a_diamond() -> None:
    """A by hand, tiers (device, cloud), w = 1.

    c: no consumers, results stay: A = (0, 0), G = (3, 1) / 2 inputs = (1.5, .5).
    a, b: cloud .5; device min(1.5, 1 s + .5) = 1.5; G = (3 + 1.5, 1 + .5) = (4.5, 1.5).
    in: cloud 1.5 + 1.5 = 3; device min(9, 4 s + 3) = 7.
    """
    graph = TierGraph(task_arrays(diamond()))
    ahead = look_ahead(graph, once=True)
    assert ahead == [[7.0, 3.0], [1.5, 0.5], [1.5, 0.5], [0.0, 0.0]]


def test_siblings_share_a_tensor() -> None:
    """One reader alone would not move the input, both together do.

    a on the device: 3 + 1.5 = 4.5 s, on the cloud: 1 + .5 + 4 s for the input = 5.5 s: the device.
    So b. Both on the cloud: 2 (1 + .5) + 4 = 7 < 9 s: they move, and c follows (1 < 3 + no way
    back). Value: 4 + 1 + 1 + 1 = 7 s, the optimum (all on the device: 9 s).
    """
    plan = solve(diamond(), "hpa-plain")
    assert plan.placement("task") == {"in": "pi", "a": "gpu", "b": "gpu", "c": "gpu"}
    assert plan.value == pytest.approx(7.0)
    assert plan.status == "optimal"


def test_per_edge_has_no_siblings() -> None:
    """Per edge the input pays 4 s for each reader, so all stays on the device: 9 s.

    The cloud would cost 4 + 4 + 3 = 11 s.
    """
    plan = solve(diamond(), "hpa-plain", transfers="per-edge")
    assert plan.value == pytest.approx(9.0)


def test_unknown_where_monotone_leads_nowhere() -> None:
    """a only on the cloud, c only on the device: unknown, as a heuristic proves nothing."""
    instance = diamond(
        a=Layer(name="a", op="other", inputs=("in",), output_bytes=1000, tiers=("cloud",)),
        c=Layer(name="c", op="other", inputs=("a", "b"), output_bytes=0, tiers=("device",)),
    )
    plan = solve(instance, "hpa")
    assert plan.status == "unknown"
    assert plan.reason is not None
    assert "finds no tier" in plan.reason


def test_a_plan_that_breaks_memory_is_no_answer() -> None:
    """The cut's value stays as a bound; the reason names the node."""
    heavy: dict[str, Any] = {"weight_bytes": 100.0, "output_bytes": 0.0}
    limited = diamond(
        a=Layer(name="a", op="other", inputs=("in",), flops=3, **heavy),
        b=Layer(name="b", op="other", inputs=("in",), flops=3, **heavy),
    )
    nodes = (
        Node(name="pi", tier="device", speed_flops=1, memory_bytes=100),
        Node(name="gpu", tier="cloud", speed_flops=3, memory_bytes=100),
    )
    instance = Instance(
        name="full",
        tiers=limited.tiers,
        nodes=nodes,
        links=limited.links,
        models=limited.models,
        tasks=limited.tasks,
    )
    plan = solve(instance, "hpa")
    assert plan.status == "unknown"
    assert plan.reason is not None
    assert "holds 200 bytes" in plan.reason
    assert plan.lower_bound == pytest.approx(7.0)


def test_two_tasks_each_by_itself() -> None:
    """The same task twice: the mean is the value of one."""
    one = diamond()
    two = Instance(
        name="two",
        tiers=one.tiers,
        nodes=one.nodes,
        links=one.links,
        models=one.models,
        tasks=(one.tasks[0], Task(name="other", model="diamond", source="pi")),
    )
    assert solve(two, "hpa", "latency").value == pytest.approx(7.0)


def test_many_tiers() -> None:
    """Five tiers, a hundred layers: feasible, with the cut's value as a bound."""
    instance = generate("random-dag", seed=3, layers=100, tiers=5)
    plan = solve(instance, "hpa")
    check_plan(instance, plan)
    assert plan.lower_bound == pytest.approx(solve(instance, "min-cut").value, rel=1e-9)
