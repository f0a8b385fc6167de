"""`delay_s` of links: in every crossing, and no time in which a link is busy."""

from __future__ import annotations

from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import splitfog as sf
from splitfog.formulations.costs.reference import decision_cost
from splitfog.formulations.decision import Decision, Slice, Stage, TaskDecision, placed
from splitfog.formulations.objective import Objective
from splitfog.instances.records import changed
from tests.cases.stages.small_stages import conv_chain
from tests.cases.strategies import random_instance


def pair(
    link: dict[str, Any],
    layers: dict[str, tuple[tuple[str, ...], float, float]],
    **task: Any,
) -> sf.Instance:
    """A pi and a box of 1 FLOP/s on one link of 8 bit/s; layers are (inputs, flops, bytes)."""
    return sf.Instance(
        name="pair",
        tiers=("device", "edge"),
        nodes=(
            sf.Node(name="pi", tier="device", speed_flops=1.0),
            sf.Node(name="box", tier="edge", speed_flops=1.0),
        ),
        links=(sf.Link(tail="pi", head="box", bandwidth_bps=8.0, **link),),
        models=(
            sf.Model(
                name="net",
                layers=tuple(
                    sf.Layer(
                        name=name,
                        op="other" if inputs else "input",
                        inputs=inputs,
                        flops=flops,
                        output_bytes=size,
                    )
                    for name, (inputs, flops, size) in layers.items()
                ),
            ),
        ),
        tasks=(sf.Task(name="cam", model="net", source="pi", **task),),
    )


CHAIN = {"in": ((), 0.0, 4.0), "net": (("in",), 3.0, 1.0)}
FORK = {
    "in": ((), 0.0, 9.0),
    "one": (("in",), 1.0, 2.0),
    "two": (("in",), 1.0, 2.0),
    "end": (("one", "two"), 1.0, 1.0),
}
BOX = {"cam": {"in": "pi", "net": "box"}}
JOIN = {"cam": {"in": "pi", "one": "pi", "two": "pi", "end": "box"}}


def test_latency_has_it_and_the_busy_link_has_not() -> None:
    """There .5 + .25 + 4, 3 seconds, back .5 + .25 + 1: 9.5; the link is busy for 4.5 and 1.5."""
    instance = pair({"latency_s": 0.5, "delay_s": 0.25}, CHAIN, results_to="pi")
    plan = sf.plan(instance, BOX, objective="latency")
    assert plan.value == 4.75 + 3 + 1.75
    assert [link.busy_s for link in plan.links] == [4.5, 1.5]
    assert sf.evaluate(instance, BOX, objective="period") == 4.5
    (there, back) = [term for term in sf.terms(instance, plan) if term.kind == "transfer"]
    assert (there.seconds, back.seconds) == (4.75, 1.75)


@pytest.mark.parametrize(("shared", "end"), [(True, 15), (False, 13)])
def test_a_shared_link_is_free_before_the_tensor_is_there(shared: bool, end: int) -> None:
    """`one` ends at 1, `two` at 2; both take 3 on the link and are there 7 later.

    `one` has it 1-4; `two` 4-7 if it is shared (there at 14), else 2-5 (there at 12); then `end`.
    """
    instance = pair({"latency_s": 1.0, "delay_s": 7.0, "shared": shared}, FORK)
    assert sf.evaluate(instance, JOIN, objective="makespan") == end


def test_a_node_without_overlap_goes_on_when_it_has_sent() -> None:
    """The pi computes `one` 0-1, sends it 1-4, computes `two` 4-5, sends it 5-8, there at 15."""
    instance = pair({"latency_s": 1.0, "delay_s": 7.0}, FORK).with_node("pi", overlap=False)
    assert sf.evaluate(instance, JOIN, objective="makespan") == 16


def test_routes_tie_by_latency_and_delay() -> None:
    """By a latency is 2 and delay 1, by b latency 1 and delay 3: a it is."""
    nodes = tuple(sf.Node(name=name, tier="t", speed_flops=1.0) for name in ("s", "b", "a", "d"))
    links = [("s", "a", 1.0, 0.5), ("a", "d", 1.0, 0.5), ("s", "b", 0.5, 1.5), ("b", "d", 0.5, 1.5)]
    instance = replace(
        pair({}, CHAIN),
        tiers=("t",),
        nodes=nodes,
        links=tuple(
            sf.Link(tail=t, head=h, bandwidth_bps=8.0, latency_s=latency, delay_s=delay)
            for t, h, latency, delay in links
        ),
        tasks=(sf.Task(name="cam", model="net", source="s"),),
    )
    plan = sf.plan(instance, {"cam": {"in": "s", "net": "d"}}, objective="latency")
    assert [(link.tail, link.head) for link in plan.links] == [("s", "a"), ("a", "d")]
    assert plan.value == 2 * (4 + 1.5) + 3


