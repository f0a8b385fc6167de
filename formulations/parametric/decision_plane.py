"""What an unsliced decision's `latency` is in the figures that vary, while no route changes."""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum

from splitfog.formulations.costs.ledger import hops, layer_times
from splitfog.formulations.decision import Decision
from splitfog.formulations.objective import Objective
from splitfog.formulations.parametric.figure import Figure
from splitfog.formulations.parametric.planes import Plane
from splitfog.formulations.parametric.vary import swept_links
from splitfog.instances.instance import Instance


def decision_plane(
    instance: Instance,
    decision: Decision,
    objective: Objective,
    figures: Sequence[Figure],
) -> tuple[Plane, dict[int, int]] | None:
    """The plane of a decision, and how often it crosses each directed link; None: no route.

    By the hops and layers of the reference cost: the coefficients are sums of the instance's own
    figures, rounded once (`fsum`), means over tasks. A figure of what the instance does not have
    has slope 0. O(V + E).
    """
    if any(task.stages for task in decision.tasks):
        raise ValueError("a sliced stage's time is not linear in a bandwidth or a load")
    swept, loaded = axes_of(instance, figures)
    fixed: list[float] = []
    scaled: list[list[float]] = [[] for _ in figures]
    crossed: dict[int, int] = {}
    for task, answer in zip(instance.tasks, decision.tasks, strict=True):
        for _, node, seconds in layer_times(instance, task, answer):
            (scaled[loaded[node]] if node in loaded else fixed).append(seconds)
        model = instance.model_of(task)
        sends, sizes = model.sends.tolist(), model.output_bytes.tolist()
        for position, hop in hops(instance, task, answer, objective.transfers):
            if hop is None:
                return None
            crossed[hop] = crossed.get(hop, 0) + 1
            link, num_bytes = instance.directed_links[hop], sizes[position]
            if hop in swept:
                fixed.append(link.seconds(0.0, sends[position]))
                scaled[swept[hop]].append(8 * num_bytes)
            else:
                fixed.append(link.seconds(num_bytes, sends[position]))
    count = len(instance.tasks)
    slopes = tuple(fsum(terms) / count for terms in scaled)
    return Plane(alpha_s=fsum(fixed) / count, slopes=slopes), crossed


def axes_of(instance: Instance, figures: Sequence[Figure]) -> tuple[dict[int, int], dict[int, int]]:
    """Which figure each directed link, and each node, follows; those that none varies are absent.

    A figure of what the instance does not have (any more) is nobody's.
    """
    swept = {link: at for at, one in enumerate(figures) for link in swept_links(instance, one)}
    loads = {one.node: at for at, one in enumerate(figures) if one.node is not None}
    index = instance.node_index
    return swept, {index[name]: at for name, at in loads.items() if name in index}
