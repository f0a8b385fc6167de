"""What an audit may hold at all, whatever the plan: kinds and ranges of its figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from math import isfinite
from typing import Any, get_args

from splitfog.formulations.matching.exchange import Consent
from splitfog.instances.defects import shown

Check = Callable[[Any], bool]


def is_count(value: Any) -> bool:
    """A whole number >= 0."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def is_amount(value: Any) -> bool:
    """A finite number >= 0."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and isfinite(value) and value >= 0


def _is_amount_or_null(value: Any) -> bool:
    return value is None or is_amount(value)


def _are(check: Check) -> Check:
    return lambda value: isinstance(value, Mapping) and all(map(check, value.values()))


def _are_counts_by_consent(value: Any) -> bool:
    return _are(is_count)(value) and set(value) <= set(get_args(Consent))


def _is_proof_within(value: Any) -> bool:
    known = {"plans", "lower_bound", "gap", "proven"}
    if not isinstance(value, Mapping) or not set(value) <= known:
        return False
    bounds = _is_amount_or_null(value.get("lower_bound")) and _is_amount_or_null(value.get("gap"))
    return bounds and isinstance(value.get("proven"), bool) and is_count(value.get("plans", 0))


_PROOF_WITHIN = "plans (a whole number >= 0), lower_bound and gap (>= 0 or null), proven"

_FIGURES: dict[str, tuple[Check, str]] = {
    "blocking_pairs": (is_count, "a whole number >= 0"),
    "exchange_blocking": (
        _are_counts_by_consent,
        f"whole numbers >= 0 by {', '.join(get_args(Consent))}",
    ),
    "potential": (is_amount, "a number >= 0"),
    "swaps": (is_count, "a whole number >= 0"),
    "price_of_stability": (_is_amount_or_null, "a number >= 0 or null"),
    "price_of_anarchy": (_is_amount_or_null, "a number >= 0 or null"),
    "regret_s": (_are(is_amount), "seconds >= 0 by task"),
    "bound_without_stages": (is_amount, "seconds >= 0"),
    "given_subtasks": (_is_proof_within, _PROOF_WITHIN),
    "given_catalogue": (_is_proof_within, _PROOF_WITHIN),
}


def audit_defects(audit: Mapping[str, Any] | None, objective: str) -> Iterator[str]:
    """Sentences on figures that are not of their kind, and on an audit where there is no game."""
    if audit is None:
        return
    if objective != "mean-latency":
        yield f"audit must be null: the objective {objective} is no game"
        return
    for name, value in audit.items():
        check, allowed = _FIGURES.get(name, (None, ""))
        if check is None:
            yield f"audit.{name} is unknown; known: {', '.join(_FIGURES)}"
        elif not check(value):
            yield f"audit.{name} = {shown(value)}, must be {allowed}"
