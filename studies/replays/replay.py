"""`splitfog.replay`: every way of adapting at every seed; a request is kept once it is over."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from splitfog._version import __version__
from splitfog.deployment.contest.arrivals import MOST
from splitfog.deployment.contest.choosers import BEST_FIXED, require_ways
from splitfog.deployment.contest.measuring import Watched, watched
from splitfog.deployment.contest.ranges import ranges_of
from splitfog.deployment.contest.rows import RequestRow, way_row
from splitfog.deployment.contest.scenes import Scenes
from splitfog.deployment.contest.settings import Settings, checked
from splitfog.formulations.parametric.plan_table import PlanTable
from splitfog.formulations.parametric.policy_file import load_policy, save_policy
from splitfog.formulations.parametric.vary import MOST_FIGURES
from splitfog.formulations.passes import executed_once
from splitfog.instances.arguments import path as path_of
from splitfog.instances.arguments import some, texts, whole, wrong
from splitfog.instances.files import GivenInstance, instance_of
from splitfog.instances.instance import Instance
from splitfog.instances.json_files import write_whole
from splitfog.instances.traces.files import load_trace
from splitfog.instances.traces.joined import joined, traces_of
from splitfog.instances.traces.trace import Trace
from splitfog.solvers.parametric.plan_table import plan_table
from splitfog.studies.progress import Progress
from splitfog.studies.replays.folder import Job, ReplayFolder, ReplayRows
from splitfog.studies.replays.result import FigureCurve, Replay

GivenTrace = Trace | str | os.PathLike[str]

TRACES, SEEDS = (
    "a Trace, a file's path, or a list of them",
    "a whole number >= 0, or a list of them",
)

TABLE, WAYS = "table.json", "ways.json"
"""Beside `requests.csv` in a folder."""


def replay(
    instance: GivenInstance,
    trace: GivenTrace | Sequence[GivenTrace],
    *,
    adapt: str | Sequence[str] = ("argmin", "switch", BEST_FIXED),
    clock: str = "integrated",
    requests: str = "every:1",
    queues: str = "none",
    estimate: str | None = None,
    delay_s: float = 0.0,
    noise: float = 0.0,
    measure: str = "used",
    probe: tuple[float, float] | None = None,
    switch_cost: float | str | None = None,
    detect_s: float = 1.0,
    seed: int | Sequence[int] = 0,
    table: PlanTable | str | os.PathLike[str] | None = None,
    folder: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> Replay:
    """Replay requests while figures change with time, by several ways of adapting.

    Each request runs by the plan that a way chooses when it arrives, from what has been measured
    by then; all ways at one seed see the same arrivals and the same noise. docs/replay.md says
    what is measured, and how ways are compared.

    Parameters
    ----------
    instance
        With one task; or the path of its file.
    trace
        A trace, the path of its file, or several, which must give different figures; requests
        arrive for as long as the longest lasts.
    adapt
        Names of ways: `argmin`, `hysteresis:H`, `switch`, `work-function`, `backlog`, `learned`,
        `nominal`, `resolve`, `hpa`, `hpa-local`; and those of hindsight, `best-fixed` and
        `offline`.
    clock : "integrated" or "frozen"
        Whether figures change while a request is under way.
    requests
        `every:S`, or `poisson:R` a second.
    queues : "none" or "fifo"
        Whether requests meet at nodes and links.
    estimate
        `last`, `ewma:A`, `kalman`, `harmonic:N` or `quantile:P,N` of what is measured; None: the
        last, where there is no noise, else `ewma:0.7`.
    delay_s, noise
        How old measurements are; they are multiplied by exp(N(0, noise)).
    measure : "used" or "all"
        Whether only what the plan in use does is measured.
    probe
        (bytes, seconds): what is sent over every link whose bandwidth changes, and how often; None:
        nothing.
    switch_cost
        Seconds of a change of plans; or `weights:NODE`, from where the weights that a change needs
        travel; None: all plans are ready.
    detect_s
        Seconds after which a request that is lost with a node starts again.
    seed
        Of arrivals and noise; one or several.
    table
        The plan table, or the path of its file; None: one over the ranges of all bandwidths and
        loads that the trace changes.
    folder
        Where rows are kept as soon as they are known, so that a replay that was cut short goes on;
        None: nowhere.
    progress
        Told (requests done, in all, what is under way).

    Returns
    -------
    Replay
        Rows in the order way, seed, arrival. Ctrl-C keeps what has ended; before the first request
        it is a KeyboardInterrupt.

    Raises
    ------
    InstanceError
        For traces that do not fit the instance.
    ValueError, LookupError
        For names and arguments that make no sense, a table of another instance, and a folder of
        another replay.
    SolverDeclined
        Where no exact solver makes a table.

    Notes
    -----
    A second for some thousand requests of a small network; O(requests plans) for the clairvoyant.
    The same arguments give the same rows, but for `decision_s`.

    Examples
    --------
    >>> import splitfog as sf
    >>> instance = sf.generate("three-tier", model="alexnet")
    >>> trace = sf.generate_trace("step", directions="forward", duration_s=60)
    >>> found = sf.replay(instance, trace, adapt=["argmin", "best-fixed"], measure="all")
    >>> [way.failed for way in found.ways]
    [0, 0]
    """
    asked = _asked(
        instance,
        trace,
        adapt,
        seed,
        clock=clock,
        requests=requests,
        queues=queues,
        estimate=estimate,
        delay_s=delay_s,
        noise=noise,
        measure=measure,
        probe=probe,
        switch_cost=switch_cost,
        detect_s=detect_s,
    )
    if progress is not None and not callable(progress):
        raise wrong("progress", progress, "a function of (done, total, what)")
    given = _given_table(asked.instance, table)
    if folder is None:
        return _replay(asked, _table(asked, given), ReplayRows(), progress)
    home = path_of("folder", folder)
    rows = ReplayFolder(home, _question(asked, given))
    kept = home / TABLE
    if given is None and kept.exists():
        given = _given_table(asked.instance, kept)
    found_table = _table(asked, given)
    with rows:
        if not kept.exists():
            save_policy(found_table, kept)
        found = _replay(asked, found_table, rows, progress)
    write_whole(home / WAYS, found.to_json())
    return found


@dataclass(frozen=True)
class _Asked:
    """A replay's arguments, checked."""

    instance: Instance
    traces: tuple[Trace, ...]
    ways: tuple[str, ...]
    seeds: tuple[int, ...]
    settings: Settings


