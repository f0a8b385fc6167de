"""Requests through the parts of plans, measured beside what is predicted: `splitfog run`."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from splitfog.deployment.driving.report import RunReport
from splitfog.deployment.models.sessions import require_installed
from splitfog.instances.arguments import entries, flag, mapping, number, some, text, whole, wrong
from splitfog.instances.arguments import path as path_of
from splitfog.instances.traces.files import load_trace
from splitfog.instances.traces.trace import Trace

if TYPE_CHECKING:
    from splitfog.deployment.driving.live import Live

GivenTrace = Trace | str | os.PathLike[str]


def run(
    directories: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    *,
    requests: int = 10,
    concurrency: int = 1,
    bandwidths: Mapping[tuple[str, str], float] | None = None,
    slow: Mapping[str, float] | None = None,
    timeout_s: float | None = None,
    seed: int = 0,
    hosts: str | os.PathLike[str] | None = None,
    keys: str | os.PathLike[str] | None = None,
    listen: str | None = None,
    paced: bool | None = None,
    trace: GivenTrace | Sequence[GivenTrace] | None = None,
    adapter: Any = None,
    every_s: float = 1.0,
    started: Callable[[Mapping[str, int]], None] | None = None,
    notice: Callable[[str], None] | None = None,
) -> RunReport:
    """Send requests through the parts of plans; what they took beside what is predicted.

    Every node is a process of this machine that holds its parts of all plans, or a machine where
    `splitfog serve` runs. Outputs are compared with the whole model's. One request more goes
    through each plan first and is not counted. See docs/running.md.

    Parameters
    ----------
    directories
        What `split` wrote: a folder, or one for each plan; requests go through them in turn.
    requests, concurrency
        How many in all, and how many are under way at once.
    bandwidths
        Bit/s by (from, to) in place of the plans'; what is predicted follows.
    slow
        By node: its parts take so many times their CPU time, >= 1.
    timeout_s
        A request that takes longer is lost; None: 10 s and ten times what is predicted.
    seed
        Of the inputs, of which at most four are different.
    hosts
        The file that says where each node listens; None: processes of this machine, which are
        started and ended.
    keys
        Folder of certificates; needed where hosts are other machines.
    listen
        `HOST:PORT` where hosts reach this process; None: its own addresses, at free ports.
    paced
        Whether links keep to the plans' bandwidths and latencies, or are as fast as they are;
        None: without `hosts` only.
    trace
        A trace, the path of its file, or several: links and nodes that plans use change as it
        says, from the first request on. A node's load makes its parts slower by its factor.
    adapter
        Who chooses the plan of each request, as `Adapter` does: what is measured of links and
        nodes goes into `observe`, and `decide` is asked before each; the folders must be those of
        its plans. None: plans take turns.
    every_s
        With `trace` or `adapter`: seconds from one request to the next, which waits where
        `concurrency` requests are under way.
    started
        Called with the process id of every node, once all listen; not with `hosts`.
    notice
        Called at once with a sentence on what goes wrong: a node that is gone, a link that stalls.

    Returns
    -------
    RunReport
        Lost requests and wrong outputs stand there; they raise nothing.

    Raises
    ------
    InstanceError, ValueError
        Naming the file, node or figure that is wrong, or the node that does not answer.
    ModuleNotFoundError
        Without the extra `splitfog[onnx]`.
    """
    require_installed("onnxruntime", "zmq")
    from splitfog.deployment.driving.places import Machines
    from splitfog.deployment.driving.running import Conditions, run_plans

    folders = _folders(directories)
    machines = None
    if hosts is not None:
        folder = None if keys is None else path_of("keys", keys)
        listen = None if listen is None else text("listen", listen)
        machines = Machines(hosts=path_of("hosts", hosts), keys=folder, listen=listen)
    elif keys is not None or listen is not None:
        raise ValueError("keys and listen are for other machines, which hosts must name")
    live = _live(trace, adapter, every_s)
    conditions = Conditions(
        requests=whole("requests", requests, low=1),
        concurrency=whole("concurrency", concurrency, low=1),
        bandwidths=_bandwidths({} if bandwidths is None else bandwidths),
        slowness=_slowness({} if slow is None else slow),
        timeout_s=None if timeout_s is None else number("timeout_s", timeout_s, above=0),
        seed=whole("seed", seed, low=0),
        paced=hosts is None if paced is None else flag("paced", paced),
        live=live,
    )
    for name, called in (("started", started), ("notice", notice)):
        if called is not None and not callable(called):
            raise wrong(name, called, "a function")
    return run_plans(folders, conditions, machines, started=started, notice=notice)


def _live(trace: Any, adapter: Any, every_s: float) -> Live | None:
    """How requests follow each other while figures change; None: they do not change."""
    from splitfog.deployment.driving.live import Live

    every_s = number("every_s", every_s, low=0)
    if trace is None and adapter is None:
        return None
    for name in ("observe", "decide"):
        if adapter is not None and not callable(getattr(adapter, name, None)):
            raise wrong("adapter", adapter, "what has observe and decide, as an Adapter")
    given = [] if trace is None else trace
    listed = [given] if isinstance(given, Trace | str | os.PathLike) else given
    what = "a Trace, the path of its file, or a list of them"
    traces = [
        each if isinstance(each, Trace) else load_trace(path_of("trace", each))
        for each in entries("trace", listed, what)
    ]
    return Live(every_s=every_s, traces=tuple(traces), adapter=adapter)


def _folders(directories: object) -> list[Path]:
    """One folder, or at least one of several."""
    if isinstance(directories, str | os.PathLike):
        return [Path(directories)]
    allowed = "a folder that split wrote, or a list of them"
    folders = some("directories", directories, allowed)
    return [path_of(f"directories[{i}]", folder) for i, folder in enumerate(folders)]


def _bandwidths(given: object) -> dict[tuple[str, str], float]:
    if not isinstance(given, Mapping):
        raise wrong("bandwidths", given, "bit/s by (from, to)")
    found: dict[tuple[str, str], float] = {}
    for pair, bandwidth_bps in given.items():
        ends = entries("bandwidths", pair, "bit/s by (from, to)")
        if len(ends) != 2:
            raise wrong("bandwidths", given, "bit/s by (from, to)")
        tail, head = (text("bandwidths", end, "bit/s by (from, to)") for end in ends)
        found[tail, head] = number(f"bandwidths[{tail!r}, {head!r}]", bandwidth_bps, above=0)
    return found


def _slowness(given: object) -> dict[str, float]:
    factors = mapping("slow", given, "factors by node")
    return {node: number(f"slow[{node!r}]", times, low=1) for node, times in factors.items()}
