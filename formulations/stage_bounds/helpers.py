"""Who may hold slices of a stage whose home is a place, and how far away they are."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np

from splitfog.formulations.costs.routes import routes_of
from splitfog.formulations.priced_bounds.link_prices import Tolls
from splitfog.formulations.priced_bounds.places import Places
from splitfog.formulations.stage_bounds.shared_links import SharedLinks
from splitfog.instances.arrays import Flags, Floats, Integers
from splitfog.instances.instance import Instance


@dataclass(frozen=True, eq=False)
class RoundTrips:
    """What a slice pays on its way there and back, [K, J]: once, and per byte each way."""

    once: Floats
    there: Floats
    back: Floats

    def at(self, homes: Integers) -> RoundTrips:
        """Of some of the homes."""
        return RoundTrips(self.once[homes], self.there[homes], self.back[homes])


@dataclass(frozen=True, eq=False, kw_only=True)
class Helpers:
    """Of K homes, nodes [K]: J nodes each, [K, J], with latency there and back and seconds a byte
    each way.

    The nearest first. One is the home itself, where it is a task's own, else any of the `closed`
    sources: node N, the best of them all in every figure. `start_s` is inf where there is none, or
    no route.
    `shared`: what is part of these figures on links that the ways from a home share. `tolls`: at
    prices of links, if any has one.
    """

    home: Integers
    node: Integers
    start_s: Floats
    in_s: Floats
    out_s: Floats
    serial: Flags
    closed: Integers
    shared: SharedLinks
    tolls: RoundTrips | None = None

    @classmethod
    def of(cls, instance: Instance, places: Places) -> Helpers:
        """Of all places."""
        count, homes = len(instance.nodes), places.node
        hosts, closed = np.flatnonzero(places.hosts), places.closed
        columns = np.broadcast_to(hosts, (len(homes), len(hosts)))
        last = [
            np.where(places.own, 0.0, _nearest(figures, closed)[homes]) for figures in _ways(places)
        ]
        start, there, back = (
            np.concatenate([figures[homes][:, hosts], own[:, None]], axis=1)
            for figures, own in zip(_ways(places), last, strict=True)
        )
        there, back = (np.where(np.isfinite(start), way, 0.0) for way in (there, back))
        serial = np.array([node.radio == "serial" for node in instance.nodes])[homes]
        node = np.concatenate([columns, np.where(places.own, homes, count)[:, None]], axis=1)
        nearest = np.argsort(start, axis=1, kind="stable")
        pairs = np.arange(len(homes))[:, None], nearest
        return cls(
            home=homes,
            node=node[pairs],
            start_s=start[pairs],
            in_s=there[pairs],
            out_s=back[pairs],
            serial=serial,
            closed=closed,
            shared=SharedLinks.of(routes_of(instance), homes, hosts).at(pairs),
        )

    def at(self, homes: Integers) -> Helpers:
        """Of some of the homes."""
        return Helpers(
            home=self.home[homes],
            node=self.node[homes],
            start_s=self.start_s[homes],
            in_s=self.in_s[homes],
            out_s=self.out_s[homes],
            serial=self.serial[homes],
            closed=self.closed,
            shared=self.shared.at(homes),
            tolls=None if self.tolls is None else self.tolls.at(homes),
        )

    def round_trips(self, tolls: Tolls) -> RoundTrips:
        """What is paid on the way to each; to the best closed source the least each way."""
        figures = (tolls.once + tolls.once.T, tolls.per_byte, tolls.per_byte.T)
        pairs, reached = (self.home[:, None], self.node), np.isfinite(self.start_s)
        once, there, back = (
            np.concatenate([way, _nearest(way, self.closed)[:, None]], axis=1)[pairs]
            for way in figures
        )
        once, there, back = (np.where(reached, way, 0.0) for way in (once, there, back))
        return RoundTrips(once, there, back)

    def of_nodes(self, figures: Floats) -> Floats:
        """[..., K, J] of what nodes have, [..., nodes]; the least of all closed sources."""
        return np.asarray(with_best(figures, self.closed)[..., self.node])


def with_best(figures: Floats, some: Integers) -> Floats:
    """[..., nodes + 1]: what nodes have, [..., nodes], and the least of some; inf without any."""
    least = np.min(figures[..., some], axis=-1, initial=inf)
    return np.concatenate([figures, least[..., None]], axis=-1)


def _ways(places: Places) -> tuple[Floats, Floats, Floats]:
    """[nodes, nodes] each: latency there and back, and seconds a byte there, and back."""
    start = places.latency_s + places.latency_s.T
    return start, places.per_byte, places.per_byte.T


def _nearest(figures: Floats, closed: Integers) -> Floats:
    """[nodes]: the least to another of the closed sources, inf where there is none."""
    to_closed = figures[:, closed].copy()
    to_closed[np.arange(len(figures))[:, None] == closed] = inf
    return np.asarray(to_closed.min(axis=1, initial=inf))
