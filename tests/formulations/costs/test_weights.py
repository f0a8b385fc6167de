"""Layers that share weights: a node holds these once, and every solver that knows memory knows."""

from __future__ import annotations

import json
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from splitfog import Instance, evaluate, solve, violations
from splitfog.formulations.costs.feasibility import memory_bytes
from splitfog.formulations.decision import Slice, Stage, TaskDecision, placed
from splitfog.formulations.objective import Objective
from splitfog.formulations.programs.placement import _held
from splitfog.formulations.programs.placement_build import placement_program
from splitfog.formulations.tiles.stage_shape import geometry_of
from splitfog.formulations.weights import added_bytes, bytes_of, held_bytes
from splitfog.instances.arrays import frozen
from splitfog.instances.files import parse_instance
from splitfog.instances.instance import encode_instance
from splitfog.instances.records import changed
from splitfog.instances.zoo import build
from splitfog.solvers.exact.period_search import _BusyTimes
from splitfog.solvers.registry import solver_infos
from splitfog.solvers.starts.packing import Bins
from splitfog.solvers.starts.placement_space import PlacementSpace
from tests.cases import field
from tests.cases.stages.small_stages import cluster, conv_chain
from tests.cases.strategies import random_instance, with_shared_weights
from tests.checks import check_against_optimum, check_plan

CASE = Path(__file__).parents[2] / "data" / "shared-weights-1.json"


def golden() -> tuple[Instance, dict[str, Any]]:
    """The golden case without its `state_bytes`, which belong to language models."""
    data = json.loads(CASE.read_text())
    for model in data["instance"]["models"]:
        for layer in model["layers"]:
            layer.pop("state_bytes", None)
    return parse_instance(json.dumps(data["instance"]).encode(), CASE.name), data


def unshared(instance: Instance) -> Instance:
    """The same with weights of its own for every layer."""
    models = tuple(
        changed(m, layers=tuple(changed(layer, weights=None) for layer in m.layers))
        for m in instance.models
    )
    return changed(instance, models=models)


def test_the_golden_placements() -> None:
    """Every listed memory (weights alone) and violation, and those that sharing takes away."""
    instance, data = golden()
    for listed in data["placements"]:
        given = listed["placements"]
        decision = placed(
            *(
                [instance.node_index[given[t.name][x.name]] for x in instance.model_of(t).layers]
                for t in instance.tasks
            )
        )
        weights = [
            listed["memory_bytes"][n.name] - listed["state_bytes"][n.name] for n in instance.nodes
        ]
        assert memory_bytes(instance, decision) == weights
        value = float(evaluate(instance, given, objective="latency"))
        assert value == pytest.approx(listed["latency once"], rel=1e-9)
        assert bool(violations(instance, given)) == listed["violates"]
        alone = violations(unshared(instance), given)
        assert bool(alone) == listed["violates_if_weights_were_not_shared"]


@pytest.mark.parametrize(
    ("solver", "options"),
    [("ilp", {"engine": "highs"}), ("ilp", {"engine": "cbc"}), ("brute-force", {}), ("auto", {})],
)
def test_the_golden_optimum(solver: str, options: dict[str, str]) -> None:
    """0.6762556 s; its state of 60 bytes a task on n1 binds neither here nor without sharing."""
    instance, data = golden()
    optimum = data["optima"][0]
    assert solve(instance, solver, objective="latency", options=options).value == pytest.approx(
        optimum["value"], rel=1e-9
    )


def test_tied_embeddings_need_one_node_only() -> None:
    """Embedding and head of 1 GB, a block of 0.5 GB, nodes of 1.6 GB.

    Apart they are 2.5 GB: two nodes, and 10 kB over 8 Gbit/s on top of 1.002 s. Tied they are
    1.5 GB: all on one node.
    """
    apart = field.instance("tied-weights-not-expressible")
    model = apart.models[0]
    layers = tuple(
        changed(layer, weights="vocabulary") if layer.name != "block" else layer
        for layer in model.layers
    )
    tied = changed(apart, models=(changed(model, layers=layers),))
    assert tied.models[0].parameters == 1.5e9 / 4
    assert solve(apart).value == pytest.approx(1.002 + 1e-5, rel=1e-12)
    plan = solve(tied)
    assert (plan.status, plan.value) == ("optimal", pytest.approx(1.002, rel=1e-12))
    assert sorted(load.memory_bytes or 0.0 for load in plan.nodes.values()) == [0.0, 1.5e9]


def test_a_file_without_shared_weights_keeps_its_bytes() -> None:
    """`weights` is written where it is given only; reading back is the identity."""
    instance, _ = golden()
    content = encode_instance(instance)
    assert content.count(b'"weights"') == 4
    assert parse_instance(content, "again") == instance
    assert b'"weights"' not in encode_instance(unshared(instance))


def test_the_zoo_shares_nothing() -> None:
    """AlexNet has 61,100,840 parameters, as published."""
    assert build("alexnet").parameters == 61_100_840
    assert not build("alexnet").shares_weights


def test_sums_count_what_is_shared_once() -> None:
    """embed 400, b0 and b1 300 together, b2 300, head as embed."""
    model = golden()[0].models[0]
    assert held_bytes(model, [1, 2, 3, 4, 5]) == 1000
    assert held_bytes(model, [3, 5]) == 700
    assert added_bytes(model, [5, 4, 3, 2, 1]).tolist() == [400, 300, 300, 0, 0]
    present = np.array([[0, 1, 0, 0, 0, 1], [0, 0, 1, 1, 1, 0]], bool)
    assert bytes_of(model, present).tolist() == [400, 600]
    assert model.parameters == 250


