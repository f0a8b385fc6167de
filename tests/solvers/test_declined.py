"""What a solver that does not apply says: why, how to get what it is for, and who applies."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

import splitfog as sf
from splitfog.formulations.objective import OBJECTIVES, objective_for
from splitfog.instances.instance import Instance
from splitfog.instances.records import changed
from tests.cases.golden import case
from tests.cases.strategies import random_instance

TINY = sf.load_instance(Path(__file__).parents[1] / "data" / "tiny.json")

TWO_TASKS = random_instance(
    np.random.default_rng(4), num_nodes=3, num_layers=3, num_tasks=2, limits=False
)


def declined(instance: Instance, solver: str, objective: str | None = None) -> sf.SolverDeclined:
    """The exception of a solver that does not apply."""
    with pytest.raises(sf.SolverDeclined) as caught:
        sf.solve(instance, solver, objective)
    return caught.value


def test_a_solver_of_another_objective_says_how_to_ask_for_it() -> None:
    """One task, so latency by default, which dina does not minimise."""
    assert str(declined(TINY, "dina")) == (
        "dina does not apply: it minimises mean-latency, not latency "
        "(--objective mean-latency asks for that); auto applies"
    )
    both = declined(TINY, "ilp", "makespan")
    assert "(--objective latency or period asks for that)" in str(both)


def test_an_objective_that_the_instance_excludes_is_not_recommended() -> None:
    """makespan is of one task, and there are two."""
    said = str(declined(TWO_TASKS, "cp-sat"))
    assert "--objective" not in said
    assert "(objective = 'makespan' needs exactly one task, but" in said


@pytest.mark.parametrize("name", ["vsm", "vsm-ilp", "modnn", "deepthings", "aofl", "coedge"])
def test_who_slices_within_a_tier_names_the_option_that_looks_beyond(name: str) -> None:
    """Two tiers of one node each; under its own name, and with the option it applies."""
    error = declined(TINY, name)
    assert error.solver == name
    assert "--option helpers=all takes nodes of all tiers" in error.reason
    assert sf.solve(TINY, name, options={"helpers": "all"}).status in ("optimal", "feasible")
    alone = changed(TINY, nodes=TINY.nodes[:1], links=())
    assert "helpers=all" not in declined(alone, name).reason


CASES = [TINY, TWO_TASKS, *(case(name)[0] for name in ("chain-2", "line-1", "mesh-1", "mesh-3"))]


@pytest.mark.parametrize("instance", CASES, ids=lambda instance: instance.name)
def test_who_is_said_to_apply_does(instance: Instance) -> None:
    """Every solver and objective: it declines under its own name, and who it names does not."""
    named = set()
    for name in OBJECTIVES:
        try:
            objective = objective_for(instance, name)
        except ValueError:  # not defined for this instance
            continue
        for info in sf.solvers():
            if name in info.objectives and info.name in SEARCHES:
                continue
            try:
                sf.solve(instance, info.name, objective, time_limit_s=1)
            except sf.SolverDeclined as error:
                assert error.solver == info.name
                named.add((error.instead, objective))
    assert named
    for instead, objective in named:
        assert instead is not None
        sf.solve(instance, instead, objective, time_limit_s=1)


SEARCHES = ("auto", "evolution", "alpha-expansion", "ilp", "cp-sat", "brute-force", "joint-ilp")
"""They never decline instances as small as these."""


def test_an_exception_survives_the_way_between_processes() -> None:
    """With its reason and who applies."""
    error = declined(TINY, "dina")
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.why) == (str(error), error.why)
