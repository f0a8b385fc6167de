"""A plan at a glance: in a line, and as the tables of a notebook."""

from __future__ import annotations

from itertools import groupby

from splitfog.formulations.objective import RATES
from splitfog.formulations.phases import first_token_s, next_token_s
from splitfog.formulations.plan import OPTIMALITY_GAP
from splitfog.formulations.plan_file import NodeEntry, PlanFile, TaskEntry
from splitfog.instances.readable import (
    MOST_ROWS,
    counted,
    html_table,
    html_text,
    in_bytes,
    in_seconds,
    printable,
)

SETTLED = ("optimal", "infeasible")
"""What a status proves by itself."""


def plan_line(plan: PlanFile) -> str:
    """`<Plan for alexnet-4g by hpa: latency 131 ms, feasible, gap 6.10 % over placements>`."""
    instance = f" for {plan.instance}" if plan.instance else ""
    solver = f" by {plan.solver}" if plan.solver else ""
    cost = str(plan.objective)
    if plan.value is not None:
        cost += f" {value_text(plan.objective.name, plan.value)}"
    parts = [cost, *proven(plan)]
    return f"<Plan{printable(instance + solver)}: {', '.join(parts)}>"


def value_text(objective: str, value: float) -> str:
    """A value or a bound in the unit that suits it: `131 ms`, of a rate `9 per s`."""
    return f"{value:.6g} per s" if objective in RATES else in_seconds(value)


def proven(plan: PlanFile) -> list[str]:
    """Status and gap, and over which plans: `optimal over placements`, `gap 0 %`."""
    status = [] if plan.status is None else [status_words(plan.status, plan.proven_over)]
    if plan.gap is None:
        return status
    return [*status, f"gap {percent(plan.gap)}{bound_words(plan.status, plan.proven_over)}"]


def status_words(status: str, over: str | None) -> str:
    """A status, and over which plans it is a proof if not over all: `optimal over placements`."""
    return status + _over(over) if status in SETTLED else status


def bound_words(status: str | None, over: str | None) -> str:
    """` over placements`, to stand behind a bound or gap; nothing where the status says it."""
    return "" if status in SETTLED else _over(over)


def _over(over: str | None) -> str:
    return "" if over in (None, "all") else f" over {over}"


def percent(gap: float | None) -> str:
    """A gap in per cent: 0 where it counts as proven, never 0.00 where it does not."""
    if gap is None:
        return "-"
    if gap <= OPTIMALITY_GAP:
        return "0 %"
    return f"{100 * gap:.2f} %" if gap >= 5e-5 else "< 0.01 %"


def plan_html(plan: PlanFile) -> str:
    """What a plan claims, its tasks with where their layers are, its nodes and links."""
    parts = [f"<p>{html_text(plan_line(plan).strip('<>'))}</p>"]
    if plan.reason:
        parts.append(f"<p>{html_text(plan.reason)}</p>")
    of_passes = any(task.passes for task in plan.tasks)
    tokens, state = (("TTFT", "TPOT"), ("state",)) if of_passes else ((), ())
    tables = (
        (
            ("task", "layers on", "stages", "latency", "compute", "transfer", "wait", *tokens),
            [(*_task_row(task), *(_token_times(task) if tokens else ())) for task in plan.tasks],
        ),
        (
            ("node", "busy", "weights held", *state),
            [
                (name, _seconds(load.busy_s), *_memory(load, bool(state)))
                for name, load in plan.nodes.items()
            ],
        ),
        (
            ("from", "to", "bytes", "busy"),
            [
                (load.tail, load.head, in_bytes(load.bytes), _seconds(load.busy_s))
                for load in plan.links
            ],
        ),
    )
    parts += [html_table(headers, rows, MOST_ROWS) for headers, rows in tables if rows]
    return "\n".join(["<div>", *parts, "</div>"])


def _task_row(task: TaskEntry) -> tuple[str, ...]:
    runs = [f"{node} ({len(list(run))})" for node, run in groupby(task.placement.values())]
    shown = runs if len(runs) <= 8 else [*runs[:7], f"and {counted(len(runs) - 7, 'more run')}"]
    times = (task.latency_s, task.compute_s, task.transfer_s, task.wait_s)
    return (task.task, " → ".join(shown), str(len(task.stages)), *map(_seconds, times))


def _token_times(task: TaskEntry) -> tuple[str, str]:
    return _seconds(first_token_s(task)), _seconds(next_token_s(task))


def _memory(load: NodeEntry, apart: bool) -> tuple[str, ...]:
    """What a node holds; with the state `apart`, weights and state."""
    if not apart:
        return (_bytes(load.memory_bytes),)
    weights = None if load.memory_bytes is None else load.memory_bytes - (load.state_bytes or 0.0)
    return _bytes(weights), _bytes(load.state_bytes)


def _seconds(value: float | None) -> str:
    return "" if value is None else in_seconds(value)


def _bytes(value: float | None) -> str:
    return "" if value is None else in_bytes(value)
