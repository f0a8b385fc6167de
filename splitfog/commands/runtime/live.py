"""`splitfog run --table --trace`: who adapts, what is replayed beside it, and what is printed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from splitfog.commands.shell import say, seconds, solvers_are_quiet

if TYPE_CHECKING:
    from splitfog.deployment.adaptation.adapter import Adapter
    from splitfog.deployment.driving.live_report import LiveReport
    from splitfog.deployment.splitting.manifest import Manifest
    from splitfog.formulations.parametric.plan_table import PlanTable
    from splitfog.instances.instance import Instance
    from splitfog.instances.traces.trace import Trace
    from splitfog.studies.replays.result import Replay

DEFAULT_REQUESTS = 10


@dataclass(frozen=True, kw_only=True)
class LiveOptions:
    """What the command line says of a live run; None where it does not."""

    table: Path | None
    traces: Sequence[Path]
    adapt: str | None
    estimate: str | None
    every_s: float | None
    instance: Path | None

    @property
    def asked(self) -> bool:
        """Whether it is one."""
        return self.table is not None or bool(self.traces)

    def require_asked(self) -> None:
        """Raise where options of live runs stand in another."""
        lone = {
            "--adapt": self.adapt,
            "--estimate": self.estimate,
            "--every": self.every_s,
            "--instance": self.instance,
        }
        for option, given in lone.items():
            if given is not None and not self.asked:
                raise ValueError(f"{option} = {str(given)!r} needs --table or --trace")
            if given is not None and option in ("--adapt", "--estimate") and self.table is None:
                raise ValueError(f"{option} = {given!r} needs --table, whose plans it chooses from")


@dataclass(frozen=True, kw_only=True)
class LiveRun:
    """A live run, read and checked.

    Attributes
    ----------
    folders : of the plans.
    requests : how many.
    every_s : from one to the next.
    traces, table, adapter, instance : None, or empty, where there is none.
    adapt, estimate : names of the rule, and of what it makes of measurements.
    """

    folders: tuple[Path, ...]
    requests: int
    every_s: float
    traces: tuple[Trace, ...]
    table: PlanTable | None
    adapter: Adapter | None
    instance: Instance | None
    adapt: str
    estimate: str | None

    @property
    def how(self) -> dict[str, Any]:
        """What `run` is told of it."""
        return {
            "trace": self.traces or None,
            "adapter": self.adapter,
            "every_s": self.every_s,
        }

    def replay(self) -> Replay | None:
        """The same requests as `sf.replay` has them, where it can: with instance and trace.

        What is measured is as old there as here: from one request to the next.
        """
        from splitfog.studies.replays.replay import replay

        if self.instance is None or self.table is None or not self.traces or not self.every_s:
            return None
        with solvers_are_quiet():
            return replay(
                self.instance,
                self.traces,
                adapt=self.adapt,
                requests=f"every:{self.every_s:g}",
                estimate=self.estimate,
                delay_s=self.every_s,
                table=self.table,
            )


def live_run(options: LiveOptions, directories: Sequence[Path], requests: int | None) -> LiveRun:
    """Read what a live run needs.

    Raises
    ------
    InstanceError, ValueError
        Naming the file or option that is wrong.
    """
    from splitfog.deployment.adaptation.adapter import Adapter
    from splitfog.deployment.splitting.manifest import load_manifest
    from splitfog.instances.defects import InstanceError
    from splitfog.instances.traces.files import load_trace
    from splitfog.instances.traces.joined import trace_defects

    folders = tuple(_folders(directories))
    manifests = {folder: load_manifest(folder) for folder in folders}
    every_s = 1.0 if options.every_s is None else options.every_s
    traces = tuple(load_trace(path) for path in options.traces)
    instance = _instance(options.instance, manifests)
    if instance is not None and (defects := trace_defects(traces, instance)):
        raise InstanceError(", ".join(path.name for path in options.traces), defects)
    table = adapter = None
    adapt = options.adapt or "switch"
    if options.table is not None:
        table = _table(options.table, manifests)
        how: dict[str, Any] = {} if options.estimate is None else {"estimate": options.estimate}
        adapter = Adapter(table, rule=adapt, instance=instance, **how)
    return LiveRun(
        folders=folders,
        requests=_count(requests, every_s, traces),
        every_s=every_s,
        traces=traces,
        table=table,
        adapter=adapter,
        instance=instance,
        adapt=adapt,
        estimate=options.estimate or "ewma:0.7",
    )


def lines(live: LiveReport, run: LiveRun, replayed: Replay | None) -> Iterator[str]:
    """The live run in words, beside its replay."""
    by = "plans in turn" if run.adapter is None else run.adapt
    yield (
        f"live: {len(live.requests)} requests, one every {run.every_s:g} s, {by}: "
        f"{live.switches} switches, {live.lost} lost"
    )
    yield f"mean latency  {seconds(live.mean_s)} measured"
    if replayed is not None:
        same = _same_requests(live, replayed, run.adapt)
        yield f"              {seconds(same)} in the replay"
    elif run.table is not None and run.traces and run.instance is None:
        yield "              no replay: --instance FILE must say which instance is split"
    counts: dict[str, int] = {}
    for request in live.requests:
        if request.plan:
            counts[request.plan] = counts.get(request.plan, 0) + 1
    yield "requests by plan: " + ", ".join(f"{plan} {n}" for plan, n in sorted(counts.items()))
    yield ""


def figures(live: LiveReport, run: LiveRun, replayed: Replay | None) -> dict[str, Any]:
    """What --json has of the replay, beside what was measured."""
    if replayed is None:
        return {"replay": None}
    rows = replayed.of(run.adapt)[: len(live.requests)]
    ended = [row.latency_s for row in rows if row.latency_s is not None]
    return {
        "replay": {
            "mean_s": _same_requests(live, replayed, run.adapt),
            "failed": len(rows) - len(ended),
            "requests": [{"plan": f"plan-{row.plan}", "latency_s": row.latency_s} for row in rows],
        }
    }


def _same_requests(live: LiveReport, replayed: Replay, adapt: str) -> float | None:
    """The replay's mean over the requests that have ended in both."""
    pairs = zip(live.requests, replayed.of(adapt), strict=False)
    both = [row.latency_s for own, row in pairs if own.latency_s is not None]
    found = [latency_s for latency_s in both if latency_s is not None]
    return sum(found) / len(found) if found else None


