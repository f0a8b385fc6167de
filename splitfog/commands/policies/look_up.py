"""What `splitfog policy --at` says: the plan of a policy at one bandwidth or speed."""

from __future__ import annotations

from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

from splitfog.commands.shell import node_pair, number, put, seconds

if TYPE_CHECKING:
    from splitfog.formulations.parametric.plan_table import PlanTable
    from splitfog.formulations.parametric.policy_table import Policy
    from splitfog.formulations.plan_file import PlanFile
    from splitfog.instances.instance import Instance

FORM = "FROM,TO=BIT/S or NODE=FLOP/S"
SPAN = 2.0
"""Without a range the policy goes from the value / SPAN to the value x SPAN."""
MOST_TASKS, WIDTH = 20, 80


def what_and_value(text: str) -> tuple[str, float]:
    """The link or node that `--at` names, and its bandwidth or speed.

    Raises
    ------
    ValueError
        For another form, and for what is no number above 0.
    """
    name, equals, figure = text.rpartition("=")
    if not name or not equals:
        raise ValueError(f"--at = {text!r}, must be {FORM}")
    value = float(number(figure, f"--at {name}", f"{FORM}: a number > 0"))
    if not value > 0:
        raise ValueError(f"--at = {text!r}, must be {FORM}: a number > 0")
    return name, value


def range_around(instance: Instance, at: str) -> dict[str, Any]:
    """What varies and how far, as `--at` alone says: near the value that it asks for."""
    name, value = what_and_value(at)
    low, high = value / SPAN, value * SPAN
    if name in instance.node_index or "," not in name:
        return {"node": name, "low_flops": low, "high_flops": high}
    return {"link": node_pair(instance, name, "--at"), "low_bps": low, "high_bps": high}


def policy_in(path: Path) -> Policy | PlanTable | None:
    """The policy or plan table in a file; None where it is an instance's, or none at all."""
    from splitfog.formulations.parametric.policy_file import FORMAT, load_policy
    from splitfog.instances.json_files import parse_json, read_bytes

    data, _ = parse_json(read_bytes(path), path.name)
    is_policy = isinstance(data, dict) and data.get("format") == FORMAT
    return load_policy(path) if is_policy else None


def value_of(found: Policy, at: str) -> float:
    """The value that `--at` asks for, of what the policy is over.

    Raises
    ------
    ValueError
        Where it names something else.
    """
    name, value = what_and_value(at)
    own = found.node if found.link is None else ",".join(found.link)
    if name != own:
        raise ValueError(
            f"--at = {at!r}, must be {own}={found.unit.upper()}: the policy is over the "
            f"{found.parameter.name}"
        )
    return value


def print_piece(found: Policy, value: float) -> None:
    """Print the plan at a value, what it costs and how far it stays the best."""
    piece, plan = found.piece_at(value), found.plan_at(value)
    put(f"{found.instance}: {found.objective} at {value:.6g} {found.unit}\n")
    put(f"{'value':<9}{seconds(piece.value_at(value))}\n")
    put(f"{'best':<9}from {piece.low:.6g} to {piece.high:.6g} {found.unit}\n")
    put(status_line(found))
    print_placements(plan)


def status_line(found: Policy | PlanTable) -> str:
    """Status and gap; a policy's oracles compare placements only."""
    from splitfog.formulations.overview import percent, status_words

    status = status_words(found.status, "placements")
    return f"{'status':<9}{status} (gap {percent(found.gap)})\n"


def print_placements(plan: PlanFile) -> None:
    """Task by task the layers of every node, in the order of the file."""
    for entry in plan.tasks[:MOST_TASKS]:
        put(f"{entry.task}\n")
        layers: dict[str, list[str]] = {}
        for layer, node in entry.placement.items():
            layers.setdefault(node, []).append(layer)
        for node, own in layers.items():
            start = f"  {node}: "
            put(fill(", ".join(own), WIDTH, initial_indent=start, subsequent_indent="    ") + "\n")
    if len(plan.tasks) > MOST_TASKS:
        put(f"and {len(plan.tasks) - MOST_TASKS} more tasks (--json shows all)\n")
