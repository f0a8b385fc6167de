"""What an instance is: frozen types for models, nodes, links and tasks.

The fields are those of the instance file (SPEC section 2), in SI base units; the annotations
carry the allowed range of every number, and `defects` reports whatever breaks one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any, Literal

import numpy as np
from msgspec import Meta, Struct
from msgspec import field as renamed
from msgspec.structs import force_setattr
from numpy.typing import NDArray

from splitfog.instances.kept import Keeper
from splitfog.instances.order import topological
from splitfog.instances.overview import instance_html, instance_line, model_line
from splitfog.instances.read_only import EMPTY, ReadOnly, read_only

Name = Annotated[str, Meta(min_length=1)]
NonNegative = Annotated[float, Meta(ge=0)]
Positive = Annotated[float, Meta(gt=0)]
Count = Annotated[int, Meta(ge=1)]
Size = Annotated[int, Meta(ge=0)]

Op = Literal[
    "input", "conv", "linear", "matmul", "attention", "max-pool", "average-pool", "global-pool",
    "norm", "activation", "add", "multiply", "concat", "flatten", "softmax", "embedding",
    "identity", "other",
]  # fmt: skip

PRODUCT_OPS = ("conv", "linear", "matmul", "attention")


class Window(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """The sliding window of a convolution or pooling layer, rows before columns.

    `padding` is [top, left, bottom, right], the ONNX order; `ceil` rounds the output size up;
    `count_padding` lets an average divide by the padded window's full size.
    """

    kernel: tuple[Count, Count]
    stride: tuple[Count, Count] = (1, 1)
    padding: tuple[Size, Size, Size, Size] = (0, 0, 0, 0)
    dilation: tuple[Count, Count] = (1, 1)
    groups: Count = 1
    ceil: bool = False
    count_padding: bool = False


class Layer(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """One operator: its work, its weights and its one output tensor.

    `times_s` maps a node's or tier's name to a measured time; `tiers` lists the tiers or nodes
    where the layer may run (None: anywhere); layers of one `group` share a node. Layers of a model
    with the same `weights` share these: a node holds them once (None: weights of its own).
    """

    name: Name
    op: Op
    output_bytes: NonNegative
    inputs: tuple[str, ...] = ()
    flops: NonNegative = 0.0
    weight_bytes: NonNegative = 0.0
    weights: Name | None = None
    output_shape: tuple[Count, ...] | None = None
    window: Window | None = None
    times_s: Mapping[str, NonNegative] = EMPTY
    tiers: tuple[str, ...] | None = None
    group: str | None = None
    result: bool = False

    def __post_init__(self) -> None:
        times_s = self.times_s
        if times_s is EMPTY or (type(times_s) is ReadOnly and times_s):
            return
        if type(times_s) is dict or isinstance(times_s, Mapping):  # the second test takes longer
            force_setattr(self, "times_s", ReadOnly(times_s) if times_s else EMPTY)

    def may_run_on(self, node: Node) -> bool:
        """Whether `tiers` admits a node, by its name or its tier's."""
        return self.tiers is None or node.name in self.tiers or node.tier in self.tiers


