"""Seeded families of instances."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from splitfog.instances.generators import (
    fleet,
    fog,
    line,
    pipeline,
    random_dag,
    three_tier,
)
from splitfog.instances.generators.family import Family
from splitfog.instances.instance import Instance
from splitfog.instances.lookup import look_up
from splitfog.instances.plugins.option import Option

__all__ = ["FAMILIES", "Family", "Option", "generate"]

FAMILIES: Mapping[str, Family[Instance]] = MappingProxyType(
    {
        module.FAMILY.name: module.FAMILY
        for module in (three_tier, line, random_dag, fog, pipeline, fleet)
    }
)
"""Every family, by name. A new one is a module with a `FAMILY`, and its entry here."""


def generate(family: str, seed: int = 0, **options: Any) -> Instance:
    """An instance of a family.

    Parameters
    ----------
    family
        One of `FAMILIES`.
    seed
        >= 0; the same seed and options give the same instance.
    **options
        The family's own options, see `FAMILIES[family].options`.

    Returns
    -------
    Instance
        Its `meta` says what it was made of.

    Raises
    ------
    LookupError
        If there is no such family or option; the message lists those there are.
    ValueError
        If an option's value is not allowed; the message says what is.

    Examples
    --------
    >>> from splitfog.instances.generators import generate
    >>> generate("three-tier", model="alexnet", edge_cloud="4g").tiers
    ('device', 'edge', 'cloud')
    """
    return look_up(FAMILIES, family, "family").generate(seed, options)
