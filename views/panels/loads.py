"""The numbers of a plan as panels: loads of nodes and links, tasks, and what crosses."""

from __future__ import annotations

from math import inf

from splitfog.formulations.plan_file import LinkLoad, NodeEntry, PlanFile, TaskEntry
from splitfog.instances.instance import Instance
from splitfog.instances.records import Task
from splitfog.views import style
from splitfog.views.dag.crossings import Crossing
from splitfog.views.panels.memory import memory_panel
from splitfog.views.panels.panel import MOST_BARS, Bar, BarPanel, Panel, omitted

MOST_CROSSINGS = 12
_LINK = "#9a9a9a"
_WHOLE = "#bfbfbf"
_COMPUTE, _TRANSFER, _WAIT = "#56B4E9", "#E69F00", "#CC79A7"


def load_panels(instance: Instance, plan: PlanFile) -> dict[str, Panel]:
    """Busy time of `nodes` and `links`, and for sums over `tasks` what each is made of.

    With passes also the `memory` of the nodes.
    """
    panels: dict[str, Panel] = {}
    if plan.nodes:
        panels["nodes"] = _node_panel(instance, plan)
    if plan.nodes and any(task.passes for task in plan.tasks):
        panels["memory"] = memory_panel(instance, plan)
    if plan.links:
        panels["links"] = _link_panel(instance, plan)
    if plan.objective.name in ("latency", "mean-latency", "batch"):
        tasks = [task for task in plan.tasks if task.latency_s is not None]
        if tasks:
            panels["tasks"] = _task_panel(tasks)
    return panels


def crossing_panel(instance: Instance, task: Task, crossings: list[Crossing]) -> BarPanel:
    """The tensors of a task that take longest to another node."""
    palette, model = style.Palette(instance), instance.model_of(task)
    known = [c for c in crossings if c.seconds < inf]
    shown = sorted(known, key=lambda c: -c.seconds)[:MOST_CROSSINGS]
    total = style.in_bytes(sum(c.num_bytes for c in crossings))
    bars = [
        Bar(
            f"{model.layers[c.tensor].name} → {instance.nodes[c.head].name}",
            ((c.seconds, palette.nodes[c.head]),),
            style.in_bytes(c.num_bytes) + (" result" if c.result else ""),
        )
        for c in shown
    ]
    of = "" if len(instance.tasks) == 1 else f" in {task.name}"
    title = f"Tensors that cross{of} ({len(crossings)}, {total})"
    more = omitted(len(shown), len(crossings), "tensor")
    return BarPanel(title=title, bars=bars, omitted=more)


def _node_panel(instance: Instance, plan: PlanFile) -> BarPanel:
    palette, index = style.Palette(instance), instance.node_index
    loads = sorted(
        plan.nodes.items(), key=lambda entry: (-(entry[1].busy_s or 0.0), index[entry[0]])
    )
    bars = [
        Bar(
            name,
            ((load.busy_s or 0.0, palette.nodes[index[name]]),),
            _node_note(instance, name, load),
        )
        for name, load in loads[:MOST_BARS]
    ]
    mark_s = plan.value if plan.objective.name == "period" else None
    mark = "" if mark_s is None else f"period {style.in_seconds(mark_s)}"
    more = omitted(len(bars), len(loads), "node")
    title = "Nodes: busy for one inference of every task"
    return BarPanel(title=title, bars=bars, omitted=more, mark_s=mark_s, mark=mark)


def _node_note(instance: Instance, name: str, load: NodeEntry) -> str:
    limit = instance.nodes[instance.node_index[name]].memory_bytes
    parts = []
    if load.utilisation is not None:
        parts.append(f"{100 * load.utilisation:.3g} %")
    if load.memory_bytes:
        of = "" if limit is None else f" of {style.in_bytes(limit)}"
        parts.append(style.in_bytes(load.memory_bytes) + of)
    return " · ".join(parts)


def _link_panel(instance: Instance, plan: PlanFile) -> BarPanel:
    loads = sorted(plan.links, key=lambda load: -load.busy_s)
    bars = [
        Bar(link_name(load), ((load.busy_s, _LINK),), style.in_bytes(load.bytes))
        for load in loads[:MOST_BARS]
    ]
    more = omitted(len(bars), len(loads), "link")
    return BarPanel(title="Links: busy, bytes", bars=bars, omitted=more)


def link_name(load: LinkLoad) -> str:
    """`pi → edge`."""
    return f"{load.tail} → {load.head}"


def _task_panel(tasks: list[TaskEntry]) -> BarPanel:
    shown = sorted(tasks, key=lambda task: -(task.latency_s or 0.0))[:MOST_BARS]
    bars = [Bar(task.task, _task_parts(task), _deadline(task)) for task in shown]
    title = "Tasks: compute (blue), transfer (orange), wait (pink)"
    if any(colour == _WHOLE for bar in bars for _, colour in bar.parts):
        title += ", in one (grey)"
    return BarPanel(title=title, bars=bars, omitted=omitted(len(bars), len(tasks), "task"))


def _task_parts(task: TaskEntry) -> tuple[tuple[float, str], ...]:
    """Compute, transfer and wait; the latency in one piece where they do not add up to it."""
    latency_s = task.latency_s or 0.0
    parts = (task.compute_s or 0.0, task.transfer_s or 0.0, task.wait_s or 0.0)
    if abs(sum(parts) - latency_s) > 1e-6 * latency_s:
        return ((latency_s, _WHOLE),)
    return tuple(zip(parts, (_COMPUTE, _TRANSFER, _WAIT), strict=True))


def _deadline(task: TaskEntry) -> str:
    return {None: "", True: "deadline met", False: "deadline missed"}[task.deadline_met]
