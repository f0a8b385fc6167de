"""Offloading rivals: what each prefers, what room is, and tasks planned as if alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from splitfog import Instance, Model, Task, generate, save_plan, solve
from splitfog.baselines.common import servers
from splitfog.baselines.cuts.dads import two_node_cut, undominated
from splitfog.baselines.offloading.occupancy import Occupancy
from splitfog.formulations.arrays.task import task_arrays
from splitfog.formulations.costs.feasibility import decision_violations
from splitfog.formulations.costs.reference import decision_cost
from splitfog.formulations.evaluation.describe import describe
from splitfog.formulations.objective import Objective
from splitfog.formulations.offloading.assignment import Assignments
from splitfog.formulations.offloading.subtasks import subtasks_of
from splitfog.formulations.offloading.templates import whole_tasks
from splitfog.formulations.plan import decision_of
from splitfog.instances.records import changed
from tests.cases.random_offloading import random_offloading
from tests.cases.small_networks import chain, layer, link, node
from tests.cases.strategies import random_instance
from tests.checks import check_plan, solved

MATCHERS = ("nearest", "random-match", "greedy-match")
MEAN = Objective("mean-latency")


def fog(rates: tuple[float | None, ...] = (1.0, 1.0), **far: Any) -> Instance:
    """Two users of 1 GFLOP/s; `near` of 4 GFLOP/s at 1 MB/s, `far` of 10 at 0.5 MB/s.

    Every task reads 0.1 MB and takes 1 GFLOP: 1 s at home; at near 0.1 s transfer and 0.25 s
    service; at far 0.2 s transfer and 0.1 s service.
    """
    users = [node(f"u{i}", 1e9, "device") for i in range(len(rates))]
    places = [node("near", 4e9, "fog"), node("far", 10e9, "fog", **far)]
    ways = [link(u.name, p.name, s) for u in users for p, s in zip(places, (8e6, 4e6))]
    return Instance(
        name="fog",
        tiers=("device", "fog"),
        nodes=(*users, *places),
        links=tuple(ways),
        models=(Model(name="m", layers=tuple(chain((0, 0.1), (1, 0)))),),
        tasks=tuple(
            Task(name=f"t{i}", model="m", source=f"u{i}", arrivals_per_s=rate)
            for i, rate in enumerate(rates)
        ),
    )


def where(instance: Instance, solver: str, **how: Any) -> str:
    """The node of every task's layer `a`, or the reason why there is no plan."""
    plan = solved(instance, solver, objective="mean-latency", **how)
    assert plan is not None
    if not plan.tasks:
        return str(plan.reason)
    return " ".join(entry.placement["a"] for entry in plan.tasks)


def test_local() -> None:
    """`local` leaves every task at its source; a stream that is too fast for it has no plan."""
    assert where(fog((0.5, 0.9)), "local") == "u0 u1"
    reason = "task t1: no room by memory, quota or load (rho < 1) on u1, or on links to it"
    assert where(fog((0.5, 1.1)), "local") == reason


def test_nearest_prefers_short_transfers() -> None:
    """0.1 s beats 0.2 s whatever the service, until the node is full: 3.9 + 0.2 of 4 per s."""
    assert where(fog(), "nearest") == "near near"
    assert where(fog((3.9, 0.2)), "nearest") == "near far"
    # link to far: 0.2 s x 4.5 = 0.9 of its time; no room at near (rho 1.125): far takes the first
    assert where(fog((4.5, 3.9)), "nearest") == "far near"


def test_nearest_stays_only_without_room() -> None:
    """The own node comes last: a task stays where both fog nodes are full."""
    # t0 and t1 fill near (0.975) and far (0.9 of its link); 0.9 for t2 adds 0.225 and 0.09 of rho:
    # near is full, far is at 0.45 + 0.09 and takes it; with a quota of 1 it does not
    assert where(fog((3.9, 4.5, 0.9)), "nearest") == "near far far"
    assert where(fog((3.9, 4.5, 0.9), quota=1), "nearest") == "near far u2"


def test_greedy_counts_waits() -> None:
    """Alone far is best (0.3 s against 0.35 s); with 4 requests a second there, near is."""
    assert where(fog((0.1, 0.1)), "greedy-match") == "far far"
    # t1 at far: rho = .5, q = 4 x .01 + 1 x .01 = .05, wait = .05 / (2 x .5) = .05: 0.35 s in all;
    # at near: rho = .25, q = .0625, wait = .0625 / 1.5 = .0417: 0.3917 s. So it joins.
    assert where(fog((4.0, 1.0)), "greedy-match") == "far far"
    # with rate 0.1: far: rho .41, q .041, wait .0347: 0.3347; near: rho .025, q .00625,
    # wait .0032: 0.3532. t2 of rate 0.1 the same; but t1 of 4.9 more a second: rho .89 at far,
    # wait .0890 / .22 = .4045; its link has .98; near is overloaded (1.225); so far all the same
    assert where(fog((4.0, 4.9)), "greedy-match") == "far far"
    # two of 4.5 at far: rho .9, wait .09 / .2 = .45; then t2 of rate .5: far rho .95, wait
    # .095 / .1 = .95: 1.25 s; near: rho .125, wait .03125 / 1.75 = .0179: 0.3679 s
    assert where(fog((4.5, 4.5, 0.5)), "greedy-match") == "far far near"


