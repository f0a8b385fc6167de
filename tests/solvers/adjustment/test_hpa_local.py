"""hpa-local: always the plan of hpa-plain for the figures as they are, with little redone."""

from __future__ import annotations

from math import inf
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from splitfog import (
    HpaLocal,
    Instance,
    Layer,
    Link,
    Model,
    Node,
    SolverDeclined,
    Task,
    evaluate,
    generate,
    plan,
    save_instance,
    solve,
)
from splitfog.formulations.costs.reference import decision_cost
from splitfog.formulations.objective import Objective
from splitfog.solvers.adjustment import look_ahead, recorded_run
from splitfog.solvers.base import Request
from splitfog.solvers.d3.hpa import solve_hpa_plain
from tests.cases.figures import random_change, with_figures
from tests.cases.strategies import random_instance

seeds = st.integers(0, 2**32 - 1)


def check(local: HpaLocal, changed: Instance, transfers: str) -> None:
    """The plan is worth what hpa-plain's is, and costs what it says."""
    full = solve_hpa_plain(Request(changed, Objective("latency", transfers)))  # type: ignore[arg-type]
    if full.decision is None:
        assert (local.plan.status, local.plan.value) == ("unknown", None)
        assert local.plan.reason == full.reason
        return
    value = decision_cost(changed, full.decision, local.objective)
    assert local.plan.value == pytest.approx(value, rel=1e-12)
    assert local.plan.value == pytest.approx(evaluate(changed, local.plan), rel=1e-12)


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small networks as large ones: policy iteration, and redone however much follows."""
    monkeypatch.setattr(look_ahead, "LARGE", 1)
    monkeypatch.setattr(recorded_run, "MOST_REDONE", inf)


@pytest.mark.parametrize("seed", range(12))
def test_small_dags(seed: int) -> None:
    """Five changes on top of one another, each compared with a full run (benchmarks: 1,000)."""
    five_changes(seed)


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("seed", range(12, 30))
def test_large_dags(seed: int) -> None:
    """Likewise, as where there are thousands of layers."""
    five_changes(seed)


def five_changes(seed: int) -> None:
    """Adapt a random DAG five times, each time compared."""
    rng = np.random.default_rng(seed)
    instance = generate(
        "random-dag",
        seed=seed,
        layers=int(rng.integers(5, 60)),
        width=int(rng.integers(1, 8)),
        ccr=float(rng.choice([0.05, 1, 20])),
        heterogeneity=float(rng.choice([0, 0.95])),
        speed_ratio=float(rng.choice([1.05, 5])),
        results_to=None if rng.random() < 0.7 else "device",
    )
    transfers = str(rng.choice(["once", "per-edge"]))
    local = HpaLocal(instance, transfers=transfers)
    check(local, instance, transfers)
    figures: dict[Any, float] = {}
    for _ in range(5):
        more, times = random_change(rng, instance)
        local.adapt(more, times)
        figures |= more
        instance = instance.with_times(times)
        check(local, with_figures(instance, figures), transfers)


@pytest.mark.usefixtures("large")
@given(seeds, st.sampled_from(["once", "per-edge"]), st.integers(1, 2))
def test_any_instance(seed: int, transfers: str, num_tasks: int) -> None:
    """Any topology, several nodes a tier, memory, groups, tiers and tasks: the same status, too."""
    rng = np.random.default_rng(seed)
    instance = random_instance(rng, num_tasks=num_tasks)
    local = HpaLocal(instance, transfers=transfers)
    check(local, instance, transfers)
    figures, times = random_change(rng, instance)
    model = instance.models[0].name
    local.adapt(figures, times, model)
    check(local, with_figures(instance, figures, times, model), transfers)


def diamond(**changes: Any) -> Instance:
    """in -> a, b -> c on two tiers; a second per 1000 bytes over the link, no latency.

    Times (device, cloud): a, b, c 3, 1 s each. Tensors: in 4000, a and b 1000, c 0 bytes.
    """
    layers = (
        Layer(name="in", op="input", output_bytes=4000),
        Layer(name="a", op="other", inputs=("in",), flops=3, output_bytes=1000),
        Layer(name="b", op="other", inputs=("in",), flops=3, output_bytes=1000),
        Layer(name="c", op="other", inputs=("a", "b"), flops=3, output_bytes=0),
    )
    given: dict[str, Any] = {
        "name": "diamond",
        "tiers": ("device", "cloud"),
        "nodes": (
            Node(name="pi", tier="device", speed_flops=1),
            Node(name="gpu", tier="cloud", speed_flops=3),
        ),
        "links": (Link(tail="pi", head="gpu", bandwidth_bps=8000),),
        "models": (Model(name="diamond", layers=layers),),
        "tasks": (Task(name="task", model="diamond", source="pi"),),
    }
    return Instance(**given | changes)


def test_siblings_that_part() -> None:
    """What fails and what follows, by hand.

    At 8000 bit/s a and b move together: 2 (1 + .5) + 4 s beats 2 (3 + 1.5) s (test_hpa). At a
    fifth of that the input takes 20 s: 2 * 1.5 + 20 > 9 s, so they part company with
    the cloud. Their own look-aheads: c, 3 s on the device or 5 + 1 s for a tensor's way on the
    cloud: G = 1.5 or .5, A(device) = min(1.5, 5.5). One step fails, of two layers; c would follow,
    as both its inputs moved; but two of four are enough to decide all anew. All on the device: 9 s.
    """
    local = HpaLocal(diamond())
    assert local.plan.value == pytest.approx(7.0)
    plan, report = local.adapt({("pi", "gpu"): 1600})
    assert plan.placement("task") == dict.fromkeys(("in", "a", "b", "c"), "pi")
    assert plan.value == pytest.approx(9.0)
    assert (report.looked_at, report.failed, report.changed) == (4, 2, 3)


def test_nothing_fails() -> None:
    """A change within all bands: the same placement, another value, nothing decided anew.

    At 10,000 bit/s the input takes 3.2 s in place of 4: 6.2 s in place of 7.
    """
    local = HpaLocal(diamond())
    plan, report = local.adapt({("pi", "gpu"): 10_000})
    assert plan.value == pytest.approx(6.2)
    assert (report.looked_at, report.failed, report.changed) == (0, 0, 0)
    assert report.seconds > 0


def test_little_is_looked_at() -> None:
    """A layer that becomes slow where it is takes a few others along, not all 300 again."""
    rivals: dict[str, Any] = {"heterogeneity": 0.95, "speed_ratio": 1.5, "ccr": 0.1}
    instance = generate("random-dag", layers=300, width=8, **rivals)
    local = HpaLocal(instance)
    slow = {"layer20": {local.plan.placement("task0")["layer20"]: 50.0}}
    plan, report = local.adapt({}, slow)
    assert 0 < report.failed <= report.looked_at < 30
    assert 0 < report.changed <= report.looked_at
    full = solve(instance.with_times(slow), "hpa-plain")
    assert full.value is not None
    assert plan.value == pytest.approx(full.value, rel=1e-12)


def two_tiers(*layers: Layer, bandwidth_bps: float = 8000) -> Instance:
    """in, 4000 bytes on the pi, and layers behind it; as `diamond`."""
    given = Layer(name="in", op="input", output_bytes=4000)
    model = Model(name="diamond", layers=(given, *layers))
    link = Link(tail="pi", head="gpu", bandwidth_bps=bandwidth_bps)
    return diamond(models=(model,), links=(link,))


def layer(name: str, *inputs: str, **fields: Any) -> Layer:
    """3 s on the pi, 1 s on the gpu, and nothing to send, where `fields` do not say otherwise."""
    given: dict[str, Any] = {"op": "other", "flops": 3, "output_bytes": 0}
    return Layer(name=name, inputs=inputs, **given | fields)


@pytest.mark.usefixtures("large")
def test_later_readers_follow() -> None:
    """A tensor that was sent for one layer is there for another of a higher level.

    i and r on the pi: 6 s; in takes 4 s to the gpu. Once i takes 100 s on the pi it goes, and r, of
    which nothing else changed, after it: 4 + 1 + 1 = 6 s in place of 4 + 1 + 3.
    """
    still = layer("y", "in", flops=0, tiers=("device",))
    local = HpaLocal(two_tiers(layer("i", "in"), still, layer("r", "in", "y")))
    assert local.plan.value == pytest.approx(6)
    plan, report = local.adapt({}, {"i": {"pi": 100.0}})
    assert plan.value == pytest.approx(6)
    assert plan.placement("task")["r"] == "gpu"
    assert (report.looked_at, report.failed, report.changed) == (3, 1, 2)


@pytest.mark.usefixtures("large")
def test_what_was_redone_is_checked_as_it_is_now() -> None:
    """A layer whose inputs have come down may follow them at the next change.

    in -> a -> b at twice the bandwidth: in 2 s, a's tensor .5 s, both on the gpu, 4 s, rather than
    a on the pi, 3 + .5 + 1. At the usual one: 6 s rather than 3 + 1 + 1, so a comes down, and b
    stays. Then b takes no time on the pi: 3 s.
    """
    layers = (layer("a", "in", output_bytes=1000), layer("b", "a"))
    local = HpaLocal(two_tiers(*layers, bandwidth_bps=16_000))
    assert local.plan.value == pytest.approx(4)
    plan, _ = local.adapt({("pi", "gpu"): 8000})
    assert plan.placement("task") == {"in": "pi", "a": "pi", "b": "gpu"}
    plan, _ = local.adapt({}, {"b": {"pi": 0.0}})
    assert plan.value == pytest.approx(3)


@pytest.mark.usefixtures("large")
def test_siblings_that_were_redone_are_checked_as_they_are_now() -> None:
    """What they cost apart counts the tensor that by now is sent for one of them.

    b (3 and 3.5 s) is decided before a (3 and 1 s): both on the pi. a takes 100 s there: it goes,
    3 + 4 + 1 = 8 s; together 3.5 + 4 + 1 is more. With 2.5 s on the gpu b alone would not go, 2.5 +
    4 against 3; together they do: 7.5 s.
    """
    b = layer("b", "in", times_s={"gpu": 3.5})
    local = HpaLocal(two_tiers(b, layer("a", "in")))
    plan, _ = local.adapt({}, {"a": {"pi": 100.0}})
    assert plan.value == pytest.approx(8)
    plan, report = local.adapt({}, {"b": {"gpu": 2.5}})
    assert plan.value == pytest.approx(7.5)
    assert (report.failed, report.changed) == (2, 1)


def test_what_is_not_named_stays() -> None:
    """Figures are absolute, and hold until others are told: loads 2 and 3 are 3, not 6."""
    local = HpaLocal(diamond())
    local.adapt({"pi": 2, ("pi", "gpu"): 1600})
    local.adapt({"pi": 3})
    together, _ = local.adapt({})
    at_once, _ = HpaLocal(diamond()).adapt({"pi": 3, ("pi", "gpu"): 1600})
    assert together.value == at_once.value
    assert together.tasks == at_once.tasks


def test_loads_multiply_measured_times() -> None:
    """Twice 5 s on a loaded device: a and b there would take 10 + 6 s, so all three move (7 s)."""
    local = HpaLocal(diamond(links=(Link(tail="pi", head="gpu", bandwidth_bps=1600),)))
    assert local.plan.value == pytest.approx(9.0)
    plan, _ = local.adapt({"pi": 2}, {"a": {"device": 5.0}, "c": {"pi": 0.0}})
    # device: 10 + 6 + 0 s; cloud: 20 s for the input, 3 s: the device still
    assert plan.value == pytest.approx(16.0)
    plan, _ = local.adapt({"pi": 3})
    # device: 15 + 9 + 0 = 24 s; cloud: 20 + 3 = 23 s
    assert plan.value == pytest.approx(23.0)


def test_a_duplex_link_changes_both_ways() -> None:
    """Of one direction named, both change; of both named, each as told.

    All on the gpu but for the result, 0 bytes; in crosses there, c's result back in no time.
    """
    results = Task(name="task", model="diamond", source="pi", results_to="pi")
    instance = diamond(tasks=(results,))
    heavy = Layer(name="c", op="other", inputs=("a", "b"), flops=3, output_bytes=1000)
    layers = (*instance.models[0].layers[:3], heavy)
    instance = diamond(tasks=(results,), models=(Model(name="diamond", layers=layers),))
    local = HpaLocal(instance)
    plan, _ = local.adapt({("gpu", "pi"): 16_000})
    # in 2 s, a, b, c 3 s, the result .5 s
    assert plan.value == pytest.approx(5.5)
    plan, _ = local.adapt({("gpu", "pi"): 32_000, ("pi", "gpu"): 16_000})
    assert plan.value == pytest.approx(5.25)


def test_another_node_stands_for_a_tier() -> None:
    """The faster edge node until it is loaded, then the other: hpa's node of least total time."""
    instance = generate("three-tier", model="alexnet", edge_nodes=2)
    fast = instance.with_node("edge1", speed_flops=2 * instance.nodes[1].speed_flops)
    local = HpaLocal(fast)
    assert "edge1" in local.plan.placement("task0").values()
    plan, report = local.adapt({"edge1": 3})
    assert "edge1" not in plan.placement("task0").values()
    assert report.changed > 0
    full = solve(with_figures(fast, {"edge1": 3}), "hpa-plain")
    assert full.value is not None
    assert plan.value == pytest.approx(full.value, rel=1e-12)


