"""No plan is lost by what is tried from it, whatever keeps nodes off layers; and zeros are numbers.

The field's inputs, and what else is of their kind.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import pytest

import splitfog as sf
from splitfog.formulations.objective import Objective
from splitfog.formulations.offloading.templates import subtasks
from splitfog.instances.instance import Instance
from splitfog.instances.records import Layer, Link, Model, Node, Task, Window, changed
from splitfog.solvers.base import Request
from splitfog.solvers.dina.partition import first_loads
from splitfog.solvers.registry import solver_infos
from tests.cases import field
from tests.cases.strategies import random_instance
from tests.checks import check_plan

STREAMS = [info.name for info in solver_infos() if info.objectives == ("mean-latency",)]
SLICES = ["vsm", "d3", "vsm-ilp", "aofl", "modnn", "deepthings", "coedge"]


@pytest.mark.parametrize("solver", ["dina", "dina-p", "dina-o", "swap", "best-response"])
def test_a_group_keeps_no_plan_away(solver: str) -> None:
    """100 kB over 10 Mbit/s and 20 ms there: 100.2 ms with the wait 1 x .02^2 / (2 x .98)."""
    plan = sf.solve(field.instance("dina-ignores-groups"), solver, "mean-latency")
    check_plan(field.instance("dina-ignores-groups"), plan)
    assert plan.value == pytest.approx(0.08 + 0.02 + 0.02**2 / (2 * 0.98))


@pytest.mark.parametrize("partition", ["hpa", "min-cut"])
def test_d3_is_no_worse_than_hpa(partition: str) -> None:
    """Two tasks whose weights do not fit in the cloud together: hpa has both at home, 137.5 us."""
    instance = field.instance("d3-worse-than-hpa")
    plan = sf.solve(instance, "d3", "latency", options={"partition": partition})
    check_plan(instance, plan)
    assert plan.value is not None
    assert plan.value <= 137.5e-6 * (1 + 1e-9)


def test_batch_moves_no_layers_beside_stages() -> None:
    """Slices of 5 ms and 0.5 ms work after 2 x 2.56 us there: they alone move."""
    name = "offload-assignment-moves-what-stays"
    instance, path = field.instance(name), str(field.FOLDER / f"{name}.plan.json")
    plan = sf.solve(instance, "offload-assignment", "batch", options={"stages": path})
    check_plan(instance, plan)
    assert plan.status == "optimal"
    assert plan.value == pytest.approx(0.00050256)
    given = field.plan(name)
    for layer in ("in", "a", "c"):
        assert plan.placement("t")[layer] == given.placement("t")[layer]


def _convolutions(*tiers: tuple[str, ...] | None, **each: Any) -> Model:
    """An input and convolutions that keep a 6 x 6 map, allowed on some tiers."""
    window = Window(kernel=(3, 3), padding=(1, 1, 1, 1))
    layers = [Layer(name="x", op="input", output_shape=(1, 6, 6), output_bytes=36.0)]
    for i, allowed in enumerate(tiers):
        layers.append(
            Layer(
                name=f"c{i}",
                op="conv",
                inputs=(layers[-1].name,),
                output_shape=(1, 6, 6),
                output_bytes=36.0,
                flops=1e9,
                window=window,
                tiers=allowed,
                **each,
            )
        )
    return Model(name="m", layers=tuple(layers))


def _edges(model: Model, **home: Any) -> Instance:
    """A device, two edge nodes, both one link away from it, and a cloud behind them."""
    nodes = [Node(name="u", tier="device", speed_flops=1e9, **home)]
    nodes += [Node(name=f"e{i}", tier="edge", speed_flops=1e10, **home) for i in range(2)]
    nodes += [Node(name="c", tier="cloud", speed_flops=1e11)]
    pairs = [("u", "e0"), ("u", "e1"), ("e0", "e1"), ("e0", "c"), ("e1", "c")]
    return Instance(
        name="edges",
        tiers=("device", "edge", "cloud"),
        nodes=tuple(nodes),
        links=tuple(Link(tail=a, head=b, bandwidth_bps=1e8) for a, b in pairs),
        models=(model,),
        tasks=(Task(name="t", model="m", source="u"),),
    )


SHUT = [
    (("edge",), ("cloud",)),
    (("e0",), ("e1",)),
    (("e0",), ("e0",)),
    (("e0",), None),
    (("e1", "cloud"), ("e0", "cloud")),
    ((), None),
]
"""Tiers of two layers that leave a team of edge nodes no helper, or one of two, or nobody."""


@pytest.mark.parametrize("radio", ["serial", "parallel"])
@pytest.mark.parametrize("tiers", SHUT)
def test_tiers_that_leave_no_helper(tiers: tuple[Any, Any], radio: str) -> None:
    """Shares of nobody are no error; what is feasible without slices is found with them."""
    instance = _edges(_convolutions(*tiers), radio=radio)
    for solver, monotone in product(SLICES, (True, False)):
        plan = sf.solve(instance, solver, "latency", monotone=monotone)
        check_plan(instance, plan)
        if solver == "d3":
            rival = sf.solve(instance, "hpa", "latency", monotone=monotone)
            assert rival.value is None or (plan.value or 0) <= rival.value


def test_strips_where_each_layer_shuts_another_helper_out() -> None:
    """Ways that share a channel: c0 may not be on e1, c1 not on e2; each is cut for the others."""
    model = _convolutions(("e0", "e2"), ("e0", "e1"))
    instance = _edges(_convolutions(None, None), radio="serial")
    extra = Node(name="e2", tier="edge", speed_flops=1e10, radio="serial")
    links = (*instance.links, Link(tail="e0", head="e2", bandwidth_bps=1e8))
    nodes = (*instance.nodes, extra)
    instance = changed(instance, nodes=nodes, links=links, models=(model,))
    plan = sf.solve(instance, "aofl", "latency")
    check_plan(instance, plan)
    nodes_of = {
        stage.layers: {part.node for part in stage.slices} for stage in plan.tasks[0].stages
    }
    assert nodes_of == {("c0",): {"e0", "e2"}, ("c1",): {"e0", "e1"}}


def test_a_group_in_part_of_a_stage() -> None:
    """`violations`: slices on nodes where the rest of their group is not; a whole group is free."""
    instance = _edges(_convolutions(None, None, group="g"))
    plan = sf.solve(instance, "vsm", "latency")
    check_plan(instance, plan)
    assert [stage.layers for stage in plan.tasks[0].stages] == [("c0", "c1")]
    (task,), whole = plan.tasks, plan.tasks[0].stages[0]
    part = type(whole)(("c1",), whole.home, whole.slices)
    torn = changed(plan, tasks=(changed(task, stages=(part,)),))
    away = next(slice.node for slice in whole.slices if slice.node != whole.home)
    assert any(
        f"layer c1 is on {away}, must be on {whole.home} with c0 of group g" in sentence
        for sentence in sf.violations(instance, torn)
    )


def _renamed(instance: Instance, old: str, new: str) -> Instance:
    """The instance with one node under another name."""

    def named(name: str | None) -> str | None:
        return new if name == old else name

    return changed(
        instance,
        nodes=tuple(changed(own, name=named(own.name)) for own in instance.nodes),
        links=tuple(
            changed(own, tail=named(own.tail), head=named(own.head)) for own in instance.links
        ),
        tasks=tuple(
            changed(own, source=named(own.source), results_to=named(own.results_to))
            for own in instance.tasks
        ),
    )


@pytest.mark.parametrize("seed", [1, 2, 4, 139])
def test_node_named_as_its_tier(seed: int) -> None:
    """What a solver says of the source alone is not said of the whole tier that it is named as."""
    rng = np.random.default_rng(seed)
    instance = random_instance(rng, num_nodes=4, num_layers=8, limits=False)
    models = [
        changed(model, layers=tuple(changed(layer, times_s={}) for layer in model.layers))
        for model in instance.models
    ]
    instance = changed(instance, models=tuple(models))
    source = instance.nodes[instance.node_index[instance.tasks[0].source or ""]]
    assert all(node.name != source.tier for node in instance.nodes)
    renamed = _renamed(instance, source.name, source.tier)
    for solver in ("qdmp", "d3", "hpa"):
        left, right = (sf.solve(each, solver, "latency") for each in (instance, renamed))
        assert left.value == right.value, solver


def test_subtasks_are_priced_as_their_plan() -> None:
    """`per-edge` of the plan, unless told otherwise: x is read twice by add(x, x)."""
    layers = (
        Layer(name="x", op="input", output_bytes=1e6),
        Layer(name="a", op="add", inputs=("x", "x"), output_bytes=1.0, flops=1e6),
    )
    instance = _edges(Model(name="m", layers=layers))
    plan = sf.solve(instance, "local", "mean-latency", transfers="per-edge")
    once, twice = subtasks(instance, plan, transfers="once"), subtasks(instance, plan)
    assert twice.objective.transfers == "per-edge"
    assert twice.transfer_in_s[0, 1] == pytest.approx(2 * once.transfer_in_s[0, 1])


def test_a_grid_finer_than_the_map_is_said() -> None:
    """6 rows are not cut in 100; `reason` says in how many."""
    instance = _edges(_convolutions(None))
    plan = sf.solve(instance, "vsm-ilp", options={"grid": 100})
    check_plan(instance, plan)
    assert "grid = 100: stage 0 of task t is cut 6 x 6" in (plan.reason or "")
    assert len(plan.tasks[0].stages[0].slices) == 36


def _degenerate() -> Iterator[Instance]:
    """Problems with one placement, or with nothing in them that takes time."""
    x = Layer(name="x", op="input", output_bytes=64.0, output_shape=(1, 4, 4))
    u = Node(name="u", tier="device", speed_flops=1e9)
    f = Node(name="f", tier="edge", speed_flops=1e10)
    link = Link(tail="u", head="f", bandwidth_bps=1e7)

    def chain(flops: float, num_bytes: float, **kind: Any) -> tuple[Layer, ...]:
        shape: dict[str, Any] = {"output_shape": (1, 4, 4), "output_bytes": num_bytes}
        first = Layer(name="a", op="activation", inputs=("x",), flops=flops, **shape, **kind)
        return x, first, Layer(name="b", op="linear", inputs=("a",), flops=flops, output_bytes=0.0)

    def made(layers: tuple[Layer, ...], *nodes: Node, null: bool = False, **task: Any) -> Instance:
        each: dict[str, Any] = {"model": "m", "source": "u", "arrivals_per_s": 1.0} | task
        tasks = [Task(name="t", **each)]
        tasks += [Task(name="null", **{**each, "arrivals_per_s": None})] * null
        return Instance(
            name="degenerate",
            tiers=("device", "edge"),
            nodes=nodes,
            links=(link,) * (len(nodes) == 2),
            models=(Model(name="m", layers=layers),),
            tasks=tuple(tasks),
        )

    for null in (False, True):
        yield made((x,), u, f, null=null)
        yield made((x,), u, null=null, results_to="u")
        yield made(chain(1e6, 64.0), u, null=null)
        yield made(chain(0.0, 0.0), u, f, null=null)
        yield made(chain(1e6, 0.0), u, f, null=null)
        yield made(chain(0.0, 64.0), u, f, null=null)
        yield made(chain(1e6, 64.0, times_s={"u": 0.0, "edge": 0.0}), u, f, null=null)
    yield made(chain(1e6, 64.0), u, f, arrivals_per_s=None)
    yield made(chain(0.0, 0.0), u, f, arrivals_per_s=None)
    yield made((changed(x, op="other"),), u, f, source=None)
    yield made(chain(1e6, 64.0, tiers=()), u, f)
    yield made(chain(1e6, 64.0), changed(u, memory_bytes=0.0), changed(f, quota=0))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("solver", [*STREAMS, *SLICES, "hpa", "offload-assignment"])
def test_zero_is_a_number(solver: str) -> None:
    """No crash, no division by zero, and a plan of value 0 wherever all takes no time."""
    info = next(info for info in solver_infos() if info.name == solver)
    forms: list[dict[str, Any]] = [{}]
    if solver == "offload-ilp":
        forms.append({"formulation": "compact"})
    for instance, options in product(_degenerate(), forms):
        try:
            plan = sf.solve(instance, solver, info.objectives[0], options=options)
        except sf.SolverDeclined:
            continue
        check_plan(instance, plan)
        times = [layer.flops + layer.output_bytes for m in instance.models for layer in m.layers]
        if not any(times[1:]) and instance.tasks[0].results_to is None and plan.value is not None:
            assert plan.value == 0 or solver in ("random-match", "nearest", "offload-assignment")


@pytest.mark.parametrize("solver", [*STREAMS, "random", "evolution"])
def test_a_model_of_nothing_but_its_input(solver: str) -> None:
    """Nothing is to be placed: value 0, and nothing costs less, whoever is asked; the audit of no
    subtask is one too."""
    instance = field.instance("crash-input-only")
    plan = sf.solve(instance, solver, "mean-latency")
    check_plan(instance, plan)
    assert (plan.value, plan.status, plan.proven_over) == (0.0, "optimal", "all")


def test_start_is_offered() -> None:
    """What a heuristic begins with is there before it tries anything, for whoever interrupts it."""
    instance = field.instance("dina-ignores-groups")
    request = Request(instance, Objective("mean-latency"))
    first_loads(request)
    assert request.incumbent is not None
    assert np.isfinite(request.incumbent_value)
