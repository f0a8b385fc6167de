"""Every way to cut a stage's output into rectangles on nodes, for maps of a few pixels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations, product
from math import inf

import numpy as np

from splitfog.formulations.costs.routes import routes_of
from splitfog.formulations.costs.stage_timeline import run_timeline
from splitfog.formulations.costs.stages import SliceWork, slice_work
from splitfog.formulations.decision import Slice
from splitfog.formulations.tiles.stage_shape import StageGeometry
from splitfog.instances.arrays import Flags, Floats, Integers
from splitfog.instances.instance import Instance

EQUAL = 1e-12
"""Relative: sums that differ by less differ in their order only."""

Rectangle = tuple[int, int, int, int]

Chain = tuple[Slice, "Chain"] | None
"""Slices, the last one first."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Slicings:
    """O ways to slice a stage: what the slices on every node take together, [O, N] each.

    `alone_s` [O] is the stage's latency where nothing waits; nan where it follows from the sums.
    """

    count: Floats
    input_bytes: Floats
    service_s: Floats
    output_bytes: Floats
    alone_s: Floats
    slices: list[tuple[Slice, ...]]

    def only(self, kept: Flags) -> Slicings:
        """Some of them."""
        return Slicings(
            count=self.count[kept],
            input_bytes=self.input_bytes[kept],
            service_s=self.service_s[kept],
            output_bytes=self.output_bytes[kept],
            alone_s=self.alone_s[kept],
            slices=[self.slices[at] for at in np.flatnonzero(kept)],
        )


def rectangles(height: int, width: int) -> list[Rectangle]:
    """All of a map."""
    rows = [(a, b) for a in range(height) for b in range(a + 1, height + 1)]
    columns = [(a, b) for a in range(width) for b in range(a + 1, width + 1)]
    return [(*row, *column) for row in rows for column in columns]


def mask_of(rectangle: Rectangle, width: int) -> int:
    """The pixels as bits, row by row."""
    r0, r1, c0, c1 = rectangle
    return sum(1 << (row * width + column) for row in range(r0, r1) for column in range(c0, c1))


def covers(height: int, width: int) -> Iterator[tuple[Rectangle, ...]]:
    """All exact covers of a map by rectangles, pinwheels too: 2, 8, 322 for 1x2, 2x2, 3x3."""
    boxes = [(box, mask_of(box, width)) for box in rectangles(height, width)]
    full = (1 << height * width) - 1

    def rest(covered: int) -> Iterator[tuple[Rectangle, ...]]:
        if covered == full:
            yield ()
        first = ~covered & (covered + 1)
        for box, mask in boxes:
            if mask & first and not mask & covered:
                for others in rest(covered | mask):
                    yield (box, *others)

    yield from rest(0)


def works(
    instance: Instance, geometry: StageGeometry, boxes: Sequence[Rectangle]
) -> list[SliceWork]:
    """What every rectangle takes and moves, node by node, by the reference."""
    tiles = np.array(boxes, np.int64)
    nodes = range(len(instance.nodes))
    return [slice_work(instance, geometry, tiles, [node] * len(boxes)) for node in nodes]


def summed_slicings(instance: Instance, geometry: StageGeometry, nodes: Sequence[int]) -> Slicings:
    """All covers by slices on these nodes, but for those that take as much as another of all.

    Where a cost sees of the slices on a node only their number, and their sums of bytes and
    seconds, and never falls when one of these rises, the least is among them. One pass over the
    sets of pixels covered, in the order in which the first free pixel is covered next.
    """
    height, width, count = geometry.height, geometry.width, len(instance.nodes)
    boxes = rectangles(height, width)
    work = works(instance, geometry, boxes)
    added = np.zeros((len(boxes), count, 4, count))
    for node in nodes:
        moved = work[node].input_bytes, work[node].output_bytes
        own = [np.ones(len(boxes)), moved[0], work[node].service_s, moved[1]]
        added[:, node, :, node] = np.stack(own, axis=1)
    masks = [mask_of(box, width) for box in boxes]
    full = (1 << height * width) - 1
    sums: dict[int, list[Floats]] = {0: [np.zeros((1, 4, count))]}
    chains: dict[int, list[Chain]] = {0: [None]}
    while (covered := min(sums, default=full)) < full:
        here, made = np.concatenate(sums.pop(covered)), chains.pop(covered)
        kept = _undominated(here)
        here, made = here[kept], [made[at] for at in kept.tolist()]
        first = ~covered & (covered + 1)
        for at, (box, mask) in enumerate(zip(boxes, masks, strict=True)):
            if mask & first and not mask & covered:
                for node in nodes:
                    piece = Slice(node, box[:2], box[2:])
                    sums.setdefault(covered | mask, []).append(here + added[at, node])
                    chains.setdefault(covered | mask, []).extend((piece, way) for way in made)
    if full not in sums:  # no node may hold a slice
        empty = np.zeros((0, count))
        return Slicings(
            count=empty,
            input_bytes=empty,
            service_s=empty,
            output_bytes=empty,
            alone_s=np.zeros(0),
            slices=[],
        )
    return _closed(np.concatenate(sums[full]), [_listed(chain) for chain in chains[full]])


