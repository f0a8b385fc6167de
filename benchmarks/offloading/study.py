"""`dina` beside every rival on generated fog networks: `python -m benchmarks.offloading.study`.

Appends one row a run to notebooks/data/offloading.csv and skips what stands there already, so it
can be stopped and resumed; `python -m benchmarks.offloading.study 1000` measures one size only, so
two sizes can be measured side by side. `python -m benchmarks.offloading.study report` prints the
tables and draws the pictures of the study page out of that file.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from time import process_time
from typing import Any, NamedTuple

from benchmarks.common import asked_for
from splitfog import Instance, Plan, SolverDeclined, generate, simulate, solve
from splitfog.formulations.audit import audit_claims
from splitfog.formulations.games.audit import audit_of
from splitfog.formulations.plan import decision_of
from splitfog.formulations.priced_bounds.without_stages import bound_without_stages
from splitfog.formulations.stage_bounds.best_bound import best_mean_latency_bound

RESULTS = Path(__file__).parents[2] / "notebooks" / "data" / "offloading.csv"
BOUNDS = RESULTS.with_name("offloading-bounds.csv")
NARROW, CUTS = "dina-narrow", "dina-cuts"
"""`dina` with the plans of the paper's kind only, and without stages."""
OPTIONS = {NARROW: {"plans": "narrow"}, CUTS: {"plans": "cuts"}}
SOLVERS = (
    "dina",
    "best-response",
    NARROW,
    CUTS,
    "greedy-match",
    "dads",
    "neurosurgeon",
    "edge-only",
    "cloud-only",
    "nearest",
    "random-match",
    "local",
)
EXACT = ("joint-ilp", "dina-o", "offload-ilp")
"""At 10 users: the best of a catalogue, and DINA-P's first pass matched: by DINA-O, and best."""
EXACT_LIMIT_S = 30.0
SEEDS = {10: 20, 100: 20, 1000: 3}
UTILISATIONS = (0.3, 0.5, 0.7, 0.9, 0.95)
SCALES = (0.1, 0.3, 1.0, 3.0)
BASE_UTILISATION, BASE_SCALE = 0.5, 1.0
REQUESTS = 50_000


class Setting(NamedTuple):
    """One generated network."""

    users: int
    utilisation: float
    bandwidth_scale: float
    radio: str
    seed: int

    def instance(self) -> Instance:
        """The network, anew."""
        return generate("fog", **self._asdict())


class Run(NamedTuple):
    """One solver on one network; None where there is no plan or no such figure.

    `exchanges_left` find the consent `total`; `regret_s` is the mean over the tasks.
    """

    users: int
    utilisation: float
    bandwidth_scale: float
    radio: str
    seed: int
    solver: str
    status: str
    formula_s: float | None = None
    simulated_s: float | None = None
    half_width_s: float | None = None
    p95_s: float | None = None
    gap: float | None = None
    runtime_s: float = 0.0
    swaps: int | None = None
    blocking_pairs: int | None = None
    exchanges_left: int | None = None
    regret_s: float | None = None
    proven: bool | None = None
    stopped_by: str | None = None
    reason: str | None = None


class Bounds(NamedTuple):
    """What no plan of one network is below, and no plan without stages; CPU seconds of both."""

    users: int
    utilisation: float
    bandwidth_scale: float
    radio: str
    seed: int
    bound_s: float | None
    without_stages_s: float | None
    processor_s: float


def settings() -> Iterator[Setting]:
    """Both sweeps for 10 and 100 users, and parallel radios; for 1,000 the base and its ends."""
    for users in (10, 100):
        ways = [(u, BASE_SCALE, "serial") for u in UTILISATIONS]
        ways += [(BASE_UTILISATION, s, "serial") for s in SCALES if s != BASE_SCALE]
        ways += [(BASE_UTILISATION, s, "parallel") for s in (1.0, 3.0)]
        for seed in range(SEEDS[users]):
            for way in ways:
                yield Setting(users, *way, seed)
    ends = (
        (0.5, 1.0, "serial"),
        (0.9, 1.0, "serial"),
        (0.5, 0.1, "serial"),
        (0.5, 1.0, "parallel"),
    )
    for seed in range(SEEDS[1000]):
        for way in ends:
            yield Setting(1000, *way, seed)


def solvers_for(setting: Setting) -> tuple[str, ...]:
    """Who is measured: the exact ones where they can prove something."""
    return SOLVERS + EXACT if setting.users == 10 else SOLVERS


