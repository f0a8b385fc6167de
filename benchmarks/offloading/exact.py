"""Exact offloading and bounds: `python -m benchmarks.offloading.exact`.

`offload-ilp` on stars of devices and fog nodes with subtasks in stages of one slice, or of one to
three; `offload-assignment` on random times; `joint-ilp` and the bound over all partitions on the
family `fog`; `OffloadBatchCost` against the reference, row by row.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from msgspec import UNSET

import splitfog as sf
from benchmarks.common import asked_for, best_seconds, machine, table
from splitfog.formulations.bounds.mean_latency import mean_latency_bound
from splitfog.formulations.costs.reference import decision_cost
from splitfog.formulations.decision import Decision, Slice, Stage, TaskDecision
from splitfog.formulations.objective import Objective
from splitfog.formulations.offloading.assignment import Assignments
from splitfog.formulations.offloading.subtasks import Subtasks, subtasks_of
from splitfog.instances.arrays import frozen
from splitfog.instances.instance import Instance
from splitfog.instances.records import Layer, Link, Model, Node, Task, Window
from splitfog.solvers.base import Request
from splitfog.solvers.offloading.batch_assignment import Jobs, assign
from splitfog.solvers.offloading.columns import solve_by_columns
from splitfog.solvers.offloading.start import search_assignment

MEAN = Objective("mean-latency")
ROWS = 24
"""Of every map."""
LIMIT_S = 60.0
KINDS = (
    (20, 1, "parallel", 5),
    (15, 3, "parallel", 5),
    (15, 3, "serial", 5),
    (20, 3, "parallel", 5),
    (20, 3, "serial", 5),
    (40, 1, "parallel", 8),
    (40, 3, "parallel", 8),
    (40, 3, "serial", 8),
)
"""Subtasks, slices of a stage at most, radios, nodes."""


def star(seed: int, subtasks: int, slices: int, radio: str, nodes: int = 5) -> Subtasks:
    """Streams of three devices beside fog nodes, at half the fog's speed; `slices` at most."""
    rng, fog = np.random.default_rng(seed), nodes - 3
    slowest, fastest = [8e9] * 3 + [50e9] * fog, [60e9] * 3 + [200e9] * fog
    speeds = np.exp(rng.uniform(np.log(slowest), np.log(fastest)))
    hosts = tuple(
        Node(name=f"n{i}", tier="fog" if i > 2 else "device", speed_flops=float(v), radio=radio)  # type: ignore[arg-type]
        for i, v in enumerate(speeds)
    )
    links = tuple(
        Link(
            tail=f"n{i}",
            head=f"n{j}",
            bandwidth_bps=float(np.exp(rng.uniform(np.log(2e7), np.log(2e8)))),
            latency_s=1e-3,
        )
        for i in range(3)
        for j in range(3, nodes)
    )
    models: list[Model] = []
    tasks, answers, left = [], [], subtasks
    while left:
        pieces = int(rng.integers(1, min(slices, left) + 1))
        left -= pieces
        flops, source = float(rng.uniform(1e9, 6e9)), int(rng.integers(3))
        models.append(_model(f"m{len(models)}", flops))
        tasks.append((models[-1].name, f"n{source}", flops, float(rng.uniform(0.5, 1.5))))
        answers.append(_answer(rng, source, pieces))
    per_flop = 0.5 * float(speeds[3:].sum()) / len(tasks)
    instance = Instance(
        name=f"star-{seed}",
        tiers=("device", "fog"),
        nodes=hosts,
        links=links,
        models=tuple(models),
        tasks=tuple(
            Task(name=f"t{i}", model=m, source=s, arrivals_per_s=factor * per_flop / flops)
            for i, (m, s, flops, factor) in enumerate(tasks)
        ),
    )
    return subtasks_of(instance, Decision(tuple(answers)), MEAN)


def _model(name: str, flops: float) -> Model:
    shape: dict[str, Any] = {"output_shape": (3, ROWS, ROWS)}
    window = Window(kernel=(3, 3), padding=(1, 1, 1, 1))
    first = Layer(name="x", op="input", output_bytes=1.5e5, **shape)
    second = Layer(
        name="c", op="conv", inputs=("x",), flops=flops, output_bytes=3e4, window=window, **shape
    )
    return Model(name=name, layers=(first, second))


