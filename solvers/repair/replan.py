"""The tasks that a change has hit planned anew, the others staying as they are.

Ours. The tasks that are hit start where the mean of all is least: as they were, all at home, or
one after another by best responses (each for itself, or for all). Then each is given the cut or the
wide plan that is best for all (`dina.wide`), if the mean of all falls, in sweeps until that hardly
helps: so nothing is worse than the tasks that are hit at home.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from splitfog.formulations.arrays.task import task_arrays
from splitfog.formulations.decision import TaskDecision
from splitfog.formulations.offloading.footprint import Footprint
from splitfog.formulations.offloading.loads import Loads
from splitfog.formulations.offloading.one_cut import best_cut
from splitfog.formulations.offloading.social_cut import social_cut
from splitfog.instances.arrays import Flags, frozen
from splitfog.solvers.dina.partition import better
from splitfog.solvers.dina.wide import WORTHWHILE, Wide
from splitfog.solvers.repair.carry import Carried

MOST_SWEEPS = 20
"""Over the tasks that are planned anew."""

MOST_GAINERS = 24
"""Tasks that are not hit and are planned anew because something came back or became faster."""

Response = Callable[[Loads, int], Footprint | None]


def replan(left: Carried, notable: float | None) -> tuple[Loads, list[int]]:
    """The loads with all tasks planned, and which others than those that are hit were so anew.

    Parameters
    ----------
    left
        What is left of the plan.
    notable
        Of the mean, what it must save to plan a task anew that is not hit; None: none is, but for
        those that reach some node better than before.

    Returns
    -------
    loads
        Feasible iff they keep all rules: their excess (`Loads.value`) may be above 0.
    others
        Positions of tasks.
    """
    loads = left.loads
    _start(loads, left)
    free = {*left.hit, *_gainers(loads, left)}
    _descend(loads, left, free, notable)
    return loads, sorted(free - set(left.hit))


def untouched(left: Carried) -> Loads:
    """The loads where nobody plans: all run as they did, and what cannot or is new at home."""
    loads = left.loads
    for task in left.hit:
        kept = left.kept.get(task)
        loads.put(task, kept or _at_home(loads, task) or _home(loads, task))
    return loads


def _start(loads: Loads, left: Carried) -> None:
    """Give the tasks that are hit the best of four starts; all are away before."""
    starts = [_responses(loads, left.hit, rule) for rule in (_at_home, best_cut, _for_all)]
    if left.is_whole:
        starts.append([left.kept[task] for task in left.hit])
    best, least = starts[0], (np.inf, np.inf)
    for start in starts:
        _put_all(loads, left.hit, start)
        value = loads.value()
        if start is starts[0] or better(value, least):
            best, least = start, value
        _take_all(loads, left.hit)
    _put_all(loads, left.hit, best)


def _responses(loads: Loads, tasks: Iterable[int], rule: Response) -> list[Footprint]:
    """What tasks that are away answer, one after another; those without an answer stay at home."""
    answers = []
    for task in tasks:
        answers.append(rule(loads, task) or _home(loads, task))
        loads.put(task, answers[-1])
    _take_all(loads, tasks)
    return answers


def _home(loads: Loads, task: int) -> Footprint:
    """A task wholly at its source, feasible or not."""
    arrays = task_arrays(loads.instance, task)
    placement = np.full(len(arrays.model.layers), arrays.source)
    return loads.footprint(task, TaskDecision(frozen(placement)))


def _at_home(loads: Loads, task: int) -> Footprint | None:
    """A task wholly at its source; where its `tiers` forbid that, its best cut."""
    arrays = task_arrays(loads.instance, task)
    if arrays.allowed[:, arrays.source].all():
        return _home(loads, task)
    return best_cut(loads, task)


def _for_all(loads: Loads, task: int) -> Footprint | None:
    """The cut that is best for all."""
    return social_cut(loads, task)[0]


def _put_all(loads: Loads, tasks: Iterable[int], answers: Iterable[Footprint]) -> None:
    for task, own in zip(tasks, answers, strict=True):
        loads.put(task, own)


def _take_all(loads: Loads, tasks: Iterable[int]) -> None:
    for task in tasks:
        loads.take(task)


def _descend(loads: Loads, left: Carried, free: set[int], notable: float | None) -> None:
    """Give tasks one by one what is best for all, until a sweep hardly saves any more.

    Those that are `free`, and where that is `notable` others on nodes with more work than before:
    these are free from then on.
    """
    wide = Wide()
    for _ in range(MOST_SWEEPS):
        excess, mean = loads.value()
        wide.begin(loads)
        for task, own in enumerate(loads.tasks):
            if task in free:
                wide.change(loads, task)
            elif notable is None or own is None or not left.is_crowded(loads, own):
                continue
            elif wide.change(loads, task, notable):
                free.add(task)
        still, now = loads.value()
        if still == excess and not now < mean * (1 - WORTHWHILE):
            return


def _cut_for_all(loads: Loads, task: int, nodes: Flags) -> float:
    """Give a task the cut to some nodes that is best for all, if the mean falls; what it saves.

    Negative for what it would cost, which leaves the task as it
    was; -inf where there is no such cut.
    """
    (excess, mean), own = loads.value(), loads.take(task)
    rest = loads.value()[1]
    below = np.inf if excess > 0 else mean - rest
    other, added = social_cut(loads, task, nodes, below)
    if other is not None:
        loads.put(task, other)
        if better(loads.value(), (excess, mean)):
            return mean - rest - added
        loads.take(task)
    loads.put(task, own)
    return mean - rest - added if rest + added < np.inf else -np.inf


def _gainers(loads: Loads, left: Carried) -> list[int]:
    """Tasks that are not hit and gain most by what is reached better now; all get a cut to there
    that is best for all, if the mean falls.

    Most first, `MOST_GAINERS` at most. O(tasks L N).
    """
    reached = left.better_reached()
    hit, gains = set(left.hit), []
    for task, source in enumerate(loads.source):
        if task not in hit and reached[source].any():
            gains.append((_cut_for_all(loads, task, reached[source]), task))
    gains.sort(key=lambda gain: (-gain[0], gain[1]))
    return [task for saved, task in gains[:MOST_GAINERS] if saved > -np.inf]
