"""Records of any one kind as CSV, and of several as the tables of a database."""

from __future__ import annotations

import csv
import io
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any, get_args

from msgspec import Struct
from msgspec.structs import astuple, fields

_SQL_TYPES = {int: "INTEGER", float: "REAL"}


def csv_text(kind: type[Struct], records: Sequence[Struct]) -> str:
    """Records as CSV under the names of their fields; numbers unrounded, None an empty cell."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(kind.__struct_fields__)
    writer.writerows(map(astuple, records))
    return text.getvalue()


def sqlite_bytes(tables: Mapping[str, tuple[type[Struct], Sequence[Struct]]]) -> bytes:
    """A database file with, for each name, a table of the records of one kind."""
    with closing(sqlite3.connect(":memory:")) as database:
        for name, (kind, records) in tables.items():
            marks = ", ".join("?" * len(kind.__struct_fields__))
            database.execute(f"CREATE TABLE {name} ({sql_columns(kind)})")
            database.executemany(f"INSERT INTO {name} VALUES ({marks})", map(astuple, records))
        database.commit()
        return database.serialize()


def sql_columns(kind: type[Struct]) -> str:
    """The columns of a table of records, with their types, as SQL."""
    return ", ".join(f"{field.name} {_sql_type(field.type)}" for field in fields(kind))


def _sql_type(kind: Any) -> str:
    """Of `int`, `float | None` ...; what is no number is text."""
    found = (_SQL_TYPES.get(choice) for choice in get_args(kind) or (kind,))
    return next((name for name in found if name is not None), "TEXT")
