"""Pipelines of language models, solved exactly.

`python -m benchmarks.language_models.pipeline [PIPEEDGE]`.

Decode passes on seeded fleets (`generate fleet`): `pipeline` beside `ilp` with a limit of 60 s, on
many machines, and fronts; the fleet of exo's issue 957; and, where PIPEEDGE is a folder with the
three YAML files of PipeEdge's README for ViT-Base, the period of that.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.common import asked_for, machine, table
from splitfog import Instance, Layer, Link, Model, Node, Plan, Task, generate, pareto, solve
from splitfog.instances.importers.pipeedge import read

LIMIT_S = 60.0
BESIDE_ILP = ((6, "llama-3-8b"), (8, "llama-2-13b"), (10, "llama-3-70b"))
"""Machines, and models of 32, 40 and 80 blocks."""
MANY = ((16, 2.0), (24, 1.3), (40, 3.0))
"""Machines, and what they hold in multiples of the need."""
EXO_GBPS = (264.4, 344.0, 308.7, 351.2, 177.6)
EXO_GB = (36, 96, 64, 96, 36)
FRONTS = ("latency:decode,period:decode", "latency:prefill,latency:decode")


def fleet(machines: int, model: str, ratio: float = 1.4, seed: int = 0) -> Instance:
    """A fleet at home that holds the model so many times."""
    return generate(
        "fleet", seed=seed, model=model, machines=machines, memory_ratio=ratio, weight_bits=4.5
    )


def exo_fleet() -> Instance:
    """Forty layers that read 1 GB each, on five machines whose links take no time."""
    layers: list[Layer] = []
    for at in range(40):
        inputs = (layers[-1].name,) if layers else ()
        layers.append(
            Layer(
                name=f"b{at}",
                op="other",
                inputs=inputs,
                traffic_bytes=1e9,
                weight_bytes=1e9,
                output_bytes=0.0,
            )
        )
    nodes = tuple(
        Node(
            name=f"m{at}",
            tier="machine",
            speed_flops=1.0,
            memory_bytes_per_s=speed * 1e9,
            memory_bytes=size * 1e9,
        )
        for at, (speed, size) in enumerate(zip(EXO_GBPS, EXO_GB, strict=True))
    )
    links = tuple(
        Link(tail=f"m{one}", head=f"m{other}", bandwidth_bps=1e9)
        for one in range(5)
        for other in range(one + 1, 5)
    )
    return Instance(
        name="exo-957",
        tiers=("machine",),
        nodes=nodes,
        links=links,
        models=(Model(name="m", layers=tuple(layers)),),
        tasks=(Task(name="request", model="m", source=None),),
        routing="direct",
    )


def timed(instance: Instance, solver: str, objective: str, **how: Any) -> tuple[Plan, float]:
    """A plan and the seconds that it took."""
    started = time.perf_counter()
    plan = solve(instance, solver, objective, time_limit_s=LIMIT_S, **how)
    return plan, time.perf_counter() - started


def beside_ilp() -> Iterator[list[Any]]:
    """Values and seconds of both; the better bound where `ilp` ends without a proof."""
    for machines, model in BESIDE_ILP:
        instance = fleet(machines, model)
        for objective in ("latency", "period"):
            how = {"pass_name": "decode", "contiguous": "ring"}
            own, seconds = timed(instance, "pipeline", objective, **how)
            other, longer = timed(instance, "ilp", objective, **how)
            found = [other.value, other.status, other.gap, longer, longer / seconds]
            yield [f"{machines} x {model}", objective, own.value, own.status, seconds, *found]


def on_many() -> Iterator[list[Any]]:
    """Machines beyond those of paths through sets: nodes are counted as they are used too often."""
    for machines, ratio in MANY:
        for held in ("line", "ring"):
            instance = fleet(machines, "llama-3-70b", ratio)
            plan, seconds = timed(
                instance, "pipeline", "latency", pass_name="decode", contiguous=held
            )
            stages = len(set(plan.placement("request").values()))
            yield [machines, ratio, held, plan.value, plan.status, plan.gap, stages, seconds]


def fronts() -> Iterator[list[Any]]:
    """How many points, and in which time."""
    for machines, model in BESIDE_ILP:
        instance = fleet(machines, model)
        for objectives in FRONTS:
            front = pareto(instance, objectives)
            what = f"{front.kind} over {front.proven_over}"
            points = len(front.points)
            yield [f"{machines} x {model}", objectives, what, points, front.runtime_s]


def published(folder: Path | None) -> Iterator[list[Any]]:
    """Periods of published fleets, beside what was published or follows from it."""
    plan, seconds = timed(exo_fleet(), "pipeline", "period")
    yield ["exo 957", plan.value, 0.0290698, plan.status, seconds]
    if folder is not None and folder.is_dir():
        instance = read(sorted(folder.glob("*.yml")), {})
        plan, seconds = timed(instance, "pipeline", "period", contiguous="line")
        yield ["PipeEdge ViT-Base", plan.value, 1.548760, plan.status, seconds]


def main(folder: Path | None) -> None:
    """Print every table."""
    print(f"{machine()}\n")
    head = ["machines x model", "objective", "pipeline", "", "s", "ilp", "", "gap", "s", "times"]
    print(table(head, list(beside_ilp())), end="\n\n")
    head = ["machines", "memory", "shape", "latency", "", "gap", "machines used", "s"]
    print(table(head, list(on_many())), end="\n\n")
    head = ["machines x model", "objectives", "front", "points", "s"]
    print(table(head, list(fronts())), end="\n\n")
    print(table(["fleet", "period", "published", "", "s"], list(published(folder))))


if __name__ == "__main__":
    given = asked_for(__doc__, "folder of PipeEdge's files")
    main(Path(given[0]) if given else None)
