"""A plan table is held to the optimum at random points of its box, one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from splitfog import PlanTable, SolverDeclined, evaluate, plan_table, solve
from splitfog import violations as sentences
from splitfog.formulations.costs.reference import decision_cost
from splitfog.formulations.costs.routes import keep_routes, routes_of
from splitfog.formulations.objective import Objective
from splitfog.formulations.parametric.figure import Key
from splitfog.formulations.parametric.vary import at_figures
from splitfog.formulations.plan import decision_of
from splitfog.instances.generators import generate
from splitfog.instances.instance import Instance
from splitfog.instances.records import Layer, Link, Model, Node, Task, changed
from splitfog.solvers.base import Answer, Request
from splitfog.solvers.exact.min_cut import solve_min_cut
from tests.cases.small_tables import LINK, two_places
from tests.cases.strategies import random_instance

WAYS = [
    {"transfers": transfers, "monotone": monotone}
    for transfers in ("once", "per-edge")
    for monotone in (True, False)
]
BANDWIDTHS, LOADS = (1.2345e5, 0.987e9), (0.5, 20.0)


def some_figures(rng: np.random.Generator, instance: Instance, most: int) -> dict[Any, Any]:
    """Ranges of some links and nodes, of each at most once."""
    links = [(link.tail, link.head) for link in instance.links]
    links += [(link.head, link.tail) for link in instance.links if link.duplex]
    known: list[Any] = [*links, *(node.name for node in instance.nodes)]
    chosen = rng.permutation(len(known))[: int(rng.integers(1, most + 1))]
    return {known[at]: BANDWIDTHS if at < len(links) else LOADS for at in chosen}


def points(rng: np.random.Generator, table: PlanTable, count: int) -> np.ndarray[Any, Any]:
    """[count, figures]: points of the box, evenly spread by logarithms."""
    low, high = (np.array([getattr(f, end) for f in table.figures]) for end in ("low", "high"))
    spread = low * (high / low) ** rng.random((count, len(low)))
    return np.asarray(np.clip(spread, low, high))


def check_points(
    instance: Instance, table: PlanTable, wanted: Any, solver: str, epsilon: float = 0.0
) -> None:
    """At every point the plan is feasible, costs what the table says, and none is cheaper."""
    values, chosen = table.values(wanted), table.choose(wanted)
    for point, row, position in zip(wanted, values, chosen.tolist(), strict=True):
        there, plan = at_figures(instance, table.figures, point), table.plans[position]
        assert table.position_at(point.tolist()) == position
        assert sentences(there, plan) == []
        cost = float(evaluate(there, plan))
        assert row[position] == pytest.approx(cost, rel=1e-12, abs=1e-18)
        best = solve(there, solver, table.objective).value
        assert best is not None
        assert cost <= best * (1 + epsilon + 1e-9) + 1e-15


@given(seed=st.integers(0, 10**6), way=st.sampled_from(WAYS), tasks=st.integers(1, 3))
@settings(max_examples=12)
def test_equals_min_cut_everywhere(seed: int, way: dict[str, Any], tasks: int) -> None:
    """On lines of tiers, one task or several: the value of a fresh cut at 6 points."""
    rng = np.random.default_rng(seed)
    instance = without_memory(random_instance(rng, line=True, num_layers=12, num_tasks=tasks))
    table = plan_table(instance, some_figures(rng, instance, 4), **way)
    if table.status == "infeasible":
        assert solve(instance, "min-cut", Objective("latency", **way)).status == "infeasible"
        return
    assert table.status == "optimal"
    check_points(instance, table, points(rng, table, 6), "min-cut")


@given(seed=st.integers(0, 10**6), way=st.sampled_from(WAYS))
@settings(max_examples=15)
def test_equals_enumeration_where_routes_flip(seed: int, way: dict[str, Any]) -> None:
    """Any topology, memory and groups too: the least of all placements at 6 points."""
    rng = np.random.default_rng(seed)
    instance = random_instance(rng, num_nodes=3, num_layers=4)
    table = plan_table(instance, some_figures(rng, instance, 3), **way)
    if not table.plans:
        assert table.status == "infeasible"
        assert solve(instance, "brute-force", table.objective).status == "infeasible"
        return
    assume(table.reason is None)
    assert table.status == "optimal"
    check_points(instance, table, points(rng, table, 6), "brute-force")


def without_memory(instance: Instance) -> Instance:
    return changed(instance, nodes=tuple(changed(n, memory_bytes=None) for n in instance.nodes))


@given(seed=st.integers(0, 10**6))
@settings(max_examples=10)
def test_kept_routes_stay(seed: int) -> None:
    """With `routes="keep"` values are those over the routes of the instance's own figures."""
    rng = np.random.default_rng(seed)
    instance = random_instance(rng, num_nodes=3, num_layers=4)
    vary = some_figures(rng, instance, 3)
    table, follows = plan_table(instance, vary, routes="keep"), plan_table(instance, vary)
    assume(table.plans)
    assert len(table.cells) == 1
    assert table.status == "optimal"
    wanted = points(rng, table, 5)
    for made in (table, follows):
        values = made.values(wanted, routes="keep")
        for point, row in zip(wanted, values, strict=True):
            there = keep_routes(at_figures(instance, made.figures, point), routes_of(instance))
            costs = [
                decision_cost(there, decision_of(instance, plan), made.objective)
                for plan in made.plans
            ]
            assert row.tolist() == pytest.approx([float(cost) for cost in costs], rel=1e-12)
            if made is follows:  # its plans are some of all: none beats the other's best
                least = table.values(point[None]).min()
                assert row.min() >= least * (1 - 1e-9)