def test_routes_follow_bandwidths() -> None:
    """A slow direct link is avoided from 3 s per 1000 bytes on: over the relay it takes 2 s."""
    nodes = (
        *diamond().nodes,
        Node(name="relay", tier="cloud", speed_flops=0.001),
    )
    links = (
        Link(tail="pi", head="gpu", bandwidth_bps=8000),
        Link(tail="pi", head="relay", bandwidth_bps=8000),
        Link(tail="relay", head="gpu", bandwidth_bps=8000),
    )
    local = HpaLocal(diamond(nodes=nodes, links=links))
    plan, _ = local.adapt({("pi", "gpu"): 8000 / 3, "pi": 10})
    # a, b, c on the gpu 3 s, in over the relay 8 s
    assert plan.value == pytest.approx(11.0)


def test_a_plan_that_breaks_memory_is_unknown() -> None:
    """As hpa-plain's, and known again where the figures lead elsewhere."""
    nodes = (
        Node(name="pi", tier="device", speed_flops=1),
        Node(name="gpu", tier="cloud", speed_flops=3, memory_bytes=10),
    )
    layers = [
        layer if layer.op == "input" else Layer(**_fields(layer) | {"weight_bytes": 8.0})
        for layer in diamond().models[0].layers
    ]
    instance = diamond(nodes=nodes, models=(Model(name="diamond", layers=tuple(layers)),))
    local = HpaLocal(instance)
    assert local.plan.status == "unknown"
    assert local.plan.reason == solve(instance, "hpa-plain").reason
    assert local.plan.tasks == ()
    plan, _ = local.adapt({("pi", "gpu"): 1600})
    assert (plan.status, plan.value) == ("feasible", pytest.approx(9.0))


