"""What happens to a fog, and when: nodes that fail and return, links that change, users that come
and go.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from math import inf
from typing import Any, Literal

import numpy as np
from msgspec import Struct, to_builtins

from splitfog.instances.arguments import mapping, number, plain, record, texts, whole
from splitfog.instances.arguments import path as path_of
from splitfog.instances.defects import InstanceError
from splitfog.instances.files import GivenInstance, instance_of
from splitfog.instances.instance import Instance
from splitfog.instances.json_files import decode, encode, read_bytes, write_whole
from splitfog.instances.lookup import unknown_name
from splitfog.instances.read_only import EMPTY, seal
from splitfog.instances.readable import counted
from splitfog.instances.records import Name, Positive
from splitfog.solvers.repair.changes import Change, listed

FORMAT: Literal["splitfog/events"] = "splitfog/events"
VERSION: Literal[1] = 1


class Events(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Changes of a fog in the order of their times, as a file holds them.

    Attributes
    ----------
    name
        For readers.
    duration_s
        Seconds until which they are told.
    events
        Changes as `repair` takes them, each with its `time_s` beside.
    format, version
        Of the file.
    meta
        Free: how they were made.
    """

    name: Name
    duration_s: Positive
    events: tuple[Mapping[str, Any], ...]
    format: Literal["splitfog/events"] = FORMAT
    version: Literal[1] = VERSION
    meta: Mapping[str, Any] = EMPTY

    def __post_init__(self) -> None:
        seal(self, "meta")

    def __repr__(self) -> str:
        return f"<Events {self.name}: {counted(len(self.events), 'event')}, {self.duration_s:g} s>"

    def steps(self) -> Iterator[tuple[float, Change]]:
        """Every change with its time, in order.

        Yields
        ------
        float
            Seconds.
        Mapping
            The change.
        """
        for event in self.events:
            yield event["time_s"], {key: own for key, own in event.items() if key != "time_s"}


def load_events(path: str | os.PathLike[str]) -> Events:
    """The events in a file.

    Parameters
    ----------
    path
        Of the file, `.json` or `.json.gz`.

    Returns
    -------
    Events

    Raises
    ------
    InstanceError
        Listing every defect of the file (at most 20).
    """
    path = path_of("path", path)
    found: Events = decode(read_bytes(path), Events, path.name)
    _require_sound(found, path.name)
    return found


def save_events(events: Events, path: str | os.PathLike[str]) -> None:
    """Write a file of events, whole or not at all.

    Parameters
    ----------
    events
        As `generate_events` and `load_events` give them.
    path
        Of the file; compressed if it ends in `.gz`.
    """
    events = record("events", events, Events, "Events as generate_events gives them")
    _require_sound(events, "events")
    fields = {"format": FORMAT, "version": VERSION, **to_builtins(events)}
    write_whole(path_of("path", path), encode(fields))


def events_of(name: str, given: Events | str | os.PathLike[str]) -> Events:
    """The events themselves, sound, or those in the file that a path names."""
    if isinstance(given, str | os.PathLike):
        return load_events(given)
    events = record(name, given, Events, "Events or the path of their file")
    _require_sound(events, name)
    return events


def _require_sound(events: Events, origin: str) -> None:
    """Refuse events that are no changes, or whose times are none or go back."""
    if defects := list(_defects(events)):
        raise InstanceError(origin, defects)


def _defects(events: Events) -> Iterator[str]:
    earlier = 0.0
    for position, event in enumerate(events.events):
        at = f"events[{position}]"
        try:
            own = mapping(at, event, "an object")
            time_s = number(f"{at}.time_s", own.get("time_s"), low=0)
            listed([{key: value for key, value in own.items() if key != "time_s"}])
        except ValueError as error:
            yield str(error).replace("changes[0]", at).replace("changes", at)
            continue
        if not earlier <= time_s < events.duration_s:
            span = f">= {earlier:g} and < duration_s = {events.duration_s:g}"
            yield f"{at}.time_s = {time_s:g}, must be {span}"
        earlier = max(earlier, time_s)


