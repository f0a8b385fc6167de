"""`splitfog policy --vary`: a plan table over several figures, made, shown and looked up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from splitfog.commands.policies.look_up import print_placements, status_line
from splitfog.commands.shell import (
    DONE,
    INFEASIBLE,
    INTERRUPTED,
    UNKNOWN,
    amount,
    node_pair,
    number,
    put,
    say,
    seconds,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from splitfog.formulations.parametric.figure import Figure, Key
    from splitfog.formulations.parametric.plan_table import PlanTable
    from splitfog.instances.instance import Instance

VARY = "FROM,TO=LOW..HIGH or NODE=LOW..HIGH"
AT = "FROM,TO=BIT/S or NODE=LOAD"


def varied(instance: Instance, texts: Iterable[str]) -> dict[Key, tuple[float, float]]:
    """What several `--vary` say.

    Raises
    ------
    ValueError
        For another form, and for a figure that is there already.
    """
    found: dict[Key, tuple[float, float]] = {}
    for text in texts:
        name, equals, limits = text.rpartition("=")
        low, dots, high = limits.partition("..")
        if not name or not equals or not dots:
            raise ValueError(f"--vary = {text!r}, must be {VARY}")
        is_node = name in instance.node_index or "," not in name
        key: Key = name if is_node else node_pair(instance, name, "--vary")
        if key in found:
            raise ValueError(f"--vary = {text!r}: {name} varies already")
        ends = (number(end, f"--vary {name}", f"{VARY}: two numbers") for end in (low, high))
        found[key] = tuple(map(float, ends))  # type: ignore[assignment]
    return found


def asked_figures(table: PlanTable, texts: Iterable[str]) -> dict[Key, float]:
    """What several `--at` say, of the figures of a table.

    Raises
    ------
    ValueError, LookupError
        For another form, for a figure that the table does not have, and for one named twice.
    """
    figures = {figure.label: figure for figure in table.figures}
    found: dict[Key, float] = {}
    for text in texts:
        name, equals, figure = text.rpartition("=")
        if not name or not equals:
            raise ValueError(f"--at = {text!r}, must be {AT}")
        if name not in figures:
            known = ", ".join(figures)
            raise LookupError(f"--at = {text!r}: the table is over {known}, not over {name}")
        key = figures[name].key
        if key in found:
            raise ValueError(f"--at = {text!r}: {name} is given already")
        found[key] = float(number(figure, f"--at {name}", f"{AT}: a number"))
    return found


def down_names(table: PlanTable, texts: Iterable[str]) -> list[str | tuple[str, str]]:
    """What several `--down` say: nodes, or links FROM,TO."""
    return [text if text in table.held else _pair(table, text) for text in texts]


def _pair(table: PlanTable, text: str) -> str | tuple[str, str]:
    """A link by the names of its ends, which may hold commas; the text where it is none."""
    parts = text.split(",")
    splits = [(",".join(parts[:at]), ",".join(parts[at:])) for at in range(1, len(parts))]
    known = [pair for pair in splits if set(pair) <= set(table.held)]
    for pair in known or splits:
        return pair
    return text


def show_table(
    table: PlanTable, at: list[str], down: list[str], output: Path | None, as_json: bool
) -> int:
    """Print a table, or its plan where `at` asks for one; the exit code."""
    if at and table.plans:
        _look_up(table, at, down, output, as_json)
    elif as_json:
        put(table.to_json())
    else:
        _print(table)
    if _was_interrupted(table):
        return INTERRUPTED
    if table.plans:
        return DONE
    say(f"splitfog: {table.instance}: {table.status}: {table.reason or 'no reason given'}")
    return INFEASIBLE if table.status == "infeasible" else UNKNOWN


def _was_interrupted(table: PlanTable) -> bool:
    stops = [table.stopped_by, *(failure.stopped_by for failure in table.failures.values())]
    return "interrupted" in stops


def _look_up(
    table: PlanTable, at: list[str], names: list[str], output: Path | None, as_json: bool
) -> None:
    from splitfog.formulations.plan import encode_plan, save_plan

    figures, down = asked_figures(table, at), down_names(table, names) or None
    plan = table.plan_at(figures, down)
    if output is not None:
        save_plan(plan, output)
    if as_json:
        put(encode_plan(plan))
        return
    values = ", ".join(f"{one.label} = {figures[one.key]:.6g}" for one in table.figures)
    without = f" without {', '.join(names)}" if names else ""
    put(f"{table.instance}: {table.objective} at {values}{without}\n")
    put(f"{'value':<9}{seconds(table.value_at(figures, down))}\n")
    put(f"{'plan':<9}{table.plans.index(plan)} of {len(table.plans)}\n")
    bands = table.bands(figures, down)
    for figure in table.figures:
        put(f"{'best':<9}{figure.label} {_span(figure, *bands[figure.key])}, the others as given\n")
    put(f"{'status':<9}of the plans left\n" if down else status_line(table))
    print_placements(plan)


def _span(figure: Figure, low: float, high: float) -> str:
    unit = "" if figure.node is not None else f" {figure.unit}"
    return f"from {low:.6g} to {high:.6g}{unit}"


def _print(table: PlanTable) -> None:
    from rich import box
    from rich.table import Table as Grid

    from splitfog.views.tables import print_grid

    put(f"{table.instance}: {table.objective} over\n")
    for figure in table.figures:
        put(f"         {figure.name}, {_span(figure, figure.low, figure.high)}\n")
    put(status_line(table))
    if table.reason is not None and table.plans:
        put(f"{'reason':<9}{table.reason}\n")
    put(f"oracle   {table.oracle}, asked {table.asked} times in {seconds(table.runtime_s)}\n")
    if not table.plans:
        return
    put(f"parts    {len(table.cells)} within which no route changes\n")
    for line in _memory(table):
        put(f"{line}\n")
    for name, failure in table.failures.items():
        put(f"down     {name}: {failure.status}{_why(failure)}\n")
    put("\n")
    grid = Grid(box=box.SIMPLE_HEAD, show_edge=False)
    for header in ("plan", "best in", "at the file's figures", "layers"):
        grid.add_column(header, justify="left" if header == "layers" else "right")
    for row in table.rows():
        layers = ", ".join(f"{node} {count}" for node, count in row["layers"].items())
        own, share = seconds(row["own_s"]), f"{100 * row['share']:.3g} %"
        grid.add_row(str(row["plan"]), share, own, layers)
    print_grid(grid)


def _why(failure: Any) -> str:
    return f" ({failure.reason})" if failure.reason else ""


def _memory(table: PlanTable) -> list[str]:
    """What the nodes hold where all plans are ready at once."""
    lines = []
    for name, held in table.held.items():
        if held.weight_bytes:
            most = "" if held.memory_bytes is None else f" of {amount(held.memory_bytes)}"
            fits = ": not all at once" if name in table.overfull else ""
            lines.append(f"memory   {name} {amount(held.weight_bytes)}{most} for all plans{fits}")
    return lines
