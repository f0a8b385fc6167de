"""heft and cpop: ranks, order and placement by hand, and the rules of the lists."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from splitfog import Instance, evaluate, solve
from splitfog.baselines.simple.heft import critical_path, layer_ranks
from splitfog.formulations.arrays.task import task_arrays
from splitfog.formulations.costs.reference import decision_cost
from splitfog.formulations.decision import Decision, TaskDecision
from splitfog.formulations.objective import Objective
from splitfog.instances.generators import generate
from splitfog.instances.records import Layer, changed
from tests.cases import field
from tests.cases.small_networks import layer, link, network, node, places
from tests.cases.strategies import instances, random_instance


def fork() -> Instance:
    """a (1 s) feeds b (4 s) and c (3 s), dd (1 s) joins; two equal nodes; 1 MB/s between them."""
    layers = [layer("in", 0, 0), layer("a", 1, 1, "in"), layer("b", 4, 0.5, "a")]
    layers += [layer("c", 3, 0.5, "a"), layer("dd", 1, 0, "b", "c")]
    nodes = [node("d", 1e9, "device"), node("e", 1e9, "device")]
    return network(layers, nodes, [link("d", "e", 8e6)])


def test_ranks_by_hand() -> None:
    """dd 1; b 4 + 0.5 + 1; c 3 + 0.5 + 1; a 1 + 1 + 5.5; the input as a. Down: b, c 2; dd 6.5."""
    ranks = layer_ranks(task_arrays(fork()), monotone=True)
    assert ranks.upward.tolist() == pytest.approx([7.5, 7.5, 5.5, 4.5, 1.0])
    assert ranks.downward.tolist() == pytest.approx([0, 0, 2, 2, 6.5])
    path = critical_path(task_arrays(fork()), ranks.upward + ranks.downward)
    assert path == [1, 2, 4]


@pytest.mark.parametrize("solver", ["heft", "cpop"])
def test_by_hand(solver: str) -> None:
    """a, b on d until 5; c on e from 2 to 5; dd on d once c's 0.5 MB are there: 5.5 + 1 s."""
    plan = solve(fork(), solver, "makespan")
    assert (places(fork(), plan), plan.value) == ("ddded", 6.5)
    assert plan.tasks[0].order == ("in", "a", "b", "c", "dd")


def test_cpop_keeps_the_path_together_and_heft_does_not() -> None:
    """b takes 2.5 s on e: heft runs a on d, then b on e until 1 + 1 + 2.5 s < 1 + 4 s.

    The path a, b, dd takes 6 s on d and 4.5 s on e: cpop puts a on e too.
    """
    base = fork()
    layers = list(base.models[0].layers)
    layers[2] = layer("b", 4, 0.5, "a", times_s={"e": 2.5})
    instance = network(layers, list(base.nodes), list(base.links))
    assert places(instance, solve(instance, "heft", "makespan"))[1:3] == "de"
    path = places(instance, solve(instance, "cpop", "makespan"))
    assert (path[1], path[2], path[4]) == ("e", "e", "e")


def test_the_whole_path_is_on_its_best_node() -> None:
    """On a connected line without limits nothing keeps the critical path apart."""
    instance = generate("random-dag", seed=5, layers=40)
    arrays = task_arrays(instance)
    ranks = layer_ranks(arrays, monotone=False)
    path = critical_path(arrays, ranks.upward + ranks.downward)
    placement = solve(instance, "cpop", "makespan", monotone=False).placement("task0")
    nodes = {placement[arrays.model.layers[i].name] for i in path}
    assert nodes == {instance.nodes[int(arrays.times_s[path].sum(axis=0).argmin())].name}


@given(instances(), st.booleans(), st.sampled_from(["heft", "cpop"]))
def test_the_order_is_the_one_evaluated(instance: Instance, monotone: bool, solver: str) -> None:
    """Every plan has an order, and its value is that order's, not the default's."""
    plan = solve(instance, solver, "makespan", monotone=monotone)
    if plan.value is None:
        return
    model = instance.models[0]
    order = plan.tasks[0].order
    assert order is not None
    assert sorted(order) == sorted(layer.name for layer in model.layers)
    assert float(evaluate(instance, plan)) == plan.value


@given(instances(num_layers=4, limits=False))
def test_upward_ranks_fall_along_edges(instance: Instance) -> None:
    """So that their order is topological."""
    ranks = layer_ranks(task_arrays(instance), monotone=True).upward
    assert all(ranks[tail] >= ranks[head] for tail, head in instance.models[0].edges.tolist())


