"""Instances made of others name nothing that is gone; a bug in making one is no user's fault."""

from __future__ import annotations

from dataclasses import replace as with_fields

import numpy as np
import pytest

from splitfog.instances.changes import derived, with_one_task, without_nodes
from splitfog.instances.records import Instance, Layer, Link, Model, Node, Task
from tests.cases.wild import wild_instance


def _named(*layers: Layer) -> Instance:
    """Nodes edge (named as its tier), e1, u; the task is born at u."""
    return Instance(
        name="named",
        tiers=("device", "edge"),
        nodes=(
            Node(name="u", tier="device", speed_flops=1e9),
            Node(name="edge", tier="edge", speed_flops=2e9),
            Node(name="e1", tier="edge", speed_flops=3e9),
        ),
        links=(
            Link(tail="u", head="edge", bandwidth_bps=1e6),
            Link(tail="e1", head="u", bandwidth_bps=1e6),
        ),
        models=(Model(name="m", layers=layers),),
        tasks=(Task(name="t", model="m", source="u"),),
        meta={"optimum": {"latency": 1.0}},
    )


def test_all_that_names_the_node_goes() -> None:
    """Its links, its keys in `times_s`, its places in `tiers`; the optimum of the other problem."""
    layer = Layer(
        name="a", op="other", output_bytes=1, times_s={"e1": 1.0, "u": 2.0}, tiers=("e1", "device")
    )
    left = _named(layer).without_node("e1")
    assert [node.name for node in left.nodes] == ["u", "edge"]
    assert [(link.tail, link.head) for link in left.links] == [("u", "edge")]
    assert left.models[0].layers[0].times_s == {"u": 2.0}
    assert left.models[0].layers[0].tiers == ("device",)
    assert left.meta == {}


def test_a_name_that_is_a_tiers_means_the_tier() -> None:
    """Without the node `edge` its tier keeps its times and its places, for e1."""
    layer = Layer(name="a", op="other", output_bytes=1, times_s={"edge": 1.0}, tiers=("edge",))
    left = _named(layer).without_node("edge")
    assert left.models[0].layers[0] == layer


def test_nowhere_is_not_anywhere() -> None:
    """A layer that could only be on the node may be on none then: no plan is feasible."""
    from splitfog import solve

    layer = Layer(name="a", op="other", output_bytes=1, tiers=("e1",))
    left = _named(layer).without_node("e1")
    assert left.models[0].layers[0].tiers == ()
    plan = solve(left, "ilp")
    assert plan.status == "infeasible"


@pytest.mark.parametrize("end", ["source", "results_to"])
def test_refused_where_a_task_ends(end: str) -> None:
    """A sentence says which task needs the node."""
    instance = _named(Layer(name="a", op="other", output_bytes=1))
    task = Task(name="t", model="m", source="e1" if end == "source" else "u", results_to="e1")
    instance = with_fields(instance, tasks=(task,))
    with pytest.raises(ValueError, match=r"node e1 .* of task t, must stay"):
        instance.without_node("e1")


def test_unknown_and_last() -> None:
    """A name that no node has is named with those there are; one node must stay."""
    instance = _named(Layer(name="a", op="other", output_bytes=1))
    with pytest.raises(LookupError, match="'fog9', must be one of u, edge, e1"):
        instance.without_node("fog9")
    free = with_fields(instance, tasks=(Task(name="t", model="m", source=None),))
    with pytest.raises(ValueError, match="one must stay"):
        without_nodes(free, ["u", "edge", "e1"])


def test_any_instance() -> None:
    """Of 300 random instances, every node either goes, names and all, or is an end of a task."""
    gone = 0
    for seed in range(300):
        instance = wild_instance(np.random.default_rng([seed, 1]))
        ends = {end for task in instance.tasks for end in (task.source, task.results_to)}
        for node in instance.nodes:
            if node.name in ends or len(instance.nodes) == 1:
                continue
            left = instance.without_node(node.name)
            gone += 1
            places = {own.name for own in left.nodes} | set(left.tiers)
            for layer in (layer for model in left.models for layer in model.layers):
                assert {*layer.times_s, *(layer.tiers or ())} <= places
            alone = with_one_task(left, 0)
            assert (len(alone.tasks), len(alone.models)) == (1, 1)
    assert gone > 200


def test_a_defective_inner_instance_is_a_bug() -> None:
    """It is no `InstanceError`, which would be blamed on the user's file (exit 2)."""
    instance = _named(Layer(name="a", op="other", output_bytes=1))
    with pytest.raises(RuntimeError, match="made of named is defective: models"):
        derived(instance, models=())