def measured(setting: Setting, instance: Instance, solver: str) -> Run:
    """One run, its plan simulated too."""
    try:
        limit = EXACT_LIMIT_S if solver in EXACT else None
        name, options = ("dina", OPTIONS[solver]) if solver in OPTIONS else (solver, {})
        plan = solve(instance, name, seed=setting.seed, time_limit_s=limit, options=options)
    except SolverDeclined as declined:
        return _without_plan(setting, solver, "declined", str(declined))
    if plan.value is None:
        return _without_plan(setting, solver, plan.status or "unknown", plan.reason)
    found = simulate(instance, plan, requests=REQUESTS, seed=setting.seed).overall
    audit = audit_claims(plan.audit) or {}
    decision = decision_of(instance, plan)
    if "blocking_pairs" not in audit:
        audit |= audit_claims(audit_of(instance, decision, plan.objective))
        del audit["swaps"]  # what a rival is not
    return Run(
        **setting._asdict(),
        solver=solver,
        status=plan.status or "",
        formula_s=plan.value,
        simulated_s=found.mean.value_s if found.mean else None,
        half_width_s=found.mean.half_width_s if found.mean else None,
        p95_s=found.p95.value_s if found.p95 else None,
        gap=plan.gap,
        runtime_s=_runtime(plan),
        swaps=audit.get("swaps"),
        blocking_pairs=audit["blocking_pairs"],
        exchanges_left=audit["exchange_blocking"]["total"],
        regret_s=sum(audit["regret_s"].values()) / len(audit["regret_s"]),
        proven=_proven(audit),
        stopped_by=plan.stopped_by,
        reason=plan.reason,
    )


def _proven(audit: dict[str, Any]) -> bool | None:
    """Whether the plan is proven best of its catalogue, or of its subtasks; None: no such claim."""
    claims = audit.get("given_catalogue") or audit.get("given_subtasks")
    return claims and bool(claims["proven"])


def _runtime(plan: Plan) -> float:
    return plan.runtime_s or 0.0


def _without_plan(setting: Setting, solver: str, status: str, reason: str | None) -> Run:
    return Run(**setting._asdict(), solver=solver, status=status, reason=reason)


def bounded(setting: Setting) -> Bounds:
    """The bounds of one network."""
    instance, begun = setting.instance(), process_time()
    return Bounds(
        **setting._asdict(),
        bound_s=best_mean_latency_bound(instance),
        without_stages_s=bound_without_stages(instance),
        processor_s=process_time() - begun,
    )


def stored(path: Path = RESULTS) -> list[dict[str, str]]:
    """The rows measured so far."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def main(sizes: set[int]) -> None:
    """Measure what is missing of these numbers of users."""
    done = {(*(r[k] for k in Setting._fields), r["solver"]) for r in stored()}
    for setting in settings():
        wanted = solvers_for(setting) if setting.users in sizes else ()
        missing = [s for s in wanted if (*map(str, setting), s) not in done]
        if not missing:
            continue
        instance = setting.instance()
        for solver in missing:
            run = measured(setting, instance, solver)
            append(RESULTS, run)
            print(*run[:6], run.status, run.formula_s, f"{run.runtime_s:.1f} s", flush=True)


def bound(sizes: set[int]) -> None:
    """Make what is missing of the bounds of these numbers of users."""
    done = {tuple(row[key] for key in Setting._fields) for row in stored(BOUNDS)}
    for setting in settings():
        if setting.users in sizes and tuple(map(str, setting)) not in done:
            found = bounded(setting)
            append(BOUNDS, found)
            print(*found, flush=True)


def append(path: Path, row: Run | Bounds) -> None:
    """Add a row to a file, below the names of the columns."""
    fresh = not path.exists()
    with path.open("a", newline="") as file:
        csv.writer(file).writerows([row._fields, row] if fresh else [row])


if __name__ == "__main__":
    known = ["report", "bounds", *map(str, SEEDS)]
    what = "`report`, or numbers of users, none: all; `bounds` beside: bounds in place of runs"
    words = asked_for(__doc__, what, known)
    sizes = {int(word) for word in words if word.isdigit()} or set(SEEDS)
    if words == ["report"]:
        from benchmarks.offloading.report import report

        print(report())
    else:
        (bound if "bounds" in words else main)(sizes)
