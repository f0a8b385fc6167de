"""The cost of `batch`: queues per node, their order, and what a plan may not do."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from splitfog import evaluate, load_plan, save_plan, violations
from splitfog.formulations.claims.verify import false_claims
from splitfog.formulations.costs.batch import with_queues
from splitfog.formulations.costs.feasibility import decision_violations
from splitfog.formulations.costs.reference import decision_cost
from splitfog.formulations.decision import Decision, Slice, Stage, TaskDecision, placed
from splitfog.formulations.evaluation.describe import describe
from splitfog.formulations.objective import Objective
from splitfog.formulations.plan import decision_of, encode_plan
from splitfog.instances.arrays import frozen
from splitfog.instances.instance import Instance
from splitfog.instances.records import Layer, Link, Model, Node, Task, Window, changed
from tests.cases.random_offloading import random_offloading

BATCH = Objective("batch")


def small(quota=None, flops=(1e9, 3e9)):
    """Two tasks on a device of 1 GFLOP/s and a fog node of 2, one link of 8 Mbit/s and 10 ms."""
    models = tuple(
        Model(
            name=f"m{i}",
            layers=(
                Layer(name="x", op="input", output_bytes=1e5),
                Layer(name="l", op="other", inputs=("x",), flops=work, output_bytes=5e4),
            ),
        )
        for i, work in enumerate(flops)
    )
    return Instance(
        name="small",
        tiers=("device", "fog"),
        nodes=(
            Node(name="d", tier="device", speed_flops=1e9),
            Node(name="f", tier="fog", speed_flops=2e9, quota=quota),
        ),
        links=(Link(tail="d", head="f", bandwidth_bps=8e6, latency_s=0.01),),
        models=models,
        tasks=(
            Task(name="a", model="m0", source="d", results_to="d"),
            Task(name="b", model="m1", source="d"),
        ),
    )


def queued(*queues):
    """Both tasks on the fog node, served as the queues say."""
    return changed(placed([0, 1], [0, 1]), queues=queues)


A, B = (0, None, None), (1, None, None)


def test_waiting_counts_the_services_before():
    """Transfers in and out, services before the own, the own; the mean over both."""
    # in: 0.01 + 1e5 / 1e6 = 0.11 each; out of a: 0.01 + 0.05 = 0.06, b has no results_to;
    # services 1e9 / 2e9 = 0.5 and 3e9 / 2e9 = 1.5
    # a first: a = 0.11 + 0.5 + 0.06 = 0.67, b = 0.11 + 0.5 + 1.5 = 2.11
    cost = decision_cost(small(), queued((), (A, B)), BATCH)
    assert cost == pytest.approx((0.67 + 2.11) / 2)
    assert [task.latency_s for task in cost.tasks] == pytest.approx([0.67, 2.11])
    assert [task.wait_s for task in cost.tasks] == pytest.approx([0.0, 0.5])
    assert cost.ledger.node_busy_s == pytest.approx([0.0, 2.0])
    # b first: a = 0.67 + 1.5, b = 1.61
    cost = decision_cost(small(), queued((), (B, A)), BATCH)
    assert cost == pytest.approx((2.17 + 1.61) / 2)


def test_slices_are_subtasks_of_their_own():
    """The mean is over slices; a task's latency is the mean of its own."""
    model = Model(
        name="m",
        layers=(
            Layer(name="x", op="input", output_shape=(1, 4, 4), output_bytes=1600.0),
            Layer(
                name="c",
                op="conv",
                inputs=("x",),
                flops=4e9,
                output_shape=(1, 4, 4),
                output_bytes=800.0,
                window=Window(kernel=(1, 1)),
            ),
        ),
    )
    base = small()
    instance = Instance(
        name="sliced",
        tiers=base.tiers,
        nodes=base.nodes,
        links=(Link(tail="d", head="f", bandwidth_bps=8e3),),
        models=(model,),
        tasks=(Task(name="a", model="m", source="d"),),
    )
    parts = (Slice(0, (0, 1), (0, 4)), Slice(1, (1, 4), (0, 4)))
    answer = TaskDecision(frozen(np.array([0, 0])), stages=(Stage((1,), 0, parts),))
    # a quarter at home: 1 s; three quarters on f: 1200 bytes in 1.2 s, 1.5 s, 600 bytes 0.6 s
    cost = decision_cost(instance, Decision((answer,)), BATCH)
    assert cost == pytest.approx((1.0 + 3.3) / 2)
    assert cost.ledger.link_bytes == pytest.approx([1200.0, 600.0])


