"""Proofs over placements, for latency and period."""

from __future__ import annotations

from splitfog.solvers.declare import EVERYTHING, Option, SolverInfo

SOLVERS: tuple[SolverInfo, ...] = (
    SolverInfo(
        name="min-cut",
        summary="latency on tiers in a line as one minimum cut",
        kind="exact",
        objectives=("latency",),
        entry=".min_cut:solve_min_cut",
        exact_when="one usable node per tier, routes along the line; memory is only checked",
        complexity="one maximum flow on O(K (V + E)) arcs",
        reference="H. Ishikawa, PAMI 2003 (chains of variables); DADS, INFOCOM 2019 (two tiers)",
        cites=("ishikawa2003exact", "hu2019dads"),
        cheap=True,
        takes=("passes", "state"),
    ),
    SolverInfo(
        name="ilp",
        summary="latency or period on any nodes and links as a 0-1 program, with memory and groups",
        kind="exact",
        objectives=("latency", "period"),
        entry=".ilp:solve_ilp",
        exact_when="always; on a time limit it returns its dual bound",
        complexity="exponential at worst; O(L N + T D) variables, O(E N^2) where links form cycles",
        reference="0-1 program by cuts or transports (ours), solved by CBC or HiGHS",
        cites=("huangfu2018highs",),
        options={
            "engine": Option("highs", "the back end", choices=("cbc", "highs")),
            "gap": Option(0.0, "relative gap at which it may stop; 0: a proof", least=0.0),
            "threads": Option(0, "threads of the engine; 0: its own choice", least=0),
        },
        start=True,
        takes=EVERYTHING,
    ),
    SolverInfo(
        name="chain-dp",
        summary="latency of a chain of layers on any nodes by dynamic programming",
        kind="exact",
        objectives=("latency",),
        entry=".chain_dp:solve_chain_dp",
        exact_when="the model is a chain, no memory limit binds and no groups span layers",
        complexity="O(L N^2)",
        reference="shortest path of JointDNN (arXiv 1801.08618) and AAIoT (IEEE WCL 2019)",
        cites=("eshratifar2021jointdnn", "zhou2019aaiot"),
        cheap=True,
        takes=("passes", "state"),
    ),
    SolverInfo(
        name="brute-force",
        summary="every placement, one by one",
        kind="exact",
        objectives=("latency", "makespan", "period", "mean-latency"),
        entry=".brute_force:solve_brute_force",
        exact_when="over unsliced placements (makespan: orders too); refuses above 10^6 of them",
        complexity="O(N^L)",
        start=True,
        takes=EVERYTHING,
    ),
)
