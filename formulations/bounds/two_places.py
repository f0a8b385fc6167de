"""The least latency of tasks alone on many nodes: all but the source as one place.

Ours. That place is as far away as the source's nearest neighbour. A stage at the source shares with
tiers: in sum, nodes of one tier do no more than as many nodes of their mean speed over the tier's
best route. A stage elsewhere moves nothing. All T tasks of a model go at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

import numpy as np

from splitfog.formulations.arrays.nodes import hosts
from splitfog.formulations.arrays.task import TaskArrays, task_arrays
from splitfog.formulations.bounds.path_work import PathWork
from splitfog.formulations.bounds.stage import leveled, serial_bound
from splitfog.formulations.costs.routes import routes_of
from splitfog.instances.arrays import Flags, Floats, Integers
from splitfog.instances.instance import Instance
from splitfog.instances.kept import kept
from splitfog.instances.records import DirectedLink


def two_places(instance: Instance, tasks: Sequence[int], work: PathWork) -> Floats:
    """[T]: seconds that the path of each of these tasks of one model takes at least.

    All have a source. O(T S tiers + T P) for S stages along a path of P layers, vectorised.
    """
    arrays = [task_arrays(instance, task) for task in tasks]
    source = np.array([own.source for own in arrays], np.int64)
    here_s, away_s = _layer_seconds(arrays[0], source, work.path)
    here_stage, away_stage = _stage_seconds(instance, work, source)
    there_s, home_s = _move_seconds(instance, source, arrays[0].output_bytes[work.path])
    at_end: dict[int, list[int]] = {}
    for run, last in enumerate(work.runs.last.tolist()):
        at_end.setdefault(last, []).append(run)
    here, away = here_s[:, 0], away_s[:, 0]
    moved = np.empty((2, len(work.path), len(tasks)))
    for at in range(len(work.path)):
        if at:
            here, away = moved[:, at - 1] + (here_s[:, at], away_s[:, at])
        if at in at_end:
            runs = at_end[at]
            before = moved[:, work.runs.first[runs] - 1]  # [2, runs, T]
            here = np.minimum(here, (before[0] + here_stage[runs]).min(axis=0))
            away = np.minimum(away, (before[1] + away_stage[runs]).min(axis=0))
        moved[0, at] = np.minimum(here, away + home_s[:, at])
        moved[1, at] = np.minimum(away, here + there_s[:, at])
    due = np.array([-1 if own.results_to is None else own.results_to for own in arrays])
    anywhere = np.minimum(here, away)
    return np.where(due < 0, anywhere, np.where(due == source, moved[0, -1], moved[1, -1]))


def beside_seconds(instance: Instance, tasks: Sequence[int], work: PathWork) -> Floats:
    """[T]: the least time of the layers beside the path that cannot be sliced."""
    arrays = task_arrays(instance, tasks[0])
    source = np.array([task_arrays(instance, task).source for task in tasks], np.int64)
    here_s, away_s = _layer_seconds(arrays, source, work.beside)
    return np.asarray(np.minimum(here_s, away_s).sum(axis=1))


def _layer_seconds(
    arrays: TaskArrays, source: Integers, layers: list[int]
) -> tuple[Floats, Floats]:
    """[T, layers] each: seconds of layers at the sources, and the least on any other node."""
    instance, model = arrays.instance, arrays.model
    times = arrays.times_s[layers]
    allowed = np.ones(times.shape, bool)
    for row, layer in enumerate(layers):
        if model.layers[layer].tiers is not None:
            allowed[row] = [model.layers[layer].may_run_on(node) for node in instance.nodes]
    here = np.where(allowed[:, source], times[:, source], inf).T
    taken = np.where(allowed & (hosts(instance) | (times == 0)), times, inf)
    taken[arrays.is_input[layers]] = inf  # inputs are at the source
    return here, _least_of_others(taken, source).T


def _least_of_others(figures: Floats, source: Integers) -> Floats:
    """[rows, T]: the least of every row but for the column of a source."""
    if not figures.size:
        return np.full((len(figures), len(source)), inf)
    first = figures.argmin(axis=1)[:, None]
    rest = figures.copy()
    np.put_along_axis(rest, first, inf, axis=1)
    least, second = figures.min(axis=1)[:, None], rest.min(axis=1)[:, None]
    return np.asarray(np.where(first == source, second, least))


def _move_seconds(instance: Instance, source: Integers, size: Floats) -> tuple[Floats, Floats]:
    """[T, sizes] each: what sizes take over the best link out of every source, and into it."""
    out, back = np.full((2, len(source), len(size)), inf)
    for row, node in enumerate(source.tolist()):
        for seconds, links in zip((out, back), _links_by_node(instance)[node], strict=True):
            latency, per_byte = links
            seconds[row] = (latency[:, None] + per_byte[:, None] * size).min(axis=0, initial=inf)
    return out, back


@kept()
def _links_by_node(instance: Instance) -> list[list[tuple[Floats, Floats]]]:
    """Latency and seconds per byte of the directed links out of every node, and into it."""
    own: list[tuple[list[DirectedLink], ...]] = [([], []) for _ in instance.nodes]
    for link in instance.directed_links:
        own[link.tail][0].append(link)
        own[link.head][1].append(link)
    return [
        [
            (
                np.array([link.lag_s for link in links]),
                8 / np.array([link.bandwidth_bps for link in links]),
            )
            for links in ways
        ]
        for ways in own
    ]


def _stage_seconds(instance: Instance, work: PathWork, source: Integers) -> tuple[Floats, Floats]:
    """[S, T] each: what every stage takes at least from every source, and from anywhere else.

    None where it takes no time on some node of quota 0: slices there are no visits.
    """
    routes, rank = routes_of(instance), instance.node_rank
    own_s = work.alone_s[:, source]
    with np.errstate(divide="ignore"):
        own_speed = 1 / own_s
    others, away = np.zeros(own_s.shape), np.full(own_s.shape, inf)
    apart = np.full(len(source), inf)
    starts, seconds = [np.zeros(len(source))], [own_s]
    lends = np.array([instance.nodes[node].quota != 0 for node in source.tolist()])
    for tier, nodes in enumerate(_open_by_tier(instance)):
        if not len(nodes):
            continue
        inside = nodes == source[:, None]  # [T, members]
        count = len(nodes) - inside.sum(axis=1)
        there = _least(routes.seconds_per_byte[np.ix_(source, nodes)], inside)
        back = _least(routes.seconds_per_byte[np.ix_(nodes, source)].T, inside)
        round_trip = routes.latency_s[np.ix_(source, nodes)]
        round_trip = round_trip + routes.latency_s[np.ix_(nodes, source)].T
        reached = np.isfinite(np.maximum(there, back))
        moved = np.where(
            reached,
            work.input_bytes[:, None] * np.where(reached, there, 0.0)
            + work.output_bytes[:, None] * np.where(reached, back, 0.0),
            inf,
        )
        speed = _tier_speed(instance, work, tier)[:, None]
        mine = (rank[source] == tier) & lends
        with np.errstate(divide="ignore", invalid="ignore"):
            rest = np.where(mine, speed - own_speed, speed)
            rest = np.where(np.isfinite(speed), np.maximum(rest, 0.0), inf)
            shared = moved / count + 1 / rest
        alone = count == 0
        starts.append(np.where(alone, inf, _least(round_trip, inside)))
        seconds.append(np.where(alone, inf, shared))
        others = np.where(alone, others, others + rest)
        away = np.where(alone, away, np.minimum(away, moved))
        apart = np.minimum(apart, starts[-1])
    here = leveled(np.stack(starts, axis=-1), np.stack(seconds, axis=-1))
    with np.errstate(divide="ignore"):
        elsewhere = 1 / (others + own_speed)
        serial = apart + serial_bound(own_s, 1 / others, away)
    radio = np.array([instance.nodes[node].radio == "serial" for node in source.tolist()])
    here = np.where(radio, np.maximum(here, np.minimum(own_s, serial)), here)
    idle = (work.alone_s[:, ~hosts(instance)] == 0).any(axis=1)[:, None]
    return np.where(idle, 0.0, here), np.where(idle, 0.0, elsewhere)


def _least(figures: Floats, barred: Flags) -> Floats:
    """[rows]: the least of every row that is not barred."""
    return np.asarray(np.where(barred, inf, figures).min(axis=1, initial=inf))


@kept()
def _open_by_tier(instance: Instance) -> list[Integers]:
    """Per tier the nodes with a quota above 0."""
    open_to, tiers = hosts(instance), range(len(instance.tiers))
    return [np.flatnonzero(open_to & (instance.node_rank == tier)) for tier in tiers]


def _tier_speed(instance: Instance, work: PathWork, tier: int) -> Floats:
    """[S]: the sum of 1 / `alone_s` over the nodes of a tier with a quota above 0."""
    with np.errstate(divide="ignore"):
        return np.asarray((1 / work.alone_s[:, _open_by_tier(instance)[tier]]).sum(axis=1))