def generate_events(
    instance: GivenInstance,
    seed: int = 0,
    *,
    duration_s: float = 600.0,
    node_up_s: float = 300.0,
    node_down_s: float = 60.0,
    stay_s: float = 600.0,
    away_s: float = 300.0,
    link_change_s: float = 60.0,
    link_spread: float = 0.5,
    nodes: str | Sequence[str] | None = None,
) -> Events:
    """Random events for an instance, whose nodes are all up and whose users all there at first.

    All times between events are exponential, nominal and independent; `inf` is never.

    Parameters
    ----------
    instance
        Whose nodes, links and tasks; or the path of its file.
    seed
        >= 0; the same seed and figures give the same events.
    duration_s
        How long.
    node_up_s, node_down_s
        Mean seconds until a node fails, and until it returns.
    stay_s, away_s
        Mean seconds until a user leaves, and until he is back; the last one stays.
    link_change_s
        Mean seconds between two changes of some link.
    link_spread
        Standard deviation of the logarithm of its new bandwidth about the instance's.
    nodes
        Those that may fail; None: all that are no task's source or `results_to`.

    Returns
    -------
    Events
        In order of their times.

    Raises
    ------
    ValueError, LookupError
        For figures out of range and for nodes that are unknown or that tasks need.
    """
    instance = instance_of(instance)
    figures = {
        "duration_s": number("duration_s", duration_s, above=0),
        "node_up_s": number("node_up_s", node_up_s, above=0, endless=True),
        "node_down_s": number("node_down_s", node_down_s, above=0, endless=True),
        "stay_s": number("stay_s", stay_s, above=0, endless=True),
        "away_s": number("away_s", away_s, above=0, endless=True),
        "link_change_s": number("link_change_s", link_change_s, above=0, endless=True),
        "link_spread": number("link_spread", link_spread, low=0),
    }
    seed = whole("seed", seed, low=0)
    fragile = _fragile(instance, nodes)
    streams = iter(np.random.SeedSequence(seed).spawn(len(fragile) + len(instance.tasks) + 1))
    told: list[tuple[float, Change]] = []
    for node in fragile:
        rng = np.random.default_rng(next(streams))
        for time_s, is_up in _turns(rng, figures, "node_up_s", "node_down_s"):
            told.append((time_s, {"node": node, "up": is_up}))
    for task in instance.tasks:
        rng = np.random.default_rng(next(streams))
        for time_s, is_there in _turns(rng, figures, "stay_s", "away_s"):
            own = {"task": to_builtins(task), "arrives": True}
            told.append((time_s, own if is_there else {"task": task.name, "leaves": True}))
    told += _link_changes(instance, np.random.default_rng(next(streams)), figures)
    told.sort(key=lambda event: event[0])
    kept = _possible(instance, told)
    said = {name: own for name, own in figures.items() if own < inf}
    return Events(
        name=f"{instance.name}-events-seed{seed}",
        duration_s=figures["duration_s"],
        events=tuple({"time_s": time_s, **change} for time_s, change in kept),
        meta={"seed": seed, "instance": instance.name, **said},
    )


def _fragile(instance: Instance, nodes: str | Sequence[str] | None) -> list[str]:
    """The nodes that may fail."""
    needed = {task.source for task in instance.tasks} | {task.results_to for task in instance.tasks}
    if nodes is None:
        return [node.name for node in instance.nodes if node.name not in needed]
    named = list(texts("nodes", nodes, "names of nodes"))
    for at, name in enumerate(named):
        if name not in instance.node_index:
            raise LookupError(f"nodes[{at}]: {unknown_name(name, instance.node_index, 'node')}")
        if name in needed:
            raise ValueError(f"nodes[{at}] = {name!r} is the source or target of a task, must stay")
    return named


def _turns(
    rng: np.random.Generator, figures: Mapping[str, float], first: str, second: str
) -> Iterator[tuple[float, bool]]:
    """When one of two states ends and the other begins, and whether the first one does."""
    time_s, is_first = 0.0, True
    while True:
        mean = figures[first if is_first else second]
        time_s += inf if mean == inf else float(rng.exponential(mean))
        if time_s >= figures["duration_s"]:
            return
        is_first = not is_first
        yield time_s, is_first


def _link_changes(
    instance: Instance, rng: np.random.Generator, figures: Mapping[str, float]
) -> Iterator[tuple[float, Change]]:
    """Links, drawn alike, that get another bandwidth."""
    time_s, mean = 0.0, figures["link_change_s"]
    while instance.links and mean < inf:
        time_s += float(rng.exponential(mean))
        if time_s >= figures["duration_s"]:
            return
        link = instance.links[int(rng.integers(len(instance.links)))]
        bandwidth = link.bandwidth_bps * float(np.exp(figures["link_spread"] * rng.normal()))
        yield time_s, {"link": [link.tail, link.head], "bandwidth_bps": bandwidth}


def _possible(
    instance: Instance, told: Sequence[tuple[float, Change]]
) -> Iterator[tuple[float, Change]]:
    """Those that can be: no link of a node that is down changes, and the last user stays."""
    down, there = set[str](), {task.name for task in instance.tasks}
    for time_s, change in told:
        if "node" in change:
            (down.discard if change["up"] else down.add)(change["node"])
        elif "link" in change:
            if down & set(change["link"]):
                continue
        elif "leaves" in change:
            if len(there) == 1 or change["task"] not in there:
                continue
            there.discard(change["task"])
        else:
            if change["task"]["name"] in there:
                continue
            there.add(change["task"]["name"])
        yield time_s, change


def in_words(change: Change) -> str:
    """What a change is, for readers: `fog1 down`, `user0 -> fog1: 2e+06 bit/s`."""
    if "node" in change:
        node = change["node"]
        return f"{node if isinstance(node, str) else _name(node)} {_state(change)}"
    if "link" in change:
        ends = " -> ".join(plain(change["link"]))
        if "up" in change:
            return f"{ends} {_state(change)}"
        units = {"bandwidth_bps": "bit/s", "latency_s": "s", "delay_s": "s of delay"}
        told = [f"{change[key]:.4g} {unit}" for key, unit in units.items() if key in change]
        return f"{ends}: {', '.join(told)}"
    task = change["task"]
    does = "arrives" if "arrives" in change else "leaves"
    return f"{task if isinstance(task, str) else _name(task)} {does}"


def _name(given: Any) -> str:
    return str(given["name"] if isinstance(given, Mapping) else given.name)


def _state(change: Change) -> str:
    return "up" if change["up"] else "down"
