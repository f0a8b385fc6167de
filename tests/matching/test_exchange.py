"""Exchange stability: definitions, a roommates-like cycle, consents, termination."""

from __future__ import annotations

from itertools import combinations, pairwise, product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import splitfog as sf
from splitfog.formulations.matching.exchange import Exchange, exchanged

CONSENTS = ("total", "agents", "four")
# Roommates of Gale and Shapley (1962, example 3), without the fourth whom nobody wants:
# alpha would like to live with beta, beta with gamma, gamma with alpha.
LIKES = {0: (1, 2), 1: (2, 0), 2: (0, 1)}


def roommates(assignment: Any) -> tuple[list[float], list[float]]:
    """2 for the room mate liked best, 1 for the other, 0 alone; rooms have no say."""
    mates = [[m for m in range(3) if m != r and assignment[m] == assignment[r]] for r in range(3)]
    return [sum(2.0 - LIKES[r].index(m) for m in own) for r, own in enumerate(mates)], [0.0, 0.0]


def rooms_that_count(assignment: Any) -> tuple[list[float], list[float]]:
    """The same, with rooms that would rather hold more."""
    return roommates(assignment)[0], np.bincount(assignment, minlength=2).astype(float).tolist()


def queues(assignment: Any) -> tuple[Any, Any]:
    """Everybody waits for all at the same node: utilities fall with the load."""
    load = np.bincount(assignment, minlength=3)
    own = -(load / np.array([1.0, 2.0, 4.0]))[assignment]
    return own, -np.bincount(assignment, -own, minlength=3)


def tables(seed: int, residents: int = 5, hospitals: int = 3) -> Any:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 6, (residents, hospitals)), rng.integers(0, 6, (hospitals, residents))


@pytest.mark.parametrize("consent", ["agents", "four"])
def test_roommates_like_cycle(consent: Any) -> None:
    """Whoever lives with the second choice moves to the single: no matching is stable, and the
    exchanges come back to where they were."""
    # {a, b}, {c}: b moves to c; {a}, {b, c}: c moves to a; {a, c}, {b}: a moves to b; and so on.
    for assignment in product(range(2), repeat=3):
        if len(set(assignment)) == 2:  # two places a room: one pair, one alone
            assert not sf.matching.is_exchange_stable(roommates, assignment, [2, 2], consent)
    run = sf.matching.exchange_until_stable(roommates, [0, 0, 1], [2, 2], consent)
    assert run.stopped_by == "cycle"
    assert len(run.exchanges) <= 6  # there are six such matchings


def test_total_consent_ends_where_the_others_cycle() -> None:
    """The pair always has 2 + 1, so under `total` nothing is gained by any exchange."""
    assert sf.matching.is_exchange_stable(roommates, [0, 0, 1], [2, 2], "total")


def test_a_potential_ends_the_cycle() -> None:
    """The same cycle with a potential that has to rise: it stops at a stable matching."""
    run = sf.matching.exchange_until_stable(
        roommates, [0, 0, 1], [2, 2], "agents", potential=lambda a: float(a[1])
    )
    # b moves to c (potential 0 -> 1); after that it cannot rise.
    assert (run.assignment.tolist(), run.stopped_by) == ([0, 1, 1], "stable")


def test_hosts_that_lose_refuse_moves() -> None:
    """Where the hospital left gets worse, `four` never accepts a move, `agents` does."""
    moves = [
        e
        for e in sf.matching.blocking_exchanges(rooms_that_count, [0, 0, 1], [2, 2], "agents")
        if e.partner is None
    ]
    assert moves == [Exchange(1, 1, None)]
    assert sf.matching.is_exchange_stable(rooms_that_count, [0, 0, 1], [2, 2], "four")


def test_matching_pennies() -> None:
    """One seeks the other, who flees: no stable matching under `agents`, whatever the start."""

    def pursuit(assignment: Any) -> tuple[list[float], list[float]]:
        together = float(assignment[0] == assignment[1])
        return [together, -together], [0.0, 0.0]

    for start in product(range(2), repeat=2):
        assert not sf.matching.is_exchange_stable(pursuit, start, [2, 2], "agents")
        assert sf.matching.exchange_until_stable(pursuit, start, [2, 2]).stopped_by == "cycle"


