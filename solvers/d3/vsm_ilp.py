"""`vsm-ilp`: given tiles of stages dealt to nodes by a 0-1 program over their loads."""

from __future__ import annotations

from collections.abc import Sequence

from splitfog.formulations.arrays.nodes import limits_memory
from splitfog.formulations.decision import Decision, Slice, Stage
from splitfog.formulations.plan import decision_of, load_plan
from splitfog.formulations.tiles.grids import grid
from splitfog.formulations.tiles.stage_shape import geometry_of
from splitfog.instances.instance import Instance
from splitfog.instances.records import changed
from splitfog.solvers.base import Answer, Request, SolverDeclined
from splitfog.solvers.d3.stage_tiles import StageTiles, descended, with_stages
from splitfog.solvers.d3.tile_program import TileProgram
from splitfog.solvers.d3.vsm import checked_slices

DEFAULT_TIME_LIMIT_S = 20.0
"""For all programs together, where the caller sets no limit."""
GAP = 1e-4
"""Relative gap at which a program is solved well enough."""
MOST_COVERS = 20
"""How often a program is solved again because its tiles' weights fit only up to its tolerance."""


def solve_vsm_ilp(request: Request) -> Answer:
    """The tiles of a plan's stages on the nodes of least load, each stage timed exactly afterwards.

    The plan is a file's (`stages`), the start's, or `vsm`'s; its placement, stages and homes stay,
    and with `grid` every stage is first cut anew into an equal grid. Per stage the program chooses
    a node for every tile and minimises T, which is at least

    - of every tile: its way in, computing and way out on its node;
    - of every node in use: all its computing, the shortest way in and the shortest way out;
    - of every link, serial radio and node without `overlap`: all that it carries.

    A tile that takes longer alone on a node than all given stages together is not offered it.
    No order of events is in it, so T bounds the stage time of these tiles from below, on any of
    the nodes; the bounds stand in the plan's `reason`, as they hold for these tiles only. The
    timeline then decides between the program's tiles and the given ones, stage by stage, after
    single tiles of both have gone to other nodes while that helps: of what is equal to the
    program much is not to the timeline. Where nodes have memory limits one program holds all
    stages, and their weights fit.
    """
    instance = request.instance
    given = _given(request)
    if isinstance(given, str):
        return Answer(None, reason=given)
    side = request.options["grid"]
    notes = _coarse(instance, given, side)
    if side:
        uncut, given = given, _recut(instance, given, side)
    else:
        uncut = given
        request.offer(given)
    parts = [
        StageTiles(instance, t, s, stage, request.options["helpers"])
        for t, answer in enumerate(given.tasks)
        for s, stage in enumerate(answer.stages)
    ]
    limited = limits_memory(instance)
    groups = [parts] if limited and parts else [[part] for part in parts]
    times: list[str] = []
    stages: dict[tuple[int, int], Stage] = {}
    for group in groups:
        share_s = min(request.remaining_s, DEFAULT_TIME_LIMIT_S) / len(groups)
        found, bound = _dealt(group, given, request, share_s)
        stages |= {(part.task, part.stage): stage for part, stage in zip(group, found)}
        values = sum(part.seconds(stage) for part, stage in zip(group, found))
        times.append(f"{values:.6g} s, at least {bound:.6g} s with these tiles")
    decision = with_stages(given, stages)
    answer = checked_slices(request, decision)
    for before in (given, uncut):
        if answer.decision is None:
            answer = checked_slices(request, before)
    if not parts:
        return changed(answer, reason="there is no stage whose tiles could be dealt")
    reason = answer.reason or "stages take " + "; ".join(times)
    return changed(answer, reason="; ".join([reason, *notes]))


def _given(request: Request) -> Decision | str:
    """The decision whose tiles are dealt, or why there is none."""
    instance, name = request.instance, request.options["stages"]
    if name != "vsm":
        given = decision_of(instance, load_plan(name))
        if faults := request.faults_of(given):
            raise ValueError(f"option stages = {name}: {faults[0]}")
    elif request.start is not None:
        given = request.start
    else:
        from splitfog.solvers.d3.vsm import solve_vsm
        from splitfog.solvers.registry import parse_options, solver_info

        options = parse_options(solver_info("vsm"), {"helpers": request.options["helpers"]})
        inner = changed(request, options=options)
        try:
            answer = solve_vsm(inner)
        except SolverDeclined as declined:
            reason = f"{declined.reason}, so there are no tiles of vsm to deal"
            raise SolverDeclined("vsm-ilp", reason, declined.instead) from None
        found = answer.decision or inner.incumbent
        if found is None:
            return answer.reason or "vsm finds no plan"
        given = found
    return given


def _coarse(instance: Instance, given: Decision, side: int) -> list[str]:
    """Which stages have fewer rows or columns than the grid asked for, and what they get."""
    notes = []
    for task, answer in zip(instance.tasks, given.tasks, strict=True):
        for position, stage in enumerate(answer.stages):
            shape = geometry_of(instance.model_of(task), stage.layers)
            if side > min(shape.height, shape.width):
                rows, columns = min(side, shape.height), min(side, shape.width)
                notes.append(
                    f"grid = {side}: stage {position} of task {task.name} is cut {rows} x "
                    f"{columns}, its output has {shape.height} rows and {shape.width} columns"
                )
    return notes


def _recut(instance: Instance, given: Decision, side: int) -> Decision:
    """Every stage in an equal grid of `side` x `side` (or one tile a row or column)."""
    stages = {}
    for t, answer in enumerate(given.tasks):
        for s, stage in enumerate(answer.stages):
            shape = geometry_of(instance.model_of(instance.tasks[t]), stage.layers)
            nodes = [part.node for part in stage.slices]
            boxes = grid(
                shape.height, shape.width, min(side, shape.height), min(side, shape.width)
            ).tolist()
            slices = tuple(
                Slice(nodes[i % len(nodes)], (a, b), (c, d)) for i, (a, b, c, d) in enumerate(boxes)
            )
            stages[t, s] = changed(stage, slices=slices)
    return with_stages(given, stages)


def _dealt(
    parts: Sequence[StageTiles], given: Decision, request: Request, limit_s: float
) -> tuple[list[Stage], float]:
    """The stages with their tiles dealt anew, and the least total time with these tiles."""
    from splitfog.solvers.engines.milp import solve_program

    built = TileProgram(parts, given)
    start, bound, until_s = built.start(), 0.0, request.elapsed_s + limit_s
    for _ in range(MOST_COVERS):
        result = solve_program(
            built.program,
            request.options["engine"],
            time_limit_s=until_s - request.elapsed_s,
            relative_gap=GAP,
            start=start,
            seed=request.seed,
        )
        bound = max(bound, min(result.bound * built.unit_s, built.given_s))
        if result.values is None:
            return [part.given for part in parts], bound
        found = built.stages(result.values)
        if not built.cover(found):
            break
    starts = found, [part.given for part in parts]
    ends = [descended(parts, given, stages) for stages in starts]
    if not built.limits_memory:
        return [min(pair, key=part.seconds) for part, *pair in zip(parts, *ends)], bound
    return min(ends, key=lambda end: sum(map(StageTiles.seconds, parts, end))), bound
