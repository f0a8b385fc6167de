"""The least time of every stage of a run of blocks, over all cuts of the stated patterns.

With ways from home that share no channel, a node's slice [a, b) takes G(b) - H(a) seconds, its
transfers included: the first and the last row needed of every tensor depend on one end only. So
the best free cut is a minimax over its borders, computed for all first blocks of a stage at once.
With shared channels the same figure is a lower bound of the stage's time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.weights import added_bytes
from splitfog.instances.records import Model
from splitfog.solvers.d3.chains import Block
from splitfog.solvers.d3.patterns import Bands, Deal, Pattern, intervals, patterns_of
from splitfog.solvers.d3.reach import BlockReach, reach_of
from splitfog.solvers.d3.team import Hop, Team

Array = NDArray[np.float64]
Tile = tuple[int, int, int, int, int]
"""(index of the node in the team, r0, r1, c0, c1)."""
PatternRule = Callable[[Team, list[int]], tuple[Pattern, ...]]
"""The patterns of a team for stages among some layers."""
Lane = tuple[int, tuple[int, int]]
"""(index of the node in the team, range of the axis that is not cut freely)."""


@dataclass(eq=False, kw_only=True)
class RunCosts:
    """Stage times of a run of M blocks that may be sliced, all at the team's home.

    `to(j)` is [patterns, j]: entry [p, i] the least time of the stage of blocks i .. j - 1 by
    pattern p (a lower bound where the team is not independent); inf where it does not fit.
    `room_bytes` limits the weights of a stage on each node; `rule` replaces `patterns_of`;
    `known` holds what `to` has found, for all runs that are alike.
    """

    model: Model
    blocks: tuple[Block, ...]
    team: Team
    grid: int
    room_bytes: Array
    rule: PatternRule | None = None
    known: dict[int, Array] = field(default_factory=dict)

    @cached_property
    def reaches(self) -> list[BlockReach]:
        """The tables of every block."""
        return [reach_of(self.model, block) for block in self.blocks]

    @cached_property
    def patterns(self) -> tuple[Pattern, ...]:
        """All patterns; columns are not cut freely where they would repeat the rows."""
        layers = [layer for block in self.blocks for layer in block.layers]
        if self.rule is not None:
            return self.rule(self.team, layers)
        axes = (0,) if all(_symmetric(reach) for reach in self.reaches) else (0, 1)
        return patterns_of(self.team, layers, self.grid, axes)

    @cached_property
    def fixed_s(self) -> Array:
        """[M, N]: seconds that a slice pays for each block whatever its size; inf if forbidden."""
        team = self.team
        fixed = np.zeros((len(self.blocks), len(team.nodes)))
        for at, block in enumerate(self.blocks):
            listed = list(block.layers)
            barred = ~team.allowed[listed].all(axis=0)
            fixed[at] = np.where(barred, np.inf, team.fixed_s[listed].sum(axis=0))
        return fixed

    def to(self, last: int) -> Array:
        """[patterns, last]: times of all stages that end with block `last` - 1."""
        if last not in self.known:
            self.known[last] = self._times(last)
        return self.known[last]

    def tiles(self, first: int, last: int, pattern: Pattern, links: float = 1.0) -> list[Tile]:
        """The cut that attains `to(last)[pattern, first]`; every transfer `links` times as long."""
        sizes = self.reaches[last - 1].sizes
        if isinstance(pattern, Deal):
            turns, nodes = pattern.tiles(sizes), pattern.nodes
            return [(nodes[t % len(nodes)], *box) for t, box in turns]
        cross = intervals(sizes[1 - pattern.axis], pattern.shares)
        lanes = [(n, part) for step in pattern.steps for n, part in zip(step, cross)]
        ends, starts = self._lanes(last, pattern.axis, lanes, first, links)
        width = len(cross)
        steps = [tuple(range(s * width, (s + 1) * width)) for s in range(len(pattern.steps))]
        found: list[Tile] = []
        for step, (a, b) in _cuts(ends[0], starts[0], steps):
            for n, (c, d) in zip(pattern.steps[step], cross):
                box = (a, b, c, d) if pattern.axis == 0 else (c, d, a, b)
                found.append((n, *box))
        return found

    def _times(self, last: int) -> Array:
        sizes = self.reaches[last - 1].sizes
        times = np.full((len(self.patterns), last), np.inf)
        for axis in range(2):
            chosen = [
                (p, pattern)
                for p, pattern in enumerate(self.patterns)
                if isinstance(pattern, Bands) and pattern.axis == axis
            ]
            cuts = {p: intervals(sizes[1 - axis], own.shares) for p, own in chosen}
            chosen = [(p, own) for p, own in chosen if all(a < b for a, b in cuts[p])]
            laid = {
                p: [tuple(zip(step, cuts[p], strict=True)) for step in own.steps]
                for p, own in chosen
            }
            lanes = list(dict.fromkeys(lane for own in laid.values() for s in own for lane in s))
            if not lanes:
                continue
            position = {lane: q for q, lane in enumerate(lanes)}
            ends, starts = self._lanes(last, axis, lanes)
            for p, steps in laid.items():
                numbered = [tuple(position[lane] for lane in step) for step in steps]
                times[p] = _minimax(ends, starts, numbered)
        self._deal(last, times)
        return times

    def constants(self, last: int, first: int) -> Array:
        """[last - first, N]: what a slice of the stage (first + row .. last - 1) always pays; inf
        where a node may not have one, or has no room."""
        fixed = np.cumsum(self.fixed_s[first:last][::-1], axis=0)[::-1]
        fixed[self._divides_group(first, last)] = np.inf
        backwards = self.blocks[first:last][::-1]
        ends = np.cumsum([len(block.layers) for block in backwards])
        layers = [layer for block in backwards for layer in block.layers]
        weights = added_bytes(self.model, layers).cumsum()[ends - 1][::-1]
        return np.where(weights[:, None] <= self.room_bytes, fixed, np.inf)

    def _divides_group(self, first: int, last: int) -> NDArray[np.bool_]:
        """[last - first]: whether the stage (first + row .. last - 1) has a part of a group."""
        arrays = self.team.arrays
        layers: list[int] = []
        divided = []
        for block in reversed(self.blocks[first:last]):
            layers += block.layers
            divided.append(bool(arrays.groups) and arrays.divides_group(layers))
        return np.array(divided[::-1])

    def _lanes(
        self, last: int, axis: int, lanes: Sequence[Lane], first: int = 0, links: float = 1.0
    ) -> tuple[Array, Array]:
        """G and H, [last - first, lanes, size]: `G[i, q, b - 1] - H[i, q, a]` is a slice's time."""
        team, final = self.team, self.reaches[last - 1]
        nodes = np.array([n for n, _ in lanes])
        lows = np.array([part[0] for _, part in lanes])
        highs = np.array([part[1] - 1 for _, part in lanes])
        size, rest = final.sizes[axis], final.sizes[1 - axis]
        walk = [_Walk(final.sizes[a]) for a in range(2)]
        ends, starts = (np.empty((last - first, len(lanes), size)) for _ in range(2))
        work_ends, work_starts = (np.zeros((len(lanes), size)) for _ in range(2))
        into, out = links * team.way_in[nodes], links * team.way_out[nodes]
        leaving = (out[:, 1] * (highs + 1 - lows) * final.output_bytes / (size * rest))[:, None]
        constants = self.constants(last, first)[:, nodes] + into[:, 0] + out[:, 0]
        for at in reversed(range(first, last)):
            reach = self.reaches[at]
            low, high = walk[axis].step(reach, axis)
            other_low, other_high = walk[1 - axis].step(reach, 1 - axis)
            spans = (other_high[:, highs] - other_low[:, lows]) / reach.areas[:, None]
            rates = team.slope_s[np.array(reach.layers)[:, None], nodes] * spans[:-1]
            work_ends += rates.T @ high[:-1]
            work_starts += rates.T @ low[:-1]
            entering = (into[:, 1] * spans[-1] * reach.input_bytes)[:, None]
            ends[at - first] = work_ends + entering * high[-1] + leaving * np.arange(1, size + 1)
            ends[at - first] += constants[at - first][:, None]
            starts[at - first] = work_starts + entering * low[-1] + leaving * np.arange(size)
        return ends, starts

    def _deal(self, last: int, times: Array) -> None:
        """Fill in the times of the dealt grids."""
        sizes = self.reaches[last - 1].sizes
        deals = [
            (p, deal)
            for p, deal in enumerate(self.patterns)
            if isinstance(deal, Deal) and deal.fits(sizes)
        ]
        if not deals:
            return
        ranges = [_ranges(sizes[a], [(d.rows, d.columns)[a] for _, d in deals]) for a in (0, 1)]
        service, entering = self._tile_work(last, ranges)
        final = self.reaches[last - 1]
        rows, columns, dealt = _rounds([deal for _, deal in deals], sizes, ranges)
        heights, widths = (np.array([b - a for a, b in own]) for own in ranges)
        leaving = heights[:, None] * widths * (final.output_bytes / (sizes[0] * sizes[1]))
        constants = self.constants(last, 0)[:, None, :]
        lines = _Lines(self.team)
        nodes = np.arange(len(self.team.nodes))
        for r, c, here in zip(rows, columns, dealt):
            seconds = np.where(here, service[:, nodes, r, c] + constants, 0.0)
            lines.add(here, entering[:, r, c], seconds, leaving[r, c])
        times[[p for p, _ in deals]] = lines.end_s.max(axis=-1).T

    def _tile_work(
        self, last: int, ranges: list[dict[tuple[int, int], int]]
    ) -> tuple[Array, Array]:
        """Service [last, N, rows, columns], constants apart, and bytes in [last, rows, columns]."""
        final, team = self.reaches[last - 1], self.team
        walk = [_Walk(final.sizes[a]) for a in range(2)]
        lows = [np.array([a for a, _ in own]) for own in ranges]
        highs = [np.array([b - 1 for _, b in own]) for own in ranges]
        shape = (len(ranges[0]), len(ranges[1]))
        service = np.empty((last, len(team.nodes), *shape))
        entering = np.empty((last, *shape))
        work = np.zeros((len(team.nodes), *shape))
        for at in reversed(range(last)):
            reach = self.reaches[at]
            tables = [walk[a].step(reach, a) for a in range(2)]
            rows, columns = (tables[a][1][:, highs[a]] - tables[a][0][:, lows[a]] for a in range(2))
            rates = team.slope_s[list(reach.layers)] / reach.areas[:-1, None]
            scaled = rates[:, :, None] * rows[:-1, None, :]
            work += (scaled.reshape(len(rates), -1).T @ columns[:-1]).reshape(work.shape)
            service[at] = work
            entering[at] = np.outer(rows[-1], columns[-1]) * (reach.input_bytes / reach.areas[-1])
        return service, entering


