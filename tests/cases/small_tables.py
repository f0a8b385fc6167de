"""A plan table small enough to work out by hand."""

from __future__ import annotations

from splitfog import Instance
from splitfog.formulations.objective import Objective
from splitfog.formulations.parametric.figure import Figure
from splitfog.formulations.parametric.plan_table import CrossedLink, HeldWeights, PlanTable
from splitfog.formulations.parametric.planes import Cell, Plane
from tests.cases.small_networks import layer, link, network, node

LINK = ("d", "e")


def two_places() -> Instance:
    """An input of 0.1 MB and a layer of 1 GFLOP and 8 MB of weights, which d runs in 1 s, e in 0.1.

    The link between them, 8 Mbit/s with a latency of 10 ms, takes the input in 0.11 s.
    """
    return network(
        [layer("in", 0, 0.1), layer("a", 1, 0.0, "in", weight_bytes=8e6)],
        [node("d", 1e9, "device"), node("e", 10e9, "edge")],
        [link("d", "e", 8e6, latency_s=0.01)],
    )


def two_plans(own: float | None = 8e6) -> PlanTable:
    """By bandwidth B and load of e: all on d, 1 s; or on e, 0.01 s + 8e5 bits / B + 0.1 s load."""
    return PlanTable(
        instance="small",
        instance_sha256="0" * 64,
        objective=Objective("latency"),
        figures=(
            Figure(link=LINK, low=1e5, high=1e8, own=own),
            Figure(node="e", low=0.5, high=20.0, own=None if own is None else 1.0),
        ),
        status="optimal",
        placements=({"t": {"in": "d", "a": "d"}}, {"t": {"in": "d", "a": "e"}}),
        links=(CrossedLink(tail="d", head="e", latency_s=0.01, duplex=True),),
        held={"d": HeldWeights(weight_bytes=8e6), "e": HeldWeights(weight_bytes=8e6)},
        cells=(
            Cell(
                planes=(
                    Plane(alpha_s=1.0, slopes=(0.0, 0.0), crossings=(0.0,)),
                    Plane(alpha_s=0.01, slopes=(8e5, 0.1), crossings=(1.0,)),
                )
            ),
        ),
    )
