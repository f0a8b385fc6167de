"""The audit of a plan as a game: what blocks it, how far it is from the best and from fair.

Definitions of docs/matching.md. The game is that of the plan's own subtasks (`subtasks_of`): its
slices and runs, and whole tasks where nothing is away from the source.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

import numpy as np
from msgspec import to_builtins

from splitfog.formulations.audit import Audit, ProofWithin, audit_claims
from splitfog.formulations.costs.feasibility import decision_violations
from splitfog.formulations.costs.reference import decision_cost
from splitfog.formulations.deadline import NEVER, Deadline
from splitfog.formulations.decision import Decision
from splitfog.formulations.games.consent import exchanged, listed, moving, swapping
from splitfog.formulations.games.game import ExchangeGame, ExchangeState
from splitfog.formulations.games.pairs import count_blocking_pairs
from splitfog.formulations.games.room import ExchangeRoom
from splitfog.formulations.games.states import MOST_STATES, states_of
from splitfog.formulations.matching.exchange import Consent
from splitfog.formulations.objective import Objective
from splitfog.formulations.offloading.loads import Loads
from splitfog.formulations.offloading.one_cut import best_cut
from splitfog.formulations.offloading.subtasks import subtasks_of
from splitfog.formulations.plan import OPTIMALITY_GAP, PlanError, decision_of, gap_of
from splitfog.formulations.plan_file import PlanFile
from splitfog.formulations.tolerances import EQUAL
from splitfog.instances.instance import Instance

CONSENTS: tuple[Consent, ...] = get_args(Consent)
AUDIT = "the audit"
"""What `TimeIsUp` names."""
GIVEN = ("given_subtasks", "given_catalogue")
"""Parts of an audit that speak of an optimum within what the solver was given."""

__all__ = [
    "MOST_STATES",
    "audit_again",
    "audit_of",
    "exchange_blocking",
    "given_audit",
    "regrets_s",
]


def audit_of(
    instance: Instance,
    decision: Decision,
    objective: Objective,
    consent: Consent = "total",
    swaps: int = 0,
    deadline: Deadline = NEVER,
) -> Audit | None:
    """The audit (docs/matching.md) of a feasible decision for `mean-latency`.

    None where a task's unsliced layers are on two nodes or more away from its source: subtasks
    are matched to one node each, so the decision is no matching.

    Parameters
    ----------
    consent
        Under which states count as stable for the prices of stability and anarchy; these are None
        above `MOST_STATES` states, and where no state is stable.
    swaps
        How many exchanges led here, which only the solver knows.
    deadline
        When there is no more use for it.

    Raises
    ------
    TimeIsUp
        At the deadline.

    Notes
    -----
    `regret_s` is against a task's own best single cut, the move of `best-response`; a plan with
    stages may still be better for it.

    `blocking_pairs` and `exchange_blocking` count what the rules would let happen. O(K^2 + K N)
    and, for regrets, O(tasks L N); the prices cost O(states (K^2 + K N)).
    """
    subtasks = subtasks_of(instance, decision, objective)
    if not subtasks.is_state():
        return None
    game = ExchangeGame(subtasks)
    state = game.state(game.subtasks.assignment())
    deadline.check(AUDIT)
    blocking = count_blocking_pairs(state)
    deadline.check(AUDIT)
    exchanges = exchange_blocking(state)
    deadline.check(AUDIT)
    states = states_of(game)
    stability, anarchy = (None, None) if states is None else states.prices(consent)
    return Audit(
        blocking_pairs=blocking,
        exchange_blocking=exchanges,
        potential=state.potential,
        swaps=swaps,
        price_of_stability=stability,
        price_of_anarchy=anarchy,
        regret_s=regrets_s(instance, decision, objective, deadline),
    )


def audit_again(instance: Instance, plan: PlanFile) -> Mapping[str, Any] | None:
    """What `verify` holds a plan's audit against; None where there is none of this kind.

    None too where the plan does not fit the instance or is infeasible, which is said elsewhere.

    `swaps`, and the bounds within given subtasks or catalogues and over plans without stages, are
    believed where they may be true. The plan does not say under which consent its states are
    stable: the prices are those under the first consent that makes the claims true, if any.
    """
    claimed = audit_claims(plan.audit)
    if claimed is None or plan.objective.name != "mean-latency" or not plan.tasks:
        return None
    try:
        decision = decision_of(instance, plan)
    except PlanError:
        return None
    if decision_violations(instance, decision, plan.objective):
        return None
    value = decision_cost(instance, decision, plan.objective)
    found = {name: _given_again(claimed[name], float(value)) for name in GIVEN if name in claimed}
    if "bound_without_stages" in claimed:
        found["bound_without_stages"] = _bound_again(claimed["bound_without_stages"], plan, value)
    if "exchange_blocking" in claimed:
        found |= _game_again(instance, decision, plan.objective, claimed)
    return found


def _game_again(
    instance: Instance, decision: Decision, objective: Objective, claimed: Mapping[str, Any]
) -> dict[str, Any]:
    """The figures of the game that are claimed; none where the decision is no matching."""
    truth = audit_of(instance, decision, objective, "total", claimed.get("swaps", 0))
    if truth is None:
        return {}
    audit: dict[str, Any] = audit_claims(truth)
    states = states_of(ExchangeGame(subtasks_of(instance, decision, objective)))
    names = ("price_of_stability", "price_of_anarchy")
    for consent in CONSENTS:
        prices = (None, None) if states is None else states.prices(consent)
        if all(_same(claimed.get(name), value) for name, value in zip(names, prices, strict=True)):
            audit.update(zip(names, prices, strict=True))
            break
    return {name: value for name, value in audit.items() if name in claimed}


def _bound_again(claim: Any, plan: PlanFile, value: float) -> Any:
    """A bound over plans without stages: believed, but where such a plan is below it."""
    is_refuted = isinstance(claim, int | float) and claim > value * (1 + EQUAL)
    return value if is_refuted and not any(task.stages for task in plan.tasks) else claim


def _given_again(claim: Any, value: float) -> Any:
    """What follows from a bound within given subtasks or a catalogue: it is none above the value,
    and the gap and whether it proves the value follow."""
    if not isinstance(claim, Mapping):
        return to_builtins(given_audit(value, None))
    bound = claim.get("lower_bound")
    if isinstance(bound, bool) or not isinstance(bound, int | float):
        bound = None
    elif bound > value * (1 + EQUAL):
        bound = value
    return {**claim, **to_builtins(given_audit(value, bound))}


def given_audit(value: float, bound: float | None) -> ProofWithin:
    """What is known within given subtasks or a catalogue: the bound, and whether it is a proof."""
    bound = None if bound is None else float(bound)
    gap = gap_of(float(value), bound)
    proven = gap is not None and gap <= OPTIMALITY_GAP
    return ProofWithin(lower_bound=bound, gap=gap, proven=proven)


def _same(claim: Any, value: float | None) -> bool:
    if claim is None or value is None:
        return claim is value
    return isinstance(claim, int | float) and abs(claim - value) <= EQUAL * abs(value)


def exchange_blocking(state: ExchangeState) -> dict[Consent, int]:
    """How many exchanges find each consent (`exchanges.improvements`) and are feasible."""
    moves, swaps = state.moves(), state.swaps()
    room = ExchangeRoom(state.game.assignments, state.places)
    counts: dict[Consent, int] = {}
    for consent in CONSENTS:
        found, _ = listed(state, moves, moving(state, moves, consent))
        pairs, _ = exchanged(state, swaps, swapping(state, swaps, consent))
        counts[consent] = int(room.has(np.concatenate([found, pairs])).sum())
    return counts


def regrets_s(
    instance: Instance, decision: Decision, objective: Objective, deadline: Deadline = NEVER
) -> dict[str, float]:
    """Seconds that each task would save by its best deviation alone, by name; 0 if it saves none.

    Ours: a deviation is a one-cut answer (`one_cut`), feasible beside the others', the strategies
    of `best-response`. Tasks without a source are left out.
    """
    loads = Loads.of(instance, objective, decision)
    latencies = loads.latencies_s()
    regrets = {}
    for position, task in enumerate(instance.tasks):
        deadline.check(AUDIT)
        if task.source is not None:
            regrets[task.name] = _regret_s(loads, position, float(latencies[position]))
    return regrets


def _regret_s(loads: Loads, task: int, latency_s: float) -> float:
    """Own latency less that of the best deviation, the others' loads as they are."""
    before = loads.take(task)
    other = best_cut(loads, task)
    saved = 0.0
    if other is not None:
        loads.put(task, other)
        saved = latency_s - loads.latency_s(task)
        loads.take(task)
    loads.put(task, before)
    return saved if saved > EQUAL * latency_s else 0.0