def test_a_box_worked_by_hand() -> None:
    """All on d takes 1 s; on e 0.01 s + 8e5 bits / B + 0.1 s load: equal at a line of the box.

    At load 1: 1 = 0.11 + 8e5 / B, so B = 8e5 / 0.89. At 8 Mbit/s: load = (1 - 0.01 - 0.1) / 0.1.
    """
    table = plan_table(two_places(), {LINK: (1e5, 1e8), "e": (0.5, 20.0)})
    assert sorted(plan.placement("t")["a"] for plan in table.plans) == ["d", "e"]
    assert table.value_at({LINK: 8e6, "e": 1.0}) == pytest.approx(0.01 + 0.1 + 0.1)
    assert table.plan_at({LINK: 8e6, "e": 9.0}).placement("t")["a"] == "d"
    bands = table.bands({LINK: 8e6, "e": 1.0})
    assert bands[LINK] == pytest.approx((8e5 / 0.89, 1e8))
    assert bands["e"] == pytest.approx((0.5, 8.9))
    assert (table.status, table.gap) == ("optimal", pytest.approx(0, abs=1e-9))
    assert table.figures[0].directions == "both"


def test_two_directions_of_a_link_vary_apart() -> None:
    """A pair alone is both directions of a duplex link; named both, each is its own.

    The result of 0.05 MB goes back to d: 4e5 bits over e -> d.
    """
    instance = two_places().with_task("t", results_to="d")
    layers = instance.models[0].layers
    model = changed(instance.models[0], layers=(layers[0], changed(layers[1], output_bytes=5e4)))
    instance = changed(instance, models=(model,))
    one = plan_table(instance, {LINK: (1e6, 1e8)}, monotone=False)
    assert one.value_at({LINK: 8e6}) == pytest.approx(0.02 + 0.1 + 1.2e6 / 8e6)
    two = plan_table(instance, {LINK: (1e6, 1e8), ("e", "d"): (1e6, 1e8)}, monotone=False)
    value = two.value_at({LINK: 8e6, ("e", "d"): 2e6})
    assert value == pytest.approx(0.02 + 0.1 + 8e5 / 8e6 + 4e5 / 2e6)


