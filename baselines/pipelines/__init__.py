"""Contiguous splits for throughput."""

from __future__ import annotations

from splitfog.solvers.declare import SolverInfo

SOLVERS: tuple[SolverInfo, ...] = (
    SolverInfo(
        name="pipedream",
        summary="the topological order split into runs, one a node, by dynamic program",
        kind="baseline",
        objectives=("period",),
        entry=".contiguous:solve_pipedream",
        complexity="O(L^2 N^2); refuses above 3,000 layers",
        reference="Narayanan et al., PipeDream, SOSP 2019; without replication (ours)",
        cites=("narayanan2019pipedream",),
        cheap=True,
        takes=("passes", "state"),
    ),
    SolverInfo(
        name="tarnawski-dp",
        summary="the best contiguous split, by dynamic program over downward-closed sets",
        kind="baseline",
        objectives=("period",),
        entry=".contiguous:solve_tarnawski_dp",
        exact_when="one node a tier in a line, the source the lowest, monotone, no results_to",
        complexity="O(I^2 N^2) for I downward-closed sets; refuses above 5,000",
        reference="Tarnawski et al., NeurIPS 2020; nodes and networks that differ are ours",
        cites=("tarnawski2020placement",),
        takes=("passes", "state"),
    ),
)
