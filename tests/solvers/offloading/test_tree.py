"""Branch and price over assignments: the optimum, and bounds that no assignment is below."""

from __future__ import annotations

from functools import cache
from itertools import count, product

import numpy as np
import pytest

from benchmarks.offloading.exact import star
from splitfog.formulations.deadline import NEVER, Deadline
from splitfog.formulations.offloading.assignment import Assignments
from splitfog.solvers.offloading import pricing
from splitfog.solvers.offloading.master import Master
from splitfog.solvers.offloading.relaxation import Relaxation
from splitfog.solvers.offloading.tree import branched

PROBLEMS = [(0, "serial"), (4, "serial"), (6, "serial"), (6, "parallel")]
"""Seeds and radios of stars whose relaxations are below their optimum."""
ABOVE = 1.03
"""The first cut-off by the optimum."""


@cache
def posed(problem):
    """The assignments of six subtasks to four nodes, and the least cost of all 4,096."""
    seed, radio = problem
    assignments = Assignments(star(seed, 6, 3, radio, nodes=4))
    return assignments, min(
        assignments.cost(places).value for places in product(range(4), repeat=6)
    )


def relaxed(problem):
    """The relaxation of a problem, in units of `ABOVE` times its optimum."""
    assignments, least = posed(problem)
    relaxation = Relaxation(Master(assignments, ABOVE * least))
    assert relaxation.solve(NEVER)
    return relaxation


@pytest.mark.parametrize("problem", PROBLEMS)
def test_the_whole_tree_finds_the_least_of_all_assignments(problem):
    """Its value is that of enumeration, and so is the bound, which the root's is well below."""
    root, least = relaxed(problem), posed(problem)[1]
    best, bound = branched(root, NEVER)
    assert best is not None
    assert root.master.assignments.cost(best).value == pytest.approx(least, rel=1e-9)
    assert root.master.seconds(bound) == pytest.approx(least, rel=1e-6)
    assert root.master.seconds(bound) <= least
    assert root.master.seconds(root.bound) < least * (1 - 5e-4)


@pytest.mark.parametrize("looks", [0, 9, 40])
def test_a_tree_that_time_stops_has_a_bound(looks):
    """After some looks at the clock: no more than the optimum, and no less than the root's."""
    for problem in PROBLEMS:
        root, clock = relaxed(problem), count()
        _, bound = branched(root, Deadline(looks, clock.__next__))
        assert root.bound <= bound
        assert root.master.seconds(bound) <= posed(problem)[1]


def test_a_relaxation_that_time_stops_has_a_bound():
    """After any round: no more than the optimum, by prices that pay no layout's time twice."""
    assignments, least = posed(PROBLEMS[2])
    bounds = []
    for looks in range(5, 80, 3):
        relaxation = Relaxation(Master(assignments, ABOVE * least))
        relaxation.solve(Deadline(looks, count().__next__))
        bounds.append(relaxation.master.seconds(relaxation.bound))
        for own in relaxation.master.layouts if bounds[-1] > -np.inf else []:
            assert own.shares(relaxation.prices.time).max() <= 1 + 1e-12
    assert max(bounds) <= least
    assert len(set(bounds)) >= 5


def test_stages_with_too_many_layouts_are_bounded(monkeypatch):
    """With one layout of slices anywhere: no more than the optimum, and less than with all."""
    before = {problem: relaxed(problem).bound for problem in PROBLEMS[2:]}
    monkeypatch.setattr(pricing, "MOST_LAYOUTS", 1)
    for problem in before:
        root, least = relaxed(problem), posed(problem)[1]
        _, bound = branched(root, NEVER)
        assert root.bound < before[problem]
        assert root.bound <= bound
        assert root.master.seconds(bound) <= least
