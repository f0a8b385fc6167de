"""Helix's cluster and machine files (INI) with the profiles of a model on its machines (CSV).

Values are a number times a unit, which is read as such: nothing is evaluated. As Helix reckons, a
tensor of b bytes crosses a link of B `mbps` in b / (1e6 B) seconds (a megabit there is what others
call a megabyte), and at most half a machine's memory is for weights.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from configparser import ConfigParser, Error, SectionProxy
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite
from pathlib import Path
from typing import Any

from splitfog.instances.defects import InstanceError
from splitfog.instances.importers.chain import made
from splitfog.instances.importers.reading import LARGEST, refuse, text_of
from splitfog.instances.instance import Instance
from splitfog.instances.records import Layer, Link, Model, Node, Task

REFERENCE = "a cluster of Helix (ASPLOS 2025)"

TIER = "fleet"

UNITS = {
    "kbps": 1e3, "mbps": 1e6, "gbps": 1e9,
    "Byte": 1.0, "KB": 1e3, "MB": 1e6, "GB": 1e9,
    "Sec": 1.0, "MilliSec": 1e-3,
}  # fmt: skip

QUANTITY = re.compile(r"(\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)\s*\*\s*(\w+)")
LINK = re.compile(r"Link-(\w+)-(\w+)")
NODE = re.compile(r"ComputeNode-(\d+)")

TOKEN_BYTES = 2
"""Of a token on its way from the source, and to the sink."""

WEIGHT_SHARE = 0.5
"""Of a machine's memory, what Helix gives to weights; the rest is for keys and values."""

NOMINAL_SPEED_FLOPS = 1e12
"""Never used: `stage_rates` say what nodes do."""

SOURCE, SINK = "source", "sink"

Profile = Sequence[tuple[float, float]]
"""Of one layer: tokens and seconds, ascending from (0, 0)."""


@dataclass(frozen=True)
class Machine:
    """A type of machines: tensor bytes that it sends and receives per second, and its memory."""

    traffic: float
    memory_bytes: float


def import_helix_cluster(files: Sequence[Path], options: Mapping[str, Any]) -> Instance:
    """The fleet of a cluster file: maximise its `throughput`.

    A machine with k layers serves requests of `input` tokens read and `output` tokens made, of
    which it makes `batch` at a time: T(k) = (input + output) / (k (p(input) + output / batch
    d(batch))) tokens per second, where p and d are the seconds of a layer, between the points of
    its profiles on a line; and no more than its network takes.

    Parameters
    ----------
    files
        The cluster, the machines, and of every type `prompt_bs2time.csv` and `decode_bs2time.csv`,
        in a folder that is called as the type.
    options
        `layers`, `layer_bytes` and `width` of the model; `batch`, `input`, `output`.

    Returns
    -------
    Instance
        With a node `source` and a node `sink` beside the machines, under direct routing.

    Raises
    ------
    InstanceError
        Naming the file, and what is wrong in it.
    """
    sheets = [file for file in files if file.name.removesuffix(".gz").endswith(".csv")]
    plain = {file: _sections(file) for file in files if file not in sheets}
    clusters = [file for file, own in plain.items() if "NodeNames" in own]
    if len(clusters) != 1 or len(plain) != 2:
        raise ValueError(
            f"{', '.join(map(str, plain)) or 'none'}: must be one file with NodeNames and one with "
            "machines (besides CSV files), or else one program that ends in .lp"
        )
    (path,) = clusters
    cluster = plain.pop(path)
    ((machine_path, machines),) = plain.items()
    kinds = _kinds(path, cluster)
    found = {kind: _machine(machine_path, machines, kind) for kind in dict.fromkeys(kinds.values())}
    links = list(_links(path, cluster, list(kinds)))
    for key in ("layers", "layer_bytes", "width"):
        if options[key] is None:
            raise ValueError(f"option {key} = None, must be told: no file of Helix tells it")
    rates = {
        kind: _rates(kind, own, sheets, options, 2.0 * options["width"])
        for kind, own in found.items()
    }
    ends = [Node(name=name, tier=TIER, speed_flops=NOMINAL_SPEED_FLOPS) for name in (SOURCE, SINK)]
    nodes = [
        Node(
            name=name,
            tier=TIER,
            speed_flops=NOMINAL_SPEED_FLOPS,
            memory_bytes=found[kind].memory_bytes * WEIGHT_SHARE,
        )
        for name, kind in kinds.items()
    ]
    model = _model(options, {name: rates[kind] for name, kind in kinds.items()})
    return made(
        path,
        name=path.name.partition(".")[0],
        tiers=(TIER,),
        nodes=(ends[0], *nodes, ends[1]),
        links=tuple(links),
        models=(model,),
        tasks=(Task(name="tokens", model=model.name, source=SOURCE, results_to=SINK),),
        meta={"reference": REFERENCE},
        routing="direct",
    )


