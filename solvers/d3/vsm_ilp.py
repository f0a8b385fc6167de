"""`vsm-ilp`: given tiles of stages dealt to nodes by a 0-1 program over their loads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.arrays.nodes import limits_memory
from splitfog.formulations.arrays.task import task_arrays
from splitfog.formulations.costs.feasibility import (
    held_weights,
    memory_bytes,
    memory_room,
)
from splitfog.formulations.costs.routes import routes_of
from splitfog.formulations.costs.stages import slice_work, stage_timeline
from splitfog.formulations.decision import Decision, Slice, Stage, TaskDecision
from splitfog.formulations.plan import decision_of, load_plan
from splitfog.formulations.programs.linear_program import LinearProgram
from splitfog.formulations.tiles.grids import grid
from splitfog.formulations.tiles.stage_shape import StageGeometry, geometry_of
from splitfog.formulations.tolerances import EQUAL
from splitfog.instances.instance import Instance
from splitfog.instances.records import Task
from splitfog.solvers.base import Answer, Request
from splitfog.solvers.d3.team import team_of
from splitfog.solvers.d3.vsm import checked_slices

DEFAULT_TIME_LIMIT_S = 20.0
"""For all programs together, where the caller sets no limit."""
GAP = 1e-4
"""Relative gap at which a program is solved well enough."""
MOST_MOVES = 300
"""Of single tiles of a stage, tried on the timeline."""
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
        _Part(instance, t, s, stage, request.options["helpers"])
        for t, answer in enumerate(given.tasks)
        for s, stage in enumerate(answer.stages)
    ]
    limited = limits_memory(instance)
    groups = [parts] if limited and parts else [[part] for part in parts]
    times: list[str] = []
    stages: dict[tuple[int, int], Stage] = {}
    for group in groups:
        share_s = min(request.remaining_s, DEFAULT_TIME_LIMIT_S) / len(groups)
        room = _Room.beside(instance, given)
        found, bound = _dealt(group, given, room, request, share_s)
        stages |= {(part.task, part.stage): stage for part, stage in zip(group, found)}
        values = sum(part.seconds(stage) for part, stage in zip(group, found))
        times.append(f"{values:.6g} s, at least {bound:.6g} s with these tiles")
    decision = _with_stages(given, stages)
    answer = checked_slices(request, decision)
    for before in (given, uncut):
        if answer.decision is None:
            answer = checked_slices(request, before)
    if not parts:
        return replace(answer, reason="there is no stage whose tiles could be dealt")
    reason = answer.reason or "stages take " + "; ".join(times)
    return replace(answer, reason="; ".join([reason, *notes]))


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
        inner = replace(request, options=options)
        answer = solve_vsm(inner)
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
            stages[t, s] = replace(stage, slices=slices)
    return _with_stages(given, stages)


def _with_stages(given: Decision, stages: dict[tuple[int, int], Stage]) -> Decision:
    tasks = [
        TaskDecision(
            answer.placement,
            answer.order,
            tuple(stages.get((t, s), stage) for s, stage in enumerate(answer.stages)),
        )
        for t, answer in enumerate(given.tasks)
    ]
    return Decision(tuple(tasks))


@dataclass(frozen=True, eq=False)
class _Room:
    """Memory beside all layers that are in no stage: bytes `left` [nodes], and what these hold."""

    left: NDArray[np.float64]
    held: dict[str, NDArray[np.bool_]]

    @classmethod
    def beside(cls, instance: Instance, given: Decision) -> _Room:
        """The room that the stages of a decision have."""
        rest = _with_unhosted(given)
        left = memory_room(instance) - np.array(memory_bytes(instance, rest))
        return cls(left, held_weights(instance, rest))


def _brought(
    parts: Sequence[_Part], in_use: Sequence[dict[int, int]], node: int, room: _Room
) -> list[tuple[float, tuple[int, ...]]]:
    """(bytes, columns of stages in use) of the weights that stages may bring to a node."""
    users: dict[tuple[str, int], dict[int, None]] = {}
    for part, held in zip(parts, in_use, strict=True):
        model = part.shape.model
        for owner in model.weight_owner[list(part.shape.layers)].tolist() if node in held else ():
            if not room.held[model.name][owner, node]:
                users.setdefault((model.name, owner), {})[held[node]] = None
    models = {part.shape.model.name: part.shape.model for part in parts}
    total: dict[tuple[int, ...], float] = {}
    for (name, owner), columns in users.items():
        key = tuple(columns)
        total[key] = total.get(key, 0.0) + models[name].layers[owner].weight_bytes
    return [(num_bytes, key) for key, num_bytes in total.items() if num_bytes > 0]


def _add_room(
    program: LinearProgram, parts: Sequence[_Part], in_use: Sequence[dict[int, int]], room: _Room
) -> None:
    """The weights that stages bring fit beside what is there, on every node with a limit."""
    for node in np.flatnonzero(np.isfinite(room.left)).tolist():
        left = float(room.left[node])
        terms = [
            (_any_of(program, users), _share(num_bytes, left))
            for num_bytes, users in _brought(parts, in_use, node, room)
        ]
        program.add_row(terms, upper=1.0 if left > 0 else 0.0)


def _any_of(program: LinearProgram, columns: tuple[int, ...]) -> int:
    """A column that is 1 if one of several is."""
    if len(columns) == 1:
        return columns[0]
    held = program.add_column()
    for column in columns:
        program.add_row([(held, 1.0), (column, -1.0)], lower=0.0)
    return held


def _with_unhosted(given: Decision) -> Decision:
    """The decision whose stages have no slices and so no weights."""
    empty = {
        (t, s): replace(stage, slices=())
        for t, answer in enumerate(given.tasks)
        for s, stage in enumerate(answer.stages)
    }
    return _with_stages(given, empty)


@dataclass(eq=False)
class _Part:
    """One stage of one task: what every tile takes on every node that may have it."""

    instance: Instance
    task: int
    stage: int
    given: Stage
    helpers: str

    def __post_init__(self) -> None:
        """Compute the tables [tiles, nodes]."""
        arrays = task_arrays(self.instance, self.task)
        self.owner: Task = arrays.task
        self.shape: StageGeometry = geometry_of(arrays.model, self.given.layers)
        team = team_of(arrays, self.given.home, self.helpers)
        allowed = team.allowed[list(self.given.layers)].all(axis=0)
        able = np.array(team.nodes)[allowed].tolist()
        chosen = {*able, *(part.node for part in self.given.slices)}
        self.nodes = sorted(chosen)
        boxes = np.array([(*part.rows, *part.columns) for part in self.given.slices])
        works = [
            slice_work(self.instance, self.shape, boxes, [node] * len(boxes)) for node in self.nodes
        ]
        self.service_s = np.stack([work.service_s for work in works], axis=1)
        self.input_bytes, self.output_bytes = works[0].input_bytes, works[0].output_bytes
        routes, home = routes_of(self.instance), self.given.home
        self.ways = [
            (routes.path(home, node) or (), routes.path(node, home) or ()) for node in self.nodes
        ]
        self.given_s = self.seconds(self.given)

    def seconds(self, stage: Stage) -> float:
        """The exact time of the stage with other nodes."""
        timeline = stage_timeline(self.instance, self.owner, stage)
        return inf if timeline is None else timeline.end_s

    def hops(self, tile: int, column: int) -> list[tuple[int, float, bool]]:
        """(link, seconds, inwards) of every hop of a tile to and from a node."""
        links = self.instance.directed_links
        sizes = (float(self.input_bytes[tile]), float(self.output_bytes[tile]))
        return [
            (link, links[link].seconds(size), inwards)
            for way, size, inwards in zip(self.ways[column], sizes, (True, False))
            for link in way
        ]

    def offered(self, most_s: float) -> list[tuple[int, int]]:
        """(tile, column) of nodes where a tile alone takes no more, and of those given."""
        given = [self.nodes.index(piece.node) for piece in self.given.slices]
        return [
            (tile, n)
            for tile, own in enumerate(given)
            for n in range(len(self.nodes))
            if n == own or self._alone_s(tile, n) <= most_s
        ]

    def _alone_s(self, tile: int, column: int) -> float:
        """A tile's way in, computing and way out on a node without any other."""
        moved = sum(seconds for _, seconds, _ in self.hops(tile, column))
        return moved + float(self.service_s[tile, column])

    def dealt(self, columns: Sequence[int]) -> Stage:
        """The stage with every tile on the node of that column."""
        slices = tuple(
            replace(part, node=self.nodes[column])
            for part, column in zip(self.given.slices, columns)
        )
        return replace(self.given, slices=slices)


