"""A function in the place of a solver's name: `solve` and `compare`."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import splitfog as sf
from splitfog.formulations.objective import Objective
from splitfog.instances.records import changed
from splitfog.solvers.base import WrongAnswer

TINY = sf.load_instance(Path(__file__).parents[1] / "data" / "tiny.json")
TASK = TINY.tasks[0].name
LAYERS = [layer.name for layer in TINY.models[0].layers]

# tiny.json (test_cli.py derives them): all on the device 0.11 s, both layers on the server 0.012 s.
DEVICE_S, SERVER_S = 0.11, 0.012


def on(places: list[str]) -> dict[str, dict[str, str]]:
    """The placement of tiny.json's layers."""
    return {TASK: dict(zip(LAYERS, places, strict=True))}


SERVED = on(["pi", "server", "server"])


def served(instance: sf.Instance, objective: Objective) -> dict[str, dict[str, str]]:
    """Both layers on the server."""
    return SERVED


def chosen(instance: sf.Instance, objective: Objective, *, place: str) -> dict[str, dict[str, str]]:
    """Both layers on a place."""
    return on(["pi", place, place])


def with_hpa(instance: sf.Instance, objective: Objective) -> sf.Plan:
    """What another solver finds."""
    return sf.solve(instance, "hpa", objective)


def proven(instance: sf.Instance, objective: Objective) -> sf.Plan:
    """What an exact solver proves."""
    return sf.solve(instance, "ilp", objective)


def test_a_function_is_solved_with() -> None:
    """Its placement costs what the reference says, and the plan bears its name."""
    plan = sf.solve(TINY, served)
    assert plan.value == pytest.approx(SERVER_S)
    assert (plan.solver, plan.status, plan.lower_bound) == ("served", "feasible", None)
    assert plan.placement(TASK) == SERVED[TASK]
    assert sf.violations(TINY, plan) == []


def test_a_plan_keeps_what_it_proves() -> None:
    """A plan of the same objective has its bound held as any; of another it has none."""
    assert sf.solve(TINY, proven).status == "optimal"
    other = sf.solve(TINY, lambda i, o: sf.solve(i, "ilp", "period"), "latency")
    assert other.status == "feasible"
    assert other.objective.name == "latency"


def test_a_plan_that_claims_too_much_is_refuted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bound above the plan's own value is corrected, strictly an exception."""

    def boastful(instance: sf.Instance, objective: Objective) -> sf.Plan:
        return changed(with_hpa(instance, objective), lower_bound=1.0)

    with pytest.raises(WrongAnswer, match="boastful claimed"):
        sf.solve(TINY, boastful)
    monkeypatch.delenv("SPLITFOG_STRICT")
    plan = sf.solve(TINY, boastful)
    assert "boastful claimed the lower bound 1.0" in str(plan.reason)


WRONG: dict[str, tuple[Any, str]] = {
    "no mapping": (lambda i, o: 7, "it returned 7, must be {task: {layer: node}} or a Plan"),
    "nothing": (lambda i, o: None, "it returned None"),
    "flat": (lambda i, o: SERVED[TASK], "must be {task: {layer: node}} or a Plan"),
    "no node": (lambda i, o: on(["pi", "moon", "moon"]), "moon, which is not a node"),
    "a layer left out": (lambda i, o: {TASK: {LAYERS[0]: "pi"}}, f"layer {LAYERS[1]} has no node"),
    "no task": (lambda i, o: {"nobody": {}}, f"task {TASK} is not in the plan"),
    "way back": (lambda i, o: on(["pi", "server", "pi"]), ""),
    "another's plan": (
        lambda i, o: sf.solve(changed(TINY, name="other"), "hpa", o),
        "it returned a plan for another instance",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_answer_is_an_error(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Status `error` with the reason, strictly an exception; never a plan."""
    function, reason = WRONG[name]
    with pytest.raises(WrongAnswer):
        sf.solve(TINY, function)
    monkeypatch.delenv("SPLITFOG_STRICT")
    plan = sf.solve(TINY, function)
    assert plan.status == "error"
    assert plan.tasks == ()
    assert reason in str(plan.reason)
    (row,) = sf.compare(TINY, [function], baseline="hpa")
    assert (row.status, row.reason) == ("error", plan.reason)


def test_a_start_is_never_lost() -> None:
    """All on the device costs 0.11 s: a start on the server is the better plan."""
    plan = sf.solve(TINY, partial(chosen, place="pi"), start=SERVED)
    assert plan.value == pytest.approx(SERVER_S)


def test_a_function_has_no_options() -> None:
    """As of any solver an unknown option is refused by name."""
    with pytest.raises(ValueError, match="option depth is unknown to served"):
        sf.solve(TINY, served, options={"depth": 3})
    with pytest.raises(ValueError, match="must be a name or a function"):
        sf.solve(TINY, 3)  # type: ignore[arg-type]


@pytest.mark.parametrize("jobs", [1, 2])
def test_functions_stand_beside_solvers(jobs: int) -> None:
    """Rows bear the functions' names, `partial` that of its function; in processes too."""
    solvers: list[Any] = ["hpa", served, partial(chosen, place="pi")]
    table = sf.compare(TINY, solvers, jobs=jobs)
    assert [row.solver for row in table] == ["hpa", "served", "chosen"]
    values = [row.value for row in table]
    assert values == pytest.approx([SERVER_S, SERVER_S, DEVICE_S])
    assert [row.speedup for row in table] == pytest.approx([DEVICE_S / SERVER_S] * 2 + [1])


def test_a_function_is_the_baseline() -> None:
    """0.012 s / 0.11 s for the plan on the device."""
    table = sf.compare(TINY, ["device-only", served], baseline="served")
    assert [row.speedup for row in table] == pytest.approx([SERVER_S / DEVICE_S, 1])


def test_a_function_sees_only_what_it_is_given() -> None:
    """It runs once a run, on no instance of ours."""
    seen = []

    def watching(instance: sf.Instance, objective: Objective) -> dict[str, dict[str, str]]:
        seen.append(instance.name)
        return SERVED

    sf.compare(TINY, watching, seeds=(0, 1))
    assert seen == [TINY.name] * 2


def test_names_that_clash_are_refused() -> None:
    """Two rows of one name could not be told apart."""
    with pytest.raises(ValueError, match="two solvers are named <lambda>"):
        sf.compare(TINY, [lambda i, o: SERVED, lambda i, o: SERVED])


def test_what_cannot_go_to_a_process_is_a_sentence() -> None:
    """A local function does not pickle; with one job it runs."""

    def local(instance: sf.Instance, objective: Objective) -> dict[str, dict[str, str]]:
        return SERVED

    with pytest.raises(ValueError, match="solver local cannot go to another process"):
        sf.compare(TINY, ["hpa", local], jobs=2)
    assert sf.compare(TINY, [local])[0].value == pytest.approx(SERVER_S)


def test_what_was_typed_in_is_a_sentence_too() -> None:
    """It pickles by name, but no other process can read it again (else its pool would break)."""
    code = (
        "import splitfog as sf\n"
        "def mine(instance, objective): return {}\n"
        "sf.compare(sf.generate('three-tier'), ['hpa', mine], jobs=2)\n"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert process.returncode == 1
    assert "solver mine cannot go to another process (it was typed in" in process.stderr
