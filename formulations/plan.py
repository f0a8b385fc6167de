"""The plan file (SPEC section 4): a decision by names, with its cost, bound and status."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
from msgspec import Struct
from msgspec import field as renamed
from msgspec.structs import force_setattr

from splitfog.formulations.decision import Decision, Slice, Stage, TaskDecision
from splitfog.formulations.objective import Objective
from splitfog.instances.files import decode, encode, read_bytes, write_whole
from splitfog.instances.read_only import read_only, seal
from splitfog.instances.records import Instance, Size, Task, frozen

FORMAT: Literal["splitfog/plan"] = "splitfog/plan"
VERSION: Literal[1] = 1
OPTIMALITY_GAP = 1e-6

Status = Literal["optimal", "feasible", "infeasible", "unknown", "error"]
StoppedBy = Literal["finished", "time limit", "iteration limit", "cycle", "interrupted"]
ProvenOver = Literal["all", "placements", "contiguous", "catalogue", "given"]
"""For which plans a bound and a status hold: all; those without slices; of these, those whose
layers on a node are consecutive; those of a solver's stated catalogue; those of given subtasks."""


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


class TaskPlan(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One task's placement and stages, with its share of the cost in seconds."""

    task: str
    placement: Mapping[str, str]
    order: tuple[str, ...] | None = None
    stages: tuple[PlanStage, ...] = ()
    schedule: PlanSchedule | None = None
    latency_s: float | None = None
    compute_s: float | None = None
    transfer_s: float | None = None
    wait_s: float | None = None
    deadline_met: bool | None = None

    def __post_init__(self) -> None:
        seal(self, "placement")


class NodeLoad(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A node's busy time for one inference of every task, its rho, weights held and queue."""

    busy_s: float | None = None
    utilisation: float | None = None
    memory_bytes: float | None = None
    queue: tuple[tuple[str, int | None, int | None], ...] | None = None


class LinkLoad(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What crosses a directed link in one inference of every task."""

    tail: str = renamed(name="from")
    head: str = renamed(name="to")
    bytes: float
    busy_s: float


class Plan(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An answer to an instance; what a file may leave out is None here.

    `value` and `lower_bound` in seconds, `gap` = (value - lower_bound) / value. `proven_over` says
    for which plans `status` and `lower_bound` hold; None where neither proves anything.
    """

    format: Literal["splitfog/plan"] = FORMAT
    version: Literal[1] = VERSION
    instance: str | None = None
    instance_sha256: str | None = None
    solver: str | None = None
    seed: int | None = None
    objective: Objective
    status: Status | None = None
    stopped_by: StoppedBy | None = None
    reason: str | None = None
    value: float | None = None
    lower_bound: float | None = None
    gap: float | None = None
    proven_over: ProvenOver | None = None
    runtime_s: float | None = None
    tasks: tuple[TaskPlan, ...]
    nodes: Mapping[str, NodeLoad] = {}
    links: tuple[LinkLoad, ...] = ()
    audit: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        seal(self, "nodes")
        force_setattr(self, "audit", read_only(self.audit))

    def __repr__(self) -> str:
        from splitfog.formulations.overview import plan_line

        return plan_line(self)

    def _repr_html_(self) -> str:
        from splitfog.formulations.overview import plan_html

        return plan_html(self)

    def placement(self, task: str) -> dict[str, str]:
        """Layer -> node of a task.

        Raises
        ------
        LookupError
            Naming the tasks of the plan.
        """
        for entry in self.tasks:
            if entry.task == task:
                return dict(entry.placement)
        known = ", ".join(entry.task for entry in self.tasks) or "none: it has no placement"
        raise LookupError(f"no task {task!r} in the plan; its tasks: {known}")


class PlanFile(Plan, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A plan on disk: format and version must be there."""

    format: Literal["splitfog/plan"]
    version: Literal[1]


class PlanError(ValueError):
    """A plan does not fit its instance; `defects` says where."""

    def __init__(self, defects: list[str]) -> None:
        self.defects = defects
        super().__init__("\n".join(defects))


def load_plan(path: str | os.PathLike[str]) -> Plan:
    """The plan in a file; `InstanceError` lists every defect of its form."""
    content = read_bytes(Path(path))
    decode(content, PlanFile, Path(path).name)
    return msgspec.json.decode(content, type=Plan)


def save_plan(plan: Plan, path: str | os.PathLike[str]) -> None:
    """Write a plan file, whole or not at all."""
    write_whole(path, encode_plan(plan))


def encode_plan(plan: Plan) -> bytes:
    """What saving a plan writes."""
    return encode(plan)


def gap_of(value: float | None, lower_bound: float | None) -> float | None:
    """(value - bound) / value, 0 if both are 0, None without value or bound."""
    if value is None or lower_bound is None:
        return None
    if value in (0, lower_bound):  # no cost is below 0, whatever a bound's rounding says
        return 0.0
    return (value - lower_bound) / value


def decision_of(instance: Instance, plan: Plan) -> Decision:
    """The decision a plan describes, by positions.

    Raises
    ------
    PlanError
        Where a task, layer or node of the plan or of the instance is missing in the other.
    """
    entries = {entry.task: entry for entry in plan.tasks}
    names = [task.name for task in instance.tasks]
    defects = [f"task {name} is not in the plan" for name in names if name not in entries]
    defects += [f"task {name} is not in the instance" for name in entries if name not in names]
    if len(entries) < len(plan.tasks):
        defects.append("a task stands twice in the plan")
    tasks = []
    for task in instance.tasks:
        if task.name in entries:
            tasks.append(_task_decision(instance, task, entries[task.name], defects))
    queues = _queues(instance, plan, defects)
    if defects:
        raise PlanError(defects)
    return Decision(tuple(tasks), queues)


def _task_decision(
    instance: Instance, task: Task, entry: TaskPlan, defects: list[str]
) -> TaskDecision:
    at = f"task {task.name}"
    layers, nodes = instance.model_of(task).index, instance.node_index
    defects += [f"{at}: layer {x} is not in the model" for x in entry.placement if x not in layers]
    placement = np.zeros(len(layers), np.int64)
    for name, position in layers.items():
        node = entry.placement.get(name)
        if node is None:
            defects.append(f"{at}: layer {name} has no node")
        elif node not in nodes:
            defects.append(f"{at}: layer {name} is on {node}, which is not a node of the instance")
        else:
            placement[position] = nodes[node]
    stages = tuple(_stage(instance, task, s, i, defects) for i, s in enumerate(entry.stages))
    order = None
    if entry.order is not None:
        defects += [
            f"{at}: order names {x}, which is no layer" for x in entry.order if x not in layers
        ]
        order = tuple(layers[name] for name in entry.order if name in layers)
    return TaskDecision(frozen(placement), order, stages)


def _stage(
    instance: Instance, task: Task, stage: PlanStage, position: int, defects: list[str]
) -> Stage:
    at = f"task {task.name}: stage {position}"
    layers, nodes = instance.model_of(task).index, instance.node_index
    defects += [
        f"{at}: {name} is no layer of the model" for name in stage.layers if name not in layers
    ]
    places = [stage.home, *(piece.node for piece in stage.slices)]
    defects += [
        f"{at}: {name} is not a node of the instance" for name in places if name not in nodes
    ]
    return Stage(
        tuple(layers[name] for name in stage.layers if name in layers),
        nodes.get(stage.home, 0),
        tuple(Slice(nodes.get(s.node, 0), s.rows, s.columns) for s in stage.slices),
    )


def _queues(
    instance: Instance, plan: Plan, defects: list[str]
) -> tuple[tuple[Any, ...], ...] | None:
    if all(load.queue is None for load in plan.nodes.values()):
        return None
    tasks = {task.name: position for position, task in enumerate(instance.tasks)}
    unknown = [name for name in plan.nodes if name not in instance.node_index]
    defects += [f"nodes: {name} is not a node of the instance" for name in unknown]
    queues = []
    for node in instance.nodes:
        queue = plan.nodes[node.name].queue or () if node.name in plan.nodes else ()
        defects += [f"queue of {node.name}: {q[0]} is no task" for q in queue if q[0] not in tasks]
        queues.append(tuple((tasks.get(name, 0), stage, piece) for name, stage, piece in queue))
    return tuple(queues)
