"""The policy is held to a sweep: the optimum at many bandwidths, one by one."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import pairwise, product
from math import nextafter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from splitfog import Policy, SolverDeclined, evaluate, load_policy, policy, save_policy, solve
from splitfog import violations as sentences
from splitfog.formulations.arrays.task import task_arrays
from splitfog.formulations.costs.feasibility import decision_violations
from splitfog.formulations.costs.reference import decision_cost
from splitfog.formulations.costs.routes import routes_of
from splitfog.formulations.decision import Decision, placed
from splitfog.formulations.objective import Objective
from splitfog.formulations.parametric.parameter import Line, LinkBandwidth, NodeSpeed, latency_line
from splitfog.formulations.parametric.route_flips import route_flips, wavering_route
from splitfog.instances.defects import InstanceError
from splitfog.instances.generators import generate
from splitfog.instances.instance import Instance
from splitfog.instances.records import Layer, Link, Model, Node, Task, changed
from splitfog.solvers.base import Answer, Request
from splitfog.solvers.parametric.envelope import OracleAnswer, lower_envelope
from tests.cases.strategies import random_instance

LATENCY = Objective("latency")
LOW, HIGH = 1.2345e5, 0.987e9
WAYS = [
    {"transfers": transfers, "monotone": monotone}
    for transfers in ("once", "per-edge")
    for monotone in (True, False)
]


def enumerate_all(request: Request) -> Answer:
    """An oracle that knows nothing: every placement by the reference cost."""
    instance, objective = request.instance, request.objective
    costs = [
        (float(decision_cost(instance, d, objective)), d) for d in feasible(instance, objective)
    ]
    if not costs:
        return Answer(None, infeasible=True, reason="none is feasible")
    value, decision = min(costs, key=lambda pair: pair[0])
    return Answer(decision, value)


def feasible(instance: Instance, objective: Objective) -> list[Decision]:
    """Every feasible decision; which ones are does not depend on figures of links."""
    names = tuple((link.tail, link.head, link.duplex) for link in instance.links)
    key = (instance.name, names, tuple(instance.nodes), objective)
    return _feasible(key, _Box(instance, objective))


class _Box:
    def __init__(self, instance: Instance, objective: Objective) -> None:
        self.instance, self.objective = instance, objective

    def __hash__(self) -> int:
        return 0

    def __eq__(self, _: object) -> bool:
        return True


@cache
def _feasible(_: Any, box: _Box) -> list[Decision]:
    instance = box.instance
    sizes = [len(instance.model_of(task).layers) for task in instance.tasks]
    cuts = np.cumsum(sizes)[:-1]
    found = []
    for nodes in product(range(len(instance.nodes)), repeat=sum(sizes)):
        decision = placed(*np.split(np.array(nodes), cuts))
        if not decision_violations(instance, decision, box.objective):
            found.append(decision)
    return found


def bandwidths(low: float = LOW, high: float = HIGH, count: int = 20) -> list[float]:
    inner = np.geomspace(low, high, count)[1:-1]
    return [low, *inner.tolist(), high]


def first_link(instance: Instance) -> tuple[str, str]:
    assume(instance.links)
    return instance.links[0].tail, instance.links[0].head


def check_sweep(instance: Instance, found: Policy, values: Sequence[float], oracle: Any) -> None:
    """At every value the table's plan is feasible, costs what it says, and nothing is cheaper."""
    for value in values:
        there = found.parameter.at(instance, value)
        plan = found.plan_at(value)
        assert sentences(there, plan) == []
        cost = float(evaluate(there, plan))
        assert found.value_at(value) == pytest.approx(cost, rel=1e-13, abs=1e-18)
        best = oracle(there)
        assert cost == pytest.approx(best, rel=1e-9, abs=1e-15)


def cut_value(found: Policy) -> Any:
    objective = found.objective
    return lambda there: solve(there, "min-cut", objective).value


@given(seed=st.integers(0, 10**6), way=st.sampled_from(WAYS), tasks=st.integers(1, 3))
@settings(max_examples=25)
def test_equals_min_cut_at_every_bandwidth(seed: int, way: dict[str, Any], tasks: int) -> None:
    """On lines of tiers, one task or several, the policy is min-cut's value at 20 bandwidths."""
    rng = np.random.default_rng(seed)
    instance = random_instance(rng, line=True, num_layers=12, num_tasks=tasks)
    instance = without_memory(instance)
    found = policy(instance, link=first_link(instance), low_bps=LOW, high_bps=HIGH, **way)
    if found.status == "infeasible":
        assert solve(instance, "min-cut", Objective("latency", **way)).status == "infeasible"
        return
    assert found.status == "optimal"
    check_sweep(instance, found, [*bandwidths(), *found.break_points], cut_value(found))


