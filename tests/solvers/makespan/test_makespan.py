"""cp-sat: published problems, any units of time, equal nodes, coarse ticks, all baselines met."""

from __future__ import annotations

from math import inf

import numpy as np
import pytest

from splitfog import Instance, Layer, Link, Model, Node, Task, generate, solve
from splitfog.formulations.arrays.segment_problem import SegmentProblem, durations, problem_of
from splitfog.formulations.arrays.series import Segment, series_segments
from splitfog.formulations.arrays.task import task_arrays
from splitfog.instances.records import changed
from splitfog.solvers.engines.cp_sat import SearchLimits
from splitfog.solvers.makespan.quick_plans import NO_PLAN, SegmentPlan
from splitfog.solvers.makespan.segment_model import solve_segment
from splitfog.solvers.makespan.series_path import Leg
from splitfog.solvers.registry import solver_infos
from tests.cases import field
from tests.cases.scaling import scaled, slowed
from tests.cases.strategies import random_instance
from tests.checks import check_plan
from tests.solvers.makespan import job_shops

UNITS = (1e-9, 1e-3, 1e9)
BASELINES = [
    info.name
    for info in solver_infos()
    if info.kind == "baseline" and "makespan" in info.objectives
]


@pytest.mark.parametrize("name", job_shops.published())
def test_published_job_shops(name: str) -> None:
    """The published optimum is proven, in whole seconds or any other unit."""
    instance, optimum = job_shops.published()[name]
    for unit in (1.0, *UNITS):
        plan = solve(scaled(instance, unit), objective="makespan")
        assert (plan.solver, plan.status) == ("cp-sat", "optimal")
        assert plan.value == pytest.approx(optimum * unit, rel=1e-9)


def test_la16() -> None:
    """The published optimum, 945 s, is proven; in ticks of 2^-32 of it that took 18 s."""
    plan = solve(field.instance("jobshop-la16-slow"), "cp-sat", "makespan")
    assert (plan.status, plan.value, plan.lower_bound) == ("optimal", 945.0, 945.0)


@pytest.mark.parametrize(("sent", "optimum"), [(0.0, 12.0), (1.0, 16.0), (2.0, 20.0), (5.0, 26.0)])
def test_a_stencil_on_equal_nodes(sent: float, optimum: float) -> None:
    """6 x 6 layers of 1 s, `sent` s between any two of 4 nodes; by a plain CP-SAT model in seconds.

    12 = (36 + 12) / 4: before four are ready, and after, 3 + 2 + 1 turns are idle.
    """
    instance = _equal_nodes(4, _stencil(6, sent))
    plan = solve(instance, "cp-sat", "makespan")
    assert (plan.status, plan.value) == ("optimal", optimum)


def test_any_units_of_time() -> None:
    """Random shops, equal nodes, and networks of every kind: enumeration, in s and other units.

    Also with one node 1e9 times slower, where a layer may be bound to it.
    """
    for seed in range(36):
        rng = np.random.default_rng(seed)
        instance = (_small_shop, _small_dag, _small_any)[seed % 3](rng)
        unit = UNITS[seed % len(UNITS)]
        _check(instance)
        _check(scaled(instance, unit))
        _check(slowed(instance, instance.nodes[seed % len(instance.nodes)].name, 1e-9))


def _check(instance: Instance) -> None:
    """The least makespan of all placements and orders is proven, to 1e-6."""
    least = solve(instance, "brute-force", "makespan")
    plan = solve(instance, "cp-sat", "makespan")
    check_plan(instance, plan)
    assert plan.status == least.status
    if least.value is not None:
        assert plan.value == pytest.approx(least.value, rel=1e-6)


@pytest.mark.parametrize("factor", [2, 16, 256])
def test_coarse_ticks_bound_the_makespan(factor: int) -> None:
    """A search in ticks that are `factor` times as long: its bound is one, its plan is allowed."""
    for seed in range(20):
        instance = _small_any(np.random.default_rng(seed))
        problem = _whole(instance, 2.0**14)  # thousands of ticks: what is rounded up shows
        exact = solve_segment(problem, NO_PLAN, 2.0**50, 0.0, SearchLimits())
        coarse = solve_segment(problem, NO_PLAN, 2.0**50, 0.0, SearchLimits(), factor=factor)
        assert coarse.infeasible == exact.infeasible
        if not exact.infeasible:
            least = _least(problem, exact.plan)
            assert coarse.bound <= least <= coarse.plan.value
            missed = solve_segment(problem, NO_PLAN, least - 1, 0.0, SearchLimits(), factor=factor)
            assert missed.bound <= least


def _least(problem: SegmentProblem, plan: SegmentPlan) -> float:
    """The value of a plan proven to be the best (contended segments included)."""
    better = solve_segment(problem, plan, inf, 0.0, SearchLimits())
    assert better.plan.value == plan.value
    return plan.value


def _whole(instance: Instance, scale: float) -> SegmentProblem:
    arrays = task_arrays(instance)
    segment = Segment(None, tuple(arrays.model.order.tolist()), None)
    return problem_of(durations(arrays, True, scale), segment, with_memory=True)


@pytest.mark.parametrize("limit", [1e-9, 0.3])
@pytest.mark.parametrize("seed", [3, 9])
def test_no_baseline_is_better(limit: float, seed: int) -> None:
    """Whenever it stops, on DAGs whose own quick plans are up to 27 % worse than cpop's."""
    shape = {"layers": 30, "ccr": 0.05, "speed_ratio": 1.0001, "heterogeneity": 0.3}
    instance = generate("random-dag", seed=seed, **shape)
    plan = solve(instance, "cp-sat", "makespan", time_limit_s=limit)
    check_plan(instance, plan)
    assert plan.value is not None
    for name in BASELINES:
        other = solve(instance, name, "makespan", time_limit_s=limit).value
        assert other is None or plan.value <= other * (1 + 1e-9)


