"""Pollaczek and Khinchine's formula, in JAX."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jax import Array


def wait_seconds(second: Array, rho: Array) -> Array:
    """Mean waits by `second`, the sum of lambda s^2, and rho, that of lambda s; rho must be < 1.

    Whoever asks sees to loads of 1 and more, where what comes is no wait: each in a way that costs
    no pass of its own.
    """
    return second / (2 * (1 - rho))
