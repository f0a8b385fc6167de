"""Files of JSON, `.gz` or not: read strictly, every defect named; written whole or not at all."""

from __future__ import annotations

import gzip
import json
import os
import tempfile
import zlib
from codecs import BOM_UTF8
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from splitfog.instances.defects import InstanceError, RepeatedKeys, shown, value_defects


def encode(record: Any) -> bytes:
    """Indented JSON of a record, ending in a newline."""
    compact = msgspec.json.encode(record)
    return msgspec.json.format(compact, indent=1) + b"\n"


def written(default: Any) -> Any:
    """The default of a field that is written even where it has it, among such that are not."""
    return msgspec.field(default_factory=lambda: default)


def decode(
    content: bytes,
    kind: Any,
    origin: str,
    beside: Callable[[list[str], dict[str, Any]], list[str]] = lambda wrong, data: [],
) -> Any:
    """The record of type `kind` in a file's bytes; every defect in one `InstanceError`.

    `beside` finds what else is wrong with the plain data of a file of which these values are.
    """
    content = content.removeprefix(BOM_UTF8)
    data, clean = parse_json(content, origin)
    if not isinstance(data, dict):
        raise InstanceError(origin, [f"the file = {shown(data)}, must be an object"])
    require_format(data, kind, origin)
    try:
        if not clean:
            raise ValueError("a key stands twice or a number is not finite")
        return msgspec.json.decode(content, type=kind)
    except (ValueError, RecursionError) as error:
        wrong = value_defects(data, kind) or [str(error)]
        raise InstanceError(origin, wrong + beside(wrong, data)) from None


def require_format(data: dict[str, Any], kind: Any, origin: str) -> None:
    """Refuse plain data of another format or version than those of `kind`."""
    fields = {field.name: field.type for field in msgspec.structs.fields(kind)}
    for key in ("format", "version"):  # the rest of another format's file says nothing
        if wrong := value_defects(data.get(key), fields[key], key):
            raise InstanceError(
                origin, wrong if key in data else [f"{key} is missing, {wrong[0].split(', ')[1]}"]
            )


def parse_json(content: bytes, origin: str) -> tuple[Any, bool]:
    """Plain data of JSON text, and whether no key stands twice and no number is NaN or infinite.

    A byte order mark before it, as some editors write, says nothing.
    """
    clean = True

    def constant(name: str) -> float:
        nonlocal clean
        clean = False
        return float(name)

    def pairs(entries: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal clean
        record = dict(entries)
        if len(record) == len(entries):
            return record
        clean = False
        keys = [key for key, _ in entries]
        repeated = RepeatedKeys(record)
        repeated.repeated = sorted({key for key in keys if keys.count(key) > 1})
        return repeated

    try:
        text = content.decode("utf-8-sig")
        return json.loads(text, parse_constant=constant, object_pairs_hook=pairs), clean
    except UnicodeDecodeError as error:
        raise InstanceError(
            origin, [f"not UTF-8 text: {error.reason} at byte {error.start}"]
        ) from None
    except RecursionError:
        raise InstanceError(origin, ["not usable JSON: nested too deeply"]) from None
    except ValueError as error:
        raise InstanceError(origin, [f"not JSON: {error}"]) from None


def read_bytes(path: Path) -> bytes:
    """The decompressed bytes of a file; a missing or broken one is an `InstanceError`."""
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if path.suffix == ".gz" else content
    except FileNotFoundError:
        raise InstanceError(str(path), ["no such file"]) from None
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise InstanceError(str(path), [f"not a gzip file: {error}"]) from None
    except OSError as error:
        raise InstanceError(str(path), [f"cannot be read: {error.strerror}"]) from None


def write_whole(path: str | os.PathLike[str], content: bytes) -> None:
    """Write a file whole or not at all, compressed (without a time stamp) if it ends in `.gz`."""
    path = Path(path)
    if path.suffix == ".gz":
        content = gzip.compress(content, mtime=0)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise type(error)(error.errno, error.strerror, str(path)) from None
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
