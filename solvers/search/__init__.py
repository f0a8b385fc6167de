"""Heuristics for any objective, and what they start from."""

from __future__ import annotations

from splitfog.solvers.declare import EVERYTHING, Option, SolverInfo

SOLVERS: tuple[SolverInfo, ...] = (
    SolverInfo(
        name="evolution",
        summary="any objective by a population search over batches of placements (and orders)",
        kind="heuristic",
        objectives=("latency", "makespan", "period", "mean-latency"),
        entry=".evolution:solve_evolution",
        complexity="O(layers + edges) a placement and generation; stops after 10 s by default; "
        "compiling takes 1 to 3 s and cannot be interrupted, so with less it gives its starts",
        reference="an evolution strategy with moves along topological orders and cuts (ours)",
        options={
            "iterations": Option(1000, "generations at most", least=1),
            "stagnation": Option(60, "generations without improvement at most", least=1),
            "warm": Option(True, "whether it starts from the plans of every cheap solver"),
            "population": Option(
                "host",
                "where placements are bred: device keeps them where their costs are computed "
                "(no makespan)",
                choices=("host", "device"),
            ),
        },
        start=True,
        takes=EVERYTHING,
    ),
    SolverInfo(
        name="alpha-expansion",
        summary="latency on any nodes: any set of layers moves to one node by a minimum cut",
        kind="heuristic",
        objectives=("latency",),
        entry=".alpha_expansion:solve_alpha_expansion",
        complexity="one maximum flow on O(V + E) arcs a node and round",
        reference="Boykov, Veksler, Zabih, PAMI 2001; within 2c where the plan's reason says so",
        cites=("boykov2001expansion",),
        start=True,
        takes=("passes", "state"),
    ),
)