def _asked(
    instance: GivenInstance,
    trace: Any,
    adapt: str | Sequence[str],
    seed: int | Sequence[int],
    **settings: Any,
) -> _Asked:
    instance = executed_once(instance_of(instance), "replay", with_state=False)
    if len(instance.tasks) != 1:
        raise ValueError(
            f"{instance.name} has {len(instance.tasks)} tasks, must have one to be replayed"
        )
    is_one = isinstance(trace, Trace | str | os.PathLike)
    given = (trace,) if is_one else some("trace", trace, TRACES)
    traces = traces_of([_loaded(each) for each in given])
    joined(traces, instance)  # refuses what the instance has not
    ways = tuple(dict.fromkeys(texts("adapt", adapt)))
    require_ways(ways)
    numbers = some("seed", seed, SEEDS) if not isinstance(seed, int | np.integer) else (seed,)
    seeds = tuple(dict.fromkeys(whole("seed", number, low=0) for number in numbers))
    how = checked(instance, **settings)
    duration_s = max(each.duration_s for each in traces)
    if how.probe is not None and duration_s / how.probe[1] > MOST:
        allowed = f"at most {MOST} probes in the {duration_s:g} s of the trace"
        raise wrong("probe", how.probe, allowed)
    return _Asked(instance, traces, ways, seeds, how)


def _loaded(given: Any) -> Any:
    return load_trace(given) if isinstance(given, str | os.PathLike) else given


def _given_table(instance: Instance, table: Any) -> PlanTable | None:
    if table is None:
        return None
    given = load_policy(table) if isinstance(table, str | os.PathLike) else table
    if not isinstance(given, PlanTable):
        raise wrong("table", table, "a PlanTable, as splitfog policy --vary finds it, or its file")
    if given.instance_sha256 != instance.sha256:
        raise ValueError(
            f"the table is for another instance, {given.instance}: instance_sha256 = "
            f"{given.instance_sha256}, must be {instance.sha256}"
        )
    return given


def _table(asked: _Asked, given: PlanTable | None) -> PlanTable:
    """The table given, or one over the traces' ranges; it has plans, and they may be in use."""
    table = given
    if table is None:
        fails = any(0 in s.values for t in asked.traces for s in t.series if s.quantity == "up")
        vary = ranges_of(asked.instance, asked.traces)
        if len(vary) > MOST_FIGURES:
            raise ValueError(
                f"the traces change {len(vary)} bandwidths and loads, of which a plan table has at "
                f"most {MOST_FIGURES}: table = None, must be given (splitfog policy --vary)"
            )
        table = plan_table(asked.instance, vary=vary, failures=fails, routes="keep")
        if table.stopped_by == "interrupted":
            raise KeyboardInterrupt  # nothing is replayed by half a table
    if not table.plans:
        raise ValueError(f"the plan table of {table.instance} has no plan: {table.reason}")
    if table.overfull and asked.settings.switch_cost is None:
        raise ValueError(
            f"switch_cost = None, must be given: the plans of the table do not fit together into "
            f"the memory of {', '.join(table.overfull)}"
        )
    return table


