"""A Pareto front: plans of which none is better in everything, and its file."""

from __future__ import annotations

import os
from typing import Any, Literal

from msgspec import Struct

from splitfog.formulations.objective import OBJECTIVES, Contiguous, Objective
from splitfog.formulations.plan_file import PlanFile, TaskEntry
from splitfog.instances.arguments import path as path_of
from splitfog.instances.arguments import record, whole
from splitfog.instances.defects import InstanceError
from splitfog.instances.json_files import decode, encode, read_bytes, write_whole, written
from splitfog.instances.readable import counted, printable
from splitfog.instances.records import NonNegative

FORMAT: Literal["splitfog/front"] = "splitfog/front"
VERSION: Literal[1] = 1

FrontKind = Literal["exact", "supported", "archive"]


class FrontPoint(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A plan's values in the order of the front's objectives, and its placements (and order)."""

    values: tuple[NonNegative, ...]
    tasks: tuple[TaskEntry, ...]


class Front(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Plans none of which is at least as good as another in every objective.

    Attributes
    ----------
    format, version
        Of the file.
    instance, instance_sha256
        What was solved, by name and by the hash of its file.
    objectives
        Costs in seconds (`latency:PASS` of one execution of a pass), `memory:NODE` and
        `bytes:FROM,TO` in bytes.
    transfers, monotone, contiguous
        As in `Objective`.
    kind : "exact", "supported" or "archive"
        Every such combination of values that there is (up to a stated resolution); only those on
        the lower convex hull, proven; the best of what a search saw, without a proof.
    method
        What found it, in words.
    status : "feasible", "infeasible" or "unknown"
        Without points: whether it is proven that there are none.
    stopped_by : "finished", "time limit" or "interrupted"
    reason
        Why there are no points, or not what was asked for; else None.
    proven_over : "placements" or "contiguous"
        Which placements the kind speaks of: all that are allowed, or contiguous ones, where not
        only these were asked for.
    seed
        Of the search.
    runtime_s
        Seconds that it took.
    points
        By rising first value: `values` in the order of `objectives`, and the placements (`tasks`).
    """

    format: Literal["splitfog/front"] = written(FORMAT)
    version: Literal[1] = written(VERSION)
    instance: str
    instance_sha256: str
    objectives: tuple[str, ...]
    transfers: Literal["once", "per-edge"] = written("once")
    monotone: bool = written(True)
    contiguous: Contiguous | None = None
    kind: FrontKind
    method: str
    status: Literal["feasible", "infeasible", "unknown"]
    stopped_by: Literal["finished", "time limit", "interrupted"] = written("finished")
    reason: str | None = written(None)
    proven_over: Literal["placements", "contiguous"] = "placements"
    seed: int = written(0)
    runtime_s: float | None = written(None)
    points: tuple[FrontPoint, ...] = written(())

    def __repr__(self) -> str:
        names, points = " x ".join(self.objectives), counted(len(self.points), "point")
        return f"<Front of {printable(self.instance)}: {names}, {points}, {self.kind}>"

    def plan(self, position: int) -> PlanFile:
        """The placements of a point, under the first objective that is a cost (else `latency`).

        Parameters
        ----------
        position
            Of the point.

        Returns
        -------
        PlanFile
            Placements alone; `splitfog.plan` gives them their figures.

        Raises
        ------
        ValueError
            For a position where there is no point.
        """
        position = whole("position", position, low=0, high=len(self.points) - 1)
        parts = [name.partition(":") for name in self.objectives]
        costs = [(kind, name or None) for kind, _, name in parts if kind in OBJECTIVES]
        kind, pass_name = costs[0] if costs else ("latency", None)
        objective = Objective(kind, self.transfers, self.monotone, pass_name, self.contiguous)  # type: ignore[arg-type]
        tasks = self.points[position].tasks
        return PlanFile(instance=self.instance, objective=objective, tasks=tasks)

    def rows(self) -> list[dict[str, float]]:
        """One row a point.

        Returns
        -------
        list of dict
            Objective -> value, in seconds or bytes.
        """
        return [dict(zip(self.objectives, point.values, strict=True)) for point in self.points]

    def to_json(self) -> bytes:
        """What saving writes.

        Returns
        -------
        bytes
        """
        return encode(self)


class FrontFile(Front, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A front on disk: format and version must be there."""

    format: Literal["splitfog/front"]
    version: Literal[1]


def save_front(front: Front, path: str | os.PathLike[str]) -> None:
    """Write a front file, whole or not at all.

    Parameters
    ----------
    front
        As `pareto` gives it.
    path
        Of the file; compressed if it ends in `.gz`.
    """
    front = record("front", front, Front, "a Front")
    write_whole(path_of("path", path), front.to_json())


def load_front(path: str | os.PathLike[str]) -> Front:
    """The front in a file.

    Parameters
    ----------
    path
        Of the file, `.json` or `.json.gz`.

    Returns
    -------
    Front

    Raises
    ------
    InstanceError
        Listing every defect of the file's form (at most 20).
    """
    path = path_of("path", path)
    origin = path.name
    file: FrontFile = decode(read_bytes(path), FrontFile, origin)
    defects = [
        f"points[{at}].values = {len(point.values)} numbers, must be {len(file.objectives)}"
        for at, point in enumerate(file.points)
        if len(point.values) != len(file.objectives)
    ]
    if defects:
        raise InstanceError(origin, defects)
    fields: dict[str, Any] = {name: getattr(file, name) for name in Front.__struct_fields__}
    return Front(**fields)
