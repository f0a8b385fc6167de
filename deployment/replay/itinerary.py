"""What a request does by a placement: runs of layers on nodes, and tensors sent after them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

from splitfog.formulations.costs.ledger import destinations, layer_time
from splitfog.formulations.decision import TaskDecision
from splitfog.instances.instance import Instance
from splitfog.instances.kept import Keeper


@dataclass(frozen=True)
class Leg:
    """A run of layers on a node, then the tensor that its last layer sends.

    Attributes
    ----------
    node
        Where.
    seconds
        Of all its layers at load 1; 0: only a tensor is sent, nothing is worked on.
    bits
        Of the tensor.
    leaves
        The nodes that it goes to; none: the run ends since the next is elsewhere.
    """

    node: int
    seconds: float
    bits: float = 0.0
    leaves: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Held:
    """A tensor that lies on a node from the leg that brings it there until its last reader's."""

    node: int
    first: int
    last: int


@dataclass(frozen=True, eq=False)
class Itinerary(Keeper):
    """The legs of a request of one task by a placement, in the file's order made topological.

    A run is broken where a tensor leaves a node or the next layer is elsewhere. A layer of zero
    seconds, as input layers are, needs no node: it neither makes nor breaks a run.

    Attributes
    ----------
    legs
    source
        Where the task's data are born; None: nowhere.
    nodes
        All that it works on or sends from or to, but for relays.
    """

    instance: Instance
    task: int
    decision: TaskDecision

    def __post_init__(self) -> None:
        if self.decision.stages:
            raise ValueError("the plan has sliced stages, must have none for a replay")

    @property
    def source(self) -> int | None:
        """Position of the node where the data are born."""
        name = self.instance.tasks[self.task].source
        return None if name is None else self.instance.node_index[name]

    @cached_property
    def legs(self) -> tuple[Leg, ...]:
        """All legs, in order. O(V + E)."""
        return tuple(leg for leg, _ in self._runs())

    @cached_property
    def nodes(self) -> frozenset[int]:
        """All nodes of its legs, the source, and those that tensors go to."""
        places = {leg.node for leg in self.legs}.union(*(leg.leaves for leg in self.legs))
        return frozenset(places if self.source is None else {*places, self.source})

    @cached_property
    def resting(self) -> tuple[frozenset[int], ...]:
        """Nodes where tensors of earlier legs lie for later ones, during each leg."""
        return self._of_legs(lambda held, leg: held.first < leg < held.last)

    @cached_property
    def brought(self) -> tuple[frozenset[int], ...]:
        """Nodes where each leg puts tensors that later legs read."""
        return self._of_legs(lambda held, leg: held.first == leg)

    def _of_legs(self, lies: Callable[[Held, int], bool]) -> tuple[frozenset[int], ...]:
        return tuple(
            frozenset(held.node for held in self._held if lies(held, leg))
            for leg in range(len(self.legs))
        )

    @cached_property
    def _held(self) -> tuple[Held, ...]:
        """The tensors that wait on a node for a later leg there.

        Those of input layers lie at the source from before the first leg (-1) on, until they are
        sent.
        """
        model = self.instance.model_of(self.instance.tasks[self.task])
        leg_of = dict.fromkeys(range(len(model.layers)), len(self.legs))
        leg_of |= {layer: i for i, (_, layers) in enumerate(self._runs()) for layer in layers}
        places = self.decision.placement.tolist()
        held = []
        for layer, home in enumerate(places):
            is_input = model.layers[layer].op == "input"
            made = -1 if is_input else leg_of[layer]
            last = {home: leg_of[layer]} if is_input else {}
            for reader in model.reads[layer]:
                last[places[reader]] = max(leg_of[reader], last.get(places[reader], -1))
            for node, leg in last.items():
                held.append(Held(node, made if node == home else leg_of[layer], leg))
        return tuple(tensor for tensor in held if tensor.last > tensor.first)

    def _runs(self) -> Iterator[tuple[Leg, list[int]]]:
        """Every leg and its layers; layers of zero seconds count to the leg that is next to end."""
        task = self.instance.tasks[self.task]
        model, places = self.instance.model_of(task), self.decision.placement.tolist()
        node, seconds = -1, 0.0
        layers: list[int] = []
        for layer in model.order.tolist():
            home = places[layer]
            spent = layer_time(model.layers[layer], self.instance.nodes[home])
            leaves = {*destinations(self.instance, task, self.decision, layer)} - {home}
            if seconds > 0 and node != home and (spent > 0 or leaves):
                yield Leg(node, seconds), layers
                seconds, layers = 0.0, []
            if spent > 0:
                node, seconds = home, seconds + spent
            layers.append(layer)
            if leaves:
                bits = 8 * float(model.output_bytes[layer])
                yield Leg(home, seconds, bits, frozenset(leaves)), layers
                seconds, layers = 0.0, []
        if seconds > 0:
            yield Leg(node, seconds), layers
