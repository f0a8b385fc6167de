"""D3 whole: the horizontal partition, the vertical tiles, and both in turn."""

from __future__ import annotations

from splitfog.solvers.declare import Option, SolverInfo

SLICING = {
    "helpers": Option("tier", "nodes that slice beside the home", choices=("tier", "all")),
    "grid": Option(5, "dealt grids have up to so many rows and columns", least=1),
}

SOLVERS: tuple[SolverInfo, ...] = (
    SolverInfo(
        name="hpa",
        summary="the horizontal partition after D3, or the best single tier if that is better",
        kind="heuristic",
        objectives=("latency",),
        entry=".hpa:solve_hpa",
        exact_when="on chains of one result, one node per tier, without memory or groups",
        complexity="O((V + E) K^2)",
        reference="after D3 (arXiv 2101.05952); the look-ahead is ours",
        cites=("zhang2021d3",),
        cheap=True,
        takes=("passes", "state"),
    ),
    SolverInfo(
        name="hpa-plain",
        summary="the horizontal partition after D3, without the single tiers as a safety net",
        kind="heuristic",
        objectives=("latency",),
        entry=".hpa:solve_hpa_plain",
        exact_when="on chains of one result, one node per tier, without memory or groups",
        complexity="O((V + E) K^2)",
        reference="after D3 (arXiv 2101.05952); the look-ahead is ours",
        cites=("zhang2021d3",),
        cheap=True,
        takes=("passes", "state"),
    ),
    SolverInfo(
        name="vsm",
        summary="runs of layers sliced over the nodes of a tier, the placement kept",
        kind="heuristic",
        objectives=("latency",),
        answers="slices",
        entry=".vsm:solve_vsm",
        exact_when="never; the best of a stated family where ways from home share no channel",
        complexity="O(P^2 H^2 N) for P blocks in a run, H rows and N nodes",
        reference="after D3 (arXiv 2101.05952); the family and the dynamic program are ours",
        cites=("zhang2021d3",),
        options=SLICING | {"homes": Option(1, "how many nodes are tried as home", least=1)},
        start=True,
    ),
    SolverInfo(
        name="vsm-ilp",
        summary="the tiles of a plan's stages dealt to nodes by a 0-1 program",
        kind="heuristic",
        objectives=("latency",),
        answers="slices",
        entry=".vsm_ilp:solve_vsm_ilp",
        exact_when="never; its bound holds for the given tiles only and stands in the reason",
        complexity="exponential at worst; O(T N) variables a stage of T tiles",
        reference="0-1 program over the loads of nodes and links (ours), by CBC or HiGHS",
        cites=("zhang2021d3", "huangfu2018highs"),
        options={
            "stages": Option("vsm", "a plan file whose tiles are dealt, or vsm for its plan"),
            "grid": Option(0, "cut every stage in so many rows and columns; 0: as it is", least=0),
            "helpers": SLICING["helpers"],
            "engine": Option("highs", "the back end", choices=("cbc", "highs")),
        },
        start=True,
    ),
    SolverInfo(
        name="d3",
        summary="the partition by tiers, then slices over a tier's nodes, repeated while it helps",
        kind="heuristic",
        objectives=("latency",),
        answers="slices",
        entry=".d3:solve_d3",
        complexity="a few rounds of hpa and vsm",
        reference="after D3 (arXiv 2101.05952); the repetition is ours",
        cites=("zhang2021d3",),
        options=SLICING
        | {
            "partition": Option("hpa", "what divides layers by tier", choices=("hpa", "min-cut")),
            "rounds": Option(5, "most rounds of partition and slicing", least=1),
        },
        start=True,
    ),
)
