"""segment: the pass of `makespan` on plain arrays equals the reference; its bounds are bounds."""

from __future__ import annotations

from math import floor, inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from splitfog import Instance
from splitfog.formulations.arrays.segment_problem import SegmentProblem, durations, problem_of
from splitfog.formulations.arrays.series import Segment, series_segments
from splitfog.formulations.arrays.task import task_arrays
from splitfog.formulations.costs.feasibility import decision_violations
from splitfog.formulations.costs.reference import decision_cost
from splitfog.formulations.decision import Decision, TaskDecision
from splitfog.formulations.objective import Objective
from tests.cases.strategies import instances

seeds = st.integers(0, 2**32 - 1)


def _drawn(instance: Instance, problem: SegmentProblem, seed: int) -> Decision:
    """A random placement (inputs at the source) and a random topological order."""
    rng = np.random.default_rng(seed)
    arrays = task_arrays(instance)
    model = arrays.model
    placement = rng.integers(0, len(instance.nodes), len(model.layers))
    if arrays.source is not None:
        placement[arrays.is_input] = arrays.source
    order: list[int] = []
    while len(order) < len(model.layers):
        ready = [
            layer
            for layer in range(len(model.layers))
            if layer not in order and set(model.inputs[layer]) <= set(order)
        ]
        order.append(int(rng.choice(ready)))
    return Decision((TaskDecision(placement, tuple(order)),))


def _whole(instance: Instance, monotone: bool, scale: float | None = None) -> SegmentProblem:
    arrays = task_arrays(instance)
    segment = Segment(None, tuple(arrays.model.order.tolist()), None)
    return problem_of(durations(arrays, monotone, scale), segment, with_memory=True)


def _booked(problem: SegmentProblem, decision: Decision) -> float:
    task = decision.tasks[0]
    local = {layer: at for at, layer in enumerate(problem.layers)}
    assert task.order is not None
    return problem.book(
        task.placement[list(problem.layers)].tolist(), [local[layer] for layer in task.order]
    )


@given(instances(), st.booleans(), seeds)
def test_booking_equals_the_reference(instance: Instance, monotone: bool, seed: int) -> None:
    """Any placement in any order, any network; inf exactly where a rule is broken."""
    problem = _whole(instance, monotone)
    decision = _drawn(instance, problem, seed)
    objective = Objective("makespan", monotone=monotone)
    if decision_violations(instance, decision, objective):
        assert _booked(problem, decision) == inf
    else:
        cost = decision_cost(instance, decision, objective)
        assert _booked(problem, decision) == pytest.approx(float(cost), rel=1e-12)


@given(instances(), seeds)
def test_ticks_rounded_down_are_a_lower_bound(instance: Instance, seed: int) -> None:
    """The same decision never takes more whole ticks than its seconds rounded down."""
    scale = 2.0**14
    decision = _drawn(instance, _whole(instance, False), seed)
    value = _booked(_whole(instance, False), decision)
    if value < inf:
        ticks = _booked(_whole(instance, False, scale), decision)
        assert ticks == floor(ticks)
        assert ticks <= floor(value * scale * (1 + 1e-12))


@given(instances(), seeds)
def test_critical_paths_bound_every_booking(instance: Instance, seed: int) -> None:
    """No decision is below the bound, nor below head + time + tail of any of its layers."""
    problem = _whole(instance, False)
    decision = _drawn(instance, problem, seed)
    value = _booked(problem, decision)
    assert value * (1 + 1e-12) >= problem.bound or problem.bound == inf == value
    if value < inf:
        placement = decision.tasks[0].placement[list(problem.layers)]
        through = problem.through[np.arange(len(placement)), placement]
        assert through.max() <= value * (1 + 1e-12)


@given(instances(), st.booleans(), seeds)
def test_segments_add_up(instance: Instance, monotone: bool, seed: int) -> None:
    """A decision's makespan is the sum of its segments' own, with memory left out."""
    arrays = task_arrays(instance)
    table = durations(arrays, monotone)
    segments = series_segments(arrays)
    whole = problem_of(table, Segment(None, tuple(arrays.model.order.tolist()), None))
    decision = _drawn(instance, whole, seed)
    total, placement = 0.0, decision.tasks[0].placement
    order = decision.tasks[0].order
    assert order is not None
    for segment in segments:
        problem = problem_of(table, segment)
        local = {layer: at for at, layer in enumerate(problem.layers)}
        entry = [] if segment.entry is None else [segment.entry]
        own = [*entry, *(layer for layer in order if layer in segment.layers)]
        total += problem.book(placement[list(problem.layers)].tolist(), [local[x] for x in own])
    assert _booked(whole, decision) == pytest.approx(total, rel=1e-9)