def test_a_load_multiplies_overheads_and_measured_times() -> None:
    """Also where the times are of a tier that has the node's name, and another node is in it.

    On `edge`: (0.1 s measured + 0.2 s of overhead and work) * load 3; `other` stays as it is.
    """
    nodes = [
        Node(name="edge", tier="edge", speed_flops=1e9, overhead_s=0.1),
        Node(name="other", tier="edge", speed_flops=1e3),
    ]
    layers = [
        Layer(name="in", op="input", output_bytes=1.0),
        Layer(name="a", op="conv", inputs=("in",), output_bytes=1.0, times_s={"edge": 0.1}),
        Layer(name="b", op="conv", inputs=("a",), output_bytes=1.0, flops=1e8),
    ]
    instance = Instance(
        name="loads",
        tiers=("edge",),
        nodes=tuple(nodes),
        links=(Link(tail="edge", head="other", bandwidth_bps=1.0),),
        models=(Model(name="m", layers=tuple(layers)),),
        tasks=(Task(name="t", model="m", source="edge"),),
    )
    table = plan_table(instance, {"edge": (1.0, 4.0)})
    assert table.value_at({"edge": 3.0}) == pytest.approx(3 * (0.1 + 0.2))
    there = at_figures(instance, table.figures, [3.0])
    assert float(evaluate(there, table.plan_at({"edge": 3.0}))) == pytest.approx(0.9)
    elsewhere = {"t": {"in": "edge", "a": "other", "b": "other"}}
    own = float(evaluate(instance, elsewhere, objective="latency"))
    assert float(evaluate(there, elsewhere, objective="latency")) == pytest.approx(own)


def three_places() -> Instance:
    """d and c are linked by 1 Mbit/s, and over e: routes flip as the bandwidths vary."""
    nodes = (
        Node(name="d", tier="device", speed_flops=1e9),
        Node(name="e", tier="edge", speed_flops=1e9),
        Node(name="c", tier="cloud", speed_flops=1e11),
    )
    links = (
        Link(tail="d", head="c", bandwidth_bps=1e6, latency_s=0.5),
        Link(tail="d", head="e", bandwidth_bps=1e7),
        Link(tail="e", head="c", bandwidth_bps=1e7),
    )
    layers = (
        Layer(name="in", op="input", output_bytes=1e5),
        Layer(name="a", op="conv", inputs=("in",), output_bytes=0.0, flops=1e10),
    )
    return Instance(
        name="flips",
        tiers=("device", "edge", "cloud"),
        nodes=nodes,
        links=links,
        models=(Model(name="m", layers=layers),),
        tasks=(Task(name="t", model="m", source="d"),),
    )


def test_routes_flip_at_a_line_of_the_box() -> None:
    """d -> c goes directly iff 1 / B < 1 / B1 + 1 / B2; the latency of 0.5 s then jumps in.

    With B1 = B2 = 1e7 the flip is at B = 5e6. There both take as long per byte, and the way over e
    has the lesser latency: 0.1 s of computing + 8e5 bits / 5e6 = 0.26 s.
    """
    table = plan_table(three_places(), {("d", "c"): (1e6, 1e8), ("d", "e"): (1e6, 1e8)})
    assert len(table.cells) >= 2
    assert table.status == "optimal"
    above: dict[Key, float] = {("d", "c"): 5.01e6}
    below: dict[Key, float] = {("d", "c"): 4.99e6}
    assert table.value_at({**below, ("d", "e"): 1e7}) == pytest.approx(0.1 + 8e5 / 5e6)
    assert table.value_at({**above, ("d", "e"): 1e7}) == pytest.approx(0.6 + 8e5 / 5.01e6)
    assert table.value_at({("d", "c"): 5e6, ("d", "e"): 1e7}) == pytest.approx(0.26)
    bands = table.bands({**below, ("d", "e"): 1e7})
    assert bands["d", "c"] == pytest.approx((1e6, 1e8))  # the plan stays, whatever its route


