"""Which ways between homes and helpers share a link at the home, and what crossing it takes.

What all slices move over one link adds up for each of them, so ways that share their first link
out of a home and their last link back have no more of it than one way alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from splitfog.formulations.costs.routes import Routes
from splitfog.instances.arrays import Floats, Integers


@dataclass(frozen=True, eq=False, kw_only=True)
class SharedLinks:
    """Of K homes' ways to J nodes and back, [K, J] each.

    `way`: ways of the same number share both links; numbers are at most J. `lag_s`, `in_s`,
    `out_s`: what these links take of a transfer there and back, per transfer and per byte; 0 where
    nothing is crossed. The last of the J + 1 columns is the home's own.
    """

    way: Integers
    lag_s: Floats
    in_s: Floats
    out_s: Floats

    @classmethod
    def of(cls, routes: Routes, homes: Integers, hosts: Integers) -> SharedLinks:
        """Of the ways from every home to all hosts. O(K J hops)."""
        tails, heads = (at.ravel() for at in np.meshgrid(homes, hosts, indexing="ij"))
        there, back = _first(routes, tails, heads), routes.last_link[heads, tails]
        shape = (len(homes), len(hosts))
        reached = (there >= 0) & (back >= 0)
        lag = np.array([link.latency_s for link in routes.links] or [0.0])
        per_byte = np.array([8 / link.bandwidth_bps for link in routes.links] or [0.0])
        pair = np.where(reached, there * len(lag) + back, -1 - np.arange(len(there)))
        way = np.array([_numbered(row) for row in pair.reshape(shape)], np.int64).reshape(shape)
        figures = (lag[there] + lag[back], per_byte[there], per_byte[back])
        none = np.zeros((len(homes), 1))
        lag_s, in_s, out_s = (
            np.concatenate([np.where(reached, of, 0.0).reshape(shape), none], axis=1)
            for of in figures
        )
        own = np.full((len(homes), 1), len(hosts))
        return cls(way=np.concatenate([way, own], axis=1), lag_s=lag_s, in_s=in_s, out_s=out_s)

    def at(self, some: Integers | tuple[Integers, Integers]) -> SharedLinks:
        """Of some of the homes, or of some ways of each."""
        return SharedLinks(**{name: figures[some] for name, figures in self.__dict__.items()})


def _first(routes: Routes, tails: Integers, heads: Integers) -> Integers:
    """[pairs]: the first link of every route; -1 where there is none, or nothing to cross."""
    links = routes.paths(tails, heads)  # last link first
    first = np.full(len(tails), -1)
    for hop in links.T:
        first = np.where(hop >= 0, hop, first)
    return np.where(routes.last_link[tails, heads] >= 0, first, -1)


def _numbered(row: Integers) -> Integers:
    """[J]: the same numbers, from 0, for the same entries."""
    return np.asarray(np.unique(row, return_inverse=True)[1].reshape(-1))
