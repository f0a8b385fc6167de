"""The comparison: rows, gaps, speed-ups, failures and interrupts."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import splitfog as sf
from splitfog.formulations.decision import placed
from splitfog.formulations.stage_bounds import all_plans, best_bound
from splitfog.instances.records import changed
from splitfog.solvers.base import Answer, Request, SolverDeclined
from splitfog.solvers.declare import SolverInfo
from splitfog.studies.compare import compare
from splitfog.studies.comparison.contenders import solver_names
from splitfog.studies.engine import jobs
from splitfog.studies.row import Declined
from splitfog.studies.rows import Table

TINY = sf.load_instance(Path(__file__).parents[1] / "data" / "tiny.json")
OTHER = changed(TINY, name="other")
SECOND = sf.Task(name="second", model="net", source="pi")
TWO = changed(TINY, name="two", tasks=(*TINY.tasks, SECOND))

# tiny.json (test_cli.py derives them): all on the device 0.11 s, only fc on the server 0.1015 s,
# both there 0.012 s.
DEVICE_S, FC_S, SERVER_S = 0.11, 0.1015, 0.012

Solver = Callable[[Request], Answer]


@pytest.fixture
def solvers(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Put functions in the place of named solvers; no warm-up."""

    def put(**functions: Solver) -> None:
        def load(info: SolverInfo) -> Solver:
            return functions[info.name.replace("-", "_")]

        monkeypatch.setattr("splitfog.solvers.solve.load_solver", load)
        monkeypatch.setattr(jobs, "_warm_up", lambda *_: None)

    return put


def answering(placement: list[int] | None, **claims: Any) -> Solver:
    """A solver that always says the same."""
    decision = None if placement is None else placed(placement)
    return lambda request: Answer(decision, **claims)


DEVICE, FC, SERVER = [0, 0, 0], [0, 0, 1], [0, 1, 1]


def test_a_gap_is_to_the_best_bound_of_any_solver(solvers: Any) -> None:
    """hpa proves 0.006, ilp 0.01: the gap of 0.012 is (0.012 - 0.01) / 0.012 = 1/6 for all."""
    solvers(
        device_only=answering(DEVICE),
        hpa=answering(SERVER, lower_bound=0.006),
        ilp=answering(SERVER, lower_bound=0.01),
    )
    table = compare(TINY, ["device-only", "hpa", "ilp"])
    gaps = [row.gap for row in table]
    assert gaps == pytest.approx([(DEVICE_S - 0.01) / DEVICE_S, 1 / 6, 1 / 6])
    assert [row.lower_bound for row in table] == [None, 0.006, 0.01]


def test_a_speedup_is_over_the_baseline_of_the_same_seed(solvers: Any) -> None:
    """The baseline takes 0.11 s at seed 0 and 0.1015 s at seed 1; hpa always 0.012 s."""

    def fickle(request: Request) -> Answer:
        return Answer(placed(FC if request.seed else DEVICE))

    solvers(device_only=fickle, hpa=answering(SERVER))
    table = compare(TINY, ["hpa"], seeds=(0, 1))
    assert [row.speedup for row in table] == pytest.approx([DEVICE_S / SERVER_S, FC_S / SERVER_S])
    assert {row.solver for row in table} == {"hpa"}, "the baseline was not asked for"


def test_without_a_plan_of_the_baseline_there_is_no_speedup(solvers: Any) -> None:
    """Unknown status of the baseline: None, not an error."""
    solvers(device_only=answering(None), hpa=answering(SERVER))
    assert [row.speedup for row in compare(TINY, ["device-only", "hpa"])] == [None, None]


def test_rows_come_by_instance_objective_solver_and_seed(solvers: Any) -> None:
    """Whatever takes long."""
    solvers(device_only=answering(DEVICE), greedy=answering(SERVER))
    table = compare([TINY, OTHER], ["greedy", "device-only"], ["latency", "period"], (3, 1))
    expected = [
        (instance, objective, solver, seed)
        for instance in ("tiny", "other")
        for objective in ("latency", "period")
        for solver in ("greedy", "device-only")
        for seed in (3, 1)
    ]
    assert [(r.instance, r.objective, r.solver, r.seed) for r in table] == expected


