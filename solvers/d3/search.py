"""The best stages for a given placement: fuse points by dynamic program over every chain."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import inf

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.arrays.task import TaskArrays
from splitfog.formulations.costs.stages import stage_timeline
from splitfog.formulations.decision import Slice, Stage, TaskDecision
from splitfog.formulations.tolerances import ROUNDING
from splitfog.instances.arrays import frozen
from splitfog.solvers.d3.chains import Block, Chain, chains_of, likeness
from splitfog.solvers.d3.costs import PatternRule, RunCosts, Tile
from splitfog.solvers.d3.strips import strips_of
from splitfog.solvers.d3.team import Team, team_of

LINK_SCALES = (1.0, 2.0, 4.0, 8.0)
"""Where ways share channels, cuts are also made as if transfers took so many times as long."""

Costs = NDArray[np.float64]


@dataclass(eq=False, kw_only=True)
class Slicer:
    """Finds the stages of one task, for any placement; keeps what placements share.

    Parameters
    ----------
    arrays : the task.
    helpers : which nodes may slice beside the home: of its tier (`tier`) or any (`all`).
    grid : dealt grids have up to so many rows and columns.
    room_bytes : [nodes], most weights that one stage may put on each node.
    rule : which patterns a stage may have; None: `patterns_of`.
    """

    arrays: TaskArrays
    helpers: str = "tier"
    grid: int = 5
    room_bytes: Costs | None = None
    rule: PatternRule | None = None
    timelines: int = 0
    _teams: dict[int, Team] = field(default_factory=dict)
    _runs: dict[tuple[tuple[Block, ...], int], _Run] = field(default_factory=dict)
    _alike: dict[Hashable, dict[int, Costs]] = field(default_factory=dict)

    def team(self, home: int) -> Team:
        """The nodes that may slice for a home."""
        if home not in self._teams:
            self._teams[home] = team_of(self.arrays, home, self.helpers)
        return self._teams[home]

    def with_rule(self, rule: PatternRule) -> Slicer:
        """A slicer of the same task with other patterns."""
        return Slicer(
            arrays=self.arrays,
            helpers=self.helpers,
            grid=self.grid,
            room_bytes=self.room_bytes,
            rule=rule,
        )

    def sliced(self, placement: NDArray[np.int64]) -> TaskDecision:
        """The placement with the best stages that keep every layer at its node."""
        stages: list[Stage] = []
        for chain in chains_of(self.arrays.model):
            stages += self._chain(chain, placement)[1]
        return with_stages(self.arrays, placement, stages)

    def prefix_sliced(self, placement: NDArray[np.int64]) -> TaskDecision:
        """The placement with at most one stage, at the beginning of the first sliceable run.

        The first blocks of the first chain in which two nodes may slice, as many as is best.
        """
        for chain in chains_of(self.arrays.model):
            for run, begin, end in self._segments(chain, placement):
                if run is not None:
                    blocks = run.costs.blocks[begin:end]
                    layers = [list(block.layers) for block in blocks]
                    times = self.arrays.times_s
                    alone = [float(times[own, placement[own]].sum()) for own in layers]
                    return with_stages(self.arrays, placement, run.best_first(begin, end, alone))
        return with_stages(self.arrays, placement, [])

    def _chain(self, chain: Chain, placement: NDArray[np.int64]) -> tuple[float, list[Stage]]:
        """Least computing time of a chain, and its stages."""
        alone = [self._alone(block, placement) for block in chain.blocks]
        total, stages, at = 0.0, [], 0
        for run, begin, end in self._segments(chain, placement):
            parts = alone[at : at + end - begin]
            seconds, found = _unfused(parts) if run is None else run.best(begin, end, parts)
            total += seconds
            stages += found
            at += end - begin
        return total, stages

    def _segments(
        self, chain: Chain, placement: NDArray[np.int64]
    ) -> Iterator[tuple[_Run | None, int, int]]:
        """Blocks in a row at one home, as parts of runs; None where they may not be sliced."""
        for span in _runs_of(self.arrays, chain):
            blocks = tuple(chain.blocks[at] for at in span)
            homes = [self._home(block, placement) for block in blocks]
            borders = [at for at in range(len(homes)) if at == 0 or homes[at] != homes[at - 1]]
            for begin, end in pairwise((*borders, len(homes))):
                home = homes[begin]
                alone = home is None or len(self.team(home).nodes) < 2
                yield None if home is None or alone else self._run(blocks, home), begin, end

    def _alone(self, block: Block, placement: NDArray[np.int64]) -> tuple[float, list[Stage]]:
        """A block that is not one stage: its layers by themselves, its branches at their best."""
        inner = [self._chain(chain, placement) for chain in block.inner]
        inside = {i for chain in block.inner for b in chain.blocks for i in b.layers}
        loose = [layer for layer in block.layers if layer not in inside]
        seconds = float(self.arrays.times_s[loose, placement[loose]].sum())
        return seconds + sum(own for own, _ in inner), [s for _, own in inner for s in own]

    def _home(self, block: Block, placement: NDArray[np.int64]) -> int | None:
        places = set(placement[list(block.layers)].tolist())
        return places.pop() if block.may_slice and len(places) == 1 else None

    def _run(self, blocks: tuple[Block, ...], home: int) -> _Run:
        if (blocks, home) not in self._runs:
            team = self.team(home)
            room = np.full(len(team.nodes), inf)
            if self.room_bytes is not None:
                room = self.room_bytes[list(team.nodes)]
            known = self._alike.setdefault((likeness(self.arrays.model, blocks), home), {})
            costs = RunCosts(
                model=self.arrays.model,
                blocks=blocks,
                team=team,
                grid=self.grid,
                room_bytes=room,
                rule=self.rule,
                known=known,
            )
            self._runs[blocks, home] = _Run(self, costs)
        return self._runs[blocks, home]


@dataclass(eq=False)
class _Run:
    """Fuse points of blocks in a row at one home, by a shortest path over their borders."""

    slicer: Slicer
    costs: RunCosts
    exact: dict[tuple[int, int], tuple[float, Stage | None, int]] = field(default_factory=dict)
    """Per (first, last): least time found, its stage, and how many patterns were looked at."""
    ranked: dict[tuple[int, int], list[int]] = field(default_factory=dict)

    def best(
        self, begin: int, end: int, alone: Sequence[tuple[float, list[Stage]]]
    ) -> tuple[float, list[Stage]]:
        """The least total time of blocks `begin` .. `end` - 1 and its stages.

        Bounds of stages are made exact only along the path that is shortest by them, until the
        shortest path has none left: no other can be shorter.
        """
        table = {
            (i, j): self._estimate(i, j) for j in range(begin + 1, end + 1) for i in range(begin, j)
        }
        while True:
            total, path = _shortest(begin, end, [seconds for seconds, _ in alone], table)
            open_edges = [edge for edge in path if self._refine(*edge)]
            if not open_edges:
                break
            for edge in open_edges:
                table[edge] = self._estimate(*edge)
        stages: list[Stage] = []
        fused = {i: (i, j) for i, j in path}
        at = begin
        while at < end:
            if at in fused:
                stage = self.exact[fused[at]][1]
                stages += [stage] if stage is not None else []
                at = fused[at][1]
            else:
                stages += alone[at - begin][1]
                at += 1
        return total, stages

    def best_first(self, begin: int, end: int, alone: Sequence[float]) -> list[Stage]:
        """The stage of the first blocks that, with the others alone, is best; none if none is."""
        least = sum(alone)
        rest = {last: sum(alone[last - begin :]) for last in range(begin + 1, end + 1)}
        while True:
            totals = {last: self._estimate(begin, last) + more for last, more in rest.items()}
            last = min(totals, key=lambda at: (totals[at], at))
            if totals[last] >= least * (1 - ROUNDING):
                return []
            if not self._refine(begin, last):
                chosen = self.exact[begin, last][1]
                return [] if chosen is None else [chosen]

    def _estimate(self, first: int, last: int) -> float:
        """The exact time of a stage so far as known, else a lower bound."""
        times = self.costs.to(last)[:, first]
        known = self.exact.get((first, last))
        if known is None:
            return float(times.min(initial=inf))
        return min(known[0], self._next_bound(first, last, known[2]))

    def _next_bound(self, first: int, last: int, looked: int) -> float:
        ranked = self.ranked[first, last]
        return float(self.costs.to(last)[ranked[looked], first]) if looked < len(ranked) else inf

    def _refine(self, first: int, last: int) -> bool:
        """Look at a stage's next pattern; False if its time is exact already."""
        times = self.costs.to(last)[:, first]
        if (first, last) not in self.exact:
            self.ranked[first, last] = np.argsort(times, kind="stable").tolist()
            self.exact[first, last] = (*self._strips(first, last), 0)
        least, stage, looked = self.exact[first, last]
        bound = self._next_bound(first, last, looked)
        if bound == inf or bound >= least * (1 - ROUNDING):
            return False
        pattern = self.costs.patterns[self.ranked[first, last][looked]]
        team = self.costs.team
        for scale in LINK_SCALES if not team.independent else (1.0,):
            tiles = self.costs.tiles(first, last, pattern, scale)
            found = stage_of(self.costs.blocks[first:last], team, tiles)
            seconds = bound if team.independent else self._timed(found)
            if seconds < least:
                least, stage = seconds, found
        self.exact[first, last] = (least, stage, looked + 1)
        return True

    def _strips(self, first: int, last: int) -> tuple[float, Stage | None]:
        """The best stage in strips of unequal rectangles, where any patterns may be."""
        least: tuple[float, Stage | None] = (inf, None)
        if self.costs.rule is not None:
            return least
        team = self.costs.team
        for scale in LINK_SCALES if not team.independent else (1.0,):
            tiles = strips_of(self.costs, first, last, scale)
            if not tiles:
                continue
            found = stage_of(self.costs.blocks[first:last], team, tiles)
            seconds = self._timed(found)
            if seconds < least[0]:
                least = seconds, found
        return least

    def _timed(self, stage: Stage) -> float:
        arrays = self.slicer.arrays
        self.slicer.timelines += 1
        timeline = stage_timeline(arrays.instance, arrays.task, stage)
        return inf if timeline is None else timeline.end_s


