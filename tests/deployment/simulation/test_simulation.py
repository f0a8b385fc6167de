"""Simulated streams: against the formula where it is exact, and against recursions elsewhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from splitfog import Instance, Model, Task, evaluate, generate, save_instance, save_plan, solve
from splitfog.cli import app
from splitfog.deployment.simulation.program import Branch, Program, Step, request_program
from splitfog.deployment.simulation.simulation import _run, simulate
from splitfog.deployment.simulation.ways import Hop, arrivals_s, share_links
from splitfog.formulations.costs.feasibility import decision_violations
from splitfog.formulations.costs.reference import decision_cost
from splitfog.formulations.costs.routes import routes_of
from splitfog.formulations.decision import Decision, Stage, TaskDecision
from splitfog.formulations.evaluation.describe import describe
from splitfog.formulations.objective import Objective
from splitfog.instances.records import changed
from tests.cases.random_offloading import random_offloading
from tests.cases.small_networks import chain, layer, link, node
from tests.cases.stages.relayed import relayed, stage

MEAN = Objective("mean-latency")
FREE = Objective("mean-latency", monotone=False)


def one_node(*rates: float | None, work: tuple[float, ...] = (0.1, 0.2)) -> Instance:
    """A node of 1 GFLOP/s with a stream for each rate; stream i takes work[i] seconds."""
    models = [Model(name=f"m{i}", layers=tuple(chain((0, 1), (w, 0)))) for i, w in enumerate(work)]
    return Instance(
        name="one",
        tiers=("device",),
        nodes=(node("d", 1e9, "device"),),
        links=(),
        models=tuple(models),
        tasks=tuple(
            Task(name=f"t{i}", model=f"m{i}", source="d", arrivals_per_s=rate)
            for i, rate in enumerate(rates)
        ),
    )


def local(instance: Instance) -> dict[str, dict[str, str]]:
    """Every layer at its task's source."""
    return {
        task.name: {x.name: str(task.source) for x in instance.model_of(task).layers}
        for task in instance.tasks
    }


def test_one_stream_by_hand() -> None:
    """M/D/1: 5 requests a second of 0.1 s wait 5 x .01 / (2 x .5) = 0.05 s, so take 0.15 s."""
    instance = one_node(5.0)
    found = simulate(instance, local(instance), requests=100_000, seed=1)
    assert found.exact
    assert found.overall.formula_s == pytest.approx(0.15)
    assert found.overall.mean is not None
    assert found.overall.mean.value_s == pytest.approx(0.15, rel=0.02)
    assert found.overall.half_widths_off is not None
    assert found.overall.half_widths_off <= 3
    # half of all requests find the node free (rho = .5): the median is just the service
    assert found.overall.p50 is not None
    assert 0.1 <= found.overall.p50.value_s < 0.115
    assert found.overall.p99 is not None
    assert found.overall.p99.value_s > 0.3


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("solver", ["local", "greedy-match", "random-match"])
def test_exact_where_every_task_makes_one_visit(solver: str, seed: int) -> None:
    """Overall and for every task the formula lies within three half-widths."""
    how: dict[str, Any] = {"models": "nin,alexnet", "utilisation": 0.8, "max_device_rho": 0.7}
    instance = generate("fog", seed, users=6, **how)
    plan = solve(instance, solver, objective="mean-latency", seed=seed)
    if not plan.tasks:
        pytest.skip("no plan")
    found = simulate(instance, plan, requests=40_000, seed=seed)
    assert found.exact
    assert found.overall.formula_s == pytest.approx(float(evaluate(instance, plan)))
    for part in (found.overall, *found.tasks):
        assert part.half_widths_off is not None
        assert part.half_widths_off <= 3, part


def quiet(instance: Instance) -> Instance:
    """The same with streams so thin that nothing ever waits."""
    tasks = tuple(changed(task, arrivals_per_s=1e-5) for task in instance.tasks)
    nodes = tuple(changed(n, quota=None) for n in instance.nodes)
    return changed(instance, tasks=tasks, nodes=nodes)


