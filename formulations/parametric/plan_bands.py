"""How far each figure may move before another plan is optimal: the bands of an optimal plan."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Any, Literal

from splitfog.formulations.objective import Objective
from splitfog.formulations.parametric.figure import Key
from splitfog.instances.readable import (
    MOST_ROWS,
    counted,
    html_table,
    html_text,
    in_seconds,
    printable,
    scaled,
)


@dataclass(frozen=True)
class LayerBand:
    """Within which times of a layer on a node the optimal plan stays, all else as it is.

    Attributes
    ----------
    task, layer, node
        By name; a node where the layer may run.
    used
        Whether the plan has the layer there.
    time_s
        What it takes there.
    low_s, high_s
        Between them the plan stays; 0 and inf: however fast or slow. Where the plan has the layer
        only `high_s` can end it, elsewhere only `low_s`.
    moves_to
        Where the layer is in the plan that is optimal beyond; None: nothing ends the band.
    """

    task: str
    layer: str
    node: str
    used: bool
    time_s: float
    low_s: float
    high_s: float
    moves_to: str | None

    @property
    def factor(self) -> float:
        """By what the time must be multiplied before the plan changes; inf or 0: by nothing."""
        end = self.high_s if self.used else self.low_s
        return end / self.time_s if self.time_s > 0 else inf


@dataclass(frozen=True)
class FigureBand:
    """Within which bandwidths of a link, or loads of a node, the optimal plan stays.

    Attributes
    ----------
    figure
        A link (from, to), of which both directions change where it is duplex, or a node's name.
    unit : "bit/s" or "load"
    value
        As it is: a load of 1.
    low, high
        Between them the plan stays; 0 and inf: up to a millionth or a million times `value`.
    """

    figure: Key
    unit: Literal["bit/s", "load"]
    value: float
    low: float
    high: float

    @property
    def name(self) -> str:
        """For readers."""
        if isinstance(self.figure, str):
            return f"load of {self.figure}"
        return f"bandwidth of {' -> '.join(self.figure)}"


@dataclass(frozen=True)
class PlanBands:
    """The bands of an instance's optimal plan, each as if its figure alone moved.

    Attributes
    ----------
    instance
        By name.
    objective
        Its `latency`.
    value
        Seconds of the optimal plan.
    layers
        Of every layer but inputs, on every node where it may run.
    figures
        Of every link's bandwidth and every node's load.
    cuts
        How many minimum cuts it took.
    runtime_s
        Seconds that it took.
    """

    instance: str
    objective: Objective
    value: float
    layers: tuple[LayerBand, ...]
    figures: tuple[FigureBand, ...]
    cuts: int
    runtime_s: float

    @property
    def tightest(self) -> LayerBand | None:
        """The layer that must slow down least, relative to its time, before the plan changes."""
        used = [band for band in self.layers if band.used and band.factor < inf]
        return min(used, key=lambda band: band.factor, default=None)

    def rows(self) -> list[dict[str, Any]]:
        """One row a band: of the figures, then of the layers.

        Returns
        -------
        list of dict
            `kind` ("link", "node" or "layer"), `task`, `layer`, `figure` (`from,to` or a node),
            `used`, `unit` ("bit/s", "load" or "s"), `value`, `low`, `high` (None: no end) and
            `moves_to`.
        """
        figures = [
            {
                "kind": "node" if isinstance(band.figure, str) else "link",
                "task": None,
                "layer": None,
                "figure": band.figure if isinstance(band.figure, str) else ",".join(band.figure),
                "used": None,
                "unit": band.unit,
                "value": band.value,
                "low": band.low or None,
                "high": _end(band.high),
                "moves_to": None,
            }
            for band in self.figures
        ]
        layers = [
            {
                "kind": "layer",
                "task": band.task,
                "layer": band.layer,
                "figure": band.node,
                "used": band.used,
                "unit": "s",
                "value": band.time_s,
                "low": band.low_s or None,
                "high": _end(band.high_s),
                "moves_to": band.moves_to,
            }
            for band in self.layers
        ]
        return figures + layers

    def __repr__(self) -> str:
        layers = len({(band.task, band.layer) for band in self.layers})
        what = f"{self.objective} {in_seconds(self.value)}, {counted(layers, 'layer')}"
        return printable(f"<PlanBands for {self.instance}: {what}; {_tightest(self.tightest)}>")

    def _repr_html_(self) -> str:
        figures = [
            (band.name, shown(band.value, band.unit), *_ends(band.low, band.high, band.unit))
            for band in self.figures
        ]
        layers = [
            (
                f"{band.layer} on {band.node}",
                in_seconds(band.time_s),
                shown(band.high_s, "s"),
                band.moves_to or "-",
            )
            for band in sorted(self.layers, key=lambda band: band.factor)
            if band.used
        ]
        return "\n".join(
            [
                f"<div><p>{html_text(repr(self).strip('<>'))}</p>",
                html_table(("figure", "is", "plan stays from", "to"), figures, MOST_ROWS),
                html_table(("layer", "takes", "plan stays to", "moves to"), layers, MOST_ROWS),
                "</div>",
            ]
        )


def shown(value: float, unit: str) -> str:
    """A figure for readers; a dash where there is no end."""
    if value in (0, inf):
        return "-"
    if unit == "s":
        return in_seconds(value)
    return scaled(value, unit) if unit == "bit/s" else f"{value:.3g}"


def _ends(low: float, high: float, unit: str) -> tuple[str, str]:
    return shown(low, unit), shown(high, unit)


def _end(high: float) -> float | None:
    return None if high == inf else high


def _tightest(band: LayerBand | None) -> str:
    if band is None:
        return "no layer's time changes the plan"
    return f"{band.layer} may take up to {band.factor:.3g} times as long"
