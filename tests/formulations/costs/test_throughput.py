"""The rate that replicas carry: the golden cases, and what follows by hand."""

from __future__ import annotations

from typing import Any

import pytest

import splitfog as sf
from splitfog.formulations.claims.verify import false_claims
from splitfog.formulations.max_flow import Way, _by_paths, _by_program, largest_flow
from splitfog.formulations.objective import Objective
from splitfog.formulations.plan_file import PlanFile, PlanReplica, TaskEntry
from splitfog.instances.instance import Instance
from splitfog.instances.records import Layer, Link, Model, Node, Task, changed
from tests.cases.golden import THROUGHPUTS, case

NEARLY = 1e-9
KEYS = {False: "throughput", True: "throughput, partial"}


def replicated(ranges: list[dict[str, Any]], partial: bool = False, **claims: Any) -> PlanFile:
    """A plan file of the ranges, each with `node`, `layers` and maybe `flow`."""
    replicas = tuple(
        PlanReplica(node=own["node"], layers=tuple(own["layers"]), flow=own.get("flow"))
        for own in ranges
    )
    entry = TaskEntry(task="job", replicas=replicas)
    return PlanFile(objective=Objective("throughput", partial=partial), tasks=(entry,), **claims)


@pytest.mark.parametrize("name", THROUGHPUTS)
@pytest.mark.parametrize("partial", [False, True])
def test_golden_rates(name: str, partial: bool) -> None:
    """The listed plans carry what an independent maximum flow says."""
    instance, data = case(name)
    for listed in data["plans"]:
        file = replicated(listed["replicas"], partial)
        want, plan = listed[KEYS[partial]], sf.plan(instance, file)
        if want is None:
            assert plan.value is None and plan.status is None
            assert sf.evaluate(instance, file) == 0
        else:
            assert plan.value == pytest.approx(want, rel=NEARLY)
            assert plan.value == sf.evaluate(instance, file)


@pytest.mark.parametrize("name", THROUGHPUTS)
def test_golden_violations(name: str) -> None:
    """A plan breaks a rule where a range is impossible or its weights do not fit."""
    instance, data = case(name)
    for listed in data["plans"]:
        broken = sf.violations(instance, replicated(listed["replicas"]))
        allowed = listed["memory_ok"] and not listed.get("impossible")
        assert (broken == []) == allowed, broken


@pytest.mark.parametrize("name", THROUGHPUTS)
def test_plans_of_the_golden_cases_verify(name: str) -> None:
    """What is computed of a plan is true of it, and another value is false."""
    instance, data = case(name)
    plan = sf.plan(instance, replicated(data["plans"][0]["replicas"]))
    assert false_claims(instance, plan) == []
    (wrong,) = false_claims(instance, changed(plan, value=29.0))
    assert wrong.startswith("value = 29")


def test_another_flow_of_the_same_rate_is_true() -> None:
    """Flows are those of one of several largest flows; what none of these has is false."""
    instance, data = case("throughput-1")
    # g0 passes 48 on, over a link of 30 to g1, and over one of 20 to g2
    ranges = [dict(own) for own in data["plans"][1]["replicas"]]
    for flows, is_true in (((48, 30, 18), True), ((48, 28, 20), True), ((48, 24, 24), False)):
        for own, flow in zip(ranges, flows, strict=True):
            own["flow"] = float(flow)
        assert (false_claims(instance, replicated(ranges)) == []) == is_true


def test_bounds_of_a_rate_are_above_it() -> None:
    """`upper_bound` in the place of `lower_bound`; the gap is to it."""
    instance, data = case("throughput-1")
    ranges = data["plans"][0]["replicas"]  # 30
    claims: dict[str, Any] = {"value": 30.0, "upper_bound": 40.0, "gap": 0.25, "proven_over": "all"}
    assert false_claims(instance, replicated(ranges, status="feasible", **claims)) == []
    below = changed(replicated(ranges, **claims), upper_bound=20.0, gap=None)
    assert false_claims(instance, below) == ["upper_bound = 20.0, must be >= the value 30.0"]
    lower = replicated(ranges, value=30.0, lower_bound=20.0)
    assert any("lower_bound = 20.0, must be null" in one for one in false_claims(instance, lower))


def chain(count: int, **more: Any) -> Instance:
    """`count` layers of 1 s on a host and two nodes, direct links of 8 bit a byte of 1 a second."""
    layers = [Layer(name="in", op="input", output_bytes=1)]
    for at in range(count):
        before = layers[-1].name
        layers.append(Layer(name=f"l{at}", op="other", inputs=(before,), flops=1.0, output_bytes=1))
    nodes = tuple(Node(name=n, tier="t", speed_flops=1.0) for n in ("host", "a", "b"))
    links = tuple(
        Link(tail=t, head=h, bandwidth_bps=800.0)
        for t, h in (("host", "a"), ("host", "b"), ("a", "b"))
    )
    return Instance(
        name="by-hand",
        tiers=("t",),
        nodes=more.get("nodes", nodes),
        links=more.get("links", links),
        models=(Model(name="m", layers=tuple(layers), **more.get("model", {})),),
        tasks=(Task(name="job", model="m", source="host"),),
    )


