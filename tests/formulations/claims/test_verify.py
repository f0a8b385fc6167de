"""Every claim of a plan is recomputed: true ones pass, each false one is named."""

from __future__ import annotations

from collections.abc import Callable
from math import nextafter
from pathlib import Path
from typing import Any

import pytest

import splitfog as sf
from splitfog.formulations.claims.verify import false_claims
from splitfog.formulations.decision import placed
from splitfog.formulations.evaluation.describe import describe
from splitfog.formulations.objective import Objective
from splitfog.formulations.plan import Plan
from splitfog.formulations.plan_file import NodeEntry, PlanFile, TaskEntry
from splitfog.instances.records import changed
from tests.cases.scaling import scaled

TINY = sf.load_instance(Path(__file__).parents[2] / "data" / "tiny.json")
TIMED = changed(TINY, tasks=(changed(TINY.tasks[0], deadline_s=0.02),))

# tiny.json: conv and fc on the server take 0.01 + 0.001 s, the input 1000 B / 1e6 B/s = 0.001 s:
# latency = 0.012 s, compute 0.011, transfer 0.001; weights there 4000 + 8000 B.


def true_plan(name: str = "latency", instance: sf.Instance = TIMED) -> Plan:
    """A described plan with a bound and what follows from it."""
    objective = Objective(name)  # type: ignore[arg-type]
    plan = describe(instance, placed([0, 1, 1]), objective, solver="hpa", seed=0)
    assert plan.value is not None
    bound = plan.value / 2
    return changed(plan, status="feasible", stopped_by="finished", lower_bound=bound, gap=0.5)


@pytest.mark.parametrize("name", ["latency", "makespan", "period", "mean-latency"])
def test_a_described_plan_is_true(name: str) -> None:
    """Under every objective, schedule and loads included."""
    assert false_claims(TIMED, true_plan(name)) == []


def test_a_placement_alone_claims_nothing_false() -> None:
    """Only format, version, objective and the placement are needed."""
    placement = {"input": "pi", "conv": "pi", "fc": "server"}
    plan = PlanFile(
        objective=Objective("latency"), tasks=(TaskEntry(task="cam", placement=placement),)
    )
    assert false_claims(TINY, plan) == []


def task_with(**changes: Any) -> Callable[[Plan], Plan]:
    """Change the one task."""
    return lambda plan: changed(plan, tasks=(changed(plan.tasks[0], **changes),))


def plan_with(**changes: Any) -> Callable[[Plan], Plan]:
    """Change the plan's top level."""
    return lambda plan: changed(plan, **changes)


def node_with(name: str, **changes: Any) -> Callable[[Plan], Plan]:
    """Change the load of a node."""
    return lambda plan: changed(
        plan, nodes={**plan.nodes, name: changed(plan.nodes.get(name, NodeEntry()), **changes)}
    )