def _dealt(
    parts: Sequence[_Part],
    given: Decision,
    room: _Room,
    request: Request,
    limit_s: float,
) -> tuple[list[Stage], float]:
    """The stages with their tiles dealt anew, and the least total time with these tiles."""
    from splitfog.solvers.engines.milp import solve_program

    program, value = LinearProgram(), sum(part.given_s for part in parts)
    unit = value if 0 < value < inf else 1.0
    columns = [_add_part(program, part, unit) for part in parts]
    in_use = [held for _, held in columns]
    _add_room(program, parts, in_use, room)
    start = {
        int(x[tile, part.nodes.index(piece.node)]): 1.0
        for part, (x, _) in zip(parts, columns)
        for tile, piece in enumerate(part.given.slices)
    }
    blank = {int(i): 0.0 for x, _ in columns for i in x[x >= 0]}
    bound, until_s = 0.0, request.elapsed_s + limit_s
    for _ in range(MOST_COVERS):
        result = solve_program(
            program,
            request.options["engine"],
            time_limit_s=until_s - request.elapsed_s,
            relative_gap=GAP,
            start=blank | start,
            seed=request.seed,
        )
        bound = max(bound, min(result.bound * unit, value))
        if result.values is None:
            return [part.given for part in parts], bound
        found = [
            part.dealt(np.where(x < 0, -1.0, result.values[x]).argmax(axis=1).tolist())
            for part, (x, _) in zip(parts, columns)
        ]
        if not _cover(program, parts, in_use, given, found):
            break
    starts = found, [part.given for part in parts]
    ends = [_descended(parts, given, stages) for stages in starts]
    if np.isinf(room.left).all():
        return [min(pair, key=part.seconds) for part, *pair in zip(parts, *ends)], bound
    return min(ends, key=lambda end: sum(map(_Part.seconds, parts, end))), bound


