"""What an engine says while it runs, and how it may be told to run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import splitfog as sf
from splitfog.formulations.objective import Objective
from splitfog.formulations.programs.placement import PlacementProgram
from splitfog.formulations.programs.placement_build import placement_program
from splitfog.solvers.engines.milp import solve_program

DATA = Path(__file__).parents[3] / "instances" / "data"


def _program() -> PlacementProgram:
    """A period program of 302 columns, which takes HiGHS a moment and two solutions."""
    instance = sf.load_instance(DATA / "dag-ccr-5.json.gz")
    return placement_program(instance, Objective("period"))


def test_who_watches_is_told_of_solutions_and_bounds() -> None:
    """Every solution is one of the program, the last the best; no bound is above the optimum."""
    built, told = _program(), []
    result = solve_program(built.program, watch=lambda values, bound: told.append((values, bound)))
    assert result.optimal
    assert result.values is not None
    cost = np.array(built.program.cost)
    optimum = float(cost @ result.values)
    costs = [float(cost @ values) for values, _ in told if values is not None]
    assert len(costs) > 1
    assert costs == sorted(costs, reverse=True)
    assert costs[-1] == pytest.approx(optimum)
    bounds = [bound for _, bound in told]
    assert max(bounds) <= optimum
    assert max(bounds) > 0.9 * optimum
    assert all(len(values) == built.program.num_columns for values, _ in told if values is not None)


def test_what_it_raises_ends_the_search_and_is_not_lost() -> None:
    """The engine's thread has ended by then: another program can be solved at once."""

    def refuses(values: Any, bound: float) -> None:
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        solve_program(_program().program, watch=refuses)
    assert solve_program(_program().program).optimal


@pytest.mark.parametrize("engine", ["highs", "cbc"])
def test_threads_can_be_changed_from_call_to_call(engine: Any) -> None:
    """HiGHS refuses that unless it is told to begin anew: 1, 2 and 1 thread, the same optimum."""
    found = [solve_program(_program().program, engine, threads=n) for n in (1, 2, 1)]
    assert [result.optimal for result in found] == [True] * 3
    bounds = [result.bound for result in found]
    assert bounds == pytest.approx([bounds[0]] * 3, rel=1e-6)


@pytest.mark.parametrize("engine", ["highs", "cbc"])
def test_the_bound_at_the_root_is_none_above_the_optimum(engine: Any) -> None:
    """Nor far below here, where the cuts at the root close the gap; so the tree is no more."""
    result = solve_program(_program().program, engine)
    assert result.root is not None
    assert 0.95 * result.bound < result.root <= result.bound * (1 + 1e-6)
    assert result.nodes <= 1


@pytest.mark.parametrize("engine", ["highs", "cbc"])
def test_a_gap_is_room_for_a_worse_solution(engine: Any) -> None:
    """Within 30 %: what is found is at most that much above the bound."""
    built = _program()
    result = solve_program(built.program, engine, relative_gap=0.3)
    assert result.values is not None
    value = float(np.array(built.program.cost) @ result.values)
    assert value * (1 - 0.3) <= result.bound * (1 + 1e-6)
