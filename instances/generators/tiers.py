"""A line of tiers with one node each, ever faster away from the data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from splitfog.instances.arrays import frozen
from splitfog.instances.plugins.option import Option
from splitfog.instances.records import Link, Node

OPTIONS = {
    "tiers": Option(3, "number of tiers, one node each", "whole", low=2, high=100),
    "speed_flops": Option(5e9, "speed of the first node in FLOP/s", "number", low=1),
    "speed_ratio": Option(
        8.0, "a node is faster than the one before by a random factor up to this", "number",
        low=1, high=1e3,
    ),
    "bandwidth_bps": Option(20e6, "middle bandwidth in bit/s", "number", low=1),
    "bandwidth_spread": Option(
        4.0, "each bandwidth is off by a random factor up to this", "number", low=1, high=1e3
    ),
}  # fmt: skip


@dataclass(frozen=True)
class TierLine:
    """Names, speeds [tiers] and bandwidths [tiers - 1] of a line of nodes."""

    names: tuple[str, ...]
    speeds_flops: NDArray[np.float64]
    bandwidths_bps: NDArray[np.float64]

    def nodes(self) -> tuple[Node, ...]:
        """One node for each tier, named as its tier."""
        speeds = self.speeds_flops.tolist()
        return tuple(Node(name=n, tier=n, speed_flops=s) for n, s in zip(self.names, speeds))

    def links(self, latency_s: float) -> tuple[Link, ...]:
        """Duplex links between neighbours."""
        return tuple(
            Link(tail=low, head=high, bandwidth_bps=bandwidth, latency_s=latency_s)
            for low, high, bandwidth in zip(
                self.names, self.names[1:], self.bandwidths_bps.tolist()
            )
        )


def draw_line(rng: np.random.Generator, options: Mapping[str, Any]) -> TierLine:
    """A random line: speeds never fall, bandwidths are log-uniform around their middle.

    A speed is the one before times a factor log-uniform between the square root of `speed_ratio`
    and `speed_ratio`.
    """
    tiers = options["tiers"]
    steps = options["speed_ratio"] ** rng.uniform(0.5, 1, tiers - 1)
    speeds = options["speed_flops"] * np.cumprod(np.concatenate(([1.0], steps)))
    spread = options["bandwidth_spread"] ** rng.uniform(-1, 1, tiers - 1)
    return TierLine(tier_names(tiers), frozen(speeds), frozen(options["bandwidth_bps"] * spread))


def tier_names(tiers: int) -> tuple[str, ...]:
    """`device`, what lies between, `cloud`; a single tier between is the `edge`."""
    middle = ("edge",) if tiers == 3 else tuple(f"fog{rank}" for rank in range(1, tiers - 1))
    return ("device", *middle, "cloud")