def link_with(**changes: Any) -> Callable[[Plan], Plan]:
    """Change the one link that carries anything."""
    return lambda plan: changed(plan, links=(changed(plan.links[0], **changes),))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (plan_with(value=0.2), "value = 0.2, must be 0.012"),
        (plan_with(lower_bound=0.013, gap=None), "lower_bound = 0.013, must be <= the value 0.012"),
        (plan_with(gap=0.4), "gap = 0.4, must be 0.5"),
        (plan_with(lower_bound=None), "gap = 0.5, must be null"),
        (plan_with(status="optimal"), 'status = "optimal", must be "feasible" with the gap 0.5'),
        (
            plan_with(status="optimal", lower_bound=None, gap=None),
            'status = "optimal", must be "feasible" without a lower_bound',
        ),
        (
            plan_with(lower_bound=0.012, gap=None),
            'status = "feasible", must be "optimal" with the gap',
        ),
        (plan_with(instance="huge"), 'instance = "huge", must be "tiny"'),
        (plan_with(instance_sha256="00"), f'instance_sha256 = "00", must be "{TIMED.sha256}"'),
        (plan_with(runtime_s=-1.0), "runtime_s = -1.0, must be >= 0"),
        (plan_with(seed=-1), "seed = -1, must be >= 0"),
        (task_with(latency_s=0.01), "tasks[0].latency_s = 0.01, must be 0.012"),
        (task_with(compute_s=0.01), "tasks[0].compute_s = 0.01, must be 0.011"),
        (task_with(transfer_s=0.0), "tasks[0].transfer_s = 0.0, must be 0.001"),
        (task_with(wait_s=0.5), "tasks[0].wait_s = 0.5, must be 0"),
        (task_with(deadline_met=False), "tasks[0].deadline_met = false, must be true"),
        (node_with("pi", busy_s=1.0), "nodes.pi.busy_s = 1.0, must be 0"),
        (node_with("server", memory_bytes=1.0), "nodes.server.memory_bytes = 1.0, must be 12000"),
        (node_with("server", utilisation=0.1), "nodes.server.utilisation = 0.1, must be null"),
        (node_with("moon", busy_s=0.0), "nodes.moon: moon is not a node of the instance"),
        (link_with(bytes=999.0), "links[0].bytes = 999.0, must be 1000"),
        (link_with(busy_s=0.1), "links[0].busy_s = 0.1, must be 0.001"),
        (link_with(head="moon"), "links[0]: the instance has no link from pi to moon"),
        (
            link_with(tail="server", head="pi", bytes=0.0, busy_s=0.0),
            "links lacks the link from pi to server, which carries 1000 bytes",
        ),
        (
            lambda plan: changed(plan, links=plan.links * 2),
            "links has the link from pi to server more than once",
        ),
    ],
)
def test_a_false_claim_is_named_with_the_truth(
    change: Callable[[Plan], Plan], sentence: str
) -> None:
    """Each sentence starts with the claim's path and value."""
    sentences = false_claims(TIMED, change(true_plan()))
    assert any(found.startswith(sentence) for found in sentences), sentences


def test_a_true_plan_with_one_false_claim_has_one_sentence() -> None:
    """Nothing else is blamed."""
    assert len(false_claims(TIMED, task_with(compute_s=0.01)(true_plan()))) == 1


def test_an_idle_link_may_be_listed() -> None:
    """0 bytes over a link that exists is true."""
    idle = changed(true_plan().links[0], tail="server", head="pi", bytes=0.0, busy_s=0.0)
    assert false_claims(TIMED, changed(true_plan(), links=(*true_plan().links, idle))) == []


def test_no_deadline_is_neither_met_nor_missed() -> None:
    """Without one the claim must not be there."""
    plan = changed(true_plan(instance=TINY), tasks=task_with(deadline_met=True)(true_plan()).tasks)
    assert false_claims(TINY, plan) == ["tasks[0].deadline_met = true, must be null"]


def test_the_last_digits_are_forgiven_and_no_more() -> None:
    """1e-10 relative is rounding, 1e-8 is not."""
    plan = true_plan()
    assert plan.value is not None
    assert false_claims(TIMED, changed(plan, value=plan.value * (1 + 1e-10))) == []
    assert false_claims(TIMED, changed(plan, value=plan.value * (1 + 1e-8))) != []


def test_a_false_schedule_is_named_to_the_layer() -> None:
    """conv arrives at 0.001 s and ends at 0.011 s; a start at 0 is false, so is a missing hop."""
    plan = true_plan("makespan")
    schedule = plan.tasks[0].schedule
    assert schedule is not None
    early = changed(schedule, layers={**schedule.layers, "conv": (0.0, schedule.layers["conv"][1])})
    assert false_claims(TIMED, task_with(schedule=early)(plan)) == [
        "tasks[0].schedule.layers.conv[0] = 0.0, must be 0.001"
    ]
    silent = changed(schedule, transfers=())
    assert false_claims(TIMED, task_with(schedule=silent)(plan)) == [
        "tasks[0].schedule.transfers.input from pi to server is missing"
    ]
    fewer = changed(schedule, layers={"conv": schedule.layers["conv"]})
    assert "tasks[0].schedule.layers.fc is missing" in false_claims(
        TIMED, task_with(schedule=fewer)(plan)
    )


