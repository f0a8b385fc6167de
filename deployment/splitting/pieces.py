"""What the parts of a plan hold, who sends what to whom, and how long it is said to take."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from splitfog.deployment.models.mapping import Mapped, mapped
from splitfog.deployment.models.sessions import ELEMENT_NAMES, array_bytes
from splitfog.deployment.splitting.extraction import Whole
from splitfog.deployment.splitting.manifest import (
    RESULTS,
    ManifestLink,
    ManifestNode,
    Part,
    PartSlice,
    Predicted,
    Tensor,
)
from splitfog.deployment.splitting.part_order import fewest_parts
from splitfog.formulations.costs.ledger import layer_time
from splitfog.formulations.costs.reference import decision_cost
from splitfog.formulations.costs.routes import routes_of
from splitfog.formulations.decision import Decision, TaskDecision
from splitfog.formulations.objective import Objective
from splitfog.instances.defects import InstanceError
from splitfog.instances.instance import Instance


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A part before it has a file: operators of one node, in their order.

    Attributes
    ----------
    node : position in the instance.
    layers : their names.
    operators : `NodeProto`s.
    seconds : predicted, of one run.
    constants : initialisers that only this part has.
    slice : which slice it is.
    """

    node: int
    layers: tuple[str, ...]
    operators: Sequence[Any]
    seconds: float
    constants: Sequence[Any] = ()
    slice: PartSlice | None = None


@dataclass(frozen=True)
class Flow:
    """A tensor between parts: who makes it (None: the model is given it) and who reads it."""

    name: str
    maker: int | None
    readers: list[int] = field(default_factory=list)
    is_output: bool = False


