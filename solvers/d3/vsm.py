"""`vsm`: vertical separation after D3 (arXiv 2101.05952): runs sliced over a tier's nodes.

Ours, as the text of D3 was not at hand: everything but the idea of tiles that run on several edge
nodes and are put together without loss.
"""

from __future__ import annotations

from collections.abc import Callable

from splitfog.formulations.decision import Decision, TaskDecision, placed
from splitfog.instances.instance import Instance
from splitfog.solvers.base import Answer, Request
from splitfog.solvers.d3.plans import Placement, TaskPlanner, base_placements, parted


def solve_vsm(request: Request) -> Answer:
    """The best stages for a placement that stays as it is.

    *The placement* is the start's, or all layers on one node of a tier with several nodes: the
    `homes` cheapest of these, unsliced, are tried. Stages keep their layers at that node.

    *The family.* A stage is a run of neighbouring blocks of a chain (`chains`), and is cut in

    - strips of rows, or of columns, of any sizes, at most one a node, in file order or with the
      home in the middle (so every uneven cut by speed or link is among them);
    - bands of any sizes, crossed by a fixed cut of the other axis (equal parts or by speed), for
      every A x B with A, B >= 2 and A B at most the nodes;
    - equal grids up to `grid` x `grid`, their tiles dealt round robin in file order;
    - on three nodes or more, the strips of unequal rectangles that are found (`strips`).

    on the home and the nearest and fastest 15 others (of its tier, or with `helpers=all` of any).
    Fuse points come from a dynamic program over every chain, branches within blocks included.
    Where the ways from home share no channel (links, serial radios, nodes without overlap) the
    result is the best of the family, its last kind apart. Elsewhere strips and bands are cut as if
    transfers took 1, 2, 4 and 8 times as long and nobody waited, rows equal and by speed are added,
    every stage is timed by the exact timeline, and the result is the best of that smaller family.
    Unsliced blocks are always in it, as are the stages of `modnn`, `deepthings`, `aofl` and
    `coedge`.

    *Memory.* Every node with a slice holds its stage's weights. If the best stages do not fit,
    those of the tiling baselines are tried, and stages that each take at most a part of what a node
    has room for; those that save least a byte are left out until the rest fits.

    O(P^2 H^2 N) for P blocks in a run, H rows and N nodes. Tasks are sliced one after another.
    It proves nothing itself: its answer's bound over all plans is the instance's.
    """
    bases = _bases(request, request.instance, request.start)
    if not isinstance(bases, str):
        request.offer(placed(*(own[0] for own in bases)))
    return part_by_part(request, sliced_placements, request.start)


def part_by_part(
    request: Request,
    solve_part: Callable[[Request, Instance, Decision | None], Decision | str],
    start: Decision | None,
) -> Answer:
    """The checked answer of a solver of parts: one task each, or all where memory joins them.

    `solve_part` is given the part of the start, and returns a decision or why there is none.
    """
    found: list[TaskDecision] = []
    parts = parted(request.instance)
    for position, part in enumerate(parts):
        own = Decision((start.tasks[position],)) if start and len(parts) > 1 else start
        solved = solve_part(request, part, own)
        if isinstance(solved, str):
            return Answer(None, reason=solved)
        found += solved.tasks
    return checked_slices(request, Decision(tuple(found)))


def sliced_placements(
    request: Request, instance: Instance, start: Decision | None
) -> Decision | str:
    """The sliced plan of all tasks of an instance, or why there is none."""
    options = request.options
    bases = _bases(request, instance, start)
    if isinstance(bases, str):
        return bases
    decision = placed(*(own[0] for own in bases))
    verdicts = request.verdicts_on(instance)
    for position, own in enumerate(bases):
        if request.out_of_time:
            break
        planner = TaskPlanner(verdicts, position, decision, options["helpers"], options["grid"])
        found = [planner.best(placement) for placement in own]
        decision = planner.whole(min(found, key=lambda pair: pair[0])[1])
    return decision


def _bases(
    request: Request, instance: Instance, start: Decision | None
) -> list[list[Placement]] | str:
    """Every task's placements to slice, or which task has none."""
    if start is not None:
        return [[answer.placement] for answer in start.tasks]
    bases = []
    for position, task in enumerate(instance.tasks):
        own = base_placements(instance, request.objective, position, request.options["helpers"])
        if not own:
            return f"task {task.name}: no base placement is allowed"
        bases.append(own[: request.options.get("homes", 1)])
    return bases


def checked_slices(request: Request, decision: Decision) -> Answer:
    """The answer of a sliced plan: unknown, with the first violation, if it is not allowed."""
    faults = request.faults_of(decision)
    return Answer(None, reason=faults[0]) if faults else Answer(decision)