def _answer(rng: np.random.Generator, source: int, pieces: int) -> TaskDecision:
    placement = frozen(np.array([source, source]))
    if pieces == 1:
        return TaskDecision(placement)
    cuts = np.sort(rng.choice(np.arange(3, ROWS - 2), pieces - 1, replace=False)).tolist()
    ends = [0, *cuts, ROWS]
    parts = [Slice(source, (ends[i], ends[i + 1]), (0, ROWS)) for i in range(pieces)]
    return TaskDecision(placement, stages=(Stage((1,), source, tuple(parts)),))


def exact(seeds: int = 5) -> Iterator[list[Any]]:
    """One row per kind of problem: how many are proven, and the worst gap and time."""
    for count, slices, radio, nodes in KINDS:
        gaps, times = [], []
        for seed in range(seeds):
            subtasks = star(seed, count, slices, radio, nodes)
            request = Request(subtasks.instance, MEAN, time_limit_s=LIMIT_S)
            assignments = Assignments(subtasks)
            start, value = search_assignment(assignments)
            found = solve_by_columns(assignments, start, value, request)
            if found.assignment is not None:
                value = min(value, assignments.cost(found.assignment).value)
            times.append(request.elapsed_s)
            gaps.append(1 - found.bound / value)
        proven = sum(gap <= 1e-6 for gap in gaps)
        name = f"{count} subtasks x {nodes} nodes, stages of 1 to {slices}, {radio}"
        yield [name, f"{proven} of {seeds}", 100 * max(gaps), float(np.median(times)), max(times)]


def assignment() -> Iterator[list[Any]]:
    """1,000 subtasks x 20 nodes, by spread of the nodes' speeds, and with quotas."""
    for spread, quota in ((1.5, np.inf), (10.0, np.inf), (10.0, 60.0)):
        rng = np.random.default_rng(0)
        service = rng.lognormal(0, 1, (1000, 1)) / rng.uniform(1, spread, 20)
        transfer = rng.uniform(0, 5, service.shape)
        jobs = Jobs(transfer, service, np.ones(service.shape, bool), np.full(20, quota))
        yield [f"speeds 1 to {spread:g}, quota {quota:g}", best_seconds(partial(assign, jobs), 3)]


def joint() -> Iterator[list[Any]]:
    """`fog` instances: value of dina and of joint-ilp, the bound over all plans, and times."""
    for users, seed in ((10, 0), (10, 1), (16, 0), (20, 0), (100, 0), (1000, 0)):
        instance = sf.generate("fog", seed=seed, users=users)
        started = time.perf_counter()
        bound = mean_latency_bound(instance) or 0.0
        bound_s = time.perf_counter() - started
        values: list[Any] = ["", "", ""]
        if users <= 20:
            dina = sf.solve(instance, "dina", MEAN)
            plan = sf.solve(instance, "joint-ilp", MEAN, time_limit_s=LIMIT_S)
            own = UNSET if plan.audit is None else plan.audit.given_catalogue
            proven = own is not UNSET and own.proven
            values = [dina.value, plan.value, f"{plan.runtime_s:.2f}, proven: {proven}"]
        yield [f"{users} users, seed {seed}", *values, bound, bound_s]


def batch() -> Iterator[list[Any]]:
    """Assignments a second: the reference, `Assignments`, `OffloadBatchCost`."""
    subtasks = star(0, 60, 3, "parallel")
    rows = np.random.default_rng(0).integers(0, 5, (4096, 60))
    assignments, cost = Assignments(subtasks), sf.OffloadBatchCost(subtasks)
    cost(rows)
    reference = best_seconds(
        lambda: [decision_cost(subtasks.instance, subtasks.decision(r), MEAN) for r in rows[:20]]
    )
    one_by_one = best_seconds(lambda: [assignments.cost(row) for row in rows[:200]])
    together = best_seconds(lambda: cost(rows))
    yield ["60 subtasks x 5 nodes", 20 / reference, 200 / one_by_one, 4096 / together]


def main() -> None:
    """Print all tables."""
    print(machine())
    print(f"\n`offload-ilp` by columns, given subtasks, {LIMIT_S:g} s at most\n")
    print(table(["problem", "proven", "worst gap, %", "median s", "worst s"], list(exact())))
    print("\n`offload-assignment`, 1,000 subtasks x 20 nodes\n")
    print(table(["problem", "s"], list(assignment())))
    print("\n`joint-ilp` and the bound over all plans\n")
    header = ["fog", "dina", "joint-ilp", "joint-ilp, s", "bound", "bound, s"]
    print(table(header, list(joint())))
    print("\nCosts of assignments a second\n")
    print(table(["problem", "reference", "Assignments", "OffloadBatchCost"], list(batch())))


if __name__ == "__main__":
    asked_for(__doc__)
    main()
