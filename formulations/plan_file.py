"""What a plan file may say (docs/plan-file.md): claims by names, of which most can be left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

from msgspec import Struct
from msgspec import field as renamed
from msgspec.structs import force_setattr

from splitfog.formulations.objective import RATES, Objective
from splitfog.instances.json_files import written
from splitfog.instances.read_only import EMPTY, read_only, seal
from splitfog.instances.records import Size, changed

FORMAT: Literal["splitfog/plan"] = "splitfog/plan"
VERSION: Literal[1] = 1

Status = Literal["optimal", "feasible", "infeasible", "unknown", "error"]
StoppedBy = Literal["finished", "time limit", "iteration limit", "cycle", "interrupted"]
ProvenOver = Literal["all", "placements", "contiguous", "catalogue", "given"]
"""For which plans a bound and a status hold: all; those without slices; of these, those whose
layers on a node are consecutive; those of a solver's stated catalogue; those of given subtasks."""


Step = tuple[float, float | None, float | None]
"""[seconds, value, bound]: how good a search's best plan was by then, and its bound."""


class PlanSlice(Struct, frozen=True, forbid_unknown_fields=True):
    """A slice of a stage, by the node's name."""

    node: str
    rows: tuple[Size, Size]
    columns: tuple[Size, Size]


class PlanStage(Struct, frozen=True, forbid_unknown_fields=True):
    """A stage, by names."""

    layers: tuple[str, ...]
    home: str
    slices: tuple[PlanSlice, ...]


class PlanSchedule(Struct, frozen=True, forbid_unknown_fields=True):
    """When layers run and tensors travel: [start_s, end_s], [tensor, from, to, start_s, end_s]."""

    layers: Mapping[str, tuple[float, float]]
    transfers: tuple[tuple[str, str, str, float, float], ...]

    def __post_init__(self) -> None:
        seal(self, "layers")


class PassEntry(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How often a request makes a pass of a task's model, and the seconds of one execution."""

    count: int | None = None
    latency_s: float | None = None


class PlanReplica(
    Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True
):
    """A node that holds a range [first, end) of a chain's layers, its input left out.

    `flow`: how many executions per second pass it, in one of the largest flows.
    """

    node: str
    layers: tuple[Size, Size]
    flow: float | None = None


class TaskEntry(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """One task's placement and stages, with the figures that the file gives, in seconds.

    `passes`: only of models that list some. `replicas`: only under `throughput`, where a placement
    may be left out beside them.
    """

    task: str
    placement: Mapping[str, str] = written(EMPTY)
    order: tuple[str, ...] | None = written(None)
    stages: tuple[PlanStage, ...] = written(())
    schedule: PlanSchedule | None = written(None)
    latency_s: float | None = written(None)
    compute_s: float | None = written(None)
    transfer_s: float | None = written(None)
    wait_s: float | None = written(None)
    deadline_met: bool | None = written(None)
    passes: Mapping[str, PassEntry] | None = None
    replicas: tuple[PlanReplica, ...] | None = None

    def __post_init__(self) -> None:
        seal(self, "placement", "passes")


class NodeEntry(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """A node's busy time for one inference of every task, its rho, weights held and queue.

    `memory_bytes` is all that it holds, `state_bytes` the state in it, where layers have any.
    """

    busy_s: float | None = written(None)
    utilisation: float | None = written(None)
    memory_bytes: float | None = written(None)
    queue: tuple[tuple[str, int | None, int | None], ...] | None = written(None)
    state_bytes: float | None = None


class LinkLoad(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What crosses a directed link in one inference of every task."""

    tail: str = renamed(name="from")
    head: str = renamed(name="to")
    bytes: float
    busy_s: float


class PlanFile(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What a plan file, or a plan by hand, says: an objective, placements, and any of the rest.

    What is left out is None or empty, and what is there is a claim, to be held to the truth
    (`verify`). `splitfog.plan(instance, file)` computes the `Plan` of its placements; a `Plan` is
    a file that leaves nothing out.

    Attributes
    ----------
    format, version
        Of the file.
    instance, instance_sha256
        What was solved, by name and by the hash of its file.
    solver, seed, runtime_s
        Who found it, with which seed and in how many seconds.
    objective
        What was minimised.
    status, stopped_by, reason
        What is claimed of it, and why, as in `Plan`.
    value, lower_bound, upper_bound, gap, proven_over
        Seconds or a rate, the bound and for which plans it holds, as in `Plan`.
    tasks
        Every task's placement, and what else is said of it.
    progress
        How the search got on, as in `Plan`.
    nodes, links
        Their loads, where given.
    audit
        Figures by name, of whatever kind stands there.
    """

    format: Literal["splitfog/plan"] = written(FORMAT)
    version: Literal[1] = written(VERSION)
    instance: str | None = written(None)
    instance_sha256: str | None = written(None)
    solver: str | None = written(None)
    seed: int | None = written(None)
    objective: Objective
    status: Status | None = written(None)
    stopped_by: StoppedBy | None = written(None)
    reason: str | None = written(None)
    value: float | None = written(None)
    lower_bound: float | None = written(None)
    upper_bound: float | None = None
    gap: float | None = written(None)
    proven_over: ProvenOver | None = written(None)
    runtime_s: float | None = written(None)
    progress: tuple[Step, ...] = written(())
    tasks: tuple[TaskEntry, ...]
    nodes: Mapping[str, NodeEntry] = written(EMPTY)
    links: tuple[LinkLoad, ...] = written(())
    audit: Any = written(None)

    def __post_init__(self) -> None:
        seal(self, "nodes")
        force_setattr(self, "audit", read_only(self.audit))

    def __repr__(self) -> str:
        from splitfog.formulations.overview import plan_line

        return plan_line(self)

    def _repr_html_(self) -> str:
        from splitfog.formulations.overview import plan_html

        return plan_html(self)

    @property
    def bound(self) -> float | None:
        """The lower bound, or under `throughput` the upper one."""
        return self.upper_bound if self.objective.name in RATES else self.lower_bound

    def without_times(self) -> Self:
        """The same plan without what the clock said, so that two runs can be compared.

        Returns
        -------
        PlanFile
            Of the same type; `runtime_s` is None and `progress` empty.
        """
        return changed(self, runtime_s=None, progress=())

    def placement(self, task: str) -> dict[str, str]:
        """Where a task's layers run.

        Parameters
        ----------
        task
            Its name.

        Returns
        -------
        dict
            Layer -> node, by names.

        Raises
        ------
        LookupError
            Naming the tasks of the plan.
        """
        for entry in self.tasks:
            if isinstance(task, str) and entry.task == task:
                return dict(entry.placement)
        known = ", ".join(entry.task for entry in self.tasks) or "none: it has no placement"
        raise LookupError(f"no task {task!r} in the plan; its tasks: {known}")
