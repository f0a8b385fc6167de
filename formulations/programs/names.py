"""Names that a person can read for the columns and rows of a 0-1 program of placements."""

from __future__ import annotations

import re
from collections.abc import Sequence

from splitfog.formulations.programs.linear_program import Key
from splitfog.formulations.programs.placement import PlacementProgram

FOREIGN = re.compile(r"[^A-Za-z0-9_.@]")
"""What not every reader of LP files takes for a part of a name."""
ILL_BEGUN = re.compile(r"[0-9.]|e[0-9.]?|inf|nan", re.IGNORECASE)
"""Beginnings that such readers may take for a number's."""
LONGEST = 200
"""Characters; LP files allow 255."""


def program_names(built: PlacementProgram) -> tuple[list[str], list[str]]:
    """The names of columns and rows, each unique among its own.

    `conv1@pi` is 1 if layer conv1 is on node pi (with the layers that share its node; before it
    the task, `cam0.conv1@pi`, where there are several). `conv1_over_pi_to_edge` is 1 if conv1's
    tensor crosses that link, `conv1@pi_to_conv2@edge` if its two ends are so placed,
    `weights_of_conv1@pi` if weights that several hold are there. Letters other than A to Z, and
    signs, are written `_`.
    """
    named = _Named(built)
    columns = _unique([named.text(key) for key in built.program.column_keys])
    rows = _unique([named.text(key) for key in built.program.row_keys])
    return columns, rows


class _Named:
    """Keys as texts."""

    def __init__(self, built: PlacementProgram) -> None:
        self.built, instance = built, built.instance
        self.instance = instance
        self.nodes = [node.name for node in instance.nodes]
        self.links = [
            f"{self.nodes[link.tail]}_to_{self.nodes[link.head]}"
            for link in instance.directed_links
        ]
        several = len(instance.tasks) > 1
        self.units: list[list[str]] = []
        for task, own in zip(instance.tasks, built.units, strict=True):
            layers = instance.model_of(task).layers
            first: dict[int, str] = {}
            for position in instance.model_of(task).order.tolist():
                first.setdefault(int(own.unit_of[position]), layers[position].name)
            before = f"{task.name}." if several else ""
            self.units.append([before + first[unit] for unit in range(own.num_units)])

    def text(self, key: Key) -> str:
        """What a key stands for."""
        match key:
            case ("at", int(task), int(unit), int(node)):
                return f"{self.units[task][unit]}@{self.nodes[node]}"
            case ("one node", int(task), int(unit)):
                return f"one_node_for_{self.units[task][unit]}"
            case ("over", int(task), int(unit), int(link)):
                return f"{self.units[task][unit]}_over_{self.links[link]}"
            case ("over for", int(task), int(unit), int(link), int(reader)):
                name = self.units[task][unit]
                return f"{name}_over_{self.links[link]}_for_{self.units[task][reader]}"
            case ("ends", int(task), int(tail), int(head), int(u), int(v)):
                first, second = self.units[task][tail], self.units[task][head]
                return f"{first}@{self.nodes[u]}_to_{second}@{self.nodes[v]}"
            case ("end", int(task), int(tail), int(head), int(end), int(node)):
                first, second = self.units[task][tail], self.units[task][head]
                return f"{first}_to_{second}_{('from', 'at')[end]}_{self.nodes[node]}"
            case ("edge", int(task), int(tail), int(head)):
                return f"{self.units[task][tail]}_before_{self.units[task][head]}"
            case ("begins", int(task), int(at), int(node)):
                return f"run_of_{self.instance.tasks[task].name}_begins_{at}_at_{self.nodes[node]}"
            case ("one run", int(task), int(node)):
                return f"one_run_of_{self.instance.tasks[task].name}_at_{self.nodes[node]}"
            case ("memory", int(node)):
                return f"memory_of_{self.nodes[node]}"
            case ("weights", int(column)):
                return f"weights_of_{self.text(self.built.program.column_keys[column])}"
            case ("busy", int(machine)):
                return f"busy_{[*self.nodes, *self.links][machine]}"
            case (str(word),):
                return word
        return "row"


def _unique(names: Sequence[str]) -> list[str]:
    """The names as files can have them; one that stands again gets a number."""
    taken: set[str] = set()
    found = []
    for name in names:
        plain = FOREIGN.sub("_", name)[:LONGEST] or "_"
        plain = f"_{plain}" if ILL_BEGUN.match(plain) else plain
        number, own = 1, plain
        while own in taken:
            number += 1
            own = f"{plain}_{number}"
        taken.add(own)
        found.append(own)
    return found
