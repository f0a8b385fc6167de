"""When every part runs and every tensor travels, as a manifest predicts it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from splitfog.deployment.splitting.manifest import Manifest, Tensor


@dataclass(frozen=True)
class PredictedTimeline:
    """One request, in seconds from its start.

    Attributes
    ----------
    parts : (start, end) by part.
    hops : (tensor, from, to, start, end) of every link that a tensor crosses, as they are booked.
    end_s : when the last part has ended and the last result has arrived.
    """

    parts: Mapping[str, tuple[float, float]]
    hops: tuple[tuple[str, str, str, float, float], ...]
    end_s: float


def predicted_timeline(manifest: Manifest) -> PredictedTimeline:
    """The makespan of the parts: what `predicted` sums up, overlapped as far as parts allow.

    Parts run in the manifest's order on their nodes, as soon as all their inputs are there; a link
    carries one tensor at a time. Sums differ from this where branches run at the same time, and
    where a part waits for what only its last layer needs.

    Parameters
    ----------
    manifest
        Of a split model.

    Returns
    -------
    PredictedTimeline

    Notes
    -----
    O(parts + hops).
    """
    clock = _Clock(manifest)
    for name in manifest.inputs:
        clock.send(manifest.tensor(name), 0.0)
    made: dict[str, list[Tensor]] = {}
    for tensor in manifest.tensors:
        made.setdefault(tensor.maker or "", []).append(tensor)
    for part in manifest.parts:
        ready = max((clock.arrivals[name, part.name] for name in part.inputs), default=0.0)
        start = max(ready, clock.node_free_s.get(part.node, 0.0))
        end = start + part.predicted_s
        clock.node_free_s[part.node] = end
        clock.parts[part.name] = (start, end)
        for tensor in made.get(part.name, ()):
            clock.send(tensor, end)
    ends = [end for _, end in clock.parts.values()]
    end_s = max([*ends, *clock.arrivals.values()], default=0.0)
    return PredictedTimeline(clock.parts, tuple(clock.hops), end_s)


class _Clock:
    """When every node and link is free next, and what has been booked."""

    def __init__(self, manifest: Manifest) -> None:
        self.links = {(link.tail, link.head): link for link in manifest.links}
        self.node_free_s: dict[str, float] = {}
        self.link_free_s: dict[tuple[str, str], float] = {}
        self.parts: dict[str, tuple[float, float]] = {}
        self.arrivals: dict[tuple[str, str], float] = {}
        self.hops: list[tuple[str, str, str, float, float]] = []

    def send(self, tensor: Tensor, ready_s: float) -> None:
        """Book a tensor's way to all its readers; it crosses no link twice."""
        crossed: dict[tuple[str, str], float] = {}
        for reader in tensor.to:
            at = ready_s
            for pair in pairwise(tensor.routes[reader]):
                if pair not in crossed:
                    link = self.links[pair]
                    start = max(at, self.link_free_s.get(pair, 0.0))
                    end = start + link.seconds(tensor.bytes)
                    self.link_free_s[pair] = end - link.delay_s
                    crossed[pair] = end
                    self.hops.append((tensor.name, *pair, start, end))
                at = crossed[pair]
            self.arrivals[tensor.name, reader] = at
