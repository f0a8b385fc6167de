"""Every solver and baseline: what each declares, and where its code is."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from splitfog.instances.lookup import look_up
from splitfog.solvers.base import Option, Solver, SolverInfo

_ALL = ("latency", "makespan", "period", "mean-latency", "batch")

_STAGES = {"stages": Option(None, "plan file whose stages are matched; none: whole tasks")}

_SUBTASKS = {"stages": Option(None, "plan file whose subtasks are matched; none: see the solver")}

_SLICING = {
    "helpers": Option("tier", "nodes that slice beside the home", choices=("tier", "all")),
    "grid": Option(5, "dealt grids have up to so many rows and columns", least=1),
}

_CONSENT = Option(
    "total",
    "an exchange is made iff: Phi falls; the movers gain; movers and nodes all agree",
    choices=("total", "agents", "four"),
)

_MATCHED = "plan file whose subtasks are matched; none: "

SOLVERS: tuple[SolverInfo, ...] = (
    SolverInfo(
        name="auto",
        summary="chooses: exact and polynomial, else exact, else a heuristic with a bound",
        kind="exact",
        objectives=_ALL,
        answers="slices",
        entry="splitfog.solvers.auto:solve_auto",
        exact_when="as the solver that it chooses; the plan's reason says which and why",
    ),
    SolverInfo(
        name="min-cut",
        summary="latency on tiers in a line as one minimum cut",
        kind="exact",
        objectives=("latency",),
        entry="splitfog.solvers.exact.min_cut:solve_min_cut",
        exact_when="one usable node per tier, routes along the line; memory is only checked",
        complexity="one maximum flow on O(K (V + E)) arcs",
        reference="H. Ishikawa, PAMI 2003 (chains of variables); DADS, INFOCOM 2019 (two tiers)",
    ),
    SolverInfo(
        name="ilp",
        summary="latency or period on any nodes and links as a 0-1 program, with memory and groups",
        kind="exact",
        objectives=("latency", "period"),
        entry="splitfog.solvers.exact.ilp:solve_ilp",
        exact_when="always; on a time limit it returns its dual bound",
        complexity="exponential at worst; O(L N + T D) variables, O(E N^2) where links form cycles",
        reference="0-1 program by cuts or transports (ours), solved by CBC or HiGHS",
        options={"engine": Option("highs", "the back end", choices=("cbc", "highs"))},
    ),
    SolverInfo(
        name="chain-dp",
        summary="latency of a chain of layers on any nodes by dynamic programming",
        kind="exact",
        objectives=("latency",),
        entry="splitfog.solvers.exact.chain_dp:solve_chain_dp",
        exact_when="the model is a chain, no memory limit binds and no groups span layers",
        complexity="O(L N^2)",
        reference="shortest path of JointDNN (arXiv 1801.08618) and AAIoT (IEEE WCL 2019)",
    ),
    SolverInfo(
        name="cp-sat",
        summary="makespan over placements and orders by constraint programming on series blocks",
        kind="exact",
        objectives=("makespan",),
        entry="splitfog.solvers.makespan.cp_sat:solve_cp_sat",
        exact_when="always but with very many hops that can wait; on a time limit with its bound",
        complexity="exponential at worst in the largest block between two cuts in series",
        reference="CP-SAT (OR-Tools); the cut into blocks and the order of hops are ours",
        options={
            "workers": Option(1, "CP-SAT's threads", least=1),
            "decompose": Option(True, "whether the model is cut into blocks in series"),
        },
    ),
    SolverInfo(
        name="brute-force",
        summary="every placement, one by one",
        kind="exact",
        objectives=("latency", "makespan", "period", "mean-latency"),
        entry="splitfog.solvers.exact.brute_force:solve_brute_force",
        exact_when="over unsliced placements (makespan: orders too); refuses above 10^6 of them",
        complexity="O(N^L)",
    ),
    SolverInfo(
        name="hpa",
        summary="the horizontal partition after D3, or the best single tier if that is better",
        kind="heuristic",
        objectives=("latency",),
        entry="splitfog.solvers.d3.hpa:solve_hpa",
        exact_when="on chains of one result, one node per tier, without memory or groups",
        complexity="O((V + E) K^2)",
        reference="after D3 (arXiv 2101.05952); the look-ahead is ours",
    ),
    SolverInfo(
        name="hpa-plain",
        summary="the horizontal partition after D3, without the single tiers as a safety net",
        kind="heuristic",
        objectives=("latency",),
        entry="splitfog.solvers.d3.hpa:solve_hpa_plain",
        exact_when="on chains of one result, one node per tier, without memory or groups",
        complexity="O((V + E) K^2)",
        reference="after D3 (arXiv 2101.05952); the look-ahead is ours",
    ),
    SolverInfo(
        name="evolution",
        summary="any objective by a population search over batches of placements (and orders)",
        kind="heuristic",
        objectives=("latency", "makespan", "period", "mean-latency"),
        entry="splitfog.solvers.search.evolution:solve_evolution",
        complexity="O(layers + edges) a placement and generation; stops after 10 s by default",
        reference="an evolution strategy with moves along topological orders and cuts (ours)",
        options={
            "iterations": Option(1000, "generations at most", least=1),
            "stagnation": Option(60, "generations without improvement at most", least=1),
            "warm": Option(True, "whether it starts from the plans of every cheap solver"),
        },
    ),
    SolverInfo(
        name="alpha-expansion",
        summary="latency on any nodes: any set of layers moves to one node by a minimum cut",
        kind="heuristic",
        objectives=("latency",),
        entry="splitfog.solvers.search.alpha_expansion:solve_alpha_expansion",
        complexity="one maximum flow on O(V + E) arcs a node and round",
        reference="Boykov, Veksler, Zabih, PAMI 2001; within 2c where the plan's reason says so",
    ),
    SolverInfo(
        name="offload-assignment",
        summary="batch: the best nodes and orders of whole tasks, or of the subtasks of `stages`",
        kind="exact",
        objectives=("batch",),
        entry="splitfog.solvers.offloading.batch_assignment:solve_offload_assignment",
        answers="slices",
        exact_when="for the subtasks given; with quotas on sources of tasks up to 150,000 columns",
        complexity="one linear assignment of K subtasks to O(K + N) slots",
        reference="Bruno, Coffman, Sethi, CACM 1974 (slots by position from the end)",
        options=_SUBTASKS,
    ),
    SolverInfo(
        name="vsm",
        summary="runs of layers sliced over the nodes of a tier, the placement kept",
        kind="heuristic",
        objectives=("latency",),
        answers="slices",
        entry="splitfog.solvers.d3.vsm:solve_vsm",
        exact_when="never; the best of a stated family where ways from home share no channel",
        complexity="O(P^2 H^2 N) for P blocks in a run, H rows and N nodes",
        reference="after D3 (arXiv 2101.05952); the family and the dynamic program are ours",
        options=_SLICING | {"homes": Option(1, "how many nodes are tried as home", least=1)},
    ),
    SolverInfo(
        name="vsm-ilp",
        summary="the tiles of a plan's stages dealt to nodes by a 0-1 program",
        kind="heuristic",
        objectives=("latency",),
        answers="slices",
        entry="splitfog.solvers.d3.vsm_ilp:solve_vsm_ilp",
        exact_when="never; its bound holds for the given tiles only and stands in the reason",
        complexity="exponential at worst; O(T N) variables a stage of T tiles",
        reference="0-1 program over the loads of nodes and links (ours), by CBC or HiGHS",
        options={
            "stages": Option("vsm", "a plan file whose tiles are dealt, or vsm for its plan"),
            "grid": Option(0, "cut every stage in so many rows and columns; 0: as it is", least=0),
            "helpers": _SLICING["helpers"],
            "engine": Option("highs", "the back end", choices=("cbc", "highs")),
        },
    ),
    SolverInfo(
        name="d3",
        summary="the partition by tiers, then slices over a tier's nodes, repeated while it helps",
        kind="heuristic",
        objectives=("latency",),
        answers="slices",
        entry="splitfog.solvers.d3.d3:solve_d3",
        complexity="a few rounds of hpa and vsm",
        reference="after D3 (arXiv 2101.05952); the repetition is ours",
        options=_SLICING
        | {
            "partition": Option("hpa", "what divides layers by tier", choices=("hpa", "min-cut")),
            "rounds": Option(5, "most rounds of partition and slicing", least=1),
        },
    ),
    SolverInfo(
        name="dina",
        summary="adaptive partition and matching in turns, from best responses",
        kind="heuristic",
        objectives=("mean-latency",),
        answers="slices",
        entry="splitfog.solvers.dina.dina:solve_dina",
        complexity="O(tasks L N + K^2 + K N) a turn, K subtasks; at most 50 turns",
        reference="after DINA, INFOCOM 2020; decisions that are ours stand in solvers/dina/",
        options={"consent": _CONSENT},
    ),
    SolverInfo(
        name="dina-p",
        summary="every task partitioned adaptively against the loads of the others",
        kind="heuristic",
        objectives=("mean-latency",),
        answers="slices",
        entry="splitfog.solvers.dina.dina:solve_dina_p",
        complexity="O(tasks L N) a sweep, at most 100",
        reference="after DINA, INFOCOM 2020; blocks, prices and dynamic program are ours",
    ),
    SolverInfo(
        name="dina-o",
        summary="given subtasks matched: deferred acceptance, then swaps and moves",
        kind="heuristic",
        objectives=("mean-latency",),
        answers="slices",
        entry="splitfog.solvers.dina.offload:solve_dina_o",
        complexity="O(K^2 + K N) a round, K subtasks; at most 1,000 rounds",
        reference="after DINA, INFOCOM 2020 (swap matching); moves and consent total are ours",
        options={
            "consent": _CONSENT,
            "stages": Option(None, _MATCHED + "DINA-P's first pass", kind=str),
        },
    ),
    SolverInfo(
        name="swap",
        summary="local search by swaps and moves, from --start or from all at home",
        kind="heuristic",
        objectives=("mean-latency",),
        answers="slices",
        entry="splitfog.solvers.dina.offload:solve_swap",
        complexity="O(K^2 + K N) a round, K subtasks; at most 1,000 rounds",
        reference="two-sided exchange stability: Bodine-Baron et al., arXiv 1104.0052 (four)",
        options={"consent": _CONSENT, "stages": Option(None, _MATCHED + "the start's", kind=str)},
    ),
    SolverInfo(
        name="deferred-acceptance",
        summary="subtasks and nodes matched as residents and hospitals, waits unseen",
        kind="heuristic",
        objectives=("mean-latency",),
        answers="slices",
        entry="splitfog.solvers.dina.acceptance:solve_deferred_acceptance",
        complexity="O(K N log(K N)); refuses above load .95",
        reference="Gale and Shapley, 1962; the limit on loads is ours",
        options={
            "side": Option("subtasks", "who proposes", choices=("subtasks", "nodes")),
            "stages": Option(None, _MATCHED + "DINA-P's first pass", kind=str),
        },
    ),
    SolverInfo(
        name="best-response",
        summary="every task in turn takes the single cut that is best for itself",
        kind="heuristic",
        objectives=("mean-latency",),
        entry="splitfog.solvers.dina.best_response:solve_best_response",
        complexity="O(tasks L N) a round",
        reference="best-response dynamics; one cut a task (ours)",
        options={"rounds": Option(100, "rounds at most", least=1)},
    ),
    SolverInfo(
        name="offload-ilp",
        summary="mean-latency of given subtasks, waits included, as a 0-1 program",
        kind="exact",
        objectives=("mean-latency",),
        entry="splitfog.solvers.offloading.offload_ilp:solve_offload_ilp",
        answers="slices",
        exact_when="for the subtasks given (see audit), about 20 subtasks on 5 nodes in a minute",
        complexity="exponential at worst; O(2^K) sets a node, or 2,000 places in the compact form",
        reference="one column per node and set of subtasks (ours), solved by HiGHS",
        options={
            **_SUBTASKS,
            "formulation": Option("columns", "the program", choices=("columns", "compact")),
        },
    ),
    SolverInfo(
        name="joint-ilp",
        summary="mean-latency: one plan per task out of catalogues of 50, the best choice of all",
        kind="exact",
        objectives=("mean-latency",),
        entry="splitfog.solvers.offloading.joint_ilp:solve_joint_ilp",
        answers="slices",
        exact_when="within the catalogues (see audit); up to 20 tasks, about 10 in a minute",
        complexity="exponential at worst: branch and bound over tasks",
        reference="catalogues of DINA-P; the bound by supermodular waits is ours",
    ),
    SolverInfo(
        name="unsplittable",
        summary="mean-latency on nodes with memory: stable with sizes, the job too much moves on",
        kind="heuristic",
        objectives=("mean-latency",),
        entry="splitfog.solvers.offloading.unsplittable:solve_unsplittable",
        answers="slices",
        complexity="O(K N log(K N))",
        reference="Dean, Goemans, Immorlica, 2006; sizes, quotas and loads afterwards are ours",
        options=_SUBTASKS,
    ),
    SolverInfo(
        name="device-only",
        summary="every layer on the source",
        kind="baseline",
        objectives=("latency", "makespan", "period", "mean-latency"),
        entry="splitfog.baselines.simple.single_tier:solve_device_only",
        complexity="O(V + E)",
    ),
    SolverInfo(
        name="edge-only",
        summary="every layer on the best node of the tiers between the first and the last",
        kind="baseline",
        objectives=("latency", "makespan", "period", "mean-latency"),
        entry="splitfog.baselines.simple.single_tier:solve_edge_only",
        complexity="O(N (V + E)) over the N nodes of these tiers",
    ),
    SolverInfo(
        name="cloud-only",
        summary="every layer on the best node of the last tier",
        kind="baseline",
        objectives=("latency", "makespan", "period", "mean-latency"),
        entry="splitfog.baselines.simple.single_tier:solve_cloud_only",
        complexity="O(N (V + E)) over the N nodes of that tier",
    ),
    SolverInfo(
        name="random",
        summary="the best of some random feasible placements",
        kind="baseline",
        objectives=("latency", "makespan", "period", "mean-latency"),
        entry="splitfog.baselines.simple.random_placement:solve_random",
        complexity="O(samples (V + E))",
        options={"samples": Option(100, "how many placements are drawn", least=1)},
    ),
    SolverInfo(
        name="greedy",
        summary="layer by layer in topological order on the node cheapest given what is placed",
        kind="baseline",
        objectives=("latency", "makespan", "period", "mean-latency"),
        entry="splitfog.baselines.simple.greedy:solve_greedy",
        complexity="O(E N)",
    ),
    SolverInfo(
        name="neurosurgeon",
        summary="one cut of the topological order between the source and one remote node",
        kind="baseline",
        objectives=("latency", "mean-latency"),
        entry="splitfog.baselines.cuts.neurosurgeon:solve_neurosurgeon",
        exact_when="one task, a chain from an input, two nodes of different tiers, monotone",
        complexity="O(L N)",
        reference="Kang et al., Neurosurgeon, ASPLOS 2017; on a DAG its topological order (ours)",
    ),
    SolverInfo(
        name="dads",
        summary="two nodes, the source and the best other, by minimum cut: DSL, or DSH for period",
        kind="baseline",
        objectives=("latency", "period", "mean-latency"),
        entry="splitfog.baselines.cuts.dads:solve_dads",
        exact_when="latency with two nodes where no memory limit binds; period within factor 3",
        complexity="N maximum flows on O(V + E) arcs; for period (2 grid + 1)^2 as many",
        reference="Hu et al., DADS, INFOCOM 2019; with the missing reverse links (ours)",
        options={"grid": Option(3, "period: costs are scaled by 2^-grid to 2^grid", least=0)},
    ),
    SolverInfo(
        name="local",
        summary="offloading: every task on its own node",
        kind="baseline",
        objectives=("mean-latency",),
        entry="splitfog.baselines.simple.single_tier:solve_device_only",
        complexity="O(V + E)",
    ),
    SolverInfo(
        name="nearest",
        summary="offloading: every subtask on the server of least transfer time with room",
        kind="baseline",
        objectives=("mean-latency",),
        entry="splitfog.baselines.offloading.matchers:solve_nearest",
        complexity="O(K N log N)",
        options=_STAGES,
    ),
    SolverInfo(
        name="random-match",
        summary="offloading: every subtask on a random server with room, or at home",
        kind="baseline",
        objectives=("mean-latency",),
        entry="splitfog.baselines.offloading.matchers:solve_random_match",
        complexity="O(K N log N)",
        options=_STAGES,
    ),
    SolverInfo(
        name="greedy-match",
        summary="offloading: subtask by subtask where its visit is shortest, waits included",
        kind="baseline",
        objectives=("mean-latency",),
        entry="splitfog.baselines.offloading.matchers:solve_greedy_match",
        complexity="O(K N log N)",
        options=_STAGES,
    ),
    SolverInfo(
        name="scission",
        summary="every contiguous device/edge/cloud split of the chain of blocks",
        kind="baseline",
        objectives=("latency",),
        entry="splitfog.baselines.cuts.scission:solve_scission",
        exact_when="a chain from an input, one node a tier, monotone, no groups, no memory limits",
        complexity="O(B^(K-1)) splits of B blocks over K tiers",
        reference="after Scission, Lockhart et al. 2020",
    ),
    SolverInfo(
        name="qdmp",
        summary="as dads, but minimum cuts only inside the promising blocks between cut vertices",
        kind="baseline",
        objectives=("latency",),
        entry="splitfog.baselines.cuts.qdmp:solve_qdmp",
        exact_when="two nodes, the source in the lower tier, monotone, no memory limit binds",
        complexity="O(N (V + E)) and few small maximum flows",
        reference="after QDMP, Zhang et al., IMWUT 2020; the order of blocks is ours",
    ),
    SolverInfo(
        name="ionn",
        summary="shortest path over blocks that also pays for uploading weights",
        kind="baseline",
        objectives=("latency",),
        entry="splitfog.baselines.cuts.shortest_paths:solve_ionn",
        complexity="O(N B) for B blocks",
        reference="Jeong et al., IONN, SoCC 2018; one upload, a DAG as its chain of blocks (ours)",
        options={"queries": Option(100.0, "inferences that share one upload", least=1)},
    ),
    SolverInfo(
        name="jointdnn",
        summary="shortest path over blocks between the source and the best remote node",
        kind="baseline",
        objectives=("latency",),
        entry="splitfog.baselines.cuts.shortest_paths:solve_jointdnn",
        exact_when="a chain from an input, two nodes, no groups, no memory limits",
        complexity="O(N B) for B blocks",
        reference="Eshratifar et al., JointDNN, arXiv 1801.08618; DAGs as chains of blocks (ours)",
    ),
    SolverInfo(
        name="aaiot",
        summary="dynamic program over blocks and devices in a row",
        kind="baseline",
        objectives=("latency",),
        entry="splitfog.baselines.cuts.shortest_paths:solve_aaiot",
        exact_when="a chain from an input, one node a tier in a line, monotone, no groups, limits",
        complexity="O(B K) for B blocks and K tiers",
        reference="Zhou et al., AAIoT, IEEE WCL 2019; a DAG as its chain of blocks (ours)",
    ),
    SolverInfo(
        name="heft",
        summary="list scheduling by upward rank, without insertion",
        kind="baseline",
        objectives=("makespan",),
        entry="splitfog.baselines.simple.heft:solve_heft",
        complexity="O(E N)",
        reference="Topcuoglu et al., IEEE TPDS 2002",
    ),
    SolverInfo(
        name="cpop",
        summary="list scheduling with the critical path on one node, without insertion",
        kind="baseline",
        objectives=("makespan",),
        entry="splitfog.baselines.simple.heft:solve_cpop",
        complexity="O(E N)",
        reference="Topcuoglu et al., IEEE TPDS 2002",
    ),
    SolverInfo(
        name="pipedream",
        summary="the topological order split into runs, one a node, by dynamic program",
        kind="baseline",
        objectives=("period",),
        entry="splitfog.baselines.pipelines.contiguous:solve_pipedream",
        complexity="O(L^2 N^2); refuses above 3,000 layers",
        reference="Narayanan et al., PipeDream, SOSP 2019; without replication (ours)",
    ),
    SolverInfo(
        name="tarnawski-dp",
        summary="the best contiguous split, by dynamic program over downward-closed sets",
        kind="baseline",
        objectives=("period",),
        entry="splitfog.baselines.pipelines.contiguous:solve_tarnawski_dp",
        exact_when="one node a tier in a line, the source the lowest, monotone, no results_to",
        complexity="O(I^2 N^2) for I downward-closed sets; refuses above 5,000",
        reference="Tarnawski et al., NeurIPS 2020; nodes and networks that differ are ours",
    ),
    SolverInfo(
        name="modnn",
        summary="every sliceable layer its own stage, rows in proportion to node speed",
        kind="baseline",
        objectives=("latency",),
        answers="slices",
        entry="splitfog.baselines.tilings:solve_modnn",
        complexity="O(L N)",
        reference="after MoDNN, Mao et al., DATE 2017",
        options={"helpers": _SLICING["helpers"]},
    ),
    SolverInfo(
        name="deepthings",
        summary="the first layers fused in one equal grid, its tiles dealt round robin",
        kind="baseline",
        objectives=("latency",),
        answers="slices",
        entry="splitfog.baselines.tilings:solve_deepthings",
        complexity="O(P G^4) for P blocks and grids up to G x G",
        reference="Zhao et al., DeepThings, IEEE TCAD 2018; dealt instead of stolen (ours)",
        options=_SLICING,
    ),
    SolverInfo(
        name="aofl",
        summary="fuse points by dynamic program, rows equal or by speed over all nodes",
        kind="baseline",
        objectives=("latency",),
        answers="slices",
        entry="splitfog.baselines.tilings:solve_aofl",
        complexity="O(P^2 L N) for P blocks",
        reference="after AOFL, Zhou et al., 2019; on a DAG over its chains of blocks (ours)",
        options={"helpers": _SLICING["helpers"]},
    ),
    SolverInfo(
        name="coedge",
        summary="every layer its own stage, row shares by linear program, slow nodes dropped",
        kind="baseline",
        objectives=("latency",),
        answers="slices",
        entry="splitfog.baselines.tilings:solve_coedge",
        complexity="O(L N^2)",
        reference="after CoEdge, Zeng et al., 2020; the program's closed form is ours",
        options={"helpers": _SLICING["helpers"]},
    ),
)


def solver_infos() -> tuple[SolverInfo, ...]:
    """What every solver and baseline declares, solvers first."""
    return SOLVERS


def solver_info(name: str) -> SolverInfo:
    """What one solver declares.

    Raises
    ------
    LookupError
        Naming the nearest and all known names.
    """
    return look_up({info.name: info for info in solver_infos()}, name, "solver")


def load_solver(info: SolverInfo) -> Solver:
    """The function of a solver, imported now."""
    if not isinstance(info.entry, str):
        return info.entry
    module, function = info.entry.split(":")
    solver: Solver = getattr(import_module(module), function)
    return solver


def parse_options(info: SolverInfo, given: Mapping[str, Any]) -> dict[str, Any]:
    """All options of a solver: those given, checked, and the defaults of the others.

    Raises
    ------
    ValueError
        For an unknown option or a value that is not allowed.
    """
    for name in given:
        if name not in info.options:
            known = ", ".join(info.options) or "none"
            raise ValueError(f"option {name} is unknown to {info.name}; its options: {known}")
    return {
        name: option.parse(name, given[name]) if name in given else option.default
        for name, option in info.options.items()
    }
