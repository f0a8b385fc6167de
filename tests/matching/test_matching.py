"""`sf.matching`: textbook cases, theorems as properties, other implementations, bad input."""

from __future__ import annotations

import warnings
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import splitfog as sf
from splitfog.formulations.matching import market as market_module
from splitfog.formulations.matching.market import market_from_lists, market_from_ranks
from splitfog.solvers.matching import deferred_acceptance
from splitfog.solvers.matching.deferred_acceptance import Side

SIDES: tuple[Side, ...] = ("residents", "hospitals")
Lists = list[list[int]]
Game = tuple[Lists, Lists, list[int]]

# Gale and Shapley (1962), example 1: men alpha, beta, gamma; women A, B, C.
GS1 = ([[0, 1, 2], [1, 2, 0], [2, 0, 1]], [[1, 2, 0], [2, 0, 1], [0, 1, 2]])
# Their example 2, four of each: one stable set of marriages, nobody gets a first choice.
GS2 = (
    [[0, 1, 2, 3], [0, 3, 2, 1], [1, 0, 2, 3], [3, 1, 2, 0]],
    [[3, 2, 0, 1], [1, 3, 0, 2], [3, 0, 1, 2], [2, 1, 0, 3]],
)


@st.composite
def games(draw: st.DrawFn, residents: int = 6, hospitals: int = 4) -> Game:
    """Lists of any length, mutual or not, quotas from 0."""
    r, h = draw(st.integers(1, residents)), draw(st.integers(1, hospitals))

    def some(n: int) -> st.SearchStrategy[list[int]]:
        return st.permutations(range(n)).flatmap(
            lambda order: st.integers(0, n).map(lambda k: list(order[:k]))
        )

    preferences = draw(st.lists(some(h), min_size=r, max_size=r))
    longer = st.one_of(st.permutations(range(r)).map(list), some(r))
    priorities = draw(st.lists(longer, min_size=h, max_size=h))
    quotas = draw(st.lists(st.integers(0, 3), min_size=h, max_size=h))
    return preferences, priorities, quotas


def accepts(game: Game, r: int, h: int) -> bool:
    return h in game[0][r] and r in game[1][h]


def blocks(game: Game, assignment: list[int], r: int, h: int) -> bool:
    """The definition of Gale and Shapley, clause by clause, on lists."""
    preferences, priorities, quotas = game
    if not accepts(game, r, h) or assignment[r] == h:
        return False
    now = assignment[r]
    would = now < 0 or preferences[r].index(h) < preferences[r].index(now)
    inside = [s for s, at in enumerate(assignment) if at == h]
    order = priorities[h].index
    room = len(inside) < quotas[h]
    return would and (room or (quotas[h] > 0 and any(order(r) < order(s) for s in inside)))


def stable_by_enumeration(game: Game) -> list[list[int]]:
    """All assignments of acceptable pairs within quotas that nobody blocks: no solver used."""
    preferences, priorities, quotas = game
    r_all, h_all = range(len(preferences)), range(len(priorities))
    options = [[-1, *(h for h in preferences[r] if accepts(game, r, h))] for r in r_all]
    return [
        list(a)
        for a in product(*options)
        if all(a.count(h) <= quotas[h] for h in h_all)
        and not any(blocks(game, list(a), r, h) for r in r_all for h in h_all)
    ]


def textbook_loop(game: Game) -> tuple[list[int], int]:
    """Residents propose one at a time, as in every textbook; (assignment, proposals)."""
    preferences, priorities, quotas = game
    assignment, upcoming, proposals = [-1] * len(preferences), [0] * len(preferences), 0
    free = list(range(len(preferences)))
    while free:
        r = free.pop(0)
        options = [h for h in preferences[r] if accepts(game, r, h)]
        if upcoming[r] == len(options):
            continue
        h = options[upcoming[r]]
        upcoming[r] += 1
        proposals += 1
        assignment[r] = h
        inside = [s for s, at in enumerate(assignment) if at == h]
        if len(inside) > quotas[h]:
            worst = max(inside, key=priorities[h].index)
            assignment[worst] = -1
            free.append(worst)
    return assignment, proposals


