"""The table that a comparison yields."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import overload

import msgspec
from msgspec import Struct
from msgspec.structs import asdict

from splitfog.instances.json_files import write_whole
from splitfog.studies.exports import csv_text, sqlite_bytes
from splitfog.studies.row import Declined, Result, Row, Run


@dataclass(frozen=True)
class Table(Sequence[Row]):
    """The rows of a comparison, in the order instance, objective, solver, seed.

    `declined` holds what has no row, `baseline` the solver that speed-ups refer to, `counting`
    says how transfers are counted where that is not the default, and `interrupted` whether Ctrl-C
    cut the comparison short. `runs` holds how every row was run, or nothing.
    """

    rows: tuple[Row, ...]
    declined: tuple[Declined, ...] = ()
    baseline: str = "device-only"
    counting: str = ""
    interrupted: bool = False
    runs: tuple[Run, ...] = ()

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

    def without_rows(self, solvers: Sequence[str]) -> dict[str, str]:
        """Of these solvers, those that applied nowhere, with the first reason."""
        ran = {row.solver for row in self.rows}
        reasons: dict[str, str] = {}
        for entry in self.declined:
            if entry.solver in solvers and entry.solver not in ran:
                reasons.setdefault(entry.solver, f"{entry.reason} ({entry.instance})")
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
