"""A proof that no plan is feasible is never given beside a feasible plan, and names the cause."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from splitfog import solve
from splitfog.formulations.bounds.impossible import impossibility
from splitfog.formulations.costs.feasibility import decision_violations
from splitfog.formulations.costs.mean_latency import task_visits, waits
from splitfog.formulations.decision import Decision, Slice, Stage, TaskDecision
from splitfog.formulations.objective import Objective
from splitfog.instances.arrays import frozen
from splitfog.instances.instance import Instance
from splitfog.instances.records import Layer, Model, Node, Task, Window, changed
from tests.cases.random_offloading import random_offloading
from tests.cases.strategies import random_instance

LOOSE = Objective("mean-latency", monotone=False)


def with_rates(instance: Instance, factor: float) -> Instance:
    tasks = [
        changed(t, arrivals_per_s=(t.arrivals_per_s or 0) * factor or None) for t in instance.tasks
    ]
    return changed(instance, tasks=tuple(tasks))


def test_no_proof_beside_a_plan_at_its_limits() -> None:
    """Rates are raised until a sliced plan just keeps up; nothing is then called impossible."""
    seen = 0
    for seed in range(150):
        rng = np.random.default_rng(seed)
        instance, decision = random_offloading(rng, slices=5, utilisation=0.3, memory=seed % 2 == 0)
        visits = [task_visits(instance, *pair) for pair in zip(instance.tasks, decision.tasks)]
        rho = max(waits(instance, visits)[0])
        if rho == 0:
            continue
        loaded = with_rates(instance, 0.999 / rho)
        if not decision_violations(loaded, decision, LOOSE):
            seen += 1
            assert impossibility(loaded, LOOSE) is None
    assert seen > 30


@pytest.mark.parametrize("objective", ["latency", "period", "mean-latency"])
def test_agrees_with_enumeration(objective: str) -> None:
    """What is called impossible has no feasible placement."""
    proven = 0
    for seed in range(250):
        rng = np.random.default_rng(seed)
        streams = objective == "mean-latency"
        instance = random_instance(rng, num_nodes=3, num_layers=3, num_tasks=1, rates=streams)
        if streams and seed % 2:
            instance = with_rates(instance, 1e3)
        if (why := impossibility(instance, Objective(objective))) is not None:  # type: ignore[arg-type]
            proven += 1
            assert solve(instance, "brute-force", objective).status == "infeasible", why
    assert proven > 5


def test_the_sentences_name_the_cause() -> None:
    """Overload of all nodes, and of the only node that a task can use."""
    instance, _ = random_offloading(np.random.default_rng(1), quotas=False)
    everywhere = impossibility(with_rates(instance, 1e6), LOOSE)
    assert everywhere is not None
    assert "all nodes together cannot keep up" in everywhere
    tasks = tuple(changed(task, results_to=None) for task in instance.tasks)
    alone = changed(instance, links=(), tasks=tasks)
    source = instance.tasks[0].source
    why = impossibility(with_rates(alone, 1e3), LOOSE)
    assert why is not None
    assert "cannot keep up" in why
    nodes = tuple(changed(n, memory_bytes=1.0) for n in alone.nodes)
    why = impossibility(changed(alone, nodes=nodes), LOOSE)
    assert why is not None
    assert f"routes from {source} and memory" in why


def test_strides_leave_gaps_that_slices_need_not_compute() -> None:
    """One-element slices behind a stride of 2 compute a quarter: whole it is too much."""
    square: dict[str, Any] = {"output_bytes": 1.0, "output_shape": (1, 8, 8)}
    dense = Window(kernel=(1, 1))
    layers = (
        Layer(name="x", op="input", **square),
        Layer(name="a", op="conv", inputs=("x",), flops=4e9, window=dense, **square),
        Layer(
            name="b",
            op="conv",
            inputs=("a",),
            output_bytes=1.0,
            output_shape=(1, 4, 4),
            window=Window(kernel=(1, 1), stride=(2, 2)),
        ),
    )
    instance = Instance(
        name="gaps",
        tiers=("device",),
        nodes=(Node(name="d", tier="device", speed_flops=1e9),),
        links=(),
        models=(Model(name="m", layers=layers),),
        tasks=(Task(name="t", model="m", source="d", arrivals_per_s=0.9),),
    )
    cells = [(row, column) for row in range(4) for column in range(4)]
    slices = tuple(Slice(0, (r, r + 1), (c, c + 1)) for r, c in cells)
    answer = TaskDecision(frozen(np.zeros(3, np.int64)), stages=(Stage((1, 2), 0, slices),))
    assert decision_violations(instance, Decision((answer,)), LOOSE) == []
    whole = Decision((TaskDecision(answer.placement),))
    assert decision_violations(instance, whole, LOOSE) != []
    assert impossibility(instance, LOOSE) is None
    assert impossibility(with_rates(instance, 1.2), LOOSE) is not None
