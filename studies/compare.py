"""The comparison: instances x objectives x solvers x seeds -> rows.

One timing rule: a row's `runtime_s` is that of the `solve` call on an instance as if just loaded,
after the solver has once solved a two-layer instance in the same process. So nobody pays for
imports, and everybody for the arrays that an instance keeps once they are made.
"""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from math import inf

from msgspec.structs import replace as with_fields

from splitfog.formulations.objective import Objective, objective_for
from splitfog.formulations.plan import OPTIMALITY_GAP, ProvenOver, gap_of
from splitfog.instances.records import Instance, Layer, Link, Model, Node, Task
from splitfog.solvers.base import SolverDeclined
from splitfog.solvers.registry import solver_info, solver_infos
from splitfog.solvers.solve import solve
from splitfog.studies.rows import Declined, Row, Table

Progress = Callable[[int, int, str], None]
"""Called with (runs done, runs in all, what has just ended)."""


@dataclass(frozen=True)
class Job:
    """One `solve` call of a comparison; `problem` numbers the pair of instance and objective."""

    problem: int
    instance: Instance
    objective: Objective
    solver: str
    seed: int
    time_limit_s: float | None
    shown: bool = True
    """False for a baseline that runs only for its value."""


@dataclass(frozen=True)
class Ran:
    """The row of one run, and whether its plan has slices."""

    row: Row
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


def compare(
    instances: Instance | Iterable[Instance],
    solvers: str | Sequence[str] | None = None,
    objectives: str | Sequence[str] | None = None,
    seeds: Sequence[int] = (0,),
    baseline: str = "device-only",
    time_limit_s: float | None = None,
    jobs: int = 1,
    transfers: str = "once",
    monotone: bool = True,
    progress: Progress | None = None,
) -> Table:
    """The table of every applicable solver on every instance, objective and seed.

    Parameters
    ----------
    instances
        One or several.
    solvers
        Names; None or "all": every solver and baseline but `auto`, which only chooses among them.
    objectives
        Names; None: each instance's default. An instance that excludes one (`makespan` of two
        tasks) is left out of it, and named in `declined`.
    seeds
        Every solver runs once for each.
    baseline
        Whose value the speed-ups refer to; it need not be among the solvers.
    time_limit_s
        Of each run, in seconds.
    jobs
        Processes; above 1 a calling script needs the `if __name__ == "__main__"` guard.
    transfers, monotone
        As for `solve`.
    progress
        Told of every run that ends.

    Returns
    -------
    Table
        Rows in the order instance, objective, solver, seed, whatever the order they end in. A
        solver that crashes or whose claims are refuted by another's plan has rows of status
        `error`; Ctrl-C keeps what has ended.

    Raises
    ------
    LookupError, ValueError
        For unknown names and arguments that make no sense.
    SolverDeclined
        Where no solver applies anywhere.
    """
    chosen = solver_names(solvers)
    solver_info(baseline)
    if jobs < 1:
        raise ValueError(f"jobs = {jobs}, must be >= 1")
    wanted = [objectives] if isinstance(objectives, str) else objectives
    given = [instances] if isinstance(instances, Instance) else list(instances)
    problems, excluded = _problems(given, wanted, transfers, monotone)
    hidden = [] if baseline in chosen else [baseline]
    work = [
        Job(number, instance, objective, name, seed, time_limit_s, name not in hidden)
        for number, (instance, objective) in enumerate(problems)
        for name in [*hidden, *chosen]
        for seed in dict.fromkeys(seeds)
    ]
    outcomes, interrupted = _run_all(work, jobs, progress)
    rows = _judged([(j, o) for j, o in zip(work, outcomes) if isinstance(o, Ran)], baseline)
    declined = [o for j, o in zip(work, outcomes) if isinstance(o, Declined) and j.shown]
    if declined and not rows and not interrupted:
        raise SolverDeclined(declined[0].solver, declined[0].reason)
    counting = ", ".join(str(Objective("latency", transfers, monotone)).split(", ")[1:])  # type: ignore[arg-type]
    unique = tuple(dict.fromkeys([*excluded, *declined]))
    return Table(tuple(rows), unique, baseline, counting, interrupted)


def solver_names(solvers: str | Sequence[str] | None = None) -> list[str]:
    """The names asked for, checked; None or "all": every solver and baseline but `auto`."""
    if solvers is None or solvers == "all" or list(solvers) == ["all"]:
        return [info.name for info in solver_infos() if info.name != "auto"]
    names = [solvers] if isinstance(solvers, str) else solvers
    return [solver_info(name).name for name in dict.fromkeys(names)]


def _problems(
    instances: Sequence[Instance], objectives: Sequence[str] | None, transfers: str, monotone: bool
) -> tuple[list[tuple[Instance, Objective]], list[Declined]]:
    """Pairs of instance and objective, and those that exclude each other."""
    problems, excluded, errors = [], [], []
    for instance in instances:
        names: list[str | None] = list(dict.fromkeys(objectives)) if objectives else [None]
        for name in names:
            try:
                objective = objective_for(instance, name, transfers, monotone)
            except ValueError as error:
                errors.append(error)
                excluded.append(
                    Declined(
                        instance=instance.name,
                        objective=name or "default",
                        solver="every solver",
                        reason=str(error),
                    )
                )
            else:
                problems.append((instance, objective))
    if errors and not problems:
        raise errors[0]
    return problems, excluded


