"""A sliced stage: tiles over its output map, what they read of its input, and its timeline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from splitfog.formulations.costs.stages import stage_defects, stage_timeline
from splitfog.formulations.decision import Stage, TaskDecision
from splitfog.formulations.tiles.regions import Regions, regions
from splitfog.formulations.tiles.stage_shape import StageGeometry, geometry_of
from splitfog.instances.instance import Instance
from splitfog.instances.records import Task
from splitfog.views import style
from splitfog.views.dag.picture import write
from splitfog.views.panels.panel import (
    TEXT_POINTS,
    TITLE,
    Panel,
    Span,
    TimelinePanel,
    write_title,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAP = 2.1  # inches of a map's longer side
MAP_GAP = 0.9
MOST_TIMED = 2000  # slices of a stage whose timeline is still drawn

Box = tuple[int, int, int, int]


def stages_are_drawn(instance: Instance, task: Task, decision: TaskDecision) -> bool:
    """Whether a task has stages, and such as are allowed: others have no tiles to show."""
    return bool(decision.stages) and not stage_defects(instance, task, decision)


def stage_panels(
    instance: Instance, task: Task, decision: TaskDecision
) -> Iterator[Sequence[Panel]]:
    """Tiles and timeline of a task's stages, one after another."""
    if not stages_are_drawn(instance, task, decision):
        return
    for number, stage in enumerate(decision.stages):
        name = str(number) if len(instance.tasks) == 1 else f"{number} of {task.name}"
        yield [
            TilePanel(instance, task, stage, name),
            *(_timeline(instance, task, stage, name) if len(stage.slices) <= MOST_TIMED else ()),
        ]


@dataclass(frozen=True)
class TilePanel:
    """Two maps: the rectangles of the input that the slices read, and the output they own."""

    instance: Instance
    task: Task
    stage: Stage
    name: str

    @cached_property
    def geometry(self) -> StageGeometry:
        """Of the stage."""
        return geometry_of(self.instance.model_of(self.task), self.stage.layers)

    @cached_property
    def tiles(self) -> Regions:
        """What every slice reads and computes."""
        return regions(self.geometry, [(*s.rows, *s.columns) for s in self.stage.slices])

    @property
    def scale(self) -> float:
        """Inches of the longer side of the larger map, over its elements."""
        return MAP / float(self.geometry.shapes[:, 1:].max(initial=1))

    @property
    def height(self) -> float:
        """Inches it needs."""
        return TITLE + 0.55 + MAP

    def draw(self, axes: Axes, width: float) -> None:
        """Draw the panel."""
        layers, geometry = self.geometry.model.layers, self.geometry
        last = layers[geometry.layers[-1]].name
        count, slices = len(geometry.layers), len(self.stage.slices)
        halo = style.in_bytes(self.tiles.halo_bytes)
        title = f"Stage {self.name}: … {last}, {count} layers in {slices} slices, halo {halo}"
        if slices > MOST_TIMED:
            title += ", too many for a timeline"
        write_title(axes, style.fitted(title, 9.0, width))
        source = layers[geometry.source].name
        self._map(axes, 0.0, f"reads of {source}", geometry.shapes[-1], self.tiles.input, 0.35)
        left = MAP + MAP_GAP
        own = self.tiles.boxes[len(geometry.layers) - 1]
        self._map(axes, left, f"output of {last}", geometry.shapes[-2], own, 0.9)

    def _map(
        self,
        axes: Axes,
        left: float,
        name: str,
        shape: np.ndarray[tuple[int, ...], np.dtype[np.int64]],
        boxes: np.ndarray[tuple[int, ...], np.dtype[np.int64]],
        alpha: float,
    ) -> None:
        from matplotlib.patches import Rectangle

        channels, rows, columns = shape.tolist()
        unit = MAP / max(rows, columns)
        top = TITLE + 0.2
        text = style.fitted(f"{name}: {channels} x {rows} x {columns}", TEXT_POINTS, MAP + 0.6)
        write(axes, left, TITLE + 0.06, text, size=TEXT_POINTS, ha="left")
        palette = style.Palette(self.instance)
        for number, (part, box) in enumerate(zip(self.stage.slices, boxes.tolist(), strict=True)):
            r0, r1, c0, c1 = box
            corner = (left + c0 * unit, top + r0 * unit)
            wide, high = (c1 - c0) * unit, (r1 - r0) * unit
            fill = (*palette.nodes[part.node], alpha)
            tile = Rectangle(
                corner, wide, high, facecolor=fill, edgecolor=style.INK, linewidth=0.6, zorder=3
            )
            axes.add_artist(tile)
            if alpha > 0.5 and min(wide, high) > 0.16:
                label = style.fitted(self.instance.nodes[part.node].name, 6.0, wide - 0.04)
                middle = (corner[0] + wide / 2, corner[1] + high / 2)
                place = middle if high < 0.3 else (middle[0], middle[1] - 0.06)
                ink = style.ink_on(palette.nodes[part.node])
                write(axes, *place, label, size=6.0, color=ink)
                if high >= 0.3:
                    write(axes, middle[0], middle[1] + 0.07, str(number), size=6.0, color=ink)
        frame = Rectangle((left, top), columns * unit, rows * unit, fill=False, zorder=4)
        axes.add_artist(frame)


def _timeline(instance: Instance, task: Task, stage: Stage, name: str) -> list[Panel]:
    timeline = stage_timeline(instance, task, stage)
    if timeline is None:
        return []
    palette = style.Palette(instance)
    rows: dict[str, list[Span]] = {}
    for node in sorted({part.node for part in stage.slices}):
        rows[instance.nodes[node].name] = [
            Span(start, end, palette.nodes[node], str(i))
            for i, (start, end) in enumerate(timeline.computes)
            if stage.slices[i].node == node
        ]
    for move in sorted(timeline.transfers, key=lambda move: (move.link, move.start_s)):
        link = instance.directed_links[move.link]
        label = f"{instance.nodes[link.tail].name} → {instance.nodes[link.head].name}"
        colour = palette.nodes[stage.slices[move.slice].node]
        span = Span(move.start_s, move.end_s, colour, f"{move.direction} {move.slice}")
        rows.setdefault(label, []).append(span)
    return [_stage_timeline(rows, name)]


def _stage_timeline(rows: dict[str, list[Span]], name: str) -> TimelinePanel:
    shown: Sequence[tuple[str, list[Span]]] = list(rows.items())[:20]
    more = len(rows) - len(shown)
    title = f"Timeline of stage {name}: slices, and their transfers in and out"
    return TimelinePanel(title, shown, f"and {more} more rows" if more else "")
