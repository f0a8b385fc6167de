"""Instances made of others name nothing that is gone; a bug in making one is no user's fault."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from splitfog import solve
from splitfog.instances.changes import derived, with_one_task, without_nodes
from splitfog.instances.defects import InstanceError
from splitfog.instances.instance import Instance, encode_instance
from splitfog.instances.records import Layer, Link, Model, Node, Task, changed
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
    instance = changed(instance, tasks=(task,))
    with pytest.raises(ValueError, match=r"node e1 .* of task t, must stay"):
        instance.without_node("e1")


def test_unknown_and_last() -> None:
    """A name that no node has is named with those there are; one node must stay."""
    instance = _named(Layer(name="a", op="other", output_bytes=1))
    with pytest.raises(LookupError, match="'fog9', must be one of u, edge, e1"):
        instance.without_node("fog9")
    free = changed(instance, tasks=(Task(name="t", model="m", source=None),))
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


LAYERS = (
    Layer(name="a", op="other", output_bytes=1, times_s={"u": 2.0, "e1": 1.0}),
    Layer(name="b", op="other", output_bytes=1, inputs=("a",)),
)


def _changed(instance: Instance, **fields: Any) -> Instance:
    """The instance with other fields and, as what it says would be of another, no `meta`."""
    return changed(instance, meta={}, **fields)


def test_other_times_are_those_of_a_hand_made_instance() -> None:
    """By node and by tier, numpy's numbers too; what is not named stays, also in the original."""
    instance = _named(*LAYERS)
    made = instance.with_times({"a": {"e1": np.float64(0.5)}, "b": {"device": 3}})
    layers = (
        changed(LAYERS[0], times_s={"u": 2.0, "e1": 0.5}),
        changed(LAYERS[1], times_s={"device": 3.0}),
    )
    hand = _changed(instance, models=(Model(name="m", layers=layers),))
    assert made == hand
    assert encode_instance(made) == encode_instance(hand)
    assert instance == _named(*LAYERS)
    assert instance.with_times({}, model="m") == _changed(instance)


def test_other_times_are_in_every_answer() -> None:
    """After a solve, which keeps arrays of the first times: 2 s at u, then 0.25 s."""
    instance = _named(changed(LAYERS[0], tiers=("device",)))
    before = solve(instance, "min-cut")
    after = solve(instance.with_times({"a": {"u": 0.25}}), "min-cut")
    assert (before.value, after.value) == (2.0, 0.25)


def test_the_model_is_named_where_there_are_several() -> None:
    """The other model's layer of the same name keeps its times."""
    models = tuple(Model(name=name, layers=LAYERS) for name in ("m", "n"))
    instance = changed(_named(*LAYERS), models=models)
    with pytest.raises(ValueError, match="model = None, must be one of m, n"):
        instance.with_times({"a": {"u": 1.0}})
    made = instance.with_times({"a": {"u": 7.0}}, model="n")
    assert made.models[0] is instance.models[0]
    assert made.models[1].layers[0].times_s == {"u": 7.0, "e1": 1.0}


@pytest.mark.parametrize(
    ("times_s", "message"),
    [
        ({"z": {"u": 1.0}}, "unknown layer of m 'z'; known: a, b"),
        ({"a": {"e2": 1.0}}, "unknown node or tier 'e2', did you mean 'e1'"),
        ({"a": {"u": -1.0}}, r"times_s\.a\.u = -1.0, must be a finite number >= 0"),
        ({"a": {"u": np.nan}}, r"times_s\.a\.u = NaN, must be a finite number >= 0"),
        ({"a": {"u": "1"}}, r"times_s\.a\.u = \"1\", must be a finite number >= 0"),
        ({"a": 1.0}, r"times_s\.a = 1.0, must be an object"),
        (1.0, r"times_s = 1.0, must be an object"),
    ],
)
def test_wrong_times_are_named(times_s: Any, message: str) -> None:
    """Unknown names with those that are known, values as in a file."""
    with pytest.raises((LookupError, InstanceError), match=message):
        _named(*LAYERS).with_times(times_s)


def test_unknown_model() -> None:
    """Named with those that there are."""
    with pytest.raises(LookupError, match="unknown model 'o'; known: m"):
        _named(*LAYERS).with_times({}, model="o")


