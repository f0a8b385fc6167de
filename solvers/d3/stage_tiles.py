"""The tiles of one stage: what each takes on every node, and single ones moved while that helps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

import numpy as np

from splitfog.formulations.arrays.task import task_arrays
from splitfog.formulations.costs.feasibility import memory_bytes, memory_room
from splitfog.formulations.costs.routes import routes_of
from splitfog.formulations.costs.stages import slice_work, stage_timeline
from splitfog.formulations.decision import Decision, Stage, TaskDecision
from splitfog.formulations.tiles.stage_shape import StageGeometry, geometry_of
from splitfog.formulations.tolerances import EQUAL
from splitfog.instances.instance import Instance
from splitfog.instances.records import Task, changed
from splitfog.solvers.d3.team import team_of

MOST_MOVES = 300
"""Of single tiles of a stage, tried on the timeline."""


@dataclass(eq=False)
class StageTiles:
    """One stage of one task: what every tile takes on every node that may have it."""

    instance: Instance
    task: int
    stage: int
    given: Stage
    helpers: str

    def __post_init__(self) -> None:
        """Compute the tables [tiles, nodes]."""
        arrays = task_arrays(self.instance, self.task)
        self.owner: Task = arrays.task
        self.shape: StageGeometry = geometry_of(arrays.model, self.given.layers)
        team = team_of(arrays, self.given.home, self.helpers)
        allowed = team.allowed[list(self.given.layers)].all(axis=0)
        able = np.array(team.nodes)[allowed].tolist()
        chosen = {*able, *(part.node for part in self.given.slices)}
        self.nodes = sorted(chosen)
        boxes = np.array([(*part.rows, *part.columns) for part in self.given.slices])
        works = [
            slice_work(self.instance, self.shape, boxes, [node] * len(boxes)) for node in self.nodes
        ]
        self.service_s = np.stack([work.service_s for work in works], axis=1)
        self.input_bytes, self.output_bytes = works[0].input_bytes, works[0].output_bytes
        routes, home = routes_of(self.instance), self.given.home
        self.ways = [
            (routes.path(home, node) or (), routes.path(node, home) or ()) for node in self.nodes
        ]
        self.given_s = self.seconds(self.given)

    def seconds(self, stage: Stage) -> float:
        """The exact time of the stage with other nodes."""
        timeline = stage_timeline(self.instance, self.owner, stage)
        return inf if timeline is None else timeline.end_s

    def hops(self, tile: int, column: int) -> list[tuple[int, float, float, bool]]:
        """(link, seconds it is busy, seconds, inwards) of every hop of a tile on a node."""
        links = self.instance.directed_links
        sizes = (float(self.input_bytes[tile]), float(self.output_bytes[tile]))
        return [
            (link, links[link].busy_seconds(size), links[link].seconds(size), inwards)
            for way, size, inwards in zip(self.ways[column], sizes, (True, False))
            for link in way
        ]

    def offered(self, most_s: float) -> list[tuple[int, int]]:
        """(tile, column) of nodes where a tile alone takes no more, and of those given."""
        given = [self.nodes.index(piece.node) for piece in self.given.slices]
        return [
            (tile, n)
            for tile, own in enumerate(given)
            for n in range(len(self.nodes))
            if n == own or self._alone_s(tile, n) <= most_s
        ]

    def _alone_s(self, tile: int, column: int) -> float:
        """A tile's way in, computing and way out on a node without any other."""
        moved = sum(seconds for _, _, seconds, _ in self.hops(tile, column))
        return moved + float(self.service_s[tile, column])

    def dealt(self, columns: Sequence[int]) -> Stage:
        """The stage with every tile on the node of that column."""
        slices = tuple(
            changed(part, node=self.nodes[column])
            for part, column in zip(self.given.slices, columns)
        )
        return changed(self.given, slices=slices)


def with_stages(given: Decision, stages: dict[tuple[int, int], Stage]) -> Decision:
    """The decision with other stages, by task and position."""
    tasks = [
        TaskDecision(
            answer.placement,
            answer.order,
            tuple(stages.get((t, s), stage) for s, stage in enumerate(answer.stages)),
        )
        for t, answer in enumerate(given.tasks)
    ]
    return Decision(tuple(tasks))


def descended(parts: Sequence[StageTiles], given: Decision, found: Sequence[Stage]) -> list[Stage]:
    """The stages after moves of single tiles, each taken at once if its stage takes less time."""
    stages = list(found)
    for at, part in enumerate(parts):
        moves = [(tile, node) for tile in range(len(part.given.slices)) for node in part.nodes]
        seconds, since = part.seconds(stages[at]), 0
        for turn in range(MOST_MOVES):
            if since == len(moves):
                break
            (tile, node), before, since = moves[turn % len(moves)], stages[at], since + 1
            if before.slices[tile].node == node:
                continue
            slices = list(before.slices)
            slices[tile] = changed(slices[tile], node=node)
            stages[at] = changed(before, slices=tuple(slices))
            own = part.seconds(stages[at])
            if own < seconds * (1 - EQUAL) and not overfull(parts, given, stages):
                seconds, since = own, 0
            else:
                stages[at] = before
    return stages


def overfull(parts: Sequence[StageTiles], given: Decision, found: Sequence[Stage]) -> list[int]:
    """The nodes whose memory the decision with these stages exceeds."""
    stages = {(part.task, part.stage): stage for part, stage in zip(parts, found)}
    instance = parts[0].instance
    held = np.array(memory_bytes(instance, with_stages(given, stages)))
    overfull: list[int] = np.flatnonzero(held > memory_room(instance)).tolist()
    return overfull
