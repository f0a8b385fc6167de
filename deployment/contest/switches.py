"""What changing the plan costs in a replay: nothing, some seconds, or the way of the weights."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import Literal

from splitfog.deployment.contest.plans import Known
from splitfog.deployment.replay.clocks import Clock, Frozen, Integrated
from splitfog.deployment.replay.conditions import Conditions
from splitfog.instances.instance import Instance


def switch_seconds(
    conditions: Conditions,
    before: Known | None,
    after: Known,
    time_s: float,
    cost: float | None,
    weights_from: str | None,
    clock: Literal["integrated", "frozen"],
) -> float:
    """Seconds between choosing a plan and the first request by it; inf where it never comes.

    Parameters
    ----------
    conditions
        Figures over time.
    before, after
        The plan in use, None: there is none, and the first is free; and the one chosen.
    time_s
        When it is chosen.
    cost
        Seconds of a change; None: nothing, or the weights' way.
    weights_from
        The node from which the weights that are missing come: what `before` has on a node need not
        come again. They come to one node after another, in the order of the file.
    clock
        As for requests.
    """
    if before is None or before.name == after.name:
        return 0.0
    if weights_from is None:
        return cost or 0.0
    at: Clock = Integrated(conditions) if clock == "integrated" else Frozen(conditions, time_s)
    instance = conditions.instance
    root = instance.node_index[weights_from]
    held, wanted = _held(instance, before), _held(instance, after)
    waited = 0.0
    for node in sorted(wanted):
        missing = wanted[node].keys() - held.get(node, {}).keys()
        num_bytes = sum(wanted[node][owner] for owner in sorted(missing))
        if num_bytes > 0 and node != root:
            waited += _way(at, instance, root, node, time_s + waited, num_bytes)
            if waited == inf:
                break
    return waited


def _way(
    clock: Clock, instance: Instance, root: int, node: int, start_s: float, num_bytes: float
) -> float:
    """Seconds from node to node, stored and forwarded."""
    path = clock.state(start_s).routes.path(root, node)
    if path is None:
        return inf
    seconds = 0.0
    for link in path:
        seconds += clock.wait_seconds(link, start_s + seconds)
        seconds += instance.directed_links[link].delay_s
        seconds += clock.send_seconds(link, start_s + seconds, 8 * num_bytes)
        if seconds == inf:
            break
    return seconds


def _held(instance: Instance, known: Known) -> Mapping[int, Mapping[int, float]]:
    """{node: {layer that owns weights: bytes}} of a plan."""
    model = instance.model_of(instance.tasks[known.itinerary.task])
    held: dict[int, dict[int, float]] = {}
    places = known.itinerary.decision.placement.tolist()
    for place, owner in zip(places, model.weight_owner.tolist(), strict=True):
        held.setdefault(place, {})[owner] = model.layers[owner].weight_bytes
    return held