def test_a_delayed_link_still_keeps_up() -> None:
    """0.2 requests a second x 4.5 busy seconds = 0.9 < 1, though each crossing takes 14.5."""
    instance = pair({"latency_s": 0.5, "delay_s": 10.0}, CHAIN, arrivals_per_s=0.2)
    # the visit of 3 seconds: rho = .6, waits .2 x 9 / (2 x .4) = 2.25
    value = sf.evaluate(instance, BOX, objective="mean-latency")
    assert value == pytest.approx(14.5 + 3 + 2.25)
    busier = pair({"latency_s": 1.5, "delay_s": 9.0}, CHAIN, arrivals_per_s=0.2)
    assert sf.evaluate(busier, BOX, objective="mean-latency") == inf


@pytest.mark.parametrize(("radio", "times"), [("parallel", 1), ("serial", 2)])
def test_the_slices_of_a_visit_are_delayed_together(radio: str, times: int) -> None:
    """Two slices on one node: its delay counts once a way, with a serial home once a slice."""
    model = conv_chain([(1, 1, 0)], 4, 4)
    plain = replace(
        pair({}, CHAIN),
        models=(model,),
        tasks=(sf.Task(name="cam", model=model.name, source="pi"),),
    ).with_node("pi", radio=radio)
    halves = tuple(Slice(1, rows, (0, 4)) for rows in ((0, 2), (2, 4)))
    stage = Stage((1,), 0, halves)
    decision = Decision((TaskDecision(np.zeros(2, np.int64), None, (stage,)),))
    objective = Objective("mean-latency")
    delayed = plain.with_link("pi", "box", delay_s=5.0)
    added = decision_cost(delayed, decision, objective) - decision_cost(plain, decision, objective)
    assert added == pytest.approx(2 * 5.0 * times)


@given(st.integers(0, 2**32 - 1))
def test_delay_is_latency_for_latency_and_nothing_for_period(seed: int) -> None:
    """Counted as latency the sums stay; left out the period stays, where the routes do."""
    instance, placement = random_placement(seed)
    as_latency = changed(
        instance,
        links=tuple(changed(k, latency_s=k.lag_s, delay_s=0.0) for k in instance.links),
    )
    for transfers in ("once", "per-edge"):
        objective = Objective("latency", transfers, False)
        value = decision_cost(instance, placement, objective).value
        assert decision_cost(as_latency, placement, objective).value == pytest.approx(value)
    period = Objective("period", "once", False)
    longer = changed(instance, links=tuple(changed(k, delay_s=9.0) for k in instance.links))
    same = changed(instance, links=tuple(changed(k, delay_s=9.5) for k in instance.links))
    value = decision_cost(longer, placement, period).value
    assert decision_cost(same, placement, period).value == value


def random_placement(seed: int) -> tuple[sf.Instance, Any]:
    """A random instance, and its layers on random nodes."""
    rng = np.random.default_rng(seed)
    instance = random_instance(rng)
    sizes = [len(instance.model_of(task).layers) for task in instance.tasks]
    return instance, placed(*(rng.integers(0, len(instance.nodes), size) for size in sizes))


def test_files_hold_it_only_where_there_is_one(tmp_path: Path) -> None:
    """Without a delay the bytes are as ever; with one it is read again."""
    plain, delayed = pair({}, CHAIN), pair({"delay_s": 0.25}, CHAIN)
    for name, instance in (("plain", plain), ("delayed", delayed)):
        sf.save_instance(instance, tmp_path / f"{name}.json")
        assert sf.load_instance(tmp_path / f"{name}.json") == instance
    assert b"delay_s" not in (tmp_path / "plain.json").read_bytes()
    assert delayed.with_link("pi", "box", delay_s=0.0).sha256 == plain.sha256


def test_a_negative_delay_is_named() -> None:
    """As every other figure of a link."""
    with pytest.raises(sf.InstanceError, match=r"links\[0\].delay_s = -1.0, must be a finite"):
        pair({"delay_s": -1.0}, CHAIN)
