"""The plan (docs/plan-file.md): a decision by names, with its cost, bound and status."""

from __future__ import annotations

import os
from collections.abc import Mapping
from math import inf
from typing import Any

import msgspec
import numpy as np

from splitfog.formulations.audit import Audit
from splitfog.formulations.chain import chain_layers
from splitfog.formulations.decision import Decision, Replica, Slice, Stage, TaskDecision
from splitfog.formulations.objective import RATES
from splitfog.formulations.plan_file import FORMAT as FORMAT
from splitfog.formulations.plan_file import (
    NodeEntry,
    PlanFile,
    PlanStage,
    TaskEntry,
)
from splitfog.formulations.plan_file import ProvenOver as ProvenOver
from splitfog.formulations.plan_file import Status as Status
from splitfog.formulations.plan_file import Step as Step
from splitfog.formulations.plan_file import StoppedBy as StoppedBy
from splitfog.instances.arguments import path as path_of
from splitfog.instances.arguments import record, wrong
from splitfog.instances.arrays import frozen
from splitfog.instances.defects import (
    InstanceError,
    as_data,
    shown,
    survives_writing,
    value_defects,
)
from splitfog.instances.instance import Instance
from splitfog.instances.json_files import decode, encode, read_bytes, write_whole, written
from splitfog.instances.read_only import EMPTY
from splitfog.instances.records import Task

OPTIMALITY_GAP = 1e-6


