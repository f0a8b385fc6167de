"""Stages one after another, each held whole by a group of nodes: how many layers they hold at F."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.deadline import Deadline
from splitfog.instances.arrays import Floats

MOST_STATES = 2_000_000
"""Of nodes used by type, above which groups are not looked at."""

MOST_GROUPS = 2_000
"""Kinds of groups."""

PRECISION = 5e-4
"""Relative, of the rate that is looked for."""

Counts = NDArray[np.int16]

Stage = tuple[int, tuple[int, ...]]
"""(layers, nodes of every type) of a stage."""


@dataclass(frozen=True)
class Groups:
    """A fleet as types of nodes, of which a stage has only such of one site.

    `by_count` is [types, layers + 1], `counts` how many nodes are of each, `sites` where they are.
    """

    by_count: Floats
    counts: tuple[int, ...]
    sites: tuple[int, ...]

    def stages(self, rate: float) -> list[Stage] | None:
        """Stages of groups that pass `rate` each and hold all layers; None where there are none.

        A knapsack over how many nodes of every type are used, of as many stages of a kind as help.
        O(S groups), S = prod(counts + 1).

        Parameters
        ----------
        rate
            Executions per second.
        """
        kinds = [
            (held, group)
            for held in range(1, self.by_count.shape[1])
            for site in dict.fromkeys(self.sites)
            for group in _least_groups(
                np.where(np.equal(self.sites, site), self.by_count[:, held], 0.0), self.counts, rate
            )
        ]
        shape = tuple(count + 1 for count in self.counts)
        if len(kinds) > MOST_GROUPS or np.prod(shape) > MOST_STATES:
            return None
        most = np.zeros(shape, np.int16)
        for held, group in kinds:
            _add(most, held, group)
        needed = self.by_count.shape[1] - 1
        if most[self.counts] < needed:
            return None
        return _trimmed(_chosen(most, kinds, self.counts), needed)

    def rate(self, stages: list[Stage]) -> float:
        """What the slowest stage passes."""
        return min(
            sum(number * float(self.by_count[kind, held]) for kind, number in enumerate(group))
            for held, group in stages
        )


def best_stages(groups: Groups, low: float, high: float, deadline: Deadline) -> list[Stage] | None:
    """The stages of the largest rate, nearly; None: none above `low`.

    Parameters
    ----------
    groups
        The fleet.
    low, high
        Executions per second between which the rate is looked for.
    deadline
        When it ends with the best so far.
    """
    best = groups.stages(high)
    if best is not None:
        return best
    while high - low > PRECISION * high and not deadline.is_over:
        middle = (low + high) / 2
        found = groups.stages(middle)
        if found is None:
            high = middle
        else:
            best, low = found, max(middle, groups.rate(found))
    return best


def _least_groups(
    passed: NDArray[np.float64], counts: tuple[int, ...], rate: float
) -> list[tuple[int, ...]]:
    """Groups that pass `rate` together, and do not without any one of theirs."""
    found: list[tuple[int, ...]] = []

    def extend(kind: int, group: tuple[int, ...], total: float) -> None:
        least = min((passed[k] for k in range(kind) if group[k]), default=np.inf)
        if total >= rate * (1 - 1e-12):
            if total - least < rate * (1 - 1e-12):
                found.append((*group, *[0] * (len(counts) - kind)))
            return
        if kind == len(counts) or len(found) > MOST_GROUPS:
            return
        most = counts[kind] if passed[kind] > 0 else 0
        for number in range(most + 1):
            extend(kind + 1, (*group, number), total + number * float(passed[kind]))
            if total + number * float(passed[kind]) >= rate * (1 - 1e-12):
                break

    extend(0, (), 0.0)
    return found


def _add(most: Counts, held: int, group: tuple[int, ...]) -> None:
    """Use stages of a kind, as often as that holds more layers: row by row of one type's nodes, so
    that a row finds what is already there of those before it."""
    axis = next(kind for kind, used in enumerate(group) if used)
    step, rows = group[axis], np.moveaxis(most, axis, 0)
    others = [used for kind, used in enumerate(group) if kind != axis]
    to = tuple(slice(used, None) for used in others)
    since = tuple(slice(None, size - used) for used, size in zip(others, rows.shape[1:]))
    for at in range(step, len(rows)):
        here = rows[at : at + 1][:, *to]
        np.maximum(here, rows[at - step : at - step + 1][:, *since] + np.int16(held), out=here)


def _chosen(most: Counts, kinds: list[Stage], counts: tuple[int, ...]) -> list[Stage]:
    """The stages that a value of the knapsack is made of."""
    stages, used = [], counts
    while most[used] > 0:
        for held, group in kinds:
            before = tuple(have - use for have, use in zip(used, group, strict=True))
            if min(before) >= 0 and most[before] + held == most[used]:
                stages.append((held, group))
                used = before
                break
        else:  # not all nodes are used
            fewer = [_less(used, kind) for kind, have in enumerate(used) if have]
            used = next(other for other in fewer if most[other] == most[used])
    return stages


def _less(used: tuple[int, ...], kind: int) -> tuple[int, ...]:
    return (*used[:kind], used[kind] - 1, *used[kind + 1 :])


def _trimmed(stages: list[Stage], needed: int) -> list[Stage]:
    """As many layers as needed, from the last stages on fewer."""
    kept: list[Stage] = []
    for held, group in stages:
        if needed > 0:
            kept.append((min(held, needed), group))
            needed -= held
    return kept
