"""Events of a fog replayed: what the mean latency is when plans are repaired, made anew or left."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from math import inf
from types import MappingProxyType
from typing import Protocol

from splitfog.formulations.objective import Objective
from splitfog.formulations.offloading.loads import Loads
from splitfog.formulations.passes import executed_once
from splitfog.formulations.plan import GivenPlan
from splitfog.formulations.plan_file import PlanFile
from splitfog.instances.arguments import choice, texts, wrong
from splitfog.instances.files import GivenInstance, instance_of
from splitfog.instances.instance import Instance
from splitfog.solvers.repair.carry import carried
from splitfog.solvers.repair.changes import Change, applied
from splitfog.solvers.repair.events import Events, events_of, in_words
from splitfog.solvers.repair.repair import repair, sound_plan
from splitfog.solvers.repair.replan import untouched
from splitfog.solvers.solve import solve
from splitfog.studies.progress import Progress
from splitfog.studies.replays.event_rows import EventReplay, EventRow

WAYS = ("repair", "dina", "static")


def replay_events(
    instance: GivenInstance,
    events: Events | str | os.PathLike[str],
    plan: GivenPlan | None = None,
    ways: str | Sequence[str] = WAYS,
    progress: Progress | None = None,
) -> EventReplay:
    """The mean latency over time while nodes fail, links change and users come and go.

    Parameters
    ----------
    instance
        Before the first event, or the path of its file; for `mean-latency`.
    events
        As `generate_events` and `load_events` give them, or the path of their file.
    plan
        With which all ways begin; None: what `dina` finds.
    ways
        One or more of "repair" (only the tasks that are hit are planned anew), "dina" (all are) and
        "static" (nobody is: every task runs as in the first plan wherever it can, else at home).
    progress
        Called with (events done, events, what happened) before each.

    Returns
    -------
    EventReplay
        `rows`, `ways` (a line each) and `to_csv`.

    Raises
    ------
    ValueError, LookupError, InstanceError
        As `repair`, for events that cannot be.
    """
    before = executed_once(instance_of(instance), "replay", with_state=False)
    events = events_of("events", events)
    names = tuple(dict.fromkeys(texts("ways", ways, f"one or more of {', '.join(WAYS)}")))
    for name in names:
        choice("ways", name, WAYS)
    if progress is not None and not callable(progress):
        raise wrong("progress", progress, "a function of (done, total, text)")
    first = solve(before, "dina", Objective("mean-latency")) if plan is None else plan
    given, loads = sound_plan(before, first)
    if loads is None:
        raise ValueError(f"{before.name}: there is no plan to begin with")
    value = loads.value()[1]
    rows = [_row(0.0, "start", name, before, value=value) for name in names]
    followers = [_FOLLOWERS[name](before, given, loads) for name in names]
    now, steps = before, list(events.steps())
    for position, (time_s, change) in enumerate(steps):
        said = in_words(change)
        if progress is not None:
            progress(position, len(steps), said)
        now = _after(now, change, position)
        rows += [follower.row(time_s, said, now, change) for follower in followers]
    return EventReplay(before.name, events, rows)


def _after(now: Instance, change: Change, position: int) -> Instance:
    """The instance after an event.

    Raises
    ------
    ValueError
        Where it cannot be, with its position.
    """
    try:
        return applied(now, change)
    except (ValueError, LookupError) as error:
        raise ValueError(f"events[{position}]: {error}") from None


def _row(
    time_s: float,
    event: str,
    way: str,
    instance: Instance,
    *,
    value: float | None,
    status: str = "feasible",
    hit: int | None = None,
    changed: int | None = None,
    seconds: float = 0.0,
) -> EventRow:
    return EventRow(
        time_s=time_s,
        event=event,
        way=way,
        status=status,
        value=value,
        tasks=len(instance.tasks),
        hit=hit,
        changed=changed,
        seconds=seconds,
    )


class Follower(Protocol):
    """A way to have a plan after every event."""

    def row(self, time_s: float, event: str, now: Instance, change: Change) -> EventRow:
        """What the mean latency is after one more event."""
        ...


class _Repaired:
    """Follows the events by repairs, each of the plan before."""

    def __init__(self, instance: Instance, plan: PlanFile, loads: Loads) -> None:
        self.instance, self.plan = instance, plan

    def row(self, time_s: float, event: str, now: Instance, change: Change) -> EventRow:
        """What the mean latency is after one more event."""
        self.instance, made, report = repair(self.instance, self.plan, change)
        self.plan = made
        return _row(
            time_s,
            event,
            "repair",
            now,
            value=made.value,
            status=str(made.status),
            hit=len(report.hit),
            changed=len(report.changed),
            seconds=report.seconds,
        )


class _Anew:
    """Follows the events by a plan of `dina` for each, made of nothing."""

    def __init__(self, instance: Instance, plan: PlanFile, loads: Loads) -> None:
        self.objective, self.before = plan.objective, _answers(plan)

    def row(self, time_s: float, event: str, now: Instance, change: Change) -> EventRow:
        """What the mean latency is after one more event."""
        started = time.perf_counter()
        made = solve(now, "dina", self.objective)
        seconds = time.perf_counter() - started
        answers = _answers(made)
        moved = [task for task, own in answers.items() if self.before.get(task) != own]
        self.before = answers
        return _row(
            time_s,
            event,
            "dina",
            now,
            value=made.value,
            status=str(made.status),
            changed=len(moved),
            seconds=seconds,
        )


class _Static:
    """Follows the events by the first plan, with what cannot run so at home."""

    def __init__(self, instance: Instance, plan: PlanFile, loads: Loads) -> None:
        self.loads, self.objective = loads, plan.objective

    def row(self, time_s: float, event: str, now: Instance, change: Change) -> EventRow:
        """What the mean latency is after one more event."""
        left = carried(self.loads, now, self.objective)
        hit = len(left.hit)
        excess, value = untouched(left).value()
        feasible = excess == 0 and value < inf
        return _row(
            time_s,
            event,
            "static",
            now,
            value=value if feasible else None,
            status="feasible" if feasible else "infeasible",
            hit=hit,
        )


def _answers(plan: PlanFile) -> dict[str, tuple[object, object]]:
    """How every task runs."""
    return {own.task: (own.placement, own.stages) for own in plan.tasks}


_FOLLOWERS: Mapping[str, Callable[[Instance, PlanFile, Loads], Follower]] = MappingProxyType(
    {"repair": _Repaired, "dina": _Anew, "static": _Static}
)