def test_instances_of_one_name_are_kept_apart(solvers: Any) -> None:
    """The bound 0.012 of the first says nothing about its twin with a server ten times slower.

    There the server takes 0.11 s as the device does, and the input 0.001 s: 0.111 s.
    """
    nodes = (TINY.nodes[0], sf.Node(name="server", tier="cloud", speed_flops=1e9))
    twin = changed(TINY, nodes=nodes)

    def bounded(request: Request) -> Answer:
        bound = SERVER_S if request.instance.nodes == TINY.nodes else None
        return Answer(placed(SERVER), lower_bound=bound)

    solvers(device_only=answering(DEVICE), hpa=bounded)
    table = compare([TINY, twin], ["hpa"])
    assert [row.value for row in table] == pytest.approx([SERVER_S, 0.111])
    assert [row.gap for row in table] == [0.0, None]
    assert [row.speedup for row in table] == pytest.approx([DEVICE_S / SERVER_S, DEVICE_S / 0.111])


def test_a_crash_is_a_row_of_status_error(solvers: Any) -> None:
    """With the exception's words as the reason; the other solver's row is there."""

    def broken(request: Request) -> Answer:
        raise IndexError("list index\nout of range")

    solvers(device_only=answering(DEVICE), hpa=broken)
    crash, other = compare(TINY, ["hpa", "device-only"])
    assert (crash.status, crash.reason) == ("error", "IndexError: list index out of range")
    assert other.value == pytest.approx(DEVICE_S)


def test_a_bound_above_another_plan_is_an_error_and_no_bound(solvers: Any) -> None:
    """hpa claims 0.1 for its 0.1015, but greedy has 0.012."""
    solvers(
        device_only=answering(DEVICE),
        hpa=answering(FC, lower_bound=0.1),
        greedy=answering(SERVER),
    )
    wrong, right = compare(TINY, ["hpa", "greedy"])
    assert (wrong.status, wrong.lower_bound, wrong.gap) == ("error", None, None)
    assert "its lower bound 0.1 is above the value" in str(wrong.reason)
    assert (right.status, right.gap) == ("feasible", None)


def test_a_false_proof_that_there_is_no_plan_is_an_error(solvers: Any) -> None:
    """Another solver has one."""
    solvers(device_only=answering(DEVICE), hpa=answering(None, infeasible=True))
    assert [row.status for row in compare(TINY, ["hpa", "device-only"])] == ["error", "feasible"]


def test_declined_pairs_have_no_row_but_a_reason(solvers: Any) -> None:
    """chain-dp declines the first instance only; each reason stands once whatever the seeds."""

    def picky(request: Request) -> Answer:
        if request.instance.name == "tiny":
            raise SolverDeclined("chain-dp", "it is no chain", "ilp")
        return Answer(placed(SERVER))

    solvers(device_only=answering(DEVICE), chain_dp=picky)
    table = compare([TINY, OTHER], ["chain-dp"], seeds=(0, 1))
    assert [row.instance for row in table] == ["other", "other"]
    assert table.declined == (
        Declined(
            instance="tiny",
            objective="latency",
            solver="chain-dp",
            reason="it is no chain; ilp applies",
        ),
    )
    assert table.without_rows(["chain-dp"]) == {}


def test_nothing_applies_anywhere(solvers: Any) -> None:
    """Then the reason is raised, once, and who else was asked is named."""

    def never(request: Request) -> Answer:
        raise SolverDeclined("chain-dp", "it is no chain")

    solvers(device_only=answering(DEVICE), chain_dp=never)
    with pytest.raises(SolverDeclined) as caught:
        compare(TINY, ["chain-dp"])
    assert str(caught.value) == "chain-dp does not apply: it is no chain"
    with pytest.raises(SolverDeclined, match=r"^dina does not apply: it mini.*; nor does swap app"):
        compare(TINY, ["dina", "swap"])


def test_an_instance_that_excludes_an_objective_is_left_out() -> None:
    """makespan is of one task: an instance of two is named, not run; alone it is an error."""
    table = compare([TINY, TWO], ["device-only"], ["makespan"])
    assert [row.instance for row in table] == ["tiny"]
    assert [(entry.instance, entry.solver) for entry in table.declined] == [("two", "every solver")]
    with pytest.raises(ValueError, match="exactly one task"):
        compare(TWO, ["device-only"], ["makespan"])


def test_by_default_each_instance_has_its_own_objective() -> None:
    """Two tasks: mean-latency; one: latency."""
    table = compare([TINY, TWO], ["device-only"])
    assert [row.objective for row in table] == ["latency", "mean-latency"]
    assert table.objectives == ("latency", "mean-latency")


def test_ctrl_c_in_a_solver_keeps_its_best_and_starts_no_other(solvers: Any) -> None:
    """Of three solvers the second is interrupted after it offered a plan."""

    def interrupted(request: Request) -> Answer:
        request.offer(placed(FC))
        raise KeyboardInterrupt

    solvers(device_only=answering(DEVICE), hpa=interrupted, greedy=answering(SERVER))
    table = compare(TINY, ["device-only", "hpa", "greedy"])
    assert table.interrupted
    assert [(row.solver, row.stopped_by) for row in table] == [
        ("device-only", "finished"),
        ("hpa", "interrupted"),
    ]
    assert table[1].value == pytest.approx(FC_S)


