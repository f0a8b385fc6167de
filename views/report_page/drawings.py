"""Where the layers of networks stand in the page's drawings: one layout for all alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from splitfog.instances.records import Model
from splitfog.views.dag.layout import Leg, layout_of
from splitfog.views.dag.levels import Size

DPI = 96  # of a browser: the units below are its pixels
BOX = Size(1.0, 0.2)
ASPECT = 1.1
MOST_LAYERS = 2000
"""Of a drawing; beyond, the page tells in words where layers run."""


class Drawings:
    """The drawings made so far; networks of the same edges have the same one."""

    def __init__(self) -> None:
        self.made: list[dict[str, Any]] = []
        self._places: dict[tuple[tuple[int, ...], ...], int] = {}

    def place(self, model: Model) -> int | None:
        """Where the drawing of a model stands among all; None of one with too many layers.

        Parameters
        ----------
        model
            Of n layers; the first of its edges takes as long as a layout.
        """
        if len(model.layers) > MOST_LAYERS:
            return None
        if model.inputs not in self._places:
            self._places[model.inputs] = len(self.made)
            self.made.append(_drawing(model))
        return self._places[model.inputs]


def _drawing(model: Model) -> dict[str, Any]:
    """Pixels of the whole and of a box, the middles of all boxes, every edge and its line."""
    order = model.order.tolist()
    rank = {layer: place for place, layer in enumerate(order)}
    edges = sorted({(rank[tail], rank[head]) for tail, head in model.edges.tolist()})
    layout = layout_of([BOX] * len(order), edges, ASPECT)
    centres = dict(zip(order, layout.centres, strict=True))
    return {
        "size": [_pixels(layout.width), _pixels(layout.height)],
        "box": [_pixels(BOX.width), _pixels(BOX.height)],
        "order": order,
        "centres": [list(map(_pixels, centres[layer])) for layer in range(len(order))],
        "edges": [[order[tail], order[head]] for tail, head in edges],
        "lines": list(map(_line, layout.lines)),
    }


def _line(legs: Sequence[Leg]) -> str:
    """An edge as SVG draws it, past the levels between its legs."""
    return "M" + "L".join(map(_leg, legs))


def _leg(leg: Leg) -> str:
    """From its start on: a curve that leaves and enters downwards, or a way by corners."""
    (x, y), (right, below) = map(_point, (leg.start, leg.end))
    if leg.way:
        return "L".join("{} {}".format(*_point(at)) for at in (leg.start, *leg.way, leg.end))
    bend = max((below - y) // 2, 4)
    return f"{x} {y}C{x} {y + bend} {right} {below - bend} {right} {below}"


def _point(point: tuple[float, float]) -> tuple[int, int]:
    return _pixels(point[0]), _pixels(point[1])


def _pixels(inches: float) -> int:
    return round(DPI * inches)
