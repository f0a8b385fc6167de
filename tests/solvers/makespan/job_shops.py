"""Published job shops as instances: jobs are chains of one model, a layer is pinned to its machine.

As `data/field/jobshop-la16-slow.json` is encoded; `data/job-shops.txt` says where they come from.
"""

from __future__ import annotations

from functools import cache
from itertools import combinations, groupby
from pathlib import Path

from splitfog.instances.instance import Instance
from splitfog.instances.records import Layer, Link, Model, Node, Task

Jobs = tuple[tuple[tuple[int, float], ...], ...]
"""Machine and seconds of every step of every job."""


@cache
def published() -> dict[str, tuple[Instance, float]]:
    """Instances by name, each with its published optimum."""
    text = (Path(__file__).parents[2] / "data" / "job-shops.txt").read_text()
    lines = [line.split() for line in text.splitlines() if not line.startswith("#")]
    found = {}
    for is_table, group in groupby(lines, bool):
        if is_table:
            (name, optimum), *rows = group
            jobs = tuple(
                tuple((int(m), float(t)) for m, t in zip(row[::2], row[1::2], strict=True))
                for row in rows
            )
            found[name] = job_shop(name, jobs), float(optimum)
    return found


def job_shop(name: str, jobs: Jobs) -> Instance:
    """A job shop; what travels between its machines is of 0 bytes."""
    machines = [f"M{m}" for m in range(1 + max(m for job in jobs for m, _ in job))]
    layers = [
        Layer(
            name=f"j{job}.{at}",
            op="other",
            output_bytes=0,
            inputs=(f"j{job}.{at - 1}",) if at else (),
            times_s={machines[machine]: seconds},
            tiers=(machines[machine],),
        )
        for job, steps in enumerate(jobs)
        for at, (machine, seconds) in enumerate(steps)
    ]
    return Instance(
        name=name,
        tiers=("fog",),
        nodes=tuple(Node(name=machine, tier="fog", speed_flops=1.0) for machine in machines),
        links=tuple(
            Link(tail=one, head=two, bandwidth_bps=1e9) for one, two in combinations(machines, 2)
        ),
        models=(Model(name="shop", layers=tuple(layers)),),
        tasks=(Task(name="jobs", model="shop", source=None),),
    )
