"""Instance files: `.json` and `.json.gz`, read strictly and written whole or not at all."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import tempfile
import zlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from splitfog.instances.defects import InstanceError, RepeatedKeys, shown, value_defects
from splitfog.instances.records import Instance, Link, Model, Name, Node, Task

FORMAT: Literal["splitfog/instance"] = "splitfog/instance"
VERSION: Literal[1] = 1

Record = TypeVar("Record", bound=Struct)


class InstanceFile(Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """The top level of an instance file."""

    format: Literal["splitfog/instance"]
    version: Literal[1]
    name: Name
    tiers: Annotated[tuple[Name, ...], Meta(min_length=1)]
    nodes: Annotated[tuple[Node, ...], Meta(min_length=1)]
    links: tuple[Link, ...]
    models: Annotated[tuple[Model, ...], Meta(min_length=1)]
    tasks: Annotated[tuple[Task, ...], Meta(min_length=1)]
    meta: Mapping[str, Any] = {}


def load_instance(path: str | os.PathLike[str]) -> Instance:
    """The instance in a file.

    Parameters
    ----------
    path
        Of the file, `.json` or `.json.gz`.

    Returns
    -------
    Instance

    Raises
    ------
    InstanceError
        Listing every defect of the file (at most 20).
    """
    path = Path(path)
    content = read_bytes(path)
    instance = parse_instance(content, path.name)
    object.__setattr__(instance, "read_file", str(path))
    return instance


def parse_instance(content: bytes, origin: str) -> Instance:
    """The instance in the (decompressed) bytes of a file; `origin` names it in errors."""
    file = decode(content, InstanceFile, origin)
    try:
        instance = Instance(
            name=file.name,
            tiers=file.tiers,
            nodes=file.nodes,
            links=file.links,
            models=file.models,
            tasks=file.tasks,
            meta=file.meta,
        )
    except InstanceError as error:
        raise InstanceError(origin, error.defects) from None
    object.__setattr__(instance, "read_sha256", hashlib.sha256(content).hexdigest())
    return instance


def encode_instance(instance: Instance) -> bytes:
    """What saving an instance writes (before compression): of equal instances the same."""
    file = InstanceFile(
        format=FORMAT,
        version=VERSION,
        name=instance.name,
        tiers=instance.tiers,
        nodes=_usual(instance.nodes),
        links=_usual(instance.links),
        models=tuple(
            msgspec.structs.replace(model, layers=_usual(model.layers)) for model in instance.models
        ),
        tasks=instance.tasks,
        meta=dict(instance.meta),  # a plain one is not written where it is empty
    )
    return encode(file)


def _usual(records: tuple[Record, ...]) -> tuple[Record, ...]:
    """Records in which what equals a default is that default, which alone is left out of files.

    (msgspec goes by identity, and a copy from another process holds other zeros.)
    """
    if not records:
        return records
    defaults = [
        (field.name, field.default)
        for field in msgspec.structs.fields(records[0])
        if isinstance(field.default, float | str | tuple)
    ]
    return tuple(_with_defaults(record, defaults) for record in records)


def _with_defaults(record: Record, defaults: list[tuple[str, Any]]) -> Record:
    changed: dict[str, Any] = {}
    for name, default in defaults:
        value = getattr(record, name)
        if value is not default and value == default:
            changed[name] = default
    window = getattr(record, "window", None)
    if window is not None:
        (changed["window"],) = _usual((window,))
    return msgspec.structs.replace(record, **changed) if changed else record


def save_instance(instance: Instance, path: str | os.PathLike[str]) -> None:
    """Write an instance file, whole or not at all.

    Parameters
    ----------
    instance
        What is written.
    path
        Of the file; compressed if it ends in `.gz`.
    """
    write_whole(path, encode_instance(instance))


def with_meta(instance: Instance, **entries: Any) -> Instance:
    """The same instance with entries added to its `meta`."""
    return replace(instance, meta={**instance.meta, **entries})


def encode(record: Any) -> bytes:
    """Indented JSON of a record, ending in a newline."""
    compact = msgspec.json.encode(record)
    return msgspec.json.format(compact, indent=1) + b"\n"


def decode(content: bytes, kind: Any, origin: str) -> Any:
    """The record of type `kind` in a file's bytes; every defect in one `InstanceError`."""
    data, clean = parse_json(content, origin)
    if not isinstance(data, dict):
        raise InstanceError(origin, [f"the file = {shown(data)}, must be an object"])
    fields = {field.name: field.type for field in msgspec.structs.fields(kind)}
    for key in ("format", "version"):  # the rest of another format's file says nothing
        if wrong := value_defects(data.get(key), fields[key], key):
            raise InstanceError(
                origin, wrong if key in data else [f"{key} is missing, {wrong[0].split(', ')[1]}"]
            )
    try:
        if not clean:
            raise ValueError("a key stands twice or a number is not finite")
        return msgspec.json.decode(content, type=kind)
    except (ValueError, RecursionError) as error:
        raise InstanceError(origin, value_defects(data, kind) or [str(error)]) from None


def parse_json(content: bytes, origin: str) -> tuple[Any, bool]:
    """Plain data of JSON text, and whether no key stands twice and no number is NaN or infinite."""
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
        text = content.decode("utf-8")
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