def _descended(parts: Sequence[_Part], given: Decision, found: Sequence[Stage]) -> list[Stage]:
    """The stages after moves of single tiles, each taken at once if its stage takes less time."""
    stages = list(found)
    for at, part in enumerate(parts):
        moves = [(tile, node) for tile in range(len(part.given.slices)) for node in part.nodes]
        seconds, since = part.seconds(stages[at]), 0
        for turn in range(MOST_MOVES):
            if since == len(moves):
                break
            (tile, node), before, since = moves[turn % len(moves)], stages[at], since + 1
            if before.slices[tile].node == node:
                continue
            slices = list(before.slices)
            slices[tile] = replace(slices[tile], node=node)
            stages[at] = replace(before, slices=tuple(slices))
            own = part.seconds(stages[at])
            if own < seconds * (1 - EQUAL) and not _overfull(parts, given, stages):
                seconds, since = own, 0
            else:
                stages[at] = before
    return stages


def _overfull(parts: Sequence[_Part], given: Decision, found: Sequence[Stage]) -> list[int]:
    """The nodes whose memory the decision with these stages exceeds."""
    stages = {(part.task, part.stage): stage for part, stage in zip(parts, found)}
    instance = parts[0].instance
    held = np.array(memory_bytes(instance, _with_stages(given, stages)))
    overfull: list[int] = np.flatnonzero(held > memory_room(instance)).tolist()
    return overfull


