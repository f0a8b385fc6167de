"""When requests arrive."""

from __future__ import annotations

import numpy as np
import pytest

from splitfog.deployment.contest.arrivals import arrival_times


def test_a_beat_ends_before_the_duration() -> None:
    """0, S, 2 S, ... below 1, which is none of them itself."""
    assert arrival_times("every:0.25", 1.0, seed=3) == (0.0, 0.25, 0.5, 0.75)
    # 10 x 0.1 is 1 in floating point, too
    assert arrival_times("every:0.1", 1.0, seed=3) == tuple((np.arange(10) * 0.1).tolist())
    assert arrival_times("every:7", 1.0, seed=3) == (0.0,)


def test_a_stream_is_poisson_and_its_seed_s() -> None:
    """Of 5 a second over 1,000 s: 5,000 +- 5 deviations, gaps of mean and deviation 1/5."""
    times = np.array(arrival_times("poisson:5", 1000.0, seed=0))
    assert times[0] > 0 and times[-1] < 1000 and (np.diff(times) > 0).all()
    assert abs(len(times) - 5000) < 5 * 5000**0.5
    gaps = np.diff(times)
    # the mean's deviation is .2 / sqrt(5000) = .0028, that of the deviation about the same
    assert abs(gaps.mean() - 0.2) < 0.015 and abs(gaps.std() - 0.2) < 0.015
    assert arrival_times("poisson:5", 1000.0, seed=0) == tuple(times.tolist())
    assert arrival_times("poisson:5", 1000.0, seed=1) != tuple(times.tolist())


@pytest.mark.parametrize("wrong", ["every", "every:0", "every:-1", "poisson:inf", "often:1", 3, ""])
def test_another_form_is_refused(wrong: object) -> None:
    """With the forms that there are."""
    with pytest.raises(ValueError, match=r"requests = .*every:S .* or poisson:R"):
        arrival_times(wrong, 1.0, seed=0)  # type: ignore[arg-type]
