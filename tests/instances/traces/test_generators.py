"""Families of traces: seeded, as spread and as slow as what was measured, told in `meta`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import splitfog as sf
from splitfog.instances.traces.generators import TRACE_FAMILIES
from splitfog.instances.traces.generators.markov import LEVELS_BPS, MOVES
from splitfog.instances.traces.joined import trace_defects

SEEDS = range(10)


def values(trace: sf.Trace) -> np.ndarray:
    return np.array(trace.series[0].values)


def autocorrelation(x: np.ndarray, lag: int) -> float:
    """Of a series with itself, some steps later."""
    x = x - x.mean()
    return float((x[lag:] * x[:-lag]).mean() / (x * x).mean())


@pytest.mark.parametrize("family", TRACE_FAMILIES)
def test_a_seed_gives_the_same_trace(family: str) -> None:
    """From the options in `meta`, too; another seed gives another, where anything is drawn."""
    trace = sf.generate_trace(family, seed=3)
    assert sf.generate_trace(family, seed=3) == trace
    origin = trace.meta["generator"]
    assert sf.generate_trace(origin["family"], origin["seed"], **origin["options"]) == trace
    assert "nominal" in trace.meta["reference"] or "fitted to" in trace.meta["reference"]
    other = sf.generate_trace(family, seed=4)
    assert (other.series == trace.series) == (family == "step")


def test_fading_of_lte_is_as_measured() -> None:
    """Over ten seeds, on average: spread and memory lie where those of public traces do."""
    drawn = [values(sf.generate_trace("fading", seed=seed)) for seed in SEEDS]
    assert 0.7 <= np.mean([x.std() / x.mean() for x in drawn]) <= 0.9
    for lag, low, high in ((1, 0.6, 0.75), (5, 0.45, 0.65), (10, 0.35, 0.5)):
        assert low <= np.mean([autocorrelation(np.log(x), lag) for x in drawn]) <= high


def test_finer_steps_show_the_same_fading() -> None:
    """At steps of 0.5 s two steps are a second: .65 x .97 + .35 x .2 = .70 of the logarithm."""
    x = np.log(values(sf.generate_trace("fading", seed=1, duration_s=20000, step_s=0.5)))
    assert autocorrelation(x, 2) == pytest.approx(0.70, abs=0.03)
    assert x.std() == pytest.approx(0.75, abs=0.06)


def test_a_median_and_a_spread_of_its_own() -> None:
    """Without any spread it is the median, always."""
    drawn = sf.generate_trace("fading", preset="3g", median_bps=5e6, sigma=0, duration_s=5)
    assert drawn.series[0].values == pytest.approx([5e6] * 5)


def test_markov_moves_as_its_table_says() -> None:
    """Of 100,000 steps the shares of moves differ from the rows, divided by sums, by 0.02."""
    x = values(sf.generate_trace("markov", seed=1, duration_s=1e5))
    places = np.searchsorted(LEVELS_BPS, x)
    assert set(x) == set(LEVELS_BPS.tolist())
    counts = np.zeros((5, 5))
    np.add.at(counts, (places[:-1], places[1:]), 1)
    rows = MOVES / MOVES.sum(axis=1, keepdims=True)
    assert np.abs(counts / counts.sum(axis=1, keepdims=True) - rows).max() < 0.02


def test_outages_come_four_times_a_minute() -> None:
    """For 0.8 s on average: 5.3 % of the time."""
    trace = sf.generate_trace("outages", seed=1, node="edge0", duration_s=1e5)
    up = trace.figures["node", "edge0", "up"]
    assert 1 - up.integral(0, 1e5) / 1e5 == pytest.approx(4 * 0.8 / 60, rel=0.1)
    assert np.sum(values(trace) == 0) / (1e5 / 60) == pytest.approx(4, rel=0.1)


def test_outages_over_a_trace(tmp_path: Path) -> None:
    """Its bandwidth where it is up, else 0; what else is in it stays, so do duration and end."""
    base = sf.load_trace("norway-bus-1").on(link=("a", "b"), directions="forward")
    load = sf.Series(node="n", quantity="load", times_s=(0,), values=(2,))
    given = sf.Trace(name="g", duration_s=200, end="hold", series=(base.series[0], load))
    sf.save_trace(given, tmp_path / "given.json")
    over = sf.generate_trace("outages", seed=2, over=str(tmp_path / "given.json"))
    assert (over.duration_s, over.end, over.series[1]) == (200, "hold", load)
    at = np.linspace(0, 199, 5000)
    before, after = (
        trace.figures["link", "a", "b", "bandwidth_bps"].sample(at) for trace in (given, over)
    )
    assert set(np.unique(after[after != before])) == {0.0}
    assert 0 < np.mean(after == 0) < 0.2
    sf.save_trace(sf.Trace(name="g", duration_s=9, series=(load,)), tmp_path / "load.json")
    with pytest.raises(ValueError, match="must be a trace with a bandwidth"):
        sf.generate_trace("outages", over=str(tmp_path / "load.json"))


def test_a_step_and_a_day() -> None:
    """Half way, or when it is said; a day rises and falls by 40 % around its mean."""
    step = sf.generate_trace("step", before_bps=5, after_bps=7, duration_s=10).series[0]
    assert (step.times_s, step.values) == ((0, 5), (5, 7))
    day = values(sf.generate_trace("diurnal", seed=1))
    assert day.mean() == pytest.approx(9.4e6)
    assert (day.min(), day.max()) == (
        pytest.approx(0.6 * 9.4e6, rel=1e-3),
        pytest.approx(1.4 * 9.4e6, rel=1e-3),
    )


def test_a_load_dwells_and_moves_to_another_level() -> None:
    """Of 1, 2, 5, 10, for 30 s on average, and never to the one it is at."""
    trace = sf.generate_trace("load", seed=1, duration_s=1e5)
    x = values(trace)
    assert set(x) == {1, 2, 5, 10}
    assert (x[1:] != x[:-1]).all()
    assert 1e5 / len(x) == pytest.approx(30, rel=0.1)
    one = sf.generate_trace("load", levels=[3], node="n").series[0]
    assert (one.node, one.values) == ("n", (3,))


@pytest.mark.parametrize(
    ("family", "options", "sentence"),
    [
        ("fadin", {}, "did you mean 'fading'"),
        ("fading", {"preset": "5g"}, "preset = '5g', must be one of lte, 3g, wi-fi"),
        ("fading", {"link": "device"}, "link = 'device', must be two names with a comma"),
        ("fading", {"duration_s": 1e9}, "must be <= 1e\\+06 values"),
        ("load", {"levels": "1,0"}, "levels = '1,0', must be finite numbers > 0 with commas"),
        ("load", {"node": ""}, "node = '', must be a name"),
        ("outages", {"mean_s": 20}, "are a minute or more, must be less"),
        ("step", {"at_s": 600}, "at_s = 600, must be < 600"),
        ("markov", {"seeds": 2}, "unknown option of family markov 'seeds'"),
    ],
)
def test_what_makes_no_sense(family: str, options: dict[str, Any], sentence: str) -> None:
    """Is refused in a sentence."""
    with pytest.raises((ValueError, LookupError), match=sentence):
        sf.generate_trace(family, **options)


@pytest.mark.parametrize("family", TRACE_FAMILIES)
def test_every_family_suits_the_instances_without_further_words(family: str) -> None:
    """The default of one is the default of the other: names are there, ways are those of links."""
    assert trace_defects(sf.generate_trace(family), sf.generate("three-tier")) == []
