"""One `solve` call as a job: run here or in processes, timed by one rule, and never lost.

The timing rule: a row's `runtime_s` is that of the `solve` call on an instance as if just loaded,
after the solver has once solved a two-layer instance in the same process. So nobody pays for
imports, and everybody for the arrays that an instance keeps once they are made; but not for the
bounds on mean latencies, which no solver makes: they are made once for all runs on an instance.
"""

from __future__ import annotations

import json
import os
import pickle
import platform
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from math import inf
from typing import Any

import msgspec

from splitfog._version import __version__
from splitfog.formulations.deadline import Deadline
from splitfog.formulations.objective import Objective
from splitfog.formulations.passes import of_pass
from splitfog.formulations.plan import Plan
from splitfog.formulations.stage_bounds.best_bound import bounds_made, keep_bounds
from splitfog.instances.instance import Instance
from splitfog.instances.plugins.found import OURS, BrokenPlugin
from splitfog.instances.records import Layer, Link, Model, Node, Task
from splitfog.solvers.base import SolverDeclined
from splitfog.solvers.functions import Function
from splitfog.solvers.solve import info_of, solve
from splitfog.studies.row import Declined, Row, Run

Progress = Callable[[int, int, str], None]
"""Called with (runs done, runs in all, what has just ended)."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """One `solve` call of a comparison; `problem` numbers the pair of instance and objective."""

    problem: int
    instance: Instance
    objective: Objective
    solver: str | Function
    seed: int
    time_limit_s: float | None
    shown: bool = True
    """False for a baseline that runs only for its value."""

    @property
    def solver_name(self) -> str:
        """The solver's name, as rows bear it."""
        return info_of(self.solver).name


@dataclass(frozen=True)
class Ran:
    """The row of one run, how it was run, and whether its plan has slices."""

    row: Row
    run: Run
    is_sliced: bool = False

    @property
    def instance(self) -> str:
        """The instance's name."""
        return self.row.instance

    @property
    def solver(self) -> str:
        """The solver's name."""
        return self.row.solver


Outcome = Ran | Declined

Bounds = tuple[float | None, ...]
"""What `bounds_made` gives."""


def run_all(
    work: Sequence[Job], jobs: int, progress: Progress | None
) -> tuple[list[Outcome | None], bool]:
    """What every job came to (None: not run), and whether Ctrl-C stopped it.

    `jobs` is the number of processes; every run is in its own place, whenever it ends.
    """
    outcomes: list[Outcome | None] = [None] * len(work)
    run = _run_here if jobs == 1 or len(work) < 2 else _run_in_processes
    done = 0

    def keep(position: int, outcome: Outcome) -> None:
        nonlocal done
        outcomes[position], done = outcome, done + 1
        if progress is not None:
            progress(done, len(work), f"{outcome.instance} {outcome.solver}")

    try:
        run(work, jobs, keep)
    except KeyboardInterrupt:
        return outcomes, True
    return outcomes, False


def _run_here(work: Sequence[Job], _: int, keep: Callable[[int, Outcome], None]) -> None:
    for position, (job, bounds) in enumerate(_with_bounds(work)):
        outcome = run_job(job, bounds)
        keep(position, outcome)
        if isinstance(outcome, Ran) and outcome.row.stopped_by == "interrupted":
            raise KeyboardInterrupt  # `solve` kept the best so far; the rest shall not start


def _run_in_processes(work: Sequence[Job], jobs: int, keep: Callable[[int, Outcome], None]) -> None:
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor, as_completed

    others = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(
        min(jobs, len(work)), multiprocessing.get_context("spawn"), initializer=_calm_worker
    )
    try:
        positions = {
            pool.submit(run_job, *job): position for position, job in enumerate(_with_bounds(work))
        }
        for future in as_completed(positions):
            position = positions[future]
            lost = future.exception()
            crashed = lost and _crash(work[position], lost, None, _now())
            keep(position, crashed or future.result())
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        for worker in set(multiprocessing.active_children()) - others:
            worker.terminate()
        raise
    pool.shutdown()


def _calm_worker() -> None:
    """A worker leaves Ctrl-C and warnings of plug-ins to the parent, and standard output clean."""
    import os
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.dup2(2, 1)
    warnings.simplefilter("ignore", BrokenPlugin)


def _with_bounds(work: Sequence[Job]) -> Iterator[tuple[Job, Bounds]]:
    """Every job, with the bounds on mean latencies of its problem, made for the first of them."""
    problem: int | None = None
    bounds: Bounds = ()
    for job in work:
        if job.problem != problem:
            problem, bounds = job.problem, _bounds_of(job)
        yield job, bounds


