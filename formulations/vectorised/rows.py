"""Rows of numbers over a batch [rows, batch], read and written at an index per placement."""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array, lax

SELECT_ROWS = 16
"""Up to so many rows an index is resolved by comparing with each: it vectorises, a gather less."""


def take(table: Array, index: Array) -> Array:
    """Entries of a table (along its first axis) at indices that are known to be in range."""
    return table.at[index].get(mode="promise_in_bounds", wrap_negative_indices=False)


def pick(rows: Array, index: Array) -> Array:
    """[batch]: of every placement the entry in row `index` [batch]."""
    if len(rows) > SELECT_ROWS:
        lanes = lax.iota(jnp.int32, rows.shape[1])
        return rows.at[index, lanes].get(mode="promise_in_bounds", wrap_negative_indices=False)
    found = rows[0]
    for row in range(1, len(rows)):
        found = jnp.where(index == row, rows[row], found)
    return found


def put(rows: Array, index: Array, value: Array, where: Array) -> Array:
    """The rows with `value` [batch] written to row `index` where `where` holds."""
    if len(rows) > SELECT_ROWS:
        lanes = lax.iota(jnp.int32, rows.shape[1])
        kept = jnp.where(where, value, pick(rows, index))
        return rows.at[index, lanes].set(kept, mode="promise_in_bounds", unique_indices=True)
    chosen = (_numbers(rows) == index[None]) & where[None]
    return jnp.where(chosen, value[None], rows)


def add(rows: Array, index: Array, value: Array) -> Array:
    """The rows with `value` [batch] added to row `index`."""
    if len(rows) > SELECT_ROWS:
        lanes = lax.iota(jnp.int32, rows.shape[1])
        return rows.at[index, lanes].add(value, mode="promise_in_bounds", unique_indices=True)
    return jnp.where(_numbers(rows) == index[None], rows + value[None], rows)


def _numbers(rows: Array) -> Array:
    return lax.broadcasted_iota(jnp.int32, (len(rows), 1), 0)