@given(seed=st.integers(0, 10**6), way=st.sampled_from(WAYS))
@settings(max_examples=25)
def test_equals_min_cut_at_every_speed(seed: int, way: dict[str, Any]) -> None:
    """The same for a node's speed; layers with measured times there do not follow it."""
    instance = without_memory(
        random_instance(np.random.default_rng(seed), line=True, num_layers=10)
    )
    name = instance.nodes[-1].name
    found = policy(instance, node=name, low_flops=1.1e8, high_flops=0.9e12, **way)
    if found.status != "infeasible":
        assert found.status == "optimal"
        values = bandwidths(1.1e8, 0.9e12)
        check_sweep(instance, found, [*values, *found.break_points], cut_value(found))


def without_memory(instance: Instance) -> Instance:
    return changed(instance, nodes=tuple(changed(n, memory_bytes=None) for n in instance.nodes))


@given(seed=st.integers(0, 10**6), way=st.sampled_from(WAYS))
@example(seed=2000298, way=WAYS[2])  # two routes flip a float apart: that part lacked its proof
@settings(max_examples=25)
def test_equals_enumeration_where_routes_flip(seed: int, way: dict[str, Any]) -> None:
    """Any topology, memory and groups too: the least of all placements at 20 bandwidths."""
    instance = random_instance(np.random.default_rng(seed), num_nodes=3, num_layers=4)
    link = first_link(instance)
    found = policy(instance, link=link, low_bps=LOW, high_bps=HIGH, oracle=enumerate_all, **way)
    decisions = feasible(instance, found.objective)
    assert (found.status == "infeasible") == (not decisions)
    if decisions:
        assert (found.status == "optimal") == (found.reason is None)
        assume(found.reason is None)

        def best(there: Instance) -> float:
            return min(float(decision_cost(there, d, found.objective)) for d in decisions)

        beside = [nextafter(x, end) for x in found.break_points for end in (0.0, 1e99)]
        values = [*bandwidths(), *found.break_points, *beside]
        check_sweep(instance, found, values, best)


@given(seed=st.integers(0, 10**6))
@settings(max_examples=8)
def test_some_oracle_always_applies(seed: int) -> None:
    """Left to itself the policy finds an oracle wherever there is a plan, off the line as well."""
    instance = random_instance(np.random.default_rng(seed), num_nodes=3, num_layers=4)
    how: dict[str, Any] = {"link": first_link(instance), "low_bps": LOW, "high_bps": HIGH}
    found, true = policy(instance, **how), policy(instance, **how, oracle=enumerate_all)
    assert found.status == true.status
    if found.pieces:
        assert set(str(found.oracle).split(", ")) <= {"min-cut", "chain-dp", "ilp"}
        for value in bandwidths():
            assert found.value_at(value) == pytest.approx(true.value_at(value), rel=2e-6)


@given(seed=st.integers(0, 10**6))
@settings(max_examples=25)
def test_lines_are_the_reference_cost(seed: int) -> None:
    """alpha + beta / B of any placement is its reference cost, as long as no route changes."""
    rng = np.random.default_rng(seed)
    instance = random_instance(rng, num_layers=6, num_tasks=int(rng.integers(1, 3)))
    shape = [len(instance.model_of(task).layers) for task in instance.tasks]
    decision = placed(*(rng.integers(0, len(instance.nodes), size) for size in shape))
    speed = NodeSpeed(instance.nodes[0].name)
    for transfers in ("once", "per-edge"):
        objective = Objective("latency", transfers)
        line = latency_line(instance, decision, objective, speed)
        for value in (1e8, 3.3e9, 1e12):
            cost = decision_cost(speed.at(instance, value), decision, objective)
            assert line.at(1 / value) == pytest.approx(float(cost), rel=1e-13, abs=1e-18)
        if instance.links:
            bandwidth = LinkBandwidth(*first_link(instance))
            for value in (1e5, 2.2e7, 1e10):
                there = bandwidth.at(instance, value)
                line = latency_line(there, decision, objective, bandwidth)
                cost = decision_cost(there, decision, objective)
                assert line.at(1 / value) == pytest.approx(float(cost), rel=1e-13, abs=1e-18)


