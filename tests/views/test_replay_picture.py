"""The picture of a replay: every figure, every way and every plan in it."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import numpy as np
import pytest

from splitfog.instances.records import changed
from splitfog.studies.replays.replay import replay
from splitfog.studies.replays.result import Replay
from splitfog.views.charts import replay as charts
from splitfog.views.replays import draw_replay, print_replay
from tests.cases.replays.two_nodes import SLOWS_DOWN, edge_up, held, two_nodes


@pytest.fixture(scope="module")
def found() -> Replay:
    """Two ways through a link that slows down at 10 s, and an edge that is down from 15 s on."""
    down = held(edge_up((0, 1), (15, 0)), name="failure")
    return replay(two_nodes(), [SLOWS_DOWN, down], adapt=("argmin", "nominal"), measure="all")


def test_the_picture_shows_all_of_it(found: Replay) -> None:
    """Both figures, latencies of both ways and the clairvoyant's, what failed, and the plans."""
    figure = charts._figure(charts._Drawn.of(found, 0))
    bandwidth, up, latencies, plans = figure.axes
    assert bandwidth.get_title(loc="left").startswith("bandwidth of device")
    assert up.get_title(loc="left") == "up of edge"
    labels = latencies.get_legend_handles_labels()[1]
    assert labels == ["argmin", "nominal", "clairvoyant"]
    (line,) = (line for line in latencies.lines if line.get_label() == "argmin")
    at, seconds = np.array(line.get_data())
    assert list(at) == list(range(20)) and list(np.round(seconds, 9)) == [1.2] * 10 + [2.0] * 10
    crosses = [line for line in latencies.lines if line.get_marker() == "x"]
    # nominal's request of 11 s reaches the edge at 15 s; those after it fail, too
    assert [np.array(line.get_xdata()).tolist() for line in crosses] == [[*range(11, 20)]]
    # argmin: 10 s each of both plans; nominal: one plan throughout
    strips = sorted(tuple(bar.get_bbox().intervalx) for bar in plans.patches)  # type: ignore[attr-defined]
    assert strips == [(0, 10), (0, 20), (10, 20)]
    assert [tick.get_text() for tick in plans.get_yticklabels()] == ["argmin", "nominal"]


def test_a_line_of_many_requests_is_of_means() -> None:
    """Of 6,000 requests in 60 s with latency t: 600 points, each the middle of its 0.1 s."""
    arrivals = np.arange(6000) / 100
    at, latency = charts._thinned(np.stack([arrivals, arrivals], axis=1), 60.0)
    assert len(at) == 600 and np.allclose(at, latency)
    # rounding may put a part's first request into the one before, and so its neighbour's
    assert np.abs(at - (0.1 * np.arange(600) + 0.045)).max() < 0.011


def test_of_many_steps_the_least_and_the_most_are_drawn() -> None:
    """A saw of 10,000 teeth between 1 and 2, but one of 0 and one of 9: all four are seen."""
    values = np.where(np.arange(10_000) % 2, 1.0, 2.0)
    values[[4321, 8765]] = 0.0, 9.0
    times, shown = charts._enveloped(np.arange(10_000.0), values)
    assert len(times) == 2000 and (np.diff(times) > 0).all()
    assert set(shown) == {0.0, 1.0, 2.0, 9.0}
    # the 0 is between 4,320 and 4,330 s, as 1,000 stretches of ten steps have it
    assert 4320 <= times[shown.argmin()] < 4330 and 8760 <= times[shown.argmax()] < 8770


def test_a_strip_of_many_changes_shows_the_plan_of_most(found: Replay) -> None:
    """3,000 requests of which every third has another plan: each of 600 parts has that of most."""
    row = found.of("argmin")[0]
    rows = [
        changed(row, request=i, arrival_s=float(i), plan="1" if i % 3 == 0 else "0")
        for i in range(3000)
    ]
    assert charts._runs(rows, 3000.0) == [(0.0, 3000.0, "0")]
    assert len(charts._runs(rows[:600], 600.0)) == 400  # 200 of each plan: all are drawn


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf", ".html"])
def test_files_are_the_same_each_time(found: Replay, suffix: str, tmp_path: Path) -> None:
    """Of all four kinds; HTML has the ways in a table."""
    for name in ("a", "b"):
        draw_replay(found, tmp_path / f"{name}{suffix}")
    content = (tmp_path / f"a{suffix}").read_bytes()
    assert content == (tmp_path / f"b{suffix}").read_bytes() and len(content) > 5000
    if suffix == ".html":
        assert b"<svg" in content and b"<td>nominal</td>" in content


def test_what_cannot_be_drawn_is_refused(found: Replay, tmp_path: Path) -> None:
    """Another ending, and a seed that was not replayed."""
    with pytest.raises(ValueError, match=r"must end in one of .png, .svg, .pdf, .html"):
        draw_replay(found, tmp_path / "replay.doc")
    with pytest.raises(ValueError, match="seed = 4, must be one of 0"):
        draw_replay(found, tmp_path / "replay.svg", seed=4)


def test_seeds_have_a_column_where_there_are_several(found: Replay) -> None:
    """And none where there is one."""
    one, two = StringIO(), StringIO()
    print_replay(found, one)
    print_replay(replay(two_nodes(), SLOWS_DOWN, adapt="nominal", seed=(3, 4)), two)
    assert "seed" not in one.getvalue()
    lines = two.getvalue().splitlines()
    assert "seed" in lines[1] and [line.split()[1] for line in lines[3:5]] == ["3", "4"]