def package_matching(game: Game, side: str) -> list[int]:
    """The answer of the `matching` package; it wants mutual lists, all of them non-empty."""
    from matching.games import HospitalResident

    preferences, priorities, quotas = game
    residents = {f"r{r}": [f"h{h}" for h in row] for r, row in enumerate(preferences)}
    hospitals = {f"h{h}": [f"r{r}" for r in row] for h, row in enumerate(priorities)}
    places = {f"h{h}": q for h, q in enumerate(quotas)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        solved = HospitalResident.create_from_dictionaries(residents, hospitals, places).solve(
            optimal=side.removesuffix("s")
        )
    assignment = [-1] * len(preferences)
    for hospital, inside in solved.items():
        for resident in inside:
            assignment[int(resident.name[1:])] = int(hospital.name[1:])
    return assignment


def random_game(seed: int, residents: int, hospitals: int, quota: int) -> Game:
    """Complete lists."""
    rng = np.random.default_rng(seed)
    preferences = [rng.permutation(hospitals).tolist() for _ in range(residents)]
    priorities = [rng.permutation(residents).tolist() for _ in range(hospitals)]
    return preferences, priorities, [quota] * hospitals


def both_stable(game: Game) -> tuple[list[int], list[int]]:
    found = [sf.matching.deferred_acceptance(*game, side=side) for side in SIDES]
    return found[0].assignment.tolist(), found[1].assignment.tolist()


def position(row: list[int], entry: int) -> int:
    """Place in a list; nobody is worse than everybody on it."""
    return len(row) if entry < 0 else row.index(entry)


# Textbook cases


def test_gale_shapley_example_1() -> None:
    """Its three stable sets of marriages; each side gets its first choices by proposing."""
    # The men's first choices are A, B, C and the women's beta, gamma, alpha; the third stable
    # set gives everybody the second choice: alpha B, beta C, gamma A.
    assert both_stable((*GS1, [1, 1, 1])) == ([0, 1, 2], [2, 0, 1])
    found = [a.tolist() for a in sf.matching.all_stable(*GS1)]
    assert found == [[0, 1, 2], [1, 2, 0], [2, 0, 1]]


def test_gale_shapley_example_2() -> None:
    """One stable set, alpha C, beta D, gamma A, delta B, whoever proposes; no first choices."""
    assert both_stable((*GS2, [1, 1, 1, 1])) == ([2, 3, 0, 1], [2, 3, 0, 1])
    assert [a.tolist() for a in sf.matching.all_stable(*GS2)] == [[2, 3, 0, 1]]
    assert all(GS2[0][r][0] != h for r, h in enumerate([2, 3, 0, 1]))


def test_quotas_by_hand() -> None:
    """Three residents at a hospital of two places: the worst of them goes on to the next."""
    # 0, 1, 2 propose to 0, which keeps 2 and 1; 0 proposes to 1: four proposals.
    found = sf.matching.deferred_acceptance([[0, 1]] * 3, [[2, 1, 0], [0, 1, 2]], [2, 1])
    assert (found.assignment.tolist(), found.proposals) == ([1, 0, 0], 4)


def test_quota_zero_admits_nobody() -> None:
    """A hospital without places holds nobody and blocks nothing."""
    found = sf.matching.deferred_acceptance([[0, 1], [0]], [[0, 1], [0, 1]], [0, 1])
    assert found.assignment.tolist() == [1, -1]
    assert sf.matching.blocking_pairs(found, [[0, 1], [0]], [[0, 1], [0, 1]], [0, 1]) == []


# Against other implementations


@given(games())
def test_equals_the_textbook_loop(game: Game) -> None:
    """Same matching and same number of proposals as one proposal at a time."""
    found = sf.matching.deferred_acceptance(*game)
    assert (found.assignment.tolist(), found.proposals) == textbook_loop(game)


@given(games(), st.sampled_from([1, 3, 1_000_000]))
def test_rounds_and_single_proposals_agree(game: Game, rounds: int) -> None:
    """When the large rounds end is of no account, for either side."""
    usual = [sf.matching.deferred_acceptance(*game, side=side) for side in SIDES]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(deferred_acceptance, "_ROUNDS", rounds)
        other = [sf.matching.deferred_acceptance(*game, side=side) for side in SIDES]
    for a, b in zip(usual, other):
        assert (a.assignment.tolist(), a.proposals) == (b.assignment.tolist(), b.proposals)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(("residents", "hospitals", "quota"), [(60, 6, 10), (80, 5, 12), (9, 9, 1)])
def test_equals_the_matching_package(side: Any, residents: int, hospitals: int, quota: int) -> None:
    """Same matching as the `matching` package, at exact capacity, below it, and marriages."""
    game = random_game(residents, residents, hospitals, quota)
    found = sf.matching.deferred_acceptance(*game, side=side)
    assert found.assignment.tolist() == package_matching(game, side)


@given(games(5, 4))
def test_all_stable_equals_enumeration(game: Game) -> None:
    """Exactly the assignments that satisfy the definition, found without any theorem."""
    found = sorted(a.tolist() for a in sf.matching.all_stable(*game))
    assert found == sorted(stable_by_enumeration(game))


@given(games(), st.data())
def test_blocking_pairs_equal_the_definition(game: Game, data: st.DataObject) -> None:
    """On any matching, the pairs are those that satisfy the definition clause by clause."""
    room, assignment = list(game[2]), []
    for r in range(len(game[0])):
        options = [h for h in game[0][r] if accepts(game, r, h) and room[h] > 0]
        assignment.append(data.draw(st.sampled_from([-1, *options])))
        if assignment[-1] >= 0:
            room[assignment[-1]] -= 1
    expected = {
        (r, h)
        for r in range(len(game[0]))
        for h in range(len(game[1]))
        if blocks(game, assignment, r, h)
    }
    found = sf.matching.blocking_pairs(assignment, *game)
    assert len(found) == len(set(found))
    assert set(found) == expected
    assert sf.matching.is_stable(assignment, *game) == (not expected)


# Theorems


@given(games(5, 4))
def test_proposers_get_their_best_and_the_others_their_worst(game: Game) -> None:
    """Gale and Shapley's optimality, and opposite interests, against all stable matchings."""
    best, worst = both_stable(game)
    stable = stable_by_enumeration(game)
    for r, row in enumerate(game[0]):
        places = [position(row, a[r]) for a in stable]
        assert (position(row, best[r]), position(row, worst[r])) == (min(places), max(places))
    for h, row in enumerate(game[1]):
        held = [sorted(row.index(r) for r, at in enumerate(a) if at == h) for a in stable]
        least = sorted(row.index(r) for r, at in enumerate(worst) if at == h)
        most = sorted(row.index(r) for r, at in enumerate(best) if at == h)
        # Of one size each (rural hospitals), so they compare position by position.
        assert all(all(a <= b <= c for a, b, c in zip(least, own, most)) for own in held)


@given(games(5, 4))
def test_rural_hospitals(game: Game) -> None:
    """Roth (1986): the same residents are matched in all stable matchings, each hospital fills
    the same number of places, and one that is not full gets the same residents."""
    stable = [a.tolist() for a in sf.matching.all_stable(*game)]
    assert len({tuple(at < 0 for at in a) for a in stable}) == 1
    for h, quota in enumerate(game[2]):
        held = {frozenset(r for r, at in enumerate(a) if at == h) for a in stable}
        assert len({len(inside) for inside in held}) == 1
        assert len(held) == 1 or len(next(iter(held))) == quota


@given(st.integers(0, 10_000))
def test_stable_matchings_form_a_lattice(seed: int) -> None:
    """Conway (in Knuth, 1976): all residents choosing the better (worse) of two stable
    matchings gives a stable matching."""
    game = random_game(seed, 6, 6, 1)
    stable = {tuple(a.tolist()) for a in sf.matching.all_stable(*game)}
    for a, b in product(stable, repeat=2):
        pairs = [sorted(pair, key=row.index) for row, *pair in zip(game[0], a, b)]
        assert tuple(better for better, _ in pairs) in stable
        assert tuple(worse for _, worse in pairs) in stable


def test_the_lattice_test_sees_several_matchings() -> None:
    """Among the markets above some have more than one stable matching."""
    numbers = [len(sf.matching.all_stable(*random_game(s, 6, 6, 1))) for s in range(20)]
    assert max(numbers) >= 3


@given(games())
def test_both_sides_reach_stable_matchings(game: Game) -> None:
    """No blocking pair, whoever proposes."""
    for side in SIDES:
        found = sf.matching.deferred_acceptance(*game, side=side)
        assert sf.matching.is_stable(found, *game)


def test_long_chain_of_refusals() -> None:
    """Every proposal displaces exactly one resident, 2,000 times over."""
    # Resident r lists hospitals r, r + 1; hospital h prefers r = h - 1 to r = h. The extra
    # resident n - 1 wants hospital 0 first, which likes him best: he starts the chain.
    n = 2_000
    preferences = [[r, r + 1] for r in range(n - 1)] + [[0, n - 1]]
    priorities = [[n - 1, 0]] + [[h - 1, h] for h in range(1, n - 1)] + [[n - 2, n - 1]]
    found = sf.matching.deferred_acceptance(preferences, priorities)
    # n first proposals, then residents 0 .. n - 2 each go one on.
    assert found.proposals == n + n - 1
    assert found.assignment.tolist() == [*range(1, n), 0]


# Forms of a market


@given(games())
def test_forms_of_a_market_agree(game: Game) -> None:
    """Lists, padded arrays, ranks and names give the same matching."""
    preferences, priorities, quotas = game
    mutual = [[h for h in row if accepts(game, r, h)] for r, row in enumerate(preferences)]
    padded = np.full((len(mutual), len(priorities)), -1)
    ranks = np.full(padded.shape, np.nan)  # padding: never looked at
    for r, row in enumerate(mutual):
        padded[r, : len(row)] = row
        ranks[r, : len(row)] = [priorities[h].index(r) / 7 for h in row]
    named = (
        {f"r{r}": [f"h{h}" for h in row] for r, row in enumerate(preferences)},
        {f"h{h}": [f"r{r}" for r in row] for h, row in enumerate(priorities)},
        {f"h{h}": q for h, q in enumerate(quotas)},
    )
    for side in SIDES:
        lists = sf.matching.deferred_acceptance(*game, side=side)
        by_rank = sf.matching.deferred_acceptance(
            padded, ranks, quotas, side=side, priorities_as="ranks"
        )
        by_name = sf.matching.deferred_acceptance(*named, side=side)
        assert by_rank.assignment.tolist() == lists.assignment.tolist()
        assert by_rank.proposals == lists.proposals
        assert by_name.as_dict() == {
            f"r{r}": None if h is None else f"h{h}" for r, h in lists.as_dict().items()
        }
        assert sf.matching.blocking_pairs(by_name.as_dict(), *named) == []


def test_tied_ranks_go_to_the_smaller_resident() -> None:
    """Equal ranks: resident 0 is admitted before resident 1, in integers and floats."""
    for rank in (3, 3.0, 10**12):
        found = sf.matching.deferred_acceptance(
            [[0], [0]], [[rank]] * 2, [1], priorities_as="ranks"
        )
        assert found.assignment.tolist() == [0, -1]


def test_wide_integer_ranks_keep_their_order() -> None:
    """Ranks that do not fit in 16 bits, negative ones too, are not confused."""
    ranks = [[2**40], [-(2**40)], [65_536]]
    found = sf.matching.deferred_acceptance([[0]] * 3, ranks, [1], priorities_as="ranks")
    assert found.assignment.tolist() == [-1, 0, -1]


@given(games())
def test_look_up_by_table_and_by_sorting_agree(game: Game) -> None:
    """Small markets use a table, large ones sorting: the same market comes out."""
    table = market_from_lists(*game)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(market_module, "_has_table", lambda size, pairs: False)
        ordered = market_from_lists(*game)
    for name in ("resident", "hospital", "place", "start", "hospital_start"):
        assert getattr(table, name).tolist() == getattr(ordered, name).tolist()


def test_names_in_blocking_pairs_and_all_stable() -> None:
    """By name in, by name out."""
    both = ["ann", "bob"]
    game: Any = ({"ann": ["x", "y"], "bob": ["x", "y"]}, {"x": both[::-1], "y": both})
    assert sf.matching.blocking_pairs({"ann": "x", "bob": "y"}, *game) == [("bob", "x")]
    # x is empty and both like it better than what they have; y prefers ann, whom it holds.
    assert sf.matching.blocking_pairs({"ann": "y"}, *game) == [("ann", "x"), ("bob", "x")]
    assert sf.matching.all_stable(*game) == [{"ann": "y", "bob": "x"}]


def test_empty_markets() -> None:
    """Nobody, or nobody acceptable: the empty matching is the only stable one."""
    assert sf.matching.deferred_acceptance([], [], []).assignment.tolist() == []
    assert sf.matching.deferred_acceptance([[], []], [[]]).assignment.tolist() == [-1, -1]
    assert [a.tolist() for a in sf.matching.all_stable([[], []], [[]])] == [[-1, -1]]
    assert sf.matching.deferred_acceptance({}, {}, {}).as_dict() == {}


# Bad input: one sentence each, naming what is wrong


NAMED: Any = ({"ann": ["x"]}, {"x": ["ann"]})


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (([[1]], [[0]]), "preferences of resident 0: hospital 1 is unknown"),
        (([[0]], [[0, 1]]), "priorities of hospital 0: resident 1 is unknown"),
        (([[-2]], [[0]]), "hospital -2 is unknown"),
        (([[0], [0, 0]], [[0]]), "preferences of resident 1: hospital 0 is listed more than once"),
        (([[0]], [[0, 0]]), "priorities of hospital 0: resident 0 is listed more than once"),
        (([[0]], [[0]], [-1]), "quota of hospital 0 is -1, must be >= 0"),
        (([[0]], [[0]], [1, 1]), "2 quotas given for 1 hospitals"),
        (([[0]], [[0]], [0.5]), "quota of hospital 0 is 0.5, must be an integer >= 0"),
        (([[0]], [[0]], ["two"]), "quota of hospital 0 is 'two', must be an integer >= 0"),
        (([[0]], [[0]], 3), "quotas = 3, must be one integer per hospital"),
        (([[0], [0.5]], [[0]]), "preferences of resident 1 hold 0.5, must hold integers"),
        (([[0]], [["x"]]), "priorities of hospital 0 hold 'x', must hold integers"),
        (([None], [[0]]), "preferences of resident 0 = None, must be a list of integers"),
        ((None, [[0]]), "preferences = None, must be one list per resident"),
        ((np.zeros((1, 1)), [[0]]), "preferences must hold integers, not float64"),
        ((np.zeros(1, int), [[0]]), "preferences must have two dimensions, not 1"),
        (
            ({"ann": ["z"]}, {"x": ["ann"]}),
            "preferences of resident 'ann': hospital 'z' is unknown",
        ),
        (({"ann": ["x"]}, {"x": ["cy"]}), "priorities of hospital 'x': resident 'cy' is unknown"),
        (
            ({"ann": ["x", "x"]}, {"x": ["ann"]}),
            "preferences of resident 'ann': hospital 'x' is listed more than once",
        ),
        (
            ({"ann": ["x"]}, {"x": ["ann", "ann"]}),
            "priorities of hospital 'x': resident 'ann' is listed more than once",
        ),
        (({"ann": None}, {"x": []}), "preferences of resident 'ann' = None, must be a list"),
        (({"ann": "x"}, {"x": []}), "preferences of resident 'ann' = 'x', must be a list"),
        ((*NAMED, {"x": 1.5}), "quota of hospital 'x' is 1.5, must be an integer >= 0"),
        ((*NAMED, {"x": -1}), "quota of hospital 'x' is -1, must be >= 0"),
        ((*NAMED, {}), "quotas: hospital 'x' is missing"),
        ((*NAMED, {"x": 1, "z": 1}), "quotas: hospital 'z' is unknown"),
        ((NAMED[0], [[0]]), "must all be mappings"),
    ],
)
def test_bad_lists(arguments: Any, sentence: str) -> None:
    """A sentence that names the list, the entry and the rule."""
    with pytest.raises(ValueError) as error:
        sf.matching.deferred_acceptance(*arguments)
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (([[0]], [[1, 2]], [1]), "the shape of preferences"),
        (([[0]], [[np.nan]], [1]), "the rank of resident 0 at hospital 0 must be a finite number"),
        (([[0, 0]], [[1, 2]], [1]), "hospital 0 is listed more than once"),
        (([[3]], [[1]], [1]), "hospital 3 is unknown"),
        (([[0]], [["a"]], [1]), "priorities must hold numbers"),
        (([[0]], [[1]], None), "quotas = None, must be one integer per hospital"),
    ],
)
def test_bad_ranks(arguments: Any, sentence: str) -> None:
    """The same for markets given by ranks."""
    with pytest.raises(ValueError, match=sentence):
        sf.matching.deferred_acceptance(*arguments, priorities_as="ranks")