def _question(asked: _Asked, table: PlanTable | None) -> dict[str, Any]:
    """All that a row depends on, but for its way and its seed."""
    return {
        "format": "splitfog/replay",
        "version": 1,
        "splitfog_version": __version__,
        "instance": asked.instance.name,
        "instance_sha256": asked.instance.sha256,
        "trace": [trace.name for trace in asked.traces],
        "trace_sha256": [trace.sha256 for trace in asked.traces],
        "table": None if table is None else hashlib.sha256(table.to_json()).hexdigest(),
        **asdict(asked.settings),
    }


def _replay(asked: _Asked, table: PlanTable, rows: ReplayRows, progress: Progress | None) -> Replay:
    """All jobs, and what they came to."""
    scenes = Scenes(asked.instance, asked.traces, table, asked.settings)
    scenes.plans.add(rows.placements)
    jobs = [(way, seed) for seed in asked.seeds for way in asked.ways]
    arrivals = {seed: scenes.arrivals_s(seed) for seed in asked.seeds}
    total = sum(len(arrivals[seed]) for _, seed in jobs)
    done = sum(len(rows.of(job)) for job in jobs)
    best: dict[int, float | None] = {}
    interrupted = False
    try:
        for job in jobs:
            for row in _missing(scenes, job, len(arrivals[job[1]]), rows):
                rows.add(row)
                done += 1
                if progress is not None:
                    progress(done, total, f"{job[0]}, seed {job[1]}")
            rows.placements = scenes.plans.placements
        best = {seed: _best_fixed(scenes, seed, rows) for seed in asked.seeds}
    except KeyboardInterrupt:
        interrupted = True
    ordered = [(way, seed) for way in asked.ways for seed in asked.seeds]
    own = {job: rows.ordered(job) for job in ordered}
    return Replay(
        instance=asked.instance,
        trace=scenes.trace,
        duration_s=scenes.duration_s,
        settings=asked.settings,
        rows=tuple(row for job in ordered for row in own[job]),
        ways=tuple(
            way_row(*job, own[job], scenes.least_s(job[1]))
            for job in ordered
            if own[job] or not interrupted
        ),
        clairvoyant={seed: scenes.least_s(seed) for seed in asked.seeds},
        best_fixed=best,
        plans=scenes.plans.by_name,
        curves=tuple(_curves(scenes)),
        interrupted=interrupted,
    )


def _missing(scenes: Scenes, job: Job, requests: int, rows: ReplayRows) -> Iterator[RequestRow]:
    """The rows of a job that are not kept; all are computed again if one is missing."""
    kept = rows.of(job)
    if len(kept) == requests and all(scenes.plans.has(row.plan) for row in kept.values()):
        return
    for row in scenes.rows(*job):
        if row.request not in kept:
            yield row


def _best_fixed(scenes: Scenes, seed: int, rows: ReplayRows) -> float | None:
    """The regret of the best single plan in hindsight, replayed for it if nobody asked."""
    own = rows.ordered((BEST_FIXED, seed)) or list(scenes.rows(BEST_FIXED, seed))
    return way_row(BEST_FIXED, seed, own, scenes.least_s(seed)).regret


def _curves(scenes: Scenes) -> Iterator[FigureCurve]:
    """Each series of the traces over the time in which requests arrive."""
    for series in watched(scenes.traces):
        steps = series.values.changes(0.0, scenes.duration_s).tolist()
        times = (0.0, *(time for time in steps if time > 0))
        yield FigureCurve(
            name=_name(series),
            quantity=series.quantity,
            times_s=times,
            values=tuple(series.values.sample(times).tolist()),
        )


def _name(series: Watched) -> str:
    """For readers: `bandwidth of device, edge0`."""
    place = series.places[0]
    both = len(series.places) > 1
    arrow = " \u2194 " if both else " \u2192 "
    what = {"bandwidth_bps": "bandwidth", "latency_s": "latency"}.get(
        series.quantity, series.quantity
    )
    return f"{what} of {place if isinstance(place, str) else arrow.join(place)}"
