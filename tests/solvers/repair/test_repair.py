"""A repaired plan: feasible, as good as making it anew, and no more than what is hit is new."""

from __future__ import annotations

from functools import cache
from math import inf
from typing import Any

import pytest

import splitfog as sf
from splitfog.formulations.bounds.mean_latency import mean_latency_bound
from splitfog.formulations.costs.routes import routes_of
from splitfog.formulations.offloading.loads import Loads
from splitfog.formulations.offloading.one_cut import best_cut
from splitfog.formulations.plan import decision_of
from splitfog.formulations.priced_bounds.without_stages import bound_without_stages
from splitfog.formulations.stage_bounds.best_bound import best_mean_latency_bound
from splitfog.instances.records import changed
from splitfog.solvers.repair.carry import carried
from splitfog.solvers.repair.replan import _at_home, _for_all, _responses, _start
from tests.cases.small_fog import two_users_one_fog

DOWN = {"node": "fog1", "up": False}
UP = {"node": "fog1", "up": True}
NO_CLOUD = {"node": "cloud", "up": False}


@cache
def fog(seed: int, **options: Any) -> tuple[sf.Instance, sf.Plan]:
    """Twelve users and three fog nodes, and a plan of single cuts or with slices."""
    instance = sf.generate("fog", seed=seed, users=12, fog_nodes=3, models="nin,alexnet", **options)
    return instance, sf.solve(instance, "dina-p")


def value_of(plan: sf.Plan) -> float:
    """Its mean latency in seconds."""
    assert plan.value is not None
    return plan.value


def placements(plan: sf.Plan) -> dict[str, Any]:
    """How every task runs."""
    return {own.task: (own.placement, own.stages) for own in plan.tasks}


def at_home(instance: sf.Instance, plan: sf.Plan, hit: tuple[str, ...]) -> sf.Plan:
    """The plan, but for the tasks that are hit, which are at their sources."""
    places = {own.task: own for own in plan.tasks}
    for task in instance.tasks:
        if task.name in hit:
            layers = [layer.name for layer in instance.model_of(task).layers]
            whole = dict.fromkeys(layers, str(task.source))
            places[task.name] = changed(places[task.name], placement=whole, stages=())
    tasks = tuple(places[task.name] for task in instance.tasks)
    return sf.plan(instance, changed(plan, tasks=tasks, instance_sha256=instance.sha256))