def test_only_makespan_has_a_schedule() -> None:
    """Under latency the claim must not be there."""
    schedule = true_plan("makespan").tasks[0].schedule
    sentences = false_claims(TIMED, task_with(schedule=schedule)(true_plan()))
    assert len(sentences) == 1
    assert sentences[0].startswith("tasks[0].schedule = ")


def test_a_broken_rule_is_said_and_not_the_figures() -> None:
    """fc back on the device breaks `monotone`; what it would cost does not matter."""
    placement = {"input": "pi", "conv": "server", "fc": "pi"}
    sentences = false_claims(TIMED, task_with(placement=placement)(true_plan()))
    assert len(sentences) == 1
    assert "data goes back from cloud to device between layers conv and fc" in sentences[0]


@pytest.mark.parametrize(
    ("placement", "sentence"),
    [
        ({"input": "pi", "conv": "pi"}, "task cam: layer fc has no node"),
        (
            {"input": "pi", "conv": "pi", "fc": "moon"},
            "task cam: layer fc is on moon, which is not a node of the instance",
        ),
        (
            {"input": "pi", "conv": "pi", "fc": "pi", "fc2": "pi"},
            "task cam: layer fc2 is not in the model",
        ),
    ],
)
def test_names_that_do_not_fit_are_named(placement: dict[str, str], sentence: str) -> None:
    """Missing layers and unknown names are sentences, not exceptions."""
    assert sentence in false_claims(TIMED, task_with(placement=placement)(true_plan()))


def test_a_missing_task_is_named() -> None:
    """A plan without its task is not a plan."""
    assert "task cam is not in the plan" in false_claims(TIMED, changed(true_plan(), tasks=()))


@pytest.mark.parametrize("status", ["infeasible", "unknown", "error"])
def test_a_plan_without_an_answer_holds_none(status: Any) -> None:
    """Value null and no tasks is true; a value, a gap or tasks beside that status are false."""
    bound = None if status == "infeasible" else 0.1
    empty = PlanFile(objective=Objective("latency"), status=status, tasks=(), lower_bound=bound)
    assert false_claims(TIMED, empty) == []
    starts = [
        sentence.split(f', must be null as status = "{status}"')[0]
        for sentence in false_claims(TIMED, changed(true_plan(), status=status))
    ]
    assert starts[:2] == [f"value = {true_plan().value!r}", "gap = 0.5"]
    assert any(sentence.startswith("tasks has 1 entries, must be []") for sentence in starts)


def test_an_objective_that_the_instance_excludes_is_said() -> None:
    """makespan needs one task."""
    tasks = (*TINY.tasks, sf.Task(name="b", model="net", source="pi"))
    two = changed(TINY, tasks=tasks)
    plan = describe(two, placed([0, 1, 1], [0, 1, 1]), Objective("period"))
    sentences = false_claims(two, changed(plan, objective=Objective("makespan")))
    assert sentences == ["objective = 'makespan' needs exactly one task, but tiny has 2"]


def test_utilisation_is_recomputed() -> None:
    """10 arrivals a second of 0.011 s on the server: rho = 0.11."""
    rated = changed(TINY, tasks=(changed(TINY.tasks[0], arrivals_per_s=10.0),))
    plan = true_plan("mean-latency", rated)
    assert false_claims(rated, plan) == []
    assert plan.nodes["server"].utilisation == pytest.approx(0.11)
    (sentence,) = false_claims(rated, node_with("server", utilisation=0.2)(plan))
    assert sentence.startswith("nodes.server.utilisation = 0.2, must be 0.1")


def test_infeasible_has_no_bound() -> None:
    """There is nothing that it could be below."""
    empty = PlanFile(objective=Objective("latency"), status="infeasible", tasks=(), lower_bound=0.1)
    assert false_claims(TIMED, empty) == [
        'lower_bound = 0.1, must be null as status = "infeasible"'
    ]