def test_unknown_words() -> None:
    """A side or form that does not exist is refused, not ignored."""
    with pytest.raises(ValueError, match="side = 'nobody'"):
        sf.matching.deferred_acceptance([[0]], [[0]], side="nobody")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="priorities_as = 'tables'"):
        sf.matching.deferred_acceptance([[0]], [[0]], priorities_as="tables")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("assignment", "sentence"),
    [
        ([0, 0], "hospital 0 holds 2 residents, its quota is 1"),
        ([-1, 1], "resident 1 is assigned to hospital 1, but the two do not list each other"),
        ([2, -1], "assignment of resident 0 is 2: no such hospital"),
        ([0], "assignment must be 2 integers"),
        ({"ann": 0}, "an assignment by name needs a market given by names"),
    ],
)
def test_not_a_matching(assignment: Any, sentence: str) -> None:
    """Blocking pairs are asked of matchings only."""
    with pytest.raises(ValueError, match=sentence):
        sf.matching.blocking_pairs(assignment, [[0, 1], [0]], [[0, 1], [0]])


def test_no_matching_is_not_stable() -> None:
    """Over quota, or a pair not on both lists: not stable, without an exception."""
    assert not sf.matching.is_stable([0, 0], [[0, 1], [0]], [[0, 1], [0]])
    assert not sf.matching.is_stable([-1, 1], [[0, 1], [0]], [[0, 1], [0]])


