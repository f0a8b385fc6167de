"""Wide plans: stages at any home in strips, priced as they are, and better than narrow ones."""

from __future__ import annotations

import numpy as np
import pytest

import splitfog as sf
from splitfog.formulations.costs.feasibility import decision_violations
from splitfog.formulations.costs.reference import decision_cost
from splitfog.formulations.costs.stages import stage_visits, visits_latency
from splitfog.formulations.decision import Decision, Slice, Stage, TaskDecision
from splitfog.formulations.games.audit import audit_of
from splitfog.formulations.objective import Objective
from splitfog.formulations.offloading.loads import Loads
from splitfog.formulations.offloading.one_cut import one_cut
from splitfog.formulations.plan import decision_of
from splitfog.instances.arrays import frozen
from splitfog.instances.records import changed
from splitfog.solvers.dina.partition import first_pass, home_decision
from splitfog.solvers.dina.visit_prices import holding_up
from splitfog.solvers.dina.wide import Wide, priced_seconds, widened
from splitfog.solvers.dina.wide_program import KnownStages, WideProgram
from tests.cases.random_offloading import random_offloading

MEAN = Objective("mean-latency")


def fog(seed, users=6, **how):
    """A small instance of the generator; fast radios, so that fog nodes help each other."""
    return sf.generate("fog", seed=seed, users=users, **({"bandwidth_scale": 3.0} | how))


def solved(instance, plans, solver="dina"):
    """The plan with those plans."""
    return sf.solve(instance, solver=solver, options={"plans": plans})


def test_prices_are_what_everybody_gains_and_loses():
    """Without stages, a task's priced seconds are what it adds to the objective, over its weight.

    Exact where nothing holds back: the mean with it, less the mean of the others without it.
    """
    instance = fog(0, users=12, utilisation=0.9)
    loads = Loads.of(instance, MEAN, home_decision(instance, MEAN))
    fogs = [at for at, node in enumerate(instance.nodes) if node.tier == "fog"]
    for task in range(12):
        loads.take(task)
        node = fogs[task % len(fogs)]
        placement = one_cut(instance, MEAN, task, 0, node)
        loads.put(task, loads.footprint(task, TaskDecision(frozen(placement))))
    if loads.value()[0] > 0:
        pytest.fail("the case is overloaded")
    held = holding_up(loads)
    assert held == pytest.approx(np.ones(len(held)))
    for task in range(12):
        both = loads.value()[1]
        own = loads.take(task)
        alone = loads.value()[1]
        priced = priced_seconds(loads, task, own, held)
        assert priced * loads.weight[task] == pytest.approx(both - alone, rel=1e-9)
        loads.put(task, own)


def test_visits_that_wait_for_others_hold_nobody_up():
    """Of a stage's two visits the one that ends early counts nothing on its node, the other all."""
    instance = fog(3, radio="parallel")
    loads = Loads.of(instance, MEAN, home_decision(instance, MEAN))
    blocks = KnownStages.of_model(loads, 0, holding_up(loads)).stages.blocks
    across, length = int(blocks.across[0]), int(blocks.length[0])
    assert not blocks.by_column[0]
    fogs = [at for at, node in enumerate(instance.nodes) if node.tier == "fog"]
    parts = ((fogs[0], 0, length - 1), (fogs[1], length - 1, length))
    slices = tuple(Slice(node, (begin, end), (0, across)) for node, begin, end in parts)
    own = loads.take(0)
    stage = Stage(blocks.layers[0], loads.source[0], slices)
    loads.put(0, loads.footprint(0, changed(own.answer, stages=(stage,))))
    held = holding_up(loads)
    assert held[fogs[0]] == pytest.approx(1.0)
    assert held[fogs[1]] == 0.0


@pytest.mark.parametrize("how", [{}, {"cloud_bps": 3e8, "cloud_latency_s": 0.0}])
@pytest.mark.parametrize("radio", ["serial", "parallel"])
def test_stages_cost_what_they_are_laid_out_for(radio, how):
    """A layout's seconds are the reference's stage time among the others' loads, plus tolls.

    Tolls apart: without weights on others' waits (`held` 0) nothing is added. Where the cloud is
    near, fog nodes reach each other by it, so that their ways share links, which add up.
    """
    instance = fog(1, radio=radio, models="tiny-yolov2,nin", **how)
    loads = Loads.of(instance, MEAN, first_pass(instance, MEAN))
    compared = 0
    for task in range(3):
        own = loads.take(task)
        nothing = np.zeros(len(loads.rho))
        known = KnownStages.of_model(loads, task, nothing)
        for block in range(len(known.stages.blocks.pairs)):
            for home in range(len(known.stages.homes)):
                known.lay_out(instance, block, home)
                layout = known.laid[block, home]
                if layout is None or len(layout.stage.slices) < 2:
                    continue
                owner = instance.tasks[task]
                visits = stage_visits(instance, owner, layout.stage)
                rate = float(loads.rate[task])
                wait = [0.0] * len(instance.nodes)
                for visit in visits:
                    rho = loads.rho[visit.node] + rate * visit.service_s
                    second = loads.second[visit.node] + rate * visit.service_s**2
                    wait[visit.node] = float(second / (2 * (1 - rho)))
                expected = visits_latency(instance, layout.stage.home, visits, wait)
                assert layout.seconds == pytest.approx(expected, rel=1e-9)
                compared += 1
        loads.put(task, own)
    assert compared > 10


