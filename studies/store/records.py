"""What a store notes of the jobs that were asked for, so that it can go on by itself."""

from __future__ import annotations

from typing import Any

from msgspec import Struct


class AskedJob(Struct, frozen=True, kw_only=True):
    """A job that was asked for, under its key.

    Attributes
    ----------
    place
        In the comparison.
    problem
        Of which instance and objective.
    instance_sha256, file
        Of the instance, which is kept by its hash.
    objective
        JSON of how it is counted too.
    solver, options, name, is_function, seed, time_limit_s, memory_limit_bytes
        How it runs: a solver with JSON of its options, and what rows call it; a function cannot be
        had again from its name.
    replay
        JSON of what is replayed, whose traces are kept by their hashes; None of a `solve` call.
    shown, baseline
        Whether its row is one of the table, and what speed-ups refer to.
    splitfog_version
        Whose job it is.
    """

    place: int
    problem: int
    instance_sha256: str
    file: str | None
    objective: str
    solver: str
    options: str
    name: str
    is_function: bool
    seed: int
    time_limit_s: float | None
    memory_limit_bytes: int | None
    shown: bool
    baseline: str
    splitfog_version: str
    replay: str | None = None


class AskedReplay(Struct, frozen=True, kw_only=True):
    """A `ReplayCase`, its traces by their hashes."""

    traces: tuple[str, ...]
    adapt: str
    settings: dict[str, Any]
    vary: dict[str, tuple[float, float]]


class Kept(Struct, frozen=True, kw_only=True):
    """The content of the file of an instance or trace under its hash, of a study under its name."""

    content: str
