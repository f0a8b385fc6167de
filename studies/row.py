"""The records that a comparison yields: a frozen row for every run, and how it was run."""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

EVERY = "every solver"
"""Stands for a solver's name where an instance excludes an objective."""


class Row(Struct, frozen=True, kw_only=True):
    """One solver's plan for one instance, objective and seed.

    `value` and `lower_bound` are in seconds, of `throughput` `value` and `upper_bound` per second;
    `proven_over` says for which plans status and bound hold. `gap` is that of `value` to the best
    bound that any solver of the comparison proved, for the same instance and objective, over plans
    of which this is one (a bound for placements says nothing about plans with slices); `speedup` is
    the baseline's value over this one (of `throughput` the other way round), at the same seed. None
    where there is no number. `runtime_s` is the plan's. `file` is where the instance was read from,
    as the path was given; None if it was made in memory.
    """

    instance: str
    objective: str
    solver: str
    seed: int
    status: str
    stopped_by: str | None = None
    value: float | None = None
    lower_bound: float | None = None
    upper_bound: float | None = None
    gap: float | None = None
    speedup: float | None = None
    runtime_s: float | None = None
    reason: str | None = None
    proven_over: str | None = None
    instance_sha256: str | None = None
    file: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Its columns by name."""
        return asdict(self)


class Declined(Struct, frozen=True, kw_only=True):
    """A solver that does not apply to an instance and objective, why, and who does."""

    instance: str
    objective: str
    solver: str
    reason: str

    @property
    def sentence(self) -> str:
        """The reason with the solver's name, for where that stands nowhere else."""
        return (
            self.reason if self.solver == EVERY else f"{self.solver} does not apply: {self.reason}"
        )


class Run(Struct, frozen=True, kw_only=True):
    """What a row's run was given, found, and made with: what it takes to run it again.

    Attributes
    ----------
    options
        JSON of what `solve` was given beside solver, objective and seed, and of the memory limit.
    plan
        JSON of the plan, as in a plan file; None where the solver failed.
    progress
        JSON of the plan's [seconds, value, bound] improvements; None where the solver failed.
    trace
        Of a replay the sha256 of what it goes through; of several traces joined by `+`.
    plugin
        Name and version of the distribution that the solver came with; None for splitfog's own
        and for functions.
    machine
        Name, system, processor and the number of CPUs.
    started_at
        UTC, ISO 8601.
    """

    options: str
    plan: str | None
    progress: str | None
    splitfog_version: str
    plugin: str | None
    machine: str
    started_at: str
    trace: str | None = None


class Result(Row, frozen=True, kw_only=True):
    """A row and its run, side by side: a line of the table `results`."""

    options: str | None = None
    plan: str | None = None
    progress: str | None = None
    splitfog_version: str | None = None
    plugin: str | None = None
    machine: str | None = None
    started_at: str | None = None
    trace: str | None = None
