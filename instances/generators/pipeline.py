"""The family `pipeline`: a request to a language model on machines that are named."""

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

OPTIONS = {
    **serving.OPTIONS,
    "machines": Option(
        "mac-mini-m4-pro,rtx-3090,mac-mini-m4", "kinds of the machines, the source first; any may "
        "stand several times", "choices", choices=tuple(MACHINES),
    ),
    "network": Option("gigabit", "network of the machines", "choice", choices=tuple(LANS)),
    "spread": Option(
        1.0, "each machine's speeds are off by a random factor up to this", "number",
        low=1, high=1e3,
    ),
}  # fmt: skip


def build(name: str, seed: int, options: Mapping[str, Any], meta: dict[str, Any]) -> Instance:
    """A request on the machines in their order, all in one network.

    The seed matters only where `spread` exceeds 1: the speeds of a machine (arithmetic, memory and
    network together) then have its own factor, log-uniform between 1 / spread and spread.
    """
    kinds = [MACHINES[kind] for kind in options["machines"].split(",")]
    rng = np.random.default_rng(seed)
    factors = (options["spread"] ** rng.uniform(-1, 1, len(kinds))).tolist()
    lan = LANS[options["network"]]
    machines = [(kind, lan, factor) for kind, factor in zip(kinds, factors, strict=True)]
    return serving.served(name, machines, options, meta)


FAMILY = Family(
    name="pipeline",
    summary="a request to a language model on named machines",
    options=OPTIONS,
    build=build,
    head=lambda options: f"{serving.model_name(options)}-{options['network']}",
    in_head=("model", "network"),
)