def test_other_fields_of_a_task() -> None:
    """What is named changes, the rest and the original stay; None lifts a deadline."""
    instance = _named(*LAYERS)
    made = instance.with_task("t", deadline_s=np.float64(0.5), results_to="e1")
    task = Task(name="t", model="m", source="u", deadline_s=0.5, results_to="e1")
    assert made == _changed(instance, tasks=(task,))
    assert made.with_task("t", deadline_s=None, results_to=None) == _changed(instance)
    assert instance == _named(*LAYERS)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"deadline_s": -1}, r"tasks\[0\]\.deadline_s = -1, must be"),
        ({"source": "x"}, r'tasks\[0\]\.source = "x", must be a node'),
        ({"deadline": 1}, r"tasks\[0\]\.deadline = 1, unknown key"),
    ],
)
def test_wrong_fields_of_a_task_are_named(fields: dict[str, Any], message: str) -> None:
    """Unknown nodes and keys, another name, values as in a file; an unknown task, too."""
    with pytest.raises(InstanceError, match=message):
        _named(*LAYERS).with_task("t", **fields)
    with pytest.raises(LookupError, match="unknown task 's'"):
        _named(*LAYERS).with_task("s", **fields)


def _link(tail: str, head: str, bandwidth_bps: float = 1e6, **fields: Any) -> Link:
    return Link(tail=tail, head=head, bandwidth_bps=bandwidth_bps, **fields)


LINK_CHANGES: list[tuple[tuple[str, str], dict[str, Any], list[Link]]] = [
    # the duplex link u - edge, from both its ends; then one way of it
    (("u", "edge"), {"bandwidth_bps": 5}, [_link("u", "edge", 5.0), _link("e1", "u")]),
    (("edge", "u"), {"latency_s": 1.0}, [_link("u", "edge", latency_s=1.0), _link("e1", "u")]),
    (
        ("edge", "u"),
        {"bandwidth_bps": np.float64(5), "directions": "forward"},
        [
            _link("u", "edge", duplex=False),
            _link("edge", "u", 5.0, duplex=False),
            _link("e1", "u"),
        ],
    ),
    (
        ("u", "edge"),
        {"shared": True, "directions": "forward"},
        [
            _link("u", "edge", shared=True, duplex=False),
            _link("edge", "u", duplex=False),
            _link("e1", "u"),
        ],
    ),
    # only the way there stays
    (("edge", "u"), {"duplex": False}, [_link("edge", "u", duplex=False), _link("e1", "u")]),
    (("u", "edge"), {"duplex": False}, [_link("u", "edge", duplex=False), _link("e1", "u")]),
    # a new link
    (
        ("e1", "edge"),
        {"bandwidth_bps": 7.0},
        [_link("u", "edge"), _link("e1", "u"), _link("e1", "edge", 7.0)],
    ),
    (
        ("edge", "e1"),
        {"bandwidth_bps": 7.0, "directions": "forward"},
        [_link("u", "edge"), _link("e1", "u"), _link("edge", "e1", 7.0, duplex=False)],
    ),
]


@pytest.mark.parametrize(("ends", "change", "links"), LINK_CHANGES)
def test_other_links_are_those_of_a_hand_made_instance(
    ends: tuple[str, str], change: dict[str, Any], links: list[Link]
) -> None:
    """A duplex link both ways, or one way where that is said; what is not there is added."""
    instance = _named(*LAYERS)
    made = instance.with_link(*ends, **change)
    assert made == _changed(instance, links=links)
    assert instance == _named(*LAYERS)


def test_one_way_links_change_one_way() -> None:
    """Two links of one pair are apart; a new one beside one that comes back is no duplex."""
    instance = changed(_named(*LAYERS), links=(_link("u", "edge", duplex=False),))
    both = instance.with_link("edge", "u", bandwidth_bps=3.0)
    assert both.links == (instance.links[0], _link("edge", "u", 3.0, duplex=False))
    assert both.with_link("u", "edge", bandwidth_bps=2.0).links == (
        _link("u", "edge", 2.0, duplex=False),
        both.links[1],
    )
    assert instance.with_link("u", "edge", duplex=True).links == (_link("u", "edge"),)