def test_plans_within_epsilon_are_few_and_good_enough() -> None:
    """Fewer plans than the exact table, none worse than 5 % anywhere."""
    instance = generate("random-dag", layers=60, heterogeneity=0.95, speed_ratio=1.5, ccr=0.1)
    link, nodes = instance.links[0], instance.nodes
    vary = {(link.tail, link.head): (1e5, 1e8), nodes[1].name: LOADS, nodes[2].name: LOADS}
    exact, rough = plan_table(instance, vary), plan_table(instance, vary, epsilon=0.05)
    assert len(rough.plans) < len(exact.plans)
    assert rough.gap is not None
    assert 0 < rough.gap <= 0.05
    assert (rough.status, exact.status) == ("feasible", "optimal")
    wanted = points(np.random.default_rng(0), exact, 500)
    ratio = rough.values(wanted).min(axis=1) / exact.values(wanted).min(axis=1)
    assert ratio.max() <= 1.05
    check_points(instance, rough, wanted[:5], "min-cut", epsilon=0.05)


@given(seed=st.integers(0, 10**6), factor=st.sampled_from([0.25, 3.0, 1024.0]))
@settings(max_examples=10)
def test_scaled_instances_have_scaled_tables(seed: int, factor: float) -> None:
    """All bytes and bandwidths times a factor: the same best values at the scaled figures."""
    rng = np.random.default_rng(seed)
    instance = without_memory(random_instance(rng, line=True, num_layers=8))
    assume(instance.links)
    vary = some_figures(rng, instance, 3)
    table = plan_table(instance, vary)
    assume(table.plans)
    more = {
        key: limits if isinstance(key, str) else (limits[0] * factor, limits[1] * factor)
        for key, limits in vary.items()
    }
    scaled = plan_table(with_bytes(instance, factor), more)
    wanted = points(rng, table, 20)
    columns = [factor if figure.link else 1.0 for figure in table.figures]
    low, high = ([getattr(f, end) for f in scaled.figures] for end in ("low", "high"))
    best = scaled.values(np.clip(wanted * columns, low, high)).min(axis=1)
    assert best == pytest.approx(table.values(wanted).min(axis=1), rel=1e-9)


def with_bytes(instance: Instance, factor: float) -> Instance:
    """Tensors so many times larger, and links so many times faster."""
    links = tuple(
        changed(link, bandwidth_bps=link.bandwidth_bps * factor) for link in instance.links
    )
    models = tuple(
        changed(
            model,
            layers=tuple(
                changed(layer, output_bytes=size * factor)
                for layer, size in zip(model.layers, model.output_bytes.tolist(), strict=True)
            ),
        )
        for model in instance.models
    )
    return changed(instance, links=links, models=models)


@given(seed=st.integers(0, 10**6))
@settings(max_examples=10)
def test_bands_are_where_the_plan_stays(seed: int) -> None:
    """Within its band the plan is the one to use; just beyond it another is, or the box ends."""
    rng = np.random.default_rng(seed)
    instance = random_instance(rng, num_nodes=3, num_layers=4)
    table = plan_table(instance, some_figures(rng, instance, 3))
    assume(table.plans and table.reason is None)
    (point,) = points(rng, table, 1)
    figures = {f.key: float(x) for f, x in zip(table.figures, point, strict=True)}
    position = table.position_at(point.tolist())
    for at, figure in enumerate(table.figures):
        low, high = table.bands(figures)[figure.key]
        assert figure.low <= low <= point[at] <= high <= figure.high
        line = np.repeat(point[None], 9, axis=0)
        line[:, at] = np.clip(np.geomspace(low, high, 9), low, high)
        values = table.values(line)
        assert values[:, position] == pytest.approx(values.min(axis=1), rel=1e-9)
        for end, beyond in ((low, low * (1 - 1e-6)), (high, high * (1 + 1e-6))):
            if end not in (figure.low, figure.high) and figure.low <= beyond <= figure.high:
                other = [*point[:at], beyond, *point[at + 1 :]]
                assert table.position_at(other) != position


