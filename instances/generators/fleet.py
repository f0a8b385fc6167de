"""The family `fleet`: a request to a language model on random machines of a home or a lab."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from splitfog.instances.generators import serving
from splitfog.instances.generators.family import Family
from splitfog.instances.generators.machines import MACHINES
from splitfog.instances.generators.presets import LANS
from splitfog.instances.instance import Instance
from splitfog.instances.plugins.option import Option

USUAL_LANS = {
    "home": ("wi-fi-5", "wi-fi-6", "gigabit", "ethernet-2.5g"),
    "lab": ("gigabit", "ethernet-10g"),
}

OPTIONS = {
    **serving.OPTIONS,
    "machines": Option(4, "number of machines", "whole", low=1, high=1000),
    "place": Option("home", "whose usual machines are drawn", "choice", choices=("home", "lab")),
    "network": Option(
        None, "network of all machines; none: each draws one that is usual in the place", "choice",
        choices=tuple(LANS), optional=True,
    ),
    "spread": Option(
        1.2, "each machine's speeds are off by a random factor up to this", "number",
        low=1, high=1e3,
    ),
}  # fmt: skip


def build(name: str, seed: int, options: Mapping[str, Any], meta: dict[str, Any]) -> Instance:
    """A request on machines drawn evenly from the kinds of the place, each with its network.

    The first is the source. The speeds of a machine (arithmetic, memory and network together) have
    a factor of its own, log-uniform between 1 / spread and spread. Two machines of a mesh are
    linked as fast as the slower one's network allows.
    """
    rng = np.random.default_rng(seed)
    kinds = [kind for kind in MACHINES.values() if kind.place == options["place"]]
    lans = USUAL_LANS[options["place"]]
    if options["network"] is not None:
        lans = (options["network"],)
    machines = [
        (
            kinds[int(rng.integers(len(kinds)))],
            LANS[lans[int(rng.integers(len(lans)))]],
            float(options["spread"] ** rng.uniform(-1, 1)),
        )
        for _ in range(options["machines"])
    ]
    return serving.served(name, machines, options, meta)


FAMILY = Family(
    name="fleet",
    summary="a request to a language model on random machines of a home or a lab",
    options=OPTIONS,
    build=build,
    head=lambda options: f"{serving.model_name(options)}-{options['place']}-{options['machines']}",
    in_head=("model", "place", "machines"),
)
