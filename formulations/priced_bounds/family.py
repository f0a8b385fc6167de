"""Tasks of one model that differ in source and rate only: relaxed together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from splitfog.formulations.arrays.nodes import hosts
from splitfog.formulations.arrays.task import TaskArrays, task_arrays
from splitfog.formulations.bounds.path_work import PathWork
from splitfog.formulations.bounds.stage import may_slice
from splitfog.formulations.costs.routes import routes_of
from splitfog.formulations.priced_bounds.places import Places
from splitfog.instances.arrays import Flags, Floats, Integers
from splitfog.instances.instance import Instance

MOST_FAMILIES = 8
"""Of one model, by where the results are due: beyond, they are due at any of the targets."""

Key = tuple[str, bool | None, int | None]
"""Model, whether the source has quota 0 (None: there is no source), position of `results_to`."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Family:
    """T tasks of one model, with what they weigh, [T], and the place of each source, [T].

    `sources` is None where there are none; they all are of quota 0, or none is. `due`: nodes of
    which one must hold the last tensor at the end; () for none. `may_run` [layers, M]: by `tiers`,
    quota and routes from the sources; input layers at these.
    """

    arrays: TaskArrays
    work: PathWork
    places: Places
    weights: Floats
    sources: Integers | None
    due: tuple[int, ...]
    may_run: Flags

    @property
    def begins_at_source(self) -> bool:
        """Whether the path's first layer is an input, which is at the source and takes no time."""
        return (
            self.sources is not None and self.arrays.model.layers[self.work.path[0]].op == "input"
        )

    @cached_property
    def members(self) -> tuple[Integers, Floats]:
        """[R] each: the places of the sources, each once, and what the tasks of each weigh."""
        if self.sources is None:
            return np.zeros(0, np.int64), np.zeros(0)
        places, own = np.unique(self.sources, return_inverse=True)
        return places, np.asarray(np.bincount(own.reshape(-1), self.weights), float)

    def least_s(self, layers: Sequence[int], price: Floats) -> Floats:
        """[layers given, M]: priced seconds of whole layers, inf where none of them may run."""
        priced = self.arrays.times_s[list(layers)] * (1 + price)
        return np.where(self.may_run[list(layers)], priced[:, self.places.node], np.inf)

    def beside(self, sliceable: bool) -> list[int]:
        """Layers beside the path; with `sliceable` also those that could be inside a stage."""
        layers = self.arrays.model.layers
        rest = sorted(set(range(len(layers))) - set(self.work.path))
        return [at for at in rest if sliceable or not may_slice(layers[at])]


def families(instance: Instance, weights: Floats) -> list[Family]:
    """The tasks that weigh anything, [tasks] `weights`, by model, kind of source, and target."""
    open_to = hosts(instance)
    groups: dict[Key, list[int]] = {}
    for position in np.flatnonzero(weights).tolist():
        arrays = task_arrays(instance, position)
        closed = None if arrays.source is None else not open_to[arrays.source]
        key = (arrays.model.name, closed, arrays.results_to)
        groups.setdefault(key, []).append(position)
    return [_family(instance, tasks, weights[tasks]) for tasks in _merged(groups).values()]


def _merged(groups: dict[Key, list[int]]) -> dict[Key, list[int]]:
    """The groups, those of models with too many targets as one, due at any of them."""
    many: dict[Key, list[int]] = {}
    for model, closed, target in groups:
        if target is not None:
            many.setdefault((model, closed, -1), []).append(target)
    merged: dict[Key, list[int]] = {}
    for key, tasks in groups.items():
        model, closed, target = key
        if target is not None and len(many[model, closed, -1]) > MOST_FAMILIES:
            key = (model, closed, -1)
        merged.setdefault(key, []).extend(tasks)
    return merged


def _family(instance: Instance, tasks: Sequence[int], weights: Floats) -> Family:
    """The family of tasks of one model and kind of source that are all due somewhere, or none."""
    each = [task_arrays(instance, task) for task in tasks]
    first, open_to = each[0], hosts(instance)
    rates = np.array([instance.tasks[task].arrivals_per_s or 0.0 for task in tasks])
    sources, closed = None, np.zeros(0, np.int64)
    if first.source is not None:
        sources = np.array([arrays.source for arrays in each], np.int64)
        if not open_to[sources[0]]:
            closed, own = np.unique(sources, return_inverse=True)
            sources = len(open_to) + own.reshape(-1)
    rate = np.full(len(open_to) + len(closed), rates.min())
    if sources is not None and len(closed):
        rate[len(open_to) :] = np.inf
        np.minimum.at(rate, sources, rates)
    places = Places.of(routes_of(instance), open_to, closed, rate)
    allowed = np.array(
        [[layer.may_run_on(n) for n in instance.nodes] for layer in first.model.layers]
    )
    may_run = allowed[:, places.node] & (places.usable | (first.times_s == 0)[:, places.node])
    if sources is not None:
        reached = np.asarray((places.latency_s[places.node[sources]] < np.inf).any(axis=0))
        may_run[_after_input(first)] &= reached[places.node]
        may_run[first.is_input] = np.isin(np.arange(len(places.node)), sources)
    return Family(
        arrays=first,
        work=PathWork.of(instance, first),
        places=places,
        weights=weights,
        sources=sources,
        due=tuple(sorted({arrays.results_to for arrays in each if arrays.results_to is not None})),
        may_run=may_run,
    )


def _after_input(arrays: TaskArrays) -> Flags:
    """[layers]: what needs data that are born at the source."""
    after, inputs = arrays.is_input.copy(), arrays.model.inputs
    for layer in arrays.model.order.tolist():
        after[layer] |= any(after[tail] for tail in inputs[layer])
    return after
