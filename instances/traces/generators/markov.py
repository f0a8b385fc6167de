"""The family `markov`: the bandwidth of a 3G link as a chain of five levels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from splitfog.instances.arrays import Floats, frozen
from splitfog.instances.generators.family import Family
from splitfog.instances.plugins.option import Option
from splitfog.instances.traces.generators.common import BANDWIDTH, times_of, trace_of
from splitfog.instances.traces.trace import Trace

LEVELS_BPS: Floats = frozen(np.array([0.416, 0.747, 1.041, 1.452, 2.43]) * 1e6)

MOVES: Floats = frozen(
    np.array(
        [
            [0.880, 0.084, 0.027, 0.006, 0.002],
            [0.092, 0.749, 0.122, 0.031, 0.006],
            [0.021, 0.131, 0.681, 0.152, 0.015],
            [0.006, 0.032, 0.156, 0.667, 0.140],
            [0.000, 0.004, 0.014, 0.144, 0.837],
        ]
    )
)
"""Shares of the levels that follow a level after a second; rounded, so rows are divided by sums."""

OPTIONS = {
    **BANDWIDTH,
    "factor": Option(1.0, "what all levels are multiplied by", "number", low=1e-6, high=1e6),
}


def build(name: str, seed: int, options: Mapping[str, Any], meta: dict[str, Any]) -> Trace:
    """A chain that moves every `step_s`, begun as it is in the long run."""
    moves = MOVES / MOVES.sum(axis=1, keepdims=True)
    rng = np.random.default_rng(seed)
    times = times_of(options)
    draws = rng.random(len(times)).tolist()
    ahead = np.cumsum(moves, axis=1)[:, :-1]
    level = int(np.searchsorted(np.cumsum(_stationary(moves))[:-1], draws[0], side="right"))
    levels = [level]
    for draw in draws[1:]:
        level = int(np.searchsorted(ahead[level], draw, side="right"))
        levels.append(level)
    values = LEVELS_BPS[levels] * options["factor"]
    meta = {**meta, "reference": "fitted to the 3G traces of Riiser et al., MMSys 2013"}
    return trace_of(name, "bandwidth_bps", times, values, options, meta)


def _stationary(moves: Floats) -> Floats:
    """[levels]: shares of time in the long run."""
    count = len(moves)
    system = np.vstack([moves.T - np.eye(count), np.ones(count)])
    shares: Floats = np.linalg.lstsq(system, np.append(np.zeros(count), 1.0))[0]
    return shares


FAMILY = Family(
    name="markov",
    summary="the bandwidth of a 3G link as a chain of five levels",
    options=OPTIONS,
    build=build,
    head=lambda options: "3g",
    in_head=(),
)