@given(seed=st.integers(0, 10**6))
@settings(max_examples=8)
def test_failed_nodes_have_tables_of_their_own(seed: int) -> None:
    """With a node down the plan is the best of the network without it, or there is none."""
    rng = np.random.default_rng(seed)
    instance = random_instance(rng, num_nodes=3, num_layers=4, num_tasks=2)
    table = plan_table(instance, some_figures(rng, instance, 2), failures=True)
    assume(table.plans and table.reason is None)
    sources = {task.source for task in instance.tasks}
    assert set(table.failures) == {n.name for n in instance.nodes} - sources
    wanted = points(rng, table, 3)
    for name, failure in table.failures.items():
        if failure.status == "infeasible":
            with pytest.raises(ValueError, match=f"does without {name}"):
                table.choose(wanted, down=name)
            continue
        for point in wanted:
            rest = at_figures(instance, table.figures, point).without_node(name)
            figures = {f.key: float(x) for f, x in zip(table.figures, point, strict=True)}
            plan = table.plan_at(figures, down=name)
            assert sentences(rest, plan) == []
            best = solve(rest, "brute-force", table.objective).value
            assert float(evaluate(rest, plan)) == pytest.approx(best, rel=1e-9)
            assert table.value_at(figures, down=name) == pytest.approx(best, rel=1e-9)


def test_without_tables_of_failures_plans_that_need_nothing_down_remain() -> None:
    """While e or the link is down all stays on d; with d down there is nothing to do."""
    table = plan_table(two_places(), {LINK: (1e5, 1e8), "e": (0.5, 20.0)})
    figures: dict[Key, float] = {LINK: 1e8, "e": 0.5}
    assert table.plan_at(figures).placement("t")["a"] == "e"
    several: list[Any] = ["e", LINK, ("e", "d"), ["e", LINK]]
    for down in several:
        assert table.plan_at(figures, down=down).placement("t")["a"] == "d"
        assert table.values([[1e8, 0.5]], down=down).max() == np.inf
    with pytest.raises(ValueError, match="of small does without d"):
        table.plan_at(figures, down="d")
    with pytest.raises(LookupError, match="unknown node 'f'"):
        table.plan_at(figures, down="f")
    with pytest.raises(ValueError, match=r"down = 5, must be a node's name, a link \(from, to\)"):
        table.plan_at(figures, down=5)  # type: ignore[arg-type]


def test_a_measured_latency_shifts_what_crosses_the_link() -> None:
    """Crossings are known: the values are those of an instance with the other latency."""
    instance = generate("three-tier", model="squeezenet-1.0")
    table = plan_table(instance, {("device", "edge0"): (1e5, 1e9), "edge0": LOADS})
    rng = np.random.default_rng(0)
    wanted = points(rng, table, 6)
    slow = instance.with_link("device", "edge0", latency_s=0.07, directions="forward")
    values = table.values(wanted, latency_s={("device", "edge0"): 0.07})
    each = table.values(wanted, latency_s={("device", "edge0"): [0.07] * 6})
    assert (values == each).all()
    for point, row in zip(wanted, values, strict=True):
        there = at_figures(slow, table.figures, point)
        costs = [float(evaluate(there, plan)) for plan in table.plans]
        assert row.tolist() == pytest.approx(costs, rel=1e-12)
    chosen = table.choose(wanted, latency_s={("device", "edge0"): 0.07})
    assert (chosen == values.argmin(axis=1)).all()


