"""`pareto`: the front of two criteria or more, and what kind of front it is."""

from __future__ import annotations

import time
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

from splitfog.formulations.bounds.impossible import impossibility
from splitfog.formulations.deadline import Deadline, TimeIsUp
from splitfog.formulations.decision import Decision
from splitfog.formulations.fronts.criteria import Criteria, criteria_of
from splitfog.formulations.fronts.front import Front, FrontPoint
from splitfog.formulations.plan_file import TaskEntry
from splitfog.instances.arguments import choice, number, whole
from splitfog.instances.files import GivenInstance, instance_of
from splitfog.instances.instance import Instance
from splitfog.instances.records import changed
from splitfog.solvers.base import SolverDeclined, is_strict
from splitfog.solvers.exact.conflict import conflict_sentence
from splitfog.solvers.fronts.archive import Archive
from splitfog.solvers.fronts.epsilon_constraint import RESOLUTION, epsilon_constraint
from splitfog.solvers.fronts.pipelines import latency_and_period, two_latencies
from splitfog.solvers.fronts.search import (
    MOST_ENUMERATED,
    enumerate_front,
    num_decisions,
    search_front,
)
from splitfog.solvers.fronts.supported import supported_front

KINDS = ("exact", "supported", "archive")
TIME_LIMIT_S = 60.0
MOST_PAIRS = 180
"""Of layer and node, for 0-1 programs of passes that nobody asked for."""


def pareto(
    instance: GivenInstance,
    objectives: str | tuple[str, ...] | list[str],
    *,
    transfers: str = "once",
    monotone: bool = True,
    kind: str | None = None,
    time_limit_s: float | None = None,
    seed: int = 0,
    contiguous: str | None = None,
) -> Front:
    """Plans of which none is at least as good as another in every objective.

    Parameters
    ----------
    instance
        What is placed, or the path of its file; plans are unsliced.
    objectives
        Two or more of latency, makespan, period, memory:NODE (bytes of weights there) and
        bytes:FROM,TO (bytes over that directed link); as a list, or one text with commas.
    transfers, monotone, contiguous
        As for `solve`.
    kind
        What to make: "exact" (all of the front), "supported" (its lower convex hull: by minimum
        cuts, fast on large models; of two passes' latencies by `pipeline`) or "archive" (a search);
        None: exact where it ends in time, else the best of the others.
    time_limit_s
        Seconds; None: 60.
    seed
        Of the search.

    Returns
    -------
    Front
        Its `kind` says what is proven. No points where there is no plan, or none was found.

    Raises
    ------
    SolverDeclined
        Where the kind asked for cannot be had, with the reason.
    ValueError, LookupError
        For objectives that make no sense.

    Notes
    -----
    Exact: all of up to 2,000 placements (with `makespan` up to 20,000 placements times orders);
    else, without `makespan`, 0-1 programs with falling limits on all objectives but one (up to a
    relative resolution of 1e-6). The latency and the period of a pass, or of contiguous placements:
    `pipeline` under falling limits on the period, where the model is a chain; over contiguous
    placements, in a ring unless a line is asked for, as `proven_over` says. Other costs of passes:
    programs of up to 180 pairs of layer and node, of more if "exact" is asked for.

    Examples
    --------
    >>> from splitfog.instances.generators import generate
    >>> front = pareto(generate("three-tier"), "latency,bytes:device,edge0")
    >>> front.kind
    'exact'
    """
    criteria = criteria_of(instance_of(instance), objectives, transfers, monotone, contiguous)
    if kind is not None:
        choice("kind", kind, KINDS)
    limit = TIME_LIMIT_S
    if time_limit_s is not None:
        limit = number("time_limit_s", time_limit_s, above=0, endless=True)
    seed = whole("seed", seed, low=0)
    run = _Run(Archive(criteria), limit, seed)
    counted = impossibility(criteria.instance, criteria.objective)
    if counted is not None:
        found = _Outcome("exact", "a count", "infeasible", reason=counted)
    else:
        found = run.of_kind(kind) if kind else run.best()
    if found.status == "infeasible":
        named = conflict_sentence(
            criteria.instance, criteria.objective, run.deadline, counted is not None
        )
        reasons = [why for why in (found.reason, named) if why is not None]
        found = changed(found, reason="; ".join(reasons) or None)
    return _front(criteria, run, found, seed)


@dataclass(frozen=True)
class _Outcome:
    """What a method came to."""

    kind: str
    method: str
    status: str = "feasible"
    stopped_by: str = "finished"
    reason: str | None = None
    _: KW_ONLY
    proven_over: str = "placements"


