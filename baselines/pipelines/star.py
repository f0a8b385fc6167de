"""The best contiguous split for the period where nodes stand in a star around one hub."""

from __future__ import annotations

from itertools import product
from math import inf

import numpy as np
from numpy.typing import NDArray

from splitfog.baselines.common import Placement
from splitfog.baselines.pipelines.prefixes import Prefixes
from splitfog.formulations.arrays.task import TaskArrays
from splitfog.instances.records import DirectedLink
from splitfog.solvers.base import Request


def star_hub(arrays: TaskArrays) -> int | None:
    """The hub if a piece's load depends on nothing but the piece; None otherwise.

    So it is where every link joins the hub, which computes while it sends, with another node,
    and tensors come from nowhere else: no input layers, and results stay where they are.
    """
    if arrays.is_input.any() or arrays.results_to is not None:
        return None
    for hub, node in enumerate(arrays.instance.nodes):
        links = arrays.instance.directed_links
        if node.overlap and all(hub in (link.tail, link.head) for link in links):
            return hub
    return None


class StarSplit:
    """The dynamic program over (prefix, how many nodes of each kind have a piece).

    A node around the hub is busy computing its piece and, with `overlap: false`, taking in what
    others made and sending out what others read, each tensor once; its links are busy with these.
    """

    def __init__(self, prefixes: Prefixes, hub: int, request: Request) -> None:
        self.prefixes, self.hub, self.request = prefixes, hub, request
        self.arrays = prefixes.units.arrays
        self.kinds = _kinds(self.arrays, hub)
        self.states = list(product(*(range(len(kind) + 1) for kind in self.kinds)))
        self.index = {state: i for i, state in enumerate(self.states)}
        self.best = np.full((len(self.states), len(prefixes)), inf)
        self.best[0, 0] = 0.0
        self.parents: dict[tuple[int, int], tuple[int, int, int]] = {}

    @property
    def work(self) -> float:
        """How many transitions there are, about."""
        return len(self.states) * len(self.kinds) * len(self.prefixes) ** 2 / 2

    def solve(self) -> Placement | str:
        """The placement of the best split, or why there is none."""
        for end in range(1, len(self.prefixes)):
            before = self.prefixes.before(end)
            crossing = self.prefixes.entering(before, end), self.prefixes.leaving(before, end)
            for kind, nodes in enumerate(self.kinds):
                loads = self._loads(before, end, nodes[0], crossing)
                self._extend(before, end, kind, loads)
            if self.request.out_of_time:
                return "the time limit came before the end"
        if self.best[:, -1].min() == inf:
            return "no contiguous split respects tiers, groups, memory and routes"
        return self._traced()

    def _extend(
        self, before: NDArray[np.int64], end: int, kind: int, loads: NDArray[np.float64]
    ) -> None:
        """Let one more node of a kind take the last piece up to `end`."""
        for i, state in enumerate(self.states):
            if not state[kind] or not self._rising(state, kind):
                continue
            j = self.index[(*state[:kind], state[kind] - 1, *state[kind + 1 :])]
            values = np.maximum(self.best[j, before], loads)
            least = int(values.argmin())
            if values[least] < self.best[i, end]:
                self.best[i, end] = values[least]
                self.parents[i, end] = (j, int(before[least]), kind)

    def _rising(self, state: tuple[int, ...], kind: int) -> bool:
        """With `monotone`, whether the last piece's kind may come after all others."""
        rank = self.arrays.instance.node_rank
        used = [nodes[0] for nodes, count in zip(self.kinds, state) if count]
        top = max(rank[node] for node in used)
        return not self.request.objective.monotone or bool(rank[self.kinds[kind][0]] >= top)

    def _loads(
        self,
        before: NDArray[np.int64],
        end: int,
        node: int,
        crossing: tuple[NDArray[np.float64], NDArray[np.float64]],
    ) -> NDArray[np.float64]:
        """[before]: the longest busy time that a piece makes of its node and the node's links."""
        computing = self.prefixes.seconds(before, end, node)
        if node == self.hub:
            return computing
        entering = _crossing_s(_link(self.arrays, self.hub, node), crossing[0])
        leaving = _crossing_s(_link(self.arrays, node, self.hub), crossing[1])
        if not self.arrays.instance.nodes[node].overlap:
            return np.asarray(computing + entering + leaving)
        return np.maximum(computing, np.maximum(entering, leaving))

    def _traced(self) -> Placement:
        state, end = int(self.best[:, -1].argmin()), len(self.prefixes) - 1
        left = [list(nodes) for nodes in self.kinds]
        pieces = []
        while end:
            state, before, kind = self.parents[state, end]
            pieces.append((before, end, left[kind].pop()))
            end = before
        return self.prefixes.placement(pieces)


def _kinds(arrays: TaskArrays, hub: int) -> list[list[int]]:
    """Nodes that are alike in every way that matters, together; the hub by itself."""
    kinds: dict[object, list[int]] = {}
    for position, node in enumerate(arrays.instance.nodes):
        links = [_link(arrays, hub, position), _link(arrays, position, hub)]
        figures = tuple(link and (link.bandwidth_bps, link.latency_s) for link in links)
        looks = (node.tier, node.memory_bytes, node.overlap, figures, position == hub)
        kinds.setdefault((looks, arrays.costs_s[:, position].tobytes()), []).append(position)
    return list(kinds.values())


def _link(arrays: TaskArrays, tail: int, head: int) -> DirectedLink | None:
    links = arrays.instance.directed_links
    return next((link for link in links if (link.tail, link.head) == (tail, head)), None)


def _crossing_s(link: DirectedLink | None, crossing: NDArray[np.float64]) -> NDArray[np.float64]:
    """Seconds of [.., 2] tensors and bytes over a link; inf if anything crosses where is none."""
    if link is None:
        return np.where(crossing[:, 0] > 0, inf, 0.0)
    return np.asarray(crossing @ np.array([link.latency_s, 8 / link.bandwidth_bps]))