def _run_all(
    work: Sequence[Job], jobs: int, progress: Progress | None
) -> tuple[list[Outcome | None], bool]:
    """What every job came to (None: not run), and whether Ctrl-C stopped it."""
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
    for position, job in enumerate(work):
        outcome = run_job(job)
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
        positions = {pool.submit(run_job, job): position for position, job in enumerate(work)}
        for future in as_completed(positions):
            position = positions[future]
            lost = future.exception()
            keep(position, future.result() if lost is None else _crash(work[position], lost, None))
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        for worker in set(multiprocessing.active_children()) - others:
            worker.terminate()
        raise
    pool.shutdown()


def _calm_worker() -> None:
    """A worker leaves Ctrl-C to the parent and keeps standard output clean."""
    import os
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.dup2(2, 1)


def run_job(job: Job) -> Outcome:
    """The row of one run without its gap and speed-up, or why the solver does not apply."""
    _warm_up(job.solver, job.objective)
    instance = _as_loaded(job.instance)
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
            solver=job.solver,
            reason=str(declined),
        )
    except Exception as error:
        return _crash(job, error, time.perf_counter() - started)
    row = Row(
        instance=job.instance.name,
        objective=job.objective.name,
        solver=job.solver,
        seed=job.seed,
        status=plan.status or "unknown",
        stopped_by=plan.stopped_by,
        value=plan.value,
        lower_bound=plan.lower_bound,
        proven_over=plan.proven_over,
        runtime_s=plan.runtime_s,
        reason=plan.reason,
    )
    return Ran(row, any(entry.stages for entry in plan.tasks))


def _crash(job: Job, error: BaseException, runtime_s: float | None) -> Ran:
    return Ran(
        Row(
            instance=job.instance.name,
            objective=job.objective.name,
            solver=job.solver,
            seed=job.seed,
            status="error",
            runtime_s=runtime_s,
            reason=" ".join(f"{type(error).__name__}: {error}".split()),
        )
    )


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


def _judged(results: Sequence[tuple[Job, Ran]], baseline: str) -> list[Row]:
    """The rows to show, with gaps and speed-ups; claims that another's plan refutes are errors.

    A plan is judged only by bounds over plans of which it is one: those over all plans, and where
    it has no slices those over placements.
    """
    least: dict[tuple[int, str], float] = {}
    for job, ran in results:
        for over in _classes(ran):
            if ran.row.value is not None:
                key: tuple[int, str] = (job.problem, over)
                least[key] = min(ran.row.value, least.get(key, inf))
    sound = [
        (job, ran, _refuted(ran.row, least.get((job.problem, ran.row.proven_over or "all"))))
        for job, ran in results
    ]
    most: dict[tuple[int, str], float] = {}
    reference: dict[tuple[int, int], float] = {}
    for job, _, row in sound:
        if row.lower_bound is not None and row.proven_over is not None:
            claimed: tuple[int, str] = (job.problem, row.proven_over)
            most[claimed] = max(row.lower_bound, most.get(claimed, 0.0))
        if row.value is not None and row.solver == baseline:
            reference[job.problem, job.seed] = row.value
    return [
        with_fields(
            row,
            gap=_gap(row, [most.get((job.problem, over)) for over in _classes(ran)]),
            speedup=_speedup(reference.get((job.problem, job.seed)), row.value),
        )
        for job, ran, row in sound
        if job.shown
    ]


def _classes(ran: Ran) -> tuple[ProvenOver, ...]:
    """The kinds of plans that a run's plan is one of, whoever made it."""
    return ("all",) if ran.is_sliced else ("all", "placements")


def _refuted(row: Row, best_value: float | None) -> Row:
    """The row, of status `error` if a plan of the comparison disproves what it claims."""
    if best_value is None:
        return row
    if row.status == "infeasible":
        claim = "it claims that there is no plan, but another solver has one"
    elif row.lower_bound is not None and row.lower_bound > best_value * (1 + OPTIMALITY_GAP):
        claim = f"its lower bound {row.lower_bound!r} is above the value {best_value!r} of a plan"
    else:
        return row
    return with_fields(row, status="error", lower_bound=None, proven_over=None, reason=claim)


def _gap(row: Row, others: Sequence[float | None]) -> float | None:
    """The gap to the best bound, the row's own included; 0 where that is above by rounding."""
    bounds = [bound for bound in (row.lower_bound, *others) if bound is not None]
    gap = gap_of(row.value, max(bounds, default=None))
    return None if gap is None else max(gap, 0.0)


def _speedup(reference: float | None, value: float | None) -> float | None:
    if reference is None or value is None:
        return None
    if value == 0:
        return 1.0 if reference == 0 else None
    return reference / value
