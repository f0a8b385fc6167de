"""`petals`: each machine holds as many layers as it can, where they are served least."""

from __future__ import annotations

import numpy as np

from splitfog.solvers.base import Answer, Request
from splitfog.solvers.replicas.fleet import Ranges, fleet_of


def solve_petals(request: Request) -> Answer:
    """Machines join in the order of the file, each with as many layers in a row as it can hold,
    at the place where the worst served layers of the range are served least.

    After Petals (Borzunov et al., ACL 2023): places are compared by what passes their layers so
    far, the least of them first. Ignores links and what comes later. O(N L^2).
    """
    fleet = fleet_of(request.instance, request.objective)
    served = np.zeros(fleet.num_layers)
    ranges: Ranges = {}
    for node in fleet.usable:
        starts, ends = np.nonzero(fleet.rates[node])
        size = int((ends - starts).max())
        places = [int(a) for a, b in zip(starts, ends, strict=True) if b - a == size]
        start = min(places, key=lambda a: sorted(served[a : a + size].tolist()))
        ranges[node] = (start, start + size)
        served[start : start + size] += fleet.rates[node, start, start + size]
    if not served.all():
        layer = fleet.instance.model_of(fleet.instance.tasks[0]).layers[
            fleet.layers[int(served.argmin())]
        ]
        return Answer(None, reason=f"no machine holds layer {layer.name}")
    return Answer(fleet.decision(ranges))
