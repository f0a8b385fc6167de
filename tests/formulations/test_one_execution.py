"""Instances whose requests are one execution: of a pass, or of all passes together."""

from __future__ import annotations

from itertools import product

import pytest

import splitfog as sf
from splitfog.formulations.one_execution import one_execution
from splitfog.instances.records import changed


def placements(instance: sf.Instance) -> list[dict[str, dict[str, str]]]:
    """Every placement of the only task's layers, those without work at the source."""
    (task,) = instance.tasks
    layers = instance.model_of(task).layers
    nodes = [node.name for node in instance.nodes]
    places = [[task.source or ""] if layer.op == "input" else nodes for layer in layers]
    names = [layer.name for layer in layers]
    return [{task.name: dict(zip(names, row, strict=True))} for row in product(*places)]


def small() -> sf.Instance:
    """Three passes, in one of which a layer does not run; two nodes of overheads and traffic."""
    layers = (
        sf.Layer(name="in", op="input", output_bytes=(40, 4, 4)),
        sf.Layer(
            name="a", op="other", inputs=("in",), flops=(80, 10, 0), traffic_bytes=(10, 30, 0),
            output_bytes=(60, 6, None), times_s={"u": (7, 1, 3)},
        ),
        sf.Layer(
            name="b", op="other", inputs=("a",), flops=(50, 5, 20), traffic_bytes=(2, 30, 1),
            output_bytes=(8, 8, 16),
        ),
    )  # fmt: skip
    passes = (
        sf.Pass(name="prefill"),
        sf.Pass(name="decode", count=5),
        sf.Pass(name="check", count=2),
    )
    return sf.Instance(
        name="small",
        tiers=("m",),
        nodes=tuple(
            sf.Node(
                name=name, tier="m", speed_flops=speed, overhead_s=0.5, memory_bytes_per_s=traffic
            )
            for name, speed, traffic in (("u", 10, 20), ("v", 20, 10))
        ),
        links=(sf.Link(tail="u", head="v", bandwidth_bps=16, delay_s=0.25),),
        models=(sf.Model(name="m", layers=layers, passes=passes),),
        tasks=(sf.Task(name="job", model="m", source="u", results_to="u"),),
    )


@pytest.mark.parametrize("name", ["prefill", "decode", "check"])
@pytest.mark.parametrize("objective", ["latency", "period"])
def test_an_execution_of_a_pass_costs_what_it_did(name: str, objective: str) -> None:
    """Of every placement whose links all tensors cross in that pass."""
    whole = small()
    one = one_execution(whole, name)
    assert all(model.passes is None for model in one.models)
    for placement in placements(whole):
        there = sf.plan(whole, placement, objective=objective, pass_name=name)
        if name == "check" and placement["job"]["a"] != placement["job"]["b"]:
            continue  # 0 bytes of `a` still cross the link, with its delay
        here = sf.plan(one, placement, objective=objective)
        assert here.value == pytest.approx(there.value)


def test_all_executions_together_occupy_what_they_did() -> None:
    """The period of a request, and so its rate: links have no latency that counts each time."""
    whole = small()
    one = one_execution(whole, "all")
    for placement in placements(whole):
        there = sf.plan(whole, placement, objective="period")
        assert sf.plan(one, placement, objective="period").value == pytest.approx(there.value)


def test_a_fleet_of_a_language_model_has_replicas() -> None:
    """One machine does a decode execution of 3 blocks in 3 / 2 s; two alike, twice as many."""
    chain = [sf.Layer(name="token", op="input", output_bytes=4)]
    for at in range(3):
        chain.append(
            sf.Layer(
                name=f"block{at}", op="attention", inputs=(chain[-1].name,), flops=(64, 2),
                output_bytes=4,
            )
        )  # fmt: skip
    passes = (sf.Pass(name="prefill"), sf.Pass(name="decode", count=9))
    whole = changed(
        small(),
        nodes=tuple([sf.Node(name=name, tier="m", speed_flops=4) for name in "uv"]),
        links=(sf.Link(tail="u", head="v", bandwidth_bps=1e6),),
        models=(sf.Model(name="m", layers=tuple(chain), passes=passes),),
    )
    with pytest.raises(ValueError, match="splitfog edit --one-pass makes one of them"):
        sf.solve(whole, objective="throughput")
    with pytest.raises(ValueError, match="splitfog edit --one-pass decode makes an instance of it"):
        sf.solve(whole, objective="throughput", pass_name="decode")
    plan = sf.solve(one_execution(whole, "decode"), objective="throughput")
    assert plan.value == pytest.approx(2 * 2 / 3)


def test_what_there_is_no_execution_of() -> None:
    """A pass that no model has, and an instance without passes."""
    with pytest.raises(LookupError, match=r"unknown pass 'dekode', did you mean 'decode'\?"):
        one_execution(small(), "dekode")
    with pytest.raises(ValueError, match="small has no passes: a request is one execution"):
        one_execution(one_execution(small(), "decode"), "all")