def share(instance: Instance, stage: Stage) -> bool:
    """Whether two nodes of a stage have a link in common, either way."""
    routes, others = routes_of(instance), {part.node for part in stage.slices} - {stage.home}
    there = [link for node in others for link in routes.path(stage.home, node) or ()]
    back = [link for node in others for link in routes.path(node, stage.home) or ()]
    return len({*there}) < len(there) or len({*back}) < len(back)


@pytest.mark.parametrize("transfers", ["once", "per-edge"])
def test_without_waits_it_is_the_formula(transfers: Any) -> None:
    """With thin streams a request takes the formula's latency; less at most where transfers of a
    stage wait for one another: with a serial radio, or over links that they share.
    """
    tried = equal = 0
    for seed in range(40):
        instance, decision = random_offloading(np.random.default_rng(seed))
        instance, objective = quiet(instance), Objective("mean-latency", transfers, False)
        if decision_violations(instance, decision, objective):
            continue
        tried += 1
        cost = decision_cost(instance, decision, objective)
        found = simulate(instance, describe(instance, decision, objective), requests=100)
        for part, right, answer in zip(found.tasks, cost.tasks, decision.tasks, strict=True):
            assert part.mean is not None
            homes = [instance.nodes[stage.home].radio for stage in answer.stages]
            if "serial" not in homes and not any(share(instance, s) for s in answer.stages):
                assert part.mean.value_s == pytest.approx(right.latency_s, rel=1e-5)
                equal += 1
            assert part.mean.value_s <= right.latency_s * (1 + 1e-5)
    assert tried >= 15
    assert equal >= 20


def test_a_node_fed_by_another() -> None:
    """After 0.2 s on one node, 0.1 s on the next never waits; the formula thinks it does."""
    layers = tuple(chain((0, 1), (0.2, 1), (1, 0)))
    instance = Instance(
        name="tandem",
        tiers=("device", "edge"),
        nodes=(node("d", 1e9, "device"), node("e", 10e9, "edge")),
        links=(link("d", "e", 80e6),),
        models=(Model(name="m", layers=layers),),
        tasks=(Task(name="t", model="m", source="d", arrivals_per_s=2.5),),
    )
    placement = {"t": {"in": "d", "a": "d", "b": "e"}}
    found = simulate(instance, placement, requests=50_000)
    # d: rho .5, wait 2.5 x .04 / (2 x .5) = .1; then 1 MB at 10 MB/s = .1; e: rho .25, wait
    # 2.5 x .01 / (2 x .75) = 1/60 by the formula, none in truth: .2 + .1 + .1 + .1 = 0.5
    assert not found.exact
    assert found.overall.formula_s == pytest.approx(0.5 + 1 / 60)
    assert found.overall.mean is not None
    assert found.overall.mean.half_width_s is not None
    assert abs(found.overall.mean.value_s - 0.5) <= 3 * found.overall.mean.half_width_s


@pytest.mark.parametrize("seed", range(5))
def test_queues_are_those_of_lindley(seed: int) -> None:
    """Latencies through two nodes in a row equal Lindley's recursion, request by request."""
    rng = np.random.default_rng(seed)
    program = Program((Step(0.0, (Branch(0, 0, 0.3, 0),)), Step(0.5, (Branch(1, 0, 0.4, 0),))), 1.0)
    arrivals = np.cumsum(rng.exponential(0.45, 500))
    expected, free = [], [0.0, 0.0]
    for arrival in arrivals.tolist():
        free[0] = max(free[0], arrival) + 0.3
        free[1] = max(free[1], free[0] + 0.5) + 0.4
        expected.append(free[1] + 1.0 - arrival)
    found = _run([program], 2, arrivals.tolist(), [0] * 500)
    assert found == pytest.approx(np.array(expected), rel=1e-9)


