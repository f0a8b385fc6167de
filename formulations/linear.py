"""What a 0-1 program of placements is: its variables, and decisions from and into them.

The program itself is built in `linear_build`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.decision import Decision, placed
from splitfog.formulations.feasibility import MEMORY_SLACK
from splitfog.formulations.linear_program import LinearProgram
from splitfog.formulations.units import TaskUnits
from splitfog.instances.model import Instance

ABSENT = -1


@dataclass(frozen=True, eq=False)
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
            start = self.encode(decision) or {}
            chosen = [column for column, value in start.items() if value]
            self.program.add_row([(c, 1.0) for c in chosen], upper=len(chosen) - 1.0)

    def exclude_overfull(self, decision: Decision) -> bool:
        """Add cover rows for nodes whose memory a decision exceeds; whether there was one.

        An engine may break a row by its tolerance, which can be whole layers' bytes; the cover
        `not all of these` cannot be broken by rounding.
        """
        added = False
        for node, held in enumerate(_held(self, decision)):
            limit = self.instance.nodes[node].memory_bytes
            total = sum(weight for weight, _ in held.values())
            if limit is None or total <= limit * (1 + MEMORY_SLACK):
                continue
            added = True
            columns = [column for _, column in held.values()]
            self.program.add_row([(c, 1.0) for c in columns], upper=len(columns) - 1.0)
        return added


def _held(
    built: PlacementProgram, decision: Decision
) -> list[dict[tuple[str, int], tuple[float, int]]]:
    """Per node: (weight, some task's column) of every unit with weights there, by (model, unit)."""
    held: list[dict[tuple[str, int], tuple[float, int]]] = [{} for _ in built.instance.nodes]
    parts = zip(built.instance.tasks, built.units, built.columns, decision.tasks, strict=True)
    for task, units, columns, answer in parts:
        for unit, node in set(zip(units.unit_of.tolist(), answer.placement.tolist(), strict=True)):
            if weight := float(units.weight_bytes[unit]):
                held[node].setdefault((task.model, unit), (weight, int(columns[unit, node])))
    return held
