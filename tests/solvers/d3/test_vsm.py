"""`vsm` and `vsm-ilp`: an oracle by enumeration, guarantees against rules, memory, bad input."""

from __future__ import annotations

import json
from itertools import product
from math import inf
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import splitfog as sf
from splitfog import Instance
from splitfog.cli import app
from splitfog.formulations.arrays.task import task_arrays
from splitfog.formulations.costs.feasibility import decision_violations
from splitfog.formulations.costs.stages import stage_timeline
from splitfog.formulations.decision import Decision, Slice, Stage
from splitfog.formulations.objective import Objective
from splitfog.formulations.plan import decision_of
from splitfog.formulations.tiles.stage_shape import stage_shape_defects
from splitfog.instances.records import changed
from splitfog.solvers.d3 import search
from splitfog.solvers.d3.chains import Block, Chain, chains_of
from splitfog.solvers.d3.patterns import Bands, Deal
from splitfog.solvers.d3.plans import base_placements
from splitfog.solvers.d3.search import Slicer, stage_of
from tests.cases.scaling import scaled
from tests.cases.stages.small_stages import (
    cluster,
    conv_chain,
    least_chain_time,
    sliceable_instances,
)
from tests.checks import check_plan, solved

RULES = ("modnn", "deepthings", "aofl", "coedge", "cloud-only")
"""The edge is the last tier here, so that `cloud-only` is what is not sliced."""
KINDS = [(3, 1, 1), (2, 2, 0), (1, 1, 0), (3, 2, 1)]


@given(
    st.lists(st.sampled_from(KINDS), min_size=1, max_size=3),
    st.tuples(st.integers(3, 5), st.integers(3, 5)),
    st.lists(st.sampled_from([1e4, 1e5, 1e7]), min_size=1, max_size=3),
)
@settings(max_examples=25)
def test_oracle(
    sizes: list[tuple[int, int, int]], size: tuple[int, int], links: list[float]
) -> None:
    """On equal nodes in a star the computing time is the least over the enumerated family, and with
    strips of unequal rectangles no more."""
    model = conv_chain(sizes, *size)
    assume(all(min(layer.output_shape or (0,)) > 0 for layer in model.layers))
    instance = cluster(model, [1e5] * (len(links) + 1), links)
    nodes = list(range(1, len(instance.nodes)))
    least = least_chain_time(instance, 1, nodes, side=2)
    more = sf.solve(instance, "vsm", options={"grid": 2})
    with pytest.MonkeyPatch.context() as without:
        without.setattr(search, "strips_of", lambda *_: [])
        plan = sf.solve(instance, "vsm", options={"grid": 2})
    assert plan.tasks[0].compute_s == pytest.approx(least, rel=1e-9)
    assert more.tasks[0].compute_s <= least * (1 + 1e-9)


@given(st.data())
@settings(max_examples=40)
def test_times_are_the_timelines(data: st.DataObject) -> None:
    """Where ways share no channel, a cut's time is that of the reference's timeline."""
    instance = data.draw(sliceable_instances())
    arrays = task_arrays(instance)
    slicer = Slicer(arrays=arrays, grid=3)
    placement = np.where(arrays.is_input, 0, 1)
    slicer.sliced(placement)
    for run in slicer._runs.values():
        count = len(run.costs.blocks)
        for last, p in product(range(1, count + 1), range(len(run.costs.patterns))):
            first = data.draw(st.integers(0, last - 1))
            seconds = run.costs.to(last)[p, first]
            if seconds == inf:
                continue
            tiles = run.costs.tiles(first, last, run.costs.patterns[p])
            stage = stage_of(run.costs.blocks[first:last], run.costs.team, tiles)
            timeline = stage_timeline(instance, instance.tasks[0], stage)
            assert timeline is not None
            assert timeline.end_s == pytest.approx(seconds, rel=1e-9, abs=1e-12)


@given(sliceable_instances(coupled=True), st.booleans())
@settings(max_examples=25)
def test_bounds_where_ways_share_channels(instance: sf.Instance, columns: bool) -> None:
    """A serial radio or a home without overlap: no cut that was timed beats its pattern's bound."""
    arrays = task_arrays(instance)
    slicer = Slicer(arrays=arrays, grid=3)
    with pytest.MonkeyPatch.context() as without:  # which have no pattern
        without.setattr(search, "strips_of", lambda *_: [])
        slicer.sliced(np.where(arrays.is_input, 0, 1))
    for run in slicer._runs.values():
        assert not run.costs.team.independent or len(run.costs.team.nodes) == 2
        for (first, last), (seconds, stage, looked) in run.exact.items():
            if stage is not None:
                bounds = run.costs.to(last)[run.ranked[first, last][:looked], first]
                assert seconds >= bounds.min() * (1 - 1e-12)


