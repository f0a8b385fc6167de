"""Stable matching on plain arrays or names: `sf.matching`, of use without anything else here.

Markets are hospital/residents markets. They are given in one of three forms:

- lists: `preferences[r]` the hospitals and `priorities[h]` the residents, best first, as lists or
  as arrays padded with -1; `quotas[h]` the places, 1 each if left out;
- ranks (`priorities_as="ranks"`): `priorities` has the shape of `preferences` and holds what that
  hospital makes of that resident, the smaller the better: no list per hospital, for large markets;
- names: three mappings, resident -> hospitals, hospital -> residents, hospital -> places.

A pair that only one side lists is not acceptable, and left out.

Examples
--------
>>> import splitfog as sf
>>> found = sf.matching.deferred_acceptance(
...     {"ann": ["city", "hill"], "bob": ["city"], "cid": ["city", "hill"]},
...     {"city": ["bob", "ann", "cid"], "hill": ["cid", "ann"]},
...     {"city": 1, "hill": 1},
... )
>>> found.as_dict()
{'ann': None, 'bob': 'city', 'cid': 'hill'}
>>> found.proposals
5
>>> sf.matching.deferred_acceptance([[0, 1], [0]], [[1, 0], [0]], [1, 1]).assignment
array([1, 0])
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import replace
from typing import Any, Literal, get_args

import numpy as np

from splitfog.formulations.matching.exchange import Exchange as Exchange
from splitfog.formulations.matching.exchange import blocking_exchanges as blocking_exchanges
from splitfog.formulations.matching.exchange import is_exchange_stable as is_exchange_stable
from splitfog.formulations.matching.exchange import table_utilities as table_utilities
from splitfog.formulations.matching.market import (
    Market,
    Names,
    market_from_lists,
    market_from_ranks,
)
from splitfog.formulations.matching.named_market import assignment_from_names, market_from_names
from splitfog.formulations.matching.stability import Matching as Matching
from splitfog.formulations.matching.stability import blocking_pairs as _blocking_pairs
from splitfog.formulations.matching.stability import is_stable as _is_stable
from splitfog.instances.arguments import choice
from splitfog.solvers.matching.all_stable import STATE_LIMIT
from splitfog.solvers.matching.all_stable import all_stable as _all_stable
from splitfog.solvers.matching.deferred_acceptance import Side
from splitfog.solvers.matching.deferred_acceptance import (
    deferred_acceptance as _deferred_acceptance,
)
from splitfog.solvers.matching.dynamics import ExchangeRun as ExchangeRun
from splitfog.solvers.matching.dynamics import exchange_until_stable as exchange_until_stable

Form = Literal["lists", "ranks"]

__all__ = [
    "Exchange",
    "ExchangeRun",
    "Matching",
    "all_stable",
    "blocking_exchanges",
    "blocking_pairs",
    "deferred_acceptance",
    "exchange_until_stable",
    "is_exchange_stable",
    "is_stable",
    "table_utilities",
]


def deferred_acceptance(
    preferences: Any,
    priorities: Any,
    quotas: Any = None,
    *,
    side: Side = "residents",
    priorities_as: Form = "lists",
) -> Matching:
    """The stable matching that is best for the side that proposes, and worst for the other.

    Parameters
    ----------
    preferences, priorities, quotas, priorities_as
        The market, see above.
    side : "residents" or "hospitals"
        Who proposes.

    Returns
    -------
    Matching
        `assignment` int[residents] with -1 for none, `proposals`, and `as_dict()`.

    Raises
    ------
    ValueError
        An unknown or repeated participant in a list, a negative quota, shapes that do not fit.

    Notes
    -----
    D. Gale and L. S. Shapley, 1962. Linear in the listed pairs, apart from sorting ranks.
    """
    market, names = _market(preferences, priorities, quotas, priorities_as)
    return replace(_deferred_acceptance(market, side), names=names)


def blocking_pairs(
    assignment: Any,
    preferences: Any,
    priorities: Any,
    quotas: Any = None,
    *,
    priorities_as: Form = "lists",
) -> list[tuple[Any, Any]]:
    """The pairs that would rather be matched to one another.

    Parameters
    ----------
    assignment
        int[residents] with -1 for none, a `Matching`, or a mapping of names.
    preferences, priorities, quotas, priorities_as
        The market, see above.

    Returns
    -------
    list of (resident, hospital)
        By position or by name, resident by resident, best first; [] means stable.

    Raises
    ------
    ValueError
        As `deferred_acceptance`, and where the assignment is no matching: a pair that is not on
        both lists, or more residents than places.
    """
    _require_assignment(assignment)
    market, names = _market(preferences, priorities, quotas, priorities_as)
    pairs = _blocking_pairs(market, _assignment(assignment, names)).tolist()
    if names is None:
        return [(r, h) for r, h in pairs]
    return [(names[0][r], names[1][h]) for r, h in pairs]


def is_stable(
    assignment: Any,
    preferences: Any,
    priorities: Any,
    quotas: Any = None,
    *,
    priorities_as: Form = "lists",
) -> bool:
    """Whether the assignment is a matching of this market and no pair blocks it.

    Parameters
    ----------
    assignment, preferences, priorities, quotas, priorities_as
        As for `blocking_pairs`.

    Returns
    -------
    bool

    Raises
    ------
    ValueError
        As `deferred_acceptance`, and for an assignment of another length.
    """
    _require_assignment(assignment)
    market, names = _market(preferences, priorities, quotas, priorities_as)
    return _is_stable(market, _assignment(assignment, names))


def all_stable(
    preferences: Any,
    priorities: Any,
    quotas: Any = None,
    *,
    priorities_as: Form = "lists",
    limit: int = STATE_LIMIT,
) -> list[Any]:
    """Every stable assignment of a small market.

    Parameters
    ----------
    preferences, priorities, quotas, priorities_as
        The market, see above.
    limit
        Assignments between the best and the worst up to which it is tried.

    Returns
    -------
    list
        The residents' best first: int[residents] each, mappings where the market is given by names.

    Raises
    ------
    ValueError
        As `deferred_acceptance`, and where more than `limit` assignments lie between the best and
        the worst.
    """
    market, names = _market(preferences, priorities, quotas, priorities_as)
    found = list(_all_stable(market, limit))
    return found if names is None else [Matching(a, 0, names).as_dict() for a in found]


def _market(
    preferences: Any, priorities: Any, quotas: Any, priorities_as: Form
) -> tuple[Market, Names | None]:
    choice("priorities_as", priorities_as, get_args(Form))
    given = [side for side in (preferences, priorities, quotas) if side is not None]
    if any(isinstance(side, Mapping) for side in given):
        if priorities_as == "ranks" or not all(isinstance(side, Mapping) for side in given):
            raise ValueError("preferences, priorities and quotas by name must all be mappings")
        return market_from_names(preferences, priorities, quotas)
    if priorities_as == "ranks":
        return market_from_ranks(preferences, priorities, quotas), None
    return market_from_lists(preferences, priorities, quotas), None


def _require_assignment(given: Any) -> None:
    """Refuse what has a list for a resident: preferences, in the place of an assignment."""
    if isinstance(given, Matching):
        return
    entries = list(given.values()) if isinstance(given, Mapping) else given
    nested = isinstance(given, np.ndarray) and given.ndim > 1
    if isinstance(entries, list | tuple):
        nested = any(isinstance(entry, list | np.ndarray | Mapping) for entry in entries)
    if nested:
        raise ValueError(
            f"assignment = {given!r:.80}, must be one hospital for each resident, or none; the "
            "order is assignment, preferences, priorities, quotas"
        )


def _assignment(assignment: Any, names: Names | None) -> Any:
    if isinstance(assignment, Matching):
        return assignment.assignment
    if isinstance(assignment, Mapping):
        if names is None:
            raise ValueError("an assignment by name needs a market given by names")
        return assignment_from_names(dict[Hashable, Any](assignment), names)
    return assignment