@given(seed=st.integers(0, 10**6))
@settings(max_examples=40)
def test_flips_are_where_routes_change(seed: int) -> None:
    """Routes at a flip differ from those a float below it; between flips they are all the same."""
    instance = random_instance(np.random.default_rng(seed), num_nodes=4, num_layers=3, limits=False)
    bandwidth = LinkBandwidth(*first_link(instance))
    assume(task_arrays(instance).allowed.any(axis=0).all())  # else some pairs do not matter
    flips = route_flips(instance, bandwidth, LOW, HIGH)
    pairs = list(product(range(len(instance.nodes)), repeat=2))

    def paths(value: float) -> list[tuple[int, ...] | None]:
        routes = routes_of(bandwidth.at(instance, value))
        return [routes.path(*pair) for pair in pairs]

    ends = [LOW, *flips, HIGH]
    assume(all(wavering_route(instance, bandwidth, *end) is None for end in parts(ends)))
    for flip in flips:
        assert paths(flip) != paths(nextafter(flip, 0))
    for start, last in parts(ends):
        inside = [x for x in bandwidths(start, last, 7) if start <= x <= last]
        assert all(paths(value) == paths(start) for value in inside)


def parts(ends: Sequence[float]) -> list[tuple[float, float]]:
    """First and last float of every part between flips."""
    return [(start, nextafter(end, 0)) for start, end in pairwise(ends)]


def test_routes_that_tie_but_for_rounding_are_named() -> None:
    """1 Mbit/s at once or twice 2 Mbit/s behind the link: the sums differ by rounding alone."""
    names = ("a", "b", "c", "d")
    speeds = [
        ("a", "b", 1e6, 0.0),
        ("b", "d", 1e6, 0.0),
        ("b", "c", 2e6, 0.1),
        ("c", "d", 2e6, 0.0),
    ]
    instance = changed(
        _diamond(),
        tiers=names,
        nodes=tuple(Node(name=n, tier=n, speed_flops=1e6) for n in names),
        links=tuple(
            Link(tail=u, head=v, bandwidth_bps=speed, latency_s=latency)
            for u, v, speed, latency in speeds
        ),
        models=(Model(name="m", layers=(changed(_diamond().models[0].layers[0], name="in"),)),),
        tasks=(Task(name="t", model="m", source="a", results_to="d"),),
    )
    found = policy(instance, link=("a", "b"), low_bps=LOW, high_bps=HIGH, oracle=enumerate_all)
    assert found.status == "feasible"
    assert found.reason is not None
    assert found.reason.startswith("two routes a -> d tie but for rounding")


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=12))
def test_envelope_of_given_lines(numbers: list[tuple[int, int]]) -> None:
    """Every line that is least somewhere inside is found, with at most 2n + 1 questions."""
    lines = [Line(float(alpha), float(beta)) for alpha, beta in numbers]
    low, high = 0.0123, 9.87  # no crossing of these lines: the ends are no break points

    def ask(at: float) -> OracleAnswer[Line]:
        line = min(lines, key=lambda one: one.at(at))
        return OracleAnswer(line, line, line.at(at))

    found = lower_envelope(ask, low, high)
    breaks = len(found.pieces) - 1
    assert found.asked <= max(2, 2 * breaks + 1)
    assert found.gap == pytest.approx(0, abs=1e-12)
    assert (found.pieces[0].low, found.pieces[-1].high) == (low, high)
    for before, after in pairwise(found.pieces):
        assert before.high == after.low
        assert before.found.line.beta > after.found.line.beta
        assert before.found.line.at(before.high) == pytest.approx(after.found.line.at(after.low))
    for at in np.linspace(low, high, 97).tolist():
        piece = next(p for p in found.pieces if p.low <= at <= p.high)
        assert piece.found.line.at(at) == pytest.approx(min(x.at(at) for x in lines))


@given(seed=st.integers(0, 10**6))
@settings(max_examples=25)
def test_concave_and_continuous_in_the_reciprocal(seed: int) -> None:
    """Where no route flips, the value is continuous and its slope in 1 / B falls with 1 / B."""
    instance = without_memory(
        random_instance(np.random.default_rng(seed), line=True, num_layers=14)
    )
    found = policy(instance, link=first_link(instance), low_bps=LOW, high_bps=HIGH)
    for before, after in pairwise(found.pieces):
        assert before.high == after.low
        assert before.beta < after.beta  # a higher bandwidth carries more
        assert before.alpha_s > after.alpha_s
        assert before.value_at(before.high) == pytest.approx(after.value_at(after.low), rel=1e-12)
    if found.pieces:
        assert found.asked <= max(2, 2 * len(found.break_points) + 1)


