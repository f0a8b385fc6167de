"""What there is to choose: whether plans with slices exist, and whether there is one placement.

Ours. Both look at single layers only, so `is_only_placement` may miss that there is no choice.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.arrays.task import TaskArrays, task_arrays
from splitfog.formulations.bounds.impossible import open_places
from splitfog.formulations.bounds.stage import may_slice
from splitfog.formulations.decision import Decision, placed
from splitfog.formulations.objective import Objective
from splitfog.formulations.passes import has_passes
from splitfog.formulations.tiles.stage_shape import stage_shape_defects
from splitfog.instances.arrays import Flags
from splitfog.instances.instance import Instance
from splitfog.instances.records import Model


def slices_matter(instance: Instance, objective: Objective) -> bool:
    """Whether a plan with stages could be feasible or cheaper where no placement is.

    Never under `makespan`, `period` and `throughput`, which need unsliced plans, nor with passes;
    else wherever a layer may be a stage. Not only for the help of other nodes: even at home slices
    compute less where strides leave gaps, split a visit in two, and are subtasks of their own in
    `batch`. Any legal stage begins with a layer that is one by itself.
    """
    if objective.name in ("makespan", "period", "throughput") or has_passes(instance):
        return False
    for position in range(len(instance.tasks)):
        arrays = task_arrays(instance, position)
        for layer in np.flatnonzero(arrays.allowed.any(axis=1)).tolist():
            if _is_stage(arrays.model, layer):
                return True
    return False


def _is_stage(model: Model, layer: int) -> bool:
    """Whether a layer may form a stage alone."""
    return may_slice(model.layers[layer]) and not stage_shape_defects(model, (layer,))


def only_placement(instance: Instance, objective: Objective) -> Decision | None:
    """The placement but for which none could be feasible; None where there is a choice, or none.

    It may break a rule itself. Seen is what `is_only_placement` sees, but for the order. None under
    `throughput`, of which plans are more than placements.
    """
    if objective.name == "throughput":
        return None
    placements = []
    for position in range(len(instance.tasks)):
        arrays = task_arrays(instance, position)
        places = _narrowed(arrays, objective, open_places(arrays, objective))
        if (places.sum(axis=1) != 1).any():
            return None
        placements.append(places.argmax(axis=1))
    return placed(*placements)


def is_only_placement(instance: Instance, objective: Objective, decision: Decision) -> bool:
    """Whether no placement but that of a decision could be feasible.

    Seen are `tiers`, sources, routes, single weights, groups and `monotone`. For `makespan` the
    order must be forced as well, and for `batch` there must be no queue of several. O(V + E) where
    a single layer may move; else as much a round, at most as many rounds as there are tiers and
    groups.
    """
    if objective.name == "throughput" or (objective.name == "batch" and len(instance.tasks) > 1):
        return False
    for position, answer in enumerate(decision.tasks):
        arrays = task_arrays(instance, position)
        if objective.name == "makespan" and not has_one_order(arrays.model):
            return False
        places = open_places(arrays, objective)
        if _may_move(arrays, objective, places, answer.placement):
            return False
        if (_narrowed(arrays, objective, places).sum(axis=1) != 1).any():
            return False
    return True


def has_one_order(model: Model) -> bool:
    """Whether every layer follows from the one before it, so that there is one order."""
    order = model.order.tolist()
    return all(after in model.consumers[before] for before, after in pairwise(order))


def _may_move(
    arrays: TaskArrays, objective: Objective, places: Flags, placement: NDArray[np.int64]
) -> bool:
    """Whether one layer without a group could be elsewhere, all others where they are."""
    rank = arrays.instance.node_rank
    ranks = rank[placement]
    least, most = np.zeros_like(ranks), np.full_like(ranks, rank.max())
    if objective.monotone:
        tails, heads = arrays.model.edges.T
        np.maximum.at(least, heads, ranks[tails])
        np.minimum.at(most, tails, ranks[heads])
    free = places & (least[:, None] <= rank) & (rank <= most[:, None])
    for group in arrays.groups:
        free[list(group)] = False
    return bool((free.sum(axis=1) > 1).any())


def _narrowed(arrays: TaskArrays, objective: Objective, places: Flags) -> Flags:
    """[layers, nodes]: where a layer may be, as far as its neighbours' places say."""
    places = places.copy()
    while True:
        before = places.sum()
        for group in arrays.groups:
            places[list(group)] = places[list(group)].all(axis=0)
        if objective.monotone:
            _narrow(arrays, places)
        if places.sum() == before:
            return places


def _narrow(arrays: TaskArrays, places: Flags) -> None:
    """Drop tiers below the least of an input, and above the most of a reader."""
    rank = arrays.instance.node_rank
    order = arrays.model.order.tolist()
    for layers, ways, sign in (
        (order, arrays.model.inputs, 1),
        (order[::-1], arrays.model.consumers, -1),
    ):
        least = np.zeros(len(order), np.int64)
        for layer in layers:
            if ways[layer]:
                places[layer] &= sign * rank >= max(least[other] for other in ways[layer])
            own = sign * rank[places[layer]]
            least[layer] = own.min() if own.size else sign * rank.max()
