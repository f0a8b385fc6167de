"""A DAG in levels: each box on a level and a place across it, with few crossing lines.

After Sugiyama, Tagawa & Toda (1981): levels by longest path, long edges cut by way points,
barycentre sweeps against crossings, then x by least squares. Sharing the way points of one
tensor among its readers is ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

GAP, LINE_GAP = 0.2, 0.06  # beside boxes, beside lines that pass a level
WAY = 0.06  # room for such a line
MAX_WAY_POINTS = 20_000  # beyond, long edges are drawn straight
SWEEPS = 8
_STIFFNESS = (2.0, 0.5, 8.0)
"""Of a line between two boxes, to a way point, and between way points: bent long lines and
zigzagging trunks are what the eye minds most."""


@dataclass(frozen=True)
class Size:
    """Inches of a box, and of the label under it that its out-going lines pass."""

    width: float
    height: float
    label: float = 0.0


@dataclass(kw_only=True)
class Levels:
    """A DAG in levels; its vertices are the boxes, then the way points of long edges.

    Attributes
    ----------
    level, sizes, above, below
        Of every vertex: its level, its size (a way point's height is 0), its neighbours one level
        up and down.
    routes
        Of every edge: its box, its way points, its box.
    rows
        Vertices of every level, from left to right.
    across
        x of every vertex, in inches.
    """

    level: list[int]
    sizes: list[Size]
    above: list[list[int]]
    below: list[list[int]]
    routes: list[list[int]]
    rows: list[list[int]]
    across: list[float]


def levels_of(sizes: Sequence[Size], edges: Sequence[tuple[int, int]]) -> Levels:
    """Levels of boxes given in topological order, with edges from earlier to later ones.

    O(8 V log V) time for V boxes and way points.
    """
    graph = _with_way_points(sizes, edges)
    for vertex, level in enumerate(graph.level):
        graph.rows[level].append(vertex)
    _order(graph)
    _place(graph)
    return graph


def _with_way_points(sizes: Sequence[Size], edges: Sequence[tuple[int, int]]) -> Levels:
    level = _levels(len(sizes), edges)
    spare = sum(level[head] - level[tail] - 1 for tail, head in edges) <= MAX_WAY_POINTS
    rows: list[list[int]] = [[] for _ in range(max(level) + 1)]
    graph = Levels(
        level=level,
        sizes=list(sizes),
        above=[[] for _ in sizes],
        below=[[] for _ in sizes],
        routes=[],
        rows=rows,
        across=[],
    )
    shared: dict[tuple[int, int], int] = {}  # (tail, level): way point
    for tail, head in edges:
        route = [tail]
        for at in range(level[tail] + 1, level[head] if spare else 0):
            if (tail, at) not in shared:
                shared[tail, at] = _way_point(graph, at, route[-1])
            route.append(shared[tail, at])
        route.append(head)
        graph.routes.append(route)
        graph.below[route[-2]].append(head)
        graph.above[head].append(route[-2])
    return graph


def _way_point(graph: Levels, level: int, above: int) -> int:
    point = len(graph.level)
    graph.level.append(level)
    graph.sizes.append(Size(WAY, 0.0))
    graph.above.append([above])
    graph.below.append([])
    graph.below[above].append(point)
    return point


def _levels(count: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    """Longest path from a start; a start itself moves down to just above its first reader."""
    level = [0] * count
    started = set(range(count)) - {head for _, head in edges}
    for tail, head in sorted(edges, key=lambda edge: edge[1]):
        level[head] = max(level[head], level[tail] + 1)
    first = dict.fromkeys(started, count)
    for tail, head in edges:
        if tail in started:
            first[tail] = min(first[tail], level[head] - 1)
    for box, at in first.items():
        level[box] = at if at < count else 0
    return level


def _order(graph: Levels) -> None:
    """Order the rows by barycentres; keeps what the sweep with the fewest crossings found."""
    rows = graph.rows
    best, fewest = [list(row) for row in rows], _crossings(graph)
    for sweep in range(SWEEPS):
        if fewest == 0:
            break
        down = sweep % 2 == 0
        near = graph.above if down else graph.below
        for row in rows if down else reversed(rows):
            _by_barycentre(graph, row, near)
        crossings = _crossings(graph)
        if crossings < fewest:
            best, fewest = [list(row) for row in rows], crossings
    graph.rows = best


def _by_barycentre(graph: Levels, row: list[int], near: list[list[int]]) -> None:
    """Sort a row by the mean place of each vertex's neighbours; those without keep theirs."""
    place: dict[int, float] = {}
    for other in {graph.level[v] for vertex in row for v in near[vertex]}:
        place.update((vertex, i) for i, vertex in enumerate(graph.rows[other]))
    key: dict[int, float] = {
        vertex: sum(place[v] for v in near[vertex]) / len(near[vertex])
        if near[vertex]
        else float(i)
        for i, vertex in enumerate(row)
    }
    row.sort(key=key.__getitem__)


def _crossings(graph: Levels) -> int:
    """Pairs of lines between neighbouring levels that cross: inversions, by a Fenwick tree."""
    total = 0
    for row, following in pairwise(graph.rows):
        place = {vertex: i for i, vertex in enumerate(following)}
        tree = [0] * (len(following) + 1)
        seen = 0
        for vertex in row:
            ends = sorted(place[v] for v in graph.below[vertex] if v in place)
            total += sum(seen - _prefix(tree, end + 1) for end in ends)
            for end in ends:
                seen += 1
                at = end + 1
                while at < len(tree):
                    tree[at] += 1
                    at += at & -at
    return total


def _prefix(tree: list[int], at: int) -> int:
    total = 0
    while at:
        total += tree[at]
        at -= at & -at
    return total


def _place(graph: Levels) -> None:
    """x of every vertex: near its neighbours' mean, at least the gap from the next in its row."""
    graph.across = [0.0] * len(graph.level)
    for row in graph.rows:
        _settle(graph, row, [0.0] * len(row), [1.0] * len(row))
    for sweep in range(2 * SWEEPS):
        for row in graph.rows if sweep % 2 == 0 else reversed(graph.rows):
            pulls = [_pull(graph, vertex) for vertex in row]
            _settle(graph, row, [goal for goal, _ in pulls], [weight for _, weight in pulls])


def _pull(graph: Levels, vertex: int) -> tuple[float, float]:
    """Mean x of a vertex's neighbours, and its weight."""
    near = graph.above[vertex] + graph.below[vertex]
    if not near:
        return graph.across[vertex], 0.1
    own = graph.sizes[vertex].height == 0
    weights = [_STIFFNESS[own + (graph.sizes[v].height == 0)] for v in near]
    total = sum(weights)
    return sum(w * graph.across[v] for w, v in zip(weights, near, strict=True)) / total, total


def _settle(graph: Levels, row: list[int], goals: list[float], weights: list[float]) -> None:
    """Least squares to the goals under the gaps: isotonic regression by pooling neighbours."""
    offsets = [0.0]
    for left, right in pairwise(row):
        offsets.append(offsets[-1] + _apart(graph.sizes[left], graph.sizes[right]))
    pools: list[tuple[float, float, int]] = []  # mean, weight, members
    for goal, weight, offset in zip(goals, weights, offsets, strict=True):
        pool = (goal - offset, weight, 1)
        while pools and pools[-1][0] >= pool[0]:
            mean, total, members = pools.pop()
            both = total + pool[1]
            pool = ((mean * total + pool[0] * pool[1]) / both, both, members + pool[2])
        pools.append(pool)
    means = [mean for mean, _, members in pools for _ in range(members)]
    for vertex, mean, offset in zip(row, means, offsets, strict=True):
        graph.across[vertex] = mean + offset


def _apart(left: Size, right: Size) -> float:
    lines = (left.height == 0) + (right.height == 0)
    return (left.width + right.width) / 2 + (GAP, (GAP + LINE_GAP) / 2, LINE_GAP)[lines]
