"""What each node does for a plan, and the steps that a request takes: both out of the manifest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from splitfog.deployment.splitting.manifest import RESULTS, Manifest, Part, Tensor

Hop = tuple[str, str, str]
"""Tensor, tail and head of its crossing one link."""

Step = str | Hop
"""A part, by name, or a crossing."""


@dataclass(frozen=True, kw_only=True)
class NodeProgram:
    """What one node does for a plan.

    Attributes
    ----------
    tensors : all of the plan, by name.
    parts : those it runs, in the manifest's order.
    inputs : the model's inputs that are born here.
    expected : what may come here, by name.
    tails : by the name of what may come here, who sends it; None: the driver.
    hops : by the name of a tensor, the nodes that it goes to from here.
    results : the model's outputs that are here in the end.
    """

    tensors: Mapping[str, Tensor]
    parts: tuple[Part, ...]
    inputs: frozenset[str]
    expected: Mapping[str, Tensor]
    tails: Mapping[str, str | None]
    hops: Mapping[str, tuple[str, ...]]
    results: frozenset[str]

    @cached_property
    def readers(self) -> Mapping[str, tuple[int, ...]]:
        """By the name of a tensor, the positions in `parts` of those that read it."""
        found: dict[str, tuple[int, ...]] = {}
        for position, part in enumerate(self.parts):
            for name in part.inputs:
                found[name] = (*found.get(name, ()), position)
        return found

    @property
    def unread(self) -> tuple[int, ...]:
        """Positions in `parts` of those that read nothing."""
        return tuple(at for at, part in enumerate(self.parts) if not part.inputs)


@dataclass(frozen=True)
class Program:
    """A plan as its processes see it."""

    manifest: Manifest

    @cached_property
    def tensors(self) -> Mapping[str, Tensor]:
        """By name."""
        return {tensor.name: tensor for tensor in self.manifest.tensors}

    @cached_property
    def node_of(self) -> Mapping[str, str]:
        """The node of every part."""
        return {part.name: part.node for part in self.manifest.parts}

    @cached_property
    def born_at(self) -> Mapping[str, str]:
        """By the name of a tensor, the node that makes it or is given it; no unread inputs."""
        places = {}
        for tensor in self.manifest.tensors:
            if tensor.maker is not None:
                places[tensor.name] = self.node_of[tensor.maker]
            elif tensor.routes:
                places[tensor.name] = next(iter(tensor.routes.values()))[0]
        return places

    @cached_property
    def ends_at(self) -> Mapping[str, str]:
        """By the name of an output, the node that it is at in the end; no unread inputs."""
        return {
            name: self.tensors[name].routes.get(RESULTS, (self.born_at[name],))[-1]
            for name in self.manifest.outputs
            if name in self.born_at
        }

    @cached_property
    def hops(self) -> Mapping[str, tuple[Hop, ...]]:
        """By the name of a tensor, the links that it crosses, each once, nearer ones first."""
        return {tensor.name: tuple(_hops(tensor)) for tensor in self.manifest.tensors}

    @cached_property
    def nodes(self) -> Mapping[str, NodeProgram]:
        """What every node does, by name."""
        return {node.name: self._node(node.name) for node in self.manifest.nodes}

    @cached_property
    def driver(self) -> NodeProgram:
        """What the driver does: it is sent the outputs."""
        return NodeProgram(
            tensors=self.tensors,
            parts=(),
            inputs=frozenset(),
            expected={name: self.tensors[name] for name in self.ends_at},
            tails=self.ends_at,
            hops={},
            results=frozenset(),
        )

    @cached_property
    def steps(self) -> frozenset[Step]:
        """All that has to happen for a request: parts by name, and crossings."""
        crossings = [hop for hops in self.hops.values() for hop in hops]
        return frozenset([*self.node_of, *crossings])

    def _node(self, name: str) -> NodeProgram:
        inputs = {i for i in self.manifest.inputs if self.born_at.get(i) == name}
        crossings = [hop for hops in self.hops.values() for hop in hops]
        arriving = {tensor: tail for tensor, tail, head in crossings if head == name}
        tails: dict[str, str | None] = {**dict.fromkeys(sorted(inputs)), **arriving}
        hops: dict[str, tuple[str, ...]] = {}
        for tensor, tail, head in crossings:
            if tail == name:
                hops[tensor] = (*hops.get(tensor, ()), head)
        return NodeProgram(
            tensors=self.tensors,
            parts=tuple(part for part in self.manifest.parts if part.node == name),
            inputs=frozenset(inputs),
            expected={tensor: self.tensors[tensor] for tensor in tails},
            tails=tails,
            hops=hops,
            results=frozenset(o for o, place in self.ends_at.items() if place == name),
        )


def nodes_of(step: Step, program: Program) -> tuple[str, ...]:
    """The nodes that a step needs."""
    return (program.node_of[step],) if isinstance(step, str) else step[1:]


def said(step: Step, program: Program) -> str:
    """A step in words."""
    if isinstance(step, str):
        return f"part {step} on {program.node_of[step]}"
    return f"tensor {step[0]} from {step[1]} to {step[2]}"


def blocked(program: Program, done: AbstractSet[Step]) -> list[Step]:
    """Of the steps that are not done, those that could be: what they need is there."""

    def is_there(tensor: str, node: str) -> bool:
        if program.born_at[tensor] == node:
            maker = program.tensors[tensor].maker
            return maker is None or maker in done
        return any((tensor, tail, node) in done for tail in program.nodes)

    parts = [
        part.name
        for part in program.manifest.parts
        if part.name not in done and all(is_there(name, part.node) for name in part.inputs)
    ]
    crossings = [
        hop
        for hops in program.hops.values()
        for hop in hops
        if hop not in done and is_there(hop[0], hop[1])
    ]
    return [*parts, *crossings]


def _hops(tensor: Tensor) -> Iterator[Hop]:
    """The links of all routes, each once: a tensor goes once over a link that several share."""
    tails: dict[str, str] = {}
    for route in tensor.routes.values():
        for tail, head in pairwise(route):
            if head not in tails:
                tails[head] = tail
                yield tensor.name, tail, head
            elif tails[head] != tail:
                raise ValueError(
                    f"tensor {tensor.name} reaches {head} from {tails[head]} and from {tail}, "
                    "must reach a node in one way"
                )
