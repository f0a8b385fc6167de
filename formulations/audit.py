"""What an audit says of a plan as a game (docs/matching.md), by its own figures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import UNSET, Struct, UnsetType, to_builtins

from splitfog.formulations.matching.exchange import Consent
from splitfog.instances.read_only import seal


class ProofWithin(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is proven within given subtasks, or within a catalogue of so many plans.

    `lower_bound` in seconds and the value's `gap` to it (None: no bound known); `proven` where
    nothing there is better than the value.
    """

    plans: int | UnsetType = UNSET
    lower_bound: float | None
    gap: float | None
    proven: bool


class Audit(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What blocks a plan as a matching, and how far it is from the best and from fair.

    UNSET, and not written, is what was not audited: the game where the plan is no matching (its
    subtasks are on several nodes), the proofs where nothing was given. The prices are None where
    there are too many states to look at, or no stable one; `regret_s` is in seconds by task, and
    `bound_without_stages` what no plan without stages is below.
    """

    blocking_pairs: int | UnsetType = UNSET
    exchange_blocking: Mapping[Consent, int] | UnsetType = UNSET
    potential: float | UnsetType = UNSET
    swaps: int | UnsetType = UNSET
    price_of_stability: float | UnsetType | None = UNSET
    price_of_anarchy: float | UnsetType | None = UNSET
    regret_s: Mapping[str, float] | UnsetType = UNSET
    bound_without_stages: float | UnsetType = UNSET
    given_subtasks: ProofWithin | UnsetType = UNSET
    given_catalogue: ProofWithin | UnsetType = UNSET

    def __post_init__(self) -> None:
        seal(self, "exchange_blocking", "regret_s")


def audit_claims(audit: Audit | Mapping[str, Any] | None) -> Any:
    """The figures of an audit by name, as a file holds them; None of None."""
    return to_builtins(audit)