class Model(
    Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True, dict=True
):
    """A DNN as a DAG of layers, in any order; the arrays below use file positions."""

    name: Name
    layers: Annotated[tuple[Layer, ...], Meta(min_length=1)]

    def __repr__(self) -> str:
        return model_line(self)

    @property
    def parameters(self) -> int:
        """Weights counted as float32: a quarter of all `weight_bytes`, shared ones once."""
        owners = np.unique(self.weight_owner)
        return round(sum(self.layers[int(owner)].weight_bytes for owner in owners) / 4)

    @property
    def macs(self) -> int:
        """Multiply-accumulates: half the `flops` of conv, linear, matmul and attention layers."""
        return round(sum(layer.flops for layer in self.layers if layer.op in PRODUCT_OPS) / 2)

    @cached_property
    def index(self) -> Mapping[str, int]:
        """Position in the file of every layer, by name."""
        return ReadOnly({layer.name: position for position, layer in enumerate(self.layers)})

    @cached_property
    def weight_owner(self) -> NDArray[np.int64]:
        """[layers]: the first layer with the same weights; the layer itself if none shares them."""
        owner: dict[str, int] = {}
        return frozen(
            np.array(
                [
                    position if layer.weights is None else owner.setdefault(layer.weights, position)
                    for position, layer in enumerate(self.layers)
                ],
                np.int64,
            )
        )

    @cached_property
    def groups(self) -> Mapping[str, tuple[int, ...]]:
        """Positions of the layers of every group, by its name."""
        members: dict[str, list[int]] = {}
        for position, layer in enumerate(self.layers):
            if layer.group is not None:
                members.setdefault(layer.group, []).append(position)
        return ReadOnly({name: tuple(group) for name, group in members.items()})

    @property
    def shares_weights(self) -> bool:
        """Whether some layers share weights."""
        return bool((self.weight_owner != np.arange(len(self.layers))).any())

    @cached_property
    def inputs(self) -> tuple[tuple[int, ...], ...]:
        """Input positions of every layer, as the file lists them (repeats kept)."""
        index = self.index
        return tuple(tuple([index[name] for name in layer.inputs]) for layer in self.layers)

    @cached_property
    def edges(self) -> NDArray[np.int64]:
        """[edges, 2] of (producer, consumer), by consumer; an input named twice is two edges."""
        heads = np.repeat(np.arange(len(self.layers)), [len(tails) for tails in self.inputs])
        tails = np.fromiter((t for tails in self.inputs for t in tails), np.int64, len(heads))
        return frozen(np.stack([tails, heads], axis=1))

    @cached_property
    def reads(self) -> tuple[tuple[int, ...], ...]:
        """Consumers of every layer's tensor, one entry an edge, ascending."""
        reads: list[list[int]] = [[] for _ in self.layers]
        for head, tails in enumerate(self.inputs):
            for tail in tails:
                reads[tail].append(head)
        return tuple(map(tuple, reads))

    @cached_property
    def consumers(self) -> tuple[tuple[int, ...], ...]:
        """Distinct consumers of every layer's tensor, ascending."""
        return tuple(tuple(dict.fromkeys(heads)) for heads in self.reads)

    @cached_property
    def results(self) -> NDArray[np.bool_]:
        """[layers]: whether the tensor is a result (no consumers, or marked `result`)."""
        marked = np.fromiter((layer.result for layer in self.layers), bool, len(self.layers))
        read = np.zeros(len(self.layers), bool)
        read[self.edges[:, 0]] = True
        return frozen(marked | ~read)

    @cached_property
    def order(self) -> NDArray[np.int64]:
        """The file's order made topological; shorter than `layers` iff there is a cycle.

        Repeatedly the first layer in the file whose inputs are all taken. O(E + L log L).
        """
        edges = self.edges
        if bool(np.all(edges[:, 0] < edges[:, 1])):
            return frozen(np.arange(len(self.layers)))
        return frozen(np.array(list(topological(self.consumers)), np.int64))


