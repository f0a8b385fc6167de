"""Why no placement is feasible: a few rules that no placement keeps together, in words.

Every rule is one that could be lifted (a layer's `tiers`, a group, a node's memory, `monotone`, a
missing route, where results go); what is left is an instance again, and a 0-1 program without
costs says whether it has a placement. QuickXplain (U. Junker, AAAI 2004) finds a set of rules of
which none could be left out: without any one of them there would be a placement.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from splitfog.formulations.costs.routes import routes_of
from splitfog.formulations.deadline import Deadline, TimeIsUp
from splitfog.formulations.objective import Objective
from splitfog.formulations.programs.placement_build import placement_program
from splitfog.instances.instance import Instance
from splitfog.instances.readable import in_bytes
from splitfog.instances.records import Link, changed
from splitfog.solvers.engines.milp import solve_program
from splitfog.solvers.exact.ilp import homeless_layer

OBJECTIVES = ("latency", "period", "makespan")
"""Those whose placements keep these rules, and no others."""
LIMIT_S = 5.0
"""For the whole search, at most."""
MOST_RULES = 2_000
WHY = "the search for rules in conflict"
SHOWN = 6
"""Rules named in the sentence; the rest is counted."""


@dataclass(frozen=True)
class Rule:
    """A rule in words, and the instance and objective without it."""

    text: str
    lift: Callable[[Instance, Objective], tuple[Instance, Objective]]
    of_memory: bool = False


def conflict_sentence(
    instance: Instance, objective: Objective, deadline: Deadline, are_bytes_counted: bool = False
) -> str | None:
    """A sentence with rules that no placement keeps together, where none keeps all.

    None where the search ends in no such set: without a time for it, above `MOST_RULES`, under an
    objective with other rules. None, too, where memory is all that is in conflict and the bytes
    that are missing are counted anyway. At most 2 k log2(n / k) + 2 k programs for k rules out of
    n.
    """
    if objective.name not in OBJECTIVES:
        return None
    rules = list(rules_of(instance, objective))
    if len(rules) > MOST_RULES:
        return None
    try:
        end = deadline.clock() + min(LIMIT_S, deadline.remaining_s)
        found = conflict(instance, objective, rules, Deadline(end, deadline.clock))
    except TimeIsUp:
        return None
    if not found or (are_bytes_counted and all(rule.of_memory for rule in found)):
        return None
    more = f"; and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    named = "; ".join(rule.text for rule in found[:SHOWN])
    return f"no placement keeps all of these: {_sources(instance)}{named}{more}"


def conflict(
    instance: Instance, objective: Objective, rules: Sequence[Rule], deadline: Deadline
) -> list[Rule]:
    """Rules of which each is needed for there to be no placement; [] where there is one.

    Raises
    ------
    TimeIsUp
        At the deadline.
    """

    def possible(kept: Sequence[Rule]) -> bool:
        lifted = instance, objective
        kept_ones = set(map(id, kept))
        for rule in rules:
            if id(rule) not in kept_ones:
                lifted = rule.lift(*lifted)
        return _has_placement(*lifted, deadline)

    def search(kept: list[Rule], is_new: bool, open_to: list[Rule]) -> list[Rule]:
        if is_new and not possible(kept):
            return []
        if len(open_to) == 1:
            return open_to
        first, second = open_to[: len(open_to) // 2], open_to[len(open_to) // 2 :]
        later = search([*kept, *first], True, second)
        earlier = search([*kept, *later], bool(later), first)
        return [*earlier, *later]

    if not rules or possible(rules):
        return []
    return search([], False, list(rules))


def _has_placement(instance: Instance, objective: Objective, deadline: Deadline) -> bool:
    """Whether a program without costs has a solution."""
    deadline.check(WHY)
    if homeless_layer(instance, objective.transfers) is not None:
        return False
    untimed = changed(objective, name="latency")
    program = placement_program(instance, untimed, deadline=deadline).program
    program.cost[:] = [0.0] * program.num_columns
    result = solve_program(program, time_limit_s=deadline.remaining_s)
    if result.values is None and not result.infeasible:
        raise TimeIsUp(WHY)
    return not result.infeasible


def rules_of(instance: Instance, objective: Objective) -> Iterator[Rule]:
    """All that could be lifted, coarse ones first."""
    if objective.monotone and len(instance.tiers) > 1:
        yield Rule("data never goes back to a lower tier (monotone)", _without_monotone)
    if objective.contiguous is not None:
        yield Rule(f"a node's layers are contiguous in a {objective.contiguous}", _anywhere)
    for node in instance.nodes:
        if node.memory_bytes is not None:
            text = f"node {node.name} holds at most {in_bytes(node.memory_bytes)}"
            yield Rule(text, _lifting_memory(node.name), of_memory=True)
    yield from _of_tasks(instance)
    yield from _of_models(instance)
    yield from _of_routes(instance)


def _of_tasks(instance: Instance) -> Iterator[Rule]:
    for task in instance.tasks:
        if task.results_to is not None:
            text = f"the results of task {task.name} go to {task.results_to}"
            yield Rule(text, _lifting_results(task.name))


def _of_models(instance: Instance) -> Iterator[Rule]:
    used = {task.model for task in instance.tasks}
    for model in instance.models:
        if model.name not in used:
            continue
        of = f" of {model.name}" if len(used) > 1 else ""
        for name, members in model.groups.items():
            if len(members) > 1:
                layers = _listed([model.layers[i].name for i in members])
                text = f"layers {layers}{of} are on one node (group {name})"
                yield Rule(text, _lifting(model.name, "group", members))
        for position, layer in enumerate(model.layers):
            if layer.tiers is not None:
                places = " or ".join(layer.tiers) or "no node"
                text = f"layer {layer.name}{of} is on {places} (tiers)"
                yield Rule(text, _lifting(model.name, "tiers", (position,)))


def _of_routes(instance: Instance) -> Iterator[Rule]:
    """Pairs of nodes that may not exchange data."""
    names = [node.name for node in instance.nodes]
    for tail, head in np.argwhere(~np.isfinite(routes_of(instance).latency_s)).tolist():
        way = "link" if instance.routing == "direct" else "route"
        text = f"there is no {way} from {names[tail]} to {names[head]}"
        yield Rule(text, _lifting_gap(names[tail], names[head]))


def _anywhere(instance: Instance, objective: Objective) -> tuple[Instance, Objective]:
    return instance, changed(objective, contiguous=None)


def _without_monotone(instance: Instance, objective: Objective) -> tuple[Instance, Objective]:
    return instance, changed(objective, monotone=False)


def _lifting_memory(name: str) -> Callable[[Instance, Objective], tuple[Instance, Objective]]:
    def lift(instance: Instance, objective: Objective) -> tuple[Instance, Objective]:
        nodes = (changed(n, memory_bytes=None) if n.name == name else n for n in instance.nodes)
        return changed(instance, nodes=tuple(nodes)), objective

    return lift


def _lifting_results(name: str) -> Callable[[Instance, Objective], tuple[Instance, Objective]]:
    def lift(instance: Instance, objective: Objective) -> tuple[Instance, Objective]:
        tasks = (changed(t, results_to=None) if t.name == name else t for t in instance.tasks)
        return changed(instance, tasks=tuple(tasks)), objective

    return lift


def _lifting(
    name: str, field: str, members: Sequence[int]
) -> Callable[[Instance, Objective], tuple[Instance, Objective]]:
    """Without a field of some layers of a model."""

    def lift(instance: Instance, objective: Objective) -> tuple[Instance, Objective]:
        models = list(instance.models)
        position = instance.model_index[name]
        layers = list(models[position].layers)
        for member in members:
            layers[member] = changed(layers[member], **{field: None})
        models[position] = changed(models[position], layers=tuple(layers))
        return changed(instance, models=tuple(models)), objective

    return lift


def _lifting_gap(
    tail: str, head: str
) -> Callable[[Instance, Objective], tuple[Instance, Objective]]:
    """With a link from one node to the other."""

    def lift(instance: Instance, objective: Objective) -> tuple[Instance, Objective]:
        link = Link(tail=tail, head=head, bandwidth_bps=1e9, duplex=False)
        return changed(instance, links=(*instance.links, link)), objective

    return lift


def _sources(instance: Instance) -> str:
    """Where tasks begin, which cannot be lifted, if that is not too much to say."""
    sources = {task.source for task in instance.tasks if task.source is not None}
    return f"the input is at {sources.pop()}; " if len(sources) == 1 else ""


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
