"""ONNX Runtime's profile: which events are times of the graph's operators, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

import splitfog as sf
from splitfog.deployment.profiling.runtime_profile import read_runtime_profile


def event(name: str, start: float, duration: float, category: str = "Node") -> dict[str, Any]:
    suffix = "_kernel_time" if category == "Node" else ""
    return {"cat": category, "name": name + suffix, "ts": start, "dur": duration}


def run(start: float, *nodes: dict[str, Any]) -> list[dict[str, Any]]:
    """As it is written: the nodes, then the run that began before them."""
    return [*nodes, event("model_run", start, 1000, "Session")]


def read(events: Any) -> Any:
    return read_runtime_profile(json.dumps(events).encode(), "profile.json")


def test_seconds_by_operator_and_run() -> None:
    """Microseconds, cut off below: 7 is 7.5 on average."""
    events = [*run(0, event("a", 10, 7), event("b", 20, 4)), *run(2000, event("a", 2010, 9))]
    found = read(events)
    assert found.runs == 2
    assert found.seconds == {
        "a": [pytest.approx(7.5e-6), pytest.approx(9.5e-6)],
        "b": [pytest.approx(4.5e-6)],
    }


def test_what_runs_inside_control_flow_is_the_time_of_that() -> None:
    """An If of 50 with two operators inside, one of its own name; the next begins as it ends."""
    events = run(
        0,
        event("if", 12, 5), event("inner", 20, 8), event("if", 10, 50), event("next", 60, 3),
    )  # fmt: skip
    assert read(events).seconds == {
        "if": [pytest.approx(50.5e-6)],
        "next": [pytest.approx(3.5e-6)],
    }


def test_other_events_do_not_count() -> None:
    """Of a session, of a fence, of a thread."""
    others = [
        {"cat": "Session", "name": "session_initialization", "ts": 0, "dur": 5},
        {"cat": "Node", "name": "a_fence_before", "ts": 11, "dur": 5},
        {"cat": "Api", "name": "b_kernel_time", "ts": 11, "dur": 5},
    ]
    assert read([*others, *run(10, event("a", 11, 1))]).seconds.keys() == {"a"}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'[{"cat": "Node", "na', "profile.json: not JSON"),
        (b"\xff\xfe", "profile.json: not UTF-8 text"),
        (b"{}", "profile.json: the file = {}, must be a list of events"),
        (b"[]", "profile.json: it holds no run"),
        (b"[3]", "profile.json: [0] = 3, must be an object"),
        (
            json.dumps(run(0, event("a", 1, -2))).encode(),
            "profile.json: [0].dur = -2, must be a finite number >= 0",
        ),
        (
            json.dumps(run(0, {"cat": "Node", "name": "a_kernel_time", "ts": 3})).encode(),
            "profile.json: [0].dur = missing, must be a finite number >= 0",
        ),
        (
            json.dumps(run(0, event("a", 1, float("nan")))).encode(),
            "profile.json: [0].dur = NaN, must be a finite number >= 0",
        ),
    ],
)
def test_a_wrong_profile_is_one_sentence(content: bytes, reason: str) -> None:
    """Naming the file, the event and the value."""
    with pytest.raises(sf.InstanceError) as error:
        read_runtime_profile(content, "profile.json")
    assert str(error.value).startswith(reason)
    assert len(error.value.defects) == 1
