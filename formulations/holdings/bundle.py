"""Prices of units that no dealing out can pay: ascent by a proximal bundle (ours).

g(prices) = sum of prices - sum over kinds of nodes of their number x the dearest set that one may
hold. It is concave; where it is positive, no plan has only such sets. Every set that was once the
dearest is kept as a linear piece of g, and the next prices are the best of this model less their
squared distance from the best so far.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from splitfog.instances.arrays import Flags, Floats

MOST_PIECES = 150
"""Sets kept for a kind, those of the greatest weight."""
MOST_EXCHANGES = 400
"""Of weight between two sets, each time; the model need not be solved to the end."""
CLOSE = 1e-6
"""Relative difference of two sets' prices at which no weight is exchanged."""


@dataclass(eq=False)
class Pieces:
    """Sets [sets, units] that one kind of `count` nodes may hold, and their weights."""

    count: int
    sets: Floats
    weights: Floats

    @classmethod
    def of(cls, count: int, held: Flags) -> Pieces:
        """One set with all the weight."""
        return cls(count, held.astype(float)[None], np.array([float(count)]))

    def add(self, held: Flags) -> None:
        """One more set without weight; the lightest are dropped where there are many."""
        if len(self.sets) > 2 * MOST_PIECES:
            kept = np.sort(np.argsort(-self.weights, kind="stable")[:MOST_PIECES])
            lost = self.weights.sum() - self.weights[kept].sum()
            self.sets, self.weights = self.sets[kept], self.weights[kept]
            self.weights[self.weights.argmax()] += lost
        self.sets = np.vstack([self.sets, held.astype(float)])
        self.weights = np.append(self.weights, 0.0)

    def dearest(self, prices: Floats) -> float:
        """The most that the nodes' sets come to."""
        return self.count * float((self.sets @ prices).max())

    def held(self) -> Floats:
        """[units]: how often the weighted sets hold each."""
        return np.asarray(self.weights @ self.sets)


@dataclass(eq=False)
class Bundle:
    """The model of g, and where its proximal maximum is."""

    center: Floats
    stride: float
    pieces: list[Pieces] = field(default_factory=list)

    def model(self, prices: Floats) -> float:
        """At least g(prices)."""
        return float(prices.sum()) - sum(own.dearest(prices) for own in self.pieces)

    def proposed(self) -> Floats:
        """Prices that maximise the model - |prices - center|^2 / (2 stride).

        The dual: weights of sets, in sum each kind's number, exchanged in pairs, by which the
        units are held once in the mean as nearly as pays.
        """
        missing = 1.0 - sum((own.held() for own in self.pieces), np.zeros(len(self.center)))
        close = CLOSE * float(np.abs(self.center).sum())
        for _ in range(MOST_EXCHANGES):
            largest = 0.0
            for own in self.pieces:
                price = own.sets @ (self.center + self.stride * missing)
                used = np.flatnonzero(own.weights)
                into, out = int(price.argmax()), int(used[price[used].argmin()])
                gain = float(price[into] - price[out])
                if gain <= close:
                    continue
                change = own.sets[into] - own.sets[out]
                moved = min(own.weights[out], gain / (self.stride * float(change @ change)))
                own.weights[into] += moved
                own.weights[out] -= moved
                missing -= moved * change
                largest = max(largest, gain)
            if not largest:
                break
        return self.center + self.stride * missing