@given(sliceable_instances(), st.sampled_from(["once", "per-edge"]))
@settings(max_examples=25)
def test_never_worse_than_rules(instance: sf.Instance, transfers: str) -> None:
    """Never worse than any tiling baseline or no slices; the contract holds for all of them."""
    _compare_with_rules(instance, transfers)


@given(sliceable_instances(coupled=True))
@settings(max_examples=15)
def test_never_worse_where_channels_are_shared(instance: sf.Instance) -> None:
    """The same with one radio at home, or a home that cannot compute while it sends."""
    _compare_with_rules(instance, "once")


def _compare_with_rules(instance: sf.Instance, transfers: str) -> None:
    found = {name: solved(instance, name, transfers=transfers) for name in ("vsm", "d3", *RULES)}
    values = {name: p.value for name, p in found.items() if p is not None and p.value is not None}
    assert values["vsm"] <= min(values[name] for name in RULES if name in values) * (1 + 1e-9)
    assert values["d3"] <= values["vsm"] * (1 + 1e-9)


@given(
    sliceable_instances(),
    st.lists(st.sampled_from([8.0, 16.0, 40.0, None]), min_size=3, max_size=3),
)
@settings(max_examples=25)
def test_memory(instance: sf.Instance, limits: list[float | None]) -> None:
    """Limits of the other nodes: the plan keeps them, and is never worse than rules that do."""
    nodes = [*instance.nodes[:2]]
    nodes += [
        changed(node, memory_bytes=limit)
        for node, limit in zip(instance.nodes[2:], limits, strict=False)
    ]
    limited = sf.Instance(
        name=instance.name,
        tiers=instance.tiers,
        nodes=tuple(nodes),
        links=instance.links,
        models=instance.models,
        tasks=instance.tasks,
    )
    _compare_with_rules(limited, "once")


def test_memory_is_used_up() -> None:
    """Two stages of 80 bytes gain alike, the helper holds one: one is sliced, by hand.

    Two pairs of fused layers, 40 bytes each, between them a layer that may not be sliced. A limit
    that is missed by rounding is kept (relative slack 1e-12).
    """
    model = conv_chain([(1, 1, 0)] * 5, 4, 4)
    layers = list(model.layers)
    layers[3] = changed(layers[3], op="softmax", window=None)
    model = changed(model, layers=tuple(layers))
    cases = ((160.0, 2), (80.0, 1), (80.0 * (1 - 1e-13), 1), (39.0, 0))
    for limit, num_stages in cases:
        instance = cluster(model, [1e3, 1e3], [1e9], memory_bytes=[None, limit])
        plan = sf.solve(instance, "vsm")
        assert plan.nodes["e1"].memory_bytes == num_stages * 80.0
        assert len(plan.tasks[0].stages) == num_stages


def test_a_node_that_rounding_alone_overfills_has_room() -> None:
    """Weights of 0.1 and 0.2 bytes, 0.30000000000000004 together, are held by a node of 0.3.

    So the node ten times as fast is the first to be sliced on, not the last.
    """
    model = conv_chain([(1, 1, 0)] * 2, 4, 4)
    source, *layers = model.layers
    sizes = zip(layers, (0.1, 0.2), strict=True)
    layers = [source, *(changed(layer, weight_bytes=size) for layer, size in sizes)]
    model = changed(model, layers=tuple(layers))
    instance = cluster(model, [1e4, 1e3], [1e9], memory_bytes=[0.3, None])
    first, *_ = base_placements(instance, Objective("latency"), 0, "tier")
    assert first.tolist() == [0, 1, 1]  # the source, then e0 twice


def test_start_plan_is_the_base() -> None:
    """With a start plan its placement is sliced, whatever is cheapest."""
    instance = cluster(conv_chain([(3, 1, 1)], 8, 8), [3e3, 9e3], [1e9])
    place = {"x": "device", "c0": "e1"}
    start = sf.evaluate(instance, {"task": place}, "latency")
    from splitfog.formulations.evaluation.given import as_plan

    plan = sf.solve(instance, "vsm", start=as_plan(instance, {"task": place}, "latency"))
    assert plan.placement("task") == place
    assert plan.value is not None and plan.value < start


