"""The traces that come with splitfog, by name."""

from __future__ import annotations

from pathlib import Path

import pytest

import splitfog as sf
from splitfog.instances.traces.bundled import FOLDER


@pytest.mark.parametrize("name", sf.bundled_traces())
def test_a_bundled_trace(name: str) -> None:
    """Of device - edge0, a few minutes of 0.2 to 6 Mbit/s, with the paper to cite."""
    trace = sf.load_trace(name)
    assert trace.name == name
    assert trace.series[0].link == ("device", "edge0")
    assert 60 < trace.duration_s < 400
    assert all(2e5 < value < 6e6 for value in trace.series[0].values)
    assert "Riiser" in trace.meta["reference"]


def test_they_are_the_eight_of_the_folder() -> None:
    """With the licence of the copy and the paper beside them."""
    assert len(sf.bundled_traces()) == len(list(FOLDER.glob("norway_*"))) == 8
    assert "Permission is hereby granted" in (FOLDER / "LICENSE.txt").read_text()
    assert "2483977.2483991" in (FOLDER / "SOURCE.md").read_text()


def test_of_another_link() -> None:
    """Both ways, or one."""
    both = sf.load_trace("norway-car-2@edge0,cloud,both").series[0]
    assert (both.link, both.directions) == (("edge0", "cloud"), "both")
    one = sf.load_trace("norway-car-2@edge0,cloud").series[0]
    assert (one.link, one.directions) == (("edge0", "cloud"), "forward")


def test_a_file_of_that_name_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the folder holds is what is meant."""
    trace = sf.generate_trace("load")
    sf.save_trace(trace, tmp_path / "norway-bus-1")
    monkeypatch.chdir(tmp_path)
    assert sf.load_trace("norway-bus-1") == trace


def test_names_that_are_none() -> None:
    """Those there are are told; a link has two ends."""
    with pytest.raises(sf.InstanceError, match="no bundled trace, which are norway-bus-1, norw"):
        sf.load_trace("norway-bus")
    with pytest.raises(sf.InstanceError, match="the link is 'a', must be FROM,TO"):
        sf.load_trace("norway-bus-1@a")
