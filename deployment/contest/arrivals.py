"""When requests arrive: at a steady beat, or as a Poisson stream."""

from __future__ import annotations

from math import ceil
from typing import Any

import numpy as np

from splitfog.instances.arguments import wrong

FORMS = "every:S (seconds > 0) or poisson:R (requests per second > 0)"

MOST = 10_000_000
"""Requests of one replay."""


def parsed(requests: Any) -> tuple[str, float]:
    """`every` or `poisson`, and its figure.

    Raises
    ------
    ValueError
        For another form.
    """
    kind, _, figure = requests.partition(":") if isinstance(requests, str) else ("", "", "")
    try:
        value = float(figure)
    except ValueError:
        value = 0.0
    if kind not in ("every", "poisson") or not 0 < value < float("inf"):
        raise wrong("requests", requests, FORMS)
    return kind, value


def arrival_times(requests: str, duration_s: float, seed: int) -> tuple[float, ...]:
    """The moments below `duration_s` at which requests arrive, in order.

    `every:S`: 0, S, 2 S, ...; whatever the seed. `poisson:R`: a Poisson stream of R a second, which
    the seed decides. O(number of requests).

    Raises
    ------
    ValueError
        For another form, and where there are more than `MOST`.
    """
    kind, figure = parsed(requests)
    count = duration_s / figure if kind == "every" else duration_s * figure
    if count > MOST:
        allowed = f"at most {MOST} requests in the {duration_s:g} s of the trace, not {count:.3g}"
        raise wrong("requests", requests, allowed)
    if kind == "every":
        times = np.arange(ceil(duration_s / figure) + 1) * figure
    else:
        times = _poisson(figure, duration_s, np.random.default_rng((seed, 0)))
    return tuple(times[times < duration_s].tolist())


def _poisson(rate: float, duration_s: float, random: np.random.Generator) -> np.ndarray:
    """Arrivals up to some moment after `duration_s`: as many as are needed, never fewer."""
    block = ceil(rate * duration_s + 4 * (rate * duration_s) ** 0.5) + 8
    times = np.cumsum(random.exponential(1 / rate, block))
    while times[-1] < duration_s:
        times = np.append(times, times[-1] + np.cumsum(random.exponential(1 / rate, block)))
    return times