@pytest.mark.parametrize("seed", range(8))
def test_without_queues_the_best_order_counts(seed):
    """No order of the subtasks on their nodes is better than the one that is filled in."""
    rng = np.random.default_rng(seed)
    instance, decision = random_offloading(rng, num_tasks=3, quotas=False)
    filled = with_queues(instance, decision)
    value = decision_cost(instance, decision, BATCH)
    assert decision_cost(instance, filled, BATCH) == value
    assert filled.queues is not None
    for node, queue in enumerate(filled.queues):
        for order in permutations(queue[:5]):
            queues = list(filled.queues)
            queues[node] = (*order, *queue[5:])
            other = decision_cost(instance, changed(filled, queues=tuple(queues)), BATCH)
            assert other >= value * (1 - 1e-12)


@pytest.mark.parametrize(
    ("decision", "sentence"),
    [
        (queued((), (A,)), "task b is in no queue, must be in that of f"),
        (queued((A,), (B,)), "task a is in the queue of d, must be in that of f"),
        (queued((), (A, A, B)), "task a is in the queue of f more than once"),
        (
            queued((), (A, B, (0, 0, 0))),
            "the queue of f names task a: slice 0 of stage 0, which is no subtask",
        ),
    ],
)
def test_queues_hold_every_subtask_once(decision, sentence):
    """A subtask is in the queue of its node, once; nothing else is in a queue."""
    assert sentence in decision_violations(small(), decision, BATCH)


def test_a_subtask_out_of_its_queue_costs_infinity():
    """What is never served has no latency."""
    assert decision_cost(small(), queued((), (A,)), BATCH) == float("inf")


def test_quota_counts_foreign_subtasks():
    """Two guests on a node of quota one are one too many; its own tasks do not count."""
    both = placed([0, 1], [0, 1])
    assert decision_violations(small(quota=2), both, BATCH) == []
    assert decision_violations(small(quota=1), both, BATCH) == [
        "node f serves 2 foreign subtasks, must be <= 1"
    ]
    assert decision_violations(small(quota=0), placed([0, 0], [0, 0]), BATCH) == []


def test_a_task_without_stages_is_not_torn_apart():
    """Its layers are on one node, but for the inputs."""
    layers = (*small().models[0].layers, Layer(name="e", op="other", inputs=("l",), output_bytes=1))
    base = small()
    instance = Instance(
        name="three",
        tiers=base.tiers,
        nodes=base.nodes,
        links=base.links,
        models=(Model(name="m0", layers=layers), base.models[1]),
        tasks=base.tasks,
    )
    sentences = decision_violations(instance, placed([0, 0, 1], [0, 0]), BATCH)
    assert len(sentences) == 1
    assert "layer e is on f, must be on d with the others" in sentences[0]


def test_memory_does_not_count():
    """A node may be given more weights than it holds."""
    base = small()
    node = changed(base.nodes[1], memory_bytes=0.0)
    layers = base.models[0].layers
    heavy = changed(layers[1], weight_bytes=10.0)
    instance = Instance(
        name="full",
        tiers=base.tiers,
        nodes=(base.nodes[0], node),
        links=base.links,
        models=(Model(name="m0", layers=(layers[0], heavy)), base.models[1]),
        tasks=base.tasks,
    )
    decision = placed([0, 1], [0, 0])
    assert decision_violations(instance, decision, BATCH) == []
    assert decision_violations(instance, decision, Objective("mean-latency"))


def test_a_plan_keeps_its_queues(tmp_path):
    """Written, read and verified: the order is the plan's, and a wrong value is found."""
    instance = small()
    plan = describe(instance, queued((), (B, A)), BATCH)
    assert plan.nodes["f"].queue == (("b", None, None), ("a", None, None))
    save_plan(plan, tmp_path / "plan.json")
    again = load_plan(tmp_path / "plan.json")
    assert encode_plan(again) == encode_plan(plan)
    assert decision_of(instance, again).queues == ((), (B, A))
    assert float(evaluate(instance, again)) == plan.value
    assert violations(instance, again) == []
    assert false_claims(instance, again) == []
    assert false_claims(instance, changed(again, value=1.0))


def test_a_bare_placement_is_given_its_queues():
    """A plan described without queues names those that its value is of."""
    plan = describe(small(), placed([0, 1], [0, 1]), BATCH)
    assert plan.nodes["f"].queue == (("a", None, None), ("b", None, None))
    assert plan.nodes["d"].queue == ()
    assert false_claims(small(), plan) == []
