"""The tables of `gains` in JAX, float64: where there are very many subtasks."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from numpy.typing import NDArray

from splitfog.formulations.games.gains import Given, Now, coming
from splitfog.instances.arrays import Floats

PADDING = 128
"""Subtasks are padded to multiples, so that few numbers of them compile anew."""


def on_device(given: Given) -> Given:
    """The same tables on the device, padded."""
    with jax.enable_x64(True):
        found: Given = jax.tree.map(lambda rows: jnp.asarray(_padded(rows)), given)
        return found


def replacements(given: Given, now: Now, agents: bool) -> tuple[Floats, Floats | None]:
    """As `gains.replacements`; `given` is `on_device`."""
    count = len(now.here)
    with jax.enable_x64(True):
        node, agent = _replacements(given, jax.tree.map(_padded, now), agents)
        return np.asarray(node)[:count, :count], (
            np.asarray(agent)[:count, :count] if agents else None
        )


def arrivals(given: Given, now: Now, agents: bool) -> tuple[Floats, Floats | None]:
    """As `gains.arrivals`; `given` is `on_device`."""
    count = len(now.here)
    with jax.enable_x64(True):
        padded = now._replace(
            visit_s=_padded(now.visit_s),
            opens=_padded(now.opens),
            here=_padded(now.here),
            latency_s=_padded(now.latency_s),
        )
        joined, agent = _arrivals(given, padded, agents)
        return np.asarray(joined)[:, :count].T, np.asarray(agent)[:, :count].T if agents else None


def sum_with_transpose(changes: Floats) -> Floats:
    """changes + changes.T, for large arrays."""
    with jax.enable_x64(True):
        return np.asarray(_both(changes))


@jax.jit
def _both(changes: Array) -> Array:
    return changes + changes.T


def _padded(rows: NDArray[Any]) -> Any:
    count = rows.shape[-1]
    extra = max(-(-count // PADDING), 1) * PADDING - count  # no subtask at all is one padding
    return np.pad(rows, [(0, 0)] * (rows.ndim - 1) + [(0, extra)])


@partial(jax.jit, static_argnames="agents")
def _replacements(given: Given, now: Now, agents: bool) -> tuple[Array, Array]:
    def row(k: Array) -> tuple[Array, Array]:
        barred = given.group == given.group[k]
        return coming(jnp, given, now, now.here[k], k, barred, agents)

    found: tuple[Array, Array] = lax.map(row, lax.iota(jnp.int32, len(now.here)))
    return found


@partial(jax.jit, static_argnames="agents")
def _arrivals(given: Given, now: Now, agents: bool) -> tuple[Array, Array]:
    def row(node: Array) -> tuple[Array, Array]:
        return coming(jnp, given, now, node, node, jnp.zeros(len(now.here), bool), agents)

    found: tuple[Array, Array] = lax.map(row, lax.iota(jnp.int32, len(now.quota)))
    return found