class _Walk:
    """First and last rows needed along one axis, from a stage's output backwards."""

    def __init__(self, size: int) -> None:
        self.low, self.high = np.arange(size), np.arange(1, size + 1)

    def step(self, reach: BlockReach, axis: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """[layers + 1, size] of a block: first rows, and rows behind the last."""
        low = reach.starts[axis][:, self.low]
        high = reach.ends[axis][:, self.high - 1]
        self.low, self.high = low[-1], high[-1]
        return low, high


class _Lines:
    """Every node's tiles through its way in, its processor and its way out, first come first.

    Arrays are [stages, deals, nodes]. Where ways share channels, transfers do not wait here.
    """

    def __init__(self, team: Team) -> None:
        self.wait = team.independent
        self.way_in = _padded_hops([into for into, _ in team.hops])
        self.way_out = _padded_hops([out for _, out in team.hops])
        self.free: list[Array | float] = [0.0] * (len(self.way_in) + len(self.way_out) + 1)
        self.end_s: Array = np.zeros(())

    def add(self, here: Array, entering: Array, service: Array, leaving: Array) -> None:
        """Send the next tile of every node that has one (`here`)."""
        steps: list[tuple[Array, Array | float]] = [
            *_sent(here, self.way_in, entering),
            (service, 0.0),
            *_sent(here, self.way_out, leaving),
        ]
        now: Array = np.zeros(())
        for place, (busy_s, delay_s) in enumerate(steps):
            if self.wait or place == len(self.way_in):
                now = np.maximum(now, self.free[place]) + busy_s
                self.free[place] = now
            else:
                now = now + busy_s
            now = now + delay_s
        self.end_s = np.maximum(self.end_s, now)


def _sent(
    here: Array, hops: Sequence[tuple[Array, Array, Array]], num_bytes: Array
) -> list[tuple[Array, Array | float]]:
    """Of every hop the seconds that its link is busy, and its delay; 0 where no tile is sent."""
    return [
        (np.where(here, latency + per_byte * num_bytes, 0.0), np.where(here, delay, 0.0))
        for latency, per_byte, delay in hops
    ]


def _padded_hops(ways: Sequence[Sequence[Hop]]) -> list[tuple[Array, Array, Array]]:
    """[nodes] figures of every hop, as in `Hop`; ways that end sooner go on for nothing."""
    most = max(map(len, ways))
    padded = np.array([[*way, *[(0.0, 0.0, 0.0)] * (most - len(way))] for way in ways])
    return [(padded[:, hop, 0], padded[:, hop, 1], padded[:, hop, 2]) for hop in range(most)]


def _rounds(
    deals: Sequence[Deal], sizes: tuple[int, int], ranges: list[dict[tuple[int, int], int]]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """[rounds, deals, nodes]: row range and column range of the tile dealt, and whether one is."""
    width = len(deals[0].nodes)
    most = max(-(-len(deal.rows) * len(deal.columns) // width) for deal in deals)
    rows, columns = (np.zeros((most, len(deals), width), np.int64) for _ in range(2))
    here = np.zeros(rows.shape, bool)
    for d, deal in enumerate(deals):
        for t, box in deal.tiles(sizes):
            at = (t // width, d, deal.nodes[t % width])
            rows[at], columns[at] = ranges[0][box[0], box[1]], ranges[1][box[2], box[3]]
            here[at] = True
    return rows, columns, here


def _minimax(ends: Array, starts: Array, steps: Sequence[tuple[int, ...]]) -> Array:
    """[stages]: the least largest time over all cuts into one range a step, in order."""
    return _minimax_table(ends, starts, steps)[-1][:, -1]


def _minimax_table(ends: Array, starts: Array, steps: Sequence[tuple[int, ...]]) -> list[Array]:
    """After every step [stages, size + 1]: the least largest time that covers [0, b).

    It never falls in b, so ranges that would end before they begin do no harm.
    """
    size = ends.shape[-1]
    best = np.full((len(ends), size + 1), np.inf)
    best[:, 0] = 0.0
    tables = [best]
    for step in steps:
        times = ends[:, step[0], None, :] - starts[:, step[0], :, None]
        for lane in step[1:]:
            np.maximum(times, ends[:, lane, None, :] - starts[:, lane, :, None], out=times)
        np.maximum(times, best[:, :-1, None], out=times)
        best = best.copy()
        np.minimum(best[:, 1:], times.min(axis=1), out=best[:, 1:])
        tables.append(best)
    return tables


def _cuts(
    ends: Array, starts: Array, steps: Sequence[tuple[int, ...]]
) -> list[tuple[int, tuple[int, int]]]:
    """(step, range) of the non-empty ranges of a best cut of one stage."""
    tables = _minimax_table(ends[None], starts[None], steps)
    chosen: list[tuple[int, tuple[int, int]]] = []
    border = ends.shape[-1]
    for step in reversed(range(len(steps))):
        before, target = tables[step][0], tables[step + 1][0, border]
        if border == 0 or before[border] <= target:
            continue
        lanes = list(steps[step])
        times = (ends[lanes, border - 1][:, None] - starts[lanes, :border]).max(axis=0)
        begin = int(np.argmin(np.maximum(times, before[:border])))
        chosen.append((step, (begin, border)))
        border = begin
    return chosen[::-1]


def _ranges(size: int, cuts: Sequence[tuple[float, ...]]) -> dict[tuple[int, int], int]:
    """Every non-empty range of some cuts by shares, numbered."""
    ranges = [r for shares in dict.fromkeys(cuts) for r in intervals(size, shares)]
    return {own: at for at, own in enumerate(dict.fromkeys(r for r in ranges if r[0] < r[1]))}


def _symmetric(reach: BlockReach) -> bool:
    return reach.sizes[0] == reach.sizes[1] and all(
        np.array_equal(own[0], own[1]) for own in (reach.starts, reach.ends)
    )
