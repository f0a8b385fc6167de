"""Where the tensors of a family's tasks may lie, and what moving on from there takes.

A task whose source has quota 0 alone may use it. So such sources are places twice: as some task's
own, and as a stranger's, which passes tensors on, can be the home of stages that others compute,
and runs only what takes no time.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import inf

import numpy as np

from splitfog.formulations.costs.routes import Routes
from splitfog.instances.arrays import Flags, Floats, Integers

FIRST = 32
"""Places that all others are compared with, before any pair that may do better is."""

AT_ONCE = 256
"""Up to so many places are all compared with each other."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Places:
    """M places: all nodes, then the closed sources as their tasks' own.

    `node` [M]; `own` [M] whether it is a closed source to its own task; `hosts` [M] where any task
    may have a visit with s > 0; `latency_s`, `per_byte` [nodes, nodes] of routes, inf and 0 where
    there is none; `entering`, `leaving` [M, 2]: the least latency and seconds per byte between a
    place and other nodes.
    """

    node: Integers
    own: Flags
    hosts: Flags
    latency_s: Floats
    per_byte: Floats
    entering: Floats
    leaving: Floats

    @classmethod
    def of(cls, routes: Routes, hosts: Flags, closed: Integers) -> Places:
        """The places of tasks with `closed` sources, distinct, or with none that is closed."""
        count = len(hosts)
        latency_s = np.asarray(routes.latency_s)
        per_byte = np.where(np.isfinite(latency_s), routes.seconds_per_byte, 0.0)
        node = np.concatenate([np.arange(count), closed])
        apart = np.where(np.eye(count, dtype=bool), inf, latency_s)
        a_byte = np.where(np.isfinite(apart), per_byte, inf)
        least = [np.stack([apart.min(axis=0), a_byte.min(axis=0)], axis=1)]
        least += [np.stack([apart.min(axis=1), a_byte.min(axis=1)], axis=1)]
        least = [np.where(np.isfinite(both), both, [inf, 0.0]) for both in least]
        return cls(
            node=node,
            own=np.arange(len(node)) >= count,
            hosts=np.concatenate([hosts, np.zeros(len(closed), bool)]),
            latency_s=latency_s,
            per_byte=per_byte,
            entering=least[0][node],
            leaving=least[1][node],
        )

    @property
    def closed(self) -> Integers:
        """The nodes of the closed sources."""
        return self.node[self.own]

    @property
    def usable(self) -> Flags:
        """[M]: where a task that is there may have a visit with s > 0."""
        return self.own | self.hosts

    def to_nodes(self, nodes: list[int], num_bytes: float) -> Floats:
        """[M]: seconds to the nearest of some nodes."""
        seconds = self.latency_s[:, nodes] + self.per_byte[:, nodes] * num_bytes
        return np.asarray(seconds.min(axis=1)[self.node])

    def onwards(self, live: Integers, begun_s: Floats, num_bytes: float) -> tuple[Floats, Integers]:
        """[M] each: the least of moving a tensor and what is `begun_s` there, and where to.

        From the `live` places; from the others nothing need be moved. Compared are all places with
        those that promise most, then what may still do better.
        """
        if len(self.node) <= AT_ONCE:
            return self._onwards_at_once(begun_s, num_bytes)
        into = begun_s + _seconds(self.entering, num_bytes)
        first = np.argsort(into, kind="stable")[:FIRST]
        least, to = begun_s.copy(), np.arange(len(begun_s))
        self._improve(least, to, live, first, begun_s, num_bytes)
        rest = np.isfinite(into)
        rest[first] = False
        rest = np.flatnonzero(rest)
        if len(rest):
            out = _seconds(self.leaving, num_bytes)
            floor = np.maximum(into[rest].min(), begun_s[rest].min() + out)
            rows = live[(floor < least)[live]]
            if len(rows):
                columns = rest[into[rest] < least[rows].max()]
                self._improve(least, to, rows, columns, begun_s, num_bytes)
        return least, to

    def _onwards_at_once(self, begun_s: Floats, num_bytes: float) -> tuple[Floats, Integers]:
        """`onwards` from all places, each compared with all others."""
        latency_s, per_byte = self._moves
        seconds = per_byte * num_bytes
        seconds += latency_s
        seconds += begun_s
        best = seconds.argmin(axis=1)
        stays = np.arange(len(begun_s))
        found = seconds[stays, best]
        better = found < begun_s
        return np.where(better, found, begun_s), np.where(better, best, stays)

    @cached_property
    def _moves(self) -> tuple[Floats, Floats]:
        """[M, M] each: latency, inf where nothing is moved, and seconds per byte."""
        pairs = np.ix_(self.node, self.node)
        same = (self.own[:, None] & self.own) | (self.node[:, None] == self.node)
        return np.where(same, inf, self.latency_s[pairs]), self.per_byte[pairs]

    def _improve(
        self,
        least: Floats,
        to: Integers,
        rows: Integers,
        columns: Integers,
        begun_s: Floats,
        num_bytes: float,
    ) -> None:
        """Take moves from `rows` to `columns` where they are shorter."""
        if not (len(rows) and len(columns)):
            return
        pairs = np.ix_(self.node[rows], self.node[columns])
        seconds = self.latency_s[pairs] + self.per_byte[pairs] * num_bytes + begun_s[columns]
        same = self.node[rows][:, None] == self.node[columns]
        seconds[self.own[rows][:, None] & self.own[columns] | same] = inf
        best = seconds.argmin(axis=1)
        found = seconds[np.arange(len(rows)), best]
        better = found < least[rows]
        least[rows[better]], to[rows[better]] = found[better], columns[best[better]]


def _seconds(least: Floats, num_bytes: float) -> Floats:
    """[M]: latency and bytes, inf where there is no other node."""
    return np.asarray(least[:, 0] + least[:, 1] * num_bytes)