@pytest.mark.parametrize("radio", ["serial", "parallel"])
@pytest.mark.parametrize("seed", range(2))
def test_wide_plans_are_no_worse(seed, radio):
    """On these instances `dina` with wide plans is at least as good as with narrow ones, feasible,
    the value the reference's."""
    instance = fog(seed, users=12, radio=radio)
    narrow, wide = solved(instance, "narrow"), solved(instance, "wide")
    assert wide.value <= narrow.value * (1 + 1e-9)
    assert sf.violations(instance, wide) == []
    decision = decision_of(instance, wide)
    assert float(decision_cost(instance, decision, MEAN)) == pytest.approx(wide.value, rel=1e-9)


def test_fog_nodes_are_homes_and_strips_unequal():
    """Where radios are fast, some stage has its home at a fog node, and in one there are rectangles
    side by side that are not equally wide; at 30 users at least 4 % are gained."""
    instance = fog(0, users=30)
    narrow, wide = solved(instance, "narrow"), solved(instance, "wide")
    assert wide.value < 0.96 * narrow.value
    stages = [stage for task in wide.tasks for stage in task.stages]
    assert any(stage.home.startswith("fog") for stage in stages)
    widths = [{b - a for a, b in (part.columns for part in stage.slices)} for stage in stages]
    assert any(len(own) > 1 for own in widths)


def test_the_audit_and_the_simulation_agree_with_wide_plans():
    """The audit is that of the plan given back; simulated, the mean is within a tenth of the
    formula's, which is exact for visits that do not repeat."""
    instance = fog(0, users=12, utilisation=0.3)
    plan = solved(instance, "wide")
    again = audit_of(instance, decision_of(instance, plan), MEAN, swaps=plan.audit.swaps)
    assert again is not None
    assert again.potential == pytest.approx(plan.audit.potential, rel=1e-12)
    assert again.exchange_blocking == plan.audit.exchange_blocking
    simulated = sf.simulate(instance, plan, requests=4000, seed=0)
    assert simulated.overall.mean is not None
    assert simulated.overall.mean.value_s == pytest.approx(plan.value, rel=0.1)


def test_a_sweep_never_makes_it_worse_on_any_instance():
    """(excess, mean) does not rise; what is changed is feasible where it was: quotas, memory,
    groups, `tiers`, results that go elsewhere, times, relays."""
    changes = 0
    for seed in range(25):
        rng = np.random.default_rng(seed)
        instance, _ = random_offloading(rng, memory=bool(seed % 3 == 0), relays=bool(seed % 2))
        objective = Objective("mean-latency", monotone=bool(seed % 2))
        start = home_decision(instance, objective)
        loads = Loads.of(instance, objective, start)
        before, fine = loads.value(), not decision_violations(instance, start, objective)
        loads, count = widened(loads)
        changes += count
        assert loads.value() <= (before[0] + 1e-12, before[1] * (1 + 1e-12))
        if fine:
            assert decision_violations(instance, loads.decision, objective) == []
    assert changes > 10


def test_same_seed_same_plan():
    """Twice the same, whatever was solved before with the instance."""
    first = solved(fog(2), "wide")
    instance = fog(2)
    solved(instance, "narrow")
    again = solved(instance, "wide")
    assert again.tasks == first.tasks


def test_partition_alone_is_wide_too():
    """`dina-p` finds wide plans by itself."""
    instance = fog(0, users=30)
    narrow, wide = (solved(instance, plans, "dina-p") for plans in ("narrow", "wide"))
    assert wide.value < 0.96 * narrow.value


def test_nothing_goes_back_towards_devices():
    """With `monotone` no tensor moves from a fog node to the source, without it some do."""
    instance = fog(0)
    for monotone in (True, False):
        objective = Objective("mean-latency", monotone=monotone)
        loads = Loads.of(instance, objective, home_decision(instance, objective))
        loads.take(0)
        held = holding_up(loads)
        known = KnownStages.of_model(loads, 0, held)
        program = WideProgram.of(loads, 0, known, held)
        back = program.move_s[:, :-1, -1]
        assert np.isinf(back).all() if monotone else np.isfinite(back).all()


