"""What the offloading engines prove does not hang on the units, nor on one slow node or rate.

All seconds times a power of two change no rounding, so the same plans are found to the last bit;
times a power of ten they are equal up to rounding. The optimum of given subtasks is known by
enumeration of all assignments.
"""

from __future__ import annotations

import numpy as np
import pytest
from msgspec import UNSET

from splitfog import solve
from splitfog.formulations.objective import Objective
from splitfog.formulations.offloading.compact_program import offload_program
from splitfog.formulations.offloading.loads import Loads
from splitfog.formulations.offloading.lone_slices import written_assignments
from splitfog.formulations.offloading.subtasks import subtasks_of
from splitfog.formulations.plan import decision_of
from splitfog.instances.instance import Instance
from splitfog.instances.records import changed
from splitfog.solvers.engines.milp import solve_program
from splitfog.solvers.offloading.batch_assignment import Jobs, assign
from splitfog.solvers.offloading.start import search_assignment
from tests.cases import field
from tests.cases.offload_cases import best_assignment, has_sound_stages, saved
from tests.cases.random_offloading import random_offloading, without_rates
from tests.cases.scaling import scaled, slowed
from tests.checks import check_plan

MEAN = Objective("mean-latency")
BARRIERS = (1, 16, 24)
"""Seeds whose template has stages of several slices, each of which ends on several nodes."""


def problem(seed, **how):
    """A random instance with two or three tasks, and a template of its subtasks."""
    rng = np.random.default_rng(seed)
    how = {"num_tasks": 2, "num_devices": 1, "slices": 3, "utilisation": 0.3, "quotas": False} | how
    return random_offloading(rng, **how)


def lighter(instance: Instance, factor: float) -> Instance:
    """The first task's requests so many times rarer."""
    first, *others = instance.tasks
    rate = first.arrivals_per_s
    return changed(
        instance,
        tasks=(changed(first, arrivals_per_s=None if rate is None else rate * factor), *others),
    )


HARD = {
    "nanoseconds": lambda instance: scaled(instance, 1e-9),
    "aeons": lambda instance: scaled(instance, 1e9),
    "one node slow": lambda instance: slowed(instance, "n1", 1e-9),
    "one node fast": lambda instance: slowed(instance, "n2", 1e9),
    "one task rare": lambda instance: lighter(instance, 1e-7),
    "all tasks rare": lambda instance: changed(
        instance,
        tasks=tuple(
            changed(task, arrivals_per_s=task.arrivals_per_s and task.arrivals_per_s * 1e-9)
            for task in instance.tasks
        ),
    ),
    "nobody waits": without_rates,
}


@pytest.mark.parametrize("formulation", ["columns", "compact"])
@pytest.mark.parametrize("kind", HARD)
def test_given_subtasks_are_proven(tmp_path, kind, formulation):
    """The optimum of all assignments, proven, whatever is far off; the proof is over the given."""
    for seed in BARRIERS:
        base, template = problem(seed)
        instance = HARD[kind](base)
        subtasks = subtasks_of(instance, template, MEAN)
        assert has_sound_stages(instance, template)
        best, _ = best_assignment(subtasks)
        options = {
            "stages": saved(tmp_path / "plan.json", instance, template, MEAN),
            "formulation": formulation,
        }
        plan = solve(instance, "offload-ilp", MEAN, options=options)
        check_plan(instance, plan)
        assert plan.value == pytest.approx(best, rel=1e-9)
        assert (plan.status, plan.proven_over) == ("optimal", "given")
        assert plan.lower_bound is not None
        assert plan.lower_bound <= best * (1 + 1e-12)


def test_nothing_to_pay():
    """A value of 0 needs no program and no division: proven, gap 0."""
    instance = field.instance("crash-compact-zero")
    for formulation in ("columns", "compact"):
        plan = solve(instance, "offload-ilp", "mean-latency", options={"formulation": formulation})
        check_plan(instance, plan)
        assert (plan.value, plan.gap, plan.status) == (0.0, 0.0, "optimal")
        assert plan.audit is not None
        assert plan.audit.given_subtasks is not UNSET
        assert plan.audit.given_subtasks.gap == 0.0


SOLVERS = ("dina", "dina-p", "dina-o", "best-response", "swap", "unsplittable", "joint-ilp")


