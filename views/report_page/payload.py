"""Data inside a page: JSON, packed as gzip, in letters that HTML leaves alone."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Sequence
from typing import Any

import msgspec


def packed(data: Any) -> str:
    """What the page unpacks again: base64 of gzip of JSON, of equal data the same.

    Parameters
    ----------
    data
        Of what JSON knows, and of records.
    """
    return base64.b64encode(gzip.compress(msgspec.json.encode(data), 9, mtime=0)).decode()


def column(values: Sequence[Any]) -> Any:
    """A column of figures as it is; one with texts as the distinct ones and where each stands."""
    if not any(isinstance(value, str) for value in values):
        return list(values)
    distinct = {value: place for place, value in enumerate(dict.fromkeys(values))}
    return {"of": list(distinct), "at": [distinct[value] for value in values]}
