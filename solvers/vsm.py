"""`vsm`: vertical separation after D3 (arXiv 2101.05952): runs sliced over a tier's nodes.

Ours, as the text of D3 was not at hand: everything but the idea of tiles that run on several edge
nodes and are put together without loss.
"""

from __future__ import annotations

from collections.abc import Callable

from splitfog.formulations.decision import Decision, TaskDecision, placed
from splitfog.formulations.feasibility import decision_violations
from splitfog.instances.model import Instance
from splitfog.solvers.base import Answer, Request
from splitfog.solvers.vsm_plans import TaskPlanner, base_placements, parted


def solve_vsm(request: Request) -> Answer:
    """The best stages for a placement that stays as it is.

    *The placement* is the start's, or all layers on one node of a tier with several nodes: the
    `homes` cheapest of these, unsliced, are tried. Stages keep their layers at that node.

    *The family.* A stage is a run of neighbouring blocks of a chain (`vsm_chains`), and is cut in

    - strips of rows, or of columns, of any sizes, at most one a node, in file order or with the
      home in the middle (so every uneven cut by speed or link is among them);
    - bands of any sizes, crossed by a fixed cut of the other axis (equal parts or by speed), for
      every A x B with A, B >= 2 and A B at most the nodes;
    - equal grids up to `grid` x `grid`, their tiles dealt round robin in file order.

    on the home and the nearest and fastest 15 others (of its tier, or with `helpers=all` of any).
    Fuse points come from a dynamic program over every chain, branches within blocks included.
    Where the ways from home share no channel (links, serial radios, nodes without overlap) the
    result is the best of the family. Elsewhere strips and bands are cut as if transfers took 1, 2,
    4 and 8 times as long and nobody waited, rows equal and by speed are added, every stage is timed
    by the exact timeline, and the result is the best of that smaller family. Unsliced blocks are
    always in it, as are the stages of `modnn`, `deepthings`, `aofl` and `coedge`.

    *Memory.* Every node with a slice holds its stage's weights. If the best stages do not fit,
    those of the tiling baselines are tried, and stages that each take at most a part of what a node
    has room for; those that save least a byte are left out until the rest fits.

    O(P^2 H^2 N) for P blocks in a run, H rows and N nodes. Tasks are sliced one after another.
    No lower bound: sliced plans can beat every bound for placements.
    """
    return part_by_part(request, _sliced)


def part_by_part(
    request: Request, solve_part: Callable[[Request, Instance, Decision | None], Decision | str]
) -> Answer:
    """The checked answer of a solver of parts: one task each, or all where memory joins them.

    `solve_part` is given the part of the start, and returns a decision or why there is none.
    """
    found: list[TaskDecision] = []
    for part in parted(request.instance):
        start = request.start
        if start is not None and len(part.tasks) < len(request.instance.tasks):
            start = Decision((start.tasks[len(found)],))
        solved = solve_part(request, part, start)
        if isinstance(solved, str):
            return Answer(None, reason=solved)
        found += solved.tasks
    return checked_slices(request, Decision(tuple(found)))


def _sliced(request: Request, instance: Instance, start: Decision | None) -> Decision | str:
    """The sliced plan of all tasks of an instance, or why there is none."""
    objective, options = request.objective, request.options
    bases = []
    for position, task in enumerate(instance.tasks):
        own = base_placements(instance, objective, position, options["helpers"])
        if start is not None:
            own = [start.tasks[position].placement]
        if not own:
            return f"task {task.name}: no base placement is allowed"
        bases.append(own[: options["homes"]])
    decision = placed(*(own[0] for own in bases))
    if request.instance is instance:
        request.offer(decision)
    for position, own in enumerate(bases):
        if request.out_of_time:
            break
        planner = TaskPlanner(
            instance, objective, position, decision, options["helpers"], options["grid"]
        )
        found = [planner.best(placement) for placement in own]
        decision = planner.whole(min(found, key=lambda pair: pair[0])[1])
    return decision


def checked_slices(request: Request, decision: Decision) -> Answer:
    """The answer of a sliced plan: unknown, with the first violation, if it is not allowed."""
    faults = decision_violations(request.instance, decision, request.objective)
    return Answer(None, reason=faults[0]) if faults else Answer(decision)