@pytest.mark.parametrize(
    ("audit", "sentence"),
    [
        ({"swaps": -1}, "audit.swaps = -1, must be a whole number >= 0"),
        ({"swaps": 0.5}, "audit.swaps = 0.5, must be a whole number >= 0"),
        ({"swaps": "many"}, 'audit.swaps = "many", must be a whole number >= 0'),
        ({"swaps": True}, "audit.swaps = true, must be a whole number >= 0"),
        ({"blocking_pairs": -7}, "audit.blocking_pairs = -7, must be a whole number >= 0"),
        ({"exchange_blocking": {"total": -7}}, 'audit.exchange_blocking = {"total": -7}, must be'),
        ({"exchange_blocking": {"some": 1}}, 'audit.exchange_blocking = {"some": 1}, must be'),
        ({"potential": None}, "audit.potential = null, must be a number >= 0"),
        ({"regret_s": {"cam": "much"}}, 'audit.regret_s = {"cam": "much"}, must be seconds >= 0'),
        ({"price_of_anarchy": -1.0}, "audit.price_of_anarchy = -1.0, must be a number >= 0 or"),
        (
            {"given_catalogue": {"plans": -7, "proven": True}},
            'audit.given_catalogue = {"plans": -7,',
        ),
        ({"given_subtasks": {"foo": 1}}, 'audit.given_subtasks = {"foo": 1}, must be plans'),
        ({"happiness": 3}, "audit.happiness is unknown; known: blocking_pairs"),
    ],
)
def test_figures_of_an_audit_are_of_their_kind(audit: dict[str, Any], sentence: str) -> None:
    """Also those that cannot be recomputed, and where nothing is recomputed."""
    plan = changed(true_plan("mean-latency"), audit=audit)
    assert any(found.startswith(sentence) for found in false_claims(TIMED, plan))


@pytest.mark.parametrize(
    ("progress", "sentence"),
    [
        ([(-1.0, 0.012, 0.006)], "progress[0][0] = -1.0, must be >= 0"),
        ([(1.0, -0.012, None)], "progress[0][1] = -0.012, must be >= 0 or null"),
        (
            [(1.0, 0.02, 0.006), (0.5, 0.012, 0.006)],
            "progress[1] = [0.5, 0.012, 0.006], must not be earlier or worse than [1.0, 0.02,",
        ),
        (
            [(1.0, 0.02, None), (2.0, 0.03, 0.006)],
            "progress[1] = [2.0, 0.03, 0.006], must not be earlier or worse than [1.0, 0.02,",
        ),
        (
            [(1.0, 0.02, 0.006), (2.0, 0.012, None)],
            "progress[1] = [2.0, 0.012, null], must not be earlier or worse than [1.0, 0.02,",
        ),
        ([(1.0, 0.02, 0.006)], "progress[-1][1] = 0.02, must be 0.012 as value"),
        ([(1.0, 0.012, None)], "progress[-1][2] = null, must be 0.006 as lower_bound"),
    ],
)
def test_progress_goes_forward_and_ends_with_the_plan(progress: Any, sentence: str) -> None:
    """What cannot be recomputed is in order at least: value 0.012 s, half of it the bound."""
    plan = changed(true_plan(), value=0.012, lower_bound=0.006, progress=tuple(progress))
    assert any(found.startswith(sentence) for found in false_claims(TIMED, plan))
    true = changed(plan, progress=((0.5, None, 0.003), (1.0, 0.02, 0.003), (1.0, 0.012, 0.006)))
    assert false_claims(TIMED, true) == []


def test_an_audit_needs_a_game_and_a_queue_a_batch() -> None:
    """`audit` only for games, `queue` only for `batch`."""
    plan = changed(true_plan(), audit={"swaps": 0})
    assert false_claims(TIMED, plan) == ["audit must be null: the objective latency is no game"]
    queued = node_with("pi", queue=(("cam", None, None),))(true_plan("mean-latency"))
    assert "nodes.pi.queue must be null: only batch has queues" in false_claims(TIMED, queued)