def test_a_better_order_is_taken_where_links_are_shared() -> None:
    """The plan's order is never worse than that of the ranks; enumeration bounds it from below."""
    base = fork()
    links = [link("d", "e", 8e6, shared=True)]
    instance = network(list(base.models[0].layers), list(base.nodes), links)
    plan = solve(instance, "heft", "makespan")
    assert plan.value is not None
    names = [layer.name for layer in instance.models[0].layers]
    at = plan.placement("t")
    placement = np.array([instance.node_index[at[name]] for name in names])
    values = []
    for order in permutations(range(1, 5)):
        if order[0] == 1 and order[-1] == 4:
            decision = Decision((TaskDecision(placement, (0, *order)),))
            values.append(float(decision_cost(instance, decision, Objective("makespan"))))
    assert min(values) <= plan.value <= max(values)


@pytest.mark.parametrize(("solver", "published"), [("heft", 80), ("cpop", 86)])
def test_the_published_example(solver: str, published: float) -> None:
    """Topcuoglu et al. 2002, figures 3 and 4: their edges with own sizes are zero-time layers."""
    instance = field.instance("edge-sizes-need-gadget")
    assert solve(instance, solver, "makespan").value == published


@pytest.mark.parametrize("solver", ["heft", "cpop"])
@pytest.mark.parametrize("links", [1, 2])
def test_edges_with_layers_of_their_own_change_nothing(solver: str, links: int) -> None:
    """A tensor sent by zero-time layers, one or two an edge, costs what it costs sent as it is.

    On 25 random DAGs where nothing waits for links; the layers themselves send nothing then.
    """
    for seed in range(25):
        instance = _unshared(random_instance(np.random.default_rng(seed), limits=False))
        plain = solve(instance, solver, "makespan", monotone=False).value
        carried = solve(_carried(instance, links), solver, "makespan", monotone=False).value
        assert (plain is None) == (carried is None)
        if plain is not None:
            assert carried == pytest.approx(plain, rel=1e-12)


@pytest.mark.parametrize("solver", ["heft", "cpop"])
def test_what_forwards_stays_though_it_could_go_elsewhere_as_soon(solver: str) -> None:
    """a sends nothing, so wide (3 MB) would end on d as early as on e, where a and b must be."""
    layers = [layer("in", 0, 0), layer("a", 1, 0, "in", tiers=("e",)), layer("wide", 0, 3, "a")]
    layers += [layer("b", 2, 0, "wide", tiers=("e",))]
    nodes = [node("d", 1e9, "device"), node("e", 1e9, "device")]
    plan = solve(network(layers, nodes, [link("d", "e", 8e6)]), solver, "makespan")
    assert (plan.placement("t")["wide"], plan.value) == ("e", 3.0)


def _unshared(instance: Instance) -> Instance:
    """The same where no hop waits, and no result is read."""
    model = instance.models[0]
    layers = tuple(changed(own, result=False) for own in model.layers)
    return changed(
        instance,
        nodes=tuple(changed(node, overlap=True) for node in instance.nodes),
        links=tuple(changed(link, shared=False) for link in instance.links),
        models=(changed(model, layers=layers),),
    )


def _carried(instance: Instance, links: int) -> Instance:
    """Every edge but an input's as zero-time layers in its producer's group, the last sends."""
    model = instance.models[0]
    zero = {node.name: 0.0 for node in instance.nodes}
    layers: list[Layer] = []
    for reader, inputs in zip(model.layers, model.inputs, strict=True):
        sources = []
        for tail in dict.fromkeys(inputs):
            producer = model.layers[tail]
            last = producer.name
            for turn in range(links if producer.op != "input" else 0):
                sent = producer.output_bytes if turn == links - 1 else 1e9
                name, group = f"{producer.name}-{reader.name}-{turn}", f"with {producer.name}"
                layers.append(
                    Layer(
                        name=name,
                        op="identity",
                        output_bytes=sent,
                        inputs=(last,),
                        times_s=zero,
                        tiers=producer.tiers,
                        group=group,
                    )
                )
                last = name
            sources.append(last)
        read = model.consumers[model.index[reader.name]]
        sent = 0.0 if read and reader.op != "input" else reader.output_bytes
        own = f"with {reader.name}" if reader.op != "input" else None
        layers.append(changed(reader, inputs=tuple(sources), output_bytes=sent, group=own))
    return changed(instance, models=(changed(model, layers=tuple(layers)),))