def test_a_measured_latency_where_no_plan_is_left() -> None:
    """The source is down: whatever latencies are, no plan takes less than for ever."""
    instance = generate("three-tier", model="alexnet")
    table = plan_table(instance, {("device", "edge0"): (1e5, 1e9)}, failures=True)
    values = table.values([[1e6]], "device", latency_s={("device", "edge0"): 0.07})
    assert np.isinf(values).all()


def test_joint_weights_are_said() -> None:
    """All plans ready: d and e both hold a's 8 MB; a memory of 7.9 MB on d is too small."""
    vary = {LINK: (1e5, 1e8), "e": (0.5, 20.0)}
    roomy = plan_table(two_places(), vary)
    assert {name: held.weight_bytes for name, held in roomy.held.items()} == {"d": 8e6, "e": 8e6}
    assert roomy.fits
    table = changed(roomy, held={**roomy.held, "d": changed(roomy.held["d"], memory_bytes=7.9e6)})
    assert table.overfull == ("d",)
    assert not table.fits


def stopping(calls: int) -> Any:
    """Min-cut that is interrupted at its last call."""
    left = iter(range(calls))

    def oracle(request: Request) -> Answer:
        if next(left, None) is None:
            raise KeyboardInterrupt
        return solve_min_cut(request)

    return oracle


@pytest.mark.parametrize("calls", [1, 3, 9, 25])
def test_an_interrupt_keeps_the_plans_found(calls: int) -> None:
    """The gap that is then told holds: no point of the box is further from the optimum."""
    instance = generate("three-tier", model="tiny-yolov2")
    vary = {("device", "edge0"): (1e6, 1e9), "edge0": LOADS, "cloud": LOADS}
    whole, part = plan_table(instance, vary), plan_table(instance, vary, oracle=stopping(calls))
    assert (part.status, part.stopped_by, part.asked) == ("feasible", "interrupted", calls)
    wanted = points(np.random.default_rng(0), whole, 2000)
    best, reached = (table.values(wanted).min(axis=1) for table in (whole, part))
    assert part.gap is not None
    assert ((reached - best) / reached).max() <= part.gap < 1


def test_an_interrupt_before_the_first_answer_leaves_nothing() -> None:
    """Status unknown, and a look-up says so."""
    table = plan_table(two_places(), {LINK: (1e5, 1e8)}, oracle=stopping(0))
    assert (table.status, table.stopped_by, table.plans) == ("unknown", "interrupted", ())
    with pytest.raises(ValueError, match="has no plan: interrupted after 0 questions"):
        table.plan_at({LINK: 1e6})


def test_the_time_limit_is_kept() -> None:
    """A limit that is over at once still leaves the first plan, with its gap."""
    instance = generate("random-dag", layers=100, heterogeneity=0.95, speed_ratio=1.5, ccr=0.1)
    vary = {node.name: LOADS for node in instance.nodes}
    table = plan_table(instance, vary, time_limit_s=1e-3)
    assert (table.status, table.stopped_by) == ("feasible", "time limit")
    assert len(table.plans) >= 1


def test_memory_hands_over_to_the_next_oracle() -> None:
    """Where the cut's plan breaks a node's memory the cell is solved by another solver."""
    instance = generate("three-tier", model="nin")
    tight = instance.with_node("edge0", memory_bytes=1e6)
    table = plan_table(tight, {("device", "edge0"): (1e5, 1e9)})
    assert table.oracle == "ilp"
    assert table.status == "optimal"
    for bandwidth in (2e5, 3e7, 9e8):
        there = at_figures(tight, table.figures, [bandwidth])
        best = solve(there, "ilp", "latency").value
        assert table.value_at({("device", "edge0"): bandwidth}) == pytest.approx(best, rel=2e-6)