def test_a_bound_is_for_plans_of_which_this_is_one() -> None:
    """`proven_over` needs a bound, which needs to be a number >= 0."""
    plan = changed(true_plan(), proven_over="all")
    assert false_claims(TIMED, plan) == []
    unbound = changed(plan, lower_bound=None, gap=None)
    assert false_claims(TIMED, unbound) == [
        'proven_over = "all", must be null without a lower_bound'
    ]
    below = changed(plan, lower_bound=-1.0, gap=None, proven_over=None)
    assert false_claims(TIMED, below) == ["lower_bound = -1.0, must be >= 0"]


def test_an_audit_is_compared_where_it_is_recomputed() -> None:
    """Deeply, key by key; without a recomputation it is believed."""
    audit = {"blocking_pairs": 0, "regret_s": {"cam": 0.5}, "swaps": 3}
    plan = changed(true_plan("mean-latency"), audit=audit)
    assert false_claims(TIMED, plan) == []
    assert false_claims(TIMED, plan, audit) == []
    truth = {"blocking_pairs": 1, "regret_s": {"cam": 0.25}}
    assert false_claims(TIMED, plan, truth) == [
        "audit.blocking_pairs = 0, must be 1",
        "audit.regret_s.cam = 0.5, must be 0.25",
        "audit.swaps must not be there",
    ]


@pytest.mark.parametrize("factor", [1e-9, 1.0, 1e9])
def test_false_is_false_in_any_unit(factor: float) -> None:
    """A part in a million too much is named, however small or large the seconds are."""
    instance = scaled(TIMED, factor)
    plan = true_plan("latency", instance)
    assert false_claims(instance, plan) == []
    assert plan.value is not None
    (sentence,) = false_claims(instance, changed(plan, value=plan.value * (1 + 1e-6), gap=None))
    assert sentence.startswith("value = ")
    rated = changed(TIMED, tasks=(changed(TIMED.tasks[0], arrivals_per_s=0.05),))
    slow = scaled(rated, factor)
    busy = true_plan("mean-latency", slow)  # rho = 0.05 x 0.011, in any unit
    (sentence,) = false_claims(slow, node_with("server", utilisation=0.0)(busy))
    assert sentence.startswith("nodes.server.utilisation = 0.0, must be 0.000")
    wrong = plan.tasks[0].compute_s * (1 + 1e-6)
    (sentence,) = false_claims(instance, task_with(compute_s=wrong)(plan))
    assert sentence.startswith("tasks[0].compute_s = ")


def test_rounding_is_of_seconds_only() -> None:
    """Beside seconds of 1e18 a millionth is noise; a byte, a share of load and a count are not."""
    slow = scaled(changed(TIMED, tasks=(changed(TIMED.tasks[0], arrivals_per_s=0.05),)), 1e18)
    plan = true_plan("mean-latency", slow)
    assert plan.nodes["pi"].busy_s == plan.nodes["pi"].utilisation == 0
    assert false_claims(slow, node_with("pi", busy_s=1e-6)(plan)) == []
    assert len(false_claims(slow, node_with("pi", memory_bytes=1.0)(plan))) == 1
    assert len(false_claims(slow, node_with("pi", utilisation=0.5)(plan))) == 1
    games = changed(plan, audit={"blocking_pairs": 7})
    assert len(false_claims(slow, games, {"blocking_pairs": 0})) == 1


def test_a_deadline_is_met_to_the_last_bit() -> None:
    """A latency equal to the deadline meets it; a deadline one float below is missed."""
    latency = true_plan(instance=TINY).tasks[0].latency_s
    assert latency is not None
    for deadline, met in ((latency, True), (nextafter(latency, 0.0), False)):
        due = changed(TINY, tasks=(changed(TINY.tasks[0], deadline_s=deadline),))
        assert true_plan(instance=due).tasks[0].deadline_met is met
