"""A plan in a screenful: what it costs, how good it is, what runs where, what is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from splitfog.commands.shell import NO_PLAN, amount, put, seconds
from splitfog.instances.readable import span

if TYPE_CHECKING:
    from rich.table import Table as Grid

    from splitfog.formulations.evaluation.terms import Term
    from splitfog.formulations.plan import NodeLoad, Plan, TaskPlan
    from splitfog.formulations.plan_file import PlanReplica
    from splitfog.instances.instance import Instance
    from splitfog.instances.records import Model
    from splitfog.views.request_times import RequestTimes

MAX_RUNS = 12
MAX_SENT = 12
MAX_TASKS = 20


def print_plan(instance: Instance, plan: Plan) -> None:
    """Print a plan for people on standard output."""
    from splitfog.formulations.evaluation.terms import terms

    lines = head_lines(instance, plan)
    parts = terms(instance, plan) if plan.tasks else ()
    requests = requests_of(instance, plan)
    for entry in plan.tasks[:MAX_TASKS]:
        lines.append(task_line(instance, entry))
        if entry.task in requests:
            lines += request_lines(requests[entry.task])
        else:
            lines += places(instance, entry)
        lines += _sent([part for part in parts if part.task == entry.task])
    lines += more_tasks(plan)
    put("\n".join(lines) + "\n\n")
    print_loads(instance, plan)


def print_loads(instance: Instance, plan: Plan) -> None:
    """Print what nodes and links have to do."""
    from splitfog.views.tables import print_grid

    if plan.nodes:
        print_grid(_nodes(instance, plan))
    if plan.links:
        print_grid(_links(plan))


def requests_of(instance: Instance, plan: Plan) -> dict[str, RequestTimes]:
    """Times of tokens and stages, by task, of the tasks whose models list passes."""
    from splitfog.formulations.plan import decision_of
    from splitfog.views.request_times import request_times

    if not any(entry.passes for entry in plan.tasks):
        return {}
    return {own.task.name: own for own in request_times(instance, decision_of(instance, plan))}


def request_lines(times: RequestTimes) -> list[str]:
    """When a request's tokens come, and what each of its stages does, in order of visit."""
    from splitfog.views import request_times

    lines = [f"  {line}" for line in request_times.request_lines(times, seconds)]
    heads = request_times.stage_heads(times)
    rows = request_times.stage_rows(times, seconds)
    shown = [heads, *rows[:MAX_RUNS]]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    for row in shown:
        cells = [
            cell.ljust(width) if column < 2 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  " + "  ".join(cells))
    return [*lines, *_more_runs(len(rows))]


def more_tasks(plan: Plan) -> list[str]:
    """How many tasks are not told."""
    more = len(plan.tasks) - MAX_TASKS
    return [f"and {more} more tasks (--json shows all)"] if more > 0 else []


def head_lines(instance: Instance, plan: Plan) -> list[str]:
    """What was solved, how good the plan is, and by whom."""
    from splitfog.formulations.overview import bound_words, percent, status_words

    kind = plan.objective.name
    stop = "" if plan.stopped_by in (None, "finished") else f", stopped by {plan.stopped_by}"
    lines = [
        f"{instance.name}: {plan.objective}",
        f"status   {status_words(plan.status or 'unknown', plan.proven_over)}{stop}",
    ]
    if plan.value is not None:
        lines.append(f"value    {told_value(kind, plan.value)}")
    if plan.bound is not None:
        gap = "" if plan.gap is None else f" (gap {percent(plan.gap)})"
        over = bound_words(plan.status, plan.proven_over)
        lines.append(f"bound    {told_value(kind, plan.bound)}{over}{gap}")
    elif plan.value is not None:
        lines.append("bound    none known")
    lines.append(f"solver   {plan.solver}, {seconds(plan.runtime_s)}")
    if plan.reason and plan.status not in NO_PLAN:  # which is said on standard error
        lines.append(f"reason   {plan.reason}")
    return lines


def told_value(objective: str, value: float | None) -> str:
    """A value or a bound: a duration, or how many per second."""
    from splitfog.formulations.objective import RATES

    return f"{value:.6g} per s" if objective in RATES and value is not None else seconds(value)


def task_line(instance: Instance, entry: TaskPlan) -> str:
    """A task's cost and its plain sums, and its deadline if it has one."""
    if entry.replicas is not None:
        nodes = f"{len(entry.replicas)} node{'s' if len(entry.replicas) != 1 else ''}"
        return (
            f"task {entry.task}: layers on {nodes}, busy for {seconds(entry.compute_s)} each time"
        )
    parts = [("compute", entry.compute_s), ("transfer", entry.transfer_s), ("wait", entry.wait_s)]
    split = ", ".join(f"{name} {seconds(part)}" for name, part in parts)
    line = f"task {entry.task}: {seconds(entry.latency_s)} ({split})"
    if entry.deadline_met is None:
        return line
    task = next(task for task in instance.tasks if task.name == entry.task)
    met = "met" if entry.deadline_met else "missed"
    return f"{line}; deadline of {seconds(task.deadline_s)} {met}"


def places(instance: Instance, entry: TaskPlan) -> list[str]:
    """Which layers run where, in lines."""
    runs = placement_runs(instance, entry)
    lines = [*(f"  {run}" for run in runs[:MAX_RUNS]), *_more_runs(len(runs))]
    for stage in entry.stages:
        nodes = ", ".join(dict.fromkeys(piece.node for piece in stage.slices))
        lines.append(
            f"  stage {span(stage.layers)} at {stage.home}: {len(stage.slices)} slices on {nodes}"
        )
    return lines


def _more_runs(count: int) -> list[str]:
    return [f"  and {count - MAX_RUNS} more runs"] if count > MAX_RUNS else []


def placement_runs(instance: Instance, entry: TaskPlan) -> list[str]:
    """`node: first .. last (count)` for each run of layers, in topological order, on one node."""
    task = next(task for task in instance.tasks if task.name == entry.task)
    model = instance.model_of(task)
    if entry.replicas is not None:
        return _replicas(model, entry.replicas)
    names = [model.layers[position].name for position in model.order.tolist()]
    runs = [(node, list(run)) for node, run in groupby(names, key=entry.placement.__getitem__)]
    width = max(len(node) for node, _ in runs)
    return [f"{node:<{width}}  {span(run)}" for node, run in runs]


def _replicas(model: Model, replicas: Sequence[PlanReplica]) -> list[str]:
    """`node: first .. last (count), 9 per s` for each node with a range of layers."""
    from splitfog.formulations.chain import chain_layers

    layers = [model.layers[position].name for position in chain_layers(model)]
    width = max((len(own.node) for own in replicas), default=0)
    return [
        f"{own.node:<{width}}  {span(layers[own.layers[0] : own.layers[1]])}, "
        f"passes {own.flow or 0.0:.6g} per s"
        for own in replicas
    ]


def _sent(parts: Sequence[Term]) -> list[str]:
    """Every tensor that a task sends over a link."""
    sent = [part for part in parts if part.kind == "transfer"]
    lines = [
        f"  send {part.tensor}: {part.tail} -> {part.head}, {amount(part.bytes)}, "
        f"{seconds(part.seconds)}"
        for part in sent[:MAX_SENT]
    ]
    if len(sent) > MAX_SENT:
        lines.append(f"  and {len(sent) - MAX_SENT} more (`splitfog evaluate` names all)")
    return lines


def _nodes(instance: Instance, plan: Plan) -> Grid:
    rated = any(load.utilisation is not None for load in plan.nodes.values())
    layers: dict[str, int] = {}
    for entry in plan.tasks:
        for node in entry.placement.values():
            layers[node] = layers.get(node, 0) + (entry.replicas is None)
        for own in entry.replicas or ():
            layers[own.node] = own.layers[1] - own.layers[0]
    of_passes = any(entry.passes for entry in plan.tasks)
    held = ["weights", "state", "free"] if of_passes else [_held_together(plan)]
    grid = plain_grid("node", ["layers", "busy", *held, *(["utilisation"] if rated else [])])
    for name, load in plan.nodes.items():
        limit = instance.nodes[instance.node_index[name]].memory_bytes
        memory = _apart(load, limit) if of_passes else [_together(load, limit)]
        cells = [str(layers.get(name, 0)), seconds(load.busy_s), *memory]
        grid.add_row(name, *cells, *([_load(load.utilisation)] if rated else []))
    return grid


def _held_together(plan: Plan) -> str:
    has_state = any(load.state_bytes is not None for load in plan.nodes.values())
    return "weights, state" if has_state else "weights"


def _together(load: NodeLoad, limit: float | None) -> str:
    """What a node holds, of its limit."""
    return amount(load.memory_bytes) + ("" if limit is None else f" of {amount(limit)}")


def _apart(load: NodeLoad, limit: float | None) -> list[str]:
    """Weights, state and what is free."""
    state = load.state_bytes or 0.0
    held = [amount(load.memory_bytes - state), amount(state)]
    if limit is None:
        return [*held, "no limit"]
    free = limit - load.memory_bytes
    return [*held, amount(free) if free >= 0 else f"{amount(-free)} too much"]


def _load(utilisation: float | None) -> str:
    return "-" if utilisation is None else f"{100 * utilisation:.3g} %"


def _links(plan: Plan) -> Grid:
    grid = plain_grid("link", ["carries", "busy"])
    for link in plan.links:
        grid.add_row(f"{link.tail} -> {link.head}", amount(link.bytes), seconds(link.busy_s))
    return grid


def plain_grid(first: str, others: Sequence[str]) -> Grid:
    """An empty table with its headers, all columns but the first to the right."""
    from rich import box
    from rich.table import Table as Grid

    grid = Grid(box=box.SIMPLE_HEAD, show_edge=False)
    grid.add_column(first)
    for header in others:
        grid.add_column(header, justify="right")
    return grid