def with_stages(
    arrays: TaskArrays, placement: NDArray[np.int64], stages: Sequence[Stage]
) -> TaskDecision:
    """A placement with some stages, in the order of their first layers."""
    rank = np.empty(len(placement), np.int64)
    rank[arrays.model.order] = np.arange(len(placement))
    ordered = sorted(stages, key=lambda stage: int(rank[stage.layers[0]]))
    return TaskDecision(frozen(np.array(placement, np.int64)), None, tuple(ordered))


def stage_of(blocks: Sequence[Block], team: Team, tiles: Sequence[Tile]) -> Stage:
    """The stage of some blocks with the given tiles, at the team's home."""
    layers = tuple(layer for block in blocks for layer in block.layers)
    slices = tuple(Slice(team.nodes[n], (a, b), (c, d)) for n, a, b, c, d in tiles)
    return Stage(layers, team.home, slices)


def _runs_of(arrays: TaskArrays, chain: Chain) -> list[list[int]]:
    """Positions of blocks by maximal run within which stages may lie; others stand alone.

    A tensor that is a result may end a stage, but not lie inside one.
    """
    runs: list[list[int]] = []
    ended = True
    for at, block in enumerate(chain.blocks):
        if ended or not block.may_slice:
            runs.append([])
        runs[-1].append(at)
        ended = not block.may_slice or bool(arrays.model.results[block.end])
    return runs


def _unfused(parts: Sequence[tuple[float, list[Stage]]]) -> tuple[float, list[Stage]]:
    return sum(seconds for seconds, _ in parts), [s for _, own in parts for s in own]


def _shortest(
    begin: int, end: int, alone: Sequence[float], table: dict[tuple[int, int], float]
) -> tuple[float, list[tuple[int, int]]]:
    """The shortest path over borders: blocks alone, or stages; ties: alone, then the longest."""
    least: dict[int, float] = {begin: 0.0}
    came: dict[int, int | None] = {}
    for j in range(begin + 1, end + 1):
        least[j], came[j] = least[j - 1] + alone[j - 1 - begin], None
        for i in range(begin, j):
            seconds = least[i] + table[i, j]
            if seconds < least[j] * (1 - ROUNDING):
                least[j], came[j] = seconds, i
    path: list[tuple[int, int]] = []
    at = end
    while at > begin:
        first = came[at]
        if first is not None:
            path.append((first, at))
        at = at - 1 if first is None else first
    return least[end], path[::-1]
