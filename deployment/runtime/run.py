"""Requests through the parts of plans, measured beside what is predicted: `splitfog run`."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from splitfog.deployment.models.sessions import require_installed
from splitfog.deployment.runtime.report import RunReport


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
    from splitfog.deployment.runtime.places import Machines
    from splitfog.deployment.runtime.running import Conditions, run_plans

    machines = None
    if hosts is not None:
        folder = None if keys is None else Path(keys)
        machines = Machines(hosts=Path(hosts), keys=folder, listen=listen)
    elif keys is not None or listen is not None:
        raise ValueError("keys and listen are for other machines, which hosts must name")
    conditions = Conditions(
        requests=requests,
        concurrency=concurrency,
        bandwidths=bandwidths or {},
        slowness=slow or {},
        timeout_s=timeout_s,
        seed=seed,
        paced=hosts is None if paced is None else paced,
    )
    folders = [directories] if isinstance(directories, str | os.PathLike) else directories
    return run_plans(folders, conditions, machines, started=started, notice=notice)
