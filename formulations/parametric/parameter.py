"""One figure of an instance that varies: a link's bandwidth or a node's speed, and the cost in it.

For a fixed decision, and as long as no route changes, `latency` is a line alpha + beta / value:
a bandwidth divides the bits that cross its link, a speed the FLOP done on its node.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import fsum, inf

from splitfog.formulations.costs.ledger import hops, request_time
from splitfog.formulations.decision import Decision
from splitfog.formulations.objective import Objective
from splitfog.instances.instance import Instance
from splitfog.instances.lookup import unknown_name
from splitfog.instances.records import Layer, Node, changed


@dataclass(frozen=True)
class Line:
    """`alpha_s + beta / value` seconds, a mean over tasks; beta in bits or FLOP."""

    alpha_s: float
    beta: float

    def at(self, reciprocal: float) -> float:
        """Seconds at 1 / value."""
        return self.alpha_s + self.beta * reciprocal


@dataclass(frozen=True)
class LinkBandwidth:
    """The bandwidth of the link that leads from `tail` to `head`, in bit/s.

    Both directions of a duplex link change together.
    """

    tail: str
    head: str

    unit = "bit/s"

    @property
    def name(self) -> str:
        """For readers."""
        return f"bandwidth of {self.tail} -> {self.head}"

    def check(self, instance: Instance) -> None:
        """Raise `LookupError` for an unknown node and where the two nodes have no link."""
        for node in (self.tail, self.head):
            if node not in instance.node_index:
                raise LookupError(unknown_name(node, instance.node_index, "node"))
        self._position(instance)

    def value(self, instance: Instance) -> float:
        """What the instance says."""
        return instance.links[self._position(instance)].bandwidth_bps

    def at(self, instance: Instance, value: float) -> Instance:
        """The instance with another bandwidth."""
        at = self._position(instance)
        link = changed(instance.links[at], bandwidth_bps=float(value))
        return changed(instance, links=(*instance.links[:at], link, *instance.links[at + 1 :]))

    def links(self, instance: Instance) -> frozenset[int]:
        """Positions of the directed links that change."""
        link = instance.links[self._position(instance)]
        ends = {(instance.node_index[link.tail], instance.node_index[link.head])}
        if link.duplex:
            ends |= {(head, tail) for tail, head in ends}
        directed = enumerate(instance.directed_links)
        return frozenset(at for at, link in directed if (link.tail, link.head) in ends)

    def _position(self, instance: Instance) -> int:
        ends = (self.tail, self.head)
        for position, link in enumerate(instance.links):
            if (link.tail, link.head) == ends or (link.duplex and (link.head, link.tail) == ends):
                return position
        known = ", ".join(
            f"{instance.nodes[d.tail].name},{instance.nodes[d.head].name}"
            for d in instance.directed_links
        )
        raise LookupError(f"no link {self.tail},{self.head}; links: {known or 'none'}")


@dataclass(frozen=True)
class NodeSpeed:
    """The speed of a node, in FLOP/s; measured `times_s` there do not depend on it."""

    node: str

    unit = "FLOP/s"

    @property
    def name(self) -> str:
        """For readers."""
        return f"speed of {self.node}"

    def check(self, instance: Instance) -> None:
        """Raise `LookupError` for an unknown node, `ValueError` where memory holds it up."""
        if self.node not in instance.node_index:
            raise LookupError(unknown_name(self.node, instance.node_index, "node"))
        node = instance.nodes[instance.node_index[self.node]]
        layers = [layer for model in instance.models for layer in model.layers]
        if node.memory_bytes_per_s is not None and any(layer.traffic_bytes for layer in layers):
            raise ValueError(
                f"node {self.node} has memory_bytes_per_s = {node.memory_bytes_per_s!r}, must be "
                "null for layers with traffic_bytes: their time is not linear in 1 / speed"
            )

    def value(self, instance: Instance) -> float:
        """What the instance says."""
        return instance.nodes[instance.node_index[self.node]].speed_flops

    def at(self, instance: Instance, value: float) -> Instance:
        """The instance with another speed."""
        at = instance.node_index[self.node]
        node = changed(instance.nodes[at], speed_flops=float(value))
        return changed(instance, nodes=(*instance.nodes[:at], node, *instance.nodes[at + 1 :]))

    def links(self, _: Instance) -> frozenset[int]:
        """No link changes."""
        return frozenset()


Parameter = LinkBandwidth | NodeSpeed


def latency_line(
    instance: Instance, decision: Decision, objective: Objective, parameter: Parameter
) -> Line:
    """The line of an unsliced decision's `latency`, by the hops and layers of the reference cost.

    The coefficients are sums of the instance's own figures, rounded once (`fsum`), not a fit
    through two evaluations. Both infinite where a route is missing. O(V + E).
    """
    if any(task.stages for task in decision.tasks):
        raise ValueError("a sliced stage's time is not linear in a bandwidth or a speed")
    fixed: list[float] = []
    scaled: list[float] = []
    swept = parameter.links(instance)
    node = parameter.node if isinstance(parameter, NodeSpeed) else None
    for task, answer in zip(instance.tasks, decision.tasks, strict=True):
        model = instance.model_of(task)
        sends, sizes = model.sends.tolist(), model.output_bytes.tolist()
        for row, place in enumerate(answer.placement.tolist()):
            layer, at = model.layers[row], instance.nodes[place]
            if at.name == node and is_computed(layer, at):
                fixed.append(float(model.sends[row]) * at.overhead_s)
                scaled.append(float(model.flops[row]))
            else:
                fixed.append(request_time(model, row, at))
        for position, hop in hops(instance, task, answer, objective.transfers):
            if hop is None:
                return Line(inf, inf)
            link, num_bytes = instance.directed_links[hop], sizes[position]
            if hop in swept:
                fixed.append(link.seconds(0.0, sends[position]))
                scaled.append(8 * num_bytes)
            else:
                fixed.append(link.seconds(num_bytes, sends[position]))
    return Line(fsum(fixed) / len(instance.tasks), fsum(scaled) / len(instance.tasks))


def is_computed(layer: Layer, node: Node) -> bool:
    """Whether a layer's time on a node follows from its FLOP."""
    measured = node.name in layer.times_s or node.tier in layer.times_s
    return layer.op != "input" and not measured
