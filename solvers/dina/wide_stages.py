"""Stages from any home, as many helpers as pay: what they would take, estimated all at once.

Ours. Helpers come in the order of what the whole stage would cost on each, the waits of others
included. For every number of them the time at which all end at once is a formula, if a slice costs
what a cell of a square grid of so many does on average; that of the least time and tolls is chosen.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np

from splitfog.formulations.arrays.task import task_arrays
from splitfog.formulations.costs.routes import routes_of
from splitfog.formulations.offloading.loads import Loads
from splitfog.formulations.tiles.spans import grid_shares
from splitfog.formulations.tiles.stage_shape import StageGeometry, geometry_of
from splitfog.instances.arrays import Flags, Floats, Integers
from splitfog.instances.instance import Instance
from splitfog.instances.kept import kept
from splitfog.instances.records import Model
from splitfog.solvers.dina.blocks import Blocks, blocks_of, model_and_end
from splitfog.solvers.dina.visit_prices import VisitPrices

MOST_MEMBERS = 12
"""Slices of a stage that are looked at, at most."""

TINY = 1e-150
"""In place of 0, of seconds and of their inverse, whatever the units."""

MOST_KEPT = 300
"""Homes and helpers of models of which an instance keeps what no load changes."""

ROUNDS = 3
"""Of leaving out helpers that would begin after the others end."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Ways:
    """From H homes to J nodes and back, [H, J]: latency and seconds a byte, 0 where not `reached`.

    `reached`: whether there are routes there and back. `serial` [H]: homes of one radio.
    """

    latency_s: Floats
    in_s: Floats
    out_s: Floats
    reached: Flags
    serial: Flags

    @classmethod
    def of(cls, instance: Instance, homes: Integers, nodes: Integers) -> Ways:
        """The routes of some nodes."""
        routes, there, back = routes_of(instance), np.ix_(homes, nodes), np.ix_(nodes, homes)
        latency = routes.latency_s[there] + routes.latency_s[back].T
        reached = np.isfinite(latency)
        per_byte = routes.seconds_per_byte
        return cls(
            latency_s=np.where(reached, latency, 0.0),
            in_s=np.where(reached, per_byte[there], 0.0),
            out_s=np.where(reached, per_byte[back].T, 0.0),
            reached=reached,
            serial=np.array([instance.nodes[home].radio == "serial" for home in homes], bool),
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class WideStages:
    """What stages of b blocks with one of H homes take, J nodes helping.

    A node may begin `start_s` [b, H, J] after the stage does, its way there and back included if
    that is part of its race; inf where it cannot help. `order` [b, H, helpers]: the nodes in the
    order in which they help; `priced_s`, `level_s`, `helpers` [b, H]: the best estimate of time and
    tolls, its time, and how many help.
    """

    model: Model
    blocks: Blocks
    homes: Integers
    nodes: Integers
    ways: Ways
    prices: VisitPrices
    start_s: Floats
    order: Integers
    priced_s: Floats
    level_s: Floats
    helpers: Integers

    def geometry(self, block: int) -> StageGeometry:
        """Of a block."""
        return geometry_of(self.model, self.blocks.layers[block])


@dataclass(frozen=True, eq=False, kw_only=True)
class _Moves:
    """What the ways of slices add to a race, or to the tolls: `latency_s` [H, J], `read_s` and
    `written_s` [b, H, J] of a whole block's input and output; [1, 1, 1] where nothing."""

    latency_s: Floats
    read_s: Floats
    written_s: Floats

    @classmethod
    def of(cls, ways: Ways, blocks: Blocks, counted: Flags) -> _Moves:
        """Those of the homes that are `counted` [H]."""
        into, out = blocks.whole_bytes()
        none = np.zeros((1, 1, 1))
        share = np.where(counted, 1.0, 0.0)[:, None]
        some = counted.any()
        return cls(
            latency_s=share * ways.latency_s,
            read_s=share * np.multiply.outer(into, ways.in_s) if some else none,
            written_s=share * np.multiply.outer(out, ways.out_s) if some else none,
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class _Unloaded:
    """What no load changes: seconds [b, J] of blocks, the ways, and what these take in the race
    of a stage, or before and after it where the home has one radio."""

    blocks: Blocks
    ways: Ways
    fixed_s: Floats
    whole_s: Floats
    allowed: Flags
    race: _Moves
    toll: _Moves


def _model_and_nodes(
    instance: Instance, task: int, homes: Integers, nodes: Integers
) -> tuple[tuple[str, bool], bytes, bytes]:
    return model_and_end(instance, task), homes.tobytes(), nodes.tobytes()


@kept(by=_model_and_nodes, most=MOST_KEPT)
def _unloaded(instance: Instance, task: int, homes: Integers, nodes: Integers) -> _Unloaded:
    blocks, ways = blocks_of(instance, task), Ways.of(instance, homes, nodes)
    fixed_s = blocks.fixed_s[:, nodes]
    return _Unloaded(
        blocks=blocks,
        ways=ways,
        fixed_s=fixed_s,
        whole_s=np.maximum(blocks.whole_s[:, nodes] - fixed_s, 0.0),
        allowed=blocks.allowed[:, nodes],
        race=_Moves.of(ways, blocks, ~ways.serial),
        toll=_Moves.of(ways, blocks, ways.serial),
    )


def _taken(figure: Floats, order: Integers) -> Floats:
    """[b, H, helpers]: a figure of nodes, [b or 1, H or 1, J or 1], in the order of helpers."""
    rows, homes, nodes = figure.shape
    if nodes == 1:
        return figure
    row = np.arange(rows)[:, None, None] if rows != 1 else 0
    home = np.arange(homes)[:, None] if homes != 1 else 0
    return np.asarray(figure[row, home, order])


def wide_stages(
    loads: Loads,
    task: int,
    homes: Integers,
    nodes: Integers,
    prices: VisitPrices,
    open_to: Flags,
) -> WideStages:
    """The estimates for a task that is away; `open_to` [J]: nodes with room for a visit.

    O(b H J log J), vectorised.
    """
    rest = _unloaded(loads.instance, task, homes, nodes)
    blocks, ways, fixed_s, whole_s = rest.blocks, rest.ways, rest.fixed_s, rest.whole_s
    able = open_to & rest.allowed
    speed = np.where(able, 1 / np.maximum(whole_s, TINY), 0.0)
    wait, toll = prices.slopes(whole_s * speed / np.maximum(speed.sum(axis=1)[:, None], TINY))
    start_s = (prices.wait_s + fixed_s * (1 + wait))[:, None] + rest.race.latency_s
    start_s = np.where(able[:, None, :] & ways.reached, start_s, inf)
    served_s, tolled_s = (whole_s * (1 + wait))[:, None], (whole_s * toll)[:, None]
    toll_start_s = (fixed_s * toll)[:, None] + rest.toll.latency_s
    figures = [start_s, served_s, rest.race.read_s, rest.race.written_s]
    figures += [toll_start_s, tolled_s, rest.toll.read_s, rest.toll.written_s]
    order = np.argsort(sum(figures[1:], figures[0]), axis=2, kind="stable")[..., :MOST_MEMBERS]
    first = [_taken(figure, order) for figure in figures]
    first_at_home = (nodes[order[..., :1]] == homes[:, None]).any(axis=2)
    priced, level, helpers = _best_number(first, _halos(loads.instance, task), first_at_home)
    return WideStages(
        model=task_arrays(loads.instance, task).model,
        blocks=blocks,
        homes=homes,
        nodes=nodes,
        ways=ways,
        prices=prices,
        start_s=start_s,
        order=order,
        priced_s=priced,
        level_s=level,
        helpers=helpers,
    )


def _best_number(
    figures: list[Floats], halos: tuple[Floats, Floats], first_at_home: Flags
) -> tuple[Floats, Floats, Integers]:
    """[b, H] each: time and tolls of the best number of helpers, its time, and the number.

    All at home is no stage, so where the first is the home there are two at least.
    """
    *shape, most = figures[0].shape
    if not most:
        return np.full(shape, inf), np.full(shape, inf), np.zeros(shape, np.int64)
    first = [figure[:, :, None] for figure in figures]  # [b, H, numbers, helpers] from here on
    start_s, served_s, read_s, written_s, toll_start_s, tolled_s, toll_read_s, toll_out_s = first
    work, read = (halo[:, None, :most, None] for halo in halos)
    race = served_s * work + read_s * read
    race += written_s
    np.maximum(race, TINY, out=race)
    able = np.isfinite(start_s)
    start_s = np.where(able, start_s, 0.0)
    active = able & np.tri(most, dtype=bool)
    inverse = np.where(active, 1 / race, 0.0)
    for _ in range(ROUNDS):
        level = (1 + (start_s * inverse).sum(axis=3)) / np.maximum(inverse.sum(axis=3), TINY)
        late = active & (start_s >= level[..., None])
        if not late.any():
            break
        active &= ~late
        inverse[late] = 0.0
    share = np.where(active, (level[..., None] - start_s) / race, 0.0)
    toll = tolled_s * work + toll_read_s * read
    toll += toll_out_s
    toll *= share
    toll += toll_start_s
    priced = level + np.where(active, toll, 0.0).sum(axis=3)
    priced[~active.any(axis=3)] = inf
    priced[..., :1][first_at_home] = inf
    best = priced.argmin(axis=2)[..., None]
    least, level = (np.take_along_axis(own, best, axis=2)[..., 0] for own in (priced, level))
    found = least < inf
    return least, np.where(found, level, inf), np.where(found, best[..., 0] + 1, 0)


@kept(by=model_and_end)
def _halos(instance: Instance, task: int) -> tuple[Floats, Floats]:
    """[b, helpers] each: how many times its work and input a block takes in so many cells."""
    blocks, model = blocks_of(instance, task), task_arrays(instance, task).model
    flops = model.flops
    work, read = np.ones((2, len(blocks.pairs), MOST_MEMBERS))
    for at, layers in enumerate(blocks.layers):
        geometry = geometry_of(model, layers)
        shares = grid_shares(geometry, MOST_MEMBERS)
        own = flops[list(geometry.layers)]
        if own.sum() > 0:
            work[at] = shares[:, :-1] @ own / own.sum()
        read[at] = shares[:, -1]
    return work, read
