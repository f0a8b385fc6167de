"""The bound over plans without stages: below all of them, with waits, and exact where they meet."""

from __future__ import annotations

import numpy as np
import pytest

import splitfog as sf
from splitfog.formulations.costs.routes import routes_of
from splitfog.formulations.priced_bounds.loads import LoadTable
from splitfog.formulations.priced_bounds.places import Places
from splitfog.formulations.priced_bounds.prices import Prices, pressure_of, taken_back
from splitfog.formulations.priced_bounds.rounds import priced_bound
from splitfog.formulations.priced_bounds.without_stages import bound_without_stages
from splitfog.formulations.stage_bounds.all_plans import bound_over_all_plans
from splitfog.instances.instance import Instance
from splitfog.instances.records import Layer, Link, Model, Node, Task, changed
from tests.formulations.stage_bounds.streams import LOOSE, best_plan, streams


def test_no_plan_without_stages_is_below():
    """The best of many random placements costs at least the bound, over random instances."""
    seen = 0
    for seed in range(60):
        instance = streams(np.random.default_rng(seed))
        value = best_plan(np.random.default_rng(seed), instance, sliced=False, tries=60)
        if value < np.inf:
            seen += 1
            bound = bound_without_stages(instance)
            assert bound is not None, seed
            assert bound <= value, seed
    assert seen > 25


def alone(rate, quota=None, **figures):
    """One layer of 0.5 s at the source; 0.1 s on a fog node, and 0.05 s to get there."""
    layers = (
        Layer(name="x", op="input", output_bytes=5e4),
        Layer(name="l", op="other", inputs=("x",), flops=1e9, output_bytes=1.0),
    )
    nodes = (
        Node(name="d", tier="device", speed_flops=2e9, quota=0),
        Node(name="f", tier="fog", speed_flops=1e10, quota=quota),
    )
    return Instance(
        name="alone",
        tiers=("device", "fog"),
        nodes=nodes,
        links=(Link(tail="d", head="f", bandwidth_bps=8e6),),
        models=(Model(name="m", layers=layers),),
        tasks=(Task(name="t", model="m", source="d", arrivals_per_s=rate, **figures),),
    )


def test_one_visit_is_exact():
    """At the source: 1 a second, rho = .5, W = .25 / (2 x .5) = .25, so .75 s; the fog is shut."""
    assert bound_without_stages(alone(1.0, quota=0)) == pytest.approx(0.75)


def test_a_guest_is_exact():
    """In the fog: rho = .1, W = .01 / (2 x .9), so .05 + .1 + .00556 s, far below .75."""
    assert bound_without_stages(alone(1.0)) == pytest.approx(0.15 + 0.01 / 1.8)


def test_without_rates_nothing_waits():
    """.05 s there and .1 s of work."""
    assert bound_without_stages(alone(None)) == pytest.approx(0.15)


def test_results_come_home():
    """One byte back over 8e6 bit/s takes 1e-6 s more."""
    assert bound_without_stages(alone(None, results_to="d")) == pytest.approx(0.150001)


def test_two_that_share_a_node_wait_for_each_other():
    """Twice .4 a second at one fog node, .1 s each: rho = .08, W = .008 / (2 x .92)."""
    base = alone(0.4)
    twice = changed(base, tasks=(*base.tasks, changed(base.tasks[0], name="u")))
    assert bound_without_stages(twice) == pytest.approx(0.15 + 0.008 / 1.84)


def test_waits_at_an_own_source_are_no_mean_of_plans():
    """Two layers of .3 s at the source, .7 a second, or the second in .08 s elsewhere, .3 s away.

    All at home: rho = .42 and W = .7 x .36 / (2 x .58). One layer: rho = .21 and W = .7 x .09 / (2
    x .79), and rho = .056 in the fog. That is less; .4 s away it is more. A price on the source
    would leave the least of both plans' lines, below both.
    """
    layers = (
        Layer(name="x", op="input", output_bytes=1e9),
        Layer(name="l", op="other", inputs=("x",), flops=6e8, output_bytes=3e5),
        Layer(name="m", op="other", inputs=("l",), flops=6e8, output_bytes=1.0),
    )
    base = alone(0.7)
    nodes = (base.nodes[0], changed(base.nodes[1], speed_flops=7.5e9))
    near = changed(base, models=(Model(name="m", layers=layers),), nodes=nodes)
    home = 0.6 + 0.7 * 0.36 / 1.16
    away = 0.38 + 0.7 * 0.09 / 1.58 + 0.7 * 0.0064 / 1.888
    assert bound_without_stages(near) == pytest.approx(0.3 + away)
    assert 0.3 + away < home < 0.4 + away
    far = changed(near, links=(changed(base.links[0], bandwidth_bps=8 * 3e5 / 0.4),))
    assert bound_without_stages(far) == pytest.approx(home)


