"""A comparison of ways of adapting: every way on every instance, through every set of traces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product

from splitfog.deployment.contest.choosers import require_ways
from splitfog.deployment.contest.settings import checked
from splitfog.formulations.objective import Objective
from splitfog.formulations.parametric.vary import figures_for
from splitfog.instances.instance import Instance
from splitfog.instances.read_only import EMPTY
from splitfog.instances.traces.joined import joined
from splitfog.instances.traces.trace import Trace
from splitfog.studies.comparison.asking import Asked
from splitfog.studies.engine.jobs import Job
from splitfog.studies.replays.case import ReplayCase, ranges_of
from splitfog.studies.store.question import Question
from splitfog.studies.study_files.entries import told
from splitfog.studies.study_files.replays import Ways


@dataclass(frozen=True, kw_only=True)
class Course:
    """Traces that are gone through together.

    Attributes
    ----------
    traces
        One or several.
    number
        Among those of its kind: of each other noise is another.
    vary
        As for `ReplayCase`.
    """

    traces: tuple[Trace, ...]
    number: int = 0
    vary: Mapping[str, tuple[float, float]] = field(default_factory=lambda: EMPTY)


def replays_asked(
    instances: Sequence[Instance],
    courses: Sequence[Course],
    ways: Sequence[Ways],
    *,
    seeds: Sequence[int],
    baseline: str,
    time_limit_s: float | None = None,
    memory_limit_bytes: int | None = None,
) -> Asked:
    """The jobs of such a comparison, in the order instance, traces, way, seed.

    Parameters
    ----------
    instances, courses, ways
        Each with one task; what they go through; how they adapt.
    seeds
        To which the number of a course is added.
    baseline
        The name that rows of one of the ways bear.
    time_limit_s, memory_limit_bytes
        Of each run, which is killed where it goes on for half of its time and 10 s more.

    Raises
    ------
    ValueError, LookupError
        For settings and names that make no sense, and traces that do not fit.
    """
    names = [own.called(way) for own in ways for way in own.adapt]
    if baseline not in names:
        raise ValueError(f"baseline = {baseline!r}, must be one of {', '.join(names)}")
    _require_fitting(instances, courses, ways)
    work: list[Job] = []
    problems: dict[tuple[int, int, str], int] = {}
    pairs = product(enumerate(instances), enumerate(courses))
    for ((at, instance), (number, course)), own in product(pairs, ways):
        for way in own.adapt:
            case = ReplayCase(
                traces=course.traces, adapt=way, settings=own.settings, vary=course.vary
            )
            problem = problems.setdefault((at, number, case.world), len(problems))
            work += [
                Job(
                    problem=problem,
                    instance=instance,
                    objective=Objective("latency"),
                    solver=way,
                    name=own.called(way),
                    seed=seed + course.number,
                    time_limit_s=time_limit_s,
                    memory_limit_bytes=memory_limit_bytes,
                    replay=case,
                )
                for seed in dict.fromkeys(seeds)
            ]
    return Asked(question=Question(work=work, baseline=baseline))


def _require_fitting(
    instances: Sequence[Instance], courses: Sequence[Course], ways: Sequence[Ways]
) -> None:
    """Ways and settings that there are, traces told apart, and figures of every instance."""
    names = ["+".join(trace.name for trace in course.traces) for course in courses]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{names.count(name)} traces are named {name}, must be told apart")
    for own in ways:
        try:
            require_ways(own.adapt)
            for instance in instances:
                checked(instance, **own.settings)
        except (ValueError, LookupError) as error:
            raise ValueError(told(own.place, error)) from None
    for instance in instances:
        for course in courses:
            joined(course.traces, instance)
            if course.vary:
                figures_for(instance, dict(ranges_of(course.vary)))
