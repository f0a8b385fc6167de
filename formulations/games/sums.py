"""What visits to nodes add up to, and what moves and swaps of subtasks change of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from splitfog.formulations.games.gains import MOST_BY_NUMPY
from splitfog.formulations.offloading.waits import wait_seconds
from splitfog.instances.arrays import Flags, Integers, Seconds


@dataclass(frozen=True, eq=False, kw_only=True)
class NodeSums:
    """What visits add up to, of any shape: lambda s, lambda s^2, the weights of those that wait,
    weighted transfers and services, and foreign visits; `overload_s` as in `wait_seconds`."""

    rho: Seconds
    second: Seconds
    waiting: Seconds
    spent: Seconds
    guests: Seconds
    overload_s: float

    def __add__(self, other: NodeSums) -> NodeSums:
        return NodeSums(
            rho=self.rho + other.rho,
            second=self.second + other.second,
            waiting=self.waiting + other.waiting,
            spent=self.spent + other.spent,
            guests=self.guests + other.guests,
            overload_s=self.overload_s,
        )

    def __getitem__(self, index: Integers) -> NodeSums:
        return NodeSums(
            rho=self.rho[index],
            second=self.second[index],
            waiting=self.waiting[index],
            spent=self.spent[index],
            guests=self.guests[index],
            overload_s=self.overload_s,
        )

    @property
    def wait_s(self) -> Seconds:
        """Waits; huge, not inf, where rho >= 1."""
        return wait_seconds(self.second, self.rho, self.overload_s)

    @property
    def cost(self) -> Seconds:
        """A node's term of Phi, the larger the more it is overloaded where rho >= 1."""
        return self.spent + self.waiting * self.wait_s


def summed(index: Integers, amounts: Seconds | Flags, count: int) -> Seconds:
    """[count]: the amounts of every index added up."""
    return np.asarray(np.bincount(index, amounts, count), np.float64)


@dataclass(frozen=True, eq=False)
class MoveGains:
    """The change of the node left `left` [K], of the node joined `joined` [K, N], inf where the
    subtask may not go or is already, and of the mover's latency `agent` [K, N]. Negative is
    better. Links and memory are not looked at."""

    left: Seconds
    joined: Seconds
    agent: Seconds | None

    @property
    def total(self) -> Seconds:
        """[K, N]: change of Phi; inf where not possible."""
        return np.asarray(self.left[:, None] + self.joined)

    @property
    def possible(self) -> Flags:
        """[K, N]: whether a subtask may move to a node."""
        return np.isfinite(self.joined)


@dataclass(frozen=True, eq=False)
class SwapGains:
    """Row k, column j: j takes k's place. The change of k's node `node` [K, K], inf where j may
    not be there or the two share a node or a group, and of j's latency `agent` [K, K]. Negative
    is better. A swap is possible where both ways are finite; links and memory are not looked at."""

    node: Seconds
    agent: Seconds | None

    @cached_property
    def total(self) -> Seconds:
        """[K, K]: change of Phi by swapping k and j; inf where not possible."""
        if self.node.size <= MOST_BY_NUMPY:
            return np.asarray(self.node + self.node.T)
        from splitfog.formulations.games.kernel import sum_with_transpose

        return sum_with_transpose(self.node)

    @property
    def possible(self) -> Flags:
        """[K, K]: whether both may take each other's place."""
        return np.isfinite(self.total)
