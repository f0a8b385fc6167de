"""DINA-O: given subtasks matched to nodes, by deferred acceptance, then by swaps and moves.

After DINA (INFOCOM 2020), whose text was not at hand; the game is that of docs/matching.md. Ours:
moves beside swaps, the consent `total` (Phi falls), and the rounds in which exchanges that do not
touch are made together. Phi is not the objective where stages have barriers: it adds up what the
slices of a stage wait for each other.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.decision import Decision
from splitfog.formulations.games.game import ExchangeGame
from splitfog.formulations.matching.exchange import Consent
from splitfog.formulations.offloading.subtasks import Subtasks, subtasks_of
from splitfog.formulations.plan import StoppedBy
from splitfog.solvers.base import Answer, Request
from splitfog.solvers.dina.acceptance import accept_deferred
from splitfog.solvers.dina.answer import finished_answer, tidied_decision
from splitfog.solvers.dina.given import given_subtasks
from splitfog.solvers.dina.partition import home_decision, require_sources
from splitfog.solvers.dina.rounds import exchange_in_rounds

MOST_RESTARTS = 20
"""How often rounds start again because the subtasks are others where they ended."""


def solve_dina_o(request: Request) -> Answer:
    """Deferred acceptance of the given subtasks, then rounds of exchanges until none is left."""
    require_sources("dina-o", request.instance)
    given = given_subtasks(request)
    game = ExchangeGame(given.subtasks)
    matched, template = accept_deferred(game), given.subtasks.template
    return _improved(request, given.subtasks, matched, given.origin, template)


def solve_swap(request: Request) -> Answer:
    """Rounds of exchanges from the start, from the plan in `stages`, or from all at home."""
    require_sources("swap", request.instance)
    if request.options["stages"] is not None:
        given = given_subtasks(request)
        subtasks, origin = given.subtasks, given.origin
        request.offer(tidied_decision(subtasks.template))
    else:
        start = request.start or home_decision(request.instance, request.objective)
        subtasks = subtasks_of(request.instance, start, request.objective)
        origin = "the start's subtasks" if request.start else "whole tasks, from their sources"
        request.offer(start)
    return _improved(request, subtasks, subtasks.assignment(), origin)


def _improved(
    request: Request,
    subtasks: Subtasks,
    places: NDArray[np.int64],
    origin: str,
    given: Decision | None = None,
) -> Answer:
    consent: Consent = request.options["consent"]
    decision, swaps, stopped_by = exchanged_until_stable(request, subtasks, places, consent)
    return finished_answer(
        request,
        decision,
        stopped_by=stopped_by,
        reason=origin,
        consent=consent,
        swaps=swaps,
        given=None if given is None else tidied_decision(given),
    )


def exchanged_until_stable(
    request: Request, subtasks: Subtasks, places: NDArray[np.int64], consent: Consent
) -> tuple[Decision, int, StoppedBy]:
    """The decision that exchanges lead to, how many were made, and why they stopped.

    A stage that ends wholly at its home becomes unsliced, and of a run that ends at the source the
    whole task is one; the rounds then start again with the subtasks there are, at most
    `MOST_RESTARTS` times. An interrupt ends them with what is there.
    """
    decision, swaps = subtasks.decision(places), 0
    for _ in range(MOST_RESTARTS):
        try:
            rounds = exchange_in_rounds(
                ExchangeGame(subtasks), places, consent, lambda: request.out_of_time
            )
        except KeyboardInterrupt:
            return decision, swaps, "interrupted"
        swaps += rounds.exchanges
        found = subtasks.decision(rounds.places)
        decision = tidied_decision(found)
        if rounds.stopped_by != "finished":
            return decision, swaps, rounds.stopped_by
        fresh = subtasks_of(request.instance, decision, request.objective)
        if fresh.pieces == subtasks.pieces and (fresh.assignment() == rounds.places).all():
            return decision, swaps, "finished"
        subtasks, places = fresh, fresh.assignment()
    return decision, swaps, "iteration limit"