def _bounds_of(job: Job) -> Bounds:
    """The bounds on mean latencies of a job's instance, as many as are made in a run's time."""
    if job.objective.name != "mean-latency":
        return ()
    limit_s = inf if job.time_limit_s is None else job.time_limit_s
    try:
        instance = of_pass(job.instance, job.objective.pass_name)
        return bounds_made(instance, Deadline(time.perf_counter() + limit_s))
    except Exception:
        return ()  # what is wrong will show in the rows


def run_job(job: Job, bounds: Bounds = ()) -> Outcome:
    """The row of one run without its gap and speed-up, or why the solver does not apply.

    `bounds`: those on mean latencies of its instance that were made before.
    """
    if isinstance(job.solver, str):  # a function sees no instance but those it is given
        _warm_up(job.solver, job.objective)
    instance, started_at = _as_loaded(job.instance), _now()
    if bounds:
        keep_bounds(of_pass(instance, job.objective.pass_name), bounds)
    started = time.perf_counter()
    try:
        plan = solve(
            instance,
            job.solver,
            job.objective,
            time_limit_s=job.time_limit_s,
            seed=job.seed,
        )
    except SolverDeclined as declined:
        return Declined(
            instance=job.instance.name,
            objective=job.objective.name,
            solver=job.solver_name,
            reason=declined.why,
        )
    except Exception as error:
        return _crash(job, error, time.perf_counter() - started, started_at)
    row = _row(
        job,
        status=plan.status or "unknown",
        stopped_by=plan.stopped_by,
        value=plan.value,
        lower_bound=plan.lower_bound,
        upper_bound=plan.upper_bound,
        proven_over=plan.proven_over,
        runtime_s=plan.runtime_s,
        reason=plan.reason,
    )
    is_sliced = any(entry.stages for entry in plan.tasks)
    return Ran(row, _run(job, started_at, plan), is_sliced)


def _crash(job: Job, error: BaseException, runtime_s: float | None, started_at: str) -> Ran:
    reason = " ".join(f"{type(error).__name__}: {error}".split())
    row = _row(job, status="error", runtime_s=runtime_s, reason=reason)
    return Ran(row, _run(job, started_at, None))


def _row(job: Job, **outcome: Any) -> Row:
    return Row(
        instance=job.instance.name,
        objective=job.objective.name,
        solver=job.solver_name,
        seed=job.seed,
        instance_sha256=job.instance.sha256,
        file=job.instance.read_file,
        **outcome,
    )


def _run(job: Job, started_at: str, plan: Plan | None) -> Run:
    origin = info_of(job.solver).origin
    options = {} if job.time_limit_s is None else {"time_limit_s": job.time_limit_s}
    return Run(
        options=json.dumps(options),
        plan=None if plan is None else msgspec.json.encode(plan).decode(),
        progress=None if plan is None else msgspec.json.encode(plan.progress).decode(),
        splitfog_version=__version__,
        plugin=None if origin in ("", OURS) else origin,
        machine=_machine(),
        started_at=started_at,
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


@cache
def _machine() -> str:
    """Name, system, processor, CPUs: whose seconds these are."""
    system = f"{platform.system()} {platform.release()}"
    return f"{platform.node()}, {system}, {platform.machine()}, {os.cpu_count()} CPUs"


def _as_loaded(instance: Instance) -> Instance:
    """The same instance without what earlier runs have kept: as a process beside gets it."""
    fresh: Instance = pickle.loads(pickle.dumps(instance))
    return fresh


@cache
def _warm_up(solver: str, objective: Objective) -> None:
    """Have the solver import what it needs, on an instance of two layers."""
    instance = Instance(
        name="warm-up",
        tiers=("device", "cloud"),
        nodes=tuple(Node(name=n, tier=n, speed_flops=1e9) for n in ("device", "cloud")),
        links=(Link(tail="device", head="cloud", bandwidth_bps=1e9),),
        models=(
            Model(
                name="model",
                layers=(
                    Layer(name="input", op="input", output_bytes=1e6),
                    Layer(name="layer", op="other", inputs=("input",), flops=1e6, output_bytes=1e6),
                ),
            ),
        ),
        tasks=(Task(name="task", model="model", source="device"),),
    )
    with suppress(Exception):  # what is wrong with it will show in its row
        plan = solve(instance, solver, objective, time_limit_s=0.1)
        if plan.stopped_by == "interrupted":
            raise KeyboardInterrupt  # `solve` took it for its own
