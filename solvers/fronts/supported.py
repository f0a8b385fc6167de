"""The supported points of latency against bytes or memory: minimum cuts at falling prices."""

from __future__ import annotations

from collections.abc import Callable

from splitfog.formulations.arrays.nodes import limits_memory
from splitfog.formulations.arrays.task import task_arrays
from splitfog.formulations.costs.ledger import layer_time
from splitfog.formulations.decision import Decision, placed
from splitfog.formulations.fronts.criteria import Criteria, Criterion
from splitfog.formulations.parametric.parameter import Line
from splitfog.formulations.programs.forest import Forest
from splitfog.instances.changes import derived
from splitfog.instances.instance import Instance
from splitfog.instances.records import Layer, Link, Node, changed
from splitfog.solvers.base import SolverDeclined
from splitfog.solvers.exact.min_cut import least_cut, line_network
from splitfog.solvers.fronts.archive import Archive
from splitfog.solvers.parametric.envelope import OracleAnswer, lower_envelope

HIGHEST_PRICE = 1e6
"""A price at which all of the other criterion costs this many times the least latency."""

ENDLESS = 1e30
"""Seconds a byte, at which nothing else counts."""

NAME = "supported front"


def supported_front(archive: Archive) -> bool:
    """Offer a plan for every point on the lower convex hull; False where there is no plan.

    latency + price x bytes over a link (or bytes of weights on a node) is a latency with a slower
    link (or node), so one minimum cut finds the best plan at a price; Eisner and Severance's
    recursion finds the prices where it changes. With n points at most 2n - 1 cuts. Points whose
    price is above `HIGHEST_PRICE`, relative to the others, may be left out at that end.

    Raises
    ------
    SolverDeclined
        Unless the criteria are latency and one of bytes and memory, the nodes form a line of
        tiers, no node's memory is limited and, for memory, every task has a model of its own
        and every layer weights of its own.
    """
    criteria = archive.criteria
    priced = _priced(criteria)
    latency = next(i for i, c in enumerate(criteria.each) if c.kind == "latency")
    cheapest = _least(criteria, criteria.instance)
    if cheapest is None:
        return False
    values = criteria.values(cheapest)
    archive.offer(cheapest)
    dear = values[1 - latency]
    if dear == 0:
        return True

    def ask(price: float) -> OracleAnswer[Decision]:
        decision = _least(criteria, priced(price))
        assert decision is not None  # prices change no feasibility
        archive.offer(decision)
        own = criteria.values(decision)
        return OracleAnswer(Line(own[latency], own[1 - latency]), decision)

    seconds = values[latency] or ask(ENDLESS).line.alpha_s
    if seconds == 0:  # no bytes need a second: that plan is the whole front
        return True
    unit = seconds / dear
    lower_envelope(ask, unit / HIGHEST_PRICE, unit * HIGHEST_PRICE)
    return True


def _priced(criteria: Criteria) -> Callable[[float], Instance]:
    """The instance whose latency includes a price for the other criterion."""
    kinds = sorted(criterion.kind for criterion in criteria.each)
    if len(kinds) != 2 or "latency" not in kinds or not set(kinds) & {"bytes", "memory"}:
        raise SolverDeclined(NAME, "the criteria must be latency and one of bytes and memory")
    instance = criteria.instance
    if limits_memory(instance):
        raise SolverDeclined(NAME, "a cut ignores the limited memory of nodes")
    other = next(c for c in criteria.each if c.kind != "latency")
    if other.kind == "memory":
        if len({task.model for task in instance.tasks}) < len(instance.tasks):
            raise SolverDeclined(NAME, "tasks that share a model share its weights")
        if any(model.shares_weights for model in instance.models):
            raise SolverDeclined(NAME, "layers that share weights do not add theirs up")
        return lambda price: _with_priced_weights(instance, other, price)
    if Forest.of(instance) is None or len(instance.links) >= 2 * len(instance.nodes):
        raise SolverDeclined(NAME, "a price would change the routes")
    return lambda price: _with_priced_link(instance, other, price)


def _with_priced_weights(instance: Instance, criterion: Criterion, price: float) -> Instance:
    """Every layer's weights cost on the node; the mean over tasks is made up for."""
    node = instance.nodes[criterion.at]
    share = price * len(instance.tasks)
    models = tuple(
        changed(
            model,
            layers=tuple(
                layer if layer.op == "input" else _slower(instance, layer, node, share)
                for layer in model.layers
            ),
        )
        for model in instance.models
    )
    return derived(instance, models=models)


def _slower(instance: Instance, layer: Layer, node: Node, share: float) -> Layer:
    """The layer with `share` seconds more on a node for every byte of its weights.

    The other nodes of its tier keep their times, should the node's name be that of the tier.
    """
    mates = [own for own in instance.nodes if node.name == own.tier]
    times = {own.name: layer_time(layer, own) for own in mates}
    slowed = {node.name: layer_time(layer, node) + share * layer.weight_bytes}
    return changed(layer, times_s={**layer.times_s, **times, **slowed})


def _with_priced_link(instance: Instance, criterion: Criterion, price: float) -> Instance:
    """The directed link is slower: 8 / bandwidth rises by the price."""
    priced = instance.directed_links[criterion.at]
    names = (instance.nodes[priced.tail].name, instance.nodes[priced.head].name)
    seconds_per_byte = 8 / priced.bandwidth_bps + price * len(instance.tasks)
    links: list[Link] = []
    for link in instance.links:
        ends = (link.tail, link.head)
        if names not in (ends, ends[::-1] if link.duplex else ends):
            links.append(link)
            continue
        there = changed(link, tail=names[0], head=names[1], duplex=False)
        links.append(changed(there, bandwidth_bps=8 / seconds_per_byte))
        if link.duplex:
            links.append(changed(there, tail=names[1], head=names[0]))
    return derived(instance, links=tuple(links))


def _least(criteria: Criteria, instance: Instance) -> Decision | None:
    """The plan of the least latency of an instance by minimum cut, task by task."""
    placements = []
    for task in range(len(instance.tasks)):
        line, network = line_network(task_arrays(instance, task), criteria.objective)
        cut = least_cut(network)
        if cut is None:
            return None
        placements.append(line.nodes[cut.tiers])
    return placed(*placements)
