"""`splitfog.testing`: the contract for solvers of other packages."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any

import pytest

import splitfog as sf
from splitfog.formulations.decision import placed
from splitfog.formulations.objective import OBJECTIVES, Objective
from splitfog.instances.records import changed
from splitfog.solvers.base import Answer, Request, SolverDeclined
from splitfog.solvers.declare import SolverInfo
from splitfog.solvers.registry import load_solver, solver_info
from splitfog.testing import check_solver, small_instances, small_problems


def declared(run: Callable[[Request], Answer], **fields: Any) -> SolverInfo:
    """A solver for latency that is not registered."""
    given: dict[str, Any] = {"objectives": ("latency",), "kind": "heuristic", **fields}
    return SolverInfo(name="theirs", summary="", entry=run, **given)


def home(request: Request) -> Answer:
    """Everything at the source."""
    instance = request.instance
    rows = [
        [instance.node_index[str(t.source)]] * len(instance.model_of(t).layers)
        for t in instance.tasks
    ]
    return Answer(placed(*rows))


def greedy(request: Request) -> Answer:
    """Ours, under another name."""
    return load_solver(solver_info("greedy"))(request)


def ilp(request: Request, **claims: Any) -> Answer:
    """Ours, with other claims."""
    run = load_solver(solver_info("ilp"))
    return changed(run(changed(request, options={"engine": "highs"})), **claims)


@pytest.mark.parametrize("name", ["ilp", "hpa", "vsm", "dina", "offload-assignment", "greedy"])
def test_ours_keep_the_contract(name: str) -> None:
    """By name; the whole of it is in `tests/test_contract.py`."""
    assert check_solver(name) >= 5


def test_one_that_is_not_registered_is_checked() -> None:
    """What it declares is enough, and a function, which may be asked for anything."""
    assert check_solver(declared(greedy)) >= 10
    assert check_solver(declared(ilp, kind="exact")) >= 10

    def mine(instance: sf.Instance, objective: Objective) -> sf.Plan:
        return sf.solve(instance, "auto", objective)

    problems = small_problems(changed(solver_info("auto"), objectives=OBJECTIVES))
    assert check_solver(mine) == len(list(problems))


def unsteady() -> Callable[[Request], Answer]:
    """Every second time everything in the cloud."""
    calls = []

    def run(request: Request) -> Answer:
        calls.append(1)
        instance = request.instance
        node = len(instance.nodes) - 1 if len(calls) % 2 else 0
        (task, *others) = instance.tasks
        if others:
            raise SolverDeclined("theirs", "one task only")
        count = len(instance.model_of(task).layers)
        return Answer(placed([0, *[node] * (count - 1)]))

    return run


def fails(request: Request) -> Answer:
    """A bug."""
    raise ZeroDivisionError("by nought")


def declines(request: Request) -> Answer:
    """Never solves anything."""
    raise SolverDeclined("theirs", "it is Sunday")


def silent(request: Request) -> Answer:
    """Declines, but does not say why."""
    raise SolverDeclined("theirs", "")


FAULTS: dict[str, tuple[SolverInfo, str]] = {
    "an infeasible plan": (
        declared(home),
        "theirs on tight, latency: theirs: node device holds 3e.06 bytes",
    ),
    "a bound above its own value": (
        declared(lambda r: ilp(r, lower_bound=1e3)),
        "claimed the lower bound 1000.0",
    ),
    "a bound above what others reach": (
        declared(
            lambda r: changed(greedy(r), lower_bound=r.value_of(greedy(r).decision or placed()))
        ),
        "beside the best placement of all",
    ),
    "infeasible where it is not": (
        declared(lambda r: Answer(None, infeasible=True), answers="slices"),
        "infeasible beside the best placement|claimed that there is no plan|refuted",
    ),
    "another plan every time": (declared(unsteady()), "the same seed gives another plan"),
    "an exception": (declared(fails), "theirs on chain, latency: ZeroDivisionError: by nought"),
    "declines everything": (declared(declines), "theirs declines every small instance"),
    "declines without a reason": (declared(silent), "it declines without a reason"),
    "no objective that there is": (declared(greedy, objectives=("speed",)), "objectives ="),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found_and_named(fault: str) -> None:
    """Each breaks one line of the contract."""
    info, sentence = FAULTS[fault]
    with pytest.raises(AssertionError, match=sentence):
        check_solver(info)


def test_strictness_is_only_borrowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check is strict where the caller is not, and leaves that so."""
    import os

    monkeypatch.delenv("SPLITFOG_STRICT")
    with pytest.raises(AssertionError):
        check_solver(declared(home))
    assert "SPLITFOG_STRICT" not in os.environ


def test_slices_pay_somewhere() -> None:
    """`vsm` beats the best placement of the images: a solver of slices is not checked in vain."""
    (images,) = (i for i in small_instances() if i.name == "images")
    sliced = sf.solve(images, "vsm")
    assert any(entry.stages for entry in sliced.tasks)
    assert (sliced.value or inf) < (sf.solve(images, "brute-force").value or 0)


def test_every_rule_binds_somewhere() -> None:
    """Among the small instances some have no plan, and some a best one that is not on one node."""
    values = []
    for instance, objective in small_problems(declared(greedy)):
        plan = sf.solve(instance, "brute-force", objective)
        values.append(inf if plan.value is None else plan.value)
        if instance.name == "tight":
            assert len(set(plan.placement("task").values())) > 1
    assert inf in values
    assert min(values) < inf
