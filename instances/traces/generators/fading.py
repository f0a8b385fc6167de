"""The family `fading`: the bandwidth of a radio link, which fades slowly and fast."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from math import log, sqrt
from types import MappingProxyType
from typing import Any

import numpy as np

from splitfog.instances.arrays import Floats
from splitfog.instances.generators.family import Family
from splitfog.instances.plugins.option import Option
from splitfog.instances.traces.generators.common import BANDWIDTH, times_of, trace_of
from splitfog.instances.traces.trace import Trace


@dataclass(frozen=True, kw_only=True)
class Fading:
    """How a kind of network fades.

    Attributes
    ----------
    median_bps
        Exp of the mean of the logarithm.
    sigma
        Standard deviation of the logarithm.
    fast_share
        Of its variance, what fades fast.
    slow, fast
        Correlations of the two parts over a second.
    source
        Where the figures come from.
    """

    median_bps: float
    sigma: float
    fast_share: float
    slow: float
    fast: float
    source: str


PRESETS: Mapping[str, Fading] = MappingProxyType(
    {
        "lte": Fading(
            median_bps=9.4e6, sigma=0.75, fast_share=0.35, slow=0.97, fast=0.2,
            source="fitted to public LTE traces",
        ),
        "3g": Fading(
            median_bps=1.03e6, sigma=0.62, fast_share=0.25, slow=0.985, fast=0.6,
            source="fitted to public 3G traces (Riiser et al., MMSys 2013)",
        ),
        "wi-fi": Fading(
            median_bps=18.88e6, sigma=0.4, fast_share=0.5, slow=0.97, fast=0.2, source="nominal"
        ),
    }
)  # fmt: skip

OPTIONS = {
    "preset": Option("lte", "kind of network", "choice", choices=tuple(PRESETS)),
    **BANDWIDTH,
    "median_bps": Option(
        None, "median in bit/s; none: the preset's", "number", low=1, high=1e15, optional=True
    ),
    "sigma": Option(
        None,
        "standard deviation of its logarithm; none: the preset's",
        "number",
        low=0,
        high=10,
        optional=True,
    ),
}


def build(name: str, seed: int, options: Mapping[str, Any], meta: dict[str, Any]) -> Trace:
    """log B = m + s (sqrt(1 - f) slow + sqrt(f) fast), the two autoregressive of order 1.

    Their correlations over `step_s` are those over a second to that power, so that finer steps
    show the same process.
    """
    preset = PRESETS[options["preset"]]
    median = preset.median_bps if options["median_bps"] is None else options["median_bps"]
    sigma = preset.sigma if options["sigma"] is None else options["sigma"]
    rng = np.random.default_rng(seed)
    times = times_of(options)
    slow, fast = (
        _autoregressive(rng, len(times), correlation ** options["step_s"])
        for correlation in (preset.slow, preset.fast)
    )
    both = sqrt(1 - preset.fast_share) * slow + sqrt(preset.fast_share) * fast
    values = np.exp(log(median) + sigma * both)
    meta = {**meta, "reference": preset.source}
    return trace_of(name, "bandwidth_bps", times, values, options, meta)


def _autoregressive(rng: np.random.Generator, count: int, correlation: float) -> Floats:
    """[count] of a stationary process of mean 0 and variance 1."""
    draws = rng.standard_normal(count)
    draws[1:] *= sqrt(1 - correlation**2)
    return np.array(list(accumulate(draws.tolist(), lambda x, new: correlation * x + new)))


FAMILY = Family(
    name="fading",
    summary="the bandwidth of a radio link that fades slowly and fast",
    options=OPTIONS,
    build=build,
    head=lambda options: str(options["preset"]),
    in_head=("preset",),
)
