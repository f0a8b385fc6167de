"""The finished jobs of comparisons, in a database: whatever ends a process, what is there stays.

A job is finished when its row is committed. The database keeps a log of its own beside it while it
is in use (WAL), so that a row costs no wait for the disk: after a crash of the whole machine the
last rows may be missing, never a part of one.
"""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec
from msgspec import Struct
from msgspec.structs import asdict

from splitfog.instances.records import changed
from splitfog.studies.engine.jobs import Job, Outcome, Ran
from splitfog.studies.exports import sql_columns
from splitfog.studies.row import Declined, Result, Row, Run
from splitfog.studies.store.lock import Lock

RESULTS, LOCK = "results.sqlite", ".results.lock"

APPLICATION, FORMAT = 0x73706C66, 1
"""What the database says of itself: that it is ours, and of which form."""

_HEADER = 72
"""Bytes of a database file up to the end of the number of the application."""


def is_store(path: Path) -> bool:
    """Whether a file is a store, of whatever form."""
    try:
        with open(path, "rb") as file:
            return file.read(_HEADER)[-4:] == APPLICATION.to_bytes(4, "big")
    except FileNotFoundError:
        return False


class Store:
    """The finished jobs in a folder's `results.sqlite`, to be used as a context.

    It keeps jobs by their `key`, as `job_key` makes them. Its tables `results` and `declined` have
    the columns of `Result` and of `Declined`, and `key`.
    Rows of other versions of splitfog stay there, under keys that no job of this one has.

    Parameters
    ----------
    folder
        Is made where it does not exist.

    Raises
    ------
    ValueError
        Where another process uses it, and where the file there is no such store, or one of
        another form.
    OSError
        Where it cannot be read or written; at any time, as when the disk is full. What is there
        stays.
    """

    def __init__(self, folder: Path) -> None:
        if folder.exists() and not folder.is_dir():
            raise ValueError(f"{folder} is a file, must be a folder")
        self.path = folder / RESULTS
        self._open = ExitStack()

    def __enter__(self) -> Self:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with ExitStack() as opened:
            opened.enter_context(Lock(self.path.parent / LOCK, str(self.path)))
            with self._told():
                self._database = sqlite3.connect(self.path, isolation_level=None)
                opened.callback(self._database.close)
                self._require_ours()
                self._database.execute("PRAGMA journal_mode = WAL")
                self._database.execute("PRAGMA synchronous = NORMAL")
                self._make_tables()
            self._open = opened.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.close()

    def outcome(self, job: Job) -> Outcome | None:
        """What a job came to; None if it is not finished."""
        if (found := self._line("results", job.key)) is not None:
            result = msgspec.convert(found, Result)
            row = msgspec.convert(result, Row, from_attributes=True)
            run = msgspec.convert(result, Run, from_attributes=True)
            return Ran(changed(row, file=job.instance.read_file), run)
        found = self._line("declined", job.key)
        return None if found is None else msgspec.convert(found, Declined)

    def add(self, job: Job, outcome: Outcome) -> None:
        """Commit what a job came to."""
        if isinstance(outcome, Ran):
            result = Result(**asdict(outcome.row), **asdict(outcome.run))
            self._insert("results", job.key, result)
        else:
            self._insert("declined", job.key, outcome)

    def judge(self, jobs: Sequence[Job], rows: Sequence[Row]) -> None:
        """Commit what rows say of each other: gaps, speed-ups, and claims that are refuted."""
        names = Row.__struct_fields__
        columns = ", ".join(f"{name} = ?" for name in names)
        with self._told(), self._transaction():
            self._database.executemany(
                f"UPDATE results SET {columns} WHERE key = ?",
                [(*asdict(row).values(), job.key) for job, row in zip(jobs, rows, strict=True)],
            )

    def _require_ours(self) -> None:
        application = self._number("application_id")
        form = self._number("user_version")
        if self._number("schema_version") == 0:
            return
        if application != APPLICATION:
            raise ValueError(
                f"{self.path} is not what compare keeps there: another folder must be named"
            )
        if form != FORMAT:
            raise ValueError(
                f"{self.path} has the form {form}, this splitfog keeps {FORMAT}: another folder "
                "must be named"
            )

    def _make_tables(self) -> None:
        with self._transaction():
            for table, kind in (("results", Result), ("declined", Declined)):
                self._database.execute(
                    f"CREATE TABLE IF NOT EXISTS {table} (key TEXT PRIMARY KEY, "
                    f"{sql_columns(kind)})"
                )
            self._database.execute(f"PRAGMA application_id = {APPLICATION}")
            self._database.execute(f"PRAGMA user_version = {FORMAT}")

    def _number(self, pragma: str) -> int:
        number: int = self._database.execute(f"PRAGMA {pragma}").fetchone()[0]
        return number

    def _line(self, table: str, key: str) -> dict[str, Any] | None:
        with self._told():
            found = self._database.execute(f"SELECT * FROM {table} WHERE key = ?", (key,))
            values = found.fetchone()
        if values is None:
            return None
        names = [column[0] for column in found.description]
        return dict(zip(names, values, strict=True))

    def _insert(self, table: str, key: str, record: Struct) -> None:
        fields = asdict(record)
        marks = ", ".join("?" * (1 + len(fields)))
        with self._told():
            self._database.execute(
                f"INSERT OR REPLACE INTO {table} (key, {', '.join(fields)}) VALUES ({marks})",
                (key, *fields.values()),
            )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            if self._database.in_transaction:  # a full disk has ended it already
                self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What SQLite complains of as an error of the file."""
        try:
            yield
        except sqlite3.Error as error:
            name = getattr(error, "sqlite_errorname", "")
            if name == "SQLITE_NOTADB":
                raise ValueError(
                    f"{self.path} is not what compare keeps there: another folder must be named"
                ) from None
            if name == "SQLITE_FULL":
                full = "the disk is full; what had finished is kept"
                raise OSError(errno.ENOSPC, full, str(self.path)) from None
            raise OSError(errno.EIO, str(error), str(self.path)) from None
