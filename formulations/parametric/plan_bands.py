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


@dataclass(frozen=True, kw_only=True)
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

    def shown(self, value: float) -> str:
        """A value of the figure for readers; a dash where there is no end.

        Parameters
        ----------
        value
            In `unit`.

        Returns
        -------
        str
        """
        if value in (0, inf):
            return "-"
        return f"{value:.3g}" if self.unit == "load" else scaled(value, self.unit)


@dataclass(frozen=True, kw_only=True)
class PlanBands:
    """The bands of an instance's optimal plan, each as if its figure alone moved.

    Attributes
    ----------
    instance
        By name.
    objective
        Its `latency`.
    status : "optimal" or "infeasible"
    reason
        Why there is no plan; else None.
    value
        Seconds of the optimal plan; None without one.
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
    status: Literal["optimal", "infeasible"]
    reason: str | None
    value: float | None
    layers: tuple[LayerBand, ...]
    figures: tuple[FigureBand, ...]
    cuts: int
    runtime_s: float

    @property
    def tightest(self) -> LayerBand | None:
        """The layer that must slow down least, relative to its time, before the plan changes."""
        return next(iter(self.by_tightness), None)

    @property
    def by_tightness(self) -> list[LayerBand]:
        """The bands, where the plan has the layers, that something ends; the tightest first."""
        used = [band for band in self.layers if band.used and band.factor < inf]
        return sorted(used, key=lambda band: band.factor)

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
        if self.value is None:
            return printable(f"<PlanBands for {self.instance}: {self.status}>")
        layers = len({(band.task, band.layer) for band in self.layers})
        what = f"{self.objective} {in_seconds(self.value)}, {counted(layers, 'layer')}"
        return printable(f"<PlanBands for {self.instance}: {what}; {_tightest(self.tightest)}>")

    def _repr_html_(self) -> str:
        layers = [
            (band.layer, band.node, in_seconds(band.time_s), *_end_of(band))
            for band in self.by_tightness
        ]
        figures = [
            (band.name, *map(band.shown, (band.value, band.low, band.high)))
            for band in self.figures
        ]
        headers = ("layer", "on", "takes", "plan stays to", "times as long", "then on")
        return "\n".join(
            [
                f"<div><p>{html_text(self.reason or repr(self).strip('<>'))}</p>",
                html_table(("figure", "is", "plan stays from", "to"), figures, MOST_ROWS),
                html_table(headers, layers, MOST_ROWS),
                "</div>",
            ]
        )


def _end_of(band: LayerBand) -> tuple[str, str, str]:
    """Up to when a layer's band goes, for readers."""
    return in_seconds(band.high_s), f"{band.factor:.3g}", band.moves_to or ""


def _end(high: float) -> float | None:
    return None if high == inf else high


def _tightest(band: LayerBand | None) -> str:
    if band is None:
        return "no layer's time changes the plan"
    return f"{band.layer} may take up to {band.factor:.3g} times as long"