def _share(weight_bytes: float, room_bytes: float) -> float:
    """The part of a node's room that weights take; of those too large only that they are."""
    return min(weight_bytes / room_bytes, 2.0) if room_bytes > 0 else 1.0


def _cover(
    program: LinearProgram,
    parts: Sequence[_Part],
    in_use: Sequence[dict[int, int]],
    given: Decision,
    found: Sequence[Stage],
) -> bool:
    """Add a row `not all of these` for nodes whose memory the stages exceed; whether there was one.

    An engine may break a row by its tolerance, which can be whole layers' bytes.
    """
    added = False
    for node in _overfull(parts, given, found):
        users = [
            own[node]
            for part, own, stage in zip(parts, in_use, found)
            if node in {piece.node for piece in stage.slices}
        ]
        program.add_row([(column, 1.0) for column in users], upper=len(users) - 1.0)
        added |= bool(users)
    return added


def _add_part(
    program: LinearProgram, part: _Part, unit: float
) -> tuple[NDArray[np.int64], dict[int, int]]:
    """Add a stage, times in `unit` seconds; the columns [tiles, nodes] that deal its tiles, -1
    where a tile alone takes more than a unit and was not given, and by node those of nodes in use.
    """
    tiles = len(part.given.slices)
    nodes = range(len(part.nodes))
    x = np.full((tiles, len(nodes)), -1)
    for tile, n in part.offered(unit):
        x[tile, n] = program.add_column(is_binary=True)
    held = {n: program.add_column() for n in np.flatnonzero((x >= 0).any(axis=0)).tolist()}
    total = program.add_column(cost=1.0, upper=inf)
    loads: dict[tuple[str, int], list[tuple[int, float]]] = {}
    ways: dict[int, list[tuple[float, float]]] = {n: [] for n in nodes}
    for tile in range(tiles):
        dealt = np.flatnonzero(x[tile] >= 0).tolist()
        program.add_row([(int(i), 1.0) for i in x[tile, dealt]], 1.0, 1.0)
        own = [(total, 1.0)]
        for n in dealt:
            column, service = int(x[tile, n]), float(part.service_s[tile, n]) / unit
            hops = [
                (link, seconds / unit, inwards) for link, seconds, inwards in part.hops(tile, n)
            ]
            into = sum(seconds for _, seconds, inwards in hops if inwards)
            out = sum(seconds for _, seconds, inwards in hops if not inwards)
            ways[n].append((into, out))
            own.append((column, -(into + service + out)))
            loads.setdefault(("computing", n), []).append((column, service))
            for channel, seconds in _channels(part, n, service, hops):
                loads.setdefault(channel, []).append((column, seconds))
            program.add_row([(held[n], 1.0), (column, -1.0)], lower=0.0)
        program.add_row(own, lower=0.0)
    for (kind, n), terms in loads.items():
        row = [(total, 1.0), *((column, -seconds) for column, seconds in terms)]
        if kind == "computing":
            shortest = min(into for into, _ in ways[n]) + min(out for _, out in ways[n])
            row.append((held[n], -shortest))
        program.add_row(row, lower=0.0)
    return x, {part.nodes[n]: column for n, column in held.items()}


def _channels(
    part: _Part, n: int, service: float, hops: list[tuple[int, float, bool]]
) -> list[tuple[tuple[str, int], float]]:
    """What a tile on a node holds besides the node's processor, and for how long."""
    nodes = part.instance.nodes
    held: list[tuple[tuple[str, int], float]] = []
    if not nodes[part.nodes[n]].overlap:
        held.append((("node", part.nodes[n]), service))
    for position, seconds, _ in hops:
        link = part.instance.directed_links[position]
        held.append((("link", position), seconds))
        if nodes[link.tail].radio == "serial":
            held.append((("out of", link.tail), seconds))
        if nodes[link.head].radio == "serial":
            held.append((("into", link.head), seconds))
        held += [(("node", e), seconds) for e in (link.tail, link.head) if not nodes[e].overlap]
    return held