def test_nodes_that_may_not_run_a_layer() -> None:
    """A helper that `tiers` forbid gets no slice; with helpers=all the device helps, too."""
    model = conv_chain([(1, 1, 0)], 8, 8)
    only = changed(model.layers[1], tiers=("e0", "e1", "device"))
    model = changed(model, layers=(model.layers[0], only))
    instance = cluster(model, [1e3, 1e3, 1e3], [1e9, 1e9])
    for helpers, used in (("tier", {"e0", "e1"}), ("all", {"e0", "e1", "device"})):
        plan = sf.solve(instance, "vsm", options={"helpers": helpers})
        assert {part.node for part in plan.tasks[0].stages[0].slices} <= used


def test_declines_without_fellows() -> None:
    """One node a tier: nothing to slice over."""
    instance = cluster(conv_chain([(3, 1, 1)], 8, 8), [1e3], [])
    for name in ("vsm", "modnn", "deepthings", "aofl", "coedge"):
        with pytest.raises(sf.SolverDeclined, match=f"{name} does not apply: no tier"):
            sf.solve(instance, name)


@pytest.mark.parametrize("name", ["resnet-18", "googlenet", "inception-v4", "mobilenet-v2"])
def test_chains_hold_every_layer_once(name: str) -> None:
    """Every layer but inputs is in one block of its level; sliceable blocks are stages."""
    model = sf.zoo.build(name)

    def check(chains: tuple[Chain, ...], inside: set[int]) -> None:
        listed = [layer for chain in chains for block in chain.blocks for layer in block.layers]
        assert len(listed) == len(set(listed))
        assert set(listed) <= inside
        for block in (block for chain in chains for block in chain.blocks):
            if block.may_slice:
                assert stage_shape_defects(model, block.layers) == []
            check(block.inner, set(block.layers) - {block.end})

    everything = {i for i, layer in enumerate(model.layers) if layer.op != "input"}
    chains = chains_of(model)
    check(chains, everything)
    assert {i for chain in chains for b in chain.blocks for i in b.layers} == everything


def test_branches_are_chains() -> None:
    """Inside an Inception module each branch is a chain whose stages may be formed."""
    blocks = [b for chain in chains_of(sf.zoo.build("googlenet")) for b in chain.blocks]
    modules = [block for block in blocks if block.inner]
    assert len(modules) == 9  # GoogLeNet has nine
    assert all(len(module.inner) == 4 for module in modules)  # of four branches each


def test_patterns() -> None:
    """Hand-counted: four equal nodes have strips in two orders, one 2 x 2 grid, 3 deals of 2 x 2.

    Square maps of symmetric windows: columns repeat the rows. Deals up to 2 x 2: 1 x 2, 2 x 1,
    2 x 2.
    """
    instance = cluster(conv_chain([(3, 1, 1)], 8, 8), [1e3] * 4, [1e9] * 3)
    slicer = Slicer(arrays=task_arrays(instance), grid=2)
    slicer.sliced(np.array([0, 1]))
    (run,) = slicer._runs.values()
    bands = [p for p in run.costs.patterns if isinstance(p, Bands)]
    assert [len(p.shares) for p in bands] == [1, 1, 2]
    assert len([p for p in run.costs.patterns if isinstance(p, Deal)]) == 3


@given(st.lists(st.sampled_from([1e3, 2e3, 4e3]), min_size=2, max_size=3), st.integers(1, 2))
@settings(max_examples=10)
def test_ilp_against_enumeration(speeds: list[float], side: int) -> None:
    """No assignment of the tiles beats the bounds; the plan is no worse than vsm's.

    The bound in the reason is one for these tiles, that of the plan one for all plans.
    """
    instance = cluster(conv_chain([(3, 1, 1)], 6, 6), speeds, [2e5] * (len(speeds) - 1))
    plan = sf.solve(instance, "vsm-ilp", options={"grid": side})
    stages = decision_of(instance, plan).tasks[0].stages
    if not stages:
        return
    assert plan.reason is not None and plan.value is not None and plan.proven_over == "all"
    assert plan.lower_bound is not None and plan.lower_bound <= plan.value
    bound = float(plan.reason.split("at least ")[1].split(" s")[0])
    values = []
    for nodes in product(range(1, len(instance.nodes)), repeat=len(stages[0].slices)):
        slices = [Slice(n, s.rows, s.columns) for n, s in zip(nodes, stages[0].slices, strict=True)]
        stage = Stage(stages[0].layers, stages[0].home, tuple(slices))
        timeline = stage_timeline(instance, instance.tasks[0], stage)
        assert timeline is not None
        values.append(timeline.end_s)
    assert bound <= min(values) * (1 + 1e-5)  # the reason prints six digits
    assert plan.tasks[0].compute_s == pytest.approx(min(values), rel=0.35)


