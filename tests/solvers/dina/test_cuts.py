"""`plans=cuts`: single cuts that are best for all, without stages."""

from __future__ import annotations

import pytest

import splitfog as sf
from splitfog.formulations.objective import Objective
from splitfog.formulations.offloading.loads import Loads
from splitfog.formulations.offloading.social_cut import social_cut
from splitfog.formulations.plan import Plan, decision_of
from splitfog.instances.instance import Instance


def crowded(seed: int) -> Instance:
    """Twenty users whose links are fast: most offload, and wait for each other."""
    return sf.generate("fog", seed=seed, users=20, bandwidth_scale=3.0, utilisation=0.7)


def cuts(instance: Instance, solver: str = "dina") -> Plan:
    """The plan of `solver` by single cuts."""
    return sf.solve(instance, solver=solver, options={"plans": "cuts"})


@pytest.mark.parametrize("seed", [0, 2])
def test_they_are_near_the_bound_without_stages(seed):
    """No stage is used, and the plan is better than selfish cuts, which leave 3 and 8 %."""
    instance = crowded(seed)
    plan, selfish = cuts(instance), sf.solve(instance, solver="best-response")
    assert not any(task.stages for task in plan.tasks)
    assert plan.value is not None
    assert selfish.value is not None
    assert plan.value < selfish.value
    assert plan.audit is not None
    bound = plan.audit.bound_without_stages
    assert isinstance(bound, float)
    assert bound <= plan.value <= bound / (1 - 0.03)


def test_no_other_cut_is_better_for_all():
    """At the end of `dina-p` no task can lower the objective by another single cut."""
    instance, objective = crowded(0), Objective("mean-latency")
    loads = Loads.of(instance, objective, decision_of(instance, cuts(instance, "dina-p")))
    value = loads.value()
    for task in range(len(instance.tasks)):
        own, other = loads.take(task), social_cut(loads, task)[0]
        assert other is not None
        loads.put(task, other)
        assert loads.value()[1] >= value[1] * (1 - 1e-9)
        loads.take(task)
        loads.put(task, own)
