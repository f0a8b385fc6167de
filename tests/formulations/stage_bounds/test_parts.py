"""Parts of the bound over all plans, each with an instance where it alone decides."""

from __future__ import annotations

import numpy as np
import pytest

from splitfog.formulations.costs.reference import decision_cost
from splitfog.formulations.costs.routes import routes_of
from splitfog.formulations.deadline import NEVER
from splitfog.formulations.decision import Decision, Slice, Stage, TaskDecision
from splitfog.formulations.objective import Objective
from splitfog.formulations.priced_bounds.family import families
from splitfog.formulations.priced_bounds.link_prices import Tolls
from splitfog.formulations.priced_bounds.loads import Loads
from splitfog.formulations.priced_bounds.places import FIRST
from splitfog.formulations.priced_bounds.without_stages import task_weights
from splitfog.formulations.stage_bounds import block_times
from splitfog.formulations.stage_bounds.all_plans import add_stages, bound_over_all_plans
from splitfog.formulations.stage_bounds.path_stages import PathStages
from splitfog.formulations.stage_bounds.shared_links import SharedLinks
from splitfog.formulations.stage_bounds.stage_times import StageTimes
from splitfog.instances.arrays import Floats, frozen
from splitfog.instances.instance import Instance
from splitfog.instances.records import Layer, Link, Model, Node, Task, Window, changed


def behind_a_relay() -> Instance:
    """A slow device, a relay that computes nothing, and two fast helpers behind it."""
    shape = (1, 40, 40)
    window = Window(kernel=(1, 1))
    layers = (
        Layer(name="x", op="input", output_shape=shape, output_bytes=1e6),
        Layer(
            name="c",
            op="conv",
            inputs=("x",),
            output_shape=shape,
            output_bytes=1.0,
            flops=1e9,
            window=window,
        ),
        Layer(name="r", op="activation", inputs=("c",), output_shape=shape, output_bytes=1.0),
    )
    return Instance(
        name="relay",
        tiers=("device",),
        nodes=(
            Node(name="a", tier="device", speed_flops=1e6),
            Node(name="relay", tier="device", speed_flops=1e6, quota=0),
            Node(name="b", tier="device", speed_flops=1e9),
            Node(name="c", tier="device", speed_flops=1e9),
        ),
        links=(
            Link(tail="a", head="relay", bandwidth_bps=8e6),
            Link(tail="relay", head="b", bandwidth_bps=8e15),
            Link(tail="relay", head="c", bandwidth_bps=8e15),
        ),
        models=(Model(name="m", layers=layers),),
        tasks=(Task(name="t", model="m", source="a", results_to="a"),),
    )


def test_a_shared_link_is_had_once():
    """All of the input crosses the one link out of the device, 1 s, whoever computes, and halves
    of the window take .5 s on each helper: 1.5 s. With a link for each way it would be 1 s in all.
    """
    bound = bound_over_all_plans(behind_a_relay())
    assert bound is not None
    assert 1.5 * (1 - 2e-2) <= bound <= 1.5


def test_stages_alike_share_the_least():
    """Before and after the activation the tensor is the same: the window alone stands for both
    stages with it, and the activation alone, between tensors of one size, for itself."""
    instance = behind_a_relay()
    (family,) = families(instance, task_weights(instance)[0])
    stages = PathStages(family)
    names = [[instance.models[0].layers[at].name for at in own] for own in stages.layers]
    least = [names[at] for at in stages.alike.tolist()]
    assert sorted(zip(names, least, strict=True)) == [
        (["c"], ["c"]),
        (["c", "r"], ["c"]),
        (["r"], ["r"]),
    ]


def test_ways_are_the_same_by_both_links():
    """The two helpers behind the relay have one way's links, the device is by itself."""
    instance = behind_a_relay()
    shared = SharedLinks.of(routes_of(instance), np.array([0]), np.array([0, 2, 3]))
    assert shared.way[0, 1] == shared.way[0, 2] != shared.way[0, 0]
    assert shared.in_s[0].tolist() == pytest.approx([0.0, 1e-6, 1e-6, 0.0])


def test_slices_load_their_nodes_whole():
    """Half of the work on each of two nodes, 1 s whole: r = .25 on each, so W = .25 .5 / (2 .75).

    With weights of a half, v = .25 / sqrt(2) and a load of no more than that would say less.
    """
    rate = 0.5
    base = behind_a_relay()
    layers = tuple(
        changed(layer, output_bytes=1.0) for layer in base.models[0].layers if layer.name != "r"
    )
    nodes = tuple(Node(name=n, tier="device", speed_flops=1e9, radio="parallel") for n in "ab")
    near = Link(tail="a", head="b", bandwidth_bps=8e15)
    instance = changed(
        base,
        nodes=nodes,
        links=(near,),
        models=(Model(name="m", layers=layers),),
        tasks=(Task(name="t", model="m", source="a", arrivals_per_s=rate),),
    )
    bound = bound_over_all_plans(instance)
    assert bound is not None
    load = rate / 2
    weighted = load / np.sqrt(2)
    both = 2 * weighted**2 / (2 * (1 - load)) / rate  # g of two nodes, over the rate
    alone = 2 * weighted**2 / (2 * (1 - weighted)) / rate  # as if visits weighed on them by halves
    assert 0.5 + (both + alone) / 2 < bound <= 0.5 + load * 0.5 / (2 * (1 - load))