def test_first_come_first_served() -> None:
    """Whoever reaches the node first is served first, though he set out later."""
    slow = Program((Step(5.0, (Branch(0, 0, 10.0, 0),)),), 0.0)
    fast = Program((Step(0.0, (Branch(0, 0, 10.0, 0),)),), 0.0)
    # slow sets out at 0 and arrives at 5; fast arrives at 1 and is served until 11
    found = _run([slow, fast], 1, [0.0, 1.0], [0, 1])
    assert found.tolist() == [21.0, 10.0]


def test_barriers_and_radios() -> None:
    """A stage ends when all is back; a serial radio takes what comes back one after another."""

    def take(serial: bool, *branches: Branch) -> float:
        return float(_run([Program((Step(1.0, branches, serial),), 0.0)], 2, [0.0], [0])[0])

    # side by side: 1 + max(1 + 5 + 1, 3 + 1 + 2) = 8
    assert take(False, Branch(0, 1, 5, 1), Branch(1, 3, 1, 2)) == 8.0
    # serial: ready after 6 and 4: the second sends until 6, the first until 7: 1 + 7
    assert take(True, Branch(0, 1, 5, 1), Branch(1, 3, 1, 2)) == 8.0
    # ready after 6 and 5.5: the second sends until 7.5, the first waits and sends until 8.5
    assert take(True, Branch(0, 1, 5, 1), Branch(1, 3, 2.5, 2)) == 9.5
    # what does not travel does not wait for the radio
    assert take(True, Branch(0, 0, 9, 0), Branch(1, 3, 2.5, 2)) == 10.0


def test_serial_radio_sends_in_turn() -> None:
    """Of a stage with a serial home the second node's input leaves when the first's has left."""
    for seed in range(40):
        instance, decision = random_offloading(np.random.default_rng(seed), num_fog=3, slices=4)
        instance = quiet(instance)
        for position, answer in enumerate(decision.tasks):
            serial = [s for s in answer.stages if instance.nodes[s.home].radio == "serial"]
            away = [s for s in serial if len({p.node for p in s.slices} - {s.home}) > 1]
            if away and not decision_violations(instance, decision, FREE):
                program = request_program(instance, position, decision, FREE)
                branches = next(step.branches for step in program.steps if len(step.branches) > 1)
                arrivals = [branch.arrives_s for branch in branches if branch.arrives_s > 0]
                assert arrivals == sorted(arrivals)
                assert len(set(arrivals)) == len(arrivals)
                return
    raise AssertionError("no such stage was drawn")


def two_nodes() -> Instance:
    """A chain of four layers and a node beside the source, all links alike."""
    layers = tuple(chain((0, 1), (1, 1), (1, 1), (1, 1), (1, 1)))
    return Instance(
        name="two",
        tiers=("device",),
        nodes=(node("x", 10e9, "device"), node("y", 10e9, "device")),
        links=(link("x", "y", 800e6),),
        models=(Model(name="m", layers=layers),),
        tasks=(Task(name="t", model="m", source="x", arrivals_per_s=1.0),),
    )


def test_what_comes_back_waits_for_its_link() -> None:
    """Halves on f (36 s) and g (4 s) behind r, 32 bytes each: at r at 32 and 64, at f at 48, at g
    at 80. Both are served at 84, at r at 100, and then d-r carries f's until 132, g's until 164.

    The closed form has f wait for all that crosses its way: 80 + 36 + 80 = 196.
    """
    instance = quiet(relayed().with_node("f", speed_flops=1 / 9))
    answer = TaskDecision(np.zeros(2, np.int64), stages=(stage((2, (0, 4)), (3, (4, 8))),))
    plan = describe(instance, Decision((answer,)), MEAN)
    assert plan.value == pytest.approx(196, rel=1e-3)
    found = simulate(instance, plan, requests=100).overall
    assert found.mean is not None
    assert found.mean.value_s == pytest.approx(164, rel=1e-3)


