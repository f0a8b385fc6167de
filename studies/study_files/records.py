"""What a study file says, key by key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from splitfog.instances.read_only import seal
from splitfog.instances.records import Count, Name, Positive, Size

Names = Annotated[tuple[Name, ...], Meta(min_length=1)]
Seeds = Annotated[tuple[Size, ...], Meta(min_length=1)]
Entries = tuple[dict[str, Any], ...]


class StudyContent(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A comparison as a file describes it: what `compare` takes, and where instances come from.

    Attributes
    ----------
    name
        What it is called; a folder keeps the runs of one name.
    title
        What it shows, in a line.
    run_time
        How long it takes, and where.
    instances
        Each `files`, or a `family` with its options, of which lists are swept.
    solvers, objectives
        Names; None: all, and each instance's own.
    seeds
        Each solver runs with every one.
    options
        By solver its own; one that is a list is swept.
    replays
        Ways of adapting, each entry with how they are replayed; nothing of a study of solvers.
    traces
        What replays go through: `files`, or a `family`, as of instances.
    baseline
        Whose value speed-ups refer to; None: `device-only`, of replays the first way.
    transfers, monotone, pass_name, contiguous, partial
        How objectives count.
    time_limit_s, memory_limit_bytes
        Of each run.
    quick
        Keys of the file that have other values in its quick slice.
    """

    format: Literal["splitfog/study"]
    version: Literal[1]
    name: Name
    title: str = ""
    run_time: str = ""
    instances: Annotated[Entries, Meta(min_length=1)]
    solvers: Names | None = None
    objectives: Names | None = None
    seeds: Seeds = (0,)
    options: dict[str, dict[str, Any]] = field(default_factory=dict)
    replays: Entries = ()
    traces: Entries = ()
    baseline: Name | None = None
    transfers: Name = "once"
    monotone: bool = True
    pass_name: Name | None = field(default=None, name="pass")
    contiguous: Name | None = None
    partial: bool = False
    time_limit_s: Positive | None = None
    memory_limit_bytes: Count | None = None
    quick: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        seal(self, "options", "quick")

    @property
    def how(self) -> Mapping[str, Any]:
        """How its objectives count, by the names of `compare`."""
        names = ("transfers", "monotone", "pass_name", "contiguous", "partial")
        return {name: getattr(self, name) for name in names}
