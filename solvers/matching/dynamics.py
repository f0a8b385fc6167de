"""Exchanges one after another, until none finds consent, a matching comes back, or a limit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from numpy.typing import ArrayLike

from splitfog.formulations.matching.exchange import (
    Consent,
    Exchange,
    Judge,
    Potential,
    Utilities,
    checked_assignment,
    checked_quotas,
    exchanged,
    possible_exchanges,
)
from splitfog.formulations.matching.market import IntArray
from splitfog.formulations.matching.stability import Matching
from splitfog.instances.arguments import whole


@dataclass(frozen=True, eq=False)
class ExchangeRun:
    """Where exchanges led, and why they stopped.

    Attributes
    ----------
    assignment : int[residents]
        The last matching; exchange stable if and only if `stopped_by` is "stable".
    exchanges : tuple of Exchange
        Those made, in order.
    stopped_by : "stable", "cycle" or "limit"
        No exchange finds consent; the last matching had been there before; the limit is reached.
    """

    assignment: IntArray
    exchanges: tuple[Exchange, ...]
    stopped_by: Literal["stable", "cycle", "limit"]


def exchange_until_stable(
    utilities: Utilities,
    assignment: ArrayLike | Matching,
    quotas: ArrayLike | None = None,
    consent: Consent = "four",
    *,
    potential: Potential | None = None,
    limit: int = 10_000,
) -> ExchangeRun:
    """Make the first exchange that finds consent, again and again.

    With a potential (always with `total`) it ends at a stable matching: the potential rises and
    there are finitely many matchings. Without one, exchanges may go round in a circle, even
    where all parties agree to each: a matching that comes back ends the run.

    Parameters
    ----------
    utilities, assignment, quotas, consent, potential
        As for `is_exchange_stable`; `assignment` is where it starts.
    limit
        Exchanges after which it stops.

    Returns
    -------
    ExchangeRun
        The last matching, the exchanges made, and why it stopped.

    Raises
    ------
    ValueError
        As `is_exchange_stable`.
    """
    judge = Judge(utilities, consent, potential)
    whole("limit", limit, low=0)
    places = checked_quotas(quotas)
    current = checked_assignment(assignment, quotas)
    seen, made = {current.tobytes()}, list[Exchange]()
    while True:
        options = possible_exchanges(current, places)
        exchange = next((e for e in options if judge.agrees(current, e)), None)
        if exchange is None:
            return ExchangeRun(current, tuple(made), "stable")
        if len(made) == limit:
            return ExchangeRun(current, tuple(made), "limit")
        current = exchanged(current, exchange)
        made.append(exchange)
        if current.tobytes() in seen:
            return ExchangeRun(current, tuple(made), "cycle")
        seen.add(current.tobytes())
