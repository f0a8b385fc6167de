"""How long the ways of a stage's slices are where they share links (docs/slices.md).

A link of a visit's way counts for as long as the hops of all the stage's slices over it take
together, in and out apart. So a slice adds to the ways of all visits of its stage what its own way
has in common with theirs: a sum over pairs of slices.
"""

from __future__ import annotations

from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.offloading.links import LinkUse
from splitfog.formulations.offloading.subtasks import Subtasks
from splitfog.instances.arrays import Flags, Integers, Seconds, frozen

Links: TypeAlias = NDArray[np.integer]


class StageWays:
    """The ways of slices that are not just the sum of the slices' own hops.

    Attributes
    ----------
    slices : int [S]
        Subtasks that are one of several slices of a stage whose home has a parallel radio, on ways
        that share links or are delayed.
    legs : (int [S], int [S])
        Their legs in `LinkUse`, in and out.
    """

    def __init__(self, subtasks: Subtasks, use: LinkUse) -> None:
        parallel = np.array([node.radio == "parallel" for node in subtasks.instance.nodes], bool)
        sliced = np.flatnonzero(subtasks.home >= 0)
        several = np.bincount(subtasks.group)[subtasks.group] > 1
        chosen = (parallel[subtasks.home] & several)[sliced]
        rows = use.row[: 2 * len(sliced)].reshape(-1, 2)
        special = np.zeros(len(use.table), bool)
        for row in np.unique(rows[chosen]).tolist():
            special[row] = _is_special(use.table[row], use.delay_s)
        which = np.flatnonzero(chosen & special[rows].any(axis=1))
        self.slices: Integers = sliced[which]
        self.legs: tuple[Integers, Integers] = 2 * which, 2 * which + 1
        self.use, self._group = use, subtasks.group[self.slices]
        self._common: dict[int, tuple[Seconds, Seconds]] = {}

    @cached_property
    def _pairs(self) -> tuple[Integers, Integers]:
        """All ordered pairs of slices of one stage, each with itself too."""
        first = np.searchsorted(self._group, self._group)
        sizes = np.searchsorted(self._group, self._group, side="right") - first
        own = np.repeat(np.arange(len(sizes)), sizes)
        rank = np.arange(len(own)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        return own, first[own] + rank

    def ways_s(self, places: Integers) -> Seconds:
        """[S]: transfers in and out of the visit that each slice is part of; O(pairs hops^2).

        `places` are the nodes of all subtasks.
        """
        use, (own, other) = self.use, self._pairs
        total = np.zeros(len(self.slices))
        for legs in self.legs:
            links = use.table[use.row[legs], places[self.slices]]
            busy_s = use.busy_s(links, use.size[legs])
            meets = _meets(links[own], links[other])
            added = np.where(meets, busy_s[other], 0.0).sum(axis=1)
            total += np.bincount(own, added, len(total))
            total += np.where(links >= 0, use.delay_s[links], 0.0).sum(axis=1)
        return total

    @cached_property
    def added_s(self) -> dict[int, Seconds]:
        """By subtask, [N, N]: what a slice on node m adds to both ways of a visit to another, n.

        Of slices that add anything. O(S N^2 hops^2).
        """
        use, own_s = self.use, dict[int, Seconds]()
        for number, subtask in enumerate(self.slices.tolist()):
            total = np.zeros((use.table.shape[1],) * 2)
            for legs in self.legs:
                leg = int(legs[number])
                latency_s, per_byte = self._in_common(int(use.row[leg]))
                total += latency_s + per_byte * use.size[leg]
            if total.any():
                own_s[subtask] = frozen(total)
        return own_s

    def adds_to(self, subtask: int, node: int) -> Seconds:
        """[N]: one column of `added_s`, of any subtask; zeros where it adds nothing."""
        use, total = self.use, np.zeros(self.use.table.shape[1])
        for legs in self.legs:
            for leg in legs[self.slices == subtask].tolist():
                ways = use.table[use.row[leg]]
                common = in_common(ways, ways[[node]], use.latency_s, use.seconds_per_byte)
                total += (common[0] + common[1] * use.size[leg])[:, 0]
        total[node] = 0.0
        return total

    def _in_common(self, row: int) -> tuple[Seconds, Seconds]:
        """Of the ways of all pairs of other nodes."""
        if row not in self._common:
            use, ways = self.use, self.use.table[row]
            common = in_common(ways, ways, use.latency_s, use.seconds_per_byte)
            for figures in common:
                np.fill_diagonal(figures, 0.0)
            self._common[row] = common
        return self._common[row]


def _is_special(ways: Links, delay_s: Seconds) -> bool:
    """Whether two of the ways of nodes [N, hops] share a link, or one is delayed."""
    links = ways[ways >= 0]
    return len(np.unique(links)) < len(links) or bool(delay_s[links].any())


def in_common(
    ways: Links, others: Links, latency_s: Seconds, seconds_per_byte: Seconds
) -> tuple[Seconds, Seconds]:
    """Latency, without delays, and seconds a byte of the links that pairs of ways share.

    Parameters
    ----------
    ways, others : int [n, hops], int [m, hops]
        Links of ways, padded with -1.
    latency_s, seconds_per_byte : [links]

    Returns
    -------
    (Seconds, Seconds)
        [n, m] each. O(n m hops^2).
    """
    meets = _meets(ways[:, None], others[None])
    of_latency, per_byte = (
        np.where(meets, figure[others], 0.0).sum(axis=2) for figure in (latency_s, seconds_per_byte)
    )
    return of_latency, per_byte


def _meets(own: Links, other: Links) -> Flags:
    """[..., hops]: which links of another way are on one's own; both [..., hops], -1 for none."""
    return np.asarray((other[..., None, :] == own[..., :, None]).any(axis=-2) & (other >= 0))
