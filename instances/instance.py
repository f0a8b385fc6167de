"""The instance, a checked problem, and what a file of it says (docs/instance-file.md)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache, cached_property
from typing import Annotated, Any, Literal, TypeVar

import msgspec
import numpy as np
from msgspec import Meta, Struct
from msgspec import field as renamed
from numpy.typing import NDArray

from splitfog.instances.arguments import as_tuple, text
from splitfog.instances.arrays import frozen
from splitfog.instances.defects import InstanceError, instance_defects
from splitfog.instances.json_files import encode
from splitfog.instances.kept import Keeper
from splitfog.instances.overview import instance_html, instance_line
from splitfog.instances.read_only import ReadOnly, read_only
from splitfog.instances.records import (
    DirectedLink,
    Link,
    Model,
    Name,
    Node,
    PerPass,
    Routing,
    Task,
    changed,
)

FORMAT: Literal["splitfog/instance"] = "splitfog/instance"
VERSION: Literal[1] = 1

RELAY: Routing = "relay"

Record = TypeVar("Record", bound=Struct)


class InstanceFile(Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """The top level of an instance file.

    Attributes
    ----------
    name
        For readers.
    tiers
        From the data's end to the cloud.
    nodes, links
        What computes, and what carries data between two of these.
    models, tasks
        Networks, and who asks for them, where and how often.
    routing
        Whether data may pass through other nodes.
    meta
        Free: where the instance comes from, a known optimum.
    schema
        For editors; ignored, and never written.
    """

    format: Literal["splitfog/instance"]
    version: Literal[1]
    name: Name
    tiers: Annotated[tuple[Name, ...], Meta(min_length=1)]
    nodes: Annotated[tuple[Node, ...], Meta(min_length=1)]
    links: tuple[Link, ...]
    models: Annotated[tuple[Model, ...], Meta(min_length=1)]
    tasks: Annotated[tuple[Task, ...], Meta(min_length=1)]
    routing: Routing = RELAY
    meta: Mapping[str, Any] = {}
    schema: Any = renamed(name="$schema", default=None)


@dataclass(frozen=True)
class Instance(Keeper):
    """A checked problem: nodes, links, models and the tasks to place.

    Attributes
    ----------
    name
        For readers.
    tiers
        From the data's end to the cloud.
    nodes, links, models, tasks
        In the file's order; positions in arrays refer to it.
    meta
        Free: where the instance comes from, a known optimum.
    routing : "relay" or "direct"
        Whether data may pass through other nodes, on the fastest way, or pairs without a link of
        their own exchange none.

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
    routing: Routing = field(default=RELAY, kw_only=True)
    read_sha256: str | None = field(default=None, init=False, repr=False, compare=False)
    read_file: str | None = field(default=None, init=False, repr=False, compare=False)
    """Where it was read from, as the path was given; None: made in memory."""

    def __post_init__(self) -> None:
        for name in ("tiers", "nodes", "links", "models", "tasks"):
            object.__setattr__(self, name, as_tuple(getattr(self, name)))
        object.__setattr__(self, "meta", read_only(self.meta))
        given = {each.name: getattr(self, each.name) for each in fields(self) if each.init}
        if defects := instance_defects(**given):
            raise InstanceError(str(self.name) or "instance", defects)

    def __repr__(self) -> str:
        return instance_line(self)

    def _repr_html_(self) -> str:
        return instance_html(self)

    @cached_property
    def sha256(self) -> str:
        """Hash of the decompressed bytes read, or of what saving this instance writes."""
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
            there = DirectedLink(
                tail=tail,
                head=head,
                bandwidth_bps=link.bandwidth_bps,
                latency_s=link.latency_s,
                shared=link.shared,
                delay_s=link.delay_s,
            )
            directed.append(there)
            if link.duplex:
                directed.append(changed(there, tail=head, head=tail))
        return tuple(directed)

    def model_of(self, task: Task) -> Model:
        """The model a task runs.

        Parameters
        ----------
        task
            One of the instance's.

        Returns
        -------
        Model
        """
        return self.models[self.model_index[task.model]]

    def without_node(self, name: str) -> Instance:
        """The same without a node: no link, no `times_s` and no place in `tiers` names it then.

        A layer that may only run there may run nowhere then.

        Parameters
        ----------
        name
            Of the node.

        Returns
        -------
        Instance
            A new one, checked, without `meta`.

        Raises
        ------
        LookupError
            For a name that no node has.
        ValueError
            Where a task's source or `results_to` would go, or no node would be left.
        """
        from splitfog.instances.changes import without_nodes

        return without_nodes(self, (name,))

    def with_times(
        self, times_s: Mapping[str, Mapping[str, PerPass]], model: str | None = None
    ) -> Instance:
        """The same with measured times of some layers; what is not named stays as it is.

        Parameters
        ----------
        times_s
            {layer: {node or tier: seconds}}, or a list of seconds, one for each pass.
        model
            The layers' model; None: the only one.

        Returns
        -------
        Instance
            A new one, checked, without `meta`.

        Raises
        ------
        LookupError
            For a model, a layer, a node or tier that is unknown.
        ValueError
            Where `model` is None and there are several.
        InstanceError
            For times that no file may hold.
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
        """The same with other fields of a link, or with a new link.

        A duplex link changes both ways unless `directions` is "forward": then it becomes a link for
        each way. A new one is duplex unless "forward" or there is one back.

        Parameters
        ----------
        tail, head
            Nodes by name.
        directions : "both" or "forward"
        **fields
            `bandwidth_bps`, `latency_s`, `delay_s`, ... as in `Link`.

        Returns
        -------
        Instance
            A new one, checked, without `meta`.

        Raises
        ------
        LookupError
            For nodes that are unknown.
        InstanceError
            For what no file may hold.
        """
        from splitfog.instances.changes import with_link

        return with_link(self, tail, head, directions, fields)

    def with_node(self, name: str, **fields: Any) -> Instance:
        """The same with other fields of a node, or with a new node.

        Parameters
        ----------
        name
            Of the node.
        **fields
            `speed_flops`, `quota`, ... as in `Node`; a new one needs `tier` and `speed_flops`.

        Returns
        -------
        Instance
            A new one, checked, without `meta`.

        Raises
        ------
        InstanceError
            For what no file may hold.
        """
        from splitfog.instances.changes import with_node

        return with_node(self, name, fields)

    def with_task(self, name: str, **fields: Any) -> Instance:
        """The same with other fields of a task.

        Parameters
        ----------
        name
            A task's.
        **fields
            `deadline_s`, `arrivals_per_s`, `source`, `results_to`, ...: those of a task of a file.

        Returns
        -------
        Instance
            A new one, checked, without `meta`.

        Raises
        ------
        LookupError
            For a name that no task has.
        InstanceError
            For what no file may hold.
        """
        from splitfog.instances.changes import with_tasks

        return with_tasks(self, {text("name", name, "a task's name"): fields})


def encode_instance(instance: Instance) -> bytes:
    """What saving an instance writes (before compression): of equal instances the same."""
    file = InstanceFile(
        format=FORMAT,
        version=VERSION,
        name=instance.name,
        tiers=instance.tiers,
        nodes=_usual(instance.nodes),
        links=_usual(instance.links),
        models=tuple(changed(model, layers=_usual(model.layers)) for model in instance.models),
        tasks=instance.tasks,
        routing=RELAY if instance.routing == RELAY else instance.routing,  # left out by identity
        meta=dict(instance.meta),  # a plain one is not written where it is empty
    )
    return encode(file)


def _usual(records: tuple[Record, ...]) -> tuple[Record, ...]:
    """Records in which what equals a default is that default, which alone is left out of files.

    (msgspec goes by identity, and a copy from another process holds other zeros.)
    """
    if not records:
        return records
    defaults = _defaults(type(records[0]))
    return tuple(_with_defaults(record, defaults) for record in records)


@cache
def _defaults(kind: type[msgspec.Struct]) -> tuple[tuple[str, Any], ...]:
    """Names and defaults of a kind of record, of those that a copy may hold as another object."""
    return tuple(
        (field.name, field.default)
        for field in msgspec.structs.fields(kind)
        if isinstance(field.default, float | str | tuple)
    )


def _with_defaults(record: Record, defaults: tuple[tuple[str, Any], ...]) -> Record:
    usual: dict[str, Any] = {}
    for name, default in defaults:
        value = getattr(record, name)
        if value is not default and value == default:
            usual[name] = default
    window = getattr(record, "window", None)
    if window is not None:
        (usual["window"],) = _usual((window,))
    return changed(record, **usual) if usual else record