def _diamond(tiers: tuple[str, ...] | None = ("device", "cloud")) -> Instance:
    """A device, a cloud, and two ways: straight (variable, 50 ms) and over an edge (1 MB/s each).

    Layer a takes 10 s on the device and 0.1 s in the cloud; its input is 1 MB.
    """
    names = ("device", "edge", "cloud")
    layers = (
        Layer(name="in", op="input", output_bytes=1e6),
        Layer(name="a", op="conv", inputs=("in",), flops=1e7, output_bytes=0, tiers=tiers),
    )
    ends = [("device", "edge", 0.0), ("edge", "cloud", 0.0), ("device", "cloud", 0.05)]
    return Instance(
        name="diamond",
        tiers=names,
        nodes=tuple(
            Node(name=n, tier=n, speed_flops=s) for n, s in zip(names, (1e6, 1e7, 1e8), strict=True)
        ),
        links=tuple(
            Link(tail=tail, head=head, bandwidth_bps=8e6, latency_s=latency)
            for tail, head, latency in ends
        ),
        models=(Model(name="m", layers=layers),),
        tasks=(Task(name="t", model="m", source="device"),),
    )


def test_a_flip_worked_by_hand() -> None:
    """Over the edge 1 MB takes 2 s; straight 8e6 / B + 0.05 s. The route flips at B = 4e6.

    There 8 / B = 2e-6 s a byte, a tie, which goes to the least latency: the way over the edge. So
    the straight one begins at the next float whose 8 / B is not rounded to the same. Below: 2 + 0.1
    = 2.1 s. Above, just after: 2.15 s, a jump, and at 8e7: 0.1 + 0.05 + 0.1 = 0.25 s. Always
    better than 10 s on the device.
    """
    found = policy(
        _diamond(), link=("device", "cloud"), low_bps=1e6, high_bps=8e7, oracle=enumerate_all
    )
    (flip,) = found.break_points
    assert 4e6 < flip <= 4e6 * (1 + 1e-15)
    assert found.kind_of(0) == "route"
    assert found.value_at(1e6) == found.value_at(4e6) == pytest.approx(2.1)
    assert found.value_at(flip) == pytest.approx(2.15)
    assert found.value_at(8e7) == pytest.approx(0.25)
    assert (found.pieces[1].alpha_s, found.pieces[1].beta) == (pytest.approx(0.15), 8e6)


def test_break_points_worked_by_hand() -> None:
    """Straight or stay: 0.15 + 8e6 / B = 10 at B = 8e6 / 9.85; the edge is cut off."""
    instance = _diamond()
    cut_off = changed(instance, links=instance.links[2:])
    found = policy(cut_off, link=("cloud", "device"), low_bps=1e5, high_bps=1e9)
    assert found.break_points == (pytest.approx(8e6 / 9.85, rel=1e-12),)
    assert [piece.placement["t"]["a"] for piece in found.pieces] == ["device", "cloud"]
    assert found.oracle == "min-cut"
    assert found.asked == 3


def test_the_ends_of_the_range_are_inside() -> None:
    """Both ends have a plan, a float beyond has none."""
    found = policy(
        _diamond(), link=("device", "edge"), low_bps=1e5, high_bps=1e9, oracle=enumerate_all
    )
    assert found.plan_at(1e5).placement("t")
    assert found.plan_at(1e9).placement("t")
    with pytest.raises(ValueError, match="= nan, must be a number"):
        found.plan_at(float("nan"))
    for beyond in (nextafter(1e5, 0), nextafter(1e9, 1e99)):
        with pytest.raises(ValueError, match="must be between 100000 and 1e\\+09 bit/s"):
            found.plan_at(beyond)


def test_memory_hands_over_to_the_next_oracle() -> None:
    """Where the cut's plan does not fit, an oracle that minds memory is asked instead."""
    instance = _diamond()
    heavy = changed(instance.models[0].layers[1], weight_bytes=100.0)
    full = changed(
        instance,
        links=instance.links[2:],
        nodes=tuple(
            changed(n, memory_bytes=10.0 if n.name == "cloud" else None) for n in instance.nodes
        ),
        models=(changed(instance.models[0], layers=(instance.models[0].layers[0], heavy)),),
    )
    how: dict[str, Any] = {"link": ("device", "cloud"), "low_bps": 1e5, "high_bps": 1e9}
    assert policy(full, **how, oracle="min-cut").status == "unknown"
    found = policy(full, **how, oracle=enumerate_all)
    assert found.break_points == ()
    assert found.value_at(1e9) == pytest.approx(10)