@pytest.mark.parametrize(
    ("ends", "change", "message"),
    [
        (("u", "x"), {"bandwidth_bps": 1.0}, "unknown node 'x'; known: u, edge, e1"),
        (("u", "edge"), {"bandwidth_bps": 0}, r"links\[0\]\.bandwidth_bps = 0, must be a finite"),
        (("u", "edge"), {"bandwith": 1}, r"links\[0\]\.bandwith = 1, unknown key, must be one of"),
        (("u", "edge"), {"to": "e1"}, r"links\[0\]\.to = \"e1\", must stay edge"),
        (("edge", "e1"), {}, r"links\[2\]\.bandwidth_bps is missing"),
        (("u", "u"), {"bandwidth_bps": 1}, r"links\[2\]\.to = \"u\", must differ from its `from`"),
        (
            ("u", "edge"),
            {"directions": "back"},
            "directions = 'back', must be one of both, forward",
        ),
        (("u", "edge"), {"directions": "forward", "duplex": True}, "duplex = true, must be false"),
    ],
)
def test_wrong_links_are_named(ends: tuple[str, str], change: dict[str, Any], message: str) -> None:
    """Names, fields and values, with what is allowed."""
    with pytest.raises((LookupError, ValueError), match=message):
        _named(*LAYERS).with_link(*ends, **change)


def test_other_nodes_are_those_of_a_hand_made_instance() -> None:
    """The named fields of one that is there; None where a file may have null; a new one is last."""
    instance = _named(*LAYERS)
    u, *others = instance.nodes
    made = instance.with_node("u", speed_flops=5, memory_bytes=2.0)
    assert made == _changed(
        instance, nodes=(changed(u, speed_flops=5.0, memory_bytes=2.0), *others)
    )
    assert made.with_node("u", memory_bytes=None).nodes[0] == changed(u, speed_flops=5.0)
    more = instance.with_node("e2", tier="edge", speed_flops=1e9)
    assert more == _changed(
        instance, nodes=(u, *others, Node(name="e2", tier="edge", speed_flops=1e9))
    )


@pytest.mark.parametrize(
    ("name", "fields", "message"),
    [
        ("u", {"speed_flops": -1}, r"nodes\[0\]\.speed_flops = -1, must be a finite number > 0"),
        ("u", {"speed": 1}, r"nodes\[0\]\.speed = 1, unknown key, must be one of name, tier"),
        ("u", {"tier": "fog"}, r"nodes\[0\]\.tier = \"fog\", must be a tier"),
        ("e2", {"speed_flops": 1}, r"nodes\[3\]\.tier is missing"),
        ("e2", {"tier": "edge"}, r"nodes\[3\]\.speed_flops is missing"),
        ("device", {"tier": "edge", "speed_flops": 1}, "must not be the name of a tier"),
    ],
)
def test_wrong_nodes_are_named(name: str, fields: dict[str, Any], message: str) -> None:
    """Fields and values, with what is allowed."""
    with pytest.raises(InstanceError, match=message):
        _named(*LAYERS).with_node(name, **fields)


@pytest.mark.parametrize("seed", range(20))
def test_changed_back_is_the_same(seed: int) -> None:
    """Every node and link of random instances changed and changed back, every layer's times given
    again: the same. Then every way of every link, made twice as fast by itself: all twice."""
    instance = wild_instance(np.random.default_rng(seed))
    same = instance
    for node in instance.nodes:
        same = same.with_node(node.name, speed_flops=2 * node.speed_flops)
        same = same.with_node(node.name, speed_flops=node.speed_flops)
    for link in instance.links:
        for tail, head in [(link.tail, link.head), (link.head, link.tail)][: 1 + link.duplex]:
            same = same.with_link(tail, head, latency_s=link.latency_s + 1)
            same = same.with_link(tail, head, latency_s=link.latency_s)
    for model in instance.models:
        times_s = {layer.name: layer.times_s for layer in model.layers}
        same = same.with_times(times_s, model=model.name)
    assert same == _changed(instance)
    for way in instance.directed_links:
        ends = (instance.nodes[way.tail].name, instance.nodes[way.head].name)
        same = same.with_link(*ends, directions="forward", bandwidth_bps=2 * way.bandwidth_bps)
    doubled = [
        changed(link, bandwidth_bps=2 * link.bandwidth_bps) for link in instance.directed_links
    ]
    assert list(same.directed_links) == doubled
