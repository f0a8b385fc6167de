"""What an instance is made of: frozen types for models, nodes, links and tasks.

The fields are those of the instance file (docs/instance-file.md), in SI base units; the annotations
carry the allowed range of every number, and `defects` reports whatever breaks one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Literal, TypeVar, cast, overload

import numpy as np
from msgspec import Meta, Struct, structs
from msgspec import field as renamed
from msgspec.structs import force_setattr
from numpy.typing import NDArray

from splitfog.instances.arguments import SCALARS, plain
from splitfog.instances.arrays import frozen
from splitfog.instances.order import topological
from splitfog.instances.read_only import EMPTY, ReadOnly
from splitfog.instances.readable import counted, in_flop, printable, scaled

Name = Annotated[str, Meta(min_length=1)]
NonNegative = Annotated[float, Meta(ge=0)]
Positive = Annotated[float, Meta(gt=0)]
Count = Annotated[int, Meta(ge=1)]
Size = Annotated[int, Meta(ge=0)]
PerPass = NonNegative | Annotated[tuple[NonNegative, ...], Meta(min_length=1)]
"""One number for every pass of the model, or a list of them, one a pass."""
PerPassOrNone = NonNegative | Annotated[tuple[NonNegative | None, ...], Meta(min_length=1)]
"""The same; None in a list: the layer does not run in that pass."""

Op = Literal[
    "input", "conv", "linear", "matmul", "attention", "max-pool", "average-pool", "global-pool",
    "norm", "activation", "add", "multiply", "concat", "flatten", "softmax", "embedding",
    "identity", "other",
]  # fmt: skip

Routing = Literal["relay", "direct"]

PRODUCT_OPS = ("conv", "linear", "matmul", "attention")

Record = TypeVar("Record")


@overload
def figure_in(figure: PerPass, position: int | None) -> float: ...
@overload
def figure_in(figure: PerPassOrNone, position: int | None) -> float | None: ...
def figure_in(figure: PerPassOrNone, position: int | None) -> float | None:
    """What a figure of a layer is in a pass of the model.

    Parameters
    ----------
    figure
        A number for all passes, or a list with one for each.
    position
        Of the pass; None: of the only one.

    Returns
    -------
    float or None
        None: the layer does not run.

    Raises
    ------
    ValueError
        Where there are several passes and none is meant.
    """
    if not isinstance(figure, tuple):
        return figure
    if position is not None:
        return figure[position]
    (only,) = figure
    return only


def changed(record: Record, /, **fields: Any) -> Record:
    """The same record, a struct or a dataclass, with other values of some fields.

    Raises
    ------
    TypeError
        For a field that it does not have.
    """
    if isinstance(record, Struct):
        return structs.replace(record, **fields)
    copy: Record = dataclasses.replace(cast("Any", record), **fields)
    return copy


_LISTS = (tuple, list, np.ndarray, np.generic)
"""Types of field values that may have to be made plain: the others are so, or are wrong."""


def _settle(record: Struct) -> None:
    """Make what a new record holds plain: Python's numbers, and tuples for lists and arrays."""
    for position, value in enumerate(structs.astuple(record)):
        kind = type(value)
        if kind in SCALARS or (kind is tuple and SCALARS.issuperset(map(type, value))):
            continue  # nearly all: every record of a file passes here
        if isinstance(value, _LISTS):
            settled = plain(value)
            if settled is not value:
                force_setattr(record, record.__struct_fields__[position], settled)


