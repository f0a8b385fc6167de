"""What is predicted of a plan where some links are faster or slower than it was made for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from msgspec.structs import replace

from splitfog.deployment.runtime.program import Hop, Program
from splitfog.deployment.splitting.manifest import Manifest, ManifestLink, Tensor

Bandwidths = Mapping[tuple[str, str], float]
"""Bit/s by (tail, head)."""


def with_bandwidths(manifest: Manifest, bandwidths: Bandwidths) -> Manifest:
    """A plan's manifest with other bandwidths, and what it then predicts; its routes stay.

    `latency_s` changes by what its tensors take longer on the way; of a plan with slices, whose
    transfers overlap in stages, only the parts' own timeline is known then, and it is None.
    """
    old = {(link.tail, link.head): link for link in manifest.links}
    new = {
        pair: replace(link, bandwidth_bps=bandwidths.get(pair, link.bandwidth_bps))
        for pair, link in old.items()
    }
    if new == old:
        return manifest
    changed = replace(
        manifest,
        links=tuple(new.values()),
        tensors=tuple(_rerouted(tensor, new) for tensor in manifest.tensors),
    )
    hops = [hop for hops in Program(manifest).hops.values() for hop in hops]
    later_s = sum(_seconds(manifest, new, hop) - _seconds(manifest, old, hop) for hop in hops)
    sliced = any(part.slice is not None for part in manifest.parts)
    before_s = manifest.predicted.latency_s
    latency_s = None if sliced or before_s is None else before_s + later_s
    period_s = None if manifest.predicted.period_s is None else busiest_s(changed)
    return replace(
        changed, predicted=replace(manifest.predicted, latency_s=latency_s, period_s=period_s)
    )


def busiest_s(manifest: Manifest) -> float:
    """The longest that one request occupies a node or a link: the period of the parts."""
    busy: dict[object, float] = defaultdict(float)
    for part in manifest.parts:
        busy[part.node] += part.predicted_s
    for pair, seconds in link_seconds(manifest).items():
        busy[pair] += seconds
    return max(busy.values(), default=0.0)


def link_seconds(manifest: Manifest) -> dict[tuple[str, str], float]:
    """Seconds that one request occupies every link that it crosses, latency included."""
    links = {(link.tail, link.head): link for link in manifest.links}
    found: dict[tuple[str, str], float] = defaultdict(float)
    for hop in (hop for hops in Program(manifest).hops.values() for hop in hops):
        link = links[hop[1], hop[2]]
        found[hop[1], hop[2]] += _seconds(manifest, links, hop) - link.delay_s
    return dict(found)


def _seconds(manifest: Manifest, links: Mapping[tuple[str, str], ManifestLink], hop: Hop) -> float:
    return links[hop[1], hop[2]].seconds(manifest.tensor(hop[0]).bytes)


def _rerouted(tensor: Tensor, links: Mapping[tuple[str, str], ManifestLink]) -> Tensor:
    from itertools import pairwise

    predicted = {
        reader: sum(links[pair].seconds(tensor.bytes) for pair in pairwise(route))
        for reader, route in tensor.routes.items()
    }
    return replace(tensor, predicted_s=predicted)