@pytest.mark.parametrize("radio", ["serial", "parallel"])
@pytest.mark.parametrize("seed", range(4))
def test_after_a_failure(seed, radio):
    """Feasible, figures true, only tasks that are hit changed, no worse than these at home."""
    instance, plan = fog(seed, radio=radio)
    after, repaired, report = sf.repair(instance, plan, DOWN)
    assert "fog1" not in after.node_index
    assert sf.violations(after, repaired) == []
    assert sf.evaluate(after, repaired) == pytest.approx(repaired.value, rel=1e-12)
    assert repaired.lower_bound is not None
    assert repaired.proven_over == "all"
    old, new = placements(plan), placements(repaired)
    assert {name for name in new if new[name] != old[name]} == set(report.changed)
    assert set(report.changed) <= set(report.hit) == set(report.replanned)
    assert report.value_before == pytest.approx(plan.value, rel=1e-9)
    assert report.value_after == repaired.value
    home = at_home(after, repaired, report.hit)
    assert home.value is None or value_of(repaired) <= home.value * (1 + 1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_all_that_is_on_the_node_or_sends_over_it_is_hit(seed):
    """Hit are at least those with a layer or a slice on fog1, and those whose routes change."""
    instance, plan = fog(seed)
    after, _, report = sf.repair(instance, plan, DOWN)
    gone = instance.node_index["fog1"]
    before, now = routes_of(instance), routes_of(after)
    for own, task in zip(plan.tasks, instance.tasks, strict=True):
        places = {*own.placement.values(), *(s.node for x in own.stages for s in x.slices)}
        source = str(task.source)
        over = {
            instance.directed_links[link].head
            for place in places
            for link in before.path(instance.node_index[source], instance.node_index[place]) or ()
        }
        assert ("fog1" in places) <= (task.name in report.hit)
        if "fog1" not in places and gone not in over:
            assert task.name not in report.hit
    assert now.num_nodes == before.num_nodes - 1


@pytest.mark.parametrize("seed", range(4))
def test_the_best_start_is_taken(seed):
    """Before anything is improved the mean is at most that of the tasks hit at home, of best
    responses, of cuts that are best for all, and of the slower old plan."""
    instance, plan = fog(seed)
    busy = max(plan.links, key=lambda own: own.busy_s)
    after = instance.with_link(busy.tail, busy.head, bandwidth_bps=1e6)
    before = Loads.of(instance, plan.objective, decision_of(instance, plan))
    left = carried(before, after, plan.objective)
    assert left.is_whole
    values = [inf if left.value is None else left.value]
    for rule in (_at_home, best_cut, _for_all):
        for task, own in zip(left.hit, _responses(left.loads, left.hit, rule), strict=True):
            left.loads.put(task, own)
        excess, mean = left.loads.value()
        values.append(mean if excess == 0 else inf)
        for task in left.hit:
            left.loads.take(task)
    _start(left.loads, left)
    assert left.loads.value()[1] == pytest.approx(min(values), rel=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_down_and_up_again(seed):
    """The instance is as before, but for its `meta`, and the plan at most 1 % worse."""
    instance, plan = fog(seed)
    after, repaired, _ = sf.repair(instance, plan, DOWN)
    back, again, report = sf.repair(after, repaired, UP)
    assert changed(back, meta=instance.meta) == instance
    assert value_of(again) <= value_of(plan) * 1.01
    assert report.hit == ()
    assert set(report.changed) <= set(report.others)


def test_what_touches_nobody_changes_nothing():
    """A node that no task uses fails: the plan stays, word for word."""
    instance, _ = fog(0)
    plan = sf.solve(instance, "local")
    after, repaired, report = sf.repair(instance, plan, DOWN)
    assert placements(repaired) == placements(plan)
    assert repaired.value == plan.value
    assert (report.hit, report.changed, report.way) == ((), (), "nothing")
    assert after.sha256 == repaired.instance_sha256


def test_a_user_who_leaves_changes_nobody_else():
    """The others go on as they did, and wait no longer than before."""
    instance, plan = fog(1)
    after, repaired, report = sf.repair(instance, plan, {"task": "task3", "leaves": True})
    old = placements(plan)
    del old["task3"]
    assert placements(repaired) == old
    assert report.replanned == ()
    assert [task.name for task in after.tasks] == [t for t in old]


def test_a_user_who_arrives_is_planned_alone():
    """Only the new task is planned; leaving and coming back costs nothing here."""
    instance, plan = fog(1)
    task = instance.tasks[3]
    gone = sf.repair(instance, plan, {"task": task.name, "leaves": True})
    after, repaired, report = sf.repair(*gone[:2], {"task": task, "arrives": True})
    assert report.hit == report.changed == (task.name,)
    assert report.value_kept is None
    assert sf.violations(after, repaired) == []
    assert value_of(repaired) <= value_of(plan) * 1.001


def test_a_slower_link_sends_a_task_home():
    """By hand: 1 MB to a fog node of .1 s takes .1 s at 80 Mbit/s; at 4 Mbit/s 2 s, as at home."""
    instance = two_users_one_fog()
    plan = sf.solve(instance, "dina-p")
    assert plan.placement("task0")["all"] == "fog"
    change = {"link": ["user0", "fog"], "bandwidth_bps": 4e6}
    after, repaired, report = sf.repair(instance, plan, change)
    assert repaired.placement("task0")["all"] == "user0"
    assert report.hit == report.changed == ("task0",)
    # without waits kept is (2.1 + 1.1) / 2, repaired (2 + 1.1) / 2; waits are rates of 1e-3 small
    assert report.value_kept == pytest.approx(1.6, rel=1e-3)
    assert report.value_after == pytest.approx(1.55, rel=1e-3)
    back = sf.repair(after, repaired, {"link": ["user0", "fog"], "bandwidth_bps": 80e6})
    assert back[1].value == pytest.approx(plan.value, rel=1e-12)
    assert back[2].changed == ("task0",)
    assert back[2].hit == ()


def test_changes_are_made_one_after_another():
    """A list: task0 leaves, then its device may fail."""
    instance, plan = fog(2)
    device = str(instance.tasks[0].source)
    steps = [{"task": instance.tasks[0].name, "leaves": True}, {"node": device, "up": False}]
    after, repaired, _ = sf.repair(instance, plan, steps)
    assert device not in after.node_index
    assert sf.violations(after, repaired) == []
    with pytest.raises(ValueError, match=f"node {device} is the source of task"):
        sf.repair(instance, plan, steps[::-1])


def test_a_new_node_brings_its_links():
    """A fog node that never was there, ten times as fast and next to user1, is used."""
    instance = two_users_one_fog()
    plan = sf.solve(instance, "dina-p")
    node = sf.Node(name="near", tier="fog", speed_flops=2e11)
    link = {"from": "user1", "to": "near", "bandwidth_bps": 8e8}
    change = {"node": node, "up": True, "links": [link]}
    after, repaired, report = sf.repair(instance, plan, change)
    assert repaired.placement("task1")["all"] == "near"
    assert report.changed == ("task1",)
    assert sf.violations(after, repaired) == []


def test_bounds_with_waits_only_where_asked_for():
    """By default the bound without waits, at once; `bounded` gives all that others have."""
    instance, plan = fog(0)
    after, repaired, _ = sf.repair(instance, plan, DOWN)
    _, same, _ = sf.repair(instance, plan, DOWN, bounded=True)
    assert repaired.lower_bound == mean_latency_bound(after)
    assert repaired.lower_bound is not None
    assert repaired.audit is None
    assert placements(same) == placements(repaired)
    assert same.lower_bound == best_mean_latency_bound(after)
    assert same.lower_bound is not None
    assert same.lower_bound > repaired.lower_bound * 1.01
    assert same.audit is not None
    assert same.audit.bound_without_stages == bound_without_stages(after)


def test_tasks_that_are_hit_get_wide_plans():
    """Without the cloud task0 runs in slices whose home is a fog node, not its own device."""
    instance, plan = fog(2)
    _, repaired, report = sf.repair(instance, plan, NO_CLOUD)
    source = {task.name: task.source for task in instance.tasks}
    homes = {(own.task, stage.home) for own in repaired.tasks for stage in own.stages}
    assert any(task in report.hit and home != source[task] for task, home in homes)


def test_others_move_only_where_that_is_notable():
    """With a share of 1 nobody may; with 5e-4 some do, each of which saves that of the mean."""
    instance, plan = fog(2)
    _, alone, calm = sf.repair(instance, plan, NO_CLOUD, notable=1.0)
    _, together, report = sf.repair(instance, plan, NO_CLOUD, notable=5e-4)
    assert (calm.others, set(calm.changed) - set(calm.hit)) == ((), set())
    assert set(report.changed) - set(report.hit) <= set(report.others)
    assert len(report.others) == 2
    assert value_of(together) < value_of(alone) * (1 - 5e-4) ** 2


def test_full_is_dina():
    """`full` gives what `dina` gives, and the same instance and tasks hit as the repair."""
    instance, plan = fog(4)
    after, repaired, report = sf.repair(instance, plan, DOWN)
    other, full, compared = sf.repair(instance, plan, DOWN, full=True)
    assert other == after
    assert (full.solver, compared.way) == ("dina", "dina")
    assert placements(full) == placements(sf.solve(after, "dina"))
    assert compared.hit == report.hit
    assert value_of(repaired) <= value_of(full) * 1.01


def test_the_same_twice():
    """Nothing is random: the same plan and the same report, but for the seconds."""
    instance, plan = fog(5)
    first, second = (sf.repair(instance, plan, DOWN) for _ in range(2))
    assert placements(first[1]) == placements(second[1])
    assert changed(first[2], seconds=0.0) == changed(second[2], seconds=0.0)


def test_no_plan_is_left_and_then_one_again():
    """A layer that may run on fog nodes only has no place without the one; with it, as before."""
    given = two_users_one_fog()
    (model,) = given.models
    layers = (model.layers[0], changed(model.layers[1], tiers=("fog",)))
    instance = changed(given, models=(changed(model, layers=layers),))
    plan = sf.solve(instance, "dina-p")
    after, none, report = sf.repair(instance, plan, {"node": "fog", "up": False})
    assert (none.status, none.tasks, report.value_after) == ("infeasible", (), None)
    assert "no node can take layer all: none is left by its tiers" in str(none.reason)
    assert report.hit == ("task0", "task1")
    back, again, found = sf.repair(after, none, {"node": "fog", "up": True})
    assert back == instance
    assert placements(again) == placements(plan)
    assert (found.way, found.value_before, found.changed) == ("dina", None, report.hit)


def test_where_others_must_make_room_all_are_planned_anew():
    """By hand: the one place of the fog node is taken, and only there can the new task run."""
    given = two_users_one_fog(quota=1)
    (model,) = given.models
    bound = changed(model.layers[1], tiers=("fog",))
    models = (model, sf.Model(name="bound", layers=(model.layers[0], bound)))
    instance = changed(given, models=models, tasks=given.tasks[:1])
    plan = sf.solve(instance, "dina-p", objective="mean-latency")
    assert plan.placement("task0")["all"] == "fog"
    task = sf.Task(name="new", model="bound", source="user1", arrivals_per_s=1e-3)
    after, made, report = sf.repair(instance, plan, {"task": task, "arrives": True})
    assert sf.violations(after, made) == []
    assert made.placement("new")["all"] == "fog"
    assert made.placement("task0")["all"] == "user0"
    assert (report.hit, report.changed, report.way) == (("new",), ("task0", "new"), "dina")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"node": "fog9", "up": False}, "unknown node 'fog9'"),
        ({"node": "fog1"}, 'changes lacks "up", must be True or False'),
        ({"node": "fog1", "up": 0}, "changes.up = 0, must be True or False"),
        ({"node": "fog1", "up": True}, "node fog1 is up already"),
        ({"node": "fog1", "up": False, "why": 1}, "changes has the key 'why', must be one of node"),
        ({"node": 3, "up": False}, "changes.node = 3, must be the name of a node"),
        ({"node": "fog1", "up": True, "links": []}, "only a new node"),
        ({"link": "fog1", "bandwidth_bps": 1.0}, "must be two names of nodes"),
        ({"link": ["fog0", "cloud"]}, "changes says nothing of the link"),
        ({"link": ["fog0", "cloud"], "up": True, "latency_s": 1}, '"up" stands alone'),
        ({"link": ["fog0", "fog9"], "latency_s": 1}, "unknown node 'fog9'"),
        ({"link": ["user0", "user1"], "latency_s": 1}, "there is no link user0 -> user1"),
        ({"link": ["fog0", "cloud"], "bandwidth_bps": -4}, "bandwidth_bps = -4, must be a"),
        ({"task": "task9x", "leaves": True}, "unknown task 'task9x'"),
        ({"task": "task0"}, 'changes must say either "arrives"'),
        ({"task": "task0", "arrives": True}, r"tasks\[12\] = \"task0\", must be an object"),
        ({"task": "task0", "leaves": False}, "changes.leaves = False, must be True"),
        ({"task": {"name": "t", "model": "nin"}, "arrives": True}, "source is missing"),
        ({"queue": 1}, 'must be one of {"node"'),
        ({}, 'must be one of {"node"'),
        ([DOWN, 5], r"changes\[1\] = 5, must be one of"),
        ("fog1", "must be one or a list of"),
    ],
)
def test_changes_that_make_no_sense_are_named(change, sentence):
    """Each in a sentence that names what is wrong and what is allowed."""
    instance, plan = fog(0)
    with pytest.raises((ValueError, LookupError), match=sentence):
        sf.repair(instance, plan, change)


