"""Two solvers on the same instances."""

from __future__ import annotations

from math import inf, log

import pytest

from splitfog.studies.statistics.paired import Tally, advantage, sign_p, tally, wilcoxon_p


@pytest.mark.parametrize(
    ("cost", "other", "expected"),
    [
        (1.0, 2.0, log(2)),
        (2.0, 1.0, -log(2)),
        (1.0, 1.0 + 5e-7, 0.0),  # a tie, within 1e-6
        (1e-9, 2e-9, log(2)),  # relative: none, though they are within 1e-6
        (0.0, 1.0, inf),
        (0.0, 0.0, 0.0),
        (5.0, None, inf),
        (None, 5.0, -inf),
        (None, None, 0.0),
    ],
)
def test_an_advantage(cost: float | None, other: float | None, expected: float) -> None:
    """A logarithm of costs; a failure loses by more than any plan."""
    assert advantage(cost, other) == pytest.approx(expected)


def test_wins_ties_and_losses_are_counted() -> None:
    """Infinite ones too."""
    assert tally([0.1, inf, 0.0, -inf, -2.0, 1e-5]) == Tally(won=3, tied=1, lost=2)


def test_the_sign_test() -> None:
    """Five of five: 2 / 2**5. Four of five: 2 * (1 + 5) / 2**5. Ties do not count."""
    assert sign_p(Tally(won=5, tied=0, lost=0)) == pytest.approx(2 / 32)
    assert sign_p(Tally(won=1, tied=7, lost=4)) == pytest.approx(12 / 32)
    assert sign_p(Tally(won=0, tied=3, lost=0)) == 1


def test_the_signed_rank_test_is_exact_for_few() -> None:
    """Three of three: 2 / 2**3; two ties more have the ranks 1 and 2, and are left out after."""
    assert wilcoxon_p([0.1, 0.2, 0.3]) == pytest.approx(2 / 8)
    assert wilcoxon_p([0.0, 0.1, 0.0, 0.2, 0.3]) == pytest.approx(2 / 8)


def test_an_infinite_advantage_ranks_first() -> None:
    """-inf has rank 4. Of 16 sets of the ranks 1 to 4 seven sum to 4 or less: none, 1, 2, 3, 4,
    1 + 2 and 1 + 3. Ranked last, with 1, there were two: none and 1."""
    assert wilcoxon_p([-inf, 0.1, 0.2, 0.3]) == pytest.approx(2 * 7 / 16)


def test_nothing_but_ties_is_chance() -> None:
    """And warns of nothing."""
    assert wilcoxon_p([0.0, 0.0]) == 1