def test_assignment_with_unknown_names() -> None:
    """Names that are not in the market are named."""
    with pytest.raises(ValueError, match="resident 'bob' is unknown"):
        sf.matching.blocking_pairs({"bob": "x"}, *NAMED)
    with pytest.raises(ValueError, match="assignment of 'ann': hospital 'z' is unknown"):
        sf.matching.blocking_pairs({"ann": "z"}, *NAMED)


def test_markets_without_anybody() -> None:
    """No residents or no hospitals: one stable assignment, and nothing blocks it."""
    assert [a.tolist() for a in sf.matching.all_stable([], [[], []], [2, 0])] == [[]]
    assert [a.tolist() for a in sf.matching.all_stable([[]], [], [])] == [[-1]]
    assert sf.matching.all_stable({}, {"x": []}, {"x": 1}) == [{}]
    assert len(sf.matching.blocking_pairs([], [], [[], []], [1, 1])) == 0


def test_all_stable_refuses_what_is_too_large() -> None:
    """Ten copies of example 1 side by side: 3^10 stable matchings in 27^10 states."""
    copies = [[[entry + 3 * c for entry in row] for c in range(10) for row in side] for side in GS1]
    with pytest.raises(ValueError, match=f"{27**10} assignments to look at, at most 200000"):
        sf.matching.all_stable(*copies)


