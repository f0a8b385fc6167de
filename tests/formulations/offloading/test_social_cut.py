"""What a cut adds to the objective, the others' longer waits included, is priced exactly."""

from __future__ import annotations

import numpy as np
import pytest

import splitfog as sf
from splitfog.formulations.decision import TaskDecision
from splitfog.formulations.objective import Objective
from splitfog.formulations.offloading.loads import Loads
from splitfog.formulations.offloading.one_cut import best_cut, one_cut
from splitfog.formulations.offloading.social_cut import social_cut, social_seconds
from splitfog.formulations.plan import decision_of
from splitfog.instances.arrays import frozen

MEAN = Objective("mean-latency")


def loads_of(seed: int, utilisation: float) -> Loads:
    """Eight users of two fog nodes, each where it is best for itself."""
    instance = sf.generate(
        "fog", seed=seed, users=8, fog_nodes=2, models="nin,alexnet", utilisation=utilisation
    )
    plan = sf.solve(instance, "best-response")
    return Loads.of(instance, MEAN, decision_of(instance, plan))


@pytest.mark.parametrize("utilisation", [0.3, 0.8])
@pytest.mark.parametrize("seed", range(4))
def test_what_a_cut_adds_to_the_objective(seed, utilisation):
    """The mean latency with the task at every cut, less that without it; tasks have no stages."""
    loads = loads_of(seed, utilisation)
    compared = 0
    for task in range(0, 8, 3):
        own = loads.take(task)
        without = loads.value()[1]
        seconds = social_seconds(loads, task)
        for cut, node in np.argwhere(np.isfinite(seconds))[::7].tolist():
            placement = one_cut(loads.instance, MEAN, task, cut, node)
            loads.put(task, loads.footprint(task, TaskDecision(frozen(placement))))
            excess, mean = loads.value()
            loads.take(task)
            if excess == 0:
                assert seconds[cut, node] == pytest.approx(mean - without, rel=1e-9)
                compared += 1
        loads.put(task, own)
    assert compared > 20


@pytest.mark.parametrize("seed", range(4))
def test_nobody_does_better_for_all(seed):
    """The social cut costs all together at most what the task's own best cut costs them."""
    loads = loads_of(seed, 0.8)
    for task in range(8):
        own = loads.take(task)
        means = []
        for answer in (social_cut(loads, task)[0], best_cut(loads, task)):
            assert answer is not None
            loads.put(task, answer)
            means.append(loads.value()[1])
            loads.take(task)
        assert means[0] <= means[1] * (1 + 1e-12)
        loads.put(task, own)


def test_only_to_some_nodes():
    """Where it may go is asked for: the cloud, or nowhere."""
    loads = loads_of(0, 0.3)
    loads.take(0)
    cloud = np.array([node.name == "cloud" for node in loads.instance.nodes])
    answer, least = social_cut(loads, 0, cloud)
    assert answer is not None
    assert loads.instance.node_index["cloud"] in answer.answer.placement
    assert social_cut(loads, 0, cloud, below=least) == (None, least)
    assert social_cut(loads, 0, np.zeros(len(cloud), bool)) == (None, np.inf)