def test_a_tensor_that_its_link_cannot_carry_so_often_stays():
    """.24 s at home, 4 times a second: rho = .96, W = 4 x .0576 / (2 x .04) = 2.88 s. In the fog it
    is .01 s, .3 s away, which would keep the link busy 1.2 times over; 3 times a second it is .9.
    """
    base = alone(4.0)
    speeds = (1e9 / 0.24, 1e11)
    nodes = tuple(changed(n, speed_flops=s) for n, s in zip(base.nodes, speeds, strict=True))
    link = changed(base.links[0], bandwidth_bps=8 * 5e4 / 0.3)
    instance = changed(base, nodes=nodes, links=(link,))
    assert bound_without_stages(instance) == pytest.approx(3.12)
    assert bound_over_all_plans(instance) == pytest.approx(3.12, rel=1e-3)
    seldom = changed(instance, tasks=(changed(base.tasks[0], arrivals_per_s=3.0),))
    assert bound_without_stages(seldom) == pytest.approx(0.31 + 3e-4 / 1.94)


def test_a_seldom_task_may_use_links_that_an_often_one_of_its_model_may_not():
    """`e` and the fog nodes are .3 s apart, 1.2 times too much for 4 tensors a second, not for 1.

    So `u` leaves for both fog nodes, .01 s of work on each, in .62 s and waits: at home it takes
    .96 s and more. A bound by the other task's rate, or one that keeps `u` at home, would be above
    the best plan, in which `t` stays, as no link leads back to it.
    """
    layers = (
        Layer(name="x", op="input", output_bytes=5e4),
        _on("l", "x", {"d": 0.12, "e": 0.48, "f": 0.01, "g": 5.0}, 5e4),
        _on("m", "l", {"d": 0.12, "e": 0.48, "f": 5.0, "g": 0.01}, 1.0),
    )
    base = alone(4.0)
    (d, f), task = base.nodes, base.tasks[0]
    links = [Link(tail=a, head=b, bandwidth_bps=4e5 / s, duplex=a != "d") for a, b, s in _WAYS]
    instance = changed(
        base,
        nodes=(d, changed(d, name="e"), f, changed(f, name="g")),
        links=tuple(links),
        models=(Model(name="m", layers=layers),),
        tasks=(task, changed(task, name="u", source="e", arrivals_per_s=1.0)),
    )
    best = sf.solve(instance, solver="brute-force", objective=LOOSE)
    assert best.value is not None
    assert best.tasks[1].placement == {"x": "e", "l": "f", "m": "g"}
    for bound in (bound_without_stages, bound_over_all_plans):
        assert 0.0 < (bound(instance) or 0.0) <= best.value


_WAYS = (("d", "f", 1e-3), ("e", "f", 0.3), ("f", "g", 0.3))


def _on(name: str, before: str, seconds: dict[str, float], size: float) -> Layer:
    """A layer with a time on each node."""
    return Layer(name=name, op="other", inputs=(before,), times_s=seconds, output_bytes=size)


def test_a_closed_source_is_no_strangers():
    """A user with a slow device may not use the neighbour's fast one, which has quota 0."""
    base = alone(None)
    fast = Node(name="e", tier="device", speed_flops=1e12, quota=0)
    link = Link(tail="f", head="e", bandwidth_bps=8e12)
    near = changed(base, nodes=(*base.nodes, fast), links=(*base.links, link))
    assert bound_without_stages(near) == pytest.approx(0.15)


def test_a_layer_that_may_run_nowhere_has_no_bound():
    """None, as no number is below nothing."""
    base = alone(1.0)
    layers = base.models[0].layers
    shut = changed(base.models[0], layers=(layers[0], changed(layers[1], tiers=())))
    assert bound_without_stages(changed(base, models=(shut,))) is None


def test_what_is_taken_back_by_enumeration():
    """The most of a v + r a^2 / 2 - v^2 / (2 (1 - r)) over all loads, weighted and not."""
    weighted, load = np.meshgrid(np.linspace(0, 20, 2_001), np.linspace(0, 0.97, 98))
    for mu in (0.0, 0.1, 1.5, 20.0):
        a = float(pressure_of(np.array([mu]))[0])
        assert a + a**2 / 2 == pytest.approx(mu)
        gained = a * weighted + load * a**2 / 2 - weighted**2 / (2 * (1 - load))
        assert taken_back(np.array([mu]))[0] == pytest.approx(gained.max(), abs=1e-4)