def test_files_are_read_back(tmp_path: Path) -> None:
    """Writing and reading gives the same policy, with the same look-up."""
    instance = generate("three-tier", model="alexnet")
    found = policy(instance, link=("device", "edge0"), low_bps=1e5, high_bps=1e9)
    save_policy(found, tmp_path / "p.json")
    again = load_policy(tmp_path / "p.json")
    assert again == found
    assert again.plan_at(3e7) == found.plan_at(3e7)
    assert len(found.break_points) == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 3}, "version = 3, must be 1 or 2"),
        ({"low": -1.0}, "low = -1"),
        ({"node": "device"}, "exactly one"),
        ({"high": 1e10}, "must go from"),
        ({"extra": 1}, "extra"),
    ],
)
def test_defective_files_are_named(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    """A file that is none says what is wrong with it."""
    import json

    instance = generate("three-tier", model="alexnet")
    found = policy(instance, link=("device", "edge0"), low_bps=1e5, high_bps=1e9)
    path = tmp_path / "p.json"
    path.write_text(json.dumps({**json.loads(found.to_json()), **change}))
    with pytest.raises(InstanceError, match=message):
        load_policy(path)


DEVICE_CLOUD: dict[str, Any] = {"link": ("device", "cloud"), "low_bps": 1e6, "high_bps": 1e7}


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"low_bps": 2e7}, ValueError, "low = 2e.07, must be < high = 1e.07"),
        ({"low_bps": 1e7}, ValueError, "must be <"),
        ({"low_bps": 0.0}, ValueError, "low_bps = 0.0, must be a number > 0"),
        ({"high_bps": float("nan")}, ValueError, "high_bps = nan"),
        ({"high_bps": float("inf")}, ValueError, "high_bps = inf"),
        ({"high_bps": None}, ValueError, "must be low_bps and high_bps"),
        ({"low_flops": 1.0}, ValueError, "must be low_bps and high_bps"),
        ({"link": ("device", "clout")}, LookupError, "did you mean 'cloud'"),
        ({"link": ("edge", "edge")}, LookupError, "no link edge,edge; links: device,edge"),
        ({"node": "device"}, ValueError, "exactly one"),
        ({"link": None}, ValueError, "exactly one"),
        ({"objective": "period"}, SolverDeclined, "not linear"),
        ({"oracle": "hpa"}, SolverDeclined, "needs an exact solver"),
        ({"oracle": "min-cut"}, SolverDeclined, "does not run along the line"),
        ({"oracle": "min-cat"}, LookupError, "did you mean '?min-cut"),
    ],
)
def test_bad_input(change: dict[str, Any], error: type[Exception], message: str) -> None:
    """What makes no sense is said in one sentence."""
    with pytest.raises(error, match=message) as caught:
        policy(_diamond(tiers=None), **{**DEVICE_CLOUD, **change})
    assert "\n" not in str(caught.value)


def test_an_infeasible_instance_has_no_pieces() -> None:
    """No plan at any bandwidth: a status, and a sentence when asked for one."""
    instance = _diamond()
    nowhere = changed(instance.models[0].layers[1], tiers=())
    broken = changed(
        instance,
        links=instance.links[2:],
        models=(changed(instance.models[0], layers=(instance.models[0].layers[0], nowhere)),),
    )
    found = policy(broken, **DEVICE_CLOUD, oracle=enumerate_all)
    assert (found.status, found.pieces) == ("infeasible", ())
    with pytest.raises(ValueError, match="has no plan: none is feasible"):
        found.plan_at(2e6)


def test_resnet_50_against_a_sweep() -> None:
    """ResNet-50 on three tiers, 0.1 to 1,000 Mbit/s: min-cut at 500 points agrees."""
    instance = generate("three-tier", model="resnet-50", edge_cloud="fibre", cloud="gpu-server")
    found = policy(instance, link=("device", "edge0"), low_bps=1e5, high_bps=1e9)
    from splitfog.solvers.exact.min_cut import least_cut, line_network

    for value in np.geomspace(1e5, 1e9, 500).clip(1e5, 1e9).tolist():
        there = found.parameter.at(instance, value)
        cut = least_cut(line_network(task_arrays(there), LATENCY)[1])
        assert cut is not None
        assert found.value_at(value) == pytest.approx(cut.lower_bound, rel=1e-9)