@pytest.mark.parametrize("radio", ["serial", "parallel"])
def test_loads_of_a_stage_are_what_its_bound_grows_by(radio, monkeypatch) -> None:
    """With a hundredth more pressure a = .4 on a node and as much less, the bound of the window
    alone differs by v + a r of two hundredths, v and r being the loads: on the nodes behind one
    link, and at home, which has half their speed.
    """
    monkeypatch.setattr(block_times, "HALVINGS", 40)
    base = behind_a_relay()
    home = changed(base.nodes[0], speed_flops=5e8, radio=radio)
    instance = changed(base, nodes=(home, *base.nodes[1:]))
    (family,) = families(instance, task_weights(instance)[0])
    times, block, place = StageTimes(family), np.array([0]), np.array([0])
    pressure = np.array([0.4, 0.0, 0.3, 0.2])

    def bound(pressure):
        price, high = pressure + pressure**2 / 2, np.full(times.quick_s.shape, 9.0)
        return times.strong(block, place, price, high, NEVER), price

    seconds, price = bound(pressure)
    node, loads = times.helpers.at(place).node, times.steep_loads(block, place, price, seconds)
    for at in (0, 2, 3):
        step = 0.01 * (np.arange(4) == at)
        growth = (bound(pressure + step)[0] - bound(pressure - step)[0]) / 0.02
        v, r = (float(own[node == at].sum()) for own in (loads.weighted, loads.load))
        assert growth[0] > 0.01
        assert v + pressure[at] * r == pytest.approx(growth[0], rel=0.02)


@pytest.mark.parametrize("radio", ["serial", "parallel"])
@pytest.mark.parametrize("link", [0, 1, 2, 3])
def test_what_a_stage_pays_on_links_is_what_its_bound_grows_by(radio, link, monkeypatch) -> None:
    """The same for tolls on links: the way out of home and back, and those behind the relay."""
    monkeypatch.setattr(block_times, "HALVINGS", 40)
    base = behind_a_relay()
    home = changed(base.nodes[0], speed_flops=2e8, radio=radio)
    links = (
        changed(base.links[0], latency_s=0.01),
        *(changed(other, bandwidth_bps=8e7) for other in base.links[1:]),
    )
    (model,) = base.models
    layers = tuple(changed(layer, output_bytes=2e5) for layer in model.layers[1:])
    model = changed(model, layers=(model.layers[0], *layers))
    instance = changed(base, nodes=(home, *base.nodes[1:]), links=links, models=(model,))
    (family,) = families(instance, task_weights(instance)[0])
    times, routes = StageTimes(family), routes_of(instance)
    block, place, none = np.array([0]), np.array([0]), np.zeros(4)
    high = np.full(times.quick_s.shape, 9.0)

    def bound(toll: float) -> tuple[StageTimes, Floats]:
        tolls = np.full(len(routes.links), 0.2)
        tolls[link] = toll
        priced = times.priced(Tolls.of(routes, tolls))
        return priced, priced.strong(block, place, none, high)

    priced, seconds = bound(0.3)
    growth = (bound(0.4)[1] - bound(0.2)[1]) / 0.2
    loads = Loads(family, np.ones(1))
    add_stages(
        loads,
        priced.helpers.at(place),
        np.ones(1),
        np.zeros(1, int),
        priced.steep_loads(block, place, none, seconds),
    )
    table = loads.table()
    busy = table.load[table.column == 2 * 4 + link].sum()
    assert growth[0] > 2e-3
    assert busy == pytest.approx(growth[0], rel=0.02)


def one_way_to_a_relay(*layers: Layer) -> Instance:
    """Layers on 1 MB/s behind a slow source, from where one way leads to a relay that may compute
    nothing, and on to two nodes. Idle nodes apart make places too many to compare each with each.
    """
    base = behind_a_relay()
    idle = (changed(base.nodes[1], name=f"idle{at}") for at in range(2 * FIRST))
    links = (
        Link(tail="a", head="relay", bandwidth_bps=8e6, duplex=False),
        *(Link(tail="relay", head=head, bandwidth_bps=8e6) for head in "bc"),
    )
    return changed(
        base,
        nodes=(*base.nodes, *idle),
        links=links,
        models=(Model(name="m", layers=(base.models[0].layers[0], *layers)),),
        tasks=(Task(name="t", model="m", source="a"),),
    )


def assert_bounded(instance: Instance, *stages: Stage, least_s: float) -> None:
    """Held to the plan with the second layer on the relay and the third on the node behind."""
    answer = TaskDecision(frozen(np.array([0, 1, 2])), stages=stages)
    value = float(decision_cost(instance, Decision((answer,)), Objective("mean-latency")))
    assert value == pytest.approx(least_s, rel=1e-5)
    bound = bound_over_all_plans(instance)
    assert bound is not None
    assert 0.95 * least_s <= bound <= value


def test_places_where_nobody_computes_pass_on_what_stages_make_there() -> None:
    """The relay is home of a stage in halves on both nodes: 1 s to it, 1 s for each half, and on to
    where the next layer runs. With its home on one of them the input takes 2 s there; at the source
    no stage has its home, as no way leads back to it.
    """
    first = changed(behind_a_relay().models[0].layers[1], output_bytes=1.0)
    last = Layer(name="f", op="linear", inputs=("c",), flops=1e3, output_bytes=0.0)
    halves = (Slice(2, (0, 20), (0, 40)), Slice(3, (20, 40), (0, 40)))
    assert_bounded(one_way_to_a_relay(first, last), Stage((1,), 1, halves), least_s=2.0)


def test_places_where_nobody_computes_pass_on_what_takes_no_time_there() -> None:
    """A layer without work makes little of much, on the relay or behind it: 1 s to the relay."""
    less = Layer(name="z", op="other", inputs=("x",), output_bytes=1.0, tiers=("relay", "b"))
    last = Layer(name="f", op="linear", inputs=("z",), flops=1e3, output_bytes=0.0)
    assert_bounded(one_way_to_a_relay(less, last), least_s=1.0)
