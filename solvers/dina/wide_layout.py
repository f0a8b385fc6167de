"""One stage laid out in strips of unequal rectangles, and priced exactly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from splitfog.formulations.costs.routes import routes_of
from splitfog.formulations.decision import Slice, Stage
from splitfog.formulations.tiles.spans import shares_of, spans_of
from splitfog.formulations.tiles.stage_shape import StageGeometry
from splitfog.formulations.tiles.strips import Cover, Members, strip_covers
from splitfog.instances.arrays import Floats, Integers
from splitfog.instances.instance import Instance
from splitfog.solvers.dina.wide_stages import TINY, WideStages

LEVELS = (0.97, 1.03, 1.09, 1.16, 1.26, 1.4, 1.7)
"""Times, in those of the estimate, for which strips are looked for."""

WORN = 1.02
"""Times what it was when laid out, in estimates, above which a stage is laid out anew."""

SPARE = 3
"""Helpers beyond the estimate's number, that may have a slice."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Layout:
    """A stage laid out: `at` [T], its slices' positions among the nodes, `shares` [slots, T] of
    every tensor that they need; `seconds` with tolls, and these in times of the estimate."""

    stage: Stage
    at: Integers
    shares: Floats
    seconds: float
    ratio: float

    def again(self, stages: WideStages, block: int, home: int) -> Layout | None:
        """The layout at other prices; None if it is no longer as near to the estimate."""
        if not np.isfinite(stages.start_s[block, home, self.at]).all():
            return None
        seconds = priced(stages, self.shares, block, home, self.at)
        if seconds > stages.priced_s[block, home] * self.ratio * WORN:
            return None
        return replace(self, seconds=seconds)


def laid_out(instance: Instance, stages: WideStages, block: int, home: int) -> Layout | None:
    """A block at the home of that position, in strips; None where none are found."""
    geometry, order = stages.geometry(block), stages.order[block, home]
    order = order[np.isfinite(stages.start_s[block, home, order])]
    order = order[: int(stages.helpers[block, home]) + SPARE]
    if not stages.ways.serial[home]:
        order = _apart(instance, int(stages.homes[home]), stages.nodes, order)
    if not len(order):
        return None
    spans, best = spans_of(geometry), None
    for cover in _covers(stages, geometry, block, home, order):
        at, shares = order[cover.member], shares_of(spans, cover.rectangles)
        if (stages.nodes[at] == stages.homes[home]).all():
            continue  # no stage
        seconds = priced(stages, shares, block, home, at)
        if best is None or seconds < best[0]:
            best = seconds, at, shares, cover
    if best is None:
        return None
    seconds, at, shares, cover = best
    stage = _stage(stages, block, home, at, cover)
    ratio = seconds / max(float(stages.priced_s[block, home]), TINY)
    return Layout(stage=stage, at=at, shares=shares, seconds=seconds, ratio=ratio)


def _covers(
    stages: WideStages, geometry: StageGeometry, block: int, home: int, order: Integers
) -> Iterator[Cover]:
    """Strips for times about the estimate's; where one node is best, all on that."""
    if stages.helpers[block, home] == 1:
        whole = np.array([[0, geometry.height, 0, geometry.width]])
        yield Cover(whole, np.zeros(1, np.int64))
        return
    members = _members(stages, geometry, block, home, order)
    levels = stages.level_s[block, home] * np.array(LEVELS)
    for cover in strip_covers(spans_of(geometry), members, levels):
        if cover is not None:
            yield cover


def _stage(stages: WideStages, block: int, home: int, at: Integers, cover: Cover) -> Stage:
    hosts, boxes = stages.nodes[at].tolist(), cover.rectangles.tolist()
    slices = tuple(
        Slice(host, (top, bottom), (left, right))
        for host, (top, bottom, left, right) in zip(hosts, boxes, strict=True)
    )
    return Stage(stages.blocks.layers[block], int(stages.homes[home]), slices)


def _apart(instance: Instance, home: int, nodes: Integers, order: Integers) -> Integers:
    """Those whose ways from and to home share no link with one before."""
    routes, taken, apart = routes_of(instance), set[int](), []
    for at in order.tolist():
        node = int(nodes[at])
        ways = {*(routes.path(home, node) or ()), *(routes.path(node, home) or ())}
        if not ways & taken:
            taken |= ways
            apart.append(at)
    return np.array(apart, np.int64)


def _members(
    stages: WideStages, geometry: StageGeometry, block: int, home: int, order: Integers
) -> Members:
    """The nodes as members of strips: work by class, then the input, then the output."""
    blocks, ways, nodes = stages.blocks, stages.ways, stages.nodes[order]
    kinds, kind = np.unique(blocks.node_class[nodes], return_inverse=True)
    basis = np.zeros((len(kinds) + 2, len(geometry.layers) + 1))
    basis[:-2, :-1] = blocks.class_work[kinds][:, list(geometry.layers)]
    basis[-2, -1], basis[-1, -2] = geometry.tensor_bytes[-1], geometry.tensor_bytes[-2]
    whole_s = blocks.whole_s[block, stages.nodes] / max(len(order), 1)
    rate = np.zeros((len(order), len(basis)))
    wait = stages.prices.slopes(whole_s)[0][order]
    rate[np.arange(len(order)), kind.reshape(-1)] = blocks.scale[nodes] * (1 + wait)
    if not ways.serial[home]:
        rate[:, -2], rate[:, -1] = ways.in_s[home, order], ways.out_s[home, order]
    return Members(start_s=stages.start_s[block, home, order], rate=rate, basis=basis)


def priced(stages: WideStages, shares: Floats, block: int, home: int, at: Integers) -> float:
    """Seconds and tolls of slices that need `shares` [slots, T], on the nodes at positions [T]."""
    blocks, ways, nodes = stages.blocks, stages.ways, stages.nodes[at]
    geometry = stages.geometry(block)
    into, out = geometry.tensor_bytes[-1], geometry.tensor_bytes[-2]
    work = blocks.class_work[blocks.node_class[nodes]][:, list(geometry.layers)]
    service_s = (work * shares[:-1].T).sum(axis=1) * blocks.scale[nodes]
    service_s = service_s + blocks.fixed_s[block, nodes]
    waits_s = stages.prices.waits_s(service_s, at)
    tolls_s = stages.prices.tolls_s(service_s, waits_s, at).sum()
    moved_s = ways.latency_s[home, at] + ways.in_s[home, at] * shares[-1] * into
    moved_s = moved_s + ways.out_s[home, at] * shares[-2] * out
    if ways.serial[home]:
        return float(moved_s.sum() + (service_s + waits_s).max() + tolls_s)
    return float((moved_s + service_s + waits_s).max() + tolls_s)
