"""What a 0-1 program of placements is: its variables, and decisions from and into them.

The program itself is built in `placement_build`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.arrays.units import TaskUnits, parcels_on
from splitfog.formulations.costs.feasibility import memory_room
from splitfog.formulations.decision import Decision, placed
from splitfog.formulations.programs.linear_program import LinearProgram
from splitfog.instances.instance import Instance

ABSENT = -1


@dataclass(frozen=True, eq=False, kw_only=True)
class PlacementProgram:
    """A program, where its placement variables stand, and the seconds that one unit of cost is.

    `columns[task]` is [units, nodes]: the column of x, `ABSENT` where a unit may not be. For
    `period`, `longest` is the column of the longest busy time and `busy_rows[machine]` the row
    that holds it above a machine's: nodes first, then directed links.
    """

    instance: Instance
    program: LinearProgram
    units: tuple[TaskUnits, ...]
    columns: tuple[NDArray[np.int64], ...]
    unit_s: float
    longest: int = ABSENT
    busy_rows: Mapping[int, int] = field(default_factory=dict)

    def decode(self, values: NDArray[np.float64]) -> Decision:
        """The decision of a solution: every unit on the node of its largest x."""
        placements = []
        for units, columns in zip(self.units, self.columns, strict=True):
            share = np.where(columns == ABSENT, -1.0, values[columns])
            placements.append(share.argmax(axis=1)[units.unit_of])
        return placed(*placements)

    def encode(self, decision: Decision) -> dict[int, float] | None:
        """Values of all placement variables for a decision; None where it uses one left out."""
        start: dict[int, float] = {}
        for units, columns, answer in zip(self.units, self.columns, decision.tasks, strict=True):
            node_of = np.zeros(units.num_units, np.int64)
            node_of[units.unit_of] = answer.placement
            chosen = columns[np.arange(units.num_units), node_of]
            if (chosen == ABSENT).any():
                return None
            start.update(dict.fromkeys(columns[columns != ABSENT].tolist(), 0.0))
            start.update(dict.fromkeys(chosen.tolist(), 1.0))
        return start

    def exclude(self, decision: Decision) -> None:
        """Add rows that no solution that is read as this decision satisfies."""
        if not self.exclude_overfull(decision):
            start = self.encode(decision)
            if start is None:  # a row of nothing would leave no solution at all
                raise ValueError("the decision is not one of the program's solutions")
            chosen = [column for column, value in start.items() if value]
            self.program.add_row([(c, 1.0) for c in chosen], upper=len(chosen) - 1.0)

    def exclude_overfull(self, decision: Decision) -> bool:
        """Add cover rows for nodes whose memory a decision exceeds; whether there was one.

        An engine may break a row by its tolerance, which can be whole layers' bytes; the cover
        `not all of these` cannot be broken by rounding.
        """
        held = _held(self, decision)
        room = memory_room(self.instance)
        overfull = [columns for most, (total, columns) in zip(room, held) if total > most]
        for columns in overfull:
            self.program.add_row([(c, 1.0) for c in columns], upper=len(columns) - 1.0)
        return bool(overfull)


def _held(built: PlacementProgram, decision: Decision) -> list[tuple[float, list[int]]]:
    """Per node: bytes of the weights there, and columns that suffice to bring them."""
    place = {
        (task, unit): node
        for task, (units, answer) in enumerate(zip(built.units, decision.tasks, strict=True))
        for unit, node in zip(units.unit_of.tolist(), answer.placement.tolist(), strict=True)
    }
    total = [0.0] * len(built.instance.nodes)
    columns: list[dict[int, None]] = [{} for _ in total]
    for num_bytes, holders in parcels_on(built.instance, built.units):
        first: dict[int, int] = {}
        for task, unit in holders:
            node = place[task, unit]
            first.setdefault(node, int(built.columns[task][unit, node]))
        for node, column in first.items():
            total[node] += num_bytes
            columns[node][column] = None
    return [(own, list(chosen)) for own, chosen in zip(total, columns, strict=True)]