def test_ctrl_c_between_runs_keeps_what_has_ended(solvers: Any) -> None:
    """The progress callback is where it comes."""

    def impatient(done: int, total: int, what: str) -> None:
        if done == 2:
            raise KeyboardInterrupt

    solvers(device_only=answering(DEVICE), hpa=answering(SERVER), greedy=answering(SERVER))
    table = compare(TINY, ["device-only", "hpa", "greedy"], progress=impatient)
    assert table.interrupted
    assert [row.solver for row in table] == ["device-only", "hpa"]


def test_progress_counts_every_run(solvers: Any) -> None:
    """Two solvers and a hidden baseline are three runs."""
    seen: list[tuple[int, int]] = []
    solvers(device_only=answering(DEVICE), hpa=answering(SERVER), greedy=answering(SERVER))
    compare(TINY, ["hpa", "greedy"], progress=lambda done, total, what: seen.append((done, total)))
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_a_bound_on_mean_latencies_is_made_once_for_all_solvers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """For three runs, one of them the baseline's: 0.002 s under every plan, of all plans."""
    made: list[float] = []

    def bound(*_: Any) -> float:
        made.append(0.002)
        return made[-1]

    monkeypatch.setattr(jobs, "_warm_up", lambda *_: None)
    monkeypatch.setattr(all_plans, "priced_bound", bound)
    monkeypatch.setattr(best_bound, "mean_latency_bound", lambda *_: None)
    two = changed(TWO, name="bounded")
    table = compare(two, ["cloud-only", "greedy"], ["mean-latency"])
    assert made == [0.002]
    assert [row.lower_bound for row in table] == [0.002, 0.002]


@pytest.mark.slow
def test_processes_give_the_same_rows_as_one() -> None:
    """But for their seconds."""
    names = ["device-only", "random", "neurosurgeon", "min-cut"]
    alone = compare([TINY, OTHER], names, seeds=(0, 1))
    together = compare([TINY, OTHER], names, seeds=(0, 1), jobs=2)

    def timeless(table: Table) -> list[dict[str, Any]]:
        return [{**json.loads(table.to_json())[i], "runtime_s": None} for i in range(len(table))]

    assert timeless(alone) == timeless(together)


def test_every_run_starts_from_an_instance_as_if_just_loaded(solvers: Any) -> None:
    """What one run keeps in the instance is not there for the next; its hash is."""
    seen: list[set[str]] = []

    def keeping(request: Request) -> Answer:
        assert request.instance.sha256 == TINY.sha256
        seen.append({*request.instance.__dict__, *request.instance.models[0].__dict__})
        request.instance.__dict__["kept"] = request.instance.models[0].__dict__["kept"] = 1
        return Answer(placed(DEVICE))

    solvers(device_only=keeping)
    assert len(compare(TINY, ["device-only"], seeds=(0, 1))) == 2
    assert seen[0] == seen[1]
    assert not any("kept" in names for names in seen)


def test_all_is_everything_but_the_chooser() -> None:
    """`auto` only chooses among the others, so it is in only when named."""
    names = [info.name for info in sf.solvers()]
    assert solver_names("all") == solver_names(None) == [n for n in names if n != "auto"]
    assert solver_names(["auto", "hpa", "auto"]) == ["auto", "hpa"]


def test_arguments_without_sense_are_refused() -> None:
    """Unknown names and no processes."""
    with pytest.raises(LookupError, match="unknown solver 'hqa', did you mean 'hpa'"):
        compare(TINY, ["hqa"])
    with pytest.raises(LookupError, match="'nobody'"):
        compare(TINY, ["hpa"], baseline="nobody")
    with pytest.raises(ValueError, match="jobs = 0, must be a whole number >= 1"):
        compare(TINY, ["device-only"], jobs=0)


@pytest.mark.parametrize("name", ["instances", "solvers", "objectives", "seeds"])
def test_nothing_is_not_compared(name: str) -> None:
    """An empty list, as of a search that found nothing, is no wish for an empty table."""
    asked = {"instances": TINY, "solvers": "hpa", "objectives": "latency", "seeds": (0,)}
    with pytest.raises(ValueError, match=rf"^{name} = \(\), must be at least one$"):
        compare(**{**asked, name: []})  # type: ignore[arg-type]
