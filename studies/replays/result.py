"""What a replay yields: a row a request and a row a way, with what they ran through."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, overload

import msgspec
from msgspec import Struct

from splitfog.deployment.contest.rows import RequestRow, WayRow
from splitfog.deployment.contest.settings import Settings
from splitfog.formulations.plan_file import PlanFile
from splitfog.instances.arguments import path as path_of
from splitfog.instances.arguments import text, whole
from splitfog.instances.instance import Instance
from splitfog.instances.json_files import write_whole
from splitfog.instances.readable import MOST_ROWS, counted, html_table, html_text, in_seconds
from splitfog.instances.traces.records import Quantity
from splitfog.studies.exports import csv_text


class FigureCurve(Struct, frozen=True, kw_only=True):
    """One figure over the time of a replay: `values[i]` from `times_s[i]` to the next."""

    name: str
    quantity: Quantity
    times_s: tuple[float, ...]
    values: tuple[float, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Replay(Sequence[RequestRow]):
    """The requests of a replay, in the order way, seed, arrival.

    Attributes
    ----------
    instance
        What was replayed.
    trace, duration_s
        Its name, of several joined by `+`, and how long requests arrive.
    settings
        How.
    rows
        One a request, way and seed.
    ways
        One a way and seed: mean, 95th percentile, regret, switches, restarts, failures.
    clairvoyant
        {seed: {request: seconds}}: the least latency of every request that can end.
    best_fixed
        {seed: regret of the best single plan in hindsight}; None where it ended no request.
    plans
        {name in `RequestRow.plan`: the plan}.
    curves
        The figures that the trace changes.
    interrupted
        Whether Ctrl-C cut it short; then rows are those that had finished.
    """

    instance: Instance
    trace: str
    duration_s: float
    settings: Settings
    rows: tuple[RequestRow, ...]
    ways: tuple[WayRow, ...]
    clairvoyant: Mapping[int, Mapping[int, float]]
    best_fixed: Mapping[int, float | None]
    plans: Mapping[str, PlanFile]
    curves: tuple[FigureCurve, ...] = ()
    interrupted: bool = False

    @overload
    def __getitem__(self, position: int) -> RequestRow: ...
    @overload
    def __getitem__(self, position: slice) -> tuple[RequestRow, ...]: ...
    def __getitem__(self, position: int | slice) -> RequestRow | tuple[RequestRow, ...]:
        return self.rows[position]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[RequestRow]:
        return iter(self.rows)

    def __repr__(self) -> str:
        ways = ", ".join(dict.fromkeys(way.adapt for way in self.ways)) or "nothing"
        rows = counted(len(self.rows), "row")
        return f"<Replay of {self.trace} on {self.instance.name}: {ways}, {rows}>"

    def _repr_html_(self) -> str:
        table = html_table(HEADERS, [way_cells(self, way) for way in self.ways], MOST_ROWS)
        return f"<div>\n<p>{html_text(repr(self).strip('<>'))}</p>\n{table}\n</div>"

    def of(self, adapt: str, seed: int = 0) -> tuple[RequestRow, ...]:
        """The requests of a way at a seed, in order of arrival.

        Parameters
        ----------
        adapt, seed
            As asked for.

        Returns
        -------
        tuple of RequestRow
            Empty where it was not replayed.
        """
        asked = text("adapt", adapt, "a way's name"), whole("seed", seed, low=0)
        return tuple(row for row in self.rows if (row.adapt, row.seed) == asked)

    def way(self, adapt: str, seed: int = 0) -> WayRow:
        """The figures of a way at a seed.

        Parameters
        ----------
        adapt, seed
            As asked for.

        Returns
        -------
        WayRow

        Raises
        ------
        LookupError
            Where it was not replayed.
        """
        asked = text("adapt", adapt, "a way's name"), whole("seed", seed, low=0)
        for way in self.ways:
            if (way.adapt, way.seed) == asked:
                return way
        known = ", ".join(f"{way.adapt} (seed {way.seed})" for way in self.ways)
        raise LookupError(f"no way {adapt!r} with seed {seed}; there are: {known}")

    def to_json(self) -> bytes:
        """A JSON list of the ways.

        Returns
        -------
        bytes
        """
        return msgspec.json.format(msgspec.json.encode(self.ways), indent=1) + b"\n"

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write a row a request as CSV, whole or not at all; None is an empty cell.

        Parameters
        ----------
        path
            Of the file.
        """
        write_whole(path_of("path", path), csv_text(RequestRow, self.rows).encode())

    def to_pandas(self) -> Any:
        """A `pandas.DataFrame`, a line a request.

        Returns
        -------
        pandas.DataFrame

        Raises
        ------
        ModuleNotFoundError
            Where pandas is not installed.
        """
        try:
            import pandas
        except ModuleNotFoundError:
            needed = "replay.to_pandas() needs pandas, which is not installed: pip install pandas"
            raise ModuleNotFoundError(needed) from None
        records = [msgspec.structs.asdict(row) for row in self.rows]
        return pandas.DataFrame.from_records(records, columns=list(RequestRow.__struct_fields__))


HEADERS = (
    "way",
    "seed",
    "mean",
    "p95",
    "regret",
    "best fixed",
    "switches",
    "restarted",
    "failed",
    "decision",
)


def way_cells(replay: Replay, way: WayRow) -> tuple[str, ...]:
    """A way's figures for readers, beside the regret of the best fixed plan at its seed."""
    return (
        way.adapt,
        str(way.seed),
        _seconds(way.mean_s),
        _seconds(way.p95_s),
        _percent(way.regret),
        _percent(replay.best_fixed.get(way.seed)),
        str(way.switches),
        str(way.restarted),
        str(way.failed),
        "-" if way.decision_s is None else _microseconds(way.decision_s),
    )


def _seconds(value: float | None) -> str:
    return "-" if value is None else in_seconds(value)


def _microseconds(seconds: float) -> str:
    value = 1e6 * seconds
    return f"{value:.3g} \u00b5s" if value < 999.5 else f"{value:,.0f} \u00b5s"


def _percent(value: float | None) -> str:
    """Two decimals, and never 0.00 of what is not 0 (to 1e-9)."""
    if value is None:
        return "-"
    if abs(value) <= 1e-9:
        return "0 %"
    return f"{100 * value:.2f} %" if abs(value) >= 5e-5 else f"{100 * value:.1e} %"
