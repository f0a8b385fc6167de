"""One sheet of paper: title, legend, DAGs, and the panels that go with them."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from splitfog.formulations.decision import Decision
from splitfog.formulations.plan_file import PlanFile
from splitfog.instances.instance import Instance
from splitfog.instances.records import Model
from splitfog.views import style
from splitfog.views.dag.picture import DagPicture, write
from splitfog.views.panels.loads import crossing_panel, load_panels
from splitfog.views.panels.panel import TEXT_POINTS, Panel, draw_bar
from splitfog.views.panels.profile import ProfilePanel
from splitfog.views.panels.stages import stage_panels
from splitfog.views.panels.timeline import timeline_panel

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MARGIN, GAP = 0.35, 0.4
NARROWEST = 8.5  # inches
SIDE = 4.9  # inches of the panels beside the DAGs
SHELF = 15.0  # DAGs stand beside each other up to this width
MOST_DAGS, MOST_BOXES = 4, 120  # drawn in one picture, unless the first alone has more
MOST_SWATCHES = 24
STRIPE = " (stripe)"
HEADING = 0.22  # above a DAG, where there are several


@dataclass
class Sheet:
    """A picture of an instance, with a plan and its decision or neither."""

    instance: Instance
    plan: PlanFile | None
    decision: Decision | None

    @cached_property
    def dags(self) -> list[DagPicture]:
        """The first tasks, or models, that fit in one picture."""
        dags: list[DagPicture] = []
        boxes = 0
        for dag in self._candidates():
            boxes += len(dag.boxes.members)
            if dags and boxes > MOST_BOXES:
                break
            dags.append(dag)
        return dags

    @property
    def palette(self) -> style.Palette:
        """Colours of the instance."""
        return style.Palette(self.instance)

    @cached_property
    def headings(self) -> list[str]:
        """One for every DAG; empty if there is only one to draw."""
        if self.decision is None:
            if len(self.instance.models) == 1:
                return [""]
            return [f"model {dag.model.name}" for dag in self.dags]
        if len(self.instance.tasks) == 1:
            return [""]
        return [f"task {dag.task.name}, {dag.model.name}" for dag in self.dags if dag.task]

    @cached_property
    def lines(self) -> list[str]:
        """The title: what is shown, and what the plan claims."""
        instance, drawn = self.instance, len(self.dags)
        lines = [style.printable(instance.name)]
        if self.plan is not None:
            lines += plan_lines(self.plan)
        of = len(instance.models) if self.decision is None else len(instance.tasks)
        what = "models" if self.decision is None else "tasks"
        if drawn < of:
            lines.append(f"the first {drawn} of {of} {what} drawn; loads are of all")
        return lines

    @cached_property
    def swatches(self) -> list[tuple[str, style.RGB]]:
        """The legend."""
        if self.decision is None:
            kinds = {style.op_kind(layer) for dag in self.dags for layer in dag.model.layers}
            colours = style.op_colours()
            swatches = [(kind, colours[kind]) for kind in colours if kind in kinds]
            return swatches + self._restrictions()
        used = {int(n) for dag in self.dags if dag.decision for n in dag.decision.placement}
        used |= {c.head for dag in self.dags for c in dag.crossings}
        stages = [stage for dag in self.dags if dag.decision for stage in dag.decision.stages]
        used |= {part.node for stage in stages for part in stage.slices}
        nodes = self.instance.nodes
        every = [
            (f"{nodes[i].name} ({nodes[i].tier})", self.palette.nodes[i]) for i in sorted(used)
        ]
        return every[:MOST_SWATCHES]

    @cached_property
    def side(self) -> list[Panel]:
        """Panels beside the DAGs."""
        if self.plan is None or self.decision is None:
            return []
        panels = load_panels(self.instance, self.plan)
        crossings = [(dag.task, dag.crossings) for dag in self.dags if dag.task and dag.crossings]
        return panels + [crossing_panel(self.instance, *crossing) for crossing in crossings[:1]]

    @cached_property
    def below(self) -> list[Panel]:
        """Panels under the DAGs: timeline, stages, profile."""
        panels: list[Panel] = []
        if self.plan is not None and self.decision is not None:
            task, decision = self.instance.tasks[0], self.decision.tasks[0]
            timeline = timeline_panel(self.instance, self.plan, decision)
            panels += [timeline] if timeline else []
            panels += stage_panels(self.instance, task, decision)
        dag = self.dags[0]
        every = range(len(dag.model.layers))
        return [*panels, ProfilePanel(dag.model, [dag.colour([i]) for i in every])]

    @cached_property
    def shelves(self) -> list[list[int]]:
        """DAGs beside each other, row by row."""
        shelves: list[list[int]] = [[]]
        for i, dag in enumerate(self.dags):
            width = sum(self.dags[k].width + GAP for k in shelves[-1])
            if shelves[-1] and width + dag.width > SHELF:
                shelves.append([])
            shelves[-1].append(i)
        return shelves

    def figure(self) -> Figure:
        """The drawn sheet."""
        from matplotlib.figure import Figure

        width = self._width()
        legend = self._legend_rows(width)
        head = 0.3 + 0.19 * len(self.lines) + 0.24 * len(legend)
        dag_width = max(self._shelf_size(shelf)[0] for shelf in self.shelves)
        dag_height = sum(self._shelf_size(shelf)[1] + GAP for shelf in self.shelves)
        side_height = sum(panel.height + GAP / 2 for panel in self.side)
        middle = max(dag_height, side_height)
        height = head + middle + sum(panel.height + GAP / 2 for panel in self.below) + 2 * MARGIN
        figure = Figure((width + 2 * MARGIN, height), facecolor="white")
        canvas = _Canvas(figure, width + 2 * MARGIN, height)
        self._draw_head(canvas.axes(MARGIN, MARGIN, width, head), legend)
        top = MARGIN + head
        self._draw_dags(canvas, top, dag_width if self.side else width)
        _draw_panels(canvas, self.side, MARGIN + dag_width + GAP, top, width - dag_width - GAP)
        _draw_panels(canvas, self.below, MARGIN, top + middle, width)
        for axes in figure.axes:
            for artist in axes.get_children():
                artist.set_clip_on(False)
        return figure

    def _candidates(self) -> Sequence[DagPicture]:
        aspect = 1.5 if self.decision is None else 1.2
        models: Sequence[Model]
        if self.decision is None:
            models = self.instance.models[:MOST_DAGS]
            return [
                DagPicture(instance=self.instance, model=model, aspect=aspect, prefix=f"dag{k}")
                for k, model in enumerate(models)
            ]
        parts = list(zip(self.instance.tasks, self.decision.tasks, strict=True))[:MOST_DAGS]
        return [
            DagPicture(
                instance=self.instance,
                model=self.instance.model_of(task),
                task=task,
                decision=own,
                aspect=aspect,
                prefix=f"dag{k}",
            )
            for k, (task, own) in enumerate(parts)
        ]

    def _restrictions(self) -> list[tuple[str, style.RGB]]:
        places = {p for dag in self.dags for layer in dag.model.layers for p in layer.tiers or ()}
        return [(f"only on {place}{STRIPE}", self.palette.place(place)) for place in sorted(places)]

    def _width(self) -> float:
        dags = max(self._shelf_size(shelf)[0] for shelf in self.shelves)
        return max(NARROWEST, dags + (GAP + SIDE if self.side else 0.0))

    def _shelf_size(self, shelf: list[int]) -> tuple[float, float]:
        width = sum(self.dags[i].width + GAP for i in shelf) - GAP
        heights = [self.dags[i].height + HEADING * bool(self.headings[i]) for i in shelf]
        return width, max(heights)

    def _legend_rows(self, width: float) -> list[list[tuple[float, str, style.RGB]]]:
        """(x, text, colour) of the swatches, in rows."""
        rows: list[list[tuple[float, str, style.RGB]]] = [[]]
        x = 0.0
        for text, colour in self.swatches:
            text = style.fitted(text, TEXT_POINTS, 2.5)
            wide = style.text_width(text, TEXT_POINTS) + 0.45
            if rows[-1] and x + wide > width:
                rows.append([])
                x = 0.0
            rows[-1].append((x, text, colour))
            x += wide
        return rows

    def _draw_head(self, axes: Axes, rows: list[list[tuple[float, str, style.RGB]]]) -> None:
        width = axes.get_xlim()[1]
        for i, line in enumerate(self.lines):
            size, weight = (13.0, "bold") if i == 0 else (8.5, "normal")
            text = style.fitted(line, size * 1.12, width)
            write(
                axes,
                0.0,
                0.1 + 0.19 * i + 0.05 * (i > 0),
                text,
                size=size,
                weight=weight,
                ha="left",
            )
        for i, row in enumerate(rows):
            y = 0.25 + 0.19 * len(self.lines) + 0.22 * i
            for x, text, colour in row:
                wide = 0.06 if text.endswith(STRIPE) else 0.2
                draw_bar(axes, x + 0.2 - wide, y - 0.065, wide, 0.13, colour)
                write(axes, x + 0.26, y, text, size=TEXT_POINTS, ha="left")

    def _draw_dags(self, canvas: _Canvas, top: float, room: float) -> None:
        for shelf in self.shelves:
            width, height = self._shelf_size(shelf)
            x = MARGIN + max(0.0, (room - width) / 2)
            for i in shelf:
                dag, heading = self.dags[i], self.headings[i]
                y = top
                if heading:
                    axes = canvas.axes(x, y, dag.width, HEADING)
                    text = style.fitted(heading, 9.5, max(dag.width, 1.0))
                    write(axes, 0.0, 0.08, text, size=8.5, weight="bold", ha="left")
                    y += HEADING
                dag.draw(canvas.axes(x, y, dag.width, dag.height))
                x += dag.width + GAP
            top += height + GAP


@dataclass(frozen=True)
class _Canvas:
    """Axes by inches from the top left of a figure."""

    figure: Figure
    width: float
    height: float

    def axes(self, x: float, y: float, width: float, height: float) -> Axes:
        """Axes whose units are inches, (0, 0) at their top left; nothing is clipped."""
        place = (x / self.width, 1 - (y + height) / self.height)
        size = (width / self.width, height / self.height)
        axes = self.figure.add_axes((*place, *size))
        axes.set_xlim(0, width)
        axes.set_ylim(height, 0)
        axes.axis("off")
        return axes


def _draw_panels(
    canvas: _Canvas, panels: Sequence[Panel], x: float, y: float, width: float
) -> None:
    for panel in panels:
        panel.draw(canvas.axes(x, y, width, panel.height), width)
        y += panel.height + GAP / 2


def plan_lines(plan: PlanFile) -> list[str]:
    """What a plan says of itself, in one line, and its reason in others."""
    parts = [plan.solver, str(plan.objective), plan.status]
    if plan.value is not None:
        parts.append(f"value {style.in_seconds(plan.value)}")
    if plan.lower_bound is not None:
        parts.append(f"bound {style.in_seconds(plan.lower_bound)}")
    if plan.gap is not None:
        parts.append(f"gap {100 * plan.gap:.3g} %")
    if plan.stopped_by not in (None, "finished"):
        parts.append(f"stopped by {plan.stopped_by}")
    line = " · ".join(style.printable(part) for part in parts if part)
    reason = textwrap.wrap(style.printable(plan.reason or ""), 110)
    return [line, *reason[:3]]
