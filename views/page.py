"""The HTML page of a picture: the drawing, and the plan in tables; no other file needed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from itertools import groupby
from math import inf

from splitfog.formulations.decision import TaskDecision
from splitfog.formulations.plan import decision_of
from splitfog.formulations.plan_file import NodeEntry, PlanFile, TaskEntry
from splitfog.instances.instance import Instance
from splitfog.instances.readable import html_table, html_text
from splitfog.instances.records import Task
from splitfog.views import style
from splitfog.views.contents import Contents
from splitfog.views.dag.crossings import crossings_of
from splitfog.views.panels.loads import link_name
from splitfog.views.request_times import RequestTimes, stage_heads, stage_rows

_STYLE = """
body { font: 14px/1.4 "DejaVu Sans", Verdana, sans-serif; color: #222; margin: 1.5em; }
figure { margin: 0 0 1em; }
svg { max-width: 100%; height: auto; }
table { border-collapse: collapse; margin: .5em 0 1.5em; }
th, td { padding: .15em .7em; border-bottom: 1px solid #ddd; text-align: left; }
td { font-variant-numeric: tabular-nums; }
summary { font-weight: bold; cursor: pointer; }
"""


def page(contents: Contents, svgs: Iterable[str]) -> str:
    """A page with SVG drawings, and tables of an instance and of its plan if there is one."""
    drawings = "\n".join(f"<figure>{svg[svg.index('<svg') :]}</figure>" for svg in svgs)
    tables = "".join(_tables(contents.instance, contents.plan, contents.requests))
    about = "".join(f"<p>{escape(line)}</p>" for line in contents.lines)
    return document(contents.instance.name, f"{about}\n{drawings}\n{tables}")


def document(title: str, body: str) -> str:
    """A page of HTML that needs no other file: `body` below a title, in our style."""
    title = html_text(title)
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style></head>\n<body><h1>{title}</h1>{body}</body></html>\n"
    )


def _tables(
    instance: Instance, plan: PlanFile | None, requests: Sequence[RequestTimes]
) -> Iterator[str]:
    if plan is not None and plan.tasks:
        yield _table(
            "Placement", ("task", "node", "layers", "first", "last"), _runs(instance, plan)
        )
        for own in requests:
            rows = stage_rows(own, style.in_seconds)
            yield _table(f"Stages of {own.task.name} in order of visit", stage_heads(own), rows)
        crossing = ("task", "tensor", "from", "to", "bytes", "seconds")
        yield _table("Tensors that cross", crossing, _crossings(instance, plan))
        tasks = ("task", "latency", "compute", "transfer", "wait", "deadline met")
        yield _table("Tasks", tasks, [_task_row(task) for task in plan.tasks])
        held = ("weights", "state", "free") if requests else ("weights held",)
        nodes = ("node", "tier", "busy", "utilisation", *held)
        yield _table("Nodes of the plan", nodes, _nodes(instance, plan, bool(requests)))
        links = [
            (link_name(load), style.in_bytes(load.bytes), style.in_seconds(load.busy_s))
            for load in plan.links
        ]
        yield _table("Links of the plan", ("link", "bytes", "busy"), links)
    layers = ("model", "layer", "op", "work", "weights", "output")
    yield _table("Layers", layers, _layers(instance))


def _table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    shown = " open" if len(rows) <= 30 else ""
    return (
        f"<details{shown}><summary>{escape(title)} ({len(rows)})</summary>"
        f"{html_table(heads, rows)}</details>\n"
    )


def _runs(instance: Instance, plan: PlanFile) -> list[tuple[str, ...]]:
    """Runs of layers on one node, in topological order, of every task."""
    rows: list[tuple[str, ...]] = []
    for task in instance.tasks:
        model, placement = instance.model_of(task), plan.placement(task.name)
        names = [model.layers[i].name for i in model.order]
        for node, group in groupby(names, key=placement.__getitem__):
            run = list(group)
            rows.append((task.name, node, str(len(run)), run[0], run[-1]))
    return rows


def _crossings(instance: Instance, plan: PlanFile) -> list[tuple[str, ...]]:
    decisions = decision_of(instance, plan).tasks
    return [
        row
        for task, decision in zip(instance.tasks, decisions, strict=True)
        for row in _task_crossings(instance, task, decision)
    ]


def _task_crossings(
    instance: Instance, task: Task, decision: TaskDecision
) -> list[tuple[str, ...]]:
    layers, nodes = instance.model_of(task).layers, instance.nodes
    return [
        (
            task.name,
            layers[c.tensor].name + (" (result)" if c.result else ""),
            nodes[c.tail].name,
            nodes[c.head].name,
            style.in_bytes(c.num_bytes),
            style.in_seconds(c.seconds) if c.seconds < inf else "no route",
        )
        for c in crossings_of(instance, task, decision)
    ]


def _task_row(task: TaskEntry) -> tuple[str, ...]:
    times = (task.latency_s, task.compute_s, task.transfer_s, task.wait_s)
    met = {None: "", True: "yes", False: "no"}[task.deadline_met]
    return (task.task, *("" if t is None else style.in_seconds(t) for t in times), met)


def _nodes(instance: Instance, plan: PlanFile, apart: bool) -> list[tuple[str, ...]]:
    """What nodes have to do and what they hold; if `apart`, weights, state and what is free."""
    return [
        (
            name,
            instance.nodes[instance.node_index[name]].tier,
            style.in_seconds(load.busy_s or 0.0),
            "" if load.utilisation is None else f"{100 * load.utilisation:.3g} %",
            *(
                _memory(instance, name, load)
                if apart
                else [style.in_bytes(load.memory_bytes or 0.0)]
            ),
        )
        for name, load in plan.nodes.items()
    ]


def _memory(instance: Instance, name: str, load: NodeEntry) -> list[str]:
    held, state = load.memory_bytes or 0.0, load.state_bytes or 0.0
    limit = instance.nodes[instance.node_index[name]].memory_bytes
    free = "no limit" if limit is None else style.in_bytes(limit - held)
    return [style.in_bytes(held - state), style.in_bytes(state), free]


def _layers(instance: Instance) -> list[tuple[str, ...]]:
    return [
        (
            model.name,
            layer.name,
            layer.op,
            style.in_flop(flops),
            style.in_bytes(layer.weight_bytes),
            style.in_bytes(size),
        )
        for model in instance.models
        for layer, flops, size in zip(
            model.layers, model.flops.tolist(), model.output_bytes.tolist(), strict=True
        )
    ]
