"""`repair`: a plan of many tasks after a change, of which only what is hit is planned anew."""

from __future__ import annotations

import time
from collections.abc import Mapping

import numpy as np

from splitfog.formulations.bounds.mean_latency import mean_latency_bound
from splitfog.formulations.costs.feasibility import decision_violations
from splitfog.formulations.decision import TaskDecision
from splitfog.formulations.evaluation.given import as_plan
from splitfog.formulations.objective import Objective
from splitfog.formulations.offloading.loads import Loads
from splitfog.formulations.passes import executed_once
from splitfog.formulations.plan import GivenPlan, Plan, decision_of
from splitfog.formulations.plan_file import PlanFile
from splitfog.instances.arguments import flag, number
from splitfog.instances.files import GivenInstance, instance_of
from splitfog.instances.instance import Instance
from splitfog.instances.readable import counted
from splitfog.solvers.base import Answer, Request
from splitfog.solvers.dina.answer import tidied_decision
from splitfog.solvers.dina.partition import require_sources
from splitfog.solvers.repair.carry import Carried, carried
from splitfog.solvers.repair.changes import Changes, applied, listed
from splitfog.solvers.repair.replan import replan
from splitfog.solvers.repair.report import RepairReport, Way
from splitfog.solvers.solve import finished_plan, solve

NAME = "repair"


def repair(
    instance: GivenInstance,
    plan: GivenPlan,
    changes: Changes,
    full: bool = False,
    *,
    notable: float | None = None,
    bounded: bool = False,
) -> tuple[Instance, Plan, RepairReport]:
    """The fog after some changes, and a plan in which only the tasks that they hit are new.

    For `mean-latency`. A task is hit where a node or a route that it uses is gone, where it would
    take longer than before even without waits, and where it arrives. Where a node returns or a
    link becomes faster, those that reach some node better now are looked at, too. All others keep
    their plan, and nobody's new plan is taken unless the mean of all falls. Where that leaves
    nothing feasible, `dina` plans all anew.

    Parameters
    ----------
    instance
        Before the changes, or the path of its file.
    plan
        A feasible plan for it, or the path of its file, or {task: {layer: node}}; one that says
        that there is none lets `dina` plan all.
    changes
        One or a list, made one after another:

        - ``{"node": "fog1", "up": False}``: it fails, and its links with it. The new instance
          keeps in `meta["down"]` what went, so that ``{"node": "fog1", "up": True}`` brings it
          back as it was. ``{"node": Node(...), "up": True, "links": [Link(...), ...]}`` adds one
          that never was there.
        - ``{"link": ["pi", "fog1"], "bandwidth_bps": 8e6, "latency_s": 0.002}``, one or both of
          them: as `Instance.with_link`, both ways of a duplex link unless ``"directions":
          "forward"``. ``{"link": [...], "up": False}`` and ``True`` as for nodes.
        - ``{"task": Task(...), "arrives": True}`` and ``{"task": "cam0", "leaves": True}``.

        What files say of a Node, Link or Task will do for one.
    full
        Let `dina` plan all tasks anew, for comparison.
    notable
        Plan others anew, too, where their nodes have got more work and each saves at least this
        share of the mean latency, such as 0.001: worth it where a change hits many, as when the
        cloud fails. None: they keep their plan.
    bounded
        Hold the repaired plan to all that other plans for `mean-latency` are held to, which takes
        longer than the repair. False: to the bound without waits only.

    Returns
    -------
    instance : Instance
        After the changes.
    plan : Plan
        For it: computed by the reference cost, its rules checked, with a lower bound. Its status
        is infeasible or unknown, with a `reason`, where there is none any more.
    report : RepairReport
        Which tasks were hit and which changed, what it took and what it came to.

    Raises
    ------
    ValueError, LookupError, InstanceError
        For changes that cannot be: unknown names and keys, a task twice, the source of a task that
        fails, the last task that leaves; for a plan that is not for `mean-latency`, not for this
        instance or not feasible.
    SolverDeclined
        Where a task has no source.

    Notes
    -----
    O(tasks (layers + slices)) for what is left of the plan, and for every task that is planned
    anew what a wide plan of `dina` takes; never exact. A departure hits nobody.
    """
    started = time.perf_counter()
    before = executed_once(instance_of(instance), "repair", with_state=False)
    steps = listed(changes)
    full = flag("full", full)
    if notable is not None:
        notable = number("notable", notable, low=0)
    bounded = flag("bounded", bounded)
    given, old = sound_plan(before, plan)
    after = before
    for step in steps:
        after = applied(after, step)
    require_sources(NAME, after)
    request = Request(after, given.objective, started=started)
    left = None if old is None else carried(old, after, given.objective)
    done = None if full or left is None else _repaired(request, left, notable, bounded)
    if done is None:
        done = solve(after, "dina", given.objective), []
    return after, done[0], _report(request, left, *done)


def sound_plan(instance: Instance, plan: GivenPlan) -> tuple[PlanFile, Loads | None]:
    """A plan by names and its loads; None where it says that there is none.

    Raises
    ------
    ValueError
        Where it is not for `mean-latency`, not for this instance, or not feasible.
    """
    bare = isinstance(plan, Mapping)
    given = as_plan(instance, plan, Objective("mean-latency") if bare else None)
    if given.objective.name != "mean-latency":
        raise ValueError(f"the plan's objective = {given.objective.name}, must be mean-latency")
    if given.instance_sha256 not in (None, instance.sha256):
        raise ValueError(
            "the plan is for another instance: "
            f"instance_sha256 = {given.instance_sha256}, must be {instance.sha256}"
        )
    if given.status in ("infeasible", "unknown", "error") and not given.tasks:
        return given, None
    decision = decision_of(instance, given)
    if faults := decision_violations(instance, decision, given.objective):
        raise ValueError(f"the plan is infeasible: {faults[0]}")
    return given, Loads.of(instance, given.objective, decision)


def _repaired(
    request: Request, left: Carried, notable: float | None, bounded: bool
) -> tuple[Plan, list[int]] | None:
    """The repaired plan and the others looked at; None where it breaks a rule."""
    loads, others = replan(left, notable)
    decision = tidied_decision(loads.decision)
    if request.faults_of(decision):
        return None
    reason = f"repaired: {counted(len(left.hit), 'task')} hit"
    if others:
        reason += f", {len(others)} more looked at"
    bound = mean_latency_bound(request.instance)
    answer = Answer(decision, bound, reason=reason, proven_over="all")
    return finished_plan(request, NAME, answer, bounded), others


def _report(request: Request, left: Carried | None, made: Plan, others: list[int]) -> RepairReport:
    """What was hit, what runs in another way now, and what it took."""
    names = [task.name for task in request.instance.tasks]
    kept = [None] * len(names) if left is None else left.answers
    moved = []
    if made.tasks:
        answers = decision_of(request.instance, made).tasks
        moved = [at for at, own in enumerate(answers) if not _same(own, kept[at])]
    hit = range(len(names)) if left is None else left.hit
    way: Way = "dina" if made.solver == "dina" else "repair" if moved else "nothing"
    return RepairReport(
        hit=tuple(names[at] for at in hit),
        others=tuple(names[at] for at in others),
        changed=tuple(names[at] for at in moved),
        seconds=request.elapsed_s,
        value_before=None if left is None else left.before.value()[1],
        value_kept=None if left is None else left.value,
        value_after=made.value,
        way=way,
    )


def _same(answer: TaskDecision, other: TaskDecision | None) -> bool:
    """Whether two answers run a task in the same way."""
    if other is None:
        return False
    return answer.stages == other.stages and np.array_equal(answer.placement, other.placement)