@given(st.integers(0, 10_000), st.lists(st.integers(0, 2), min_size=5, max_size=5))
def test_four_equals_the_definition(seed: int, assignment: list[int]) -> None:
    """Bodine-Baron et al. (2011): of residents s, t and their hospitals none gets worse by the
    swap and one gets better, written out on tables."""
    own, theirs = tables(seed)
    expected = []
    for s, t in combinations(range(5), 2):
        a, b = assignment[s], assignment[t]
        if a != b:
            gains = [
                own[s, b] - own[s, a],
                own[t, a] - own[t, b],
                theirs[a, t] - theirs[a, s],
                theirs[b, s] - theirs[b, t],
            ]
            if min(gains) >= 0 and max(gains) > 0:
                expected.append(Exchange(s, b, t))
    utilities = sf.matching.table_utilities(own, theirs)
    assert sf.matching.blocking_exchanges(utilities, assignment) == expected
    assert sf.matching.is_exchange_stable(utilities, assignment) == (not expected)


@given(st.integers(0, 10_000), st.sampled_from(CONSENTS))
def test_runs_without_externalities_end_stable(seed: int, consent: Any) -> None:
    """On tables of the residents alone every consent ends, at a matching it calls stable."""
    own, theirs = tables(seed)
    utilities = sf.matching.table_utilities(own, 0 * theirs)
    run = sf.matching.exchange_until_stable(utilities, [0, 1, 2, 0, 1], [2, 2, 2], consent)
    assert run.stopped_by == "stable"
    assert sf.matching.is_exchange_stable(utilities, run.assignment, [2, 2, 2], consent)


@given(st.integers(0, 10_000))
def test_total_rises_with_every_exchange(seed: int) -> None:
    """Under `total` the sum of utilities rises at every step and nothing within reach is left."""
    utilities = sf.matching.table_utilities(*tables(seed))
    start = np.array([0, 1, 2, 0, -1])
    run = sf.matching.exchange_until_stable(utilities, start, [2, 2, 2], "total")
    totals, current = [], start
    for exchange in run.exchanges:
        totals.append(sum(float(np.sum(side)) for side in utilities(current)))
        current = exchanged(current, exchange)
    totals.append(sum(float(np.sum(side)) for side in utilities(current)))
    assert current.tolist() == run.assignment.tolist()
    assert all(later > now for now, later in pairwise(totals))


def test_stable_is_not_two_sided_exchange_stable_and_the_reverse() -> None:
    """The two notions differ: a blocking pair may leave its partners worse off."""
    # Hospitals 0, 1 of one place; both residents like 0 better, and 0 likes resident 0 better.
    own, theirs = [[2, 1], [2, 1]], [[2, 1], [1, 2]]
    utilities = sf.matching.table_utilities(own, theirs)
    market = ([[0, 1], [0, 1]], [[0, 1], [1, 0]])
    # Resident 1 at 0: (0, 0) blocks, but resident 1 would lose by the swap.
    assert sf.matching.blocking_pairs([1, 0], *market) == [(0, 0)]
    assert sf.matching.is_exchange_stable(utilities, [1, 0])


def test_moves_in_queues_by_hand() -> None:
    """Nodes of speed 1, 2, 4 and three at the slowest: who would move where."""
    # Load 3 at speed 1: -3 each. Alone at node 1: -1/2, at node 2: -1/4: all want to go.
    found = sf.matching.blocking_exchanges(queues, [0, 0, 0], [3, 3, 3], "agents")
    assert found == [Exchange(r, h, None) for h in (1, 2) for r in range(3)]
    # All three at the fastest: -3/4 each; alone elsewhere -1 or -1/2: node 1 draws them.
    found = sf.matching.blocking_exchanges(queues, [2, 2, 2], [3, 3, 3], "agents")
    assert found == [Exchange(r, 1, None) for r in range(3)]


def test_overload_is_worse_than_anything_and_equal_to_itself() -> None:
    """-inf: leaving it is a gain, staying in it is no loss."""

    def overloaded(assignment: Any) -> tuple[list[float], list[float]]:
        full = np.bincount(assignment, minlength=3)[assignment] > 1
        return np.where(full, -np.inf, 0.0).tolist(), [0.0, 0.0, 0.0]

    found = sf.matching.blocking_exchanges(overloaded, [0, 0, 1], [2, 2, 2], "agents")
    assert found == [Exchange(0, 2, None), Exchange(1, 2, None)]


def test_differences_below_the_tolerance_are_none() -> None:
    """A gain of 1e-12 of the value does not count, one of 1e-6 does."""
    for gain, stable in ((1e-12, True), (1e-6, False)):
        utilities = sf.matching.table_utilities([[1.0, 1.0 + gain]], [[0.0], [0.0]])
        assert sf.matching.is_exchange_stable(utilities, [0], [1, 1], "agents") is stable


