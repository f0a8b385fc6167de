"""`splitfog run`: requests through the parts of plans, measured beside what is predicted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from splitfog.commands.shell import (
    CHECK_FAILED,
    DONE,
    INTERRUPTED,
    amount,
    put,
    put_json,
    require_writable,
    say,
    seconds,
)

if TYPE_CHECKING:
    from splitfog.deployment.driving.report import PlanReport, RunReport

PICTURES = (".png", ".svg")

EXAMPLES = (
    "splitfog run parts --requests 20 -o request.svg",
    "splitfog run parts --bandwidth pi,edge0=8e6 --slow pi=12 --json",
    "splitfog run plans --table table.json --trace lte.json --requests 60",
)


def run(
    directories: Annotated[
        list[Path], typer.Argument(metavar="DIR", help="folders that split wrote, one a plan")
    ],
    requests: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="how many in all, through the plans in turn  [default: 10]"
        ),
    ] = None,
    concurrency: Annotated[
        int, typer.Option(min=1, metavar="N", help="how many are under way at once")
    ] = 1,
    bandwidth: Annotated[
        list[str] | None,
        typer.Option(metavar="FROM,TO=BPS", help="of a link, in place of the plan's; repeatable"),
    ] = None,
    slow: Annotated[
        list[str] | None,
        typer.Option(metavar="NODE=F", help="parts there take F times as long; repeatable"),
    ] = None,
    timeout_s: Annotated[
        float | None,
        typer.Option(
            metavar="S",
            help="a request that takes longer is lost  [default: 10 and ten times the prediction]",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="of the inputs")] = 0,
    hosts: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="hosts.toml: where serve runs each node"),
    ] = None,
    keys: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="certificates; needed where hosts are other machines"),
    ] = None,
    listen: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="where hosts reach this process  [default: its addresses, free ports]",
        ),
    ] = None,
    pace: Annotated[
        bool | None,
        typer.Option(
            "--pace/--no-pace", help="keep links to the plan's figures  [default: without --hosts]"
        ),
    ] = None,
    table: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="of policy --vary: its plans, one chosen a request"),
    ] = None,
    trace: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="links and nodes change as it says; repeatable"),
    ] = None,
    adapt: Annotated[
        str | None,
        typer.Option(metavar="RULE", help="how plans of --table are chosen  [default: switch]"),
    ] = None,
    estimate: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="what it makes of measurements  [default: ewma:0.7]"),
    ] = None,
    every_s: Annotated[
        float | None,
        typer.Option(
            "--every",
            min=0,
            metavar="S",
            help="with --table or --trace: from one request to the next  [default: 1]",
        ),
    ] = None,
    instance: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="with --table and --trace: what was split, for the replay  [default: beside DIR]",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="picture of a request: .png or .svg"),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="all figures on standard output, in seconds")
    ] = False,
) -> int:
    """Run the parts of plans as processes and compare with what was predicted.

    Every node is a process of this machine, links keep to the plan's bandwidth and latency; or
    nodes are other machines, each with splitfog serve (--hosts). Outputs are compared with the
    whole model's. One request more goes through each plan first and is not counted.

    With --trace links and nodes change with time; with --table each request goes through the plan
    that a rule chooses by what the requests before it have measured. The mean latency stands beside
    that of splitfog replay with the same trace and rule.

    --json: measured (median_s, p95_s, throughput_per_s), predicted (latency_s by the plan, parts_s
    part by part, period_s), links and parts one by one, medians per request; of several plans a
    list. With --trace or --table: measured (mean_s, p95_s, switches, lost), replay, requests and
    plans.

    Exit codes: 0 done, 1 a request is lost or outputs disagree, 2 wrong input or a node does not
    answer, 130 interrupted.
    """
    from splitfog.commands.runtime.live import (
        DEFAULT_REQUESTS,
        LiveOptions,
        figures,
        lines,
        live_run,
        note_clamped,
    )
    from splitfog.deployment.driving.run import run as send

    if output is not None:
        if output.suffix not in PICTURES:
            raise ValueError(f"-o = {str(output)!r}, must end in {' or '.join(PICTURES)}")
        require_writable(output)
    options = LiveOptions(
        table=table,
        traces=trace or (),
        adapt=adapt,
        estimate=estimate,
        every_s=every_s,
        instance=instance,
    )
    options.require_asked()
    live = live_run(options, directories, requests) if options.asked else None
    if live is not None:
        note_clamped(live)
    report = send(
        directories if live is None else live.folders,
        requests=(requests or DEFAULT_REQUESTS) if live is None else live.requests,
        concurrency=concurrency,
        bandwidths=dict(_bandwidths(bandwidth or ())),
        slow=dict(_slowness(slow or ())),
        timeout_s=timeout_s,
        seed=seed,
        hosts=hosts,
        keys=keys,
        listen=listen,
        paced=pace,
        **({} if live is None else live.how),
        notice=say,
    )
    if output is not None:
        _draw(report, output)
    replayed = None if live is None or report.interrupted else live.replay()
    found = report.figures()
    if live is not None and report.live is not None and isinstance(found, dict):
        found |= figures(report.live, live, replayed)
    if as_json:
        put_json(found)
    else:
        if live is not None and report.live is not None:
            put("\n".join(lines(report.live, live, replayed)) + "\n")
        put("\n".join(_lines(report)) + "\n")
    _say_faults(report)
    if report.interrupted:
        return INTERRUPTED
    return DONE if report.passed else CHECK_FAILED


def _bandwidths(texts: Iterable[str]) -> Iterator[tuple[tuple[str, str], float]]:
    for text in texts:
        pair, equals, value = text.rpartition("=")
        tail, comma, head = pair.partition(",")
        if not equals or not comma:
            raise ValueError(f"--bandwidth = {text!r}, must be FROM,TO=BPS, as pi,edge0=8e6")
        yield (tail, head), _number("--bandwidth", text, value)


def _slowness(texts: Iterable[str]) -> Iterator[tuple[str, float]]:
    for text in texts:
        node, equals, value = text.rpartition("=")
        if not equals:
            raise ValueError(f"--slow = {text!r}, must be NODE=F, as pi=4")
        yield node, _number("--slow", text, value)


def _number(option: str, text: str, value: str) -> float:
    from math import inf

    try:
        number = float(value)
    except ValueError:
        number = inf
    if not 0 < number < inf:
        raise ValueError(f"{option} = {text!r}: {value!r}, must be a finite number > 0")
    return number


def _draw(report: RunReport, path: Path) -> None:
    from splitfog.views.timelines import draw_timelines

    drawn = next((plan for plan in report.plans if plan.shown), None)
    if drawn is None:
        say("no picture: no request has ended")
        return
    draw_timelines(drawn, path)
    say(f"written: {path}")


def _say_faults(report: RunReport) -> None:
    for plan in report.plans:
        for reason, numbers in _lost(plan).items():
            say(f"splitfog: {plan.plan}: lost requests {_ranges(numbers)}: {reason}")
        if plan.agreement is not None:
            say(*(f"splitfog: {plan.plan}: {fault}" for fault in plan.agreement.faults))


def _lost(plan: PlanReport) -> dict[str, list[int]]:
    """The numbers of lost requests by why they are."""
    found: dict[str, list[int]] = {}
    for number, reason in plan.lost:
        found.setdefault(reason, []).append(number)
    return found


def _ranges(numbers: list[int]) -> str:
    """Ascending numbers as a reader has them: `3, 5-9`."""
    known = set(numbers)
    ends = [n for n in numbers if n + 1 not in known]
    starts = [n for n in numbers if n - 1 not in known]
    pairs = zip(starts, ends, strict=True)
    return ", ".join(str(start) if start == end else f"{start}-{end}" for start, end in pairs)


def _lines(report: RunReport) -> Iterator[str]:
    for plan in report.plans:
        if report.live is not None and not plan.latencies_s and not plan.lost:
            continue  # a plan that was never chosen
        yield _heading(plan)
        yield from _aligned(_figures(plan))
        yield ""
        yield from _aligned(_parts(plan))
        yield ""
        if plan.links:
            yield from _aligned(_links(plan))
            yield ""


def _heading(plan: PlanReport) -> str:
    done = len(plan.latencies_s)
    lost = f", {len(plan.lost)} lost" if plan.lost else ""
    agreement = ""
    if plan.agreement is not None:
        agreement = ", outputs the same bit for bit as the whole model's"
        if not plan.agreement.exact:
            most = max(plan.agreement.differences.values())
            agreement = f", outputs differ from the whole model's by at most {most:.3g}"
    return f"{plan.plan}: {done} requests{lost}{agreement}"


def _figures(plan: PlanReport) -> list[list[str]]:
    period_s = plan.predicted_period_s
    most = None if period_s is None else 1 / period_s if period_s else None
    return [
        ["", "measured", "predicted", ""],
        ["latency, median", seconds(plan.median_s), seconds(plan.predicted_s), "by the plan"],
        ["latency, 95 %", seconds(plan.p95_s), seconds(plan.predicted_parts_s), "part by part"],
        ["throughput", _rate(plan.throughput_per_s), _rate(most), "at most"],
    ]


def _rate(per_s: float | None) -> str:
    return "-" if per_s is None else f"{per_s:.4g} /s"


def _parts(plan: PlanReport) -> list[list[str]]:
    rows = [["part", "node", "measured", "CPU", "predicted"]]
    for part in plan.parts:
        times = (part.measured_s, part.cpu_s, part.predicted_s)
        rows.append([part.name, part.node, *map(seconds, times)])
    return rows


def _links(plan: PlanReport) -> list[list[str]]:
    rows = [["link", "bytes", "measured", "predicted"]]
    for link in plan.links:
        ends = f"{link.tail} -> {link.head}"
        rows.append([ends, amount(link.bytes), seconds(link.measured_s), seconds(link.predicted_s)])
    return rows


def _aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()
