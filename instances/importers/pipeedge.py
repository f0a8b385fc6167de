"""PipeEdge's scheduler files: models, device types and devices (YAML).

github.com/usc-isi/PipeEdge, README_Scheduler.md. Its megabit is 2^20 bit, its megabyte 2^20 bytes,
and a transfer takes the bytes over the lesser bandwidth of both ends. It counts neither the way of
the first layer's input nor that of the result, so that the model has no input layer here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta, Struct

from splitfog.instances.defects import InstanceError
from splitfog.instances.importers.chain import made
from splitfog.instances.importers.reading import Amount, AnyName, Rate, Whole, record_of, refuse
from splitfog.instances.importers.yaml_text import read_yaml
from splitfog.instances.instance import Instance
from splitfog.instances.lookup import unknown_name
from splitfog.instances.records import Layer, Link, Model, Node, Task

REFERENCE = "scheduler files of github.com/usc-isi/PipeEdge; objective: period, contiguous line"

MEGA = 2.0**20

VALUE_BYTES = {"torch.float64": 8, "torch.float32": 4, "torch.float16": 2, "torch.bfloat16": 2}

NOMINAL_SPEED_FLOPS = 1e9
"""Never used: every layer has measured times on every type."""


class YamlModel(Struct, kw_only=True):
    """A model: bytes of layers in MB, and values that cross into the first and out of each."""

    layers: Annotated[int, Meta(ge=0, le=10_000)]
    mem_MB: list[Amount]
    parameters_in: Amount
    parameters_out: list[Amount]


class YamlProfile(Struct, kw_only=True):
    """Seconds of every layer for a batch size and a type of values."""

    batch_size: Whole
    dtype: AnyName
    time_s: list[Amount]


class YamlType(Struct, kw_only=True):
    """A type of devices."""

    bw_Mbps: Amount
    mem_MB: Amount
    model_profiles: dict[str, list[YamlProfile]] | None = None


@dataclass(frozen=True)
class Files:
    """The three files: their paths and what they hold."""

    models: tuple[Path, dict[str, YamlModel]]
    types: tuple[Path, dict[str, YamlType]]
    hosts: tuple[Path, dict[str, list[str] | None]]


def read(files: Sequence[Path], options: Mapping[str, Any]) -> Instance:
    """A model on the devices: minimise its `period` with `contiguous` "line".

    The buffers of a stage depend on its ends; a node's memory is less by those of the stage with
    the largest, so that what fits here fits there (`buffers` none: it is not).

    Parameters
    ----------
    files
        Models, device types and devices, in any order: they are told apart by what they hold.
    options
        `model`, `batch` and `dtype`, where the files have several; `buffers`, of PipeEdge.

    Raises
    ------
    InstanceError
        Naming the file and what is wrong in it.
    """
    given = _sorted(files)
    path, models = given.models
    name = _only(path, "model", options["model"], [n for n, own in models.items() if own.layers])
    model = models[name]
    _require_lengths(path, name, model)
    used = {kind: hosts for kind, hosts in given.hosts[1].items() if hosts}
    if not used:
        raise refuse(given.hosts[0], "the file", {}, "a mapping with at least one host")
    profiles = _profiles(given, used, name, model, options)
    first = next(iter(profiles.values()))
    value_bytes = float(VALUE_BYTES[first.dtype] * first.batch_size)
    reserve = _buffers(model, options["buffers"]) * value_bytes
    types = given.types[1]
    nodes = [
        Node(
            name=host,
            tier=kind,
            speed_flops=NOMINAL_SPEED_FLOPS,
            memory_bytes=max(types[kind].mem_MB * MEGA - reserve, 0.0),
        )
        for kind, hosts in used.items()
        for host in hosts
    ]
    return made(
        given.hosts[0],
        name=name,
        tiers=tuple(used),
        nodes=tuple(nodes),
        links=tuple(_links(given, nodes)),
        models=(_model(name, model, profiles, value_bytes),),
        tasks=(Task(name="microbatch", model=name, source=None),),
        meta={"reference": REFERENCE, "batch_size": first.batch_size, "dtype": first.dtype},
        routing="direct",
    )


def _sorted(files: Sequence[Path]) -> Files:
    """Which file is which."""
    found: dict[str, tuple[Path, Any]] = {}
    for file in files:
        data = read_yaml(file)
        for key in data:
            if not isinstance(key, str):
                raise refuse(file, "a key", key, "a text")
        what, kind = _form(data)
        if what in found:
            raise InstanceError(
                str(file), [f"it holds {what}, as {found[what][0]} does, must hold something else"]
            )
        found[what] = file, record_of(dict(data), kind, file)
    wanted = ("models", "device types", "devices")
    if missing := [what for what in wanted if what not in found]:
        raise ValueError(f"no file holds {missing[0]}, must be files of {', '.join(wanted)}")
    return Files(*(found[what] for what in wanted))


def _form(data: Mapping[Any, Any]) -> tuple[str, Any]:
    """What a file holds, from its entries."""
    entries = list(data.values())
    keys = {key for own in entries if isinstance(own, dict) for key in own}
    if {"bw_Mbps", "model_profiles"} & keys:
        return "device types", dict[str, YamlType]
    if any(isinstance(own, dict) for own in entries):
        return "models", dict[str, YamlModel]
    return "devices", dict[str, list[AnyName] | None]


def _only(path: Path, what: str, told: Any, known: Sequence[Any]) -> Any:
    """What an option says, or the only one that there is."""
    if told is not None:
        if told not in known:
            raise LookupError(f"option {what}: {unknown_name(str(told), map(str, known), what)}")
        return told
    if len(known) != 1:
        names = ", ".join(map(str, known)) or "none"
        raise ValueError(f"option {what} = None, must be told where {path} has not one: {names}")
    return known[0]


def _require_lengths(path: Path, name: str, model: YamlModel) -> None:
    for key in ("mem_MB", "parameters_out"):
        found = len(getattr(model, key))
        if found != model.layers:
            what = f"{name}.{key} has {found} entries, must have {model.layers} as layers says"
            raise InstanceError(str(path), [what])


def _profiles(
    given: Files,
    used: Mapping[str, Sequence[str]],
    name: str,
    model: YamlModel,
    options: Mapping[str, Any],
) -> dict[str, YamlProfile]:
    """The profile of the model on every type that has hosts, all for one batch size and type."""
    path, types = given.types
    chosen: dict[str, YamlProfile] = {}
    batch, dtype = options["batch"], options["dtype"]
    for kind in used:
        if kind not in types:
            sentence = unknown_name(kind, types, f"device type (of {path})")
            raise InstanceError(str(given.hosts[0]), [sentence])
        at = f"{kind}.model_profiles"
        own = (types[kind].model_profiles or {}).get(name)
        if not own:
            known = ", ".join(types[kind].model_profiles or {}) or "none"
            raise InstanceError(
                str(path), [f"{at} has no {name!r}, must have the model's profile; known: {known}"]
            )
        batches = list(dict.fromkeys(each.batch_size for each in own))
        batch = _only(path, "batch", batch, batches)
        dtypes = list(dict.fromkeys(each.dtype for each in own if each.batch_size == batch))
        dtype = _only(path, "dtype", dtype, dtypes)
        if dtype not in VALUE_BYTES:
            raise refuse(path, f"{at}.{name}.dtype", dtype, f"one of {', '.join(VALUE_BYTES)}")
        (profile, *more) = [e for e in own if (e.batch_size, e.dtype) == (batch, dtype)]
        if more:
            what = f"{at}.{name} has {1 + len(more)} profiles for batch size {batch} and {dtype}"
            raise InstanceError(str(path), [f"{what}, must have one"])
        if len(profile.time_s) != model.layers:
            what = f"{at}.{name}.time_s has {len(profile.time_s)} entries, must have {model.layers}"
            raise InstanceError(str(path), [f"{what} as layers of {given.models[0]} says"])
        chosen[kind] = profile
    return chosen


def _buffers(model: YamlModel, count: int | None) -> float:
    """Values in the buffers of the stage that has most: those in the queues, and those at work.

    A stage's input has `count` in queues unless it is the first's, its output as many, and each has
    one at work.
    """
    if count is None:
        return 0.0
    incoming = [model.parameters_in, *((1 + count) * own for own in model.parameters_out[:-1])]
    most = [max(incoming[: i + 1]) for i in range(model.layers)]
    return max(before + (1 + count) * own for before, own in zip(most, model.parameters_out))


def _links(given: Files, nodes: Sequence[Node]) -> Iterator[Link]:
    """Every two hosts; the less able one's bandwidth."""
    path, types = given.types
    speeds = {
        kind: record_of(types[kind].bw_Mbps, Rate, path, f"{kind}.bw_Mbps")
        for kind in dict.fromkeys(node.tier for node in nodes)
    }
    for u, v in combinations(nodes, 2):
        if u.name != v.name:
            bandwidth = min(speeds[u.tier], speeds[v.tier]) * MEGA
            yield Link(tail=u.name, head=v.name, bandwidth_bps=bandwidth)


def _model(
    name: str, model: YamlModel, profiles: Mapping[str, YamlProfile], value_bytes: float
) -> Model:
    """The chain of layers, numbered from 1 as there."""
    return Model(
        name=name,
        layers=tuple(
            [
                Layer(
                    name=f"layer{i + 1}",
                    op="other",
                    inputs=() if i == 0 else (f"layer{i}",),
                    weight_bytes=model.mem_MB[i] * MEGA,
                    output_bytes=model.parameters_out[i] * value_bytes,
                    times_s={kind: profile.time_s[i] for kind, profile in profiles.items()},
                )
                for i in range(model.layers)
            ]
        ),
    )
