"""How a search got on: every improvement, in order, up to the plan's own value and bound."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import splitfog as sf
from splitfog.formulations.claims.verify import false_claims
from splitfog.formulations.plan import Step, save_plan
from splitfog.solvers.progress import Progress

FOG = sf.generate("fog", users=4, seed=1, fog_nodes=2)
TIERS = sf.generate("three-tier", seed=1)


def _figures(steps: Any) -> list[tuple[float | None, float | None]]:
    return [(value, bound) for _, value, bound in steps]


def test_only_improvements_are_kept() -> None:
    """A worse value and a weaker bound are no news; each step has the best of both by then."""
    progress = Progress()
    for value, bound in ((None, 1.0), (5.0, None), (6.0, None), (None, 0.5), (4.0, 2.0)):
        progress.note(value, bound)
    assert _figures(progress.steps) == [(None, 1.0), (5.0, 1.0), (4.0, 2.0)]
    seconds = [step[0] for step in progress.steps]
    assert seconds == sorted(seconds)
    assert seconds[0] >= 0


def test_a_difference_of_rounding_is_no_news() -> None:
    """A bound greater by 1e-12 of itself is the same one."""
    progress = Progress()
    progress.note(5.0, 1.0)
    progress.note(None, 1.0 + 1e-12)
    assert len(progress.steps) == 1


@pytest.mark.parametrize(
    ("value", "bound", "right"),
    [
        (4.0, 2.0, [(None, 1.0), (5.0, 1.0), (4.0, 2.0)]),
        (3.0, 2.5, [(None, 1.0), (5.0, 1.0), (4.0, 2.0), (3.0, 2.5)]),
        (4.0, None, [(5.0, None), (4.0, None)]),
        (4.0, 1.5, [(None, 1.0), (5.0, 1.0), (4.0, 1.5)]),
        (None, None, []),
    ],
)
def test_it_ends_with_the_plan(value: Any, bound: Any, right: Any) -> None:
    """The last step has the plan's figures. A plan without a bound is none of those bounded; one
    whose bound was corrected says nothing above it; without a plan there are no values."""
    progress = Progress()
    for own in ((None, 1.0), (5.0, None), (4.0, 2.0)):
        progress.note(*own)
    assert _figures(progress.closed(value, bound)) == right


@pytest.mark.parametrize(
    ("solver", "instance", "objective"),
    [
        ("evolution", FOG, "mean-latency"),
        ("dina", FOG, "mean-latency"),
        ("joint-ilp", FOG, "mean-latency"),
        ("offload-ilp", FOG, "mean-latency"),
        ("best-response", FOG, "mean-latency"),
        ("ilp", TIERS, "period"),
        ("cp-sat", TIERS, "makespan"),
        ("alpha-expansion", FOG, "latency"),
        ("brute-force", sf.generate("random-dag", layers=4, seed=0), "makespan"),
        ("auto", TIERS, "period"),
        ("hpa", TIERS, "latency"),
    ],
)
def test_a_solver_tells_how_it_got_on(
    solver: str, instance: sf.Instance, objective: str, tmp_path: Path
) -> None:
    """Written, read and found true: in order, and up to the plan's own figures."""
    plan = sf.solve(instance, solver, objective, time_limit_s=10.0)
    assert plan.value is not None
    assert plan.progress[-1][1:] == (plan.value, plan.lower_bound)
    save_plan(plan, tmp_path / "plan.json")
    file = sf.load_plan(tmp_path / "plan.json")
    assert file.progress == plan.progress
    assert false_claims(instance, file) == []
    assert plan.runtime_s is not None
    assert plan.progress[-1][0] <= plan.runtime_s


@pytest.mark.parametrize("solver", ["evolution", "dina"])
def test_a_search_gets_better_before_it_ends(solver: str) -> None:
    """Its first plan, all at home, is not its last."""
    values = [value for _, value, _ in sf.solve(FOG, solver).progress]
    assert values[0] is not None
    assert values[-1] is not None
    assert values[-1] < 0.9 * values[0]


def test_auto_keeps_the_steps_of_those_it_asks() -> None:
    """Of `ilp` and of the heuristic that goes on, on one clock: one list, in order."""
    plan = sf.solve(TIERS, "auto", "period")
    alone = sf.solve(TIERS, "ilp", "period")
    assert _figures(plan.progress) == _figures(alone.progress)
    assert len(plan.progress) > 2


def test_what_is_no_listener_is_told_the_order_of_its_arguments() -> None:
    """The sentence names them as a listener hears them, not as `progress` keeps them."""
    with pytest.raises(ValueError, match=r"must be a function of \(value, bound, seconds\)"):
        sf.solve(TIERS, "ilp", on_progress=3)  # type: ignore[arg-type]


def test_the_listener_hears_every_step() -> None:
    """In the order value, bound, seconds; what it heard is what the plan keeps."""
    heard: list[Step] = []
    plan = sf.solve(
        TIERS, "ilp", "period", on_progress=lambda v, b, seconds: heard.append((seconds, v, b))
    )
    assert heard
    assert [step[1] for step in heard] == [step[1] for step in plan.progress][: len(heard)]
    assert plan.progress[: len(heard) - 1] == tuple(heard[:-1])


@pytest.mark.parametrize(("solver", "objective"), [("ilp", "period"), ("evolution", "latency")])
def test_what_a_listener_raises_ends_the_call(solver: str, objective: str) -> None:
    """Also from within an engine, whose thread ends first."""

    class Enough(Exception):
        pass

    def listener(value: float | None, bound: float | None, seconds: float) -> None:
        if bound is not None or solver == "evolution":
            raise Enough

    hard = sf.load_instance(Path(__file__).parents[2] / "instances/data/dag-ccr-5.json.gz")
    with pytest.raises(Enough):
        sf.solve(hard, solver, objective, on_progress=listener)


def test_auto_takes_no_listener_for_a_solver_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whose failures are notes, outside of strict checks."""
    monkeypatch.delenv("SPLITFOG_STRICT", raising=False)

    def listener(value: float | None, bound: float | None, seconds: float) -> None:
        raise ValueError("enough")

    with pytest.raises(ValueError, match="enough"):
        sf.solve(TIERS, "auto", "period", on_progress=listener)


def test_a_listener_may_stop_a_search_with_its_best() -> None:
    """As Ctrl-C does: the second plan is better than the first, and is the answer."""
    heard: list[float | None] = []

    def listener(value: float | None, bound: float | None, seconds: float) -> None:
        heard.append(value)
        if len(heard) == 2:
            raise KeyboardInterrupt

    plan = sf.solve(FOG, "evolution", on_progress=listener)
    assert plan.stopped_by == "interrupted"
    assert plan.value == heard[1]


def test_plans_are_compared_without_what_the_clock_said() -> None:
    """Two runs differ in nothing else."""
    first, second = (sf.solve(TIERS, "ilp", "period") for _ in range(2))
    assert first.runtime_s != second.runtime_s
    assert first.without_times() == second.without_times()
    assert (first.without_times().runtime_s, first.without_times().progress) == (None, ())