def test_arcs_that_differ_by_a_swap_are_one() -> None:
    """Of 16 pairs of four nodes alike two arcs are kept; each has a plan on every pair's nodes."""
    instance = _equal_nodes(4, [*_stencil(3, 1.0), _after("2.2"), _after("2.2 on")])
    arrays = task_arrays(instance)
    segment = next(own for own in series_segments(arrays) if len(own.layers) > 2)
    problem = problem_of(durations(arrays, True, 1.0), segment)
    leg = Leg(problem, has_entry=True)
    for pair in np.ndindex(*leg.width):
        leg.arc(pair)
        plan = leg.plan(pair)
        assert leg.pair(plan.placement) == pair
        assert problem.pinned(*pair).book(plan.placement, plan.order) == leg.upper[pair]
    assert leg.width == (4, 4)
    assert len(leg.arcs) == 2


def _after(name: str) -> Layer:
    return Layer(name=f"{name} on", op="other", output_bytes=1.0, inputs=(name,), flops=1.0)


def test_twins_are_told_by_their_links_and_memory() -> None:
    """Nodes alike may swap; one with another link, memory, or where waiting matters may not."""
    alike = _equal_nodes(3, _stencil(2, 1.0))
    assert _twins(alike) == [[0, 1, 2]]
    slower = (*alike.links[:2], changed(alike.links[2], bandwidth_bps=4.0))
    assert _twins(changed(alike, links=slower)) == [[1, 2]]
    smaller = (changed(alike.nodes[0], memory_bytes=1.0), *alike.nodes[1:])
    assert _twins(changed(alike, nodes=smaller)) == [[1, 2]]
    shared = tuple(changed(link, shared=True) for link in alike.links)
    assert _twins(changed(alike, links=shared)) == []
    to_last = (changed(alike.tasks[0], results_to="P2"),)
    assert _twins(changed(alike, tasks=to_last)) == [[0, 1]]
    tiers = ("fog", "cloud")
    above = (*alike.nodes[:2], changed(alike.nodes[2], tier="cloud"))
    assert _twins(changed(alike, nodes=above, tiers=tiers)) == [[0, 1]]
    above = (changed(alike.nodes[0], tier="cloud"), changed(alike.nodes[1], tier="cloud"))
    ways = [("P0", "P1", 8), ("P1", "P0", 8), ("P2", "P0", 8), ("P2", "P1", 8)]
    ways += [("P0", "P2", 8), ("P1", "P2", 4)]  # only results go back, from P1 more slowly
    one_way = tuple(
        Link(tail=tail, head=head, duplex=False, bandwidth_bps=rate) for tail, head, rate in ways
    )
    back = changed(alike, nodes=(*above, alike.nodes[2]), tiers=tiers, links=one_way, tasks=to_last)
    assert _twins(back) == []


def _twins(instance: Instance) -> list[list[int]]:
    return durations(task_arrays(instance), True).twins


def _equal_nodes(count: int, layers: list[Layer]) -> Instance:
    """Layers on nodes alike, 1 B/s between any two."""
    names = [f"P{node}" for node in range(count)]
    pairs = [(one, two) for at, one in enumerate(names) for two in names[at + 1 :]]
    return Instance(
        name="equal",
        tiers=("fog",),
        nodes=tuple(Node(name=name, tier="fog", speed_flops=1.0) for name in names),
        links=tuple(Link(tail=one, head=two, bandwidth_bps=8.0) for one, two in pairs),
        models=(Model(name="m", layers=tuple(layers)),),
        tasks=(Task(name="t", model="m", source=None),),
    )


def _stencil(size: int, sent: float) -> list[Layer]:
    """Every layer reads the one above and the one to its left."""
    return [
        Layer(
            name=f"{row}.{column}",
            op="other",
            output_bytes=sent,
            inputs=tuple(
                f"{up}.{left}"
                for up, left in ((row - 1, column), (row, column - 1))
                if min(up, left) >= 0
            ),
            flops=1.0,
        )
        for row in range(size)
        for column in range(size)
    ]


def _small_dag(rng: np.random.Generator) -> Instance:
    """Up to 5 layers of whole or any seconds on 2 or 3 nodes alike but for one."""
    layers = [
        Layer(
            name=f"l{layer}",
            op="other",
            output_bytes=float(rng.integers(0, 4)),
            inputs=tuple(f"l{before}" for before in range(layer) if rng.random() < 0.4),
            flops=float(rng.integers(0, 6) if rng.random() < 0.5 else 5 * rng.random()),
        )
        for layer in range(int(rng.integers(3, 6)))
    ]
    instance = _equal_nodes(int(rng.integers(2, 4)), layers)
    last = changed(instance.nodes[-1], speed_flops=float(rng.integers(1, 3)))
    return changed(instance, nodes=(*instance.nodes[:-1], last))


def _small_shop(rng: np.random.Generator) -> Instance:
    """Two jobs of three steps, of whole or any seconds."""
    machines = [rng.permutation(3).tolist() for _ in range(2)]
    whole = rng.random() < 0.5
    jobs = tuple(
        tuple((m, float(rng.integers(1, 9) if whole else 9 * rng.random())) for m in own)
        for own in machines
    )
    return job_shops.job_shop("small", jobs)


def _small_any(rng: np.random.Generator) -> Instance:
    """Memory, groups, results, shared links, nodes without overlap."""
    return random_instance(rng, num_nodes=3, num_layers=4)
