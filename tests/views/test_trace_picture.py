"""The picture of a trace."""

from __future__ import annotations

from pathlib import Path

import pytest

import splitfog as sf
from splitfog.instances.records import changed


def drawn(trace: sf.Trace, folder: Path) -> str:
    """The text of its SVG."""
    sf.draw_trace(trace, folder / "t.svg")
    return (folder / "t.svg").read_text()


def test_a_chart_a_quantity_and_a_name_a_series(tmp_path: Path) -> None:
    """What is not in the trace is not drawn; names are shown as they are."""
    link = sf.generate_trace("fading", duration_s=30, link="a<b,c", directions="both").series[0]
    load = sf.generate_trace("load", duration_s=30).series[0]
    trace = sf.Trace(name="two & more", duration_s=30, end="hold", series=(link, load))
    picture = drawn(trace, tmp_path)
    assert "two &amp; more" in picture and "a&lt;b ↔ c" in picture and "edge0" in picture
    assert "bandwidth" in picture and "load" in picture and "latency" not in picture
    assert "then the last values stay" in picture


def test_the_same_trace_gives_the_same_bytes(tmp_path: Path) -> None:
    """Whatever the time and the settings."""
    trace = sf.load_trace("norway-bus-1")
    assert drawn(trace, tmp_path) == drawn(trace, tmp_path)


def test_long_traces_are_drawn_in_little_room(tmp_path: Path) -> None:
    """100,000 values as the least and the most of stretches: a single high one is seen."""
    trace = sf.generate_trace("fading", duration_s=1e5)
    (series,) = trace.series
    picture = drawn(trace, tmp_path)
    assert len(picture) < 400_000
    flat = (1e6,) * len(series.values)
    spike = (*flat[:5000], 2e6, *flat[5001:])
    pictures = {
        drawn(changed(trace, series=(changed(series, values=values),)), tmp_path)
        for values in (flat, spike)
    }
    assert len(pictures) == 2


def test_nothing_to_draw(tmp_path: Path) -> None:
    """Without series, and with an ending that is no picture's."""
    with pytest.raises(ValueError, match="has no series"):
        sf.draw_trace(sf.Trace(name="t", duration_s=1, series=()), tmp_path / "t.svg")
    with pytest.raises(ValueError, match="must end in one of"):
        sf.draw_trace(sf.load_trace("norway-bus-1"), tmp_path / "t.gif")
