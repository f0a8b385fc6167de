"""The largest flow through nodes over ways that share links; it knows no instance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from splitfog.instances.arrays import Floats


@dataclass(frozen=True)
class Way:
    """From a node to another, None for where all comes from and for where all goes to.

    A unit of flow takes `load` of the room of each of its `links`.
    """

    tail: int | None
    head: int | None
    links: tuple[int, ...] = ()
    load: float = 0.0


@dataclass(frozen=True, eq=False)
class Flow:
    """A largest flow: its value, and what takes every way."""

    value: float
    over: tuple[float, ...]


def largest_flow(
    rates: Sequence[float],
    ways: Sequence[Way],
    rooms: Sequence[float],
    least: Sequence[float] | None = None,
) -> Flow | None:
    """The most that nodes pass on from the start to the end.

    Where no link lies on two ways it is a maximum flow in a network, found by augmenting paths;
    else a linear program, as what crosses a link by one way may not leave it by another.

    Parameters
    ----------
    rates
        The most that every node passes.
    ways
        Between nodes, in a DAG.
    rooms
        Of every link: the sum over its ways of flow times load is at most that.
    least
        What every node has to pass at least; None: nothing.

    Returns
    -------
    Flow or None
        None where a node cannot pass its least.
    """
    used = Counter(link for way in ways for link in way.links if way.load > 0)
    if least is None and all(count == 1 for count in used.values()):
        return _by_paths(rates, ways, rooms)
    return _by_program(rates, ways, rooms, least)


def _by_paths(rates: Sequence[float], ways: Sequence[Way], rooms: Sequence[float]) -> Flow:
    """Edmonds and Karp's maximum flow, every node split in two."""
    import networkx as nx
    from networkx.algorithms.flow import edmonds_karp

    graph = nx.DiGraph()
    graph.add_nodes_from(["start", "end"])
    for node, rate in enumerate(rates):
        graph.add_edge((node, "in"), (node, "out"), capacity=rate)
    for at, way in enumerate(ways):  # by a vertex of its own, so that two ways may join two nodes
        tail = "start" if way.tail is None else (way.tail, "out")
        head = "end" if way.head is None else (way.head, "in")
        most = min([rooms[link] / way.load for link in way.links if way.load > 0], default=None)
        graph.add_edge(tail, at, **({} if most is None else {"capacity": most}))
        graph.add_edge(at, head)
    value, flows = nx.maximum_flow(graph, "start", "end", flow_func=edmonds_karp)
    return Flow(float(value), tuple(float(sum(flows[at].values())) for at in range(len(ways))))


def _by_program(
    rates: Sequence[float],
    ways: Sequence[Way],
    rooms: Sequence[float],
    least: Sequence[float] | None,
) -> Flow | None:
    """The same as a linear program by HiGHS, in shares of the largest rate."""
    from scipy.optimize import linprog

    unit = max(rates, default=0.0)
    if unit == 0 or not ways:
        return Flow(0.0, (0.0,) * len(ways)) if not any(least or ()) else None
    entering, leaving = np.zeros((2, len(rates), len(ways)))
    crossing = np.zeros((len(rooms), len(ways)))
    for at, way in enumerate(ways):
        if way.head is not None:
            entering[way.head, at] = 1
        if way.tail is not None:
            leaving[way.tail, at] = 1
        for link in way.links:
            crossing[link, at] = way.load * unit / rooms[link]
    bounds, limits = [entering, crossing], [np.array(rates) / unit, np.ones(len(rooms))]
    if least is not None:
        bounds, limits = [*bounds, -entering], [*limits, -np.array(least) / unit]
    gained = np.array([float(way.tail is None) for way in ways])
    found: Any = linprog(
        -gained,
        A_ub=np.concatenate(bounds),
        b_ub=np.concatenate(limits),
        A_eq=entering - leaving,
        b_eq=np.zeros(len(rates)),
        options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
    )
    if found.x is None:
        return None
    flows = _along_paths(ways, found.x.tolist())
    full = np.concatenate(limits[:2])
    flows = flows / max(1.0, _overfull(np.concatenate(bounds[:2]) @ flows, full))
    return Flow(float(gained @ flows) * unit, tuple((flows * unit).tolist()))


def _along_paths(ways: Sequence[Way], flows: list[float]) -> Floats:
    """[ways]: what of a flow goes along paths from the start to the end, so that nodes pass on all
    that they get, which an engine sees to within its tolerances only."""
    whole = np.zeros(len(ways))
    while True:
        path: list[int] = []
        at: int | None = None
        while not path or at is not None:
            open_ways = [k for k, way in enumerate(ways) if way.tail == at and flows[k] > 0]
            if not open_ways:
                break
            path.append(max(open_ways, key=flows.__getitem__))
            at = ways[path[-1]].head
        if not path:
            return whole
        amount = min(flows[k] for k in path)
        for k in path:
            flows[k] -= amount
        if at is None:
            whole[path] += amount
        else:  # a rest that nothing takes on
            flows[path[-1]] = 0.0


def _overfull(taken: Floats, room: Floats) -> float:
    """By what factor an engine's tolerances let more pass than there is room for."""
    return float(np.divide(taken, room, out=np.zeros_like(taken), where=room > 0).max(initial=0.0))
