"""Trace files: JSON or CSV, `.gz` or not, read strictly and written whole or not at all."""

from __future__ import annotations

import hashlib
import os

from splitfog.instances.arguments import path as path_of
from splitfog.instances.arguments import record
from splitfog.instances.defects import InstanceError
from splitfog.instances.json_files import decode, read_bytes, write_whole
from splitfog.instances.traces.defects import defects_beside
from splitfog.instances.traces.trace import Trace, TraceFile, encode_trace


def load_trace(path: str | os.PathLike[str]) -> Trace:
    """The trace in a file.

    Parameters
    ----------
    path
        Of the file, `.json` or `.json.gz`.

    Returns
    -------
    Trace

    Raises
    ------
    InstanceError
        Listing every defect of the file (at most 20).
    """
    path = path_of("path", path)
    return parse_trace(read_bytes(path), path.name)


def parse_trace(content: bytes, origin: str) -> Trace:
    """The trace in the (decompressed) bytes of a JSON file; `origin` names it in errors."""
    file = decode(content, TraceFile, origin, defects_beside)
    try:
        trace = Trace(
            name=file.name,
            duration_s=file.duration_s,
            end=file.end,
            series=file.series,
            meta=file.meta,
        )
    except InstanceError as error:
        raise InstanceError(origin, error.defects) from None
    object.__setattr__(trace, "read_sha256", hashlib.sha256(content).hexdigest())
    return trace


def save_trace(trace: Trace, path: str | os.PathLike[str]) -> None:
    """Write a trace file, whole or not at all.

    Parameters
    ----------
    trace
        What is written.
    path
        Of the file; compressed if it ends in `.gz`.
    """
    trace = record("trace", trace, Trace, "a Trace")
    write_whole(path_of("path", path), encode_trace(trace))