def test_a_task_that_is_there_already():
    """A second task of one name is a defect of the instance that would be."""
    instance, plan = fog(0)
    with pytest.raises(sf.InstanceError, match="task0"):
        sf.repair(instance, plan, {"task": instance.tasks[0], "arrives": True})


def test_the_last_task_stays():
    """An instance without tasks is none."""
    instance = sf.generate("fog", seed=0, users=1, models="nin")
    plan = sf.solve(instance, "local", objective="mean-latency")
    with pytest.raises(ValueError, match="task task0 is the only one, one must stay"):
        sf.repair(instance, plan, {"task": "task0", "leaves": True})


def test_plans_that_do_not_fit_are_refused():
    """Of another objective, of another instance, infeasible."""
    instance, plan = fog(0)
    with pytest.raises(ValueError, match="objective = latency, must be mean-latency"):
        sf.repair(instance, sf.solve(instance, "device-only", objective="latency"), DOWN)
    with pytest.raises(ValueError, match="the plan is for another instance"):
        sf.repair(fog(1)[0], plan, DOWN)
    layers = {task.name: instance.model_of(task).layers for task in instance.tasks}
    cloud = {name: {layer.name: "cloud" for layer in own} for name, own in layers.items()}
    with pytest.raises(ValueError, match="the plan is infeasible"):
        sf.repair(instance, cloud, DOWN)
