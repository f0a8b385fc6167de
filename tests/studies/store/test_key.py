"""The key of a job: what comes out otherwise has another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import splitfog as sf
from splitfog.formulations.objective import Objective
from splitfog.instances.records import changed
from splitfog.studies.engine.jobs import Job
from splitfog.studies.replays.case import ReplayCase
from splitfog.studies.store.key import with_keys

TINY = sf.load_instance(Path(__file__).parents[2] / "data" / "tiny.json")
SOLVED = Job(
    problem=0,
    instance=TINY,
    objective=Objective("latency"),
    solver="water-fill",
    seed=0,
    time_limit_s=None,
    options={"speed": "flops"},
)
FADING, LATER = (sf.generate_trace("fading", seed=seed, duration_s=2) for seed in (0, 1))
CASE = ReplayCase(traces=(FADING,), adapt="argmin", settings={"noise": 0.1}, vary={"pi": (1, 2)})
REPLAYED = changed(SOLVED, solver="argmin", options={}, replay=CASE)


def job_key(job: Job) -> str:
    (keyed,) = with_keys([job])
    return keyed.key


@pytest.mark.parametrize(
    ("job", "change"),
    [
        (SOLVED, {"options": {"speed": "block"}}),
        (SOLVED, {"solver": "equal"}),
        (SOLVED, {"name": "water-fill speed=flops"}),
        (SOLVED, {"replay": CASE}),
        (REPLAYED, {"seed": 1}),
        (REPLAYED, {"replay": changed(CASE, traces=(LATER,))}),
        (REPLAYED, {"replay": changed(CASE, adapt="switch")}),
        (REPLAYED, {"replay": changed(CASE, settings={"noise": 0.2})}),
        (REPLAYED, {"replay": changed(CASE, vary={"pi": (1, 3)})}),
    ],
)
def test_what_decides_the_outcome_is_in_the_key(job: Job, change: dict[str, Any]) -> None:
    """The same job has the same key; with any of this changed it has another."""
    own, same, other = with_keys([job, changed(job), changed(job, **change)])
    assert own.key == same.key != other.key


def test_its_place_in_the_comparison_is_not() -> None:
    """Where it stands, and whether its row is shown: a store has it for other comparisons too."""
    own, moved = with_keys([SOLVED, changed(SOLVED, problem=3, shown=False)])
    assert own.key == moved.key
