"""A function as a solver: what it says about itself, and its answer as any other solver's."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from splitfog.formulations.evaluation.given import Placements, as_plan
from splitfog.formulations.objective import OBJECTIVES, Objective
from splitfog.formulations.plan import PlanError, ProvenOver, decision_of
from splitfog.formulations.plan_file import PlanFile
from splitfog.instances.instance import Instance
from splitfog.solvers.base import Answer, Request, Solver
from splitfog.solvers.declare import EVERYTHING, SolverInfo

Function = Callable[[Instance, Objective], "PlanFile | Placements"]
"""What a caller may give in the place of a solver's name."""

PLAIN: ProvenOver = "placements"
"""For which plans a function's bound holds, unless its plan says so: the fewest."""


def function_info(function: Function) -> SolverInfo:
    """What is known of a function: its name, and that it may be asked for anything.

    Raises
    ------
    ValueError
        For what cannot be called.
    """
    if not callable(function):
        raise ValueError(
            f"solver = {function!r}, must be a name or a function (instance, objective) -> "
            "{task: {layer: node}} or a Plan"
        )
    return SolverInfo(
        name=_name(function),
        summary="a function of the caller",
        kind="heuristic",
        objectives=OBJECTIVES,
        entry=_as_solver(function),
        answers="slices",
        takes=EVERYTHING,
    )


def require_portable(function: Function) -> None:
    """Refuse a function that another process cannot be handed.

    Raises
    ------
    ValueError
        Saying what to do about it.
    """
    try:
        pickle.dumps(function)
    except Exception as error:
        why = " ".join(str(error).split())
    else:
        if not _is_typed_in(function):
            return
        why = "it was typed in, not read from a file"
    raise ValueError(
        f"solver {_name(function)} cannot go to another process ({why}): "
        "define it at the top of a module, or use jobs=1"
    )


def _is_typed_in(function: Function) -> bool:
    """Whether it belongs to a session whose code no other process can read again."""
    main = sys.modules["__main__"]
    if getattr(_innermost(function), "__module__", None) != "__main__":
        return False
    return getattr(main, "__spec__", None) is None and not hasattr(main, "__file__")


def _name(function: Function) -> str:
    inner = _innermost(function)
    return str(getattr(inner, "__name__", type(inner).__name__))


def _innermost(function: Any) -> Any:
    """What a chain of `functools.partial` ends in."""
    while isinstance(function, partial):
        function = function.func
    return function


def _as_solver(function: Function) -> Solver:
    def run(request: Request) -> Answer:
        found = function(request.instance, request.objective)
        return _answer(request.instance, request.objective, found)

    return run


def _answer(instance: Instance, objective: Objective, found: Any) -> Answer:
    """What a function found; what does not fit the instance is a fault of the answer."""
    if isinstance(found, PlanFile):
        return _answer_of_plan(instance, objective, found)
    if not isinstance(found, Mapping) or not all(isinstance(p, Mapping) for p in found.values()):
        return _wrong(f"it returned {found!r:.80}, must be {{task: {{layer: node}}}} or a Plan")
    return _decided(instance, as_plan(instance, dict(found), objective))


def _answer_of_plan(instance: Instance, objective: Objective, plan: PlanFile) -> Answer:
    """A plan's decision, with what it claims to prove if that is about the same objective."""
    if plan.instance_sha256 not in (None, instance.sha256):
        return _wrong(
            "it returned a plan for another instance: "
            f"instance_sha256 = {plan.instance_sha256}, must be {instance.sha256}"
        )
    same = plan.objective == objective
    claims: dict[str, Any] = {"stopped_by": plan.stopped_by or "finished", "reason": plan.reason}
    if same:
        claims |= {"lower_bound": plan.lower_bound, "proven_over": plan.proven_over or PLAIN}
    if not plan.tasks and plan.status in ("infeasible", "unknown", "error"):
        infeasible = same and plan.status == "infeasible"
        return Answer(None, infeasible=infeasible, **{"proven_over": PLAIN, **claims})
    return _decided(instance, plan, **claims)


def _decided(instance: Instance, plan: PlanFile, **claims: Any) -> Answer:
    try:
        return Answer(decision_of(instance, plan), **{"proven_over": PLAIN, **claims})
    except PlanError as error:
        return _wrong(*error.defects)


def _wrong(*faults: str) -> Answer:
    return Answer(None, faults=faults)