def test_replicas_of_all_layers_add_up() -> None:
    """Two nodes with both layers of 1 s each: 1/2 + 1/2."""
    whole = [{"node": node, "layers": [0, 2]} for node in ("a", "b")]
    assert sf.evaluate(chain(2), replicated(whole)) == pytest.approx(1.0)


def test_a_placement_is_a_plan_of_a_range_a_node() -> None:
    """Without replicas a contiguous placement counts: the slower of 1/2 and 1/1."""
    placement = {"job": {"in": "host", "l0": "a", "l1": "a", "l2": "b"}}
    plan = sf.plan(chain(3), placement, "throughput")
    assert plan.value == pytest.approx(0.5)
    assert [(own.node, own.layers) for own in plan.tasks[0].replicas or ()] == [
        ("a", (0, 2)),
        ("b", (2, 3)),
    ]
    apart = {"job": {"in": "host", "l0": "a", "l1": "b", "l2": "a"}}
    assert sf.plan(chain(3), apart, "throughput").value is None
    assert "more than one range" in sf.violations(chain(3), apart, "throughput")[0]


def test_a_shared_link_is_shared() -> None:
    """Both replicas are fed over the host's one link of 1.5 executions per second."""
    nodes = tuple(Node(name=n, tier="t", speed_flops=1.0) for n in ("host", "hub", "a", "b"))
    links = (
        Link(tail="host", head="hub", bandwidth_bps=12.0),
        Link(tail="hub", head="a", bandwidth_bps=800.0),
        Link(tail="hub", head="b", bandwidth_bps=800.0),
    )
    whole = [{"node": node, "layers": [0, 1]} for node in ("a", "b")]
    assert sf.evaluate(chain(1, nodes=nodes, links=links), replicated(whole)) == pytest.approx(1.5)


def test_both_ways_to_a_largest_flow_agree() -> None:
    """Augmenting paths and the linear program, where no link is shared."""
    ways = [
        Way(None, 0),
        Way(None, 1, (0,), 2.0),
        Way(0, 2, (1,), 1.0),
        Way(1, 2),
        Way(0, None, (2,), 4.0),
        Way(2, None),
    ]
    rates, rooms = [3.0, 5.0, 2.5], [4.0, 1.0, 5.0]
    # into 1: 4 / 2 = 2; 0 sends 1 to 2 and 5 / 4 out; 2 passes 2.5: 1.25 + 2.5 = 3.75
    paths, program = _by_paths(rates, ways, rooms), _by_program(rates, ways, rooms, None)
    assert paths.value == pytest.approx(3.75)
    assert program is not None and program.value == pytest.approx(3.75)
    assert largest_flow(rates, ways, rooms, [3.0, 2.0, 0.0]) is None  # 0 cannot pass on 3


@pytest.mark.parametrize(
    ("ranges", "sentence"),
    [
        ([{"node": "a", "layers": [0, 3]}], "replicas[0].layers = [0, 3], must be [a, b] with"),
        ([{"node": "c", "layers": [0, 2]}], "replicas[0].node = 'c', which is not a node"),
        ([{"node": "a", "layers": [0, 1]}] * 2, "node a has more than one range of layers"),
    ],
)
def test_ranges_that_are_none(ranges: list[dict[str, Any]], sentence: str) -> None:
    """Said in a sentence, whatever else is right."""
    assert any(sentence in own for own in sf.violations(chain(2), replicated(ranges)))


def test_what_has_no_throughput() -> None:
    """Branches, several tasks and replicas under another objective are refused in a sentence."""
    instance = chain(2)
    with pytest.raises(ValueError, match="partial = true, must be false for the objective latency"):
        sf.solve(instance, "greedy", "latency", partial=True)
    twice = changed(instance, tasks=(*instance.tasks, changed(instance.tasks[0], name="other")))
    with pytest.raises(ValueError, match="needs exactly one task"):
        sf.evaluate(twice, {"job": {}}, "throughput")
    with pytest.raises(ValueError, match="must be one that costs placements of layers"):
        sf.BatchCost(instance, "throughput")
    whole = replicated([{"node": "a", "layers": [0, 2]}])
    (wrong,) = sf.violations(instance, whole, "latency")
    assert "has replicas, which only throughput knows, not latency" in wrong
