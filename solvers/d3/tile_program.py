"""The 0-1 program that deals tiles to nodes: the longest of their ways and loads is least.

No order of events is in it, so its least total bounds the time of these tiles from below.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.costs.feasibility import held_weights, memory_bytes, memory_room
from splitfog.formulations.decision import Decision, Stage
from splitfog.formulations.programs.linear_program import LinearProgram
from splitfog.instances.instance import Instance
from splitfog.instances.records import changed
from splitfog.solvers.d3.stage_tiles import StageTiles, overfull, with_stages


class TileProgram:
    """The program of some stages together, times in units of what they take as given.

    `columns` holds by stage the columns [tiles, nodes] that deal its tiles, -1 where a tile alone
    takes more than a unit and was not given; `in_use`, by stage and node, that of a node in use.
    """

    def __init__(self, parts: Sequence[StageTiles], given: Decision) -> None:
        self.parts, self.given, self.program = parts, given, LinearProgram()
        self.given_s = sum(part.given_s for part in parts)
        self.unit_s = self.given_s if 0 < self.given_s < inf else 1.0
        added = [_add_part(self.program, part, self.unit_s) for part in parts]
        self.columns = [columns for columns, _ in added]
        self.in_use = [held for _, held in added]
        self.room = _Room.beside(parts[0].instance, given)
        _add_room(self.program, parts, self.in_use, self.room)

    @property
    def limits_memory(self) -> bool:
        """Whether weights may not fit on some node."""
        return bool(np.isfinite(self.room.left).any())

    def start(self) -> dict[int, float]:
        """The values of the columns that deal tiles as they are given."""
        values = {int(i): 0.0 for x in self.columns for i in x[x >= 0]}
        for part, x in zip(self.parts, self.columns, strict=True):
            for tile, piece in enumerate(part.given.slices):
                values[int(x[tile, part.nodes.index(piece.node)])] = 1.0
        return values

    def stages(self, values: NDArray[np.float64]) -> list[Stage]:
        """The stages that a solution deals."""
        return [
            part.dealt(np.where(x < 0, -1.0, values[x]).argmax(axis=1).tolist())
            for part, x in zip(self.parts, self.columns, strict=True)
        ]

    def cover(self, found: Sequence[Stage]) -> bool:
        """Add a row `not all of these` for nodes whose memory stages exceed; whether there was one.

        An engine may break a row by its tolerance, which can be whole layers' bytes.
        """
        added = False
        for node in overfull(self.parts, self.given, found):
            users = [
                own[node]
                for own, stage in zip(self.in_use, found, strict=True)
                if node in {piece.node for piece in stage.slices}
            ]
            self.program.add_row([(column, 1.0) for column in users], upper=len(users) - 1.0)
            added |= bool(users)
        return added


def _add_part(
    program: LinearProgram, part: StageTiles, unit: float
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
            hops = part.hops(tile, n)
            into = sum(seconds / unit for *_, seconds, inwards in hops if inwards)
            out = sum(seconds / unit for *_, seconds, inwards in hops if not inwards)
            ways[n].append((into, out))
            own.append((column, -(into + service + out)))
            loads.setdefault(("computing", n), []).append((column, service))
            busy = [(link, busy_s / unit) for link, busy_s, *_ in hops]
            for channel, seconds in _channels(part, n, service, busy):
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
    part: StageTiles, n: int, service: float, hops: list[tuple[int, float]]
) -> list[tuple[tuple[str, int], float]]:
    """What a tile on a node holds besides the node's processor, and for how long."""
    nodes = part.instance.nodes
    held: list[tuple[tuple[str, int], float]] = []
    if not nodes[part.nodes[n]].overlap:
        held.append((("node", part.nodes[n]), service))
    for position, seconds in hops:
        link = part.instance.directed_links[position]
        held.append((("link", position), seconds))
        if nodes[link.tail].radio == "serial":
            held.append((("out of", link.tail), seconds))
        if nodes[link.head].radio == "serial":
            held.append((("into", link.head), seconds))
        held += [(("node", e), seconds) for e in (link.tail, link.head) if not nodes[e].overlap]
    return held


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


def _with_unhosted(given: Decision) -> Decision:
    """The decision whose stages have no slices and so no weights."""
    empty = {
        (t, s): changed(stage, slices=())
        for t, answer in enumerate(given.tasks)
        for s, stage in enumerate(answer.stages)
    }
    return with_stages(given, empty)


def _add_room(
    program: LinearProgram,
    parts: Sequence[StageTiles],
    in_use: Sequence[dict[int, int]],
    room: _Room,
) -> None:
    """The weights that stages bring fit beside what is there, on every node with a limit."""
    for node in np.flatnonzero(np.isfinite(room.left)).tolist():
        left = float(room.left[node])
        terms = [
            (_any_of(program, users), _share(num_bytes, left))
            for num_bytes, users in _brought(parts, in_use, node, room)
        ]
        program.add_row(terms, upper=1.0 if left > 0 else 0.0)


def _brought(
    parts: Sequence[StageTiles], in_use: Sequence[dict[int, int]], node: int, room: _Room
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


def _any_of(program: LinearProgram, columns: tuple[int, ...]) -> int:
    """A column that is 1 if one of several is."""
    if len(columns) == 1:
        return columns[0]
    held = program.add_column()
    for column in columns:
        program.add_row([(held, 1.0), (column, -1.0)], lower=0.0)
    return held


def _share(weight_bytes: float, room_bytes: float) -> float:
    """The part of a node's room that weights take; of those too large only that they are."""
    return min(weight_bytes / room_bytes, 2.0) if room_bytes > 0 else 1.0
