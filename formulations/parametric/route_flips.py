"""Where routes change as one link's bandwidth does (routes are by bandwidth)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import inf

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.arrays.task import task_arrays
from splitfog.formulations.costs.routes import Routes
from splitfog.formulations.parametric.parameter import LinkBandwidth
from splitfog.instances.instance import Instance
from splitfog.instances.records import DirectedLink, changed


def route_flips(
    instance: Instance, parameter: LinkBandwidth, low: float, high: float
) -> tuple[float, ...]:
    """Every bandwidth in (low, high] from which on some route uses the link, ascending.

    Below such a bandwidth the route avoids the link, from it on it uses it; between two of them
    nothing changes. A pair of nodes u, v has at most one: where 8 / bandwidth is the seconds per
    byte of its best route without the link, less those of u to the link and of the link's end to
    v. That estimate is then moved to the float where `Routes` itself changes its mind, ties
    included. Only pairs between which a tensor may travel count. O(N^2) and a few route searches
    a flip.
    """
    if instance.routing == "direct":  # by no bandwidth
        return ()
    swept = parameter.links(instance)
    others = [link for at, link in enumerate(instance.directed_links) if at not in swept]
    without = _routes(instance, others).seconds_per_byte
    ends = [(instance.directed_links[at].tail, instance.directed_links[at].head) for at in swept]
    flips = set()
    for u, v in travelling_pairs(instance):
        spare = max(_difference(without[u, v], without[u, a] + without[b, v]) for a, b in ends)
        if 0 < spare < inf and low * (1 - NEAR) < 8 / spare < high * (1 + NEAR):
            flips.add(_first_use(instance, swept, (u, v), 8 / spare))
    return tuple(sorted(flip for flip in flips if low < flip <= high))


def wavering_route(
    instance: Instance, parameter: LinkBandwidth, low: float, last: float
) -> tuple[str, str] | None:
    """A pair of nodes whose route changes between two bandwidths although none flips there.

    Two routes that tie in real numbers, both over the link, may be told apart by the rounding of
    their sums alone, differently from one bandwidth to the next: no table can follow that. Looks
    at `WAVER_SAMPLES` bandwidths; None where nothing is seen.
    """
    swept = parameter.links(instance)
    pairs = travelling_pairs(instance)
    at = [
        _at_bandwidth(instance, swept, float(x))
        for x in np.geomspace(low, last, WAVER_SAMPLES).clip(low, last)
    ]
    for u, v in pairs:
        if len({routes.path(u, v) for routes in at}) > 1:
            return instance.nodes[u].name, instance.nodes[v].name
    return None


WAVER_SAMPLES = 9

NEAR = 1e-6
"""Relative distance within which the estimate of a flip lies: it is a difference of sums."""


def _difference(whole: float, part: float) -> float:
    """What the link may take at most; inf where there is no other way, -inf where none uses it."""
    if part == inf:
        return -inf
    return float(whole - part)


def travelling_pairs(instance: Instance) -> Iterable[tuple[int, int]]:
    """Pairs of nodes between which a task's tensor may travel."""
    pairs: set[tuple[int, int]] = set()
    for task in range(len(instance.tasks)):
        arrays = task_arrays(instance, task)
        usable: NDArray[np.int64] = np.flatnonzero(arrays.allowed.any(axis=0))
        heads = set(usable.tolist()) | ({arrays.results_to} - {None})
        pairs |= {(u, v) for u in usable.tolist() for v in heads if u != v and v is not None}
    return sorted(pairs)


def _first_use(
    instance: Instance, swept: frozenset[int], pair: tuple[int, int], estimate: float
) -> float:
    """The least bandwidth at which the pair's route uses the link, near an estimate."""

    def used(bandwidth: float) -> bool:
        path = _at_bandwidth(instance, swept, bandwidth).path(*pair)
        return path is not None and not swept.isdisjoint(path)

    width = 1e-15
    while used(estimate * (1 - width)) or not used(estimate * (1 + width)):
        width *= 4
        if width > 0.5:
            raise ArithmeticError(f"no route flips near {estimate!r} bit/s")
    return _bisect(used, estimate * (1 - width), estimate * (1 + width))


def _bisect(used: Callable[[float], bool], below: float, above: float) -> float:
    """The least float where `used` holds, between one where it does not and one where it does."""
    while (middle := below + (above - below) / 2) not in (below, above):
        below, above = (below, middle) if used(middle) else (middle, above)
    return above


def _at_bandwidth(instance: Instance, swept: frozenset[int], bandwidth: float) -> Routes:
    """The routes at a bandwidth."""
    links = [
        changed(link, bandwidth_bps=bandwidth) if at in swept else link
        for at, link in enumerate(instance.directed_links)
    ]
    return _routes(instance, links)


class _Network:
    """What `Routes` reads of an instance, without the checks of a new one."""

    def __init__(self, instance: Instance, links: Iterable[DirectedLink]) -> None:
        self.nodes, self.directed_links = instance.nodes, tuple(links)
        self.routing = instance.routing


def _routes(instance: Instance, links: Iterable[DirectedLink]) -> Routes:
    return Routes(_Network(instance, links))
