"""What is kept with an instance or model is made once, goes nowhere else, and goes with it."""

from __future__ import annotations

import gc
import pickle
import weakref
from contextlib import suppress
from copy import copy
from pathlib import Path

import pytest

import splitfog as sf
import splitfog.solvers.engines.milp
from splitfog.formulations.arrays.task import task_arrays
from splitfog.formulations.costs.routes import routes_of
from splitfog.instances.files import with_meta
from splitfog.instances.kept import Keeper, kept, share
from splitfog.solvers.registry import solver_infos
from tests.cases.golden import NAMES, SINGLE, case


class Box(Keeper):
    """Keeps things and has no fields."""

    __dataclass_fields__: dict[str, None] = {}  # noqa: RUF012


@pytest.mark.parametrize("solver", [info.name for info in solver_infos()])
def test_no_solver_leaves_a_trace_in_pickles_or_comparisons(solver: str) -> None:
    """Before and after it the pickle is the same bytes long, and the instance equals its copy;
    when all let go of the instance, it goes."""
    objectives = next(info.objectives for info in solver_infos() if info.name == solver)
    users = [name for name in objectives if name == "mean-latency"]
    alone = [name for name in objectives if name not in (*users, "throughput")][:2]
    for name, asked in ((SINGLE[0], alone), (min(set(NAMES) - set(SINGLE)), users)):
        instance = copy(case(name)[0])
        before = len(pickle.dumps(instance))
        for objective in asked:
            with suppress(sf.SolverDeclined):
                sf.solve(instance, solver, objective=objective, time_limit_s=1)
        assert len(pickle.dumps(instance)) == before
        assert pickle.loads(pickle.dumps(instance)) == instance == copy(instance)
        alive = weakref.ref(instance)
        del instance
        gc.collect()
        assert alive() is None


@pytest.mark.slow
def test_a_solved_instance_is_compared_in_processes() -> None:
    """Compiled costs, which `evolution` keeps, cannot be pickled: workers never get them."""
    instance = sf.generate("fog", seed=1, users=6)
    sf.solve(instance, "evolution", options={"iterations": 1, "warm": False})
    with pytest.raises(AttributeError, match="Can't pickle local object"):
        pickle.dumps(instance.__dict__)
    table = sf.compare([instance], ["device-only", "greedy"], jobs=2)
    assert [(row.status, row.reason) for row in table if row.status == "error"] == []


def test_the_hash_of_the_bytes_read_survives(tmp_path: Path) -> None:
    """Of a file written otherwise than `save_instance` writes, here with blanks behind: pickled
    and copied it is the same instance of that file, changed it is none."""
    instance = sf.generate("line", seed=1)
    path = tmp_path / "blanks.json"
    sf.save_instance(instance, path)
    path.write_bytes(path.read_bytes() + b"  \n")
    read = sf.load_instance(path)
    assert read == instance
    assert read.sha256 != instance.sha256
    assert pickle.loads(pickle.dumps(read)).sha256 == copy(read).sha256 == read.sha256
    assert with_meta(read).sha256 == instance.sha256


def test_once_for_equal_arguments() -> None:
    """However the arguments are given: by position, by name, by default."""
    instance = sf.generate("line", seed=1)
    assert task_arrays(instance) is task_arrays(instance, 0) is task_arrays(instance, task=0)
    assert routes_of(instance) is routes_of(instance) is not routes_of(copy(instance))


def test_keys_and_limits() -> None:
    """`by` says what is equal; with `most` = 2 the third result drops the first two."""
    made: list[int] = []

    @kept(by=lambda owner, number: number % 10, most=2)
    def last_digit(owner: Box, number: int) -> int:
        made.append(number)
        return number % 10

    box = Box()
    assert [last_digit(box, number) for number in (1, 11, 2, 1, 3, 1)] == [1, 1, 2, 1, 3, 1]
    assert made == [1, 2, 3, 1]
    other = Box()
    share(last_digit, box, other)
    assert last_digit(other, 1) == 1
    assert made == [1, 2, 3, 1]


def test_an_error_is_not_kept() -> None:
    """A function that failed is asked again; None is a result as any other."""
    answers = [ValueError("no"), None]

    @kept()
    def answer(owner: Box) -> None:
        found = answers.pop(0)
        if found is not None:
            raise found

    box = Box()
    with pytest.raises(ValueError, match="no"):
        answer(box)
    assert answer(box) is None
    assert answer(box) is None


def test_only_for_what_pickles_without() -> None:
    """Anything else would take what it keeps along."""

    @kept()
    def length(owner: object) -> int:
        return 1

    class Plain:
        """Pickled with all that it has."""

    with pytest.raises(TypeError, match="a Plain is no Keeper"):
        length(Plain())
