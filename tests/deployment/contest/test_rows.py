"""A way's figures out of its requests."""

from __future__ import annotations

import pytest

from splitfog.deployment.contest.rows import RequestRow, way_row


def row(request: int, plan: str, latency_s: float | None, restarted: int = 0) -> RequestRow:
    """Of a way at seed 3, whose decisions take 2 s each."""
    return RequestRow(
        trace="trace",
        adapt="way",
        seed=3,
        request=request,
        arrival_s=float(request),
        plan=plan,
        latency_s=latency_s,
        restarted=restarted,
        failed=int(latency_s is None),
        decision_s=2.0,
    )


def test_means_are_over_what_ended() -> None:
    """Three of four: (1 + 2 + 6) / 3 = 3; of sorted 1, 2, 6 the 95th percentile is 2 + .9 x 4.

    Regret over requests 0 and 3, which the clairvoyant ends as well: (1 + 6) / (1 + 4) - 1 = 40 %.
    From plan 0 to 1 and back are two switches: the request without a plan is none.
    """
    rows = [row(0, "0", 1.0), row(1, "1", 2.0, restarted=2), row(2, "", None), row(3, "0", 6.0)]
    found = way_row("way", 3, rows, {0: 1.0, 2: 1.0, 3: 4.0})
    assert (found.adapt, found.seed, found.mean_s) == ("way", 3, 3.0)
    assert found.p95_s == pytest.approx(5.6)
    assert found.regret == pytest.approx(0.4)
    assert (found.switches, found.restarted, found.failed, found.decision_s) == (2, 2, 1, 2.0)


def test_nothing_has_no_means() -> None:
    """Without requests, or where none ended, figures are None and counts are 0."""
    empty = way_row("way", 0, [], {})
    assert (empty.mean_s, empty.p95_s, empty.regret, empty.decision_s) == (None,) * 4
    assert (empty.switches, empty.restarted, empty.failed) == (0, 0, 0)
    failed = way_row("way", 3, [row(0, "0", None)], {0: 1.0})
    assert (failed.mean_s, failed.regret, failed.failed) == (None, None, 1)
    assert way_row("way", 3, [row(0, "0", 0.0)], {0: 0.0}).regret == 0.0
