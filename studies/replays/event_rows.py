"""What a replay of events yields: a row an event and way, and a line a way."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from msgspec import Struct

from splitfog.instances.arguments import path
from splitfog.instances.json_files import write_whole
from splitfog.instances.readable import counted, html_table, html_text, in_seconds
from splitfog.solvers.repair.events import Events
from splitfog.studies.exports import csv_text

HEADERS = ("way", "mean latency", "without a plan", "tasks changed", "planning", "at most")


class EventRow(Struct, frozen=True, kw_only=True):
    """What one way came to after one event.

    Attributes
    ----------
    time_s
        Of the event; 0 for the start.
    event
        In words.
    way : "repair", "dina" or "static"
    status
        Of its plan; "infeasible" where a static plan breaks a limit.
    value
        Mean latency in seconds until the next event; None without a plan.
    tasks
        How many there are.
    hit, changed
        How many tasks the event hit, and how many run in another way now; None where it is not
        known.
    seconds
        That planning took.
    """

    time_s: float
    event: str
    way: str
    status: str
    value: float | None
    tasks: int
    hit: int | None
    changed: int | None
    seconds: float


class WaySummary(Struct, frozen=True, kw_only=True):
    """One way over all events.

    Attributes
    ----------
    way : "repair", "dina" or "static"
    mean_s
        Mean latency, in seconds, over the time in which all ways have a plan; None: never.
    without_plan
        Share of the time in which it has none.
    changed
        Tasks that were to run in another way, over all events; None where it is not known.
    median_s, most_s
        Seconds that planning took after an event.
    """

    way: str
    mean_s: float | None
    without_plan: float
    changed: int | None
    median_s: float
    most_s: float


class EventReplay:
    """The rows of a replay of events, in the order of time, then way.

    Attributes
    ----------
    instance
        The name of what it began with.
    events
        What happened.
    rows
        One an event and way, with those of the start.
    """

    def __init__(self, instance: str, events: Events, rows: Sequence[EventRow]) -> None:
        self.instance, self.events, self.rows = instance, events, tuple(rows)

    @property
    def ways(self) -> tuple[WaySummary, ...]:
        """A line a way, over all events."""
        names = tuple(dict.fromkeys(row.way for row in self.rows))
        by_way = {name: [row for row in self.rows if row.way == name] for name in names}
        times = [row.time_s for row in by_way[names[0]]]
        spans = [end - begin for begin, end in pairwise([*times, self.events.duration_s])]
        has_plans = [
            all(by_way[name][at].value is not None for name in names) for at in range(len(times))
        ]
        return tuple(_summary(name, by_way[name], spans, has_plans) for name in names)

    def to_csv(self, file: str | os.PathLike[str]) -> None:
        """Write the rows as CSV, whole or not at all.

        Parameters
        ----------
        file
            Its path.
        """
        write_whole(path("file", file), csv_text(EventRow, self.rows).encode())

    def __repr__(self) -> str:
        ways = ", ".join(
            f"{way.way} {in_seconds(way.mean_s)}" for way in self.ways if way.mean_s is not None
        )
        return (
            f"<EventReplay of {self.instance}: {counted(len(self.events.events), 'event')}; {ways}>"
        )

    def _repr_html_(self) -> str:
        rows = [shown_way(way) for way in self.ways]
        return f"<p>{html_text(repr(self).strip('<>'))}</p>{html_table(HEADERS, rows)}"


def shown_way(way: WaySummary) -> list[str]:
    """The cells of a way's line."""
    return [
        way.way,
        "-" if way.mean_s is None else f"{1e3 * way.mean_s:.5g} ms",
        f"{100 * way.without_plan:.3g} %",
        "-" if way.changed is None else str(way.changed),
        in_seconds(way.median_s),
        in_seconds(way.most_s),
    ]


def _summary(
    name: str, rows: Sequence[EventRow], spans: Sequence[float], has_plans: Sequence[bool]
) -> WaySummary:
    total, weight, without = 0.0, 0.0, 0.0
    for row, span, is_shared in zip(rows, spans, has_plans, strict=True):
        if row.value is None:
            without += span
        elif is_shared:
            total, weight = total + span * row.value, weight + span
    after = rows[1:]
    counts = [row.changed for row in after if row.changed is not None]
    seconds = [row.seconds for row in after] or [0.0]
    return WaySummary(
        way=name,
        mean_s=total / weight if weight else None,
        without_plan=without / sum(spans),
        changed=sum(counts) if len(counts) == len(after) else None,
        median_s=median(seconds),
        most_s=max(seconds),
    )