def test_stages_depend_on_where_results_go():
    """A result on the way that is due somewhere leaves fewer borders than one that is not: what is
    known of a task's stages is the same whether or not the other task was looked at before."""
    instance = fog(0)
    model = instance.model_of(instance.tasks[0])
    first = model.layers[1].name
    layers = tuple(changed(layer, result=layer.name == first) for layer in model.layers)
    tasks = tuple(
        changed(task, model=model.name, results_to=task.source if at == 0 else None)
        for at, task in enumerate(instance.tasks)
    )

    def known(*asked):
        one = changed(instance, models=(changed(model, layers=layers),), tasks=tasks)
        loads = Loads.of(one, MEAN, home_decision(one, MEAN))
        held = holding_up(loads)
        return [KnownStages.of_model(loads, task, held).seconds for task in asked]

    due, free = known(0, 1)
    assert len(due) < len(free)
    assert free == pytest.approx(known(1)[0], rel=0)


def test_where_nobody_hosts_all_stay():
    """With quota 0 everywhere there is no helper and no home but the sources."""
    instance = fog(0)
    nodes = tuple(changed(node, quota=0) for node in instance.nodes)
    plan = solved(changed(instance, nodes=nodes), "wide")
    assert plan.value is not None
    assert all(not task.stages for task in plan.tasks)


def test_a_change_that_must_save_a_share():
    """What saves a share of the mean is made for a little less than that, and not for more."""
    instance = fog(4)

    def after(share):
        loads = Loads.of(instance, MEAN, home_decision(instance, MEAN))
        wide, value = Wide(), loads.value()[1]
        wide.begin(loads)
        return wide.change(loads, 0, share), 1 - loads.value()[1] / value

    moved, saved = after(0.0)
    assert moved
    assert after(0.99 * saved) == (True, saved)
    assert after(1.01 * saved) == (False, pytest.approx(0, abs=1e-12))


def test_one_task_of_a_sweep():
    """A task is given what is best for all: the mean falls by what `change` says it does."""
    instance = fog(4, users=10)
    loads = Loads.of(instance, MEAN, home_decision(instance, MEAN))
    wide, value = Wide(), loads.value()[1]
    moved = wide.sweep(loads)
    assert moved > 0
    assert loads.value()[1] < value
    assert float(decision_cost(instance, Decision(loads.decision.tasks), MEAN)) == pytest.approx(
        loads.value()[1], rel=1e-9
    )


def test_the_least_way_has_one_other_node_for_what_runs_whole():
    """The least of all ways, taken where it runs whole on one other node, is that sought for each
    such node; and somewhere it would divide the run, so that the others must be sought.

    Without stages; of these six tasks one would run on two nodes in turn.
    """
    divided = 0
    instance = fog(0)
    loads = Loads.of(instance, MEAN, home_decision(instance, MEAN))
    for task in range(6):
        own, held = loads.take(task), holding_up(loads)
        program = WideProgram.of(loads, task, KnownStages.of_model(loads, task, held), held)
        program.known.seconds[:] = program.own.seconds[:] = np.inf
        every = np.arange(len(program.nodes))
        freely = program._least_way(np.zeros((1, len(every)), bool))[0]
        closed = (every != every[-1]) & (every != every[:, None])
        assert program.least_way()[0] == program._least_way(closed)[0] >= freely
        divided += freely < program.least_way()[0]
        loads.put(task, own)
    assert divided


def test_estimates_learn_from_layouts():
    """A block that took r times its estimate is estimated 1 + .75 (r - 1) times as long next."""
    instance = fog(1, radio="parallel", models="tiny-yolov2,nin")
    loads = Loads.of(instance, MEAN, first_pass(instance, MEAN))
    loads.take(0)
    held = holding_up(loads)
    known = KnownStages.of_model(loads, 0, held)
    known.lay_out(instance, 1, 0)
    layout = known.laid[1, 0]
    assert layout is not None
    again = KnownStages.of_model(loads, 0, held, known.ratio)
    expected = known.stages.priced_s[1] * (1 + 0.75 * (layout.ratio - 1))
    assert again.seconds[1] == pytest.approx(expected, rel=1e-12)
    assert layout.ratio != pytest.approx(1.0)
    assert (again.seconds[2:] == known.stages.priced_s[2:]).all()


def test_an_exchange_leaves_a_task_one_run():
    """The only gainful exchange brings both slices of a stage to its home, which is then one node
    of whole layers, with the cloud another: the plan would be no matching, and have no audit."""
    plan = solved(sf.generate("fog", seed=11, users=10, bandwidth_scale=3.0), "wide")
    assert plan.audit is not None
    assert isinstance(plan.audit.blocking_pairs, int)


def test_in_small_instances_narrow_plans_are_never_better():
    """Begun from one sweep of narrow plans alone, wide ones would end 2 % above narrow ones."""
    instance = sf.generate("fog", seed=9, users=10, utilisation=0.9)
    narrow, wide = solved(instance, "narrow"), solved(instance, "wide")
    assert narrow.value is not None
    assert wide.value is not None
    assert wide.value <= narrow.value
