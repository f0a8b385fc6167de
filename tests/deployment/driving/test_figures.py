"""What is predicted where links are not as the plan found them."""

from __future__ import annotations

import pytest

from splitfog.deployment.driving.figures import busiest_s, link_seconds, with_bandwidths
from splitfog.deployment.splitting.manifest import PartSlice
from splitfog.deployment.splitting.timeline import predicted_timeline
from splitfog.instances.records import changed
from tests.deployment.driving.relayed import relayed


def test_a_faster_link_saves_what_its_bytes_take_less() -> None:
    """a's 8,000 bits take 0.008 s at 1 Mbit/s and 0.004 s at 2: 0.0775 - 0.004 = 0.0735 s.

    Part by part as much, since nothing overlaps; the box stays the busiest.
    """
    told = with_bandwidths(relayed(), {("pi", "box"): 2e6})
    assert told.predicted.latency_s == pytest.approx(0.0735)
    assert told.predicted.period_s == pytest.approx(0.03)
    assert predicted_timeline(told).end_s == pytest.approx(0.0735)
    assert told.tensor("a").predicted_s["2-box"] == pytest.approx(0.0055)
    assert told.tensor("a").predicted_s["1-server"] == pytest.approx(0.0055 + 0.006)


def test_a_slow_link_becomes_the_bottleneck() -> None:
    """At 0.1 Mbit/s a occupies it for 0.001 + 0.08 s; its delay occupies nothing."""
    told = with_bandwidths(relayed(), {("pi", "box"): 1e5})
    assert told.predicted.period_s == pytest.approx(0.081)
    assert told.predicted.latency_s == pytest.approx(0.0775 + 0.072)
    assert busiest_s(told) == pytest.approx(0.081)


def test_the_plans_own_bandwidth_changes_nothing() -> None:
    """Nor does a link that is not there, which the caller refuses."""
    assert with_bandwidths(relayed(), {("pi", "box"): 1e6, ("pi", "moon"): 1.0}) is not None
    assert with_bandwidths(relayed(), {("pi", "box"): 1e6}) == relayed()


def test_of_slices_only_the_timeline_of_parts_is_known() -> None:
    """Their stage overlaps transfers and computing, so that no sum can be mended."""
    manifest = relayed()
    sliced = changed(manifest.parts[1], slice=PartSlice(0, 0, (0, 1), (0, 1)))
    manifest = changed(manifest, parts=(manifest.parts[0], sliced, manifest.parts[2]))
    told = with_bandwidths(manifest, {("pi", "box"): 2e6})
    assert told.predicted.latency_s is None
    assert predicted_timeline(told).end_s == pytest.approx(0.0735)


def test_every_link_has_its_seconds() -> None:
    """As the manifest made by hand derives them, the delay left out."""
    assert link_seconds(relayed()) == pytest.approx(
        {("pi", "box"): 0.009, ("box", "server"): 0.006, ("server", "box"): 0.001}
        | {("box", "pi"): 0.001}
    )
