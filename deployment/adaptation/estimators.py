"""What a figure is now, by what was measured of it: one estimator a class.

An estimator never changes: `after` gives the one that has seen a measurement more. Measurements
are finite and >= 0; before the first there is no `value` to ask for.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import exp, log
from typing import Any, Protocol, Self

import numpy as np

from splitfog.deployment.adaptation.names import Kind, named


class Estimator(Protocol):
    """What every estimator offers."""

    @property
    def value(self) -> float:
        """The figure as it is believed to be."""

    def after(self, measured: float) -> Self:
        """The estimator that has seen this measurement, too."""


@dataclass(frozen=True)
class Last:
    """`last`: what was measured last."""

    value: float = 0.0

    def after(self, measured: float) -> Last:
        """O(1)."""
        return Last(measured)


@dataclass(frozen=True)
class Ewma:
    """`ewma:A`: A of what is measured, 1 - A of what was believed; the first as it is."""

    share: float
    seen: bool = False
    value: float = 0.0

    def after(self, measured: float) -> Ewma:
        """O(1)."""
        share = self.share if self.seen else 1.0
        return Ewma(self.share, True, share * measured + (1 - share) * self.value)


@dataclass(frozen=True)
class Kalman:
    """`kalman`: the logarithm walks at random, and is measured with noise.

    Its variance grows by `walk` from one measurement to the next, each of which has the variance
    `noise`; the first is taken as it is. A figure of 0 has no logarithm: it is believed at once,
    and forgotten with the next that has one. R. E. Kalman, "A new approach to linear filtering
    and prediction problems", J. Basic Eng. 82, 1960.
    """

    walk: float = 0.04
    noise: float = 0.04
    mean: float | None = None
    variance: float = 0.0
    value: float = 0.0

    def after(self, measured: float) -> Kalman:
        """O(1)."""
        if measured <= 0:
            return replace(self, value=0.0)
        seen = log(measured)
        if self.mean is None:
            return replace(self, mean=seen, variance=self.noise, value=measured)
        predicted = self.variance + self.walk
        gain = predicted / (predicted + self.noise)
        mean = self.mean + gain * (seen - self.mean)
        return replace(self, mean=mean, variance=(1 - gain) * predicted, value=exp(mean))


@dataclass(frozen=True)
class Harmonic:
    """`harmonic:N`: the harmonic mean of the last N measurements; 0 while one of them is 0."""

    count: int
    window: tuple[float, ...] = ()

    def after(self, measured: float) -> Harmonic:
        """O(N)."""
        return replace(self, window=(*self.window, measured)[-self.count :])

    @property
    def value(self) -> float:
        """O(N)."""
        if not all(self.window):
            return 0.0
        return len(self.window) / sum(1 / measured for measured in self.window)


@dataclass(frozen=True)
class Quantile:
    """`quantile:P,N`: the P-quantile of the last N measurements, linear between two of them."""

    share: float
    count: int
    window: tuple[float, ...] = ()

    def after(self, measured: float) -> Quantile:
        """O(N)."""
        return replace(self, window=(*self.window, measured)[-self.count :])

    @property
    def value(self) -> float:
        """O(N log N)."""
        return float(np.quantile(self.window, self.share))


def _is_count(number: float) -> bool:
    return number >= 1 and number == int(number)


ESTIMATORS: dict[str, Kind[Estimator]] = {
    "last": Kind(make=Last, form="last"),
    "ewma": Kind(
        make=Ewma,
        form="ewma:A",
        where="0 < A <= 1",
        fits=lambda a: 0 < a <= 1,
        count=1,
        defaults=(0.7,),
    ),
    "kalman": Kind(make=Kalman, form="kalman"),
    "harmonic": Kind(
        make=lambda n: Harmonic(int(n)),
        form="harmonic:N",
        where="a whole number N >= 1",
        fits=_is_count,
        count=1,
    ),
    "quantile": Kind(
        make=lambda p, n: Quantile(p, int(n)),
        form="quantile:P,N",
        where="0 <= P <= 1 and a whole number N >= 1",
        fits=lambda p, n: 0 <= p <= 1 and _is_count(n),
        count=2,
    ),
}


def estimator(value: Any) -> Estimator:
    """The estimator of a name, before its first measurement.

    Raises
    ------
    ValueError
        With the forms that are allowed.
    """
    return named("estimate", value, ESTIMATORS)
