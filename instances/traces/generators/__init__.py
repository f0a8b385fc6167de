"""Seeded families of traces."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from splitfog.instances.generators.family import Family
from splitfog.instances.lookup import look_up
from splitfog.instances.traces.generators import fading, markov, nominal, outages
from splitfog.instances.traces.trace import Trace

TRACE_FAMILIES: Mapping[str, Family[Trace]] = MappingProxyType(
    {
        family.name: family
        for family in (fading.FAMILY, markov.FAMILY, outages.FAMILY, *nominal.FAMILIES)
    }
)
"""Every family, by name."""


def generate_trace(family: str, seed: int = 0, **options: Any) -> Trace:
    """A trace of a family.

    Parameters
    ----------
    family : "fading", "markov", "outages", "step", "diurnal" or "load"
        A bandwidth that fades as that of LTE, 3G or Wi-Fi; one of five levels of a 3G link;
        moments without any; a single change; a day; a node's load.
    seed
        >= 0; the same seed and options give the same trace.
    **options
        The family's own options: `splitfog generate trace --list` names them.

    Returns
    -------
    Trace
        Its `meta` says what it was made of, and where the figures are from, or that they are
        nominal.

    Raises
    ------
    LookupError
        If there is no such family or option; the message lists those there are.
    ValueError
        If an option's value is not allowed; the message says what is.

    Examples
    --------
    >>> import splitfog as sf
    >>> sf.generate_trace("fading", preset="lte", seed=1, link=("device", "edge0"))
    <Trace fading-lte-seed1: 600 s, then repeat, 1 series, 600 values>
    """
    return look_up(TRACE_FAMILIES, family, "family").generate(seed, options)
