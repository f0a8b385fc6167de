"""The family `fog`: many users with a stream of requests each, fog nodes on the air, a cloud."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from splitfog.instances import zoo
from splitfog.instances.generators.family import Family, short
from splitfog.instances.instance import Instance
from splitfog.instances.plugins.option import Option
from splitfog.instances.records import Link, Model, Node, Task, changed

PRESETS = ((10, 3, 300.0), (100, 10, 500.0), (1000, 50, 1000.0))
"""Users, fog nodes and the side of the square in m; between and beyond: log-log lines."""

MODELS = "nin,tiny-yolov2,vgg-16,alexnet,resnet-34"

OPTIONS = {
    "users": Option(100, "number of users, one task each", "whole", low=1, high=100_000),
    "fog_nodes": Option(
        None, "number of fog nodes; none: 3, 10, 50 at 10, 100, 1000 users", "whole",
        low=1, high=10_000, optional=True,
    ),
    "area_m": Option(
        None, "side of the square in m; none: 300, 500, 1000 at 10, 100, 1000 users", "number",
        low=1, high=1e7, optional=True,
    ),
    "models": Option(MODELS, "networks of the zoo to draw from", "choices", choices=zoo.names()),
    "utilisation": Option(
        0.5, "work asked for, over what all fog nodes can do", "number", low=1e-6, high=100
    ),
    "bandwidth_scale": Option(
        1.0, "factor of every radio bandwidth, usually 0.1, 0.3, 1 or 3", "number",
        low=1e-6, high=1e6,
    ),
    "carrier_ghz": Option(3.5, "carrier frequency in GHz", "number", low=1e-3, high=1e4),
    "path_loss_db": Option(22.4, "path loss at 1 GHz and 1 m in dB", "number", low=-500, high=500),
    "path_loss_frequency_db": Option(
        21.3, "path loss per decade of frequency in dB", "number", low=0, high=100
    ),
    "path_loss_distance_db": Option(
        35.3, "path loss per decade of distance in dB", "number", low=0, high=100
    ),
    "height_difference_m": Option(
        8.5, "antennas' difference in height in m", "number", low=1e-3, high=1e7
    ),
    "shadowing_db": Option(
        7.82, "standard deviation of the shadowing in dB", "number", low=0, high=100
    ),
    "power_dbm": Option(23.0, "transmit power in dBm", "number", low=-200, high=200),
    "noise_dbm_per_hz": Option(-174.0, "thermal noise in dBm/Hz", "number", low=-300, high=0),
    "noise_figure_db": Option(7.0, "noise figure of the receiver in dB", "number", low=0, high=100),
    "bandwidth_hz": Option(5e6, "radio bandwidth of every user in Hz", "number", low=1, high=1e12),
    "max_bps_per_hz": Option(7.4, "most bit/s that a Hz carries", "number", low=1e-3),
    "min_link_bps": Option(1e5, "slower radio links are dropped, in bit/s", "number", low=1),
    "radio_latency_s": Option(0.0, "latency of a radio link in s", "number", low=0),
    "radio": Option("serial", "radio of the users' devices", "choice",
                    choices=("serial", "parallel")),
    "share_devices": Option(False, "whether users' devices work for other users", "flag"),
    "bytes_per_value": Option(1.0, "bytes of a value of the input tensor", "number", low=0),
    "device_flops_low": Option(8e9, "slowest device in FLOP/s", "number", low=1),
    "device_flops_high": Option(60e9, "fastest device in FLOP/s", "number", low=1),
    "fog_flops_low": Option(50e9, "slowest fog node in FLOP/s", "number", low=1),
    "fog_flops_high": Option(200e9, "fastest fog node in FLOP/s", "number", low=1),
    "fog_quota": Option(
        None, "foreign subtasks that a fog node takes", "whole", low=0, optional=True
    ),
    "fog_memory_bytes": Option(
        None, "memory of a fog node in bytes", "number", low=0, optional=True
    ),
    "cloud_flops": Option(2e12, "speed of the cloud in FLOP/s", "number", low=1),
    "cloud_bps": Option(50e6, "bandwidth from a fog node to the cloud in bit/s", "number", low=1),
    "cloud_latency_s": Option(0.022, "latency from a fog node to the cloud in s", "number", low=0),
    "rate_low": Option(0.5, "least factor of a user's rate", "number", low=1e-6),
    "rate_high": Option(1.5, "largest factor of a user's rate", "number", low=1e-6),
    "max_device_rho": Option(
        0.8, "load of a device that does all its work itself, at most", "number",
        low=1e-6, high=0.999999,
    ),
}  # fmt: skip


def build(name: str, seed: int, options: Mapping[str, Any], meta: dict[str, Any]) -> Instance:
    """Users and fog nodes uniform in a square, one task a user, one cloud behind all fog nodes.

    All default figures are nominal: recalled from the usual standards (urban micro cells without
    line of sight), not sourced.

    *Radio.* Each user has a duplex link to each fog node of `bandwidth_hz * min(log2(1 + snr),
    max_bps_per_hz) * bandwidth_scale` bit/s, unless that is below `min_link_bps`; snr = power -
    path loss - shadowing - noise in dB, path loss = `path_loss_db + path_loss_frequency_db
    log10(carrier_ghz) + path_loss_distance_db log10(d)`, d >= `height_difference_m` in space.
    Shadowing is normal and independent for each pair. A user without a link computes at home.

    *Work.* A user's model is drawn uniformly from `models`, its input tensor has
    `bytes_per_value`; speeds are log-uniform. A task's rate is U(`rate_low`, `rate_high`) x
    `utilisation` x sum of fog speeds / (users x its model's FLOP), but such that its device alone
    has rho <= `max_device_rho`. A user's device takes no visits of others' tasks (quota 0), unless
    `share_devices`.

    Ours: users and fog nodes are uniform in the square; for other numbers of users than 10, 100
    and 1,000 the number of fog nodes and the side follow lines through these on log scales,
    extended beyond; fog nodes are not linked to one another. Each quantity has a random stream of
    its own: with one seed, another `utilisation` or `bandwidth_scale` changes rates or bandwidths
    and nothing else (but for the links dropped).

    O(users x fog nodes), vectorised.
    """
    for low in ("device_flops_low", "fog_flops_low", "rate_low"):
        high = low.replace("low", "high")
        if options[low] > options[high]:
            raise ValueError(
                f"{low} = {options[low]!r}, must be <= {high}, which is {options[high]!r}"
            )
    users, fog_nodes = options["users"], _num_fog_nodes(options)
    side = usual_layout(users)[1] if options["area_m"] is None else options["area_m"]
    streams = _Streams.of(seed)
    speeds = _speeds(streams, users, fog_nodes, options)
    models = [_model(name, options["bytes_per_value"]) for name in _names(options["models"])]
    choice = streams.models.integers(len(models), size=users)
    rates = _rates(streams, models, choice, speeds, options)
    bandwidths = radio_bps(streams.places, streams.shadowing, users, fog_nodes, side, options)
    names = [models[i].name for i in choice.tolist()]
    return Instance(
        name=name,
        tiers=("device", "fog", "cloud"),
        nodes=_nodes(speeds, options),
        links=_links(bandwidths, options),
        models=tuple(models),
        tasks=tuple(
            Task(name=f"task{i}", model=name, source=f"user{i}", arrivals_per_s=rate)
            for i, (name, rate) in enumerate(zip(names, rates.tolist()))
        ),
        meta=meta,
    )


def usual_layout(users: int) -> tuple[int, float]:
    """Number of fog nodes, and the side of the square in m, for a number of users.

    Examples
    --------
    >>> from splitfog.instances.generators.fog import usual_layout
    >>> usual_layout(10), usual_layout(100), usual_layout(1000)
    ((3, 300.0), (10, 500.0), (50, 1000.0))
    """
    known, nodes, sides = np.log(np.array(PRESETS)).T
    upper = 1 if users <= PRESETS[1][0] else 2
    share = (np.log(users) - known[upper - 1]) / (known[upper] - known[upper - 1])
    log_nodes, log_side = (
        float(figure[upper - 1] + share * (figure[upper] - figure[upper - 1]))
        for figure in (nodes, sides)
    )
    return max(1, round(float(np.exp(log_nodes)))), round(float(np.exp(log_side)), 6)


def _num_fog_nodes(options: Mapping[str, Any]) -> int:
    count: int | None = options["fog_nodes"]
    return usual_layout(options["users"])[0] if count is None else count


def _head(options: Mapping[str, Any]) -> str:
    load, scale = short(options["utilisation"]), short(options["bandwidth_scale"])
    return f"{options['users']}x{_num_fog_nodes(options)}-u{load}-x{scale}"


def radio_bps(
    places: np.random.Generator,
    shadowing: np.random.Generator,
    users: int,
    fog_nodes: int,
    side_m: float,
    options: Mapping[str, Any],
) -> NDArray[np.float64]:
    """[users, fog nodes]: bit/s of every radio link, also of those too slow to be kept."""
    user, fog = places.uniform(0, side_m, (users, 2)), places.uniform(0, side_m, (fog_nodes, 2))
    flat = np.hypot(*(user[:, None, :] - fog[None, :, :]).transpose(2, 0, 1))
    distance = np.hypot(flat, options["height_difference_m"])
    loss_db = options["path_loss_db"] + options["shadowing_db"] * shadowing.standard_normal(
        distance.shape
    )
    loss_db += options["path_loss_frequency_db"] * np.log10(options["carrier_ghz"])
    loss_db += options["path_loss_distance_db"] * np.log10(distance)
    noise_dbm = options["noise_dbm_per_hz"] + 10 * np.log10(options["bandwidth_hz"])
    snr_db = options["power_dbm"] - loss_db - noise_dbm - options["noise_figure_db"]
    per_hz = np.minimum(np.log2(1 + 10 ** (snr_db / 10)), options["max_bps_per_hz"])
    return np.asarray(options["bandwidth_hz"] * options["bandwidth_scale"] * per_hz)


@dataclass(frozen=True, kw_only=True)
class _Streams:
    """A random stream for every quantity, so that one does not disturb another."""

    places: np.random.Generator
    shadowing: np.random.Generator
    devices: np.random.Generator
    fog: np.random.Generator
    models: np.random.Generator
    rates: np.random.Generator

    @classmethod
    def of(cls, seed: int) -> _Streams:
        streams = map(np.random.default_rng, np.random.SeedSequence(seed).spawn(6))
        return cls(**dict(zip(cls.__dataclass_fields__, streams, strict=True)))


@dataclass(frozen=True)
class _Speeds:
    """FLOP/s of devices and fog nodes."""

    devices: NDArray[np.float64]
    fog: NDArray[np.float64]


def _speeds(streams: _Streams, users: int, fog_nodes: int, options: Mapping[str, Any]) -> _Speeds:
    def draw(rng: np.random.Generator, kind: str, count: int) -> NDArray[np.float64]:
        low, high = options[f"{kind}_flops_low"], options[f"{kind}_flops_high"]
        return np.asarray(low * (high / low) ** rng.random(count))

    return _Speeds(draw(streams.devices, "device", users), draw(streams.fog, "fog", fog_nodes))


def _names(text: str) -> list[str]:
    """The networks asked for, each once."""
    return list(dict.fromkeys(text.split(",")))


def _model(name: str, bytes_per_value: float) -> Model:
    """A network of the zoo whose input tensor has that many bytes a value (images are bytes)."""
    model = zoo.build(name)
    layers = [
        changed(layer, output_bytes=bytes_per_value * float(np.prod(layer.output_shape or ())))
        if layer.op == "input"
        else layer
        for layer in model.layers
    ]
    return Model(name=model.name, layers=tuple(layers))


def _rates(
    streams: _Streams,
    models: list[Model],
    choice: NDArray[np.int64],
    speeds: _Speeds,
    options: Mapping[str, Any],
) -> NDArray[np.float64]:
    """[users]: arrivals per second."""
    work = np.array([sum(model.flops.tolist()) for model in models])[choice]
    factor = streams.rates.uniform(options["rate_low"], options["rate_high"], len(choice))
    wanted = factor * options["utilisation"] * speeds.fog.sum() / (len(choice) * work)
    return np.asarray(np.minimum(wanted, options["max_device_rho"] * speeds.devices / work))


def _nodes(speeds: _Speeds, options: Mapping[str, Any]) -> tuple[Node, ...]:
    devices = [
        Node(
            name=f"user{i}",
            tier="device",
            speed_flops=speed,
            quota=None if options["share_devices"] else 0,
            radio=options["radio"],
        )
        for i, speed in enumerate(speeds.devices.tolist())
    ]
    fog = [
        Node(
            name=f"fog{i}",
            tier="fog",
            speed_flops=speed,
            quota=options["fog_quota"],
            memory_bytes=options["fog_memory_bytes"],
        )
        for i, speed in enumerate(speeds.fog.tolist())
    ]
    return (*devices, *fog, Node(name="cloud", tier="cloud", speed_flops=options["cloud_flops"]))


def _links(bandwidths: NDArray[np.float64], options: Mapping[str, Any]) -> tuple[Link, ...]:
    users, fogs = np.nonzero(bandwidths >= options["min_link_bps"])
    radio = [
        Link(
            tail=f"user{user}",
            head=f"fog{fog}",
            bandwidth_bps=bandwidth,
            latency_s=options["radio_latency_s"],
        )
        for user, fog, bandwidth in zip(
            users.tolist(), fogs.tolist(), bandwidths[users, fogs].tolist()
        )
    ]
    figures = {"bandwidth_bps": options["cloud_bps"], "latency_s": options["cloud_latency_s"]}
    wires = [Link(tail=f"fog{i}", head="cloud", **figures) for i in range(bandwidths.shape[1])]
    return (*radio, *wires)


FAMILY = Family(
    name="fog",
    summary="many users' streams of requests, fog nodes on the air, and a cloud",
    options=OPTIONS,
    build=build,
    head=_head,
    in_head=("users", "fog_nodes", "utilisation", "bandwidth_scale"),
)