def _folders(directories: Sequence[Path]) -> Iterator[Path]:
    """Folders of plans; one that has none but holds some stands for these, in order."""
    from splitfog.deployment.splitting.manifest import FILE_NAME

    for directory in directories:
        inner = sorted((each.parent for each in directory.glob(f"*/{FILE_NAME}")), key=_number_last)
        if inner and not (directory / FILE_NAME).exists():
            yield from inner
        else:
            yield directory


def _number_last(folder: Path) -> tuple[str, int]:
    name, _, number = folder.name.rpartition("-")
    return (name, int(number)) if number.isdigit() else (folder.name, -1)


def _instance(given: Path | None, manifests: dict[Path, Manifest]) -> Instance | None:
    """The instance that was split: as named, or as it lies beside the plans' folders."""
    from splitfog.deployment.splitting.split import INSTANCE
    from splitfog.instances.files import load_instance

    beside = next(iter(manifests)).resolve().parent / INSTANCE
    path = given or (beside if beside.exists() else None)
    if path is None:
        return None
    instance = load_instance(path)
    for folder, manifest in manifests.items():
        if manifest.instance_sha256 != instance.sha256:
            raise ValueError(f"{path} is not the instance that {folder} was split from")
    return instance


def _table(path: Path, manifests: dict[Path, Manifest]) -> PlanTable:
    from splitfog.deployment.driving.live import runs
    from splitfog.formulations.parametric.plan_table import PlanTable
    from splitfog.formulations.parametric.policy_file import load_policy

    table = load_policy(path)
    if not isinstance(table, PlanTable):
        raise ValueError(f"{path} is a policy over one figure, must be one of policy --vary")
    for folder, manifest in manifests.items():
        if manifest.instance_sha256 != table.instance_sha256:
            raise ValueError(f"{path} is of another instance than {folder} was split from")
    for position, plan in enumerate(table.plans):
        if not any(runs(manifest, plan) for manifest in manifests.values()):
            raise ValueError(
                f"plan {position} of {path} is in none of the folders; splitfog split INSTANCE "
                f"{path.name} -o DIR writes them all"
            )
    return table


def _count(requests: int | None, every_s: float, traces: Sequence[Trace]) -> int:
    """How many requests: as many as asked for, if they arrive while the trace lasts."""
    lasts_s = max((trace.duration_s for trace in traces), default=None)
    if lasts_s is None or every_s == 0:
        return DEFAULT_REQUESTS if requests is None else requests
    most = max(1, ceil(lasts_s / every_s - 1e-9))
    if requests is None:
        return min(DEFAULT_REQUESTS, most)
    if requests > most:
        raise ValueError(
            f"--requests = {requests}, must be <= {most}: one every {every_s:g} s while the trace "
            f"lasts, {lasts_s:g} s"
        )
    return requests


def note_clamped(run: LiveRun) -> None:
    """Say where the table does not hold all that the trace does."""
    if run.table is None:
        return
    boxes = {figure.key: figure for figure in run.table.figures}
    for trace in run.traces:
        for series in trace.series:
            keys: tuple[Any, ...] = (series.link, (series.link or ("", ""))[::-1], series.node)
            figure = next((boxes[key] for key in keys if key in boxes), None)
            if figure is None or series.quantity not in ("bandwidth_bps", "load"):
                continue
            low, high = min(series.values), max(series.values)
            if low < figure.low or high > figure.high:
                say(
                    f"splitfog: {figure.label} goes from {low:g} to {high:g}, the table from "
                    f"{figure.low:g} to {figure.high:g}: what is beyond counts as its limit"
                )