def _closed(sums: Floats, slices: list[tuple[Slice, ...]]) -> Slicings:
    """One slice alone is always kept: at its home it is no stage, and a cut that is worse is."""
    one = np.array([len(pieces) == 1 for pieces in slices])
    several = np.flatnonzero(~one)
    kept = several[_undominated(sums[several])]
    kept = np.concatenate([np.flatnonzero(one), kept])
    count, input_bytes, service_s, output_bytes = np.moveaxis(sums[kept], 1, 0)
    return Slicings(
        count=count,
        input_bytes=input_bytes,
        service_s=service_s,
        output_bytes=output_bytes,
        alone_s=np.full(len(kept), np.nan),
        slices=[slices[at] for at in kept.tolist()],
    )


def _listed(chain: Chain) -> tuple[Slice, ...]:
    pieces = []
    while chain is not None:
        piece, chain = chain
        pieces.append(piece)
    return tuple(reversed(pieces))


def _undominated(sums: Floats) -> Integers:
    """Positions of K sums [K, 4, N] that no other is below or equal to in everything."""
    rows = sums.reshape(len(sums), sums.shape[1] * sums.shape[2])
    order = np.lexsort(rows.T[::-1])
    order = order[np.argsort(rows[order].sum(axis=1), kind="stable")]
    room = rows * (1 + EQUAL)
    kept: list[int] = []
    front = np.empty((0, rows.shape[1]))
    for begin in range(0, len(order), 64):
        some = order[begin : begin + 64]
        if len(front):
            some = some[~np.any(np.all(front[None] <= room[some][:, None], axis=-1), axis=1)]
        below = np.all(rows[some][None] <= room[some][:, None], axis=-1)
        some = some[~np.any(np.tril(below, -1), axis=1)]
        kept += some.tolist()
        front = np.concatenate([front, rows[some]])
    return np.array(kept, np.int64)


def timed_slicings(
    instance: Instance, geometry: StageGeometry, nodes: Sequence[int], home: int
) -> Slicings:
    """Of every set of nodes the cover, the nodes of its slices and their order that end first.

    By the timeline of the reference, which may end earlier when a slice takes longer: so all are
    run, but those whose nodes compute for longer than the best takes.
    """
    routes, count = routes_of(instance), len(instance.nodes)
    ways = {n: (routes.path(home, n), routes.path(n, home)) for n in nodes}
    near = [n for n, (there, back) in ways.items() if there is not None and back is not None]
    best: dict[frozenset[int], tuple[float, tuple[Slice, ...]]] = {}
    for boxes in covers(geometry.height, geometry.width):
        work = works(instance, geometry, boxes)
        for hosts in product(near, repeat=len(boxes)):
            service = [float(work[n].service_s[at]) for at, n in enumerate(hosts)]
            most = max(sum(s for s, n in zip(service, hosts, strict=True) if n == m) for m in hosts)
            for order in permutations(range(len(boxes))):
                least = best.get(frozenset(hosts), (inf, ()))[0]
                if most >= least:
                    break
                end_s = run_timeline(
                    instance,
                    home,
                    [hosts[at] for at in order],
                    [ways[hosts[at]] for at in order],  # type: ignore[misc]
                    [service[at] for at in order],
                    [float(work[hosts[at]].input_bytes[at]) for at in order],
                    [float(work[hosts[at]].output_bytes[at]) for at in order],
                ).end_s
                if end_s < least:
                    pieces = (Slice(hosts[at], boxes[at][:2], boxes[at][2:]) for at in order)
                    best[frozenset(hosts)] = (end_s, tuple(pieces))
    used = np.array([[node in hosts for node in range(count)] for hosts in best], float)
    nothing = np.zeros((len(best), count))
    return Slicings(
        count=used.reshape(nothing.shape),
        input_bytes=nothing,
        service_s=nothing,
        output_bytes=nothing,
        alone_s=np.array([end_s for end_s, _ in best.values()]),
        slices=[pieces for _, pieces in best.values()],
    )
