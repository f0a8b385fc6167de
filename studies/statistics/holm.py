"""Several tests at once: Holm's step-down correction."""

from __future__ import annotations

from collections.abc import Sequence


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values, adjusted so that all together err with the stated probability at most.

    The smallest of m is multiplied by m, the next by m - 1, and so on; none falls below the one
    before it, none is above 1.

    Parameters
    ----------
    p_values
        Of the single tests.

    Returns
    -------
    list of float
        In the same order.

    References
    ----------
    Holm, A Simple Sequentially Rejective Multiple Test Procedure, 1979.
    """
    adjusted, least = [0.0] * len(p_values), 0.0
    for rank, position in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        least = max(least, min(1.0, (len(p_values) - rank) * p_values[position]))
        adjusted[position] = least
    return adjusted
