"""A plan table at a glance, for notebooks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from splitfog.formulations.parametric.figure import Figure
from splitfog.instances.readable import MOST_ROWS, html_table, html_text, in_seconds


def plan_table_html(
    lines: Iterable[str | None],
    figures: Sequence[Figure],
    rows: Iterable[Mapping[str, Any]],
    failures: Sequence[tuple[str, ...]],
    held: Sequence[tuple[str, ...]],
) -> str:
    """Sentences (None: none), what varies, `PlanTable.rows`, and texts on failures and memory."""
    parts = [f"<p>{html_text(line)}</p>" for line in lines if line]
    varied = [(one.name, f"{one.low:g}", f"{one.high:g} {one.unit}") for one in figures]
    tables: tuple[tuple[tuple[str, ...], Sequence[tuple[str, ...]]], ...] = (
        (("varies", "from", "to"), varied),
        (("plan", "best in", "at the instance's figures", "layers"), list(map(_plan, rows))),
        (("while down", "status", "gap"), failures),
        (("node", "holds all plans'", "of"), held),
    )
    parts += [html_table(headers, texts, MOST_ROWS) for headers, texts in tables if texts]
    return "\n".join(["<div>", *parts, "</div>"])


def _plan(row: Mapping[str, Any]) -> tuple[str, ...]:
    layers = ", ".join(f"{node} {count}" for node, count in row["layers"].items())
    return str(row["plan"]), f"{100 * row['share']:.3g} %", in_seconds(row["own_s"]), layers