def test_whatever_is_ready_first_goes_first() -> None:
    """Over one link of 3 s and a delay of 1: ready at 2 and 0, there at 7 and 4; apart at 6 and 4.

    Of two that are ready at once the first in order goes first, and the second 3 s later.
    """
    (hop,) = way = (Hop(link=0, busy_s=3.0, delay_s=1.0),)
    assert arrivals_s([2.0, 0.0], [way, way]) == [7.0, 4.0]
    assert arrivals_s([2.0, 0.0], [way, (changed(hop, link=1),)]) == [6.0, 4.0]
    assert arrivals_s([0.0, 0.0], [way, way]) == [4.0, 7.0]
    assert arrivals_s([5.0, 0.0], [(), way]) == [5.0, 4.0]
    assert share_links([way, way])
    assert not share_links([way, (changed(hop, link=1),)])


def test_runs_of_consecutive_layers() -> None:
    """Neighbours on a node are one service; a node that a request comes back to queues again."""
    instance = two_nodes()
    x, y = (instance.node_index[name] for name in "xy")

    def steps(places: str) -> list[tuple[int, float]]:
        placed_at = {"t": dict(zip(["in", "a", "b", "c", "d"], "x" + places))}
        plan = describe(instance, decision_for(instance, placed_at), MEAN)
        program = request_program(instance, 0, decision_for(instance, placed_at), MEAN)
        assert plan.value is not None
        return [
            (branch.node, round(branch.service_s, 9))
            for step in program.steps
            for branch in step.branches
        ]

    assert steps("xxxx") == [(x, 0.4)]
    assert steps("yyyy") == [(y, 0.4)]
    assert steps("xyyx") == [(x, 0.1), (y, 0.2), (x, 0.1)]
    assert not simulate(instance, {"t": dict(zip("abcd", "xyyx"), **{"in": "x"})}, 100).exact


def decision_for(instance: Instance, placement: dict[str, dict[str, str]]) -> Decision:
    """The decision of a placement by names."""
    from splitfog.formulations.evaluation.given import as_plan
    from splitfog.formulations.plan import decision_of

    return decision_of(instance, as_plan(instance, placement, MEAN))


def test_a_branch_returns_before_it_is_read() -> None:
    """A tensor that crossed a link for one reader is there for the next (`once`)."""
    layers = (
        layer("in", 0, 1),
        layer("a", 1, 1, "in"),
        layer("b", 1, 1, "a"),
        layer("c", 1, 1, "a", "b"),
    )
    instance = changed(two_nodes(), models=(Model(name="m", layers=layers),))
    decision = decision_for(instance, {"t": {"in": "x", "a": "x", "b": "y", "c": "y"}})
    once = request_program(instance, 0, decision, MEAN)
    assert [(step.delay_s, step.branches[0].service_s) for step in once.steps] == [
        (0.0, pytest.approx(0.1)),
        (pytest.approx(0.01), pytest.approx(0.2)),
    ]
    twice = request_program(instance, 0, decision, Objective("mean-latency", "per-edge"))
    assert [step.delay_s for step in twice.steps] == [0.0, pytest.approx(0.02)]


def test_seeds() -> None:
    """A seed repeats, another differs; 10 % are dropped; the order of tasks is the file's."""
    instance = one_node(2.0, None, 1.0, work=(0.1, 0.2, 0.3))
    first, again, other = (simulate(instance, local(instance), 1000, s) for s in (1, 1, 2))
    assert first == again
    assert first.overall.mean != other.overall.mean
    assert (first.requests, first.dropped, first.overall.requests) == (1000, 100, 900)
    assert [part.task for part in first.tasks] == ["t0", "t2"]
    assert sum(part.requests for part in first.tasks) == 900