def test_market_by_ranks_keeps_its_pairs_in_both_orders() -> None:
    """`place` and its inverse: hospital by hospital, best resident first."""
    market = market_from_ranks([[1, 0], [1, -1], [0, 1]], [[5, 1], [2, 0], [3, 4]], [1, 1])
    pair = market.pair_at_place()
    # hospital 0: residents 0 (rank 1), 2 (rank 3); hospital 1: 1 (2), 2 (4), 0 (5)
    assert market.resident[pair].tolist() == [0, 2, 1, 2, 0]
    assert market.hospital[pair].tolist() == [0, 0, 1, 1, 1]
    assert market.hospital_start.tolist() == [0, 2, 5]


WANTED, RANKED = [[0, 1], [0], [0, 1]], [[1, 0, 2], [2, 0]]
BY_NAME: Any = (
    {"ann": ["x", "y"], "bob": ["x"]},
    {"x": ["ann", "bob"], "y": ["ann"]},
    {"x": 1, "y": 1},
)


@pytest.mark.parametrize("function", [sf.matching.blocking_pairs, sf.matching.is_stable])
@pytest.mark.parametrize(
    "arguments",
    [(WANTED, RANKED, [1, 1], [1, 0, -1]), (WANTED, RANKED, [1, 0, -1]), (*BY_NAME, {"ann": "x"})],
)
def test_the_assignment_comes_first(function: Any, arguments: Any) -> None:
    """Given last, as in other packages: the sentence says what stands there, and the order."""
    with pytest.raises(
        ValueError, match=r"^assignment = .*, must be one hospital for each"
    ) as error:
        function(*arguments)
    assert "the order is assignment, preferences, priorities, quotas" in str(error.value)


