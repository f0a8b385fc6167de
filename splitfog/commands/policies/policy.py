"""`splitfog policy`: the optimal plan for every value of a figure, or of several."""

from __future__ import annotations

from collections.abc import Mapping
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
    from splitfog.formulations.parametric.plan_table import PlanTable
    from splitfog.formulations.parametric.policy_table import Policy

PICTURES = (".png", ".svg")

EXAMPLES = (
    "splitfog policy alexnet.json --link device,edge0 --range 1e5,1e9 -o p.json",
    "splitfog policy p.json --at device,edge0=8e6",
    "splitfog policy alexnet.json --vary device,edge0=1e5..1e9 -o table.json",
    "splitfog policy alexnet.json --vary edge0=0.5..20 --at edge0=2",
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
    vary: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FROM,TO|NODE=LOW..HIGH",
            help="several of them: bandwidths in bit/s, loads of nodes",
        ),
    ] = None,
    epsilon: Annotated[
        float, typer.Option(metavar="E", help="with --vary: plans may be so much worse, relative")
    ] = 0.0,
    failures: Annotated[
        bool, typer.Option("--failures", help="with --vary: also for every node that may fail")
    ] = False,
    routes: Annotated[
        str, typer.Option(metavar="NAME", help="with --vary: follow the figures, or keep")
    ] = "follow",
    time_limit: Annotated[
        float | None, typer.Option(metavar="S", help="with --vary: seconds of search")
    ] = None,
    at: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FROM,TO=X|NODE=X", help="look the plan up at this figure; may be repeated"
        ),
    ] = None,
    down: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NODE|FROM,TO", help="with --at, of a plan table: while this does not work"
        ),
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
        Path | None, typer.Option(metavar="FILE", help="latency, or map of plans: .png or .svg")
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
    --at does: in the policy of a policy file, or of an instance and a link or node. With --vary
    several bandwidths and loads vary at once, and the policy is a table of plans.

    Exit codes: 0 done, 2 wrong input or no exact solver applies, 3 proven infeasible, 4 no plan
    found, 130 interrupted (of --vary: the plans found so far are written).
    """
    from splitfog.commands.policies.look_up import policy_in
    from splitfog.formulations.parametric.plan_table import PlanTable

    for path in (output, picture):
        if path is not None:
            require_writable(path)
    if picture is not None and picture.suffix not in PICTURES:
        raise ValueError(f"--picture = {str(picture)!r}, must end in {' or '.join(PICTURES)}")
    single = {"--link": link, "--node": node, "--range": limits}
    curves: dict[str, object] = {"--picture": picture, "--baselines": baselines}
    several: dict[str, object] = {
        "--epsilon": epsilon,
        "--failures": failures,
        "--time-limit": time_limit,
        "--routes": routes != "follow",
    }
    at, down = at or [], down or []
    how: dict[str, Any] = {"objective": objective, "transfers": transfers, "monotone": monotone}
    if down and not at:
        raise ValueError("--down: --at is missing, must say where the plan is looked up")
    known = policy_in(file)
    if known is not None:
        others: dict[str, object] = {"--vary": vary, "--oracle": oracle}
        others |= {} if isinstance(known, PlanTable) else curves
        _refuse(single | several | others, f"{file.name} is a policy, must be an instance")
        found = known
    elif vary:
        _refuse(single | {"--baselines": baselines}, "--vary says what varies")
        more = {"epsilon": epsilon, "failures": failures, "time_limit_s": time_limit}
        found = _table(file, vary, {**how, **more, "routes": routes, "oracle": oracle})
    else:
        _refuse(several, "--vary is missing")
        found = _policy(file, link, node, limits, at, {**how, "oracle": oracle})
    if picture is not None:
        _draw(file, found, picture, split_list(baselines))
    if output is not None and not at:
        _save(found, output)
    if isinstance(found, PlanTable):
        from splitfog.commands.policies.table import show_table

        return show_table(found, at, down, output, as_json)
    if down:
        raise ValueError("--down: the policy is over one figure, must be a plan table")
    return _shown(found, _only(at), output, as_json)


def _refuse(options: Mapping[str, Any], why: str) -> None:
    """Raise where one of the options is given."""
    given = [name for name, value in options.items() if value]
    if given:
        raise ValueError(f"{', '.join(given)}: {why}")


def _only(at: list[str]) -> str | None:
    if len(at) > 1:
        raise ValueError(
            f"--at is given {len(at)} times, must be once for a policy over one figure"
        )
    return at[0] if at else None


def _table(file: Path, vary: list[str], how: dict[str, Any]) -> PlanTable:
    from splitfog.commands.policies.table import varied
    from splitfog.instances.files import load_instance
    from splitfog.solvers.parametric.plan_table import plan_table

    instance = load_instance(file)
    with solvers_are_quiet():
        return plan_table(instance, varied(instance, vary), **how)


def _policy(
    file: Path,
    link: str | None,
    node: str | None,
    limits: str | None,
    at: list[str],
    how: dict[str, Any],
) -> Policy:
    from splitfog.commands.policies.look_up import range_around
    from splitfog.instances.files import load_instance
    from splitfog.solvers.parametric.policy import policy

    point = _only(at)
    free = point is not None and (link, node, limits) == (None,) * 3
    what = {} if free else _what(link, node, limits)
    instance = load_instance(file)
    if free and point is not None:
        what = range_around(instance, point)
    if link is not None:
        what["link"] = node_pair(instance, link, "--link")
    with solvers_are_quiet():
        return policy(instance, **what, **how)


def _save(found: Policy | PlanTable, output: Path) -> None:
    from splitfog.formulations.parametric.policy_file import save_policy

    save_policy(found, output)


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
    from splitfog.commands.policies.look_up import print_piece, value_of
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


def _draw(file: Path, found: Policy | PlanTable, path: Path, names: list[str]) -> None:
    from splitfog.formulations.parametric.plan_table import PlanTable

    if isinstance(found, PlanTable):
        from splitfog.views.charts.plan_map import draw_plan_map

        if not found.plans:
            return
        draw_plan_map(found, path)
    else:
        from splitfog.instances.files import load_instance
        from splitfog.studies.curves import solver_curves
        from splitfog.views.charts.policy import draw_policy

        if not found.pieces:
            return
        instance = load_instance(file)
        chosen = [] if names == ["none"] else None if names in ([], ["all"]) else names
        with solvers_are_quiet():
            draw_policy(instance, found, path, solver_curves(instance, found, chosen))
    say(f"written: {path}")


def _print(found: Policy) -> None:
    from rich import box
    from rich.table import Table as Grid

    from splitfog.commands.policies.look_up import status_line
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
