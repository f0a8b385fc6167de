"""One `solve` call as a job, timed by one rule.

The timing rule: a row's `runtime_s` is that of the `solve` call on an instance as if just loaded,
after the solver has once solved a two-layer instance in the same process. So nobody pays for
imports, and everybody for the arrays that an instance keeps once they are made; but not for the
bounds on mean latencies, which no solver makes: they are made once for all runs on an instance.
"""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
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
from splitfog.instances.plugins.found import OURS, version_of
from splitfog.instances.read_only import EMPTY
from splitfog.instances.records import Layer, Link, Model, Node, Task
from splitfog.solvers.base import SolverDeclined
from splitfog.solvers.functions import Function
from splitfog.solvers.solve import info_of, solve
from splitfog.studies.replays.case import ReplayCase, replayed
from splitfog.studies.row import Declined, Row, Run


@dataclass(frozen=True, kw_only=True)
class Job:
    """One `solve` call of a comparison; `problem` numbers the pair of instance and objective."""

    problem: int
    instance: Instance
    objective: Objective
    solver: str | Function
    options: Mapping[str, Any] = field(default_factory=lambda: EMPTY)
    """The solver's own."""
    name: str = ""
    """What tells the solver from others of the comparison; empty: its own name."""
    seed: int
    time_limit_s: float | None
    memory_limit_bytes: int | None = None
    shown: bool = True
    """False for a baseline that runs only for its value."""
    key: str = ""
    """Under which a store keeps what it came to."""
    replay: ReplayCase | None = None
    """What is replayed in the place of a `solve` call, by the way that `solver` names."""

    @property
    def solver_name(self) -> str:
        """The solver's name, as rows bear it."""
        if self.name or self.replay is not None:
            return self.name or str(self.solver)
        return info_of(self.solver).name

    @property
    def case_name(self) -> str:
        """The instance's name, as rows bear it; of a replay with what it goes through."""
        told = () if self.replay is None else (self.replay.trace, self.replay.world)
        return " ".join([self.instance.name, *filter(None, told)])

    @property
    def is_declined(self) -> bool:
        """Whether the solver declares that it minimises other things."""
        if self.replay is not None:
            return False
        return self.objective.name not in info_of(self.solver).objectives

    @property
    def needs_bounds(self) -> bool:
        """Whether bounds are made for all runs on its instance."""
        return self.objective.name == "mean-latency"


@dataclass(frozen=True)
class Ran:
    """The row of one run, and how it was run."""

    row: Row
    run: Run

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


def bounds_of(job: Job, begun: Callable[[], None] = lambda: None) -> Bounds:
    """The bounds on mean latencies of a job's instance, as many as are made in a run's time.

    Parameters
    ----------
    job
        Any of those on the instance.
    begun
        Called when their time begins.
    """
    begun()
    if not job.needs_bounds:
        return ()
    limit_s = inf if job.time_limit_s is None else job.time_limit_s
    try:
        instance = of_pass(job.instance, job.objective.pass_name)
        return bounds_made(instance, Deadline(time.perf_counter() + limit_s))
    except Exception:
        return ()  # what is wrong will show in the rows


def run_job(job: Job, bounds: Bounds = (), begun: Callable[[], None] = lambda: None) -> Outcome:
    """The row of one run without its gap and speed-up, or why the solver does not apply.

    Parameters
    ----------
    job
        With an instance as if just loaded.
    bounds
        Those on mean latencies of its instance that were made before.
    begun
        Called when the solver has what it needs, and its time begins.
    """
    if job.replay is not None:
        return _replayed(job, job.replay, begun)
    if isinstance(job.solver, str):  # a function sees no instance but those it is given
        _warm_up(job.solver, job.objective, tuple(job.options.items()))
    if bounds:
        keep_bounds(of_pass(job.instance, job.objective.pass_name), bounds)
    begun()
    started_at, started = now(), time.perf_counter()
    try:
        plan = solve(
            job.instance,
            job.solver,
            job.objective,
            time_limit_s=job.time_limit_s,
            seed=job.seed,
            options=job.options,
        )
    except SolverDeclined as declined:
        return Declined(
            instance=job.instance.name,
            objective=job.objective.name,
            solver=job.solver_name,
            reason=declined.why,
        )
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        return failed(job, reason, time.perf_counter() - started, started_at)
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
    return Ran(row, _run(job, started_at, plan))


def _replayed(job: Job, case: ReplayCase, begun: Callable[[], None]) -> Outcome:
    """The row of a replay, whose seconds are those of all its requests."""
    begun()
    started_at, started = now(), time.perf_counter()
    try:
        outcome = replayed(job.instance, case, job.seed)
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        return failed(job, reason, time.perf_counter() - started, started_at)
    row = _row(job, runtime_s=time.perf_counter() - started, **outcome)
    return Ran(row, _run(job, started_at, None))


def failed(job: Job, reason: str, runtime_s: float | None, started_at: str) -> Ran:
    """The row of a run that ended without an answer, and why."""
    row = _row(job, status="error", runtime_s=runtime_s, reason=reason)
    return Ran(row, _run(job, started_at, None))


def _row(job: Job, **outcome: Any) -> Row:
    return Row(
        instance=job.case_name,
        objective=job.objective.name,
        solver=job.solver_name,
        seed=job.seed,
        instance_sha256=job.instance.sha256,
        file=job.instance.read_file,
        **outcome,
    )


def _run(job: Job, started_at: str, plan: Plan | None) -> Run:
    limits = {"time_limit_s": job.time_limit_s, "memory_limit_bytes": job.memory_limit_bytes}
    given: dict[str, Any] = {name: limit for name, limit in limits.items() if limit is not None}
    if job.replay is not None:
        given |= {"adapt": job.replay.adapt, "replay": dict(job.replay.settings)}
        given |= {"vary": dict(job.replay.vary)}
    if job.options:
        given |= {"solver": info_of(job.solver).name, "options": dict(job.options)}
    return Run(
        options=json.dumps(given, default=os.fspath),
        plan=None if plan is None else msgspec.json.encode(plan).decode(),
        progress=None if plan is None else msgspec.json.encode(plan.progress).decode(),
        splitfog_version=__version__,
        plugin=plugin_of(job),
        trace=None if job.replay is None else job.replay.sha256,
        machine=_machine(),
        started_at=started_at,
    )


def plugin_of(job: Job) -> str | None:
    """Name and version of the distribution that brings a job's solver, if that is not ours."""
    origin = distribution_of(job)
    return None if origin is None else f"{origin} {version_of(origin)}"


def distribution_of(job: Job) -> str | None:
    """The name of the distribution that brings a job's solver, if that is not ours."""
    origin = OURS if job.replay is not None else info_of(job.solver).origin
    return None if origin in ("", OURS) else origin


def now() -> str:
    """The time, UTC, as rows bear it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


@cache
def _machine() -> str:
    """Name, system, processor, CPUs: whose seconds these are."""
    system = f"{platform.system()} {platform.release()}"
    return f"{platform.node()}, {system}, {platform.machine()}, {os.cpu_count()} CPUs"


@cache
def _warm_up(solver: str, objective: Objective, options: tuple[tuple[str, Any], ...]) -> None:
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
        plan = solve(instance, solver, objective, time_limit_s=0.1, options=dict(options))
        if plan.stopped_by == "interrupted":
            raise KeyboardInterrupt  # `solve` took it for its own
