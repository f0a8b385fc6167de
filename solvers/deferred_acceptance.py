"""`deferred-acceptance`: subtasks and nodes matched as residents and hospitals, waits unseen."""

from __future__ import annotations

from splitfog.formulations.exchange_game import ExchangeGame
from splitfog.solvers.base import Answer, Request
from splitfog.solvers.dina_partition import require_sources
from splitfog.solvers.offload_answer import finished_answer, tidied_decision
from splitfog.solvers.offload_subtasks import given_subtasks
from splitfog.solvers.sized_acceptance import accept_deferred


def solve_deferred_acceptance(request: Request) -> Answer:
    """The matching of the given subtasks that the proposing side likes best (`accept_deferred`)."""
    require_sources("deferred-acceptance", request.instance)
    given = given_subtasks(request)
    side = request.options["side"]
    places = accept_deferred(ExchangeGame(given.subtasks), side)
    decision = tidied_decision(given.subtasks.decision(places))
    template = tidied_decision(given.subtasks.template)
    reason = f"{given.origin}; the {side} propose"
    return finished_answer(request, decision, reason=reason, given=template)
