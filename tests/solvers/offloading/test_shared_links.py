"""Solvers that prove: still right where slices of a stage share links, by enumeration."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from msgspec import UNSET

from splitfog import Instance, solve
from splitfog.formulations.claims.verify import false_claims
from splitfog.formulations.decision import Decision
from splitfog.formulations.objective import Objective
from splitfog.formulations.offloading.assignment import Assignments
from splitfog.formulations.offloading.subtasks import Subtasks, subtasks_of
from splitfog.instances.records import changed
from tests.cases.offload_cases import best_assignment, has_sound_stages, saved
from tests.cases.random_offloading import random_offloading
from tests.checks import check_plan


def drawn(seed: int) -> tuple[Instance, Decision, Objective, Subtasks] | None:
    """At most five subtasks over a tree of links, a stage of several slices among them; or None."""
    rng = np.random.default_rng(seed)
    instance, template = random_offloading(
        rng,
        num_tasks=1 + seed % 2,
        num_devices=1,
        num_fog=3,
        slices=4,
        utilisation=float(rng.choice([0.02, 0.1])),
        quotas=seed % 3 == 0,
        relays=True,
    )
    links = tuple(  # fast ones: else nothing is worth sending
        changed(
            link, bandwidth_bps=30 * link.bandwidth_bps, latency_s=0.0, delay_s=link.delay_s / 9
        )
        for link in instance.links
    )
    instance = changed(instance, links=links)
    how = Objective("mean-latency", "once", monotone=False)
    of_plan = subtasks_of(instance, template, how)
    if not has_sound_stages(instance, template) or not 0 < len(of_plan.keys) <= 5:
        return None
    return (instance, template, how, of_plan) if Assignments(of_plan).stage_ways.added_s else None


def test_optimum_where_slices_share_links(tmp_path: Path) -> None:
    """In both formulations the value is the least of all assignments, proven; also where ways are
    lengthened in it.
    """
    found = lengthened = 0
    for seed in range(40):
        problem = drawn(seed)
        if problem is None:
            continue
        instance, template, how, of_plan = problem
        best, decision = best_assignment(of_plan)
        if decision is None:
            continue
        path = saved(tmp_path / "plan.json", instance, template, how)
        for formulation in ("columns", "compact"):
            options = {"stages": path, "formulation": formulation}
            plan = solve(instance, "offload-ilp", how, options=options)
            check_plan(instance, plan)
            assert plan.value == pytest.approx(best, rel=1e-9)
            assert plan.status == "optimal"
            assert plan.audit is not None
            assert plan.audit.given_subtasks is not UNSET
            assert plan.audit.given_subtasks.proven
            assert not false_claims(instance, plan)
        found += 1
        nodes = subtasks_of(instance, decision, how)
        visits = Assignments(nodes).visits(nodes.assignment())[0]
        lengthened += bool((visits.way_s > visits.transfer_s * 1.001).any())
    assert found >= 10
    assert lengthened >= 3
