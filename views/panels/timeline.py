"""When nodes compute and links send: the schedule of `makespan`, or the sum of `latency`."""

from __future__ import annotations

from math import inf

from splitfog.formulations.costs.ledger import hops, request_time
from splitfog.formulations.decision import TaskDecision
from splitfog.formulations.plan_file import PlanFile, PlanSchedule
from splitfog.instances.instance import Instance
from splitfog.instances.readable import counted
from splitfog.instances.records import Task
from splitfog.views import style
from splitfog.views.panels.panel import Span, TimelinePanel

MOST_ROWS = 20

Rows = dict[str, list[Span]]


def timeline_panel(
    instance: Instance, plan: PlanFile, decision: TaskDecision
) -> TimelinePanel | None:
    """The timeline of a plan of one unsliced task under `makespan` or `latency`, else None.

    Under `latency` nothing overlaps: every layer and every transfer stands after the one before,
    and the end is the plan's value.
    """
    if len(instance.tasks) != 1 or decision.stages:
        return None
    (task,), (entry,) = instance.tasks, plan.tasks
    if plan.objective.name == "makespan" and entry.schedule is not None:
        return _panel("Timeline", _scheduled(instance, task, decision, entry.schedule))
    if plan.objective.name == "latency" and plan.value is not None:
        rows = _one_after_another(instance, task, decision, plan.objective.transfers)
        return _panel("Timeline: layers and transfers one after another, as latency counts", rows)
    return None


def _panel(title: str, rows: Rows) -> TimelinePanel:
    used = [(label, spans) for label, spans in rows.items() if spans]
    more = len(used) - MOST_ROWS
    return TimelinePanel(
        title, used[:MOST_ROWS], f"and {counted(more, 'more row')}" if more > 0 else ""
    )


def _empty(instance: Instance) -> Rows:
    """Rows of all nodes, then of all directed links."""
    names = [node.name for node in instance.nodes]
    links = [f"{names[link.tail]} → {names[link.head]}" for link in instance.directed_links]
    return {label: [] for label in [*names, *links]}


def _scheduled(
    instance: Instance, task: Task, decision: TaskDecision, schedule: PlanSchedule
) -> Rows:
    palette, index = style.Palette(instance), instance.model_of(task).index
    rows = _empty(instance)
    for name, (start, end) in schedule.layers.items():
        node = int(decision.placement[index[name]])
        rows[instance.nodes[node].name].append(Span(start, end, palette.nodes[node], name))
    for tensor, tail, head, start, end in schedule.transfers:
        colour = palette.nodes[instance.node_index[tail]]
        rows[f"{tail} → {head}"].append(Span(start, end, colour, tensor))
    return rows


def _one_after_another(
    instance: Instance, task: Task, decision: TaskDecision, transfers: str
) -> Rows:
    palette, model = style.Palette(instance), instance.model_of(task)
    rows = _empty(instance)
    crossed: dict[int, list[int]] = {}
    for tensor, link in hops(instance, task, decision, transfers):
        if link is None:
            return {}
        crossed.setdefault(tensor, []).append(link)
    now = 0.0
    for i in model.order.tolist():
        layer, node = model.layers[i], int(decision.placement[i])
        steps = [(instance.nodes[node].name, node, request_time(model, i, instance.nodes[node]))]
        for position in crossed.get(i, ()):
            way = instance.directed_links[position]
            ends = f"{instance.nodes[way.tail].name} → {instance.nodes[way.head].name}"
            steps.append(
                (ends, way.tail, way.seconds(float(model.output_bytes[i]), float(model.sends[i])))
            )
        for label, colour, seconds in steps:
            if 0 < seconds < inf:
                rows[label].append(Span(now, now + seconds, palette.nodes[colour], layer.name))
                now += seconds
    return rows
