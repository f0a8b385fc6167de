"""The plans of a replay by name: those of the table by position, others by their hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from splitfog.deployment.adaptation.beliefs import Place
from splitfog.deployment.replay.itinerary import Itinerary
from splitfog.formulations.costs.routes import Routes, routes_of
from splitfog.formulations.plan import decision_of
from splitfog.formulations.plan_file import PlanFile, TaskEntry
from splitfog.instances.instance import Instance

Placements = Mapping[str, Mapping[str, str]]
"""{task: {layer: node}}."""

DIGITS = 8


@dataclass(frozen=True, eq=False)
class Known:
    """A plan with its name, and what a request does by it."""

    name: str
    plan: PlanFile
    itinerary: Itinerary

    @cached_property
    def needed(self) -> frozenset[str]:
        """Names of the nodes that it runs on, and of those on its ways by the instance's routes."""
        used = self.used(routes_of(self.itinerary.instance))
        return frozenset(
            name for place in used for name in ((place,) if isinstance(place, str) else place)
        )

    def used(self, routes: Routes) -> frozenset[Place]:
        """Names of the nodes that it runs on, and of the directed links that it crosses."""
        nodes, links = self.itinerary.instance.nodes, self.itinerary.instance.directed_links
        used: set[Place] = set()
        for leg in self.itinerary.legs:
            if leg.seconds > 0:
                used.add(nodes[leg.node].name)
            for position in routes.tree(leg.node, set(leg.leaves)) or ():
                link = links[position]
                used.add((nodes[link.tail].name, nodes[link.head].name))
        return frozenset(used)


@dataclass(frozen=True, eq=False)
class Plans:
    """The plans of a table, and all others that a way comes up with."""

    instance: Instance
    table: Sequence[PlanFile]
    _others: dict[str, Known] = field(default_factory=dict)
    _seen: dict[int, tuple[PlanFile, Known]] = field(default_factory=dict)
    """By identity of a plan, which is kept so that it stays its own."""

    @cached_property
    def of_table(self) -> tuple[Known, ...]:
        """The table's, in its order."""
        return tuple(self._known(str(i), plan) for i, plan in enumerate(self.table))

    def known(self, plan: PlanFile) -> Known:
        """A plan by what it places where, whoever found it."""
        seen = self._seen.get(id(plan))
        if seen is None:
            seen = self._seen[id(plan)] = plan, self._look_up(plan)
        return seen[1]

    def add(self, placements: Mapping[str, Placements]) -> None:
        """Take in plans that an earlier replay has met, as `placements` gives them."""
        for placement in placements.values():
            tasks = tuple(TaskEntry(task=t, placement=own) for t, own in placement.items())
            self._look_up(PlanFile(objective=self.table[0].objective, tasks=tasks))

    def has(self, name: str) -> bool:
        """Whether a plan is known by name; the empty name is that of none."""
        return name == "" or name in self._others or name in self._of_table_by_name

    @property
    def placements(self) -> Mapping[str, Placements]:
        """Of all plans by name."""
        return {
            name: {entry.task: dict(entry.placement) for entry in plan.tasks}
            for name, plan in self.by_name.items()
        }

    @property
    def by_name(self) -> Mapping[str, PlanFile]:
        """All that were asked for, the table's first."""
        others = {name: self._others[name].plan for name in sorted(self._others)}
        return {**self._of_table_by_name, **others}

    def _look_up(self, plan: PlanFile) -> Known:
        digest = _digest(plan)
        position = self._position.get(digest)
        if position is not None:
            return self.of_table[position]
        name = f"x{digest[:DIGITS]}"
        if name not in self._others:
            self._others[name] = self._known(name, plan)
        return self._others[name]

    @cached_property
    def _of_table_by_name(self) -> Mapping[str, PlanFile]:
        return {known.name: known.plan for known in self.of_table}

    @cached_property
    def _position(self) -> dict[str, int]:
        return {_digest(plan): i for i, plan in reversed(list(enumerate(self.table)))}

    def _known(self, name: str, plan: PlanFile) -> Known:
        decision = decision_of(self.instance, plan).tasks[0]
        return Known(name, plan, Itinerary(self.instance, 0, decision))


def _digest(plan: PlanFile) -> str:
    """Of a plan's placements, whatever their order."""
    placements = {entry.task: dict(entry.placement) for entry in plan.tasks}
    return hashlib.sha256(json.dumps(placements, sort_keys=True).encode()).hexdigest()
