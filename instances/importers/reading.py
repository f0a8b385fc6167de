"""Files of others as plain data, strictly, and as records of what they must hold.

Values are parsed and never evaluated. What is wrong is an `InstanceError` that names the file as it
was given, the path in it, the value and what is allowed.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from splitfog.instances.defects import InstanceError, shown, value_defects
from splitfog.instances.json_files import parse_json, read_bytes

Record = TypeVar("Record")

LARGEST = 1e18
"""An exabyte; whatever is larger is a mistake, and sums of such stay numbers."""

DEEPEST = 20
"""Levels of a file's data."""

Amount = Annotated[float, Meta(ge=0, le=LARGEST)]
Rate = Annotated[float, Meta(gt=0, le=LARGEST)]
Blocks = Annotated[int, Meta(ge=1, le=10_000)]
Whole = Annotated[int, Meta(ge=1, le=10**12)]
AnyName = Annotated[str, Meta(min_length=1)]


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a file, `.gz` or not.

    Parameters
    ----------
    path
        Of the file.

    Raises
    ------
    InstanceError
        If it is none, or a key stands twice in it.
    """
    data, clean = parse_json(_content(path), str(path))
    require_shallow(data, path)
    if not isinstance(data, dict):
        raise refuse(path, "the file", data, "an object")
    if not clean and (wrong := value_defects(data, Any)):
        raise InstanceError(str(path), wrong)
    return data


def read_toml(path: Path) -> dict[str, Any]:
    """The tables in a TOML file, `.gz` or not.

    Parameters
    ----------
    path
        Of the file.

    Raises
    ------
    InstanceError
        If it is no TOML; a key that stands twice makes it none.
    """
    try:
        data = tomllib.loads(text_of(path))
        require_shallow(data, path)
        return data
    except RecursionError:
        raise InstanceError(str(path), ["not usable TOML: nested too deeply"]) from None
    except ValueError as error:
        if isinstance(error, InstanceError):
            raise
        raise InstanceError(str(path), [f"not TOML: {error}"]) from None


def text_of(path: Path) -> str:
    """The text in a file, `.gz` or not, without a byte order mark.

    Parameters
    ----------
    path
        Of the file.

    Raises
    ------
    InstanceError
        If it is empty, or no UTF-8.
    """
    try:
        return _content(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        what = f"not UTF-8 text: {error.reason} at byte {error.start}"
        raise InstanceError(str(path), [what]) from None


def record_of(data: Any, kind: type[Record], path: Path, at: str = "") -> Record:
    """Plain data as a record.

    Parameters
    ----------
    data
        As it was read.
    kind
        Of the record; its annotations say what is allowed.
    path, at
        The file, and where in it the data stand.

    Raises
    ------
    InstanceError
        With a sentence for every value that is not allowed or missing.
    """
    if wrong := value_defects(data, kind, at):
        raise InstanceError(str(path), wrong)
    try:
        return msgspec.convert(data, kind)
    except (ValueError, RecursionError) as error:
        raise InstanceError(str(path), [f"{at or 'the file'}: {error}"]) from None


def refuse(path: Path, at: str, value: Any, allowed: str) -> InstanceError:
    """The error that a value of a file is not what is allowed.

    Parameters
    ----------
    path, at
        The file, and where in it the value stands.
    value
        As it was read.
    allowed
        What it must be, in words.

    Returns
    -------
    InstanceError
        To be raised.
    """
    return InstanceError(str(path), [f"{at} = {shown(value)}, must be {allowed}"])


def _content(path: Path) -> bytes:
    content = read_bytes(path)
    if not content.strip():
        raise InstanceError(str(path), ["the file is empty"])
    return content


def require_shallow(data: Any, path: Path) -> None:
    """`InstanceError` for data that are nested deeper than any of these formats.

    Parameters
    ----------
    data
        As they were read.
    path
        Of the file.
    """
    layer: list[Any] = [data]
    for _ in range(DEEPEST):
        inner: list[Any] = []
        for each in layer:
            if isinstance(each, dict):
                inner += each.values()
            elif isinstance(each, list):
                inner += each
        layer = inner
    if layer:
        raise InstanceError(str(path), ["not usable: nested too deeply"])
