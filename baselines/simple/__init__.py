"""One layer after another."""

from __future__ import annotations

from splitfog.solvers.declare import Option, SolverInfo

SOLVERS: tuple[SolverInfo, ...] = (
    SolverInfo(
        name="device-only",
        summary="every layer on the source",
        kind="baseline",
        objectives=("latency", "makespan", "period", "mean-latency"),
        entry=".single_tier:solve_device_only",
        complexity="O(V + E)",
        cheap=True,
    ),
    SolverInfo(
        name="edge-only",
        summary="every layer on the best node of the tiers between the first and the last",
        kind="baseline",
        objectives=("latency", "makespan", "period", "mean-latency"),
        entry=".single_tier:solve_edge_only",
        complexity="O(N (V + E)) over the N nodes of these tiers",
        cheap=True,
    ),
    SolverInfo(
        name="cloud-only",
        summary="every layer on the best node of the last tier",
        kind="baseline",
        objectives=("latency", "makespan", "period", "mean-latency"),
        entry=".single_tier:solve_cloud_only",
        complexity="O(N (V + E)) over the N nodes of that tier",
        cheap=True,
    ),
    SolverInfo(
        name="random",
        summary="the best of some random feasible placements",
        kind="baseline",
        objectives=("latency", "makespan", "period", "mean-latency"),
        entry=".random_placement:solve_random",
        complexity="O(samples (V + E))",
        options={"samples": Option(100, "how many placements are drawn", least=1)},
    ),
    SolverInfo(
        name="greedy",
        summary="layer by layer in topological order on the node cheapest given what is placed",
        kind="baseline",
        objectives=("latency", "makespan", "period", "mean-latency"),
        entry=".greedy:solve_greedy",
        complexity="O(E N)",
        cheap=True,
    ),
    SolverInfo(
        name="local",
        summary="offloading: every task on its own node",
        kind="baseline",
        objectives=("mean-latency",),
        entry=".single_tier:solve_device_only",
        complexity="O(V + E)",
    ),
    SolverInfo(
        name="heft",
        summary="list scheduling by upward rank, without insertion",
        kind="baseline",
        objectives=("makespan",),
        entry=".heft:solve_heft",
        complexity="O(E N)",
        reference="Topcuoglu et al., IEEE TPDS 2002",
        cites=("topcuoglu2002heft",),
        cheap=True,
    ),
    SolverInfo(
        name="cpop",
        summary="list scheduling with the critical path on one node, without insertion",
        kind="baseline",
        objectives=("makespan",),
        entry=".heft:solve_cpop",
        complexity="O(E N)",
        reference="Topcuoglu et al., IEEE TPDS 2002",
        cites=("topcuoglu2002heft",),
        cheap=True,
    ),
)