class TaskPlan(TaskEntry, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One task's placement and stages, with its share of the cost in seconds.

    None where something is impossible (no route, a full queue), or where there is no deadline.
    `passes` is None of models that list none, `replicas` under all objectives but `throughput`,
    whose `placement` names for every layer that is held the first node with it.
    """

    compute_s: float
    latency_s: float | None
    transfer_s: float | None
    wait_s: float | None
    deadline_met: bool | None


class NodeLoad(NodeEntry, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A node's busy time for one inference of every task, its rho, weights held and queue.

    `utilisation` is None without rates, `queue` under all objectives but `batch`, `state_bytes`
    where no layer has state.
    """

    busy_s: float
    memory_bytes: float


class Plan(PlanFile, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """An answer to an instance, every figure of it computed.

    Attributes
    ----------
    format, version
        Of the file.
    instance, instance_sha256
        What was solved, by name and by the hash of its file.
    solver, seed
        Who found it, and with which seed; None where no solver made it.
    objective
        What was minimised.
    status : "optimal", "feasible", "infeasible", "unknown" or "error"
        Optimal: proven, to 1e-6 relative. Infeasible: proven that there is no plan.
    stopped_by : "finished", "time limit", "iteration limit", "cycle" or "interrupted"
    reason
        Why `auto` chose, why it is infeasible, why nothing was found; else None.
    value
        Seconds, or executions per second, as the reference cost says; None where there is no cost.
    lower_bound
        Seconds that no plan is below, among those of `proven_over`; None: no bound known.
    upper_bound
        In the place of that the rate that no plan exceeds, under `throughput`.
    gap
        (value - lower_bound) / value, or (upper_bound - value) / upper_bound, 0 if both are 0; None
        without a bound.
    proven_over : "all", "placements", "contiguous", "catalogue" or "given"
        For which plans `status` and `lower_bound` hold: all; those without slices; of these, those
        whose layers on a node are consecutive; those of a solver's stated catalogue; those of given
        subtasks. None where neither proves anything.
    runtime_s
        Seconds that solving took; None where no solver made it.
    progress
        (seconds, value, bound) whenever the best plan of the search became better or its bound
        rose, in seconds since the call; None where there was no plan or no bound by then. The last
        one has the plan's own value and bound. () where no solver made it.
    tasks
        Every task's placement (layer -> node), order, stages and share of the cost; () without a
        plan.
    nodes, links
        Busy seconds, load, memory and bytes, for one inference of every task.
    audit
        What an audit of the game found; None for other solvers.
    """

    instance: str
    instance_sha256: str
    tasks: tuple[TaskPlan, ...]
    nodes: Mapping[str, NodeLoad] = written(EMPTY)
    audit: Audit | None = written(None)


class PlanError(ValueError):
    """A plan does not fit its instance.

    Attributes
    ----------
    defects
        One sentence for each name that is missing in one of the two.
    """

    def __init__(self, defects: list[str]) -> None:
        self.defects = defects
        super().__init__("\n".join(defects))


def load_plan(path: str | os.PathLike[str]) -> PlanFile:
    """What a plan file says; it may say little (`PlanFile`), and nothing of it is checked.

    Parameters
    ----------
    path
        Of the file, `.json` or `.json.gz`.

    Returns
    -------
    PlanFile
        `splitfog.plan(instance, file)` computes the whole plan of it.

    Raises
    ------
    InstanceError
        Listing every defect of the file's form (at most 20).
    """
    path = path_of("path", path)
    file: PlanFile = decode(read_bytes(path), PlanFile, path.name)
    if not isinstance(file.audit, Mapping | None):
        defect = f"audit = {shown(file.audit)}, must be an object or null"
        raise InstanceError(path.name, [defect])
    return file


GivenPlan = PlanFile | Mapping[str, Mapping[str, str]] | str | os.PathLike[str]
"""What public functions take for a plan: one, {task: {layer: node}}, or the path of its file."""


def plan_of(name: str, given: GivenPlan) -> PlanFile | Mapping[str, Mapping[str, str]]:
    """The plan or the placements themselves, or the plan in the file that a path names.

    Raises
    ------
    ValueError
        For anything else; `name` says which argument it is.
    InstanceError
        As `load_plan`.
    """
    if isinstance(given, str | os.PathLike):
        return load_plan(given)
    if isinstance(given, PlanFile):
        _require_well_formed(name, given)
        return given
    if not isinstance(given, Mapping) or not all(isinstance(p, Mapping) for p in given.values()):
        raise wrong(name, given, "a Plan, the path of its file or {task: {layer: node}}")
    for task, places in given.items():
        for layer, node in places.items():
            if not isinstance(node, str):
                raise wrong(f"{name}[{task!r}][{layer!r}]", node, "the name of a node")
    return given


def _require_well_formed(name: str, plan: PlanFile) -> None:
    """Refuse a plan that was made in memory, and of what no file may hold."""
    if survives_writing(plan, type(plan)):
        return
    try:
        data = msgspec.json.decode(msgspec.json.encode(plan))
    except TypeError:  # it holds what no file can
        data = as_data(plan)
    if wrong := value_defects(data, PlanFile, name):
        raise PlanError(wrong)


def save_plan(plan: PlanFile, path: str | os.PathLike[str]) -> None:
    """Write a plan file, whole or not at all.

    Parameters
    ----------
    plan
        As `solve` gives it.
    path
        Of the file; compressed if it ends in `.gz`.
    """
    plan = record("plan", plan, PlanFile, "a Plan")
    write_whole(path_of("path", path), encode_plan(plan))


def encode_plan(plan: PlanFile) -> bytes:
    """What saving a plan writes."""
    return encode(plan)


def gap_of(value: float | None, lower_bound: float | None) -> float | None:
    """(value - bound) / value, 0 if both are 0, None without value or bound.

    Of rates in seconds an execution it is that of the rates: (bound - value) / bound.
    """
    if value is None or lower_bound is None:
        return None
    if value in (0, lower_bound):  # no cost is below 0, whatever a bound's rounding says
        return 0.0
    if value == inf:  # of a rate: nothing flows, and something might
        return 1.0
    return (value - lower_bound) / value


def decision_of(instance: Instance, plan: PlanFile) -> Decision:
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
        if task.name not in entries:
            continue
        entry = entries[task.name]
        if entry.replicas is None:
            tasks.append(_task_decision(instance, task, entry, defects))
        elif plan.objective.name in RATES:
            tasks.append(_replicated(instance, task, entry, defects))
        else:
            defects.append(
                f"task {task.name} has replicas, which only throughput knows, not "
                f"{plan.objective.name}"
            )
    queues = _queues(instance, plan, defects)
    if defects:
        raise PlanError(defects)
    return Decision(tuple(tasks), queues)


def _task_decision(
    instance: Instance, task: Task, entry: TaskEntry, defects: list[str]
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


def _replicated(
    instance: Instance, task: Task, entry: TaskEntry, defects: list[str]
) -> TaskDecision:
    """The ranges of a chain, each on its node; what `placement` says beside them must be so."""
    model, nodes = instance.model_of(task), instance.node_index
    layers, replicas = chain_layers(model), []
    placement = np.full(len(model.layers), nodes.get(task.source or "", 0))
    held: dict[str, list[str]] = {
        layer.name: [task.source or ""] for layer in model.layers if layer.op == "input"
    }
    for position, own in reversed(list(enumerate(entry.replicas or ()))):
        first, end = own.layers
        at = f"task {task.name}: replicas[{position}]"
        if own.node not in nodes:
            defects.append(f"{at}.node = {own.node!r}, which is not a node of the instance")
        elif not first < end <= len(layers):
            rule = f"must be [a, b] with 0 <= a < b <= {len(layers)}"
            defects.append(f"{at}.layers = [{first}, {end}], {rule}")
        else:
            replicas.append(Replica(nodes[own.node], layers[first:end]))
            placement[list(layers[first:end])] = nodes[own.node]
            for layer in layers[first:end]:
                held.setdefault(model.layers[layer].name, []).append(own.node)
    if entry.stages:
        defects.append(f"task {task.name} has replicas and stages, must have one of them")
    defects += [
        f"task {task.name}: layer {layer} is on {node}, which has no replica of it"
        for layer, node in entry.placement.items()
        if node not in held.get(layer, ())
    ]
    return TaskDecision(frozen(placement), replicas=tuple(reversed(replicas)))


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
    instance: Instance, plan: PlanFile, defects: list[str]
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