def tight_instance(seed: int, **how: Any) -> Instance:
    """A random instance most of whose models share weights and whose nodes are small."""
    rng = np.random.default_rng(seed)
    instance = random_instance(rng, **how)
    models = instance.models
    if not any(model.shares_weights for model in models):
        models = with_shared_weights(rng, models, 0.9)
    weights = sum(layer.weight_bytes for model in models for layer in model.layers)
    limits = np.floor(rng.uniform(0.15, 0.8, len(instance.nodes)) * weights).tolist()
    nodes = [changed(n, memory_bytes=m) for n, m in zip(instance.nodes, limits, strict=True)]
    return changed(instance, models=models, nodes=tuple(nodes))


@pytest.mark.parametrize("objective", ["latency", "period", "makespan"])
def test_every_solver_against_enumeration(objective: str) -> None:
    """Nothing any solver or baseline claims contradicts the optimum of all placements.

    Sharing must matter: without it some optima are different, some instances infeasible.
    """
    mattered = 0
    names = [info.name for info in solver_infos() if objective in info.objectives]
    for seed in range(20):
        tasks = 1 if objective == "makespan" else 1 + seed % 2
        how: dict[str, Any] = {"objective": objective, "monotone": seed % 3 > 0}
        instance = tight_instance(seed, num_nodes=2 + seed % 2, num_layers=4, num_tasks=tasks)
        optimum = solve(instance, "brute-force", **how).value
        mattered += optimum != solve(unshared(instance), "brute-force", **how).value
        for name in names:
            try:
                plan = solve(instance, name, time_limit_s=20, **how)
            except ValueError as declined:
                assert str(declined)
                continue
            check_plan(instance, plan)
            if not any(task.stages for task in plan.tasks):
                check_against_optimum(plan, inf if optimum is None else optimum)
    assert mattered >= 5


def test_searches_and_programs_hold_what_the_reference_does() -> None:
    """Random placements of two tasks, mostly of one model: bytes on every node, four times."""
    shared = 0
    for seed in range(60):
        instance = tight_instance(seed, num_nodes=3, num_layers=4, num_tasks=2)
        space = PlacementSpace(instance, Objective("latency", monotone=False))
        if not space.allowed.any(axis=1).all():
            continue
        rng = np.random.default_rng(seed)
        places = np.array([rng.choice(np.flatnonzero(row)) for row in space.allowed])
        decision = placed(*np.split(places[space.unit_of], space.columns.first[1:-1]))
        held = memory_bytes(instance, decision)
        alone = memory_bytes(unshared(instance), decision)
        shared += held != alone
        limits = [node.memory_bytes or 0.0 for node in instance.nodes]
        codes = space.code_of[places][:, None]
        assert space.overfull(codes) == any(h > m for h, m in zip(held, limits, strict=True))
        bins = Bins(space)
        for unit, node in enumerate(places.tolist()):
            bins.put(unit, node)
        assert bins.held == pytest.approx(held)
        assert _BusyTimes(instance, Objective("period"), decision).held == pytest.approx(held)
        program = placement_program(instance, Objective("latency", monotone=False))
        assert [size for size, _ in _held(program, decision)] == pytest.approx(held)
    assert shared > 20


def test_slices_hold_the_weights_of_a_stage_once() -> None:
    """Two convolutions of 40 bytes that share them: a slice of both holds 40, not 80."""
    model = conv_chain([(3, 1, 1), (3, 1, 1)], 6, 6)
    tied = tuple(
        changed(layer, weights="tied") if layer.op == "conv" else layer for layer in model.layers
    )
    instance = cluster(changed(model, layers=tied), [1e3, 1e3], [1e6])
    halves = (Slice(1, (0, 3), (0, 6)), Slice(2, (3, 6), (0, 6)))
    stage = Stage((1, 2), 1, halves)
    answer = TaskDecision(frozen(np.array([0, 1, 1])), None, (stage,))
    decision = changed(placed(np.array([0, 1, 1])), tasks=(answer,))
    assert memory_bytes(instance, decision) == [0.0, 40.0, 40.0]
    assert geometry_of(instance.models[0], (1, 2)).weight_bytes == 40


@pytest.mark.parametrize("engine", ["highs", "cbc"])
def test_stages_are_dealt_to_nodes_that_hold_shared_weights_already(engine: str) -> None:
    """With room for 40 bytes on every node, convolutions of 40 shared bytes may be sliced.

    Apart they are 80 and no slice of both fits anywhere. The sliced plan is found by `vsm` and
    dealt by `vsm-ilp`, whose program must not count 40 bytes for every stage.
    """
    model = conv_chain([(3, 1, 1), (3, 1, 1)], 8, 8)
    tied = tuple(
        changed(layer, weights="tied") if layer.op == "conv" else layer for layer in model.layers
    )
    shared = cluster(changed(model, layers=tied), [1e3] * 3, [1e6] * 2, 0.0, [40.0] * 3)
    plan = solve(shared, "vsm-ilp", "latency", time_limit_s=2, options={"engine": engine})
    assert plan.status == "feasible"
    assert any(len(stage.slices) > 1 for stage in plan.tasks[0].stages)
    assert solve(unshared(shared), "vsm", objective="latency").value != plan.value
