"""Trace files: JSON or CSV, `.gz` or not, read strictly and written whole or not at all."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from splitfog.instances.arguments import path as path_of
from splitfog.instances.arguments import record
from splitfog.instances.defects import InstanceError
from splitfog.instances.json_files import decode, parse_json, read_bytes, write_whole
from splitfog.instances.traces.bundled import bundled_trace, bundled_traces
from splitfog.instances.traces.csv_form import encode_csv, parse_csv
from splitfog.instances.traces.defects import defects_beside
from splitfog.instances.traces.trace import FORMAT, Trace, TraceFile, encode_trace, named_after

ENDINGS = (".json", ".csv")
"""Of trace files; each may be followed by `.gz`."""


def load_trace(path: str | os.PathLike[str]) -> Trace:
    """The trace in a file, or a bundled one.

    Parameters
    ----------
    path
        Of the file: `.csv` or `.csv.gz`, any other is JSON, `.gz` or not. Or, where there is no
        such file, the name of a bundled trace, such as `norway-bus-1` (see `bundled_traces`), also
        of another link, `norway-bus-1@edge0,cloud`, or of both its ways, `@edge0,cloud,both`.

    Returns
    -------
    Trace
        One of a CSV file is named after it. It has its `meta` only in JSON.

    Raises
    ------
    InstanceError
        Listing every defect of the file by path or line (at most 20).
    """
    given, path = path, path_of("path", path)
    if not path.exists() and (trace := _bundled(str(given))):
        return trace
    content = read_bytes(path)
    if is_csv(path):
        trace = parse_csv(content, path.name, named_after(path))
    else:
        trace = parse_json_trace(content, path.name)
    object.__setattr__(trace, "read_sha256", hashlib.sha256(content).hexdigest())
    return trace


def _bundled(given: str) -> Trace | None:
    """The bundled trace that a text names, as NAME or NAME@FROM,TO; None: it is a path."""
    name, at, ends = given.partition("@")
    if name not in bundled_traces():
        if Path(given).suffix or os.sep in given:
            return None
        known = ", ".join(bundled_traces())
        raise InstanceError(given, [f"no such file, and no bundled trace, which are {known}"])
    trace = bundled_trace(name)
    if not at:
        return trace
    pair = ends.removesuffix(",both").split(",")
    if len(pair) != 2:
        raise InstanceError(given, [f"the link is {ends!r}, must be FROM,TO or FROM,TO,both"])
    return trace.on(
        link=(pair[0], pair[1]), directions="both" if ends.endswith(",both") else "forward"
    )


def parse_json_trace(content: bytes, origin: str) -> Trace:
    """The trace in the (decompressed) bytes of a JSON file; `origin` names it in errors."""
    file = decode(content, TraceFile, origin, defects_beside)
    try:
        return Trace(
            name=file.name,
            duration_s=file.duration_s,
            end=file.end,
            series=file.series,
            meta=file.meta,
        )
    except InstanceError as error:
        raise InstanceError(origin, error.found) from None


def save_trace(trace: Trace, path: str | os.PathLike[str]) -> None:
    """Write a trace file, whole or not at all.

    Parameters
    ----------
    trace
        What is written; its `name` and `meta` only as JSON.
    path
        Of the file: CSV if it ends in `.csv` or `.csv.gz`, else JSON; compressed if it ends in
        `.gz`.
    """
    trace = record("trace", trace, Trace, "a Trace")
    path = path_of("path", path)
    write_whole(path, encode_csv(trace) if is_csv(path) else encode_trace(trace))


def is_trace(path: Path) -> bool:
    """Whether load_trace reads what is there, or bundled: by its name or by what its JSON says."""
    if is_csv(path) or (not path.exists() and str(path).partition("@")[0] in bundled_traces()):
        return True
    if not path.is_file():
        return False
    try:
        data, _ = parse_json(read_bytes(path), path.name)
    except InstanceError:
        return False
    return isinstance(data, dict) and data.get("format") == FORMAT


def is_csv(path: Path) -> bool:
    """Whether a file of that name holds CSV."""
    return path.name.removesuffix(".gz").lower().endswith(".csv")
