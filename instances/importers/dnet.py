"""Profiles of distilp, which dnet plans with: a model's file and one for each device.

github.com/firstbatchxyz/distilp, `DeviceProfile` and `ModelProfileSplit`: figures of layers are
lists of L + 1, of which the first, of the embedding, is zero. Both generations of keys are read:
`b`, `b_o`, `f_q` with the phases inside, and `b_layers`, `b_o_layers`, `f_q_layers`, whose phases
may also hold the whole profile. `b_o` is the tensor between blocks, not the head: embedding and
head are counted from `V` and `e_embed`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta, Struct

from splitfog.instances.defects import InstanceError
from splitfog.instances.importers.chain import (
    ACTIVATION_BYTES,
    NO_BANDWIDTH_BPS,
    TIER,
    Step,
    chain,
    one_way_each,
    served,
)
from splitfog.instances.importers.reading import (
    Amount,
    AnyName,
    Blocks,
    Rate,
    Whole,
    read_json,
    record_of,
    refuse,
)
from splitfog.instances.instance import Instance
from splitfog.instances.records import Link, Model, Node

REFERENCE = "profiles of github.com/firstbatchxyz/distilp"

BITS = {
    "Q4_K": 4.25, "Q5_K": 5.25, "Q6_K": 6.25, "Q8_0": 8.25, "F16": 16.0, "BF16": 16.0, "F32": 32.0,
}  # fmt: skip
"""Of a weight, with a scale of 16 bits for every 64 quantised ones, as the profiles count."""

PHASES = ("prefill", "decode")

Table = dict[str, dict[str, Amount]]


class Device(Struct, kw_only=True):
    """What is read of a device: FLOP/s by quantization and batch, bytes/s, seconds, bytes."""

    name: AnyName
    is_head: bool = False
    has_metal: bool = True
    has_cuda: bool = True
    scpu: Table
    T_cpu: Amount
    d_avail_ram: Amount
    t_comm: Amount
    sgpu_metal: Table | None = None
    T_metal: Amount | None = None
    d_avail_metal: Amount | None = None
    sgpu_cuda: Table | None = None
    T_cuda: Amount | None = None
    d_avail_cuda: Amount | None = None


class Shape(Struct, kw_only=True):
    """What is read of a model beside the figures of its layers."""

    L: Blocks
    hk: Amount
    ek: Amount
    hv: Amount
    ev: Amount
    n_kv: Amount
    e_embed: Whole
    V: Whole
    seq_len: Amount = 0
    quantization: str


Figures = Annotated[list[Amount], Meta(min_length=1)]


@dataclass(frozen=True, kw_only=True)
class Phase:
    """Bytes of weights, bytes of tensors and FLOP of every layer but the embedding."""

    weights: Sequence[float]
    tensors: Sequence[float]
    flops: Sequence[float]


def read(files: Sequence[Path], options: Mapping[str, Any]) -> Instance:
    """The request of a profile on its devices.

    Speeds and memory are those of the device's GPU, where it has one, for the model's quantization;
    the head is the first that says so, else the first. A link into a device takes its `t_comm`,
    whatever the bytes (unless `bandwidth_bps` is told).

    Parameters
    ----------
    files
        The model's and the devices', in any order.
    options
        `new_tokens`, `batch`, `bandwidth_bps`.

    Raises
    ------
    InstanceError
        Naming the file and what is wrong in it.
    """
    data = {file: read_json(file) for file in files}
    models = [file for file in data if _is_model(data[file])]
    if len(models) != 1:
        found = ", ".join(map(str, models)) or "none"
        raise ValueError(
            f"one of the files must be a model's profile (with L or e_embed), but {found} is"
        )
    (path,) = models
    profile = _Profile(path, data.pop(path), options["batch"])
    model = profile.model(options["new_tokens"])
    devices = {file: record_of(own, Device, file) for file, own in data.items()}
    heads = [file for file in devices if devices[file].is_head]
    order = sorted(devices, key=lambda file: file not in heads[:1])
    nodes = [_node(file, devices[file], profile) for file in order]
    owner: dict[str, Path] = {}
    for file in order:
        if (first := owner.setdefault(devices[file].name, file)) != file:
            raise refuse(file, "name", devices[file].name, f"unique, but {first} has it")
    bandwidth = options["bandwidth_bps"] or NO_BANDWIDTH_BPS
    arrival = {each.name: each.t_comm for each in devices.values()}
    links = [
        Link(tail=u, head=v, bandwidth_bps=bandwidth, latency_s=arrival[v], duplex=False)
        for u, v in one_way_each(list(owner))
    ]
    return served(order[0], nodes, links, model, REFERENCE)


def _is_model(data: Mapping[str, Any]) -> bool:
    """Whether a file has what only a model's has, in itself or in the profile of a phase."""
    told = [own for own in (data, *data.values()) if isinstance(own, dict)]
    return any(key in own for own in told for key in ("L", "e_embed"))


