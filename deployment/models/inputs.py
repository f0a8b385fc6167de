"""Seeded inputs of a model: what it is run on where nobody gives any."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from splitfog.deployment.models.sessions import ELEMENTS, array_bytes

INTEGER_RANGES = (256, 10, 2, 1)
"""Whole numbers of the inputs are below the first of these with which the model runs."""


def drawn(
    dtype: str,
    shape: Sequence[int],
    rng: np.random.Generator,
    high: int,
    *,
    whole_numbers: bool = False,
) -> bytes:
    """Bytes of a random array.

    Parameters
    ----------
    dtype, shape
        Of the array; a name in `sessions.ELEMENTS`.
    rng
        Draws standard normal numbers, whole numbers from 0 on and truth values.
    high
        Whole numbers are below it.
    whole_numbers
        Whether real numbers are drawn whole, too, from -3 to 3.
    """
    if ELEMENTS[dtype][1] < 8:
        return rng.bytes(array_bytes(dtype, shape))
    kind = numpy_type(dtype)
    if kind.kind in "biu":
        most = 2 if kind.kind == "b" else min(high, int(np.iinfo(kind).max) + 1)
        return rng.integers(0, most, shape).astype(kind).tobytes()
    if whole_numbers:
        return rng.integers(-3, 4, shape).astype(kind).tobytes()
    return rng.standard_normal(shape).astype(kind).tobytes()


def numpy_type(dtype: str) -> np.dtype[Any]:
    """Of a value; types that numpy does not know come from ml_dtypes."""
    import ml_dtypes

    return np.dtype(getattr(ml_dtypes, dtype, dtype))
