"""Where the tensors of a family's tasks may lie, and what moving on from there takes.

A task whose source has quota 0 alone may use it. So such sources are places twice: as some task's
own, and as a stranger's, which passes tensors on, can be the home of stages that others compute,
and runs only what takes no time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import inf

import numpy as np

from splitfog.formulations.costs.routes import Routes
from splitfog.formulations.priced_bounds.link_prices import Tolls
from splitfog.formulations.tolerances import ROUNDING, TINY
from splitfog.instances.arrays import Flags, Floats, Integers

MOST_HOSTS = 256
"""Up to so many hosts are compared with all places at first."""

FIRST = 32
"""Of more, those that promise most."""

ALIKE, AT_LEAST = 8, 256
"""Places are looked at together that are compared with up to so many times as many others, or so
many."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Places:
    """M places: all nodes, then the closed sources as their tasks' own.

    `node` [M]; `own` [M] whether it is a closed source to its own task; `hosts` [M] where any task
    may have a visit with s > 0; `latency_s`, `per_byte` [nodes, nodes] of routes, inf and 0 where
    there is none; `entering`, `leaving` [M, 2]: the least latency and seconds per byte between a
    place and other nodes. `rate` [M]: how often each of the tasks, there if it is one's own, moves
    a tensor; `slowest` [nodes, nodes]: seconds per byte of the slowest link of each route.
    """

    node: Integers
    own: Flags
    hosts: Flags
    latency_s: Floats
    per_byte: Floats
    entering: Floats
    leaving: Floats
    rate: Floats
    slowest: Floats

    @classmethod
    def of(
        cls, routes: Routes, hosts: Flags, closed: Integers, rate: Floats | None = None
    ) -> Places:
        """The places of tasks with `closed` sources, distinct, or with none that is closed; without
        `rate` [M] no link is too slow."""
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
            rate=np.zeros(len(node)) if rate is None else rate,
            slowest=routes.slowest_link_s,
        )

    @property
    def closed(self) -> Integers:
        """The nodes of the closed sources."""
        return self.node[self.own]

    @property
    def usable(self) -> Flags:
        """[M]: where a task that is there may have a visit with s > 0."""
        return self.own | self.hosts

    def priced(self, tolls: Tolls | None) -> Places:
        """The same places, what is paid on the way counted as seconds."""
        if tolls is None:
            return self
        latency_s, per_byte = self.latency_s + tolls.once, self.per_byte + tolls.per_byte
        return replace(self, latency_s=latency_s, per_byte=per_byte)

    def to_nodes(self, nodes: Sequence[int], num_bytes: float) -> tuple[Floats, Integers]:
        """[M] each: seconds to the nearest of some nodes, and which that is."""
        seconds = self.latency_s[:, nodes] + self.per_byte[:, nodes] * num_bytes
        nearest = np.array(nodes)[seconds.argmin(axis=1)]
        return np.asarray(seconds.min(axis=1)[self.node]), nearest[self.node]

    def onwards(self, live: Integers, begun_s: Floats, num_bytes: float) -> tuple[Floats, Integers]:
        """[M] each: the least of moving a tensor elsewhere and what is `begun_s` there, and where.

        From the `live` places; from others nothing need be moved, inf. Compared are all places with
        hosts, then what may still do better than to stay, or, from places that are a task's own,
        better than others. A move is none that a link cannot do at the rate.
        """
        into = begun_s + _seconds(self.entering, num_bytes)
        least, to = np.where(self.own, inf, begun_s), np.arange(len(begun_s))
        first = self._hosts
        if 0 < len(first) <= MOST_HOSTS:
            self._to_hosts(least, to, live, begun_s, num_bytes)
        else:
            first = np.argsort(into, kind="stable")[:FIRST]
            self._improve(least, to, live, first, begun_s, num_bytes)
        rest = np.isfinite(into)
        rest[first] = False
        rest = np.flatnonzero(rest)
        if len(rest):
            out = _seconds(self.leaving, num_bytes)
            floor = np.maximum(into[rest].min(), begun_s[rest].min() + out)
            rows = live[(floor < least)[live]]
            rest = rest[np.argsort(into[rest], kind="stable")]
            counts = np.searchsorted(into[rest], least[rows])
            for some, count in _alike(counts):
                self._improve(least, to, rows[some], rest[:count], begun_s, num_bytes)
        return np.where(to == np.arange(len(to)), inf, least), to

    @cached_property
    def _hosts(self) -> Integers:
        """Places where any task may have a visit with s > 0."""
        return np.flatnonzero(self.hosts)

    def _to_hosts(
        self, least: Floats, to: Integers, live: Integers, begun_s: Floats, num_bytes: float
    ) -> None:
        """Take moves from `live` places to hosts where they are shorter."""
        latency_s, per_byte, most_bytes = self._host_moves
        seconds = per_byte[live] * num_bytes
        seconds += latency_s[live]
        seconds += begun_s[self._hosts]
        if num_bytes >= self._always_bytes:
            seconds[num_bytes >= most_bytes[live]] = inf
        _shorten(least, to, live, self._hosts, seconds)

    @cached_property
    def _host_moves(self) -> tuple[Floats, Floats, Floats]:
        """[M, hosts] each: latency, inf where nothing is moved, seconds per byte, and bytes that
        are too many."""
        pairs = np.ix_(self.node, self.node[self._hosts])
        same = self.node[:, None] == self.node[self._hosts]
        most_bytes = self._most_bytes(np.arange(len(self.node)), self._hosts)
        return np.where(same, inf, self.latency_s[pairs]), self.per_byte[pairs], most_bytes

    @cached_property
    def _always_bytes(self) -> float:
        """Fewer bytes are not too many between any two places."""
        return float(1 / max(self.rate.max() * self.slowest.max(), TINY))

    def _most_bytes(self, rows: Integers, columns: Integers) -> Floats:
        """[rows, columns]: so many bytes keep some link between two places busy all the time."""
        busy = np.maximum(self.rate[rows][:, None], self.rate[columns])
        busy = busy * self.slowest[np.ix_(self.node[rows], self.node[columns])]
        return np.asarray((1 + ROUNDING) / np.maximum(busy, TINY))

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
        if num_bytes >= self._always_bytes:
            seconds[num_bytes >= self._most_bytes(rows, columns)] = inf
        _shorten(least, to, rows, columns, seconds)


def _alike(counts: Integers) -> Iterator[tuple[Integers, int]]:
    """Groups of counts above 0 that are not too different: where they are, and the largest."""
    order = np.argsort(counts, kind="stable")
    ordered = counts[order]
    begin = int(np.searchsorted(ordered, 0, side="right"))
    while begin < len(order):
        end = int(np.searchsorted(ordered, max(ALIKE * ordered[begin], AT_LEAST), side="right"))
        yield order[begin:end], int(ordered[end - 1])
        begin = end


def _shorten(
    least: Floats, to: Integers, rows: Integers, columns: Integers, seconds: Floats
) -> None:
    """Take from `rows` to `columns` what takes less, [rows, columns]."""
    best = seconds.argmin(axis=1)
    found = seconds[np.arange(len(rows)), best]
    better = found < least[rows]
    least[rows[better]], to[rows[better]] = found[better], columns[best[better]]


def _seconds(least: Floats, num_bytes: float) -> Floats:
    """[M]: latency and bytes, inf where there is no other node."""
    return np.asarray(least[:, 0] + least[:, 1] * num_bytes)
