"""The instance with latencies as they were measured."""

from __future__ import annotations

from collections.abc import Mapping

from splitfog.deployment.adaptation.beliefs import Place
from splitfog.instances.changes import derived
from splitfog.instances.instance import Instance
from splitfog.instances.records import Link, changed


def with_latencies(instance: Instance, seconds: Mapping[Place, float]) -> Instance:
    """The instance with other latencies of directed links."""
    links: list[Link] = []
    for link in instance.links:
        there = seconds.get((link.tail, link.head), link.latency_s)
        back = seconds.get((link.head, link.tail), link.latency_s)
        if not link.duplex or there == back:
            links.append(changed(link, latency_s=there))
            continue
        forward = changed(link, latency_s=there, duplex=False)
        links += [forward, changed(forward, tail=link.head, head=link.tail, latency_s=back)]
    return derived(instance, links=tuple(links))
