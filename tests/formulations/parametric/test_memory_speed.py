"""A load divides the speed of a node's memory, too."""

from __future__ import annotations

import numpy as np
import pytest

import splitfog as sf
from splitfog.formulations.passes import of_pass
from splitfog.instances.changes import derived
from splitfog.instances.records import changed
from tests.cases.enumeration.passes import with_passes


def loaded(instance: sf.Instance, load: float) -> sf.Instance:
    """Every layer of node n1 takes so many times as long, whatever holds it up."""
    nodes = [
        changed(
            node,
            speed_flops=node.speed_flops / load,
            memory_bytes_per_s=(node.memory_bytes_per_s or 0.0) / load,
            overhead_s=node.overhead_s * load,
        )
        if node.name == "n1"
        else node
        for node in instance.nodes
    ]
    return derived(instance, nodes=tuple(nodes))


def test_a_plan_table_over_loads_knows_the_roofline() -> None:
    """Its least value is the optimum by brute force at any load."""
    instance = of_pass(with_passes(1, "line", idle=False), "decode")
    table = sf.plan_table(instance, vary={"n1": (0.5, 20.0)})
    for load in (0.6, 3.0, 17.0):
        best = sf.solve(loaded(instance, load), "brute-force").value
        assert float(np.min(table.values([[load]]))) == pytest.approx(best, rel=1e-6)


def test_a_policy_over_a_speed_that_memory_limits_is_refused() -> None:
    """The time is not linear in 1 / speed then; over a bandwidth it is."""
    instance = of_pass(with_passes(1, "line", idle=False), "decode")
    with pytest.raises(ValueError, match="must be null for layers with traffic_bytes"):
        sf.policy(instance, node="n1", low_flops=1e8, high_flops=1e10)
    assert sf.policy(instance, link=("n0", "n1"), low_bps=1e6, high_bps=1e8).status == "optimal"
