"""A plan table at a glance, for notebooks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from splitfog.formulations.overview import percent, status_words
from splitfog.instances.readable import MOST_ROWS, html_table, html_text, in_bytes, in_seconds

if TYPE_CHECKING:
    from splitfog.formulations.parametric.plan_table import PlanTable


def plan_table_html(table: PlanTable) -> str:
    """What varies, every plan with how much of the box is its own, failures and memory."""
    status = f"{status_words(table.status, 'placements')}, gap {percent(table.gap)}"
    parts = [f"<p>{html_text(repr(table).strip('<>'))}; {html_text(status)}</p>"]
    if table.reason:
        parts.append(f"<p>{html_text(table.reason)}</p>")
    tables = (
        (("varies", "from", "to"), _figures(table)),
        (("plan", "best in", "at the instance's figures", "layers"), _plans(table)),
        (("while down", "status", "gap"), _failures(table)),
        (("node", "holds all plans'", "of"), _held(table)),
    )
    parts += [html_table(headers, rows, MOST_ROWS) for headers, rows in tables if rows]
    return "\n".join(["<div>", *parts, "</div>"])


def _figures(table: PlanTable) -> list[tuple[str, ...]]:
    return [
        (figure.name, f"{figure.low:g}", f"{figure.high:g} {figure.unit}")
        for figure in table.figures
    ]


def _plans(table: PlanTable) -> list[tuple[str, ...]]:
    return [
        (
            str(row["plan"]),
            f"{100 * row['share']:.3g} %",
            in_seconds(row["own_s"]),
            ", ".join(f"{node} {count}" for node, count in row["layers"].items()),
        )
        for row in table.rows()
    ]


def _failures(table: PlanTable) -> list[tuple[str, ...]]:
    return [
        (name, failure.reason or failure.status, percent(failure.gap))
        for name, failure in table.failures.items()
    ]


def _held(table: PlanTable) -> list[tuple[str, ...]]:
    return [
        (
            name,
            in_bytes(held.weight_bytes),
            "" if held.memory_bytes is None else in_bytes(held.memory_bytes),
        )
        for name, held in table.held.items()
        if held.weight_bytes
    ]
