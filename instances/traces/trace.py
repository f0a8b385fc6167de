"""The trace: how figures of links and nodes change with time (docs/trace-file.md)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct
from msgspec import field as renamed

from splitfog.instances.arguments import as_tuple, plain
from splitfog.instances.defects import InstanceError
from splitfog.instances.json_files import encode
from splitfog.instances.kept import Keeper
from splitfog.instances.read_only import ReadOnly, read_only
from splitfog.instances.records import Name, Positive, changed
from splitfog.instances.traces.defects import own_defects
from splitfog.instances.traces.overview import trace_html, trace_line
from splitfog.instances.traces.records import Directions, End, Key, Series
from splitfog.instances.traces.steps import StepFunction

FORMAT: Literal["splitfog/trace"] = "splitfog/trace"
VERSION: Literal[1] = 1


class TraceFile(Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """The top level of a trace file."""

    format: Literal["splitfog/trace"]
    version: Literal[1]
    name: Name
    duration_s: Positive
    end: End = "repeat"
    series: tuple[Series, ...]
    meta: Mapping[str, Any] = {}
    schema: Any = renamed(name="$schema", default=None)
    """For editors; ignored, and never written."""


@dataclass(frozen=True, kw_only=True)
class Trace(Keeper):
    """Figures of links and nodes as functions of time; those without a series stay as they are.

    Attributes
    ----------
    name
        For readers.
    duration_s
        How long it is; all series begin at 0.
    end : "repeat" or "hold"
        After `duration_s` all begins again, or the last values stay.
    series
        One for every figure that varies, none twice.
    meta
        Free: where the trace comes from.

    Raises
    ------
    InstanceError
        On construction, listing every defect with its path, value and what is allowed.
    """

    name: str
    duration_s: float
    end: End = "repeat"
    series: tuple[Series, ...]
    meta: Mapping[str, Any] = field(default_factory=ReadOnly)
    read_sha256: str | None = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "series", as_tuple(self.series))
        object.__setattr__(self, "end", plain(self.end))
        object.__setattr__(self, "meta", read_only(self.meta))
        given = {each.name: getattr(self, each.name) for each in fields(self) if each.init}
        if defects := own_defects(**given):
            raise InstanceError(str(self.name) or "trace", defects)
        object.__setattr__(self, "duration_s", float(self.duration_s))

    def __repr__(self) -> str:
        return trace_line(self)

    def _repr_html_(self) -> str:
        return trace_html(self)

    def on(
        self,
        link: tuple[str, str] | None = None,
        node: str | None = None,
        directions: Directions | None = None,
    ) -> Trace:
        """The same figures of another link or node, of a trace with one series.

        Parameters
        ----------
        link
            (from, to).
        node
            Its name, in place of a link.
        directions : "both" or "forward"
            Of the link; None: as they are.

        Returns
        -------
        Trace
            A new one, checked, with the same `meta`.

        Raises
        ------
        ValueError
            Where the trace has no series or several.
        InstanceError
            For what no file may hold.
        """
        if len(self.series) != 1:
            raise ValueError(f"trace {self.name} has {len(self.series)} series, must have one")
        ways = self.series[0].directions if directions is None else directions
        series = changed(self.series[0], link=link, node=node, directions=ways)
        return changed(self, series=(series,))

    @cached_property
    def sha256(self) -> str:
        """Hash of the decompressed bytes read, or of what saving this trace as JSON writes."""
        if self.read_sha256 is not None:
            return self.read_sha256
        return hashlib.sha256(encode_trace(self)).hexdigest()

    @cached_property
    def figures(self) -> Mapping[Key, StepFunction]:
        """Every figure that varies as a function of time, by `Series.keys`."""
        found: dict[Key, StepFunction] = {}
        for series in self.series:
            function = StepFunction(series.times_s, series.values, self.duration_s, self.end)
            found |= dict.fromkeys(series.keys, function)
        return ReadOnly(found)


def encode_trace(trace: Trace) -> bytes:
    """What saving a trace as JSON writes (before compression): of equal traces the same."""
    file = TraceFile(
        format=FORMAT,
        version=VERSION,
        name=trace.name,
        duration_s=trace.duration_s,
        end="hold" if trace.end == "hold" else "repeat",
        series=trace.series,
        meta=dict(trace.meta),
    )
    return encode(file)


def named_after(path: Path) -> str:
    """What a trace is called whose file does not say: as the file, without endings."""
    return Path(path.name.removesuffix(".gz")).stem or path.name
