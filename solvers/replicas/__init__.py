"""Replicas: a chain over a fleet, several nodes with the same layers, by the rate they carry."""

from __future__ import annotations

from splitfog.solvers.declare import EVERYTHING, Option, SolverInfo

SOLVERS: tuple[SolverInfo, ...] = (
    SolverInfo(
        name="replicas",
        summary="executions per second of ranges of a chain on nodes that share the layers",
        kind="heuristic",
        objectives=("throughput",),
        entry=".replicas:solve_replicas",
        exact_when="the bound is met: by a cover's refutation, by the work of all nodes, or where "
        "there are few combinations of ranges, of which all are looked at",
        complexity="O(N L^2) for the bound of work; covers and groups are exponential in the types "
        "of nodes",
        reference="the objective after Mei et al., Helix (ASPLOS 2025); bounds and search ours",
        cites=("mei2025helix",),
        options={"tries": Option(30_000, "small changes that are tried in all", least=0)},
        start=True,
        takes=EVERYTHING,
    ),
)
