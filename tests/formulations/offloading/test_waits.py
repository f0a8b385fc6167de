"""The formula of Pollaczek and Khinchine, against the reference and in JAX."""

from __future__ import annotations

from math import inf

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from splitfog.formulations.offloading.waits import overload_seconds, wait_seconds
from splitfog.formulations.vectorised.waits import wait_seconds as jax_wait_seconds


def test_one_stream_of_one_service() -> None:
    """0.5 requests/s of 1 s each: rho = q = 0.5, so 0.5 / (2 x 0.5) = 0.5 s; idle: none."""
    assert wait_seconds([0.5, 0.0], [0.5, 0.0]).tolist() == [0.5, 0.0]
    assert float(wait_seconds(0.5, 0.5)) == 0.5


@pytest.mark.parametrize("rho", [1.0, 1.5, inf])
def test_a_node_that_never_gets_done(rho: float) -> None:
    """Waits for ever, or as long as is said, times its load; no warning, even of 0 / 0."""
    assert wait_seconds([rho, 0.0], [rho, rho]).tolist() == [inf, inf]
    assert wait_seconds(rho, rho, overload_s=7.0) == 7 * rho


def test_just_below_one_is_a_wait() -> None:
    """1 - rho = 2^-53, the least that a float can say: 2^52 s, not infinity."""
    assert wait_seconds(1.0, 1 - 2**-53) == 2.0**52


def test_any_shape_and_jax_say_the_same() -> None:
    """A column of second moments by a row of loads."""
    rng = np.random.default_rng(0)
    second, rho = rng.exponential(1.0, (50, 1)), rng.random(70)
    waits = wait_seconds(second, rho)
    assert waits.shape == (50, 70)
    with jax.enable_x64(True):
        in_jax = np.asarray(jax_wait_seconds(jnp.asarray(second), jnp.asarray(rho)))
    assert in_jax == pytest.approx(waits, rel=1e-14)


def test_an_overload_weighs_more_than_any_wait_in_all_units() -> None:
    """1e9 times between two requests of the rarest task, which sends one in 4 s; 1e9 if none."""
    assert overload_seconds(np.array([2.0, 0.25, 0.0])) == 4e9
    assert overload_seconds(np.zeros(3)) == 1e9
