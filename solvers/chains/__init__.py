"""Exact pipelines: a chain of layers cut into ranges, one a node, in the best order of nodes."""

from __future__ import annotations

from splitfog.solvers.declare import EVERYTHING, Option, SolverInfo

SOLVERS: tuple[SolverInfo, ...] = (
    SolverInfo(
        name="pipeline",
        summary="latency or period of a chain in ranges, one a node in any order, with memory",
        kind="exact",
        objectives=("latency", "period"),
        entry=".pipeline:solve_pipeline",
        exact_when="one task, a chain, over contiguous placements (period: where every way is one "
        "link); over all for the latency of identical blocks where no detour beats a hop",
        complexity="O(2^N N^3) for identical blocks on up to 14 nodes; else O(L N (N + L)) a step "
        "of prices, then labels that grow with the gap of their bound, 2^N N L at most",
        reference="dynamic programming over sets of nodes, after Held and Karp (1962); for more "
        "nodes prices, after Christofides et al. (1981), and labels that keep their bounds, after "
        "Baldacci et al. (2011); in small cases nodes counted as they are used too often, after "
        "Righini and Salani (2008), Boland et al. (2006)",
        cites=(
            "held1962dynamic",
            "christofides1981state",
            "baldacci2011new",
            "righini2008new",
            "boland2006accelerated",
        ),
        options={
            "period": Option(
                None, "the longest period allowed, in seconds, of latency", kind=float, least=0.0
            ),
        },
        takes=EVERYTHING,
    ),
)
