"""Who sends which tensor to whom, and over which links: pieces as the records of a manifest."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from splitfog.deployment.models.sessions import array_bytes
from splitfog.deployment.splitting.extraction import Whole
from splitfog.deployment.splitting.manifest import (
    RESULTS,
    ManifestLink,
    ManifestNode,
    Part,
    Tensor,
)
from splitfog.deployment.splitting.piece import Piece
from splitfog.formulations.costs.routes import routes_of
from splitfog.instances.defects import InstanceError
from splitfog.instances.instance import Instance


@dataclass(frozen=True)
class Flow:
    """A tensor that is given, sent or wanted: who makes it (None: it is given), who reads it."""

    name: str
    maker: int | None
    is_output: bool
    readers: list[int] = field(default_factory=list)


class Wiring:
    """The pieces of the only task of an instance, and what goes between them."""

    def __init__(self, instance: Instance, whole: Whole, pieces: Sequence[Piece]) -> None:
        self.instance, self.whole, self.pieces = instance, whole, pieces
        self.names = [f"{i}-{instance.nodes[p.node].name}" for i, p in enumerate(pieces)]
        self.flows = self._flows()

    @property
    def inputs(self) -> tuple[str, ...]:
        """The model's inputs that anything reads, in its order."""
        return tuple(flow.name for flow in self.flows if flow.maker is None)

    @property
    def outputs(self) -> tuple[str, ...]:
        """The model's outputs, in its order."""
        return tuple(value.name for value in self.whole.model.graph.output)

    def parts(self) -> Iterator[tuple[Part, bytes]]:
        """Every part and the bytes of its file, one after the other."""
        for position, (name, piece) in enumerate(zip(self.names, self.pieces, strict=True)):
            inputs = tuple(flow.name for flow in self.flows if position in flow.readers)
            outputs = tuple(flow.name for flow in self.flows if flow.maker == position)
            content = self.whole.file(name, piece, inputs, outputs)
            part = Part(
                name=name,
                node=self.instance.nodes[piece.node].name,
                file=re.sub(r"[^A-Za-z0-9._-]", "_", name) + ".onnx",
                sha256=hashlib.sha256(content).hexdigest(),
                layers=piece.layers,
                inputs=inputs,
                outputs=outputs,
                predicted_s=piece.seconds,
                slice=piece.slice,
            )
            yield part, content

    def tensors(self) -> tuple[Tensor, ...]:
        """Every tensor between parts, with its ways and their predicted seconds."""
        return tuple(self._tensor(flow) for flow in self.flows)

    def nodes(self, tensors: Sequence[Tensor]) -> tuple[ManifestNode, ...]:
        """The nodes that run a part or are on a way."""
        nodes = self.instance.nodes
        used = {nodes[piece.node].name for piece in self.pieces}
        used |= {name for t in tensors for route in t.routes.values() for name in route}
        return tuple(ManifestNode(x.name, x.speed_flops) for x in nodes if x.name in used)

    def links(self, tensors: Sequence[Tensor]) -> tuple[ManifestLink, ...]:
        """The directed links that any tensor crosses."""
        routes = [route for tensor in tensors for route in tensor.routes.values()]
        used = {pair for route in routes for pair in pairwise(route)}
        nodes = self.instance.nodes
        return tuple(
            ManifestLink(
                tail=nodes[link.tail].name,
                head=nodes[link.head].name,
                bandwidth_bps=link.bandwidth_bps,
                latency_s=link.latency_s,
                delay_s=link.delay_s,
            )
            for link in self.instance.directed_links
            if (nodes[link.tail].name, nodes[link.head].name) in used
        )

    def _flows(self) -> list[Flow]:
        """Inputs first, in the model's order; then by who makes them, in their order there."""
        graph = self.whole.model.graph
        outputs = {value.name for value in graph.output}
        made = {
            name: (position, number, place)
            for position, piece in enumerate(self.pieces)
            for number, operator in enumerate(piece.operators)
            for place, name in enumerate(operator.output)
        }
        given = {value.name: (-1, number, 0) for number, value in enumerate(graph.input)}
        if constant := sorted(outputs - made.keys() - given.keys()):
            raise InstanceError(
                self.whole.name, [f"output {constant[0]} is a constant, which no part makes"]
            )
        flows: dict[str, Flow] = {}

        def flow(name: str) -> Flow:
            maker = made[name][0] if name in made else None
            return flows.setdefault(name, Flow(name, maker, name in outputs))

        for position, piece in enumerate(self.pieces):
            own = {tensor.name for tensor in piece.constants}
            read = dict.fromkeys(x for node in piece.operators for x in self.whole.read(node))
            for name in read.keys() - own:
                if name not in made or made[name][0] != position:
                    flow(name).readers.append(position)
        for name in outputs:
            flow(name)
        places = {**given, **made}
        return sorted(flows.values(), key=lambda flow: places[flow.name])

    def _tensor(self, flow: Flow) -> Tensor:
        (task,) = self.instance.tasks
        index, routes = self.instance.node_index, routes_of(self.instance)
        maker = None if flow.maker is None else self.pieces[flow.maker]
        home = index[task.source or ""] if maker is None else maker.node
        ends = {self.names[reader]: self.pieces[reader].node for reader in flow.readers}
        if flow.is_output and task.results_to is not None:
            ends[RESULTS] = index[task.results_to]
        dtype, shape = self.whole.type_of(flow.name, maker)
        num_bytes = array_bytes(dtype, shape)
        return Tensor(
            name=flow.name,
            dtype=dtype,
            shape=shape,
            bytes=num_bytes,
            maker=None if flow.maker is None else self.names[flow.maker],
            to=tuple(ends),
            routes={reader: self._route(home, end) for reader, end in ends.items()},
            predicted_s={x: routes.transfer(home, end, num_bytes) for x, end in ends.items()},
            region=None if maker is None else maker.regions.get(flow.name),
        )

    def _route(self, tail: int, head: int) -> tuple[str, ...]:
        links, nodes = self.instance.directed_links, self.instance.nodes
        path = routes_of(self.instance).path(tail, head) or ()
        return (nodes[tail].name, *(nodes[links[link].head].name for link in path))
