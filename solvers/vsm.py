"""`vsm`: vertical separation after D3 (arXiv 2101.05952): runs sliced over a tier's nodes.

Ours, as the text of D3 was not at hand: everything but the idea of tiles that run on several edge
nodes and are put together without loss.
"""

from __future__ import annotations

from splitfog.formulations.decision import Decision, placed
from splitfog.formulations.feasibility import decision_violations
from splitfog.solvers.base import Answer, Request
from splitfog.solvers.vsm_plans import TaskPlanner, base_placements


def solve_vsm(request: Request) -> Answer:
    """The best stages for a placement that stays as it is.

    *The placement* is the start's, or all layers on one node of a tier with several nodes: the
    `homes` cheapest of these, unsliced, are tried. Stages keep their layers at that node.

    *The family.* A stage is a run of neighbouring blocks of a chain (`vsm_chains`), and is cut in

    - strips of rows, or of columns, of any sizes, at most one a node, in file order or with the
      home in the middle (so every uneven cut by speed or link is among them);
    - bands of any sizes, crossed by a fixed cut of the other axis (equal parts or by speed), for
      every A x B with A, B >= 2 and A B at most the nodes (and 16);
    - equal grids up to `grid` x `grid`, their tiles dealt round robin in file order.

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
    instance, objective, options = request.instance, request.objective, request.options
    bases = []
    for position, task in enumerate(instance.tasks):
        own = base_placements(instance, objective, position, options["helpers"])
        if request.start is not None:
            own = [request.start.tasks[position].placement]
        if not own:
            return Answer(None, reason=f"task {task.name}: no base placement is allowed")
        bases.append(own[: options["homes"]])
    decision = placed(*(own[0] for own in bases))
    request.offer(decision)
    for position, own in enumerate(bases):
        planner = TaskPlanner(
            instance, objective, position, decision, options["helpers"], options["grid"]
        )
        found = [planner.best(placement) for placement in own]
        decision = planner.whole(min(found, key=lambda pair: pair[0])[1])
        request.offer(decision)
        if request.out_of_time:
            break
    return checked_slices(request, decision)


def checked_slices(request: Request, decision: Decision) -> Answer:
    """The answer of a sliced plan: unknown, with the first violation, if it is not allowed."""
    faults = decision_violations(request.instance, decision, request.objective)
    return Answer(None, reason=faults[0]) if faults else Answer(decision)
