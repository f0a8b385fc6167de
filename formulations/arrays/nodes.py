"""The limits of nodes: what all that count visits or weights ask first."""

from __future__ import annotations

from math import inf

import numpy as np
from numpy.typing import NDArray

from splitfog.instances.arrays import Flags
from splitfog.instances.instance import Instance


def quotas(instance: Instance) -> NDArray[np.float64]:
    """[nodes]: the most foreign visits that a node serves; inf: no limit."""
    return np.array([inf if n.quota is None else n.quota for n in instance.nodes], float)


def hosts(instance: Instance) -> Flags:
    """[nodes]: which may serve any foreign visit."""
    return np.array([node.quota != 0 for node in instance.nodes], bool)


def speeds(instance: Instance) -> NDArray[np.float64]:
    """[nodes]: FLOP/s."""
    return np.array([node.speed_flops for node in instance.nodes])


def limits_memory(instance: Instance) -> bool:
    """Whether some node has a limit of memory; how much: `costs.feasibility.memory_room`."""
    return any(node.memory_bytes is not None for node in instance.nodes)