def test_swap_with_an_unmatched_resident() -> None:
    """The unmatched one takes the place; only the hospital concerned is asked."""
    utilities = sf.matching.table_utilities([[0.0], [1.0]], [[1.0, 2.0]])
    assert sf.matching.blocking_exchanges(utilities, [0, -1]) == [Exchange(0, -1, 1)]
    assert exchanged(np.array([0, -1]), Exchange(0, -1, 1)).tolist() == [-1, 0]


def test_limit() -> None:
    """The number of exchanges is bounded, and the reason given."""
    run = sf.matching.exchange_until_stable(roommates, [0, 0, 1], [2, 2], "four", limit=1)
    assert (len(run.exchanges), run.stopped_by) == (1, "limit")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((roommates, [0, 0, 0], [2, 2]), "hospital 0 holds 3 residents, its quota is 2"),
        ((roommates, [0, 0, 2], [2, 2]), "assignment names hospital 2, there are 2"),
        ((roommates, [0, 0, -2], [2, 2]), "or -1 for none"),
        ((roommates, [0.5, 0, 0], [2, 2]), "one integer per resident"),
        ((roommates, [0, 0, 1], [2, 2], "both"), "must be one of total, agents, four"),
        ((lambda a: ([0.0], [0.0]), [0, 1]), "one number per resident and one per hospital"),
        ((lambda a: ([np.nan] * 2, [0.0]), [0, 1]), "not a number"),
    ],
)
def test_bad_input(arguments: Any, sentence: str) -> None:
    """One sentence each."""
    with pytest.raises(ValueError, match=sentence):
        sf.matching.is_exchange_stable(*arguments)


def test_bad_tables() -> None:
    """Tables that do not fit together."""
    with pytest.raises(ValueError, match="tables must be"):
        sf.matching.table_utilities([[1.0, 2.0]], [[1.0, 2.0]])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (([0, 0, 1], roommates), r"utilities = \[0, 0, 1\], must be a function.*; the order is"),
        ((roommates, [0, 0, 1], "four"), "quotas = 'four', must be one integer >= 0 per hospital"),
        ((roommates, [0, 0, 1], [2, 0.5]), r"quotas = \[2, 0.5\], must be one integer"),
        ((roommates, [0, 0, 1], [2, -1]), r"quotas = \[2, -1\], must be one integer"),
        ((roommates, [0, 0, 1], 2), "quotas = 2, must be one integer"),
    ],
)
def test_arguments_in_each_other_s_places(arguments: Any, sentence: str) -> None:
    """All three functions say what stands where, and in which order it is wanted."""
    for function in (
        sf.matching.is_exchange_stable,
        sf.matching.blocking_exchanges,
        sf.matching.exchange_until_stable,
    ):
        with pytest.raises(ValueError, match=sentence):
            function(*arguments)


def test_assignments_that_the_tables_do_not_know() -> None:
    """Of too few residents, or with a hospital beyond the last."""
    utilities = sf.matching.table_utilities([[1.0, 2.0], [2.0, 1.0]], [[1.0, 2.0], [2.0, 1.0]])
    with pytest.raises(ValueError, match="assignment names hospital 7, there are 2"):
        sf.matching.blocking_exchanges(utilities, [0, 7])
    with pytest.raises(ValueError, match="assignment is of 3 residents, the tables are of 2"):
        sf.matching.blocking_exchanges(utilities, [0, 1, 1])
    with pytest.raises(ValueError, match=r"of_residents = \[\[1\], \[\]\], must be a table"):
        sf.matching.table_utilities([[1], []], [[1.0, 2.0]])


def test_a_matching_is_an_assignment() -> None:
    """What deferred acceptance gives goes into the other functions as it is."""
    utilities = sf.matching.table_utilities([[1.0, 2.0], [2.0, 1.0]], [[1.0, 2.0], [2.0, 1.0]])
    found = sf.matching.deferred_acceptance([[0, 1], [1, 0]], [[0, 1], [1, 0]])
    plain = sf.matching.blocking_exchanges(utilities, found.assignment)
    assert sf.matching.blocking_exchanges(utilities, found) == plain
    assert len(plain) == 1  # both residents gain by 1, and no hospital loses


@pytest.mark.parametrize("limit", [-1, "x", True])
def test_limits_are_whole_numbers(limit: Any) -> None:
    """Of exchanges as of assignments to look at."""
    with pytest.raises(ValueError, match=r"limit = .*, must be a whole number >= 0"):
        sf.matching.exchange_until_stable(roommates, [0, 0, 1], limit=limit)
    with pytest.raises(ValueError, match=r"limit = .*, must be a whole number >= 0"):
        sf.matching.all_stable([[0]], [[0]], limit=limit)