@pytest.mark.parametrize("solver", SOLVERS)
def test_same_plan_in_other_units(solver):
    """Times 2^30 or 2^-30 the same answers, at that many times the value, overloaded or not."""
    for seed, factor in ((0, 2.0**30), (3, 2.0**-30), (7, 2.0**30)):
        instance, _ = problem(seed, num_devices=2, utilisation=0.9 if seed else 0.3, quotas=True)
        here = solve(instance, solver, MEAN)
        there = solve(scaled(instance, factor), solver, MEAN)
        assert here.status == there.status
        assert [task.placement for task in here.tasks] == [task.placement for task in there.tasks]
        assert [task.stages for task in here.tasks] == [task.stages for task in there.tasks]
        if here.value is not None:
            assert there.value == here.value * factor
            assert here.lower_bound is not None
            assert there.lower_bound == pytest.approx(here.lower_bound * factor, rel=1e-12)


def test_what_leaves_a_node_leaves_nothing_behind():
    """Loads of rare tasks are no rounding: whoever is left on a node still loads it."""
    base, _ = problem(3, num_tasks=3)
    instance = changed(
        base, tasks=tuple(changed(task, arrivals_per_s=1e-14) for task in base.tasks)
    )
    decision = decision_of(instance, solve(instance, "local", MEAN))
    loads = Loads.of(instance, MEAN, decision)
    whole = loads.rho.copy()
    assert 0 < whole.max() < 1e-13
    own = loads.take(0)
    left = Loads.of(instance, MEAN, decision)
    left.take(1)
    left.take(2)
    assert (left.rho > 0).sum() == 1  # task 0 alone
    loads.put(0, own)
    assert loads.rho == pytest.approx(whole, rel=1e-12)
    for task in range(3):
        loads.take(task)
    assert not loads.rho.any()
    assert not loads.second.any()


@pytest.mark.parametrize("seed", range(12))
def test_jobs_in_queues_with_nodes_far_apart(seed):
    """Services and transfers spread over 1e18, in any unit: the least of all assignments."""
    rng = np.random.default_rng(seed)
    count, nodes = 5, 3
    unit = 10.0 ** rng.integers(-9, 10)
    source = rng.integers(0, nodes, count)
    foreign = source[:, None] != np.arange(nodes)
    service = rng.uniform(0.1, 2, (count, 1)) * 10.0 ** rng.uniform(-9, 9, nodes)
    transfer = rng.uniform(0, 1, service.shape) * foreign * 10.0 ** rng.uniform(-9, 3, nodes)
    quota = np.where(np.arange(nodes) < seed % 3, rng.integers(1, 3, nodes), np.inf)
    jobs = Jobs(transfer * unit, service * unit, foreign, quota)
    grid = np.stack(np.meshgrid(*[range(nodes)] * count, indexing="ij"), axis=-1)
    values = [
        jobs.value(places)
        for places in grid.reshape(-1, count)
        if not jobs.overbooked(places).any()
    ]
    found = assign(jobs)
    assert found is not None
    assert jobs.value(found[0]) == pytest.approx(min(values), rel=1e-9)
    assert min(values) * (1 - 1e-6) <= found[1] <= min(values) * (1 + 1e-9)


def test_batch_says_over_which_plans(tmp_path):
    """Whole tasks: all placements; subtasks of a plan: these alone."""
    instance, template = problem(1, rates=False)
    plan = solve(instance, "offload-assignment", "batch")
    assert (plan.status, plan.proven_over) == ("optimal", "placements")
    path = saved(tmp_path / "plan.json", instance, template, Objective("batch"))
    given = solve(instance, "offload-assignment", "batch", options={"stages": path})
    assert (given.status, given.proven_over) == ("optimal", "given")


def test_the_compact_program_holds_its_start():
    """Links so slow that all stays at home, lone slices in one visit with the rest: the bound on
    that visit's wait lets it in, or the program would be empty and the start its own proof."""
    base, template = problem(0, slices=1, utilisation=0.25)
    links = tuple(changed(link, bandwidth_bps=link.bandwidth_bps * 1e-3) for link in base.links)
    instance = changed(base, links=links)
    assignments = written_assignments(subtasks_of(instance, template, MEAN))
    start, value = search_assignment(assignments)
    assert start is not None
    assert (start == 0).all()
    built = offload_program(assignments, value)
    found = solve_program(built.program, start=built.encode(start))
    assert found.values is not None
    other = assignments.cost(built.decode(found.values))
    assert other.value == pytest.approx(value, rel=1e-6)