ORDER = "the order is preferences (of residents), priorities (of hospitals), quotas"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((RANKED, WANTED, [1, 1]), "2 quotas given for 3 hospitals"),
        ((WANTED, [1, 1], RANKED), "priorities of hospital 0 = 1, must be a list of integers"),
        (([1, 1], WANTED), "preferences of resident 0 = 1, must be a list of integers"),
        ((BY_NAME[1], BY_NAME[0], BY_NAME[2]), "quotas: hospital 'x' is unknown, it is a resident"),
        ((BY_NAME[0], BY_NAME[2], BY_NAME[1]), "priorities of hospital 'x' = 1, must be a list"),
    ],
)
@pytest.mark.parametrize("function", [sf.matching.deferred_acceptance, sf.matching.all_stable])
def test_sides_in_each_other_s_places(function: Any, arguments: Any, sentence: str) -> None:
    """What can be seen of it is said with the order; one wrong list among right ones is not."""
    with pytest.raises(ValueError) as error:
        function(*arguments)
    assert sentence in str(error.value)
    assert str(error.value).endswith(ORDER)
    with pytest.raises(ValueError) as error:
        function([[0], None], [[0, 1]])
    assert ORDER not in str(error.value)


def test_an_assignment_the_wrong_way_round() -> None:
    """Hospital -> resident is recognised as such."""
    with pytest.raises(ValueError, match=r"'x' is unknown, it is a hospital: must be resident ->"):
        sf.matching.blocking_pairs({"x": "ann"}, *BY_NAME)
