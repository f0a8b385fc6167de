"""The finished jobs of comparisons, in a database: whatever ends a process, what is there stays.

A job is finished when its row is committed. The database keeps a log of its own beside it while it
is in use (WAL), so that a row costs no wait for the disk: after a crash of the whole machine the
last rows may be missing, never a part of one.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec
from msgspec import Struct
from msgspec.structs import asdict, astuple

from splitfog.instances.records import changed
from splitfog.studies.engine.jobs import Job, Outcome, Ran
from splitfog.studies.exports import sql_columns
from splitfog.studies.lock import Lock
from splitfog.studies.row import Declined, Result, Row, Run
from splitfog.studies.store.records import AskedJob, Kept

RESULTS, LOCK = "results.sqlite", ".results.lock"

APPLICATION, FORMAT = 0x73706C66, 2
"""What the database says of itself: that it is ours, and of which form."""

_HEADER = 72
"""Bytes of a database file up to the end of the number of the application."""


KINDS: dict[str, type[Struct]] = {
    "results": Result,
    "declined": Declined,
    "asked": AskedJob,
    "instances": Kept,
    "study": Kept,
    "traces": Kept,
}
"""Tables, and the records whose fields are their columns after `key`."""


def is_store(path: Path) -> bool:
    """Whether a file is a store, of whatever form."""
    try:
        with open(path, "rb") as file:
            return file.read(_HEADER)[-4:] == APPLICATION.to_bytes(4, "big")
    except FileNotFoundError:
        return False


class Store:
    """The finished jobs in a folder's `results.sqlite`, to be used as a context.

    It keeps jobs by their `key`, as `with_keys` makes it: what they came to in the tables `results`
    and `declined`, whose other columns are those of `Result` and of `Declined`, and what was asked
    for in `asked`, `instances`, `study` and `traces`.
    Rows of other versions of splitfog stay there, under keys that no job of this one has.

    Parameters
    ----------
    folder
        Is made where it does not exist.
    only_read
        Whether nothing is written: then another process may be at it, and it must be there.

    Raises
    ------
    ValueError
        Where there is none to read, where another process uses it, and where the file there is no
        such store, or one of another form.
    OSError
        Where it cannot be read or written; at any time, as when the disk is full. What is there
        stays.
    """

    def __init__(self, folder: Path, only_read: bool = False) -> None:
        if folder.exists() and not folder.is_dir():
            raise ValueError(f"{folder} is a file, must be a folder")
        self.path = folder / RESULTS
        self._only_read = only_read
        self._open = ExitStack()

    def __enter__(self) -> Self:
        if self._only_read:
            if not self.path.exists():
                raise ValueError(f"{self.path} is not there: compare -o DIR makes it")
        else:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        with ExitStack() as opened:
            if not self._only_read:
                opened.enter_context(Lock(self.path.parent / LOCK, str(self.path)))
            with self._told():
                self._database = sqlite3.connect(self._uri(), uri=True, isolation_level=None)
                opened.callback(self._database.close)
                self._require_ours()
                if not self._only_read:
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
        if found := self.read("SELECT * FROM results WHERE key = ?", (job.key,)):
            result = msgspec.convert(found[0], Result)
            row = msgspec.convert(result, Row, from_attributes=True)
            run = msgspec.convert(result, Run, from_attributes=True)
            return Ran(changed(row, file=job.instance.read_file), run)
        found = self.read("SELECT * FROM declined WHERE key = ?", (job.key,))
        return msgspec.convert(found[0], Declined) if found else None

    def add(self, job: Job, outcome: Outcome) -> None:
        """Commit what a job came to."""
        if isinstance(outcome, Ran):
            result = Result(**asdict(outcome.row), **asdict(outcome.run))
            self.insert("results", [result], [job.key])
        else:
            self.insert("declined", [outcome], [job.key])

    def judge(self, rows: Iterable[tuple[str, Row]]) -> None:
        """Commit what rows, by their keys, say of each other: gaps, speed-ups, refuted claims."""
        columns = ", ".join(f"{name} = ?" for name in Row.__struct_fields__)
        self.write(
            f"UPDATE results SET {columns} WHERE key = ?",
            [(*asdict(row).values(), key) for key, row in rows],
        )

    def write(self, statement: str, records: Iterable[Sequence[Any]]) -> None:
        """Commit a statement for each of several records, all or none."""
        with self._told(), self._transaction():
            self._database.executemany(statement, records)

    def read(self, statement: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """The lines that a statement finds, by the names of their columns."""
        with self._told():
            found = self._database.execute(statement, values)
            names = [column[0] for column in found.description]
            return [dict(zip(names, line, strict=True)) for line in found]

    def _uri(self) -> str:
        """The file's, which needs no other beside it where nobody can write and no log is left."""
        folder, log = self.path.parent, self.path.with_name(f"{RESULTS}-wal")
        alone = self._only_read and not os.access(folder, os.W_OK) and not log.exists()
        return self.path.absolute().as_uri() + ("?immutable=1" if alone else "")

    def _require_ours(self) -> None:
        application = self._number("application_id")
        form = self._number("user_version")
        if self._number("schema_version") == 0:
            if self._only_read:
                raise ValueError(f"{self.path} holds no runs: compare -o DIR makes them")
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
            for table, kind in KINDS.items():
                self._database.execute(
                    f"CREATE TABLE IF NOT EXISTS {table} (key TEXT PRIMARY KEY, "
                    f"{sql_columns(kind)})"
                )
            self._database.execute(f"PRAGMA application_id = {APPLICATION}")
            self._database.execute(f"PRAGMA user_version = {FORMAT}")

    def _number(self, pragma: str) -> int:
        number: int = self._database.execute(f"PRAGMA {pragma}").fetchone()[0]
        return number

    def insert(self, table: str, records: Sequence[Struct], keys: Sequence[str]) -> None:
        """Commit records of a kind under their keys, each in the place of what was there."""
        if not records:
            return
        fields = records[0].__struct_fields__
        marks = ", ".join("?" * (1 + len(fields)))
        self.write(
            f"INSERT OR REPLACE INTO {table} (key, {', '.join(fields)}) VALUES ({marks})",
            [(key, *astuple(record)) for key, record in zip(keys, records, strict=True)],
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
            if name.startswith("SQLITE_CORRUPT"):
                raise ValueError(f"{self.path} is damaged: another folder must be named") from None
            if name == "SQLITE_FULL":
                full = "the disk is full; what had finished is kept"
                raise OSError(errno.ENOSPC, full, str(self.path)) from None
            raise OSError(errno.EIO, str(error), str(self.path)) from None
