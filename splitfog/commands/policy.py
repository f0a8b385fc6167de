"""`splitfog policy`: the optimal plan at every bandwidth of a link, or every speed of a node."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from splitfog.commands.shell import (
    DONE,
    INFEASIBLE,
    UNKNOWN,
    node_pair,
    put,
    require_writable,
    say,
    seconds,
    solvers_are_quiet,
    split_list,
)

if TYPE_CHECKING:
    from splitfog.formulations.parametric.policy_table import Policy
    from splitfog.instances.instance import Instance

PICTURES = (".png", ".svg")

EXAMPLES = (
    "splitfog policy alexnet.json --link device,edge0 --range 1e5,1e9 -o p.json",
    "splitfog policy p.json --at device,edge0=8e6",
)


def run(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="instance or policy file")],
    link: Annotated[
        str | None, typer.Option(metavar="FROM,TO", help="whose bandwidth varies, in bit/s")
    ] = None,
    node: Annotated[
        str | None, typer.Option(metavar="NAME", help="or whose speed varies, in FLOP/s")
    ] = None,
    limits: Annotated[
        str | None,
        typer.Option(
            "--range",
            metavar="LOW,HIGH",
            help="in bit/s or FLOP/s  [required, but with --at: half of it to twice]",
        ),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(metavar="FROM,TO=X|NODE=X", help="look the plan up at this figure"),
    ] = None,
    objective: Annotated[str, typer.Option(metavar="NAME", help="what is minimised")] = "latency",
    transfers: Annotated[str, typer.Option(metavar="NAME", help="once or per-edge")] = "once",
    monotone: Annotated[
        bool, typer.Option("--monotone/--no-monotone", help="data never goes back to the device")
    ] = True,
    oracle: Annotated[
        str | None, typer.Option(metavar="NAME", help="exact solver  [default: what applies]")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="policy file to write; plan with --at"),
    ] = None,
    picture: Annotated[
        Path | None, typer.Option(metavar="FILE", help="latency over bandwidth: .png or .svg")
    ] = None,
    baselines: Annotated[
        list[str] | None,
        typer.Option(metavar="A,B,...|none", help="curves of the picture  [default: all]"),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="the policy file on standard output; plan with --at")
    ] = False,
) -> int:
    """Find every bandwidth where the optimal plan changes.

    Between two of them the plan stays; adapting to a measured bandwidth is then a look-up, which
    --at does: in the policy of a policy file, or of an instance and a link or node.

    Exit codes: 0 done, 2 wrong input or no exact solver applies, 3 proven infeasible, 4 no plan
    found.
    """
    from splitfog.commands.look_up import policy_in, range_around
    from splitfog.formulations.parametric.policy_file import save_policy
    from splitfog.instances.files import load_instance
    from splitfog.solvers.parametric.policy import policy

    for path in (output, picture):
        if path is not None:
            require_writable(path)
    if picture is not None and picture.suffix not in PICTURES:
        raise ValueError(f"--picture = {str(picture)!r}, must end in {' or '.join(PICTURES)}")
    if (known := policy_in(file)) is not None:
        if (link, node, limits, picture, oracle) != (None,) * 5:
            options = "--link, --node, --range, --oracle and --picture"
            raise ValueError(f"{file.name} is a policy, must be an instance for {options}")
        return _shown(known, at, output, as_json)
    free = at is not None and (link, node, limits) == (None,) * 3
    what = {} if free else _what(link, node, limits)
    instance = load_instance(file)
    if free and at is not None:
        what = range_around(instance, at)
    if link is not None:
        what["link"] = node_pair(instance, link, "--link")
    how: dict[str, Any] = {"objective": objective, "transfers": transfers, "monotone": monotone}
    with solvers_are_quiet():
        found = policy(instance, **what, **how, oracle=oracle)
        if picture is not None and found.pieces:
            _draw(instance, found, picture, split_list(baselines))
    if output is not None and at is None:
        save_policy(found, output)
    return _shown(found, at, output, as_json)


def _shown(found: Policy, at: str | None, output: Path | None, as_json: bool) -> int:
    """Print the policy, or its plan where `at` asks for one; the exit code."""
    if at is not None and found.pieces:
        _answer(found, at, output, as_json)
    elif as_json:
        put(found.to_json())
    else:
        _print(found)
    if found.pieces:
        return DONE
    say(f"splitfog: {found.instance}: {found.status}: {found.reason or 'no reason given'}")
    return INFEASIBLE if found.status == "infeasible" else UNKNOWN


def _answer(found: Policy, at: str, output: Path | None, as_json: bool) -> None:
    from splitfog.commands.look_up import print_piece, value_of
    from splitfog.formulations.plan import encode_plan, save_plan

    value = value_of(found, at)
    plan = found.plan_at(value)
    if output is not None:
        save_plan(plan, output)
    if as_json:
        put(encode_plan(plan))
    else:
        print_piece(found, value)


def _what(link: str | None, node: str | None, limits: str | None) -> dict[str, Any]:
    """What varies and how far; the link's ends are told apart once the nodes are known."""
    if (link is None) == (node is None):
        raise ValueError("exactly one of --link FROM,TO and --node NAME must be given")
    if limits is None:
        raise ValueError("--range LOW,HIGH is missing, must be two numbers > 0")
    try:
        low, high = (float(part) for part in limits.split(","))
    except ValueError:
        text = "must be LOW,HIGH: two numbers, such as 1e5,1e9"
        raise ValueError(f"--range = {limits!r}, {text}") from None
    if link is not None:
        return {"low_bps": low, "high_bps": high}
    return {"node": node, "low_flops": low, "high_flops": high}


def _draw(instance: Instance, found: Policy, path: Path, names: list[str]) -> None:
    from splitfog.studies.curves import solver_curves
    from splitfog.views.charts.policy import draw_policy

    chosen = [] if names == ["none"] else None if names in ([], ["all"]) else names
    draw_policy(instance, found, path, solver_curves(instance, found, chosen))
    say(f"written: {path}")


def _print(found: Policy) -> None:
    from rich import box
    from rich.table import Table as Grid

    from splitfog.commands.look_up import status_line
    from splitfog.views.tables import print_grid

    put(f"{found.instance}: {found.objective} over the {found.parameter.name}\n")
    if not found.pieces:
        put(f"status   {found.status}\n")
        return
    put(status_line(found))
    put(f"oracle   {found.oracle}, asked {found.asked} times in {seconds(found.runtime_s)}\n")
    put(f"break points   {len(found.break_points)}\n\n")
    grid = Grid(box=box.SIMPLE_HEAD, show_edge=False)
    for header in (f"from [{found.unit}]", "to", "latency from", "to", "changes", "layers"):
        grid.add_column(header, justify="left" if header == "layers" else "right")
    for at, row in enumerate(found.rows()):
        layers = ", ".join(f"{node} {count}" for node, count in row["layers"].items())
        ends = (f"{row['low']:.6g}", f"{row['high']:.6g}")
        values = (seconds(row["low_s"]), seconds(row["high_s"]))
        grid.add_row(*ends, *values, found.kind_of(at - 1) if at else "-", layers)
    print_grid(grid)