def test_links_are_room_too() -> None:
    """At 5.1 requests a second of 0.2 s the link to far is overloaded, though far is not."""
    slow = fog((5.1,))
    assert where(slow, "greedy-match") == "task t0 finds no node with room"  # near: rho 1.275
    assert where(fog((4.9,)), "greedy-match") == "far"


def test_memory_is_room_too() -> None:
    """A layer's weights count once a node: two tasks of one model fit where one does."""
    layers = (layer("in", 0, 0.1), layer("a", 1, 0, "in", weight_bytes=100.0))
    other = Model(name="other", layers=layers)
    model = Model(name="m", layers=layers)
    base = fog((0.1, 0.1, 0.1), memory_bytes=150.0)
    tasks = (*base.tasks[:2], Task(name="t2", model="other", source="u2", arrivals_per_s=0.1))
    instance = changed(base, models=(model, other), tasks=tasks)
    assert where(instance, "greedy-match") == "far far near"


def test_random_match_draws_servers() -> None:
    """Seeds differ, a seed repeats; over many all fog nodes and the own node, no other device."""
    instance = fog((0.1, 0.1, 0.1))
    drawn = [where(instance, "random-match", seed=seed).split() for seed in range(30)]
    assert {places[0] for places in drawn} == {"u0", "near", "far"}
    assert {places[2] for places in drawn} == {"u2", "near", "far"}
    peers = changed(
        instance,
        nodes=tuple(node(n.name, n.speed_flops, "device") for n in instance.nodes),
    )
    drawn = [where(peers, "random-match", seed=seed).split() for seed in range(60)]
    assert {places[0] for places in drawn} == {"u0", "u1", "u2", "near", "far"}


@pytest.mark.parametrize("solver", MATCHERS)
def test_user_without_links_stays(solver: str) -> None:
    """Where no link leads anywhere, every task stays at home."""
    assert where(changed(fog(rates=(0.5, 0.5)), links=()), solver) == "u0 u1"


@pytest.mark.parametrize("solver", MATCHERS)
def test_stages_of_a_plan(solver: str, tmp_path: Path) -> None:
    """With `stages=PLAN` slices are matched one by one and only their nodes change.

    A lone slice that ends at its home is written unsliced.
    """
    found = 0
    for seed in range(8):
        rng = np.random.default_rng(seed)
        instance, template = random_offloading(rng, utilisation=0.3)
        path = tmp_path / f"{solver}-{seed}.json"
        save_plan(describe(instance, template, MEAN), path)
        plan = solve(instance, solver, objective="mean-latency", options={"stages": str(path)})
        check_plan(instance, plan)
        if plan.tasks:
            found += 1
            answers = decision_of(instance, plan).tasks
            for mine, given in zip(answers, template.tasks, strict=True):
                left, right = (
                    {s.layers: [(p.rows, p.columns) for p in s.slices] for s in answer.stages}
                    for answer in (mine, given)
                )
                lone = {layers for layers, slices in right.items() if len(slices) == 1}
                assert left.items() <= right.items()
                assert right.keys() - left.keys() <= lone
    assert found >= 4


def test_bad_stages(tmp_path: Path) -> None:
    """A plan for another instance, or that does not fit, is named."""
    instance = fog()
    plan = solve(instance, "local", objective="mean-latency")
    path = tmp_path / "plan.json"
    save_plan(plan, path)
    other = fog((0.25, 0.25))
    with pytest.raises(ValueError, match="is a plan for another instance"):
        solve(other, "nearest", objective="mean-latency", options={"stages": str(path)})


@pytest.mark.parametrize("seed", range(30))
def test_room_is_feasibility(seed: int) -> None:
    """With all others placed, the last subtask is admitted exactly where the plan is feasible."""
    rng = np.random.default_rng(seed)
    memory, monotone = seed % 3 == 0, seed % 2 == 0
    instance, template = random_offloading(rng, utilisation=0.5, memory=memory)
    objective = Objective("mean-latency", "once", monotone)
    subtasks = subtasks_of(instance, template, objective)
    occupancy = Occupancy(subtasks)
    nodes, last = [], len(subtasks.keys) - 1
    for subtask in range(last):
        allowed = occupancy.visit_s(subtask) < np.inf
        node = occupancy.first_fit(subtask, np.where(allowed, rng.random(len(allowed)), np.inf))
        if node is None:
            return
        occupancy.place(subtask, node)
        nodes.append(node)
    admitted, feasible = [], []
    visit_s = occupancy.visit_s(last)
    for place in range(len(instance.nodes)):
        preference = np.full(len(visit_s), np.inf)
        preference[place] = visit_s[place]
        admitted.append(occupancy.first_fit(last, preference) is not None)
        decision = subtasks.decision([*nodes, place])
        feasible.append(not decision_violations(instance, decision, objective))
    assert admitted == feasible or not any(feasible)