def _sections(path: Path) -> ConfigParser:
    parser = ConfigParser(interpolation=None, default_section="\0")
    try:
        parser.read_string(text_of(path))
    except Error as error:
        why = " ".join(str(error).replace("<string>", path.name).split())
        raise InstanceError(str(path), [f"not an INI file: {why}"]) from None
    return parser


def _kinds(path: Path, cluster: ConfigParser) -> dict[str, str]:
    """The type of every machine, by name."""
    told = _value(path, cluster["NodeNames"], "total_compute_nodes")
    if not told.isdecimal() or not 1 <= int(told) <= 10_000:
        at = "NodeNames.total_compute_nodes"
        raise refuse(path, at, told, "a whole number >= 1 and <= 10000")
    kinds = {}
    for number in range(int(told)):
        section = f"ComputeNode-{number}"
        if section not in cluster:
            what = f"{section} is missing, must be there, as there are {told} machines"
            raise InstanceError(str(path), [what])
        kinds[f"node-{number}"] = _value(path, cluster[section], "type")
    for section in cluster.sections():
        if (match := NODE.fullmatch(section)) and f"node-{match[1]}" not in kinds:
            allowed = f"of a machine below total_compute_nodes = {told}"
            raise InstanceError(str(path), [f"section {section}, must be {allowed}"])
    return kinds


def _machine(path: Path, machines: ConfigParser, kind: str) -> Machine:
    if kind not in machines:
        known = ", ".join(machines.sections()) or "none"
        raise InstanceError(str(path), [f"{kind} is missing, must be a section; known: {known}"])
    nics = [
        _quantity(path, machines[kind], f"{way}_nic_speed", "bps")
        for way in ("inbound", "outbound")
    ]
    return Machine(min(nics), _quantity(path, machines[kind], "vram_size", "B"))


def _links(path: Path, cluster: ConfigParser, names: Sequence[str]) -> Iterator[Link]:
    """Between machines both ways; from the source and to the sink one."""
    for section in cluster.sections():
        if (match := LINK.fullmatch(section)) is None:
            if section.lower().startswith("link"):
                raise InstanceError(str(path), [f"section {section}, must be Link-FROM-TO"])
            continue
        ends = [end if end in (SOURCE, SINK) else f"node-{end}" for end in match.groups()]
        for end in ends:
            if end not in (SOURCE, SINK, *names):
                allowed = f"between source, sink and machines 0 to {len(names) - 1}"
                raise InstanceError(str(path), [f"section {section}, must be {allowed}"])
        bandwidth = _quantity(path, cluster[section], "bandwidth", "bps")
        if bandwidth == 0:
            raise refuse(path, f"{section}.bandwidth", 0, "more than 0")
        yield Link(
            tail=ends[0],
            head=ends[1],
            bandwidth_bps=8 * bandwidth,
            delay_s=_quantity(path, cluster[section], "latency", "Sec"),
            duplex=not {SOURCE, SINK} & set(ends),
        )


def _value(path: Path, section: SectionProxy, key: str) -> str:
    value = section.get(key)
    if value is None:
        raise InstanceError(str(path), [f"{section.name}.{key} is missing, must be there"])
    return value.strip()


