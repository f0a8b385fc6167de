"""Deferred acceptance at scale and against a package: `python -m benchmarks.offloading.matching`.

Times of splitfog contain everything from the lists, arrays or names to the matching; those of
the `matching` package what it needs to make its players and solve. Both get the same random market.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

import splitfog as sf
from benchmarks.common import asked_for, best_seconds, machine, table
from splitfog.formulations.matching.market import market_from_ranks
from splitfog.formulations.matching.stability import is_stable
from splitfog.solvers.matching.deferred_acceptance import Side

SIDES: tuple[Side, ...] = ("residents", "hospitals")
RESIDENTS, HOSPITALS = 3_000, 50
MANY, MANY_HOSPITALS, ACCEPTABLE = 1_000_000, 1_000, 10


def by_name(lists: Any, own: str, other: str) -> dict[str, list[str]]:
    """The same lists as names."""
    return {f"{own}{i}": [f"{other}{j}" for j in row] for i, row in enumerate(lists)}


def package_run(named: tuple[Any, Any, Any], side: str) -> dict[str, str]:
    """Resident -> hospital by the `matching` package."""
    from matching.games import HospitalResident

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        solved = HospitalResident.create_from_dictionaries(*named).solve(side.removesuffix("s"))
    return {resident.name: hospital.name for hospital, held in solved.items() for resident in held}


def against_the_package(seed: int = 0) -> Iterator[list[Any]]:
    """One row per form of input and proposing side, complete lists at exact capacity."""
    rng = np.random.default_rng(seed)
    preferences = rng.permuted(np.tile(np.arange(HOSPITALS), (RESIDENTS, 1)), axis=1)
    priorities = rng.permuted(np.tile(np.arange(RESIDENTS), (HOSPITALS, 1)), axis=1)
    quotas = np.full(HOSPITALS, RESIDENTS // HOSPITALS)
    lists = preferences.tolist(), priorities.tolist(), quotas.tolist()
    named = (
        by_name(lists[0], "r", "h"),
        by_name(lists[1], "h", "r"),
        {f"h{h}": q for h, q in enumerate(lists[2])},
    )
    forms: dict[str, Any] = {"arrays": (preferences, priorities, quotas), "lists": lists}
    forms["names"] = named
    for side in SIDES:
        theirs = best_seconds(partial(package_run, named, side), repeats=2)
        expected = package_run(named, side)
        for form, given in forms.items():
            ours = best_seconds(
                partial(sf.matching.deferred_acceptance, *given, side=side),
                repeats=9,
            )
            found = sf.matching.deferred_acceptance(*given, side=side).as_dict()
            if form != "names":
                found = {f"r{r}": f"h{h}" for r, h in found.items()}
            yield [side, form, theirs, 1e3 * ours, theirs / ours, found == expected]


def ranked_market(spread: float, seed: int = 0) -> tuple[Any, Any]:
    """Preferences and ranks; the larger the spread, the more all agree on who is best."""
    rng = np.random.default_rng(seed)
    popular = spread * rng.random(MANY_HOSPITALS)
    preferences = np.empty((MANY, ACCEPTABLE), dtype=np.int64)
    for first in range(0, MANY, 10_000):
        score = rng.random((10_000, MANY_HOSPITALS)) + popular
        best = np.argpartition(score, ACCEPTABLE, axis=1)[:, :ACCEPTABLE]
        order = np.argsort(np.take_along_axis(score, best, axis=1), axis=1)
        preferences[first : first + 10_000] = np.take_along_axis(best, order, axis=1)
    return preferences, rng.random(preferences.shape) + spread * rng.random(MANY)[:, None]


def chain_market() -> tuple[Any, Any]:
    """Resident r wants hospitals r, r + 1, .. in turn, and each prefers the others: every round
    but the first few has few proposals, and refusals come in long chains."""
    resident = np.arange(MANY)[:, None]
    preferences = (resident + np.arange(ACCEPTABLE)) % MANY_HOSPITALS
    return preferences, -np.tile(np.arange(ACCEPTABLE), (MANY, 1)) * MANY - resident


def at_scale() -> Iterator[list[Any]]:
    """One row per market and side: times, proposals, residents left over, stability."""
    per_place = np.full(MANY_HOSPITALS, MANY // MANY_HOSPITALS)
    uneven = per_place + np.where(np.arange(MANY_HOSPITALS) % 10 < 5, -200, 200)
    deferred_acceptance = sf.matching.deferred_acceptance
    cases: list[tuple[str, tuple[Any, Any], Any]] = [
        ("random, exact capacity", ranked_market(0.0), per_place),
        ("random, half the places", ranked_market(0.0, seed=1), per_place // 2),
        ("some popular, exact capacity", ranked_market(0.02, seed=2), per_place),
        ("all agree, exact capacity", ranked_market(1.0, seed=3), per_place),
        ("chains, exact capacity", chain_market(), uneven),
        ("chains, one place too few", chain_market(), per_place - 1),
    ]
    for name, (preferences, ranks), quotas in cases:
        for side in SIDES:
            market = (preferences, ranks, quotas)
            propose = partial(deferred_acceptance, *market, side=side, priorities_as="ranks")
            seconds = best_seconds(propose, repeats=2)
            matching = propose()
            stable = is_stable(market_from_ranks(*market), matching.assignment)
            left = int((matching.assignment < 0).sum())
            yield [name, side, seconds, matching.proposals, left, stable]


def main() -> None:
    """Print both tables."""
    print(machine())
    print(f"\n{RESIDENTS:,} residents x {HOSPITALS} hospitals, complete lists, exact capacity\n")
    header = ["proposing", "input", "package, s", "splitfog, ms", "times faster", "same matching"]
    print(table(header, list(against_the_package())))
    print(f"\n{MANY:,} residents x {MANY_HOSPITALS:,} hospitals, {ACCEPTABLE} acceptable each\n")
    header = ["market", "proposing", "splitfog, s", "proposals", "left over", "stable"]
    print(table(header, list(at_scale())))


if __name__ == "__main__":
    asked_for(__doc__)
    main()