@dataclass
class _Run:
    """One call: its archive and its time."""

    archive: Archive
    limit_s: float
    seed: int
    started: float = field(default_factory=time.perf_counter)

    @property
    def deadline(self) -> Deadline:
        """When its time is over."""
        return Deadline(self.started + self.limit_s)

    def remaining_s(self) -> float:
        """Seconds left."""
        return self.deadline.remaining_s

    def of_kind(self, kind: str) -> _Outcome:
        """The kind asked for, or `SolverDeclined`."""
        try:
            if kind == "exact":
                return self._exact(is_asked_for=True)
            return self._supported() if kind == "supported" else self._searched([])
        except TimeIsUp:
            reason = "the exact front was not finished in time"
            return _Outcome("archive", "0-1 programs", self._status, "time limit", reason)
        except KeyboardInterrupt:
            return _Outcome("archive", kind, self._status, "interrupted")

    def best(self) -> _Outcome:
        """Exact if it can be had in time, else supported, else (or with a gap) a search.

        A method that fails is named, and what the archive holds is kept.
        """
        passed, stopped_by = [], "finished"
        try:
            for kind, method in (("exact", self._exact), ("supported", self._supported)):
                try:
                    outcome = method()
                    if stopped_by == "finished":
                        return outcome
                except SolverDeclined as declined:
                    passed.append(f"not {kind}: {declined.reason}")
                except TimeIsUp:
                    passed.append(f"not {kind}: not finished in time")
                    stopped_by = "time limit"
                except Exception as error:
                    if is_strict():
                        raise
                    passed.append(f"not {kind}: it failed ({type(error).__name__}: {error})")
            return self._searched(passed, stopped_by)
        except KeyboardInterrupt:
            return _Outcome("archive", "search", self._status, "interrupted", "; ".join(passed))

    @property
    def _status(self) -> str:
        return "feasible" if self.archive.decisions else "unknown"

    def _exact(self, is_asked_for: bool = False) -> _Outcome:
        count = num_decisions(self.archive)
        criteria = self.archive.criteria
        by_program = not criteria.with_order
        if count <= (MOST_ENUMERATED // 10 if by_program else MOST_ENUMERATED):
            enumerate_front(self.archive)
            return self._proven("exact", f"all of {count} decisions")
        if criteria.of_passes or criteria.objective.contiguous is not None:
            try:
                is_all = latency_and_period(self.archive, self._most_of_the_time())
            except SolverDeclined:
                if not is_asked_for:
                    self._require_few_pairs()
            else:
                method = "pipelines under falling limits of the period"
                return self._pipelines("exact", method, is_all)
        if not by_program:
            reason = f"more than {MOST_ENUMERATED} placements times orders, and makespan not linear"
            raise SolverDeclined("exact front", reason)
        most = self._most_of_the_time()
        epsilon_constraint(self.archive, lambda: most.remaining_s, self.seed)
        return self._proven("exact", f"0-1 programs, resolution {RESOLUTION:g}")

    def _require_few_pairs(self) -> None:
        """Decline programs that take long, where `pipeline` soon has the supported points."""
        instance = self.archive.criteria.instance
        layers = sum(len(instance.model_of(task).layers) for task in instance.tasks)
        pairs = layers * len(instance.nodes)
        if pairs > MOST_PAIRS:
            reason = f"{pairs} pairs of layer and node, more than {MOST_PAIRS}, and nobody asked"
            raise SolverDeclined("exact front", reason)

    def _supported(self) -> _Outcome:
        if self.archive.criteria.of_passes or self.archive.criteria.objective.contiguous:
            is_all = two_latencies(self.archive, self._most_of_the_time())
            return self._pipelines("supported", "pipelines of weighted passes", is_all)
        supported_front(self.archive)
        return self._proven("supported", "minimum cuts")

    def _most_of_the_time(self) -> Deadline:
        """A quarter of it is kept for the search that follows where this does not end."""
        return Deadline(self.started + 0.75 * self.limit_s)

    def _pipelines(self, kind: str, method: str, is_all: bool) -> _Outcome:
        """A front of contiguous placements; `is_all`: of all that are allowed."""
        over = "placements" if is_all else "contiguous"
        if self.archive.decisions or is_all:
            return changed(self._proven(kind, method), proven_over=over)
        raise SolverDeclined(f"{kind} front", "there is no contiguous placement")

    def _proven(self, kind: str, method: str) -> _Outcome:
        if self.archive.decisions:
            return _Outcome(kind, method)
        reason = "no placement respects tiers, groups, routes, memory and monotone"
        return _Outcome(kind, method, "infeasible", reason=reason)

    def _searched(self, passed: list[str], stopped_by: str = "finished") -> _Outcome:
        names, failures = search_front(self.archive, self.seed, self.remaining_s)
        if self.remaining_s() <= 0:
            stopped_by = "time limit"
        method = f"local search after {', '.join(names)}" if names else "local search"
        reason = "; ".join([*passed, *failures]) or None
        return _Outcome("archive", method, self._status, stopped_by, reason)


def _front(criteria: Criteria, run: _Run, outcome: _Outcome, seed: int) -> Front:
    claims: dict[str, Any] = vars(outcome)
    return Front(
        instance=criteria.instance.name,
        instance_sha256=criteria.instance.sha256,
        objectives=tuple(criterion.name for criterion in criteria.each),
        transfers=criteria.objective.transfers,
        monotone=criteria.objective.monotone,
        contiguous=criteria.objective.contiguous,
        **claims,
        seed=seed,
        runtime_s=time.perf_counter() - run.started,
        points=tuple(
            FrontPoint(values=values, tasks=_tasks(criteria.instance, decision))
            for values, decision in run.archive.ordered()
        ),
    )


def _tasks(instance: Instance, decision: Decision) -> tuple[TaskEntry, ...]:
    names = [node.name for node in instance.nodes]
    tasks = []
    for task, answer in zip(instance.tasks, decision.tasks, strict=True):
        layers = [layer.name for layer in instance.model_of(task).layers]
        places = [names[node] for node in answer.placement.tolist()]
        order = None if answer.order is None else tuple(layers[i] for i in answer.order)
        placement = dict(zip(layers, places, strict=True))
        tasks.append(TaskEntry(task=task.name, placement=placement, order=order))
    return tuple(tasks)