def _quantity(path: Path, section: SectionProxy, key: str, kind: str) -> float:
    """A number times a unit: bytes per second, bytes, or seconds."""
    text = _value(path, section, key)
    units = [unit for unit in UNITS if unit.endswith(kind) or (kind == "B" and unit == "Byte")]
    match = QUANTITY.fullmatch(text)
    value = float(match[1]) * UNITS[match[2]] if match and match[2] in units else -1.0
    if not 0 <= value <= LARGEST:
        allowed = f"a number times a unit: 1.5 * {units[-1]}; units: {', '.join(units)}"
        raise refuse(path, f"{section.name}.{key}", text, allowed)
    return value


def _rates(
    kind: str,
    machine: Machine,
    sheets: Sequence[Path],
    options: Mapping[str, Any],
    tensor_bytes: float,
) -> tuple[float, ...]:
    """T(1), T(2), ... up to as many layers as the machine has room for."""
    read, made_, batch = options["input"], options["output"], options["batch"]
    prompt = _seconds(*_sheet(kind, "prompt_bs2time", sheets), read)
    decode = _seconds(*_sheet(kind, "decode_bs2time", sheets), batch)
    total = prompt + made_ / batch * decode
    most = int(machine.memory_bytes * WEIGHT_SHARE / options["layer_bytes"])
    network = machine.traffic / tensor_bytes
    if total <= 0:
        raise ValueError(f"the profiles of {kind} take 0 s for a layer, must take more")
    return tuple(
        [
            min((read + made_) / (k * total), network)
            for k in range(1, min(most, options["layers"]) + 1)
        ]
    )


def _sheet(kind: str, name: str, sheets: Sequence[Path]) -> tuple[Path, Profile]:
    """The profile of a type, in a folder that is called so, or the only one of that name."""
    named = [file for file in sheets if file.name.startswith(name)]
    own = [file for file in named if file.resolve().parent.name.lower() == kind.lower()]
    if len(own) != 1:
        raise ValueError(f"{kind.lower()}/{name}.csv must be given once, is given {len(own)} times")
    points: list[tuple[float, float]] = []
    for line, cells in enumerate(csv.reader(text_of(own[0]).splitlines()), 1):
        numbers = [_number(cell) for cell in cells]
        if len(cells) != 2 or None in numbers:
            allowed = "two numbers >= 0: tokens, milliseconds"
            raise refuse(own[0], f"line {line}", ",".join(cells), allowed)
        points.append((numbers[0] or 0.0, (numbers[1] or 0.0) * 1e-3))
    if any(right[0] <= left[0] for left, right in pairwise(points)):
        raise InstanceError(str(own[0]), ["the tokens of its lines must rise"])
    return own[0], points


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if isfinite(value) and 0 <= value <= LARGEST and "_" not in text else None


def _seconds(path: Path, points: Profile, tokens: float) -> float:
    """Of a layer for so many tokens: on the line between the points beside them."""
    for (left, low), (right, high) in pairwise(points):
        if left <= tokens <= right:
            return low + (high - low) * (tokens - left) / (right - left)
    reach = f"{points[0][0]:g} to {points[-1][0]:g}" if points else "no"
    raise ValueError(f"{path} tells {reach} tokens, must tell {tokens:g}")


def _model(options: Mapping[str, Any], rates: Mapping[str, tuple[float, ...]]) -> Model:
    """The chain of layers, whose last one sends a token."""
    layers = [Layer(name="tokens", op="input", output_bytes=TOKEN_BYTES)]
    for at in range(options["layers"]):
        last = at == options["layers"] - 1
        layers.append(
            Layer(
                name=f"layer{at}",
                op="other",
                inputs=(layers[-1].name,),
                weight_bytes=options["layer_bytes"],
                output_bytes=TOKEN_BYTES if last else 2.0 * options["width"],
            )
        )
    return Model(name="model", layers=tuple(layers), stage_rates=rates)