def test_an_infeasible_instance_has_no_plans() -> None:
    """A layer that may run nowhere: proven, with a reason."""
    instance = two_places()
    layers = instance.models[0].layers
    nowhere = changed(instance.models[0], layers=(layers[0], changed(layers[1], tiers=())))
    table = plan_table(changed(instance, models=(nowhere,)), {LINK: (1e5, 1e8)}, failures=True)
    assert (table.status, table.plans) == ("infeasible", ())
    assert "no placement respects" in str(table.reason)
    assert table.rows() == []


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"vary": {}}, ValueError, "vary = {}, must be"),
        ({"vary": {LINK: (2.0, 1.0)}}, ValueError, "range of d,e = 2 to 1, must have low < high"),
        ({"vary": {LINK: (1.0, 1.0)}}, ValueError, "must have low < high"),
        ({"vary": {LINK: (0.0, 1.0)}}, ValueError, "low of d,e = 0.0, must be a number > 0"),
        ({"vary": {"e": (1.0, float("inf"))}}, ValueError, "high of e = inf"),
        ({"vary": {"e": (float("nan"), 1.0)}}, ValueError, "low of e = nan"),
        ({"vary": {"e": (1.0, 2.0, 3.0)}}, ValueError, r"range of e = .*, must be \(low, high\)"),
        ({"vary": {"e": 5.0}}, ValueError, r"range of e = 5.0, must be \(low, high\)"),
        ({"vary": {"f": (1.0, 2.0)}}, LookupError, "unknown node 'f'"),
        ({"vary": {("d", "f"): (1.0, 2.0)}}, LookupError, "unknown node 'f'"),
        ({"vary": {("d", "d"): (1.0, 2.0)}}, LookupError, "no link d,d; links: d,e, e,d"),
        ({"vary": {("d",): (1.0, 2.0)}}, ValueError, r"must be a link \(from, to\)"),
        ({"vary": {f"n{i}": (1, 2) for i in range(9)}}, ValueError, "9 figures, must be at most 8"),
        ({"epsilon": -0.1}, ValueError, "epsilon = -0.1, must be a number >= 0"),
        ({"routes": "fixed"}, ValueError, "routes = 'fixed', must be one of follow, keep"),
        ({"time_limit_s": 0}, ValueError, "time_limit_s = 0, must be a number > 0"),
        ({"objective": "period"}, SolverDeclined, "not linear"),
        ({"oracle": "hpa"}, SolverDeclined, "needs an exact solver"),
        ({"oracle": "min-cat"}, LookupError, "did you mean '?min-cut"),
    ],
)
def test_bad_input(change: dict[str, Any], error: type[Exception], message: str) -> None:
    """What makes no sense is said in one sentence."""
    with pytest.raises(error, match=message):
        plan_table(two_places(), **{"vary": {LINK: (1e5, 1e8)}, **change})


@pytest.mark.parametrize(
    ("figures", "error", "message"),
    [
        ({LINK: 1e9, "e": 1.0}, ValueError, "between 100000 and 1e.08 bit/s"),
        ({LINK: 1e6}, ValueError, "e is missing, must be all of d,e, e"),
        (
            {LINK: 1e6, "e": 1.0, "d": 1.0},
            LookupError,
            r"figure 'd', must be one of \('d', 'e'\), 'e'",
        ),
        ({LINK: 1e6, "e": "x"}, ValueError, "load of e = 'x', must be a number"),
        ([1e6, 1.0], ValueError, "must be a value of each of d,e, e"),
    ],
)
def test_bad_look_ups(figures: Any, error: type[Exception], message: str) -> None:
    """A look-up outside of the box, or of something else, says what is allowed."""
    table = plan_table(two_places(), {LINK: (1e5, 1e8), "e": (0.5, 20.0)})
    with pytest.raises(error, match=message):
        table.plan_at(figures)
    for wrong in ([1e6, 1.0], [[1e6]], [["a", "b"]], [[1e6, 99.0]], [[np.nan, 1.0]]):
        with pytest.raises(ValueError, match="X"):
            table.choose(wrong)
    with pytest.raises(ValueError, match="latency_s of d -> e = -1"):
        table.values([[1e6, 1.0]], latency_s={LINK: -1})
