"""From what a caller asks for to jobs: every solver on every instance, objective and seed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from splitfog.formulations.objective import Objective, objective_for
from splitfog.instances.arguments import number, some, texts, whole
from splitfog.instances.files import GivenInstance, instance_of
from splitfog.instances.instance import Instance
from splitfog.instances.read_only import EMPTY
from splitfog.solvers.registry import solver_info
from splitfog.studies.comparison.contenders import (
    Contender,
    GivenOptions,
    GivenSolvers,
    contenders,
)
from splitfog.studies.engine.jobs import Job
from splitfog.studies.row import EVERY, Declined
from splitfog.studies.store.question import Question

GivenInstances = GivenInstance | Iterable[GivenInstance]

SEEDS = "a list of whole numbers >= 0"
INSTANCES = "an Instance, the path of its file, or a list of these"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A comparison that was asked for, and what of it excludes each other, so has no job."""

    question: Question
    excluded: Sequence[Declined] = ()


def asked_for_all(
    instances: GivenInstances,
    *,
    how: dict[str, Any],
    solvers: GivenSolvers = None,
    options: GivenOptions = EMPTY,
    objectives: str | Sequence[str] | None = None,
    seeds: Sequence[int] = (0,),
    baseline: str = "device-only",
    time_limit_s: float | None = None,
    memory_limit_bytes: int | None = None,
) -> Asked:
    """The jobs of a comparison, in the order instance, objective, solver, seed.

    Parameters
    ----------
    how
        How objectives count: `transfers` and what follows it in `compare`.
    instances, solvers, options, objectives, seeds, baseline, time_limit_s, memory_limit_bytes
        As for `compare`, which says what is raised too.
    """
    chosen = contenders(solvers, options)
    if time_limit_s is not None:
        time_limit_s = number("time_limit_s", time_limit_s, above=0, endless=True)
    if memory_limit_bytes is not None:
        memory_limit_bytes = whole("memory_limit_bytes", memory_limit_bytes, low=1)
    chosen_seeds = [whole("seeds", seed, low=0) for seed in some("seeds", seeds, SEEDS)]
    hidden: tuple[Contender, ...] = ()
    if not isinstance(baseline, str) or baseline not in chosen:
        hidden = (Contender(name=solver_info(baseline).name, solver=baseline),)
    wanted = (None,) if objectives is None else some("objectives", texts("objectives", objectives))
    problems, excluded = _problems(_loaded(instances), wanted, how)
    work = [
        Job(
            problem=number,
            instance=instance,
            objective=objective,
            solver=each.solver,
            options=each.options,
            name=each.name,
            seed=seed,
            time_limit_s=time_limit_s,
            memory_limit_bytes=memory_limit_bytes,
            shown=each.name in chosen,
        )
        for number, (instance, objective) in enumerate(problems)
        for each in (*hidden, *chosen.values())
        for seed in dict.fromkeys(chosen_seeds)
    ]
    return Asked(question=Question(work=work, baseline=baseline), excluded=excluded)


def _loaded(instances: GivenInstances) -> list[Instance]:
    given: Iterable[GivenInstance]
    if isinstance(instances, Instance | str | os.PathLike):
        given = [instances]
    else:
        given = some("instances", instances, INSTANCES)
    return [instance_of(each) for each in given]


def _problems(
    instances: Sequence[Instance],
    objectives: Sequence[str | None],
    how: dict[str, Any],
) -> tuple[list[tuple[Instance, Objective]], list[Declined]]:
    """Pairs of instance and objective, and those that exclude each other."""
    problems, excluded, errors = [], [], []
    for instance in instances:
        for name in dict.fromkeys(objectives):
            try:
                objective = objective_for(instance, name, **how)
            except ValueError as error:
                errors.append(error)
                excluded.append(
                    Declined(
                        instance=instance.name,
                        objective=name or "default",
                        solver=EVERY,
                        reason=str(error),
                    )
                )
            else:
                problems.append((instance, objective))
    if errors and not problems:
        raise errors[0]
    return problems, excluded
