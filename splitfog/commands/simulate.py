"""`splitfog simulate`: how long simulated requests take under a plan, beside the formula."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from splitfog.commands.shell import DONE, put, put_json, seconds
from splitfog.formulations.tolerances import EQUAL

if TYPE_CHECKING:
    from splitfog.deployment.simulation.simulation import Estimate, Latencies, Simulation

MAX_ROWS = 30

EXAMPLES = ("splitfog simulate fog.json fog-plan.json --requests 20000",)


def run(
    instance: Annotated[Path, typer.Argument(metavar="INSTANCE", help="instance file, with rates")],
    plan: Annotated[Path, typer.Argument(metavar="PLAN", help="plan file")],
    requests: Annotated[
        int,
        typer.Option(
            min=20, metavar="N", help="how many arrive in all; the first 10 % are dropped"
        ),
    ] = 100_000,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="of the arrivals")] = 0,
    as_json: Annotated[
        bool, typer.Option("--json", help="all figures on standard output, in seconds")
    ] = False,
) -> int:
    """Simulate a plan's streams of requests, event by event.

    Nodes serve first come first served; mean and tail latencies are shown with their 95 %
    confidence intervals beside the formula of `mean-latency`, task by task.

    --json: requests, dropped, seed, exact (every task makes one visit, so the formula is), overall
    and tasks, each with requests, formula_s, mean, p50, p95 and p99 as {value_s, half_width_s}.
    """
    from splitfog.deployment.simulation.simulation import simulate
    from splitfog.formulations.plan import load_plan
    from splitfog.instances.files import load_instance

    given, problem = load_plan(plan), load_instance(instance)
    found = simulate(problem, given, requests=requests, seed=seed)
    if as_json:
        put_json(found)
    else:
        put(_table(found))
    return DONE


def _table(found: Simulation) -> str:
    rows = [["task", "requests", "formula", "simulated mean", "p50", "p95", "p99"]]
    rows += [_row(part) for part in (found.overall, *found.tasks[:MAX_ROWS])]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows
    ]
    if len(found.tasks) > MAX_ROWS:
        lines.append(f"and {len(found.tasks) - MAX_ROWS} more tasks (--json shows all)")
    lines.append(_verdict(found))
    lines.append(f"{found.requests} requests, the first {found.dropped} dropped; +- is 95 %")
    return "\n".join(lines) + "\n"


def _row(part: Latencies) -> list[str]:
    name = "all" if part.task is None else part.task
    estimates = [_text(estimate) for estimate in (part.mean, part.p50, part.p95, part.p99)]
    return [name, str(part.requests), seconds(part.formula_s), *estimates]


def _text(estimate: Estimate | None) -> str:
    if estimate is None:
        return "-"
    value, half_width = estimate.value_s, estimate.half_width_s
    if half_width is None:
        return seconds(value)
    return f"{seconds(value)} +- {seconds(half_width if half_width > EQUAL * value else 0.0)}"


def _verdict(found: Simulation) -> str:
    part = found.overall
    off = part.half_widths_off
    if part.mean is None or off is None:
        return "too few requests for an interval"
    share = 100 * (part.mean.value_s / part.formula_s - 1) if part.formula_s > 0 else 0.0
    kind = (
        "exact here: every task makes one visit"
        if found.exact
        else "an approximation here: some task makes several visits"
    )
    return f"simulated {share:+.2f} % off the formula, {off:.2g} half-widths; it is {kind}"
