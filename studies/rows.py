"""The table that a comparison yields."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

import msgspec
from msgspec import Struct
from msgspec.structs import asdict

from splitfog.instances.arguments import number, whole
from splitfog.instances.instance import Instance
from splitfog.instances.json_files import write_whole
from splitfog.instances.read_only import ReadOnly
from splitfog.instances.readable import MOST_ROWS, counted, html_table, html_text
from splitfog.studies.cells import headers, note_html, reservation, shown_cells
from splitfog.studies.exports import csv_text, sqlite_bytes
from splitfog.studies.latex import latex_rows
from splitfog.studies.row import Declined, Result, Row, Run
from splitfog.studies.statistics.by_solver import statistics_of
from splitfog.studies.statistics.means import SHIFT_S
from splitfog.studies.summary import Summary, summarised
from splitfog.studies.tables.caption import caption
from splitfog.studies.tables.statistics import Statistics


@dataclass(frozen=True, kw_only=True)
class Table(Sequence[Row]):
    """The rows of a comparison, in the order instance, objective, solver, seed.

    `declined` holds what has no row, `baseline` the solver that speed-ups refer to, `counting`
    says how transfers are counted where that is not the default, and `interrupted` whether Ctrl-C
    cut the comparison short. `runs` holds how every row was run, and `instances` what they were run
    on, or nothing; `store` is the folder that keeps them, if one does.
    """

    rows: tuple[Row, ...]
    declined: tuple[Declined, ...] = ()
    baseline: str = "device-only"
    counting: str = ""
    interrupted: bool = False
    runs: tuple[Run, ...] = ()
    instances: tuple[Instance, ...] = ()
    store: Path | None = None

    @overload
    def __getitem__(self, position: int) -> Row: ...
    @overload
    def __getitem__(self, position: slice) -> tuple[Row, ...]: ...
    def __getitem__(self, position: int | slice) -> Row | tuple[Row, ...]:
        return self.rows[position]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    @property
    def objectives(self) -> tuple[str, ...]:
        """The objectives that have rows, as they first come."""
        return tuple(dict.fromkeys(row.objective for row in self.rows))

    def of(self, objective: str) -> tuple[Row, ...]:
        """The rows of one objective."""
        return tuple(row for row in self.rows if row.objective == objective)

    def __repr__(self) -> str:
        instances = counted(
            len({(row.instance, row.instance_sha256) for row in self.rows}), "instance"
        )
        solvers = counted(len({row.solver for row in self.rows}), "solver")
        objectives = ", ".join(self.objectives) or "nothing"
        rows = counted(len(self.rows), "row")
        return f"<Table of {objectives}: {rows}, {instances}, {solvers}>"

    def _repr_html_(self) -> str:
        parts = [f"<p>{html_text(repr(self).strip('<>'))}</p>"]
        for objective in self.objectives:
            rows = self.of(objective)
            lines = [shown_cells(row) for row in rows]
            parts.append(
                f"<p>{html_text(objective)}</p>{html_table(headers(objective), lines, MOST_ROWS)}"
            )
            parts.append(note_html(reservation(rows)))
        return "\n".join(["<div>", *parts, "</div>"])

    def summary(self, seed: int = 0) -> Summary:
        """A line a solver: plans, share optimal, mean gap with its interval, mean seconds.

        `seed` is of the bootstrap behind the intervals, see `splitfog.studies.summary`.
        """
        return summarised(self.rows, seed, self.captions)

    def statistics(self, seed: int = 0, shift_s: float = SHIFT_S) -> Statistics:
        """A line a solver: speed-up with its interval, paired tests, profile, integral, growth.

        `seed` is of the bootstrap behind the intervals, `shift_s` (seconds) of the geometric means,
        see `splitfog.studies.statistics.by_solver`. `ValueError` where these are below 0.
        """
        seed, shift_s = whole("seed", seed, low=0), number("shift_s", shift_s, low=0)
        found = statistics_of(self.rows, self.runs, self.baseline, seed, shift_s)
        return Statistics(
            tuple(line for lines, _ in found for line in lines),
            ReadOnly(dict(zip(self.objectives, (drawn for _, drawn in found)))),
            self.captions,
        )

    @property
    def captions(self) -> Mapping[str, str]:
        """By objective: cost model, instances and seeds, limits, version and machine."""
        return ReadOnly({name: self._caption(name) for name in self.objectives})

    def _caption(self, objective: str) -> str:
        runs = [run for row, run in zip(self.rows, self.runs) if row.objective == objective]
        return caption(self.baseline, self.counting, self.of(objective), runs)

    def to_pandas(self) -> Any:
        """A `pandas.DataFrame`, a column for every field of a row.

        Raises
        ------
        ModuleNotFoundError
            Where pandas is not installed.
        """
        try:
            import pandas
        except ModuleNotFoundError:
            needed = "table.to_pandas() needs pandas, which is not installed: pip install pandas"
            raise ModuleNotFoundError(needed) from None
        records = [row.to_dict() for row in self.rows]
        return pandas.DataFrame.from_records(records, columns=list(Row.__struct_fields__))

    def to_latex(self, columns: Sequence[str] | None = None) -> str:
        """A `tabular` for LaTeX with booktabs, everything escaped.

        `columns` are fields of a row; None: instance, solver, value, gap, speed-up and time, with
        objective and seed where there are several. `LookupError` for one that is none.
        """
        return latex_rows(self.rows, columns)

    def without_rows(self, solvers: Sequence[str]) -> dict[str, str]:
        """Of these solvers, those that applied nowhere, with the first reason."""
        ran = {row.solver for row in self.rows}
        reasons: dict[str, str] = {}
        for entry in self.declined:
            if entry.solver in solvers and entry.solver not in ran:
                reasons.setdefault(entry.solver, f"{entry.sentence} ({entry.instance})")
        return reasons

    def to_json(self) -> bytes:
        """A JSON list of the rows."""
        return msgspec.json.format(msgspec.json.encode(self.rows), indent=1) + b"\n"

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write the rows as CSV, whole or not at all; None is an empty cell."""
        write_whole(path, csv_text(Row, self.rows).encode())

    def to_sqlite(self, path: str | os.PathLike[str]) -> None:
        """Write a database with the tables `results` and `declined`, whole or not at all.

        A line of `results` is a row and its run: options, plan, version, machine, start.
        """
        runs = self.runs or [None] * len(self.rows)
        results = [
            Result(**asdict(row), **(asdict(run) if run else {}))
            for row, run in zip(self.rows, runs, strict=True)
        ]
        tables: dict[str, tuple[type[Struct], Sequence[Struct]]] = {
            "results": (Result, results),
            "declined": (Declined, self.declined),
        }
        write_whole(path, sqlite_bytes(tables))
