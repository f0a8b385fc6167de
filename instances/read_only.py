"""Mappings that nobody writes to, so that what follows from them once stays true."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn, TypeVar

import numpy as np
from msgspec import Struct
from msgspec.structs import force_setattr

from splitfog.instances.arguments import plain

Key = TypeVar("Key")
Value = TypeVar("Value")


class ReadOnly(dict[Key, Value]):
    """A dict that refuses changes; a dict still, so that it is written, pickled and compared so."""

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError("this mapping is read-only: make a changed copy of what holds it")

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __reduce__(self) -> tuple[Any, ...]:
        return ReadOnly, (dict(self),)


EMPTY: ReadOnly[Any, Any] = ReadOnly()


def read_only(data: Any) -> Any:
    """JSON data in which no mapping can be written to, at any depth: a copy of what could be.

    NumPy's numbers and arrays become Python's.
    """
    if isinstance(data, Mapping):
        return ReadOnly({key: read_only(value) for key, value in data.items()})
    if isinstance(data, np.ndarray):
        data = data.tolist()
    if isinstance(data, list):
        return [read_only(value) for value in data]
    return plain(data)


def seal(record: Struct, *names: str) -> None:
    """Make fields of a frozen record read-only where they are mappings: for `__post_init__`.

    Their entries stay as they are.
    """
    for name in names:
        mapping = getattr(record, name)
        if isinstance(mapping, Mapping) and type(mapping) is not ReadOnly:
            force_setattr(record, name, ReadOnly(mapping))
