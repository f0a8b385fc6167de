"""The folder of a replay: its question, and every finished request, there as soon as it is.

`requests.csv` only grows while a replay runs: a line is handed to the system whole before the next
request, so that whatever ends the process, the lines of finished requests stay. A replay that goes
on reads them, leaves out what is there and writes the rest; at the end they stand in order.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import msgspec

from splitfog.deployment.contest.plans import Placements
from splitfog.deployment.contest.rows import RequestRow
from splitfog.instances.json_files import encode, parse_json, read_bytes, write_whole
from splitfog.studies.exports import csv_text
from splitfog.studies.lock import Lock

REQUESTS, PLANS, QUESTION = "requests.csv", "plans.json", "replay.json"
LOCK = ".replay.lock"

Job = tuple[str, int]
"""A way of adapting and a seed."""


class ReplayRows:
    """The finished requests of a replay, kept in memory."""

    def __init__(self) -> None:
        self._rows: dict[Job, dict[int, RequestRow]] = {}
        self._placements: Mapping[str, Placements] = {}

    def of(self, job: Job) -> Mapping[int, RequestRow]:
        """Those of a job, by number."""
        return self._rows.get(job, {})

    def ordered(self, job: Job) -> list[RequestRow]:
        """Those of a job, in order of arrival."""
        own = self.of(job)
        return [own[number] for number in sorted(own)]

    def add(self, row: RequestRow) -> None:
        """Keep the row of a request that has just finished."""
        self._rows.setdefault((row.adapt, row.seed), {})[row.request] = row

    @property
    def placements(self) -> Mapping[str, Placements]:
        """Of the plans of all rows, by name."""
        return self._placements

    @placements.setter
    def placements(self, found: Mapping[str, Placements]) -> None:
        self._placements = found


class ReplayFolder(ReplayRows):
    """Those kept in a folder, to be used as a context.

    Parameters
    ----------
    path
        Is made where it does not exist.
    question
        All that decides what a row says, by name; plain values.

    Raises
    ------
    ValueError
        Where the folder holds a replay of another question, or a file that is none of ours; where
        another process is at it.
    """

    def __init__(self, path: Path, question: Mapping[str, Any]) -> None:
        self.path = path
        if path.exists() and not path.is_dir():
            raise ValueError(f"{path} is a file, must be a folder")
        super().__init__()
        self.question: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(question))
        self._require_same()
        self._file: IO[bytes] | None = None
        self._open = ExitStack()

    def __enter__(self) -> Self:
        self.path.mkdir(parents=True, exist_ok=True)
        requests = self.path / REQUESTS
        with ExitStack() as opened:
            opened.enter_context(Lock(self.path / LOCK, str(self.path)))
            self._take_in_plans()
            whole = self._read(requests) if requests.exists() else 0
            self._file = opened.enter_context(open(requests, "ab", buffering=0))
            self._file.truncate(whole)
            if whole == 0:
                self._file.write(csv_text(RequestRow, ()).encode())
            self._open = opened.pop_all()
        return self

    def _take_in_plans(self) -> None:
        """The plans that are there; where nothing is, the question is noted."""
        if not (self.path / QUESTION).exists():
            write_whole(self.path / QUESTION, encode(self.question))
        plans = self.path / PLANS
        if plans.exists():
            self._placements = msgspec.json.decode(
                read_bytes(plans), type=dict[str, dict[str, dict[str, str]]]
            )

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._open:
            if kind is None:
                ordered = [row for job in self._rows for row in self.ordered(job)]
                write_whole(self.path / REQUESTS, csv_text(RequestRow, ordered).encode())

    def add(self, row: RequestRow) -> None:
        """Keep the row of a request that has just finished."""
        assert self._file is not None
        self._file.write(csv_text(RequestRow, (row,)).partition("\n")[2].encode())
        super().add(row)

    @property
    def placements(self) -> Mapping[str, Placements]:
        """Of the plans of all rows, by name."""
        return self._placements

    @placements.setter
    def placements(self, found: Mapping[str, Placements]) -> None:
        if found.keys() != self._placements.keys():
            write_whole(self.path / PLANS, encode(found))
        self._placements = found

    def _require_same(self) -> None:
        kept = self.path / QUESTION
        if not kept.exists():
            if (self.path / REQUESTS).exists():
                raise ValueError(
                    f"{self.path / REQUESTS} is there, but no {QUESTION} beside it that says of "
                    "what: another folder must be named"
                )
            return
        known, _ = parse_json(read_bytes(kept), str(kept))
        if not isinstance(known, dict):
            raise ValueError(f"{kept} is no question of a replay: another folder must be named")
        for name in dict.fromkeys([*self.question, *known]):
            other, own = known.get(name), self.question.get(name)
            if other != own:
                raise ValueError(
                    f"{self.path} holds a replay with {name} = {other}, this one has {own}: "
                    "another folder must be named"
                )

    def _read(self, path: Path) -> int:
        """Take in the rows of a file; how many of its bytes are whole lines."""
        content = path.read_bytes()
        whole = content.rfind(b"\n") + 1
        text = content[:whole].decode()
        reader = csv.DictReader(io.StringIO(text))
        for fields in reader:
            given = {**fields, "latency_s": fields.get("latency_s") or None}
            try:
                super().add(msgspec.convert(given, RequestRow, strict=False))
            except msgspec.ValidationError:
                raise ValueError(
                    f"{path}: line {reader.line_num} is no row of a replay: another folder must "
                    "be named"
                ) from None
        return whole
