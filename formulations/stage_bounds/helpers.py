"""Who may hold slices of a stage whose home is a place, and how far away they are."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np

from splitfog.formulations.bounds.places import Places
from splitfog.formulations.costs.routes import routes_of
from splitfog.formulations.stage_bounds.shared_links import SharedLinks
from splitfog.instances.arrays import Flags, Floats, Integers
from splitfog.instances.instance import Instance


@dataclass(frozen=True, eq=False, kw_only=True)
class Helpers:
    """Of K homes: J nodes each, [K, J], with latency there and back and seconds a byte each way.

    The nearest first. One is the home itself, where it is a task's own, else any of the `closed`
    sources: node N, the best of them all in every figure. `start_s` is inf where there is none, or
    no route.
    `shared`: what is part of these figures on links that the ways from a home share.
    """

    node: Integers
    start_s: Floats
    in_s: Floats
    out_s: Floats
    serial: Flags
    closed: Integers
    shared: SharedLinks

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
            node=self.node[homes],
            start_s=self.start_s[homes],
            in_s=self.in_s[homes],
            out_s=self.out_s[homes],
            serial=self.serial[homes],
            closed=self.closed,
            shared=self.shared.at(homes),
        )

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