class Window(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """The sliding window of a convolution or pooling layer, rows before columns.

    Attributes
    ----------
    kernel, stride, dilation
        [rows, columns], in elements.
    padding
        [top, left, bottom, right], the ONNX order.
    groups
        Into which a convolution's channels are divided.
    ceil
        Round the output size up.
    count_padding
        Let an average divide by the padded window's full size.
    """

    kernel: tuple[Count, Count]
    stride: tuple[Count, Count] = (1, 1)
    padding: tuple[Size, Size, Size, Size] = (0, 0, 0, 0)
    dilation: tuple[Count, Count] = (1, 1)
    groups: Count = 1
    ceil: bool = False
    count_padding: bool = False

    def __post_init__(self) -> None:
        _settle(self)


class Layer(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """One operator: its work, its weights and its one output tensor.

    Attributes
    ----------
    name
        Unique in its model.
    op
        One of `Op`.
    output_bytes
        Size of the output tensor; None in a list of passes: the layer does not run in that one.
    inputs
        Names of the layers whose tensors it reads; one may stand twice.
    flops
        Work of one execution, in FLOP.
    traffic_bytes
        What one execution reads and writes in its node's memory.
    weight_bytes
        Size of the weights.
    state_bytes
        Memory that every task takes beside the weights: a key-value cache.
    weights
        Layers of a model with the same name here share their weights: a node holds them once.
        None: weights of its own.
    output_shape
        Of the output tensor without the batch, [C, H, W] for images; None: not known.
    window
        Of a convolution or pooling layer; None: it may not be sliced.
    times_s
        Measured seconds by the name of a node or tier, in place of `flops` / speed.
    tiers
        The tiers or nodes where it may run; None: anywhere.
    group
        Layers of one group share a node; None: free.
    result
        Whether its tensor is a result although layers read it.

    `flops`, `traffic_bytes`, `output_bytes` and each value of `times_s` are lists where the passes
    of the model differ in them.
    """

    name: Name
    op: Op
    output_bytes: PerPassOrNone
    inputs: tuple[str, ...] = ()
    flops: PerPass = 0.0
    traffic_bytes: PerPass = 0.0
    weight_bytes: NonNegative = 0.0
    state_bytes: NonNegative = 0.0
    weights: Name | None = None
    output_shape: tuple[Count, ...] | None = None
    window: Window | None = None
    times_s: Mapping[str, PerPass] = EMPTY
    tiers: tuple[str, ...] | None = None
    group: str | None = None
    result: bool = False

    def __post_init__(self) -> None:
        _settle(self)
        times_s = self.times_s
        if times_s is EMPTY or (type(times_s) is ReadOnly and times_s):
            return
        if type(times_s) is dict or isinstance(times_s, Mapping):  # the second test takes longer
            settled = {place: plain(seconds) for place, seconds in times_s.items()}
            force_setattr(self, "times_s", ReadOnly(settled) if settled else EMPTY)

    def may_run_on(self, node: Node) -> bool:
        """Whether `tiers` admits a node, by its name or its tier's.

        Parameters
        ----------
        node
            Any of the instance's.

        Returns
        -------
        bool
        """
        return self.tiers is None or node.name in self.tiers or node.tier in self.tiers


class Pass(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """An execution of a model that every request makes: of a language model prefill, decode.

    Attributes
    ----------
    name
        Unique in its model.
    count
        How often a request makes it.
    """

    name: Name
    count: Count = 1

    def __post_init__(self) -> None:
        _settle(self)


class Model(
    Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True, dict=True
):
    """A DNN as a DAG of layers, in any order; arrays on it use file positions.

    Attributes
    ----------
    name
        Unique in its instance.
    layers
        In the file's order.
    passes
        What a request executes, one after another; None: the model once.
    stage_rates
        By node or tier, executions per second of a node that holds 1, 2, ... consecutive layers.
    """

    name: Name
    layers: Annotated[tuple[Layer, ...], Meta(min_length=1)]
    passes: Annotated[tuple[Pass, ...], Meta(min_length=1)] | None = None
    stage_rates: Mapping[str, tuple[NonNegative, ...]] = EMPTY

    def __post_init__(self) -> None:
        _settle(self)
        rates = self.stage_rates
        if (
            rates is not EMPTY
            and not (type(rates) is ReadOnly and rates)
            and isinstance(rates, Mapping)
        ):
            settled = {place: plain(own) for place, own in rates.items()}
            force_setattr(self, "stage_rates", ReadOnly(settled) if settled else EMPTY)

    def __repr__(self) -> str:
        """`<Model alexnet: 23 layers, 61.1 M parameters, 1.43 GFLOP>`."""
        layers = counted(len(self.layers), "layer")
        weights = f"{scaled(self.parameters, '').strip()} parameters"
        work = in_flop(sum(self.flops.tolist()))
        return f"<Model {printable(self.name)}: {layers}, {weights}, {work}>"

    @property
    def parameters(self) -> int:
        """Weights counted as float32: a quarter of all `weight_bytes`, shared ones once."""
        owners = np.unique(self.weight_owner)
        return round(sum(self.layers[int(owner)].weight_bytes for owner in owners) / 4)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of a request: half the FLOP of conv, linear, matmul, attention."""
        work: list[float] = self.flops.tolist()
        pairs = zip(self.layers, work, strict=True)
        return round(sum(flops for layer, flops in pairs if layer.op in PRODUCT_OPS) / 2)

    @cached_property
    def counts(self) -> tuple[int, ...]:
        """How often a request makes every pass; (1,) without `passes`."""
        return (1,) if self.passes is None else tuple([one.count for one in self.passes])

    @cached_property
    def runs(self) -> NDArray[np.bool_]:
        """[passes, layers]: whether the layer runs in the pass."""
        sizes = [layer.output_bytes for layer in self.layers]
        return frozen(
            np.array(
                [[figure_in(size, at) is not None for size in sizes] for at in self._positions],
                bool,
            )
        )

    @cached_property
    def sends(self) -> NDArray[np.float64]:
        """[layers]: how often a request makes the layer run, and its tensor leave."""
        return frozen(np.array(self.counts, np.float64) @ self.runs)

    @cached_property
    def flops(self) -> NDArray[np.float64]:
        """[layers]: FLOP of a request."""
        return self._of_request([layer.flops for layer in self.layers])

    @cached_property
    def traffic_bytes(self) -> NDArray[np.float64]:
        """[layers]: what a request reads and writes in the memory of the layer's node."""
        return self._of_request([layer.traffic_bytes for layer in self.layers])

    @cached_property
    def state_bytes(self) -> NDArray[np.float64]:
        """[layers]: state that a task keeps."""
        return frozen(np.array([layer.state_bytes for layer in self.layers], np.float64))

    @cached_property
    def output_bytes(self) -> NDArray[np.float64]:
        """[layers]: bytes that every tensor has in a request, all passes together."""
        return self._of_request([layer.output_bytes for layer in self.layers])

    def _of_request(self, figures: list[PerPassOrNone]) -> NDArray[np.float64]:
        """[layers]: a figure of every layer, summed over what a request executes."""
        if self.passes is None:
            return frozen(np.array(figures, np.float64))
        each = [[figure_in(own, at) or 0.0 for own in figures] for at in self._positions]
        return frozen(np.array(self.counts, np.float64) @ (np.array(each) * self.runs))

    @property
    def _positions(self) -> range:
        return range(len(self.counts))

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
    """A computer.

    Attributes
    ----------
    name
        Unique in its instance.
    tier
        One of the instance's.
    speed_flops
        FLOP per second.
    overhead_s
        Seconds added to every layer.
    memory_bytes_per_s
        How fast its memory is read and written; None: it holds no layer up.
    memory_bytes
        Room for weights and state; None: no limit.
    quota
        Visits from other nodes that it serves at most; None: no limit.
    overlap
        Whether it computes while it sends and receives.
    radio : "parallel" or "serial"
        Whether the transfers of a stage go at the same time or one after another.
    """

    name: Name
    tier: str
    speed_flops: Positive
    overhead_s: NonNegative = 0.0
    memory_bytes_per_s: Positive | None = None
    memory_bytes: NonNegative | None = None
    quota: Size | None = None
    overlap: bool = True
    radio: Literal["parallel", "serial"] = "parallel"

    def __post_init__(self) -> None:
        _settle(self)


class Link(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """A connection between two nodes.

    Attributes
    ----------
    tail, head
        The nodes, `from` and `to` in files.
    bandwidth_bps
        Bits per second.
    latency_s
        Seconds before the first bit arrives; they occupy the link.
    delay_s
        Further seconds of every crossing, in which the link is free for others.
    duplex
        Whether it also exists backwards, as a link of its own with the same figures.
    shared
        Whether its transfers go one after another in `makespan`.
    """

    tail: str = renamed(name="from")
    head: str = renamed(name="to")
    bandwidth_bps: Positive
    latency_s: NonNegative = 0.0
    delay_s: NonNegative = 0.0
    duplex: bool = True
    shared: bool = False

    def __post_init__(self) -> None:
        _settle(self)

    @property
    def lag_s(self) -> float:
        """Seconds that a crossing takes whatever its bytes: `latency_s` and `delay_s`."""
        return self.latency_s + self.delay_s


class Task(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """A request, or a Poisson stream of them, to run a model on data.

    Attributes
    ----------
    name
        Unique in its instance.
    model
        Name of the model.
    source
        The node where the data are born; None only for a model without an input layer.
    results_to
        The node that the results go to; None: they stay where they are made.
    arrivals_per_s
        Rate of the stream; None: a single request.
    deadline_s
        Seconds; reported as met or missed, not enforced.
    """

    name: Name
    model: str
    source: str | None
    results_to: str | None = None
    arrivals_per_s: Positive | None = None
    deadline_s: NonNegative | None = None

    def __post_init__(self) -> None:
        _settle(self)


@dataclass(frozen=True, kw_only=True)
class DirectedLink:
    """One direction of a link, with node positions at its ends."""

    tail: int
    head: int
    bandwidth_bps: float
    latency_s: float
    shared: bool
    delay_s: float = 0.0

    @property
    def lag_s(self) -> float:
        """Seconds that a crossing takes whatever its bytes: `latency_s` and `delay_s`."""
        return self.latency_s + self.delay_s

    def seconds(self, num_bytes: float, sends: float = 1) -> float:
        """Seconds until `num_bytes` have crossed, in so many transfers one after another."""
        return sends * self.lag_s + 8 * num_bytes / self.bandwidth_bps

    def busy_seconds(self, num_bytes: float, sends: float = 1) -> float:
        """Seconds that `num_bytes` occupy the link: all but `delay_s`."""
        return sends * self.latency_s + 8 * num_bytes / self.bandwidth_bps