def tight_cluster(*tasks: str) -> Instance:
    """Four nodes of which only two can hold the second layer beside the others' weights."""
    model = conv_chain([(3, 2, 1), (2, 2, 0), (3, 2, 1)], 6, 7)
    sizes = {"c0": (11232.0, 1600.0), "c1": (680.0, 1.82e6), "c2": (752.0, 800.0)}
    layers = [
        changed(layer, flops=sizes[layer.name][0], weight_bytes=sizes[layer.name][1])
        if layer.name in sizes
        else layer
        for layer in model.layers
    ]
    instance = cluster(
        changed(model, layers=tuple(layers)),
        [5e5, 2e5, 1e5, 2e5],
        [1e6, 1e5, 1e6],
        latency_s=1e-3,
        memory_bytes=[1.77e6, 2.3e6, 1.96e6, 1.56e6],
        overlap=False,
    )
    owned = tuple(changed(instance.tasks[0], name=name) for name in tasks)
    return changed(instance, tasks=owned)


def least_of_deals(instance: Instance, plan: sf.Plan) -> float:
    """The least time of the plan's first task's stages over all nodes of their tiles that fit."""
    answer, owner = decision_of(instance, plan).tasks[0], instance.tasks[0]
    counts = [len(stage.slices) for stage in answer.stages]
    least = inf
    for nodes in product(range(1, len(instance.nodes)), repeat=sum(counts)):
        chosen = iter(nodes)
        stages = tuple(
            changed(stage, slices=tuple(changed(own, node=next(chosen)) for own in stage.slices))
            for stage in answer.stages
        )
        timelines = [stage_timeline(instance, owner, stage) for stage in stages]
        seconds = sum(timeline.end_s for timeline in timelines if timeline is not None)
        if seconds < least:
            decision = Decision((changed(answer, stages=stages),))
            if not decision_violations(instance, decision, Objective("latency")):
                least = seconds
    return least


@pytest.mark.parametrize("engine", ["highs", "cbc"])
@pytest.mark.parametrize("factor", [1.0, 1e-9, 1e9])
def test_ilp_where_memory_binds(engine: str, factor: float) -> None:
    """The best of all deals that fit, in any units; CBC's flow cover cuts removed it.

    Two tasks of the model share its weights, so that both may be dealt like the one: twice that.
    """
    options = {"grid": 2, "engine": engine}
    for tasks in (("a",), ("a", "b")):
        instance = scaled(tight_cluster(*tasks), factor)
        plan = sf.solve(instance, "vsm-ilp", "latency", options=options)
        check_plan(instance, plan)
        assert plan.reason is not None
        taken, bound = _said(plan.reason)
        if len(tasks) == 1:
            least = least_of_deals(instance, plan)
        right = len(tasks) * least
        assert bound <= right * (1 + 1e-5)  # the reason prints six digits
        assert taken == pytest.approx(right, rel=1e-5)
        assert bound == pytest.approx(right, rel=2e-4)  # it stops at a gap of 1e-4


def _said(reason: str) -> tuple[float, float]:
    """What the stages take and at least take, out of the reason."""
    taken, bound = reason.removeprefix("stages take ").split(", at least ")
    return float(taken.split()[0]), float(bound.split()[0])


def test_ilp_takes_a_plan_file(tmp_path: Path) -> None:
    """`stages=PLAN`: the file's tiles stay, its worse assignment does not."""
    instance = cluster(conv_chain([(1, 1, 0)], 4, 4), [1e3, 1e3], [1e9])
    plan = sf.solve(instance, "vsm", options={"grid": 1})
    (stage,) = plan.tasks[0].stages
    lazy = changed(stage, slices=tuple(changed(s, node="e1") for s in stage.slices))
    task = changed(plan.tasks[0], stages=(lazy,))
    path = tmp_path / "plan.json"
    sf.save_plan(changed(plan, tasks=(task,)), path)
    dealt = sf.solve(instance, "vsm-ilp", options={"stages": str(path)})
    boxes = [(s.rows, s.columns) for s in dealt.tasks[0].stages[0].slices]
    assert boxes == [(s.rows, s.columns) for s in stage.slices]
    assert dealt.value == pytest.approx(plan.value, rel=1e-12)


