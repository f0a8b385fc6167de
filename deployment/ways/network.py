"""The instance without what is down, or with latencies as they were measured."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from splitfog.deployment.adaptation.beliefs import Place
from splitfog.instances.changes import derived, without_nodes
from splitfog.instances.instance import Instance
from splitfog.instances.records import Link, changed


def without(instance: Instance, down: Iterable[Place]) -> Instance | None:
    """The instance without nodes and directed links that are down; None: no task can run."""
    nodes = [place for place in down if isinstance(place, str)]
    gone = {place for place in down if not isinstance(place, str)}
    links = [one for link in instance.links for one in _without_directions(link, gone)]
    rest = derived(instance, links=tuple(links)) if gone else instance
    try:
        return without_nodes(rest, nodes) if nodes else rest
    except ValueError:  # a source, or who gets the results
        return None


def _without_directions(link: Link, gone: Collection[Place]) -> list[Link]:
    """What is left of a link: itself, the other direction, or nothing."""
    there, back = (link.tail, link.head) in gone, (link.head, link.tail) in gone
    if not link.duplex or there == back:
        return [] if there else [link]
    one_way = changed(link, duplex=False)
    return [changed(one_way, tail=link.head, head=link.tail) if there else one_way]


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