class Job:
    """One task's model and plan on the way to parts."""

    def __init__(self, instance: Instance, decision: TaskDecision, content: bytes) -> None:
        import onnx

        self.instance, self.decision = instance, decision
        (self.task,) = instance.tasks
        self.model = instance.model_of(self.task)
        self.whole = Whole(onnx.load_from_string(content))
        self.mapped = self._mapped()
        self.types: dict[str, Any] = {}
        self.regions: dict[str, tuple[int, int, int, int]] = {}
        self.pieces, self.fewest = self._pieces()
        self.names = [f"{i}-{instance.nodes[p.node].name}" for i, p in enumerate(self.pieces)]
        self.flows = self._flows()

    def parts(self) -> Iterator[tuple[Part, bytes]]:
        """Every part and its file's bytes, one after the other."""
        for position, piece in enumerate(self.pieces):
            inputs = [f.name for f in self._read_by(position)]
            outputs = [f.name for f in self.flows if f.maker == position]
            content = self.whole.part(
                self.names[position],
                piece.operators,
                inputs,
                outputs,
                constants=piece.constants,
                types=self.types,
            )
            part = Part(
                name=self.names[position],
                node=self.instance.nodes[piece.node].name,
                file=re.sub(r"[^A-Za-z0-9._-]", "_", self.names[position]) + ".onnx",
                sha256=hashlib.sha256(content).hexdigest(),
                layers=piece.layers,
                inputs=tuple(inputs),
                outputs=tuple(outputs),
                predicted_s=piece.seconds,
                slice=piece.slice,
            )
            yield part, content

    def description(self) -> dict[str, Any]:
        """What the manifest says beside the parts."""
        graph = self.whole.model.graph
        tensors = tuple(self._tensor(flow) for flow in self.flows)
        known = {tensor.name for tensor in tensors}
        return {
            "inputs": tuple(value.name for value in graph.input if value.name in known),
            "outputs": tuple(value.name for value in graph.output),
            "predicted": self._predicted(),
            "nodes": self._nodes(tensors),
            "links": self._links(tensors),
            "tensors": tensors,
        }

    def _mapped(self) -> Mapped:
        found = mapped(self.whole.model, self.model.name, self.instance.tiers)
        ours, theirs = set(self.model.index), set(found.model.index)
        if strange := sorted(ours ^ theirs):
            raise InstanceError(
                self.instance.name,
                [f"layer {strange[0]} is in only one of the instance and its canonical model"],
            )
        return found

    def _pieces(self) -> tuple[list[Piece], bool]:
        graph = self.whole.model.graph
        layers = list(self.mapped.node_of)  # one for every operator, in the graph's order
        maker = {out: i for i, x in enumerate(layers) for out in self._operator(x).output if out}
        reads = [
            sorted({maker[t] for t in self.whole.read(self._operator(x)) if t in maker})
            for x in layers
        ]
        machines = [int(self.decision.placement[self.model.index[layer]]) for layer in layers]
        order = fewest_parts(reads, machines)
        identities = self._identities()
        pieces = []
        for node, own in order.parts:
            names = [layers[i] for i in own]
            held = tuple(name for layer in names for name in (layer, *identities.get(layer, ())))
            pieces.append(
                Piece(
                    node=node,
                    layers=held,
                    operators=[graph.node[self.mapped.node_of[layer]] for layer in names],
                    seconds=self._seconds(held, node),
                )
            )
        return pieces, order.fewest

    def _operator(self, layer: str) -> Any:
        return self.whole.model.graph.node[self.mapped.node_of[layer]]

    def _identities(self) -> Mapping[str, list[str]]:
        """The layers that stand for the outputs of an operator with several, by the operator's."""
        found: dict[str, list[str]] = {}
        for layer in self.mapped.model.layers:
            if layer.op != "input" and layer.name not in self.mapped.node_of:
                found.setdefault(layer.inputs[0], []).append(layer.name)
        return found

    def _seconds(self, layers: Sequence[str], node: int) -> float:
        host = self.instance.nodes[node]
        return sum(layer_time(self.model.layers[self.model.index[name]], host) for name in layers)

    def _flows(self) -> list[Flow]:
        """Every tensor between parts, given or wanted: inputs first, then by who makes them."""
        graph = self.whole.model.graph
        made = {
            out: (position, number, place)
            for position, piece in enumerate(self.pieces)
            for number, operator in enumerate(piece.operators)
            for place, out in enumerate(operator.output)
            if out
        }
        given = {value.name: number for number, value in enumerate(graph.input)}
        wanted = {value.name for value in graph.output}
        flows: dict[str, Flow] = {}

        def flow(name: str) -> Flow:
            maker = made[name][0] if name in made else None
            return flows.setdefault(name, Flow(name, maker, is_output=name in wanted))

        for position, piece in enumerate(self.pieces):
            own = {tensor.name for tensor in piece.constants}
            for operator in piece.operators:
                for name in self.whole.read(operator):
                    if name in own or made.get(name, (None,))[0] == position:
                        continue
                    readers = flow(name).readers
                    if position not in readers:
                        readers.append(position)
        for value in graph.output:
            if value.name not in made and value.name not in given:
                raise InstanceError(
                    self.model.name, [f"output {value.name} is a constant, which no part makes"]
                )
            flow(value.name)
        return sorted(flows.values(), key=lambda f: made.get(f.name, (-1, given.get(f.name, 0), 0)))

    def _read_by(self, position: int) -> list[Flow]:
        return [flow for flow in self.flows if position in flow.readers]

    def _tensor(self, flow: Flow) -> Tensor:
        dtype, shape = self._type(flow.name)
        num_bytes = array_bytes(dtype, shape)
        routes = routes_of(self.instance)
        home = self._home(flow)
        ends = {self.names[reader]: self.pieces[reader].node for reader in flow.readers}
        if flow.is_output and self.task.results_to is not None:
            ends[RESULTS] = self.instance.node_index[self.task.results_to]
        return Tensor(
            name=flow.name,
            dtype=dtype,
            shape=shape,
            bytes=num_bytes,
            maker=None if flow.maker is None else self.names[flow.maker],
            to=tuple(ends),
            routes={reader: self._route(home, end) for reader, end in ends.items()},
            predicted_s={
                reader: routes.transfer(home, end, num_bytes) for reader, end in ends.items()
            },
            region=self.regions.get(flow.name),
        )

    def _type(self, name: str) -> tuple[str, tuple[int, ...]]:
        """Type and shape of a tensor, as it is sent."""
        shape: tuple[int, ...] | None
        if name in self.types:
            tensor_type = self.types[name].type.tensor_type
            shape = tuple(dim.dim_value for dim in tensor_type.shape.dim)
        else:
            tensor_type = self.whole.types[name].type.tensor_type
            shape = self.mapped.shapes.get(name)
        if tensor_type.elem_type not in ELEMENT_NAMES or shape is None:
            raise InstanceError(
                self.model.name, [f"tensor {name} is no array of numbers and cannot be sent"]
            )
        return ELEMENT_NAMES[tensor_type.elem_type], shape

    def _home(self, flow: Flow) -> int:
        if flow.maker is not None:
            return self.pieces[flow.maker].node
        return self.instance.node_index[self.task.source or ""]

    def _route(self, tail: int, head: int) -> tuple[str, ...]:
        links, nodes = self.instance.directed_links, self.instance.nodes
        path = routes_of(self.instance).path(tail, head) or ()
        return (nodes[tail].name, *(nodes[links[link].head].name for link in path))

    def _predicted(self) -> Predicted:
        """Of this task alone, each tensor sent once."""
        decision = Decision((self.decision,))
        latency = decision_cost(self.instance, decision, Objective("latency", monotone=False))
        if self.decision.stages:
            return Predicted(float(latency), None)
        period = decision_cost(self.instance, decision, Objective("period", monotone=False))
        return Predicted(float(latency), float(period))

    def _nodes(self, tensors: Sequence[Tensor]) -> tuple[ManifestNode, ...]:
        used = {self.instance.nodes[piece.node].name for piece in self.pieces}
        used |= {node for t in tensors for route in t.routes.values() for node in route}
        return tuple(
            ManifestNode(node.name, node.speed_flops)
            for node in self.instance.nodes
            if node.name in used
        )

    def _links(self, tensors: Sequence[Tensor]) -> tuple[ManifestLink, ...]:
        routes = [route for tensor in tensors for route in tensor.routes.values()]
        used = {pair for route in routes for pair in pairwise(route)}
        nodes = self.instance.nodes
        return tuple(
            ManifestLink(
                tail=nodes[link.tail].name,
                head=nodes[link.head].name,
                bandwidth_bps=link.bandwidth_bps,
                latency_s=link.latency_s,
            )
            for link in self.instance.directed_links
            if (nodes[link.tail].name, nodes[link.head].name) in used
        )