def test_sliced_plans_do_not_refute_bounds_for_placements() -> None:
    """vsm beats the optimum over placements: neither is an error, and vsm's gap is to the bound
    over all plans, which judges placements as well."""
    instance = cluster(conv_chain([(3, 1, 1)], 8, 8), [1e3, 1e3], [1e9])
    rows = {row.solver: row for row in sf.compare([instance], ["ilp", "vsm", "cloud-only"])}
    assert rows["vsm"].value is not None and rows["ilp"].lower_bound is not None
    assert rows["vsm"].value < rows["ilp"].lower_bound * 0.9
    assert rows["ilp"].status == "optimal"
    assert rows["vsm"].status == "feasible"
    bound = rows["vsm"].lower_bound
    assert bound is not None and rows["vsm"].proven_over == "all"
    assert rows["vsm"].gap == pytest.approx(1 - bound / rows["vsm"].value)
    assert rows["cloud-only"].gap is not None


def test_sliced_start_of_a_placement_solver() -> None:
    """A sliced start better than every placement is kept, without the bound for placements."""
    instance = cluster(conv_chain([(3, 1, 1)], 8, 8), [1e3, 1e3], [1e9])
    start = sf.solve(instance, "vsm")
    plan = sf.solve(instance, "ilp", start=start)
    assert plan.value == start.value
    assert (plan.status, plan.lower_bound) == ("feasible", None)


BAD = {
    "finer than the map": (
        lambda s: s["slices"].append({"node": "e1", "rows": [8, 9], "columns": [0, 8]}),
        "leaves the stage's output of 8 x 8",
    ),
    "overlapping": (
        lambda s: s["slices"].append({"node": "e1", "rows": [0, 1], "columns": [0, 8]}),
        "slices 0 and 2 overlap",
    ),
    "incomplete": (lambda s: s["slices"].pop(), "of the 64 positions of the stage's output"),
    "empty": (lambda s: s["slices"][0].update(rows=[3, 3]), "slice 0 is empty"),
    "no route home": (
        lambda s: s["slices"][0].update(node="island"),
        "there is no route from e0 to island for the slices there",
    ),
    "cannot be sliced": (
        lambda s: s["layers"].append("soft"),
        "op softmax, which cannot be sliced",
    ),
    "without window": (
        lambda s: s["layers"].append("blind"),
        "layer blind has op conv and no window",
    ),
    "without shape": (
        lambda s: s["layers"].append("flat"),
        "layer flat has output_shape = null, must be [C, H, W]",
    ),
    "unknown node": (
        lambda s: s["slices"][0].update(node="e9"),
        "e9 is not a node of the instance",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_stages_are_named(name: str, tmp_path: Path) -> None:
    """A defective stage in a plan file: `verify` ends with 1 and names what is wrong."""
    from typer.testing import CliRunner

    instance = _with_odd_layers()
    sf.save_instance(instance, tmp_path / "instance.json")
    sf.save_plan(sf.solve(instance, "vsm", options={"grid": 1}), tmp_path / "plan.json")
    plan = json.loads((tmp_path / "plan.json").read_text())
    change, sentence = BAD[name]
    change(plan["tasks"][0]["stages"][0])
    bare = {key: plan[key] for key in ("format", "version", "objective")}
    task = plan["tasks"][0]
    bare["tasks"] = [{key: task[key] for key in ("task", "placement", "stages")}]
    (tmp_path / "bad.json").write_text(json.dumps(bare))
    files = [str(tmp_path / "instance.json"), str(tmp_path / "bad.json")]
    result = CliRunner().invoke(app, ["verify", *files])
    assert result.exit_code == 1, result.output
    assert sentence in " ".join(result.output.split())


def _with_odd_layers() -> sf.Instance:
    """A conv that can be sliced, layers after it that cannot, and a node without links."""
    model = conv_chain([(3, 1, 1)], 8, 8)
    conv = model.layers[1]
    odd = (
        changed(conv, name="soft", op="softmax", inputs=("c0",), window=None),
        changed(conv, name="blind", inputs=("c0",), window=None),
        changed(conv, name="flat", op="norm", inputs=("c0",), window=None, output_shape=None),
    )
    model = changed(model, layers=(*model.layers, *odd))
    star = cluster(model, [1e3, 1e3], [1e9])
    island = sf.Node(name="island", tier="edge", speed_flops=1e3)
    return sf.Instance(
        name=star.name,
        tiers=star.tiers,
        nodes=(*star.nodes, island),
        links=star.links,
        models=star.models,
        tasks=star.tasks,
    )


def test_block_names() -> None:
    """A block's end is its last layer."""
    assert Block((3, 5, 4), (), True).end == 4