def _fields(layer: Layer) -> dict[str, Any]:
    return {name: getattr(layer, name) for name in layer.__struct_fields__}


def test_a_plan_is_described_whole_by_the_changed_instance() -> None:
    """`splitfog.plan` takes what adapt gives, and the file of an instance is taken for it."""
    local = HpaLocal(diamond(), monotone=False)
    assert local.plan.objective.monotone is False
    assert repr(local) == "<HpaLocal for diamond: feasible, 7 s>"
    adapted, _ = local.adapt({"gpu": 1.5})
    whole = plan(with_figures(diamond(), {"gpu": 1.5}), adapted)
    assert whole.value == pytest.approx(8.5)  # 3 s more by half: 4 + 4.5
    assert whole.tasks[0].latency_s == adapted.tasks[0].latency_s


def test_the_path_of_a_file(tmp_path: Any) -> None:
    """As everywhere: an instance, or where its file is."""
    save_instance(diamond(), tmp_path / "diamond.json")
    assert HpaLocal(tmp_path / "diamond.json").plan.value == pytest.approx(7.0)


WRONG: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"figures": {"gpuu": 2}}, LookupError, "unknown node 'gpuu', did you mean 'gpu'"),
    ({"figures": {("pi", "gpuu"): 2}}, LookupError, "unknown node 'gpuu', did you mean 'gpu'"),
    ({"figures": {("pi", "pi"): 2}}, LookupError, "unknown link 'pi,pi'.* known: pi,gpu, gpu,pi"),
    ({"figures": {("pi", "gpu", "pi"): 2}}, ValueError, "must be a link .from, to. or the name"),
    ({"figures": {7: 2}}, ValueError, "a key of figures = 7, must be a link"),
    ({"figures": {("pi", "gpu"): 0}}, ValueError, "bandwidth of pi,gpu = 0, must be a number > 0"),
    ({"figures": {"pi": -1}}, ValueError, "load of pi = -1, must be a number > 0"),
    ({"figures": {"pi": float("nan")}}, ValueError, "load of pi = nan, must be a number > 0"),
    ({"figures": [("pi", 2)]}, ValueError, "figures = .*, must be"),
    ({"times": {"aa": {"pi": 1}}}, LookupError, "unknown layer of diamond 'aa', did you mean 'a'"),
    ({"times": {"a": {"gpuu": 1}}}, LookupError, "unknown node or tier 'gpuu', did you mean 'gpu'"),
    ({"times": {"a": {"pi": -1}}}, ValueError, r"times\['a'\]\['pi'\] = -1, must be a number >= 0"),
    ({"times": {"a": 3}}, ValueError, r"times\['a'\] = 3, must be {node or tier: seconds}"),
    ({"times": 3}, ValueError, "times = 3, must be {layer: {node or tier: seconds}}"),
    ({"model": "diamon"}, LookupError, "unknown model 'diamon', did you mean 'diamond'"),
]


@pytest.mark.parametrize(("given", "kind", "words"), WRONG)
def test_wrong_figures(given: dict[str, Any], kind: type[Exception], words: str) -> None:
    """Named in a sentence, and nothing is told then, not even what was right."""
    local = HpaLocal(diamond())
    right = {("pi", "gpu"): 1600.0}
    figures = given.get("figures", right)
    if isinstance(figures, dict):
        figures = right | figures
    with pytest.raises(kind, match=words):
        local.adapt(**{"figures": figures} | given)
    plan, _ = local.adapt({})
    assert plan.value == pytest.approx(7.0)


def test_only_latency() -> None:
    """Another objective is declined."""
    with pytest.raises(SolverDeclined, match="it does not minimise period, only latency"):
        HpaLocal(diamond(), "period")
