"""`auto`: chooses a solver and says why (SPEC section 5)."""

from __future__ import annotations

from dataclasses import replace

from splitfog.solvers.base import Answer, Request, SolverDeclined
from splitfog.solvers.registry import load_solver, parse_options, solver_info

POLYNOMIAL = {"latency": ("min-cut", "chain-dp")}
"""Exact and polynomial where they apply; tried in this order."""

EXACT = {"latency": ("ilp",), "makespan": ("cp-sat",)}
"""Exact with a bound when the time is over."""

DEFAULT_TIME_LIMIT_S = 60.0
"""For the exponential solvers, where the caller sets no limit."""


def solve_auto(request: Request) -> Answer:
    """The answer of the first that applies: exact and polynomial, then exact, then heuristic.

    A polynomial solver that ends without a plan (its cut ignores memory) hands over to the exact
    ones. The plan names the solver chosen and its `reason` why.
    """
    name = request.objective.name
    passed: list[str] = []
    for candidate in (*POLYNOMIAL.get(name, ()), *EXACT.get(name, ())):
        polynomial = candidate in POLYNOMIAL.get(name, ())
        try:
            answer = _run(request, candidate, limited=not polynomial)
        except SolverDeclined as declined:
            passed.append(f"{candidate} does not apply: {declined.reason}")
            continue
        if answer.decision is None and not answer.infeasible and polynomial:
            passed.append(f"{candidate} found no plan: {answer.reason}")
            continue
        why = "exact and polynomial here" if polynomial else "exact, with a bound at any time"
        chosen = f"auto chose {candidate}: {why}"
        reason = "; ".join([chosen, *passed, *([answer.reason] if answer.reason else [])])
        return replace(answer, reason=reason, solver=candidate)
    raise SolverDeclined(
        "auto", f"no solver for {name} applies ({'; '.join(passed) or 'none is known'})"
    )


def _run(request: Request, name: str, limited: bool) -> Answer:
    info = solver_info(name)
    request.options = parse_options(info, {})
    if limited and request.time_limit_s is None:
        request.time_limit_s = DEFAULT_TIME_LIMIT_S
    return load_solver(info)(request)