def test_the_next_prices_are_the_best_for_all_that_was_done():
    """A task of 1 s, once a second, on the cheaper of two equal nodes: the first round loads one,
    the second the other, and pressures rise by steps, to .2, .8 and to 1, that of halves, mu = 1.5:
    1 + v^2 / (2 (1 - r)) = .25 on each, with v = r = .5.
    """

    def relaxed(turn, prices):
        node = prices.nodes.argmin()
        entries = [(np.array([0, 0]), np.array([node, 2 + node]), np.ones(2))]
        return np.array([1 + prices.nodes.min()]), LoadTable.of(1, 4, entries)

    none = Prices(np.zeros(2), np.zeros(0))
    three, five = (priced_bound(np.ones(1), none, most, relaxed, 1e-3) or 0.0 for most in (3, 5))
    assert three < 1.4
    assert 1.5 * (1 - 1e-3) < five <= 1.5


@pytest.mark.parametrize("most_hosts", [0, 256])
def test_moves_that_are_not_looked_at_are_not_shorter(monkeypatch, most_hosts):
    """The least way onwards from every place is that of all pairs, hosts looked at first or not."""
    monkeypatch.setattr("splitfog.formulations.priced_bounds.places.FIRST", 1)
    monkeypatch.setattr("splitfog.formulations.priced_bounds.places.MOST_HOSTS", most_hosts)
    for seed in range(30):
        rng = np.random.default_rng(seed)
        instance = streams(rng)
        count, routes = len(instance.nodes), routes_of(instance)
        places = Places.of(routes, np.arange(count) > 0, np.array([0]))
        begun = np.where(rng.random(count + 1) < 0.3, np.inf, rng.uniform(0, 0.02, count + 1))
        node, every = places.node, np.full(count + 1, np.inf)
        for tail, head in np.argwhere(node[:, None] != node):
            moved = routes.transfer(node[tail], node[head], 1e3)
            every[tail] = min(every[tail], moved + begun[head])
        few, to = places.onwards(np.arange(count + 1), begun, 1e3)
        stays = to == np.arange(count + 1)
        assert np.allclose(
            np.minimum(few, begun)[~places.own], np.minimum(every, begun)[~places.own]
        )
        assert np.allclose(few[places.own], every[places.own], rtol=1e-12)
        assert not np.isfinite(few[stays]).any()


@pytest.mark.parametrize("most_hosts", [0, 256])
def test_what_begins_where_no_stranger_may_moves_on(monkeypatch, most_hosts):
    """A task born nowhere: its first layer takes no time on a node of quota 0, 1 MB moves on over
    1 MB/s, and 1 s of work follows. The same where places are too many to compare each with each.
    """
    monkeypatch.setattr("splitfog.formulations.priced_bounds.places.FIRST", 1)
    monkeypatch.setattr("splitfog.formulations.priced_bounds.places.MOST_HOSTS", most_hosts)
    quotas = {"a": 0, "b": 1, "c": 1}
    layers = (
        Layer(name="first", op="other", output_bytes=1e6, tiers=("a",)),
        Layer(name="last", op="linear", inputs=("first",), flops=1e9, output_bytes=0.0),
    )
    instance = Instance(
        name="begun",
        tiers=("fog",),
        nodes=tuple(Node(name=n, tier="fog", speed_flops=1e9, quota=q) for n, q in quotas.items()),
        links=tuple(Link(tail="a", head=n, bandwidth_bps=8e6) for n in "bc"),
        models=(Model(name="m", layers=layers),),
        tasks=(Task(name="t", model="m", source=None),),
    )
    assert bound_without_stages(instance) == pytest.approx(2.0)


def test_what_no_data_can_reach_is_no_help():
    """A layer beside the heavier one, .4 s at home and .08 s in the fog; a fast node without links
    could do it in no time."""
    base = alone(None)
    (model,) = base.models
    side = Layer(name="s", op="other", inputs=("x",), flops=8e8, output_bytes=1.0)
    instance = changed(base, models=(changed(model, layers=(*model.layers, side)),))
    apart = Node(name="apart", tier="fog", speed_flops=1e18)
    bound = bound_without_stages(instance)
    assert bound == pytest.approx(0.15 + 0.08)
    assert bound_without_stages(changed(instance, nodes=(*base.nodes, apart))) == bound


def test_what_needs_no_data_may_be_anywhere():
    """Like that, but the layer beside reads nothing: the fast node without links does it at once,
    and no plan is better, as its result may stay there."""
    base = alone(None)
    (model,) = base.models
    side = Layer(name="s", op="other", flops=8e8, output_bytes=1.0)
    apart = Node(name="apart", tier="fog", speed_flops=1e18)
    instance = changed(
        base,
        models=(changed(model, layers=(*model.layers, side)),),
        nodes=(*base.nodes, apart),
    )
    assert bound_without_stages(instance) == pytest.approx(0.15)
    where = {"x": "d", "l": "f", "s": "apart"}
    plan = sf.evaluate(instance, {"t": where}, "mean-latency", monotone=False)
    assert plan == pytest.approx(0.15)
