"""What `evolution` breeds: placements (and orders) with their costs, and how they are judged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.objective import Objective
from splitfog.instances.instance import Instance
from splitfog.instances.kept import kept
from splitfog.solvers.search.order_keys import Keys, OrderKeys
from splitfog.solvers.starts.placement_space import Codes, PlacementSpace

if TYPE_CHECKING:
    from splitfog.formulations.vectorised.batch_cost import BatchCost

Watch = Callable[[NDArray[Any], NDArray[np.int64] | None, NDArray[np.float64]], None]
"""Given the feasible rows of every generation: placements [batch, columns], for `makespan` orders
[batch, layers] (else None), and costs [batch]."""


@kept()
def batch_cost_of(instance: Instance, objective: Objective, chunk: int) -> BatchCost:
    """The compiled costs of an objective, kept with the instance."""
    from splitfog.formulations.vectorised.batch_cost import BatchCost

    return BatchCost(instance, objective, chunk=chunk)


@dataclass
class Pool:
    """Placements with what they cost: inf where one breaks a rule, by how much in `excess`."""

    codes: Codes
    keys: Keys | None
    cost: NDArray[np.float64]
    excess: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.cost)

    def at(self, index: NDArray[np.int64]) -> Pool:
        """Some of them, in a new order."""
        keys = None if self.keys is None else self.keys[:, index]
        return Pool(self.codes[:, index], keys, self.cost[index], self.excess[index])

    def joined(self, other: Pool) -> Pool:
        """These, then the others."""
        keys = None
        if self.keys is not None and other.keys is not None:
            keys = np.hstack([self.keys, other.keys])
        return Pool(
            np.hstack([self.codes, other.codes]),
            keys,
            np.concatenate([self.cost, other.cost]),
            np.concatenate([self.excess, other.excess]),
        )


@dataclass
class Judge:
    """Repairs placements and costs them, at most `size` at a time without compiling anew.

    `orders` is None unless the objective is `makespan`.
    """

    space: PlacementSpace
    orders: OrderKeys | None
    size: int
    rng: np.random.Generator
    watch: Watch | None = None

    @cached_property
    def batch_cost(self) -> BatchCost:
        """The costs, compiled for one size of batch."""
        return batch_cost_of(self.space.instance, self.space.objective, self.size)

    def __call__(self, codes: Codes, keys: Keys | None, fresh: bool = True) -> Pool:
        """Placements repaired in place, with their costs; `fresh`: orders change, too."""
        self.space.repair(codes, codes.shape[1] // 2 if fresh else 0)
        places, orders = self.space.placements(codes), None
        if self.orders is not None:
            assert keys is not None
            keys = self._rekeyed(self.orders, places.T, keys) if fresh else keys
            orders = self.orders.orders(keys)
        if self.space.limited:
            cost, excess = self.batch_cost.feasible_cost(places, orders), self.space.excess(codes)
        else:
            cost, excess = self.batch_cost(places, orders), np.zeros(places.shape[0])
        if self.watch is not None and (fine := np.isfinite(cost)).any():
            self.watch(places[fine], None if orders is None else orders[fine], cost[fine])
        return Pool(codes, keys, cost, excess)

    def _rekeyed(self, orders: OrderKeys, nodes: NDArray[Any], keys: Keys) -> Keys:
        """Keys of children: by urgency or by earliest start, disturbed, or as the parent's."""
        keys, batch = keys.copy(), keys.shape[1]
        urgent, early, moved = (int(batch * share) for share in (0.3, 0.4, 0.7))
        keys[:, :urgent] = orders.urgency(nodes[:, :urgent])
        keys[:, urgent:early] = orders.earliness(nodes[:, urgent:early])
        disturbed = keys[:, early:moved]
        spread = np.abs(disturbed).max(axis=0)
        columns = np.arange(disturbed.shape[1])
        for _ in range(2):
            layers = self.rng.integers(0, len(keys), len(columns))
            amount = spread * 10.0 ** self.rng.uniform(-3, 0, len(columns))
            disturbed[layers, columns] += amount * self.rng.choice([-1, 1], len(columns))
        return keys