class Node(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """A computer. `memory_bytes`, `quota` None: no limit; `overlap`: it computes while sending."""

    name: Name
    tier: str
    speed_flops: Positive
    overhead_s: NonNegative = 0.0
    memory_bytes: NonNegative | None = None
    quota: Size | None = None
    overlap: bool = True
    radio: Literal["parallel", "serial"] = "parallel"


class Link(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """A connection from `tail` to `head` (`from` and `to` in files), also backwards if `duplex`."""

    tail: str = renamed(name="from")
    head: str = renamed(name="to")
    bandwidth_bps: Positive
    latency_s: NonNegative = 0.0
    duplex: bool = True
    shared: bool = False


class Task(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """A request, or a Poisson stream of them, to run `model` on data born at node `source`."""

    name: Name
    model: str
    source: str | None
    results_to: str | None = None
    arrivals_per_s: Positive | None = None
    deadline_s: NonNegative | None = None


@dataclass(frozen=True)
class DirectedLink:
    """One direction of a link, with node positions at its ends."""

    tail: int
    head: int
    bandwidth_bps: float
    latency_s: float
    shared: bool

    def seconds(self, num_bytes: float) -> float:
        """Seconds that `num_bytes` take to cross."""
        return self.latency_s + 8 * num_bytes / self.bandwidth_bps


@dataclass(frozen=True)
class Instance(Keeper):
    """A checked problem: nodes, links, models and the tasks to place.

    Raises
    ------
    InstanceError
        On construction, listing every defect with its path, value and what is allowed.
    """

    name: str
    tiers: tuple[str, ...]
    nodes: tuple[Node, ...]
    links: tuple[Link, ...]
    models: tuple[Model, ...]
    tasks: tuple[Task, ...]
    meta: Mapping[str, Any] = field(default_factory=ReadOnly)
    read_sha256: str | None = field(default=None, init=False, repr=False, compare=False)
    read_file: str | None = field(default=None, init=False, repr=False, compare=False)
    """Where it was read from, as the path was given; None: made in memory."""

    def __post_init__(self) -> None:
        from splitfog.instances.defects import require_sound

        for name in ("tiers", "nodes", "links", "models", "tasks"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        object.__setattr__(self, "meta", read_only(self.meta))
        require_sound(self)

    def __repr__(self) -> str:
        return instance_line(self)

    def _repr_html_(self) -> str:
        return instance_html(self)

    @cached_property
    def sha256(self) -> str:
        """Hash of the decompressed bytes read, or of what saving this instance writes."""
        import hashlib

        from splitfog.instances.files import encode_instance

        if self.read_sha256 is not None:
            return self.read_sha256
        return hashlib.sha256(encode_instance(self)).hexdigest()

    @cached_property
    def node_index(self) -> Mapping[str, int]:
        """Position of every node, by name."""
        return ReadOnly({node.name: position for position, node in enumerate(self.nodes)})

    @cached_property
    def node_rank(self) -> NDArray[np.int64]:
        """[nodes]: rank of every node's tier, 0 nearest the data."""
        ranks = {tier: rank for rank, tier in enumerate(self.tiers)}
        return frozen(np.array([ranks[node.tier] for node in self.nodes], np.int64))

    @cached_property
    def model_index(self) -> Mapping[str, int]:
        """Position of every model, by name."""
        return ReadOnly({model.name: position for position, model in enumerate(self.models)})

    @cached_property
    def directed_links(self) -> tuple[DirectedLink, ...]:
        """Every direction of every link: file order, forwards before backwards."""
        directed = []
        for link in self.links:
            tail, head = self.node_index[link.tail], self.node_index[link.head]
            figures = (link.bandwidth_bps, link.latency_s, link.shared)
            directed.append(DirectedLink(tail, head, *figures))
            if link.duplex:
                directed.append(DirectedLink(head, tail, *figures))
        return tuple(directed)

    def model_of(self, task: Task) -> Model:
        """The model a task runs."""
        return self.models[self.model_index[task.model]]

    def without_node(self, name: str) -> Instance:
        """The same without a node: no link, no `times_s` and no place in `tiers` names it then.

        A layer that may only run there may run nowhere then. Refused (`ValueError`) where a
        task's source or `results_to` would go.
        """
        from splitfog.instances.changes import without_nodes

        return without_nodes(self, (name,))

    def with_times(
        self, times_s: Mapping[str, Mapping[str, float]], model: str | None = None
    ) -> Instance:
        """The same with measured seconds of layers on nodes or tiers, `{layer: {place: seconds}}`.

        `model` None: the only one. What is not named stays as it is; `meta` goes. Refused for names
        that are unknown (`LookupError`) and for times that no file may hold (`InstanceError`).
        """
        from splitfog.instances.changes import with_times

        return with_times(self, times_s, model)

    def with_link(
        self,
        tail: str,
        head: str,
        *,
        directions: Literal["both", "forward"] = "both",
        **fields: Any,
    ) -> Instance:
        """The same with other fields of a link (`bandwidth_bps`, `latency_s`, ...), or a new link.

        A duplex link changes both ways unless `directions` is "forward": then it becomes a link for
        each way. A new one is duplex unless "forward" or there is one back. `meta` goes. Refused
        for nodes that are unknown (`LookupError`) and for what no file may hold (`InstanceError`).
        """
        from splitfog.instances.changes import with_link

        return with_link(self, tail, head, directions, fields)

    def with_node(self, name: str, **fields: Any) -> Instance:
        """The same with other fields of a node (`speed_flops`, `quota`, ...), or a new node.

        A new one needs `tier` and `speed_flops`. `meta` goes. Refused for what no file may hold
        (`InstanceError`).
        """
        from splitfog.instances.changes import with_node

        return with_node(self, name, fields)


def frozen(array: NDArray[Any]) -> NDArray[Any]:
    """The same array, made read-only."""
    array.flags.writeable = False
    return array
