"""How long nodes take for layers, with nodes of a kind told apart by one figure each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

import numpy as np

from splitfog.formulations.costs.ledger import follows_flops
from splitfog.formulations.costs.stages import node_rates
from splitfog.instances.arrays import Floats, Integers
from splitfog.instances.records import Model, Node


@dataclass(frozen=True, eq=False, kw_only=True)
class Speeds:
    """Layers take `fixed_s` [layers, nodes] seconds, and `work` [layers, kinds] for nodes of a
    kind times `scale_s` of the node.

    `kind`, `scale_s` [nodes + 1]: the last is no node, but as good as the best of some, of kind
    `kinds`, which does what the quickest of the kinds `best` does.
    """

    fixed_s: Floats
    work: Floats
    kind: Integers
    scale_s: Floats
    best: Integers

    @classmethod
    def of(cls, model: Model, layers: Integers, nodes: Sequence[Node], some: Integers) -> Speeds:
        """Of these layers of a model; the others are left at 0. `some` nodes have a best."""
        own = [model.layers[layer] for layer in layers.tolist()]
        fixed_s = np.zeros((len(model.layers), len(nodes)))
        if follows_flops(own, nodes):
            work, kind = model.flops[:, None], np.zeros(len(nodes), np.int64)
            scale_s = 1 / np.array([node.speed_flops for node in nodes])
            fixed_s[layers] = [node.overhead_s for node in nodes]
        else:
            slopes = node_rates(own, nodes)[1]
            kinds, kind = np.unique(slopes, axis=0, return_inverse=True)
            work, scale_s = np.zeros((len(model.layers), len(kinds))), np.ones(len(nodes))
            work[layers] = kinds.T
            fixed_s[layers] = [node_rates([layer], nodes)[0] for layer in own]
        kind = kind.reshape(-1)
        return cls(
            fixed_s=fixed_s,
            work=work,
            kind=np.append(kind, work.shape[1]),
            scale_s=np.append(scale_s, np.min(scale_s[some], initial=inf)),
            best=np.unique(kind[some]),
        )
