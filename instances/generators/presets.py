"""Typical nodes and networks to fill an instance with, each with its source or `nominal`.

`nominal` means: a round figure of the usual order of magnitude, chosen by us, not measured.
Measure your own node (`times_s` of the layers) where the answer matters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from types import MappingProxyType

from splitfog.instances.lookup import look_up
from splitfog.instances.records import Link, Node, changed


@dataclass(frozen=True)
class NodePreset:
    """A kind of computer.

    Attributes
    ----------
    speed_flops
        What layers reach on average in float32, well below the peak of the data sheet.
    overhead_s
        Seconds that every layer takes on top of its work.
    memory_bytes
        Memory that weights may fill; inf: no limit.
    source
        Where the figures come from.
    """

    name: str
    speed_flops: float
    memory_bytes: float
    overhead_s: float
    source: str

    def node(self, name: str, tier: str, *, memory: bool = True, factor: float = 1.0) -> Node:
        """A node of this kind, `factor` times as fast, without a memory limit unless `memory`."""
        return Node(
            name=name,
            tier=tier,
            speed_flops=self.speed_flops * factor,
            overhead_s=self.overhead_s,
            memory_bytes=self.memory_bytes if memory and self.memory_bytes < inf else None,
        )


@dataclass(frozen=True, kw_only=True)
class NetworkPreset:
    """A kind of connection; `uplink` leads away from the data's source.

    Attributes
    ----------
    uplink_bps, downlink_bps
        Bandwidths in bit/s.
    latency_s
        Seconds for the first bit, one way.
    delay_s
        Seconds of every crossing in which the connection is free for others.
    source
        Where the figures come from.
    """

    name: str
    uplink_bps: float
    downlink_bps: float
    latency_s: float = 0.0
    delay_s: float = 0.0
    source: str

    def links(
        self, low: str, high: str, *, latency_s: float | None = None, factor: float = 1.0
    ) -> tuple[Link, ...]:
        """Links of this kind between two nodes, uplink from `low` to `high`.

        One duplex link where both directions are alike, else two. `latency_s` None: the preset's;
        `factor` multiplies both bandwidths.
        """
        up, down = self.uplink_bps * factor, self.downlink_bps * factor
        there = Link(
            tail=low,
            head=high,
            bandwidth_bps=up,
            latency_s=self.latency_s if latency_s is None else latency_s,
            delay_s=self.delay_s,
            duplex=up == down,
        )
        if there.duplex:
            return (there,)
        return there, changed(there, tail=high, head=low, bandwidth_bps=down)


NODES: Mapping[str, NodePreset] = MappingProxyType(
    {
        preset.name: preset
        for preset in (
            NodePreset("raspberry-pi-3", 3e9, 1e9, 3e-4, "nominal"),
            NodePreset("raspberry-pi-4", 8e9, 4e9, 2e-4, "nominal"),
            NodePreset("jetson-nano", 100e9, 4e9, 1e-4, "nominal"),
            NodePreset("desktop-i7", 150e9, 16e9, 2e-5, "nominal"),
            NodePreset("gpu-server", 5e12, 16e9, 1e-5, "nominal"),
        )
    }
)
"""Kinds of nodes, slowest first."""

_UPLINK = "uplink: one of those used by DADS, JointDNN and JPS"
_BOTH = f"{_UPLINK}; downlink: JointDNN (arXiv 1801.08618); latency: nominal"

_WANS = (
    ("cat-1", 0.13e6, 0.13e6, 0.1, f"{_UPLINK}; downlink, latency: nominal"),
    ("3g", 1.1e6, 2.0275e6, 0.05, _BOTH),
    ("4g", 5.85e6, 13.76e6, 0.03, _BOTH),
    ("5g", 50e6, 200e6, 0.01, "nominal"),
    ("wi-fi", 18.88e6, 54.97e6, 0.002, _BOTH),
    ("ethernet", 1e9, 1e9, 0.0005, "nominal"),
    ("fibre", 100e6, 100e6, 0.02, "nominal"),
)

_LANS = (
    ("wi-fi-5", 200e6, 0.003, "nominal"),
    ("wi-fi-6", 600e6, 0.0015, "nominal"),
    ("gigabit", 1e9, 0.0003, "bandwidth: IEEE 802.3ab; delay: nominal"),
    ("ethernet-2.5g", 2.5e9, 0.0002, "bandwidth: IEEE 802.3bz; delay: nominal"),
    ("ethernet-10g", 10e9, 0.0001, "bandwidth: IEEE 802.3an; delay: nominal"),
    ("thunderbolt-4", 16e9, 0.0003, "nominal (IP over a cable of 40 Gbit/s)"),
    ("thunderbolt-5", 40e9, 0.0003, "nominal (IP over a cable of 80 Gbit/s)"),
)

LANS: Mapping[str, NetworkPreset] = MappingProxyType(
    {
        name: NetworkPreset(
            name=name, uplink_bps=speed, downlink_bps=speed, delay_s=delay, source=source
        )
        for name, speed, delay, source in _LANS
    }
)
"""Kinds of networks between machines in one place, alike in both directions, slowest first."""

NETWORKS: Mapping[str, NetworkPreset] = MappingProxyType(
    {
        **{
            name: NetworkPreset(
                name=name, uplink_bps=up, downlink_bps=down, latency_s=latency, source=source
            )
            for name, up, down, latency, source in _WANS
        },
        **LANS,
    }
)
"""Kinds of networks, those in one place (`LANS`) last."""


GIVEN = "given"
"""The name and the source of what is told by a number."""


def node_preset(kind: str | float) -> NodePreset:
    """The kind of node called so, or one that reaches that many FLOP/s without overhead or limit.

    Raises
    ------
    LookupError
        With the known names, if there is none of this name.
    """
    if isinstance(kind, str):
        return look_up(NODES, kind, "node preset")
    return NodePreset(GIVEN, float(kind), inf, 0.0, GIVEN)


def network_preset(kind: str | float) -> NetworkPreset:
    """The kind of network called so, or one of that many bit/s both ways without latency.

    Raises
    ------
    LookupError
        With the known names, if there is none of this name.
    """
    if isinstance(kind, str):
        return look_up(NETWORKS, kind, "network preset")
    speed = float(kind)
    return NetworkPreset(name=GIVEN, uplink_bps=speed, downlink_bps=speed, source=GIVEN)
