"""What a table's plans take by the ways round links and nodes that are down."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from splitfog.formulations.decision import Decision, placed
from splitfog.formulations.parametric.decision_plane import decision_plane
from splitfog.formulations.parametric.figure import Key
from splitfog.formulations.parametric.plan_table import CrossedLink, PlanTable
from splitfog.formulations.parametric.planes import Cell, Plane
from splitfog.instances.changes import derived, without_nodes
from splitfog.instances.instance import Instance
from splitfog.instances.records import Link, changed


def without(instance: Instance, down: Iterable[Key]) -> Instance | None:
    """The instance without nodes and directed links that are down; None: no task can run."""
    nodes = [place for place in down if isinstance(place, str)]
    gone = {place for place in down if not isinstance(place, str)}
    links = [one for link in instance.links for one in _without_directions(link, gone)]
    rest = derived(instance, links=tuple(links)) if gone else instance
    try:
        return without_nodes(rest, nodes) if nodes else rest
    except ValueError:  # a source, or who gets the results
        return None


def _without_directions(link: Link, gone: Collection[Key]) -> list[Link]:
    """What is left of a link: itself, the other direction, or nothing."""
    there, back = (link.tail, link.head) in gone, (link.head, link.tail) in gone
    if not link.duplex or there == back:
        return [] if there else [link]
    one_way = changed(link, duplex=False)
    return [changed(one_way, tail=link.head, head=link.tail) if there else one_way]


def around(table: PlanTable, instance: Instance, down: Iterable[Key]) -> PlanTable:
    """The table's plans, in their order, with the routes of what is left.

    Parameters
    ----------
    table
        Of this instance.
    instance
        Whose own figures decide routes.
    down
        Nodes and directed links.

    Returns
    -------
    PlanTable
        One cell; a plan that runs on what is down, or has no way round it, has no plane there.
        O(plans (V + E)).
    """
    rest = without(instance, down)
    links: dict[tuple[str, str], int] = {}
    found = [None if rest is None else _plane(table, rest, one, links) for one in table.placements]
    planes = tuple(plane and _padded(plane, len(links)) for plane in found)
    return changed(
        table,
        links=tuple(_crossed(instance, links)),
        cells=(Cell(planes=planes),),
        own=None,
        failures={},
        routes="keep",
    )


def _plane(
    table: PlanTable,
    rest: Instance,
    placement: Mapping[str, Mapping[str, str]],
    links: dict[tuple[str, str], int],
) -> Plane | None:
    """Of a placement, with its crossings of `links`, to which new ones are added."""
    used = {node for layers in placement.values() for node in layers.values()}
    if not used <= rest.node_index.keys():
        return None
    found = decision_plane(rest, _decision(rest, placement), table.objective, table.figures)
    if found is None:
        return None
    plane, crossed = found
    names, counts = [node.name for node in rest.nodes], dict.fromkeys(links.values(), 0.0)
    for position, count in crossed.items():
        link = rest.directed_links[position]
        at = links.setdefault((names[link.tail], names[link.head]), len(links))
        counts[at] = count / len(rest.tasks)
    return changed(plane, crossings=tuple(counts[at] for at in range(len(links))))


def _padded(plane: Plane, count: int) -> Plane:
    return changed(plane, crossings=(*plane.crossings, *[0.0] * (count - len(plane.crossings))))


def _decision(rest: Instance, placement: Mapping[str, Mapping[str, str]]) -> Decision:
    index = rest.node_index
    return placed(
        *(
            [index[placement[task.name][layer.name]] for layer in rest.model_of(task).layers]
            for task in rest.tasks
        )
    )


def _crossed(instance: Instance, links: Iterable[tuple[str, str]]) -> Iterable[CrossedLink]:
    nodes = [node.name for node in instance.nodes]
    latency = {(nodes[x.tail], nodes[x.head]): x.latency_s for x in instance.directed_links}
    duplex = {ends for x in instance.links if x.duplex for ends in _both(x)}
    for tail, head in links:
        ends = (tail, head)
        yield CrossedLink(tail=tail, head=head, latency_s=latency[ends], duplex=ends in duplex)


def _both(link: Link) -> tuple[tuple[str, str], tuple[str, str]]:
    return (link.tail, link.head), (link.head, link.tail)