@pytest.mark.parametrize("seed", range(20))
def test_visit_is_the_latency(seed: int) -> None:
    """A whole task's visit, with the others placed, takes what the reference says it does."""
    rng = np.random.default_rng(seed)
    instance, _ = random_offloading(rng, whole=True, utilisation=0.3, quotas=False)
    subtasks = subtasks_of(instance, whole_tasks(instance), MEAN)
    occupancy = Occupancy(subtasks)
    nodes = []
    for subtask in range(len(subtasks.keys) - 1):
        node = occupancy.first_fit(subtask, occupancy.visit_s(subtask))
        if node is None:
            return
        occupancy.place(subtask, node)
        nodes.append(node)
    for place, seconds in enumerate(occupancy.visit_s(len(nodes)).tolist()):
        if seconds < np.inf:
            cost = decision_cost(instance, subtasks.decision([*nodes, place]), MEAN)
            assert cost.tasks[-1].latency_s == pytest.approx(seconds, rel=1e-9)


def test_visit_of_a_slice_knows_who_shares_its_links() -> None:
    """The last slice's visit, the others placed: ways as `Assignments` has them, wait, service."""
    longer = 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        instance, template = random_offloading(
            rng, slices=3, num_fog=3, utilisation=0.02, quotas=False, relays=True
        )
        subtasks = subtasks_of(instance, template, MEAN)
        occupancy, nodes = Occupancy(subtasks), list[int]()
        for subtask in range(len(subtasks.keys) - 1):
            seconds = occupancy.visit_s(subtask)
            usable = np.flatnonzero(np.isfinite(seconds))
            nodes.append(int(rng.choice(usable)) if len(usable) else 0)
            occupancy.place(subtask, nodes[-1])
        last = len(nodes)
        if not len(subtasks.keys) or subtasks.is_run[last]:
            continue
        for place, seconds in enumerate(occupancy.visit_s(last).tolist()):
            cost = Assignments(subtasks).cost([*nodes, place])
            visits = cost.visits
            (own,) = np.flatnonzero(
                (visits.group == subtasks.group[last]) & (visits.node == place)
            ).tolist() or [-1]
            if seconds < np.inf and cost.value < np.inf:
                wait_s = cost.wait_s[place] if visits.service_s[own] > 0 else 0.0
                right = visits.way_s[own] + visits.service_s[own] + wait_s
                assert seconds == pytest.approx(right, rel=1e-9)
                longer += visits.way_s[own] > visits.transfer_s[own] * 1.001
    assert longer > 10


@pytest.mark.parametrize("solver", ["neurosurgeon", "dads"])
def test_each_as_if_alone(solver: str) -> None:
    """Loads do not matter to the choice: every task is placed as the only one for `latency`."""
    instance = generate("fog", 3, users=8, models="nin,alexnet", utilisation=0.4)
    plan = solved(instance, solver, objective="mean-latency")
    assert plan is not None
    for task in instance.tasks:
        # without the other users' devices, which a lone task might use as relays or servers
        kept = {node.name for node in instance.nodes if node.tier != "device"} | {task.source}
        alone = changed(
            instance,
            nodes=tuple(node for node in instance.nodes if node.name in kept),
            links=tuple(x for x in instance.links if {x.tail, x.head} <= kept),
            tasks=(task,),
        )
        value = float(decision_cost_of(alone, plan.placement(task.name)))
        assert value == pytest.approx(solve(alone, solver, objective="latency").value, rel=1e-9)


def decision_cost_of(instance: Instance, placement: dict[str, str]) -> float:
    """The latency of a lone task's placement."""
    from splitfog import evaluate

    return float(evaluate(instance, {instance.tasks[0].name: placement}, "latency"))


@pytest.mark.parametrize("solver", ["neurosurgeon", "dads"])
def test_overload_is_named(solver: str) -> None:
    """All go to the best node as if alone; where that is too much, the reason names it."""
    # as if alone far is best for each (0.3 s against 0.35 s and 1 s): rho = 3 x 3.4 x 0.1 = 1.02
    assert where(fog((1.0, 1.0)), solver) == "far far"
    text = where(fog((3.4, 3.4, 3.4)), solver)
    assert text.startswith("node far is overloaded: rho = 1.02")


@pytest.mark.parametrize("seed", range(60))
def test_domination_is_exact(seed: int) -> None:
    """The best cut over undominated nodes is as good as over all."""
    rng = np.random.default_rng(seed)
    instance = random_instance(rng, num_nodes=5)
    arrays = task_arrays(instance)
    if arrays.source is None:
        return
    nodes = [n for n in servers(arrays, arrays.source)]
    objective = Objective("mean-latency", "once", seed % 2 == 0)

    def best(places: list[int]) -> float:
        cuts = [two_node_cut(arrays, arrays.source or 0, n, objective) for n in places]
        return min((c[0] for c in cuts if c is not None and not isinstance(c, str)), default=np.inf)

    assert best(undominated(arrays, arrays.source, nodes)) == pytest.approx(best(nodes), rel=1e-12)
