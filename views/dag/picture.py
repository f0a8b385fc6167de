"""A picture of one DAG: boxes coloured by node or operator, and what crosses between nodes."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from math import inf
from typing import TYPE_CHECKING, Any

from splitfog.formulations.costs.feasibility import nodes_of
from splitfog.formulations.costs.ledger import request_time
from splitfog.formulations.decision import TaskDecision
from splitfog.instances.instance import Instance
from splitfog.instances.records import Model, Task
from splitfog.views import style
from splitfog.views.dag.boxes import Boxes, boxes_of
from splitfog.views.dag.crossings import Crossing, crossings_of
from splitfog.views.dag.layout import Layout, Leg, Point, layout_of
from splitfog.views.dag.levels import Size

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAME_POINTS, DETAIL_POINTS = 7.0, 5.8
LINE = 0.125  # inches of a line of text
PAD = 0.06  # inches around it
WIDEST = 1.75  # inches of a box's text
MOST_NAMED = 160  # boxes; beyond, dots without names
DOT = 0.16
MOST_LABELS = 4  # lines under a box
WHITE: style.RGB = (1.0, 1.0, 1.0)
ROUNDING = 0.1  # inches of the corners of lines into another column
AT_ONCE = 400  # curves in one path: drawing it takes more than linear time


@dataclass(frozen=True)
class Label:
    """A line under a box: what leaves it for another node."""

    text: str
    head: int


@dataclass(kw_only=True)
class DagPicture:
    """One model, or one task of a plan, ready to be drawn; sizes in inches.

    Attributes
    ----------
    task, decision
        Both None for a model without a plan, coloured by operator.
    aspect
        Width over height to aim at.
    prefix
        Of the identifiers of the boxes in an SVG.
    """

    instance: Instance
    model: Model
    task: Task | None = None
    decision: TaskDecision | None = None
    aspect: float = 1.3
    prefix: str = "box"
    titles: dict[str, str] = field(default_factory=dict)

    @cached_property
    def palette(self) -> style.Palette:
        """Colours of the instance."""
        return style.Palette(self.instance)

    @cached_property
    def crossings(self) -> list[Crossing]:
        """What crosses between nodes; nothing without a plan, nor of replicas, whose layers have
        several places."""
        if self.task is None or self.decision is None or self.decision.replicas is not None:
            return []
        return crossings_of(self.instance, self.task, self.decision)

    @cached_property
    def stage_of(self) -> dict[int, int]:
        """Position of the sliced stage that a layer is in, for those in one."""
        stages = self.decision.stages if self.decision else ()
        return {layer: i for i, stage in enumerate(stages) for layer in stage.layers}

    @cached_property
    def places(self) -> list[tuple[int, ...]]:
        """Nodes of every layer: several where it has replicas; of one in a stage, its home."""
        if self.decision is None:
            return [() for _ in self.model.layers]
        homes: list[tuple[int, ...]] = [(home,) for home in self.decision.placement.tolist()]
        if self.decision.replicas is None:
            return homes
        held = [tuple(nodes_of(self.decision, layer)) for layer in range(len(homes))]
        return [nodes or home for nodes, home in zip(held, homes, strict=True)]

    @cached_property
    def boxes(self) -> Boxes:
        """What is drawn as one box."""
        classes: Sequence[Hashable]
        layers = range(len(self.model.layers))
        if self.decision is None:
            classes = [self.model.layers[i].tiers for i in layers]
        else:
            classes = [(self.places[i], self.stage_of.get(i)) for i in layers]
        return boxes_of(self.model, classes)

    @property
    def named(self) -> bool:
        """Whether boxes bear names; else they are dots."""
        return len(self.boxes.members) <= MOST_NAMED

    @cached_property
    def texts(self) -> list[list[str]]:
        """Lines in every box."""
        return [self._text(members) if self.named else [] for members in self.boxes.members]

    @cached_property
    def labels(self) -> list[list[Label]]:
        """Lines under every box, one for each node that its tensors go to."""
        labels: list[list[Label]] = [[] for _ in self.boxes.members]
        if not self.named:
            return labels
        parts: dict[tuple[int, int, bool], list[Crossing]] = {}
        for crossing in self.crossings:
            box = self.boxes.owner[crossing.tensor]
            parts.setdefault((box, crossing.head, crossing.result), []).append(crossing)
        for (box, head, _), tensors in parts.items():
            labels[box].append(Label(self._label(self.boxes.members[box], tensors), head))
        for lines in labels:
            if len(lines) > MOST_LABELS:
                more = len(lines) - MOST_LABELS + 1
                lines[MOST_LABELS - 1 :] = [Label(f"and to {more} more nodes", lines[-1].head)]
        return labels

    @cached_property
    def box_width(self) -> float:
        """Inches; the same for all boxes."""
        if not self.named:
            return DOT
        names = [style.text_width(t[0], NAME_POINTS) for t in self.texts]
        details = [style.text_width(line, DETAIL_POINTS) for t in self.texts for line in t[1:]]
        labels = [
            style.text_width(label.text, DETAIL_POINTS) for part in self.labels for label in part
        ]
        labels = [width + 0.08 for width in labels]
        return min(max([0.7, *names, *details, *labels]), WIDEST) + 2.5 * PAD

    @cached_property
    def layout(self) -> Layout:
        """Where everything goes."""
        sizes = []
        for text, labels in zip(self.texts, self.labels, strict=True):
            height = len(text) * LINE + PAD if text else DOT
            under = len(labels) * LINE + PAD if labels else 0.0
            sizes.append(Size(self.box_width, height, under))
        return layout_of(sizes, self.boxes.edges, self.aspect)

    @property
    def width(self) -> float:
        """Inches of the drawing."""
        return self.layout.width

    @property
    def height(self) -> float:
        """Inches of the drawing."""
        return self.layout.height

    def draw(self, axes: Axes) -> None:
        """Draw on axes of just this width and height; fills `titles` (what hovering tells)."""
        axes.set_xlim(0, self.width)
        axes.set_ylim(self.height, 0)
        axes.axis("off")
        self._draw_lines(axes)
        for box in range(len(self.boxes.members)):
            self._draw_labels(axes, box)
            self._draw_box(axes, box)

    def colour(self, layers: Sequence[int]) -> style.RGB:
        """Of a box: its node's, white where there are several (whose stripes are beside it), or
        without a plan that of the operator with most work."""
        if self.decision is not None:
            node, *others = self.places[layers[0]]
            return WHITE if others and self.named else self.palette.nodes[node]
        heaviest = max(layers, key=lambda i: float(self.model.flops[i]))
        return style.op_colours()[style.op_kind(self.model.layers[heaviest])]

    def stripes(self, layers: Sequence[int]) -> list[style.RGB]:
        """Beside a box: of the nodes with replicas of its layers, or without a plan of every tier
        or node where they may run."""
        if self.decision is None:
            return [self.palette.place(x) for x in self.model.layers[layers[0]].tiers or ()]
        nodes = self.places[layers[0]]
        return [self.palette.nodes[node] for node in nodes] if len(nodes) > 1 else []

    def _text(self, members: tuple[int, ...]) -> list[str]:
        layers = self.model.layers
        first, last = layers[members[0]], layers[members[-1]]
        size = style.in_bytes(float(self.model.output_bytes[members[-1]]))
        if len(members) == 1:
            detail = size if first.op == "input" else f"{self._work(members)} · {size}"
            return [style.fitted(first.name, NAME_POINTS, WIDEST), detail]
        return [
            style.fitted(first.name, NAME_POINTS, WIDEST),
            style.fitted(f"… {last.name}", DETAIL_POINTS, WIDEST),
            f"{len(members)} layers · {self._work(members)} · {size}",
        ]

    def _work(self, members: tuple[int, ...]) -> str:
        """Time on the node of the plan, number of slices or of replicas, or operations."""
        if self.decision is None:
            return style.in_flop(sum(float(self.model.flops[i]) for i in members))
        if members[0] in self.stage_of:
            return f"in {len(self.decision.stages[self.stage_of[members[0]]].slices)} slices"
        node, *others = self.places[members[0]]
        if self.decision.replicas is not None:
            return f"on {1 + len(others)} nodes" if others else "on 1 node"
        own = self.instance.nodes[node]
        return style.in_seconds(sum(request_time(self.model, i, own) for i in members))

    def _label(self, members: tuple[int, ...], tensors: list[Crossing]) -> str:
        head = style.fitted(self.instance.nodes[tensors[0].head].name, DETAIL_POINTS, 0.6)
        num_bytes = style.in_bytes(sum(c.num_bytes for c in tensors))
        seconds = sum(c.seconds for c in tensors)
        cost = f"{num_bytes} · {style.in_seconds(seconds) if seconds < inf else 'no route'}"
        kind = "result " if tensors[0].result else ""
        if len(tensors) > 1:
            return f"{kind}→ {head}: {len(tensors)} tensors, {cost}"
        if tensors[0].tensor != members[-1]:
            name = self.model.layers[tensors[0].tensor].name
            return f"{style.fitted(name, DETAIL_POINTS, 0.6)} → {head}: {cost}"
        return f"{kind}→ {head}: {cost}"

    def _draw_box(self, axes: Axes, box: int) -> None:
        from matplotlib.patches import FancyBboxPatch

        members = self.boxes.members[box]
        (x, y), text = self.layout.centres[box], self.texts[box]
        height = len(text) * LINE + PAD if text else DOT
        colour = self.colour(members)
        result = any(self.model.results[i] for i in members)
        patch = FancyBboxPatch(
            (x - self.box_width / 2, y - height / 2),
            self.box_width,
            height,
            boxstyle=f"round,pad=0,rounding_size={0.05 if text else DOT / 2}",
            facecolor=colour,
            edgecolor=style.INK,
            linewidth=1.6 if result else 0.7,
            linestyle="--" if members[0] in self.stage_of else "-",
            zorder=3,
        )
        patch.set_gid(f"{self.prefix}-{box}")
        self.titles[f"{self.prefix}-{box}"] = self._title(members)
        axes.add_artist(patch)
        ink = style.ink_on(colour)
        for i, line in enumerate(text):
            points = NAME_POINTS if i == 0 else DETAIL_POINTS
            write(axes, x, y + (i - (len(text) - 1) / 2) * LINE, line, size=points, color=ink)
        if text:
            self._draw_stripes(axes, x - self.box_width / 2, y, height, self.stripes(members))

    def _draw_stripes(
        self, axes: Axes, left: float, y: float, height: float, colours: Sequence[style.RGB]
    ) -> None:
        """One below the other, as high as the box together."""
        from matplotlib.patches import Rectangle

        for i, colour in enumerate(colours):
            part = height / len(colours)
            corner = (left - 0.07, y - height / 2 + i * part)
            axes.add_artist(Rectangle(corner, 0.05, part, facecolor=colour, zorder=3))

    def _draw_labels(self, axes: Axes, box: int) -> None:
        from matplotlib.patches import FancyBboxPatch

        x, y = self.layout.centres[box]
        edge = y + (len(self.texts[box]) * LINE + PAD) / 2
        for line, label in enumerate(self.labels[box]):
            at = edge + (line + 0.5) * LINE + PAD / 2
            width = self.box_width - 0.06
            axes.add_artist(
                FancyBboxPatch(
                    (x - width / 2, at - LINE / 2 + 0.005),
                    width,
                    LINE - 0.01,
                    boxstyle="round,pad=0,rounding_size=0.05",
                    facecolor="white",
                    edgecolor=self.palette.nodes[label.head],
                    linewidth=1.1,
                    zorder=2,
                )
            )
            text = style.fitted(label.text, DETAIL_POINTS, width - 0.08)
            write(axes, x, at, text, size=DETAIL_POINTS, zorder=4)

    def _draw_lines(self, axes: Axes) -> None:
        lines: dict[bool, list[tuple[Leg, ...]]] = {False: [], True: []}
        for (tail, head), legs in zip(self.boxes.edges, self.layout.lines, strict=True):
            lines[self._crosses(tail, head)].append(legs)
        thick = 1.0 if self.named else 0.5
        draw_lines(axes, lines[False], color="#9a9a9a", linewidth=0.8 * thick)
        draw_lines(axes, lines[True], color=style.INK, linewidth=1.5 * thick)

    def _crosses(self, tail: int, head: int) -> bool:
        members = self.boxes.members
        return self.places[members[tail][0]] != self.places[members[head][0]]

    def _title(self, members: tuple[int, ...]) -> str:
        lines = []
        nodes = [self.instance.nodes[place] for place in self.places[members[0]]]
        if nodes:
            lines.append(f"on {', '.join(f'{node.name} ({node.tier})' for node in nodes)}")
        for i in members:
            layer = self.model.layers[i]
            flops = style.in_flop(float(self.model.flops[i]))
            work = f"{flops}, weights {style.in_bytes(layer.weight_bytes)}"
            out = style.in_bytes(float(self.model.output_bytes[i]))
            lines.append(f"{layer.name}: {layer.op}, {work}, output {out}")
        return "\n".join(map(style.printable, lines))


def write(axes: Axes, x: float, y: float, text: str, **how: Any) -> None:
    """Text at a place, centred, read as it stands (no formulae)."""
    how = {"ha": "center", "va": "center_baseline", "zorder": 4, "color": style.INK, **how}
    axes.text(x, y, text, parse_math=False, **how)


def draw_lines(axes: Axes, lines: list[tuple[Leg, ...]], **how: Any) -> None:
    """Curves of one colour, with arrow heads where they enter a box."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    if not lines:
        return
    legs = dict.fromkeys(leg for line in lines for leg in line)  # readers of a tensor share some
    passes = dict.fromkeys((a.end, b.start) for line in lines for a, b in pairwise(line))
    curves: list[tuple[list[Point], Sequence[Any]]] = [_curve(leg) for leg in legs]
    curves += [(list(ends), (Path.MOVETO, Path.LINETO)) for ends in passes]
    zorder = 1.0 + how["linewidth"] / 10
    for start in range(0, len(curves), AT_ONCE):
        part = curves[start : start + AT_ONCE]
        points = [point for curve, _ in part for point in curve]
        path = Path(points, [code for _, codes in part for code in codes])
        axes.add_artist(PathPatch(path, fill=False, zorder=zorder, **how))
    tips, half, length = [], 0.022 + how["linewidth"] / 80, 0.07
    for x, y in dict.fromkeys(line[-1].end for line in lines):
        tips += [(x - half, y - length), (x, y), (x + half, y - length), (x, y)]
    corners = [Path.MOVETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY] * (len(tips) // 4)
    axes.add_artist(PathPatch(Path(tips, corners), facecolor=how["color"], linewidth=0, zorder=1.9))


def _curve(leg: Leg) -> tuple[list[Point], Sequence[Any]]:
    """Points and codes of a line: a cubic that leaves and enters downwards, or a way by corners."""
    from matplotlib.path import Path

    (x0, y0), (x1, y1) = leg.start, leg.end
    if not leg.way:
        bend = max(abs(y1 - y0) / 2, 0.05)
        points = [leg.start, (x0, y0 + bend), (x1, y1 - bend), leg.end]
        return points, [Path.MOVETO, *[Path.CURVE4] * 3]
    points, codes = [leg.start], [Path.MOVETO]
    for before, corner, after in zip((leg.start, *leg.way), leg.way, (*leg.way[1:], leg.end)):
        points += [_towards(corner, before), corner, _towards(corner, after)]
        codes += [Path.LINETO, Path.CURVE3, Path.CURVE3]
    return [*points, leg.end], [*codes, Path.LINETO]


def _towards(corner: Point, other: Point) -> Point:
    """A point near a corner on the way to another, where the corner's rounding begins."""
    x, y = other[0] - corner[0], other[1] - corner[1]
    far = abs(x) + abs(y)  # one of them is 0
    share = min(ROUNDING, far / 2) / far if far else 0.0
    return corner[0] + share * x, corner[1] + share * y
