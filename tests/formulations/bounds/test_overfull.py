"""Proofs that weights fit nowhere: by sums, counts and pairs, never beside a plan that fits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from splitfog import Instance, Layer, Link, Model, Node, Task, solve
from splitfog.formulations.bounds.impossible import impossibility
from splitfog.formulations.costs.feasibility import decision_violations, memory_bytes
from splitfog.formulations.objective import Objective
from splitfog.instances.records import changed
from tests.cases.random_offloading import random_offloading
from tests.cases.strategies import random_instance, with_shared_weights

LOOSE = Objective("latency", monotone=False)


def packing_problem(weights: list[float], rooms: list[float | None], **layer: Any) -> Instance:
    """A chain of layers of these weights on nodes of these rooms, all linked to each other.

    `layer` maps a position to further fields of that layer.
    """
    names = [f"n{i}" for i in range(len(rooms))]
    layers: list[Layer] = []
    for i, weight in enumerate(weights):
        fields = layer.get(f"l{i}", {})
        before = (layers[-1].name,) if layers else ()
        layers.append(
            Layer(
                name=f"l{i}",
                op="other",
                inputs=before,
                flops=1e6,
                weight_bytes=float(weight),
                output_bytes=1e3,
                **fields,
            )
        )
    return Instance(
        name="packing",
        tiers=("t",),
        nodes=tuple(
            Node(name=name, tier="t", speed_flops=1e9, memory_bytes=room)
            for name, room in zip(names, rooms, strict=True)
        ),
        links=tuple(
            Link(tail=a, head=b, bandwidth_bps=1e7) for i, a in enumerate(names) for b in names[:i]
        ),
        models=(Model(name="m", layers=tuple(layers)),),
        tasks=(Task(name="task", model="m", source=None),),
    )


@pytest.mark.parametrize(
    ("instance", "why"),
    [
        # 70 + 70 + 70 > 100 + 100
        (packing_problem([70, 70, 70], [100, 100]), "210 bytes, must be <= 200"),
        # 51 + 50 > 100 each way, but 50 + 50 fits: three nodes for 51, 51, 51
        (packing_problem([51, 51, 51], [100, 100]), "of the 3 of 51 bytes or more at most 2 fit"),
        # of four of 40 a node of 119 holds two, and one of 79 one: 3 < 4, though 160 < 198
        (packing_problem([40] * 4, [119, 79]), "of the 4 of 40 bytes or more at most 3 fit"),
        # 190 <= 200, but beside 85 no 21 fits on 100, and five of 21 are 105
        (packing_problem([85, *[21] * 5], [100, 100]), "leave too little room"),
        # 60 is on n0 or n1, where a 50 is that may not be elsewhere
        (
            packing_problem([60, 50, 50], [100, 100, 1000], l0={"tiers": ("n0", "n1")},
                            l1={"tiers": ("n0",)}, l2={"tiers": ("n1",)}),
            "no two of which fit",
        ),
        # a group of 60 + 60 on nodes of 100
        (
            packing_problem([60, 60], [100, 100], l0={"group": "g"}, l1={"group": "g"}),
            "no node that may have the group of layer l0 of m holds its 120 bytes, "
            "must be <= 100, so 20 bytes are missing",
        ),
        # confined to n0: 60 + 60 > 100, though n1 is empty
        (
            packing_problem([60, 60, 1], [100, 500], l0={"tiers": ("n0",)}, l1={"tiers": ("n0",)}),
            "whatever the plan, n0 cannot hold what is confined to it: 120 bytes, must be <= 100",
        ),
    ],
    ids=["sum", "halves", "count", "large", "pairs", "group", "confined"],
)  # fmt: skip
def test_each_proof(instance: Instance, why: str) -> None:
    """The sentence says why; `ilp` answers with it first, and enumeration agrees."""
    reason = impossibility(instance, LOOSE)
    assert reason is not None
    assert why in reason
    plan = solve(instance, "ilp", objective="latency")
    assert plan.status == "infeasible"
    assert (plan.reason or "").startswith(reason)
    assert solve(instance, "brute-force", objective="latency").status == "infeasible"


def test_shared_weights_count_once() -> None:
    """70 three times, shared: one node holds them; `batch` knows no memory at all."""
    tied = {f"l{i}": {"weights": "tied"} for i in range(3)}
    assert impossibility(packing_problem([70] * 3, [100, 1], **tied), LOOSE) is None
    assert impossibility(packing_problem([70] * 3, [100, 1]), Objective("batch")) is None
    assert impossibility(packing_problem([70] * 3, [100, 1]), LOOSE) is not None


def test_no_proof_beside_an_exact_packing() -> None:
    """Nodes of 20 to 60 bytes, each cut into up to four layers: nothing to spare, and it fits.

    80 beside 20, the least there is, and 60 beside 40: on the edge of the bound that leaves no
    room for 20 beside more than 80.
    """
    assert impossibility(packing_problem([80, 60, 40, 20], [100, 100]), LOOSE) is None
    for seed in range(300):
        rng = np.random.default_rng(seed)
        rooms = rng.integers(20, 61, int(rng.integers(2, 7)))
        pieces: list[float] = []
        for room in rooms.tolist():
            cuts = np.sort(rng.choice(np.arange(1, room), int(rng.integers(0, 4)), replace=False))
            pieces += np.diff([0, *cuts, room]).tolist()
        order = rng.permutation(len(pieces))
        instance = packing_problem([pieces[i] for i in order], rooms.astype(float).tolist())
        assert impossibility(instance, LOOSE) is None


def test_no_proof_beside_a_sliced_plan_that_just_fits() -> None:
    """Every node has exactly the memory that a random plan, mostly sliced, takes there."""
    sliced = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        instance, decision = random_offloading(rng, slices=4, memory=True, rates=False)
        held = memory_bytes(instance, decision)
        nodes = [changed(n, memory_bytes=h) for n, h in zip(instance.nodes, held, strict=True)]
        tight = changed(instance, nodes=tuple(nodes))
        if decision_violations(tight, decision, LOOSE):
            continue
        assert impossibility(tight, LOOSE) is None
        sliced += any(task.stages for task in decision.tasks)
    assert sliced > 30


def test_agrees_with_enumeration() -> None:
    """Random instances with groups, tiers and shared weights: nothing feasible is called overfull.

    Most of what is infeasible for want of memory is.
    """
    proven = open_ = 0
    for seed in range(150):
        rng = np.random.default_rng(seed)
        instance = random_instance(
            rng, num_nodes=3, num_layers=4 - seed % 2, num_tasks=1 + seed % 2
        )
        models = instance.models
        if not any(model.shares_weights for model in models):
            models = with_shared_weights(rng, models, 0.4)
        total = sum(layer.weight_bytes for model in models for layer in model.layers)
        rooms = np.floor(rng.uniform(0.1, 0.6, 3) * total / (1 + seed % 2)).tolist()
        nodes = [changed(n, memory_bytes=r) for n, r in zip(instance.nodes, rooms, strict=True)]
        instance = changed(instance, models=models, nodes=tuple(nodes))
        feasible = solve(instance, "brute-force", objective="latency", monotone=False).value
        why = impossibility(instance, LOOSE)
        assert why is None or feasible is None, why
        proven += why is not None
        open_ += why is None and feasible is None
    assert proven > 30
    assert open_ <= 0.2 * proven
