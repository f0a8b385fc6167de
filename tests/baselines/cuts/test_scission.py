"""scission: every contiguous split of the chain of blocks, and the blocks themselves."""

from __future__ import annotations

from itertools import combinations_with_replacement

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from splitfog import Instance, SolverDeclined, solve, zoo
from splitfog.baselines.cuts import scission
from splitfog.baselines.cuts.chain_of_blocks import block_chain
from splitfog.formulations.arrays.task import task_arrays
from splitfog.formulations.costs.feasibility import decision_violations
from splitfog.formulations.costs.reference import decision_cost
from splitfog.formulations.decision import placed
from splitfog.formulations.objective import Objective
from tests.cases.small_networks import best_of_all, chain, layer, network, places
from tests.cases.strategies import instances

objectives = st.builds(
    Objective, st.just("latency"), st.sampled_from(["once", "per-edge"]), st.booleans()
)


def test_by_hand() -> None:
    """a at d, b at e, c at c: 0.5 + 0.1 + 1 + 0.025 + 0.1 s; leaving e out costs 0.725 + 1.1 s."""
    layers = chain((0, 9.0), (0.5, 0.1), (10, 0.1), (10, 0.0))
    layers[2] = layer("b", 10, 0.1, "a", times_s={"c": 2.0})
    instance = network(layers)
    plan = solve(instance, "scission")
    assert (places(instance, plan), plan.value) == ("ddec", pytest.approx(1.725))


@given(instances(line=True, chain=True, num_layers=5, limits=False), st.sampled_from([True, False]))
def test_exact_on_chains(instance: Instance, once: bool) -> None:
    """One node a tier, monotone, with an input: no placement costs less."""
    assume(any(layer.op == "input" for layer in instance.models[0].layers))
    objective = Objective("latency", "once" if once else "per-edge")
    plan = solve(instance, "scission", objective)
    best = best_of_all(instance, objective)
    assert (plan.value or float("inf")) == pytest.approx(best, rel=1e-9)


@given(instances(line=True, limits=False, num_nodes=3))
def test_best_of_all_splits(instance: Instance) -> None:
    """On any DAG: no contiguous split of the blocks over rising nodes costs less."""
    objective = Objective("latency")
    task = instance.tasks[0]
    assume(task.source is not None)
    blocks = block_chain(task_arrays(instance), objective)
    first = instance.node_index[str(task.source)]
    values = [float("inf")]
    for nodes in combinations_with_replacement(range(first, 3), blocks.num_blocks):
        decision = placed(blocks.placement(list(nodes)))
        if not decision_violations(instance, decision, objective):
            values.append(float(decision_cost(instance, decision, objective)))
    plan = solve(instance, "scission", objective)
    assert (plan.value if plan.value is not None else float("inf")) == pytest.approx(min(values))


def test_too_many_splits_are_declined(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the number and the limit."""
    monkeypatch.setattr(scission, "MAX_SPLITS", 5)
    with pytest.raises(SolverDeclined, match=r"splits of 3 blocks, at most 5"):
        solve(network(chain((0, 1), (1, 1), (1, 1), (1, 1))), "scission")


@given(instances(), objectives, st.integers(0, 2**32 - 1))
def test_block_costs_are_the_reference(instance: Instance, objective: Objective, seed: int) -> None:
    """Any assignment of blocks to nodes costs what the chain of blocks says."""
    arrays = task_arrays(instance)
    blocks = block_chain(arrays, objective)
    assume(blocks.num_blocks > 0)
    rng = np.random.default_rng(seed)
    nodes = rng.integers(0, len(instance.nodes), blocks.num_blocks)
    decision = placed(blocks.placement(nodes))
    said = sum(float(blocks.costs_s[b, n]) for b, n in enumerate(nodes))
    said += sum(float(blocks.step(b)[nodes[b], nodes[b + 1]]) for b in range(len(nodes) - 1))
    faults = decision_violations(instance, decision, objective)
    if said < float("inf"):
        assert all("bytes" in fault for fault in faults)
        cost = float(decision_cost(instance, decision, objective))
        assert said == pytest.approx(cost, rel=1e-9, abs=1e-12)
    else:
        assert faults


def test_blocks_of_networks() -> None:
    """A chain has a block a layer; ResNet-18's eight residual blocks merge their branches."""
    alexnet, resnet = zoo.build("alexnet"), zoo.build("resnet-18")

    def inside(model: object) -> int:
        base = network(list(model.layers))  # type: ignore[attr-defined]
        source = Instance(**{**base.__dict__, "models": base.models})
        return block_chain(task_arrays(source), Objective("latency")).num_blocks

    chain_length = len(alexnet.layers) - sum(layer.op == "input" for layer in alexnet.layers)
    assert inside(alexnet) == chain_length
    adds = sum(layer.op == "add" for layer in resnet.layers)
    branched = sum(len(readers) > 1 for readers in resnet.consumers)
    assert adds == branched == 8
    assert inside(resnet) < len(resnet.layers) - 1
