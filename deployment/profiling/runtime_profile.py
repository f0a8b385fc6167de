"""ONNX Runtime's profile (JSON): how long each operator of the graph took, run by run.

Its events are whole microseconds, cut off below, so that half of one is added to each.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from typing import Any

from splitfog.instances.defects import InstanceError, shown
from splitfog.instances.json_files import parse_json

KERNEL = "_kernel_time"
"""What follows an operator's name in the name of its event."""

RUN = "model_run"

LEAST_RUNS = 20
"""Below, the least time of a layer is not settled."""

LEAST_RUN_S = 2e-3
"""A whole run below this leaves layers of a few microseconds, in which they are counted."""

HALF_US = 0.5


@dataclass(frozen=True)
class RuntimeProfile:
    """Seconds of operators, by their names.

    Attributes
    ----------
    runs : how many there were.
    seconds : by operator, one entry for each run in which it was executed, in their order.
    """

    runs: int
    seconds: dict[str, list[float]]

    def warm(self) -> RuntimeProfile:
        """The profile without its first run, where there are more."""
        if self.runs < 2:
            return self
        later = {name: own[1:] if len(own) > 1 else own for name, own in self.seconds.items()}
        return RuntimeProfile(self.runs - 1, later)


@dataclass(frozen=True)
class _Event:
    name: str
    start: float
    duration: float

    @property
    def end(self) -> float:
        return self.start + self.duration


def read_runtime_profile(content: bytes, origin: str) -> RuntimeProfile:
    """What a profile says of the graph's own operators; those inside control flow are its time.

    Parameters
    ----------
    content
        Of the file that `enable_profiling` writes.
    origin
        What errors call it.

    Raises
    ------
    InstanceError
        Where it is no such file, is cut short or holds times that none are.
    """
    events, _ = parse_json(content, origin)
    if not isinstance(events, list):
        raise InstanceError(origin, [f"the file = {shown(events)}, must be a list of events"])
    defects: list[str] = []
    runs = sorted(each.start for each in _events(events, "Session", defects) if each.name == RUN)
    nodes = sorted(
        _events(events, "Node", defects, timed=bool(runs)),
        key=lambda event: (event.start, -event.end),
    )
    if defects:
        raise InstanceError(origin, defects)
    if not nodes:
        raise InstanceError(origin, ["it holds no run, must be what a run with profiling writes"])
    if not runs:
        return _in_turn(nodes)
    longest: dict[tuple[str, int], float] = {}
    for event in _outermost(nodes):
        key = event.name, bisect_right(runs, event.start)
        longest[key] = max(longest.get(key, 0.0), event.duration)
    seconds: dict[str, list[float]] = {}
    for (name, _), duration in sorted(longest.items(), key=lambda item: item[0][1]):
        seconds.setdefault(name, []).append((duration + HALF_US) / 1e6)
    return RuntimeProfile(len(runs), seconds)


def _in_turn(nodes: list[_Event]) -> RuntimeProfile:
    """Where no run is told: an operator's events are those of one run after another."""
    seconds: dict[str, list[float]] = {}
    for event in nodes:
        seconds.setdefault(event.name, []).append((event.duration + HALF_US) / 1e6)
    return RuntimeProfile(max(map(len, seconds.values())), seconds)


def _events(
    entries: list[Any], category: str, defects: list[str], timed: bool = True
) -> Iterator[_Event]:
    """The events of a category: of nodes, only what their kernels take.

    Without `timed` they may lack their time, and have all the same.
    """
    for position, entry in enumerate(entries):
        if not isinstance(entry, dict):
            if category == "Node":
                defects.append(f"[{position}] = {shown(entry)}, must be an object")
            continue
        name = entry.get("name")
        if entry.get("cat") != category or not isinstance(name, str):
            continue
        if category == "Node" and not name.endswith(KERNEL):
            continue
        if not timed and "ts" not in entry:
            entry = {**entry, "ts": 0}
        wrong = [key for key in ("ts", "dur") if not _is_time(entry.get(key))]
        for key in wrong:
            told = shown(entry[key]) if key in entry else "missing"
            defects.append(f"[{position}].{key} = {told}, must be a finite number >= 0")
        if not wrong:
            yield _Event(name.removesuffix(KERNEL), entry["ts"], entry["dur"])


def _is_time(value: Any) -> bool:
    return type(value) in (int, float) and isfinite(value) and value >= 0


def _outermost(events: list[_Event]) -> Iterator[_Event]:
    """Those that lie in no other; they are sorted by start, the longer first."""
    end = 0.0
    for event in events:
        if event.start >= end:
            yield event
            end = event.end