class _Profile:
    """A model's file."""

    def __init__(self, path: Path, data: dict[str, Any], batch: int) -> None:
        self.path, self.data, self.batch = path, data, batch
        common = {key: own for key, own in data.items() if not isinstance(own, dict)}
        for phase in PHASES:
            inner = data.get(phase)
            for key, own in inner.items() if isinstance(inner, dict) else ():
                if key in (*Shape.__struct_fields__, "Q") and common.setdefault(key, own) != own:
                    raise refuse(path, f"{phase}.{key}", own, f"{common[key]!r} as elsewhere")
        if common.get("quantization") is None and "Q" in common:
            common["quantization"] = common["Q"]
        self.shape = record_of(common, Shape, path)
        self.quantization = self.shape.quantization
        if self.quantization not in BITS:
            raise refuse(path, "quantization", self.quantization, f"one of {', '.join(BITS)}")

    def model(self, new_tokens: int) -> Model:
        """The request: prefill and decode, or decode alone where the profile parts no phases."""
        shape, batch = self.shape, self.batch
        names = PHASES if self._parted() else PHASES[1:]
        if new_tokens == 1:
            names = names[:1]
        phases = {name: self._phase(name) for name in names}
        steps = []
        for name in names:
            last = name == "decode"
            count = new_tokens - (len(names) > 1) if last else 1
            steps.append(Step(name=name, count=count, tokens=batch * (1 if last else self._prompt)))
        bits = BITS[self.quantization]
        table = shape.V * shape.e_embed * bits / 8
        rows = tuple([step.tokens * shape.e_embed * bits / 8 for step in steps])
        kept = (shape.hk * shape.ek + shape.hv * shape.ev) * ACTIVATION_BYTES * shape.n_kv * batch
        some = next(iter(phases.values()))
        blocks = [
            {
                "weight_bytes": some.weights[i],
                "traffic_bytes": some.weights[i],
                "state_bytes": kept,
                "flops": tuple([phase.flops[i] for phase in phases.values()]),
                "output_bytes": tuple([phase.tensors[i] for phase in phases.values()]),
            }
            for i in range(shape.L)
        ]
        return chain(
            self.path.name.partition(".")[0],
            steps,
            shape.e_embed,
            embedding={"weight_bytes": table, "traffic_bytes": rows},
            blocks=blocks,
            head={
                "weight_bytes": table,
                "traffic_bytes": table,
                "flops": 2.0 * shape.V * shape.e_embed * batch,
            },
        )

    @property
    def _prompt(self) -> float:
        """Tokens of the prompt: those told, else those whose tensor the layers send."""
        if self.shape.seq_len:
            return self.shape.seq_len
        _, sent = self._found("prefill", "b_o_layers", "b_o")
        return float(max(sent)) / (ACTIVATION_BYTES * self.shape.e_embed)

    def _parted(self) -> bool:
        """Whether prefill and decode are told apart."""
        places = (self.data, self.data.get("f_q_layers"), self.data.get("f_q"))
        return any(isinstance(own, dict) and "prefill" in own for own in places)

    def _phase(self, name: str) -> Phase:
        at, told = self._found(name, "f_q_layers", "f_q")
        key = f"b_{self.batch}"
        if not isinstance(told, dict) or key not in told:
            known = ", ".join(told) if isinstance(told, dict) else "none"
            allowed = f"there for a batch of {self.batch}; known: {known}"
            raise InstanceError(str(self.path), [f"{at}.{key} is missing, must be {allowed}"])
        tensors = self._layers(*self._found(name, "b_o_layers", "b_o"))
        if name == "decode":
            width = float(ACTIVATION_BYTES * self.shape.e_embed)
            tensors = [width] * len(tensors)
        return Phase(
            weights=self._layers(*self._found(name, "b_layers", "b")),
            tensors=[self.batch * own for own in tensors],
            flops=self._layers(f"{at}.{key}", told[key]),
        )

    def _found(self, phase: str, *keys: str) -> tuple[str, Any]:
        """Path and value of a figure: in the phase's own profile, in its part, or of all phases."""
        inner = self.data.get(phase)
        for place, prefix in ((inner, f"{phase}."), (self.data, "")):
            for key in keys:
                if isinstance(place, dict) and place.get(key) is not None:
                    value = place[key]
                    if isinstance(value, dict) and phase in value:
                        return f"{prefix}{key}.{phase}", value[phase]
                    return f"{prefix}{key}", value
        raise InstanceError(str(self.path), [f"{keys[-1]} is missing, must be a list"])

    def _layers(self, at: str, values: Any) -> list[float]:
        """Figures of the layers without the embedding's."""
        found: list[float] = record_of(values, Figures, self.path, at)
        wanted = self.shape.L + 1
        if len(found) != wanted:
            allowed = f"a list of {wanted} numbers, as L = {self.shape.L} and the embedding counts"
            raise InstanceError(
                str(self.path), [f"{at} has {len(found)} entries, must be {allowed}"]
            )
        return found[1:]


def _fastest(device: Device) -> str:
    """The part of a device that computes: Metal, else CUDA, else the CPU."""
    for has, part in ((device.has_metal, "metal"), (device.has_cuda, "cuda")):
        if has and getattr(device, f"sgpu_{part}") and getattr(device, f"T_{part}") is not None:
            return part
    return "cpu"


def _node(path: Path, device: Device, profile: _Profile) -> Node:
    """The device as a node, by its fastest part."""
    part = _fastest(device)
    key = "scpu" if part == "cpu" else f"sgpu_{part}"
    memory = "d_avail_ram" if part == "cpu" else f"d_avail_{part}"
    table: Table = getattr(device, key)
    at = f"{key}.{profile.quantization}.b_{profile.batch}"
    speed = table.get(profile.quantization, {}).get(f"b_{profile.batch}")
    if speed is None:
        known = ", ".join(table) or "none"
        why = f"as the model's quantization is {profile.quantization}; known: {known}"
        raise InstanceError(str(path), [f"{at} is missing, must be there {why}"])
    return Node(
        name=device.name,
        tier=TIER,
        speed_flops=record_of(speed, Rate, path, at),
        memory_bytes_per_s=record_of(getattr(device, f"T_{part}"), Rate, path, f"T_{part}"),
        memory_bytes=record_of(getattr(device, memory), Amount, path, memory),
    )
