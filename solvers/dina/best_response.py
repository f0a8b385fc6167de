"""Best responses: every task in turn takes the single cut that is best for itself.

Player = task, payoff = own latency, in file order. Ours: a strategy is a one-cut answer (a prefix
in topological order at the source, the rest on any one node), so a best response is found by
looking at all of them at once, exactly, the task's own effect on the waits included. The game has
no potential that is known of: rounds end at a Nash plan, at a plan that comes back, or at a limit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from splitfog.formulations.offloading.loads import Loads
from splitfog.formulations.offloading.one_cut import best_cut
from splitfog.formulations.plan import StoppedBy
from splitfog.formulations.tolerances import EQUAL
from splitfog.solvers.base import Answer, Request
from splitfog.solvers.dina.answer import finished_answer
from splitfog.solvers.dina.partition import first_loads, require_sources

MOST_ROUNDS = 100


@dataclass(frozen=True)
class Responses:
    """How many answers changed, in how many rounds, and why the rounds stopped."""

    changes: int
    rounds: int
    stopped_by: StoppedBy


def solve_best_response(request: Request) -> Answer:
    """The plan at which best responses, from the start or from all at home, stop."""
    require_sources("best-response", request.instance)
    loads = first_loads(request)
    try:
        found = respond(loads, lambda: request.out_of_time, request.options["rounds"])
    except KeyboardInterrupt:
        found = Responses(0, 0, "interrupted")
    where = {
        "finished": "a Nash plan among single cuts",
        "cycle": "no Nash plan: the plan came back",
        "iteration limit": "no Nash plan within the limit",
    }
    reason = f"{where.get(found.stopped_by, 'stopped early')}, after {found.rounds} rounds"
    return finished_answer(
        request,
        loads.settled,
        stopped_by=found.stopped_by,
        reason=reason,
        swaps=found.changes,
    )


def respond(
    loads: Loads, out_of_time: Callable[[], bool] = lambda: False, most_rounds: int = MOST_ROUNDS
) -> Responses:
    """Change the loads' answers by best responses until nobody changes. O(tasks L N) a round.

    A task keeps its answer, of whatever kind, unless its own latency falls. Interrupted, the
    loads hold a whole decision.
    """
    seen, changes = {_state(loads)}, 0
    for number in range(1, most_rounds + 1):
        before = changes
        for task in range(len(loads.tasks)):
            if out_of_time():
                return Responses(changes, number, "time limit")
            if respond_once(loads, task):
                changes += 1
                loads.settle()
        if changes == before:
            return Responses(changes, number, "finished")
        state = _state(loads)
        if state in seen:
            return Responses(changes, number, "cycle")
        seen.add(state)
    return Responses(changes, most_rounds, "iteration limit")


def respond_once(loads: Loads, task: int) -> bool:
    """Give a task its best single cut, if its own latency falls; whether it did."""
    own = loads.take(task)
    other = best_cut(loads, task)
    if other is None:
        loads.put(task, own)
        return False
    prices = []
    for plan in (own, other):
        loads.put(task, plan)
        prices.append((_overflow(loads, task), plan.latency_s(loads.prices_s())))
        loads.take(task)
    (had, before), (has, after) = prices
    falls = has < had or (has == had and after < before - EQUAL * abs(before))
    loads.put(task, other if falls else own)
    return falls


def _overflow(loads: Loads, task: int) -> bool:
    """Whether what the task has put where it is breaks a limit of a link or a memory."""
    return bool(loads.link_overload(task)) or loads.memory_excess() > 0


def _state(loads: Loads) -> bytes:
    """All answers as bytes, stages included."""
    return b"|".join(
        own.answer.placement.tobytes() + repr(own.answer.stages).encode()
        for own in loads.tasks
        if own is not None
    )