def test_few_requests_have_no_interval() -> None:
    """An interval needs ten requests a batch, that of a percentile ten beyond it in each."""
    instance = one_node(1.0)
    sizes = (221, 600, 25_000)
    tiny, small, large = (simulate(instance, local(instance), n).overall for n in sizes)
    assert tiny.mean is not None
    assert tiny.mean.half_width_s is None  # 199 are kept
    more = simulate(instance, local(instance), 222).overall.mean
    assert more is not None
    assert more.half_width_s is not None
    assert small.mean is not None
    assert small.mean.half_width_s is not None
    for part, known in ((small, (True, False, False)), (large, (True, True, True))):
        for estimate, has_one in zip((part.p50, part.p95, part.p99), known, strict=True):
            assert estimate is not None
            # 540 kept: 27 a batch, 13 above the median; 22,500: 1,125 a batch, 11 above 99 %
            assert (estimate.half_width_s is not None) == has_one


@pytest.mark.parametrize(
    ("rates", "sentence"),
    [
        ((None, None), "one has no task with arrivals_per_s, must have one"),
        ((6.0, 2.0), "the plan cannot be simulated: node d is overloaded: rho = 1, must be < 1"),
    ],
)
def test_nothing_to_simulate(rates: tuple[float | None, ...], sentence: str) -> None:
    """No rates, and too much load, are said in a sentence."""
    instance = one_node(*rates)
    with pytest.raises(ValueError, match="must") as failure:
        simulate(instance, local(instance))
    assert str(failure.value).startswith(sentence)


def test_wrong_plans() -> None:
    """A plan for another instance, one without tasks, and too few requests are refused."""
    instance, other = one_node(1.0), one_node(2.0)
    plan = solve(other, "local", objective="mean-latency")
    with pytest.raises(ValueError, match="is for another instance"):
        simulate(instance, plan)
    overloaded = solve(one_node(11.0), "local", objective="mean-latency")
    with pytest.raises(ValueError, match="status infeasible"):
        simulate(one_node(11.0), overloaded)
    with pytest.raises(ValueError, match="requests = 19, must be a whole number >= 20"):
        simulate(instance, local(instance), requests=19)


def test_command(tmp_path: Path) -> None:
    """The table names all and every task; --json is one document with the same figures."""
    instance = one_node(2.0, 1.0)
    files = [tmp_path / "instance.json", tmp_path / "plan.json"]
    save_instance(instance, files[0])
    plan = solve(instance, "local", objective="mean-latency")
    save_plan(plan, files[1])
    words = ["simulate", *map(str, files), "--requests", "2000", "--seed", "3"]
    shown = CliRunner().invoke(app, words)
    assert shown.exit_code == 0
    assert [line.split()[0] for line in shown.stdout.splitlines()[:4]] == [
        "task",
        "all",
        "t0",
        "t1",
    ]
    assert "exact here" in shown.stdout
    data = json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)
    mean = simulate(instance, plan, requests=2000, seed=3).overall.mean
    assert mean is not None
    assert data["overall"]["mean"]["value_s"] == pytest.approx(mean.value_s)
    assert data["overall"]["formula_s"] == pytest.approx(plan.value)
    assert [part["task"] for part in data["tasks"]] == ["t0", "t1"]


def test_command_refuses_overload(tmp_path: Path) -> None:
    """Exit code 2 and one line for a plan that no node keeps up with."""
    instance = one_node(6.0, 2.0)
    files = [tmp_path / "instance.json", tmp_path / "plan.json"]
    save_instance(instance, files[0])
    save_plan(describe(instance, decision_for(instance, local(instance)), MEAN), files[1])
    shown = CliRunner().invoke(app, ["simulate", *map(str, files)])
    assert (shown.exit_code, shown.stdout) == (2, "")
    assert "node d is overloaded" in shown.stderr


def test_a_race_is_no_single_visit() -> None:
    """A stage on two nodes ends with the later one, of which only one queues: not exact."""
    busy, idle = Branch(0, 0.1, 0.5, 0.1), Branch(1, 0.1, 0.0, 0.1)
    assert Program((Step(0.0, (busy,)), Step(0.0, (idle,))), 0.0).num_visits == 1
    assert Program((Step(0.0, (busy, idle)),), 0.0).num_visits == 2
