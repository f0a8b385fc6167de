"""What the tools that run language models on several machines do, one rule a file."""

from __future__ import annotations

from splitfog.solvers.declare import EVERYTHING, Option, SolverInfo

SOLVERS: tuple[SolverInfo, ...] = (
    SolverInfo(
        name="equal",
        summary="as many blocks for every machine; ignores memory, speed and links",
        kind="baseline",
        objectives=("latency", "period"),
        entry=".equal:solve_equal",
        complexity="O(L)",
        reference="the layer partition of vLLM (Kwon et al., SOSP 2023)",
        cites=("kwon2023vllm",),
        takes=EVERYTHING,
    ),
    SolverInfo(
        name="memory-proportional",
        summary="blocks in proportion to memory; ignores speed, links and the key-value cache",
        kind="baseline",
        objectives=("latency", "period"),
        entry=".memory_proportional:solve_memory_proportional",
        complexity="O(L)",
        reference="after llama.cpp; largest remainders, at least one block each (ours)",
        cites=("llama-cpp",),
        takes=EVERYTHING,
    ),
    SolverInfo(
        name="exo",
        summary="fewest machines whose memory holds the model, then in proportion to it; ignores "
        "speed, links and the key-value cache",
        kind="baseline",
        objectives=("latency", "period"),
        entry=".exo:solve_exo",
        complexity="O(L + N log N)",
        reference="exo's placement; machines stay in the order of the file (ours)",
        cites=("exo",),
        options={"machines": Option(1, "how many there must be at least", least=1)},
        takes=EVERYTHING,
    ),
    SolverInfo(
        name="greedy-fill",
        summary="as many layers as fit, one machine after another; ignores speed and links",
        kind="baseline",
        objectives=("latency", "period"),
        entry=".greedy_fill:solve_greedy_fill",
        complexity="O(L^2)",
        reference="after the sequential device map of accelerate; with the cache (ours)",
        cites=("accelerate",),
        takes=EVERYTHING,
    ),
    SolverInfo(
        name="water-fill",
        summary="blocks in proportion to speed, capped by memory; ignores links, the order of "
        "machines and, by default, the bandwidth of memory",
        kind="baseline",
        objectives=("latency", "period"),
        entry=".water_fill:solve_water_fill",
        complexity="O(N (L + N log N))",
        reference="after Parallax, Tong et al. 2025; the cache is part of a block (ours)",
        cites=("tong2025parallax",),
        options={
            "speed": Option(
                "flops", "of a machine: its FLOP/s, or its blocks per second", ("flops", "block")
            )
        },
        takes=EVERYTHING,
    ),
    SolverInfo(
        name="pipeedge",
        summary="best ranges on kinds of machines for the period; ignores latencies, overlap, the "
        "key-value cache and the ends' ways",
        kind="baseline",
        objectives=("period",),
        entry=".pipeedge:solve_pipeedge",
        complexity="O(P L K (K + L)) for K kinds and P numbers of machines of each",
        reference="Hu et al., PipeEdge, DSD 2022; kinds by all figures, shared weights (ours)",
        cites=("hu2022pipeedge",),
        options={
            "buffers_in": Option(2, "tensors that wait to be taken in", least=0),
            "buffers_out": Option(2, "tensors that wait to be sent", least=0),
        },
        takes=EVERYTHING,
    ),
    SolverInfo(
        name="edgeshard",
        summary="dynamic program over (layer, machine), one way in each; not exact with memory",
        kind="baseline",
        objectives=("latency",),
        entry=".edgeshard:solve_edgeshard",
        exact_when="one task, a chain, no groups, no memory limit binds",
        complexity="O(L N^2)",
        reference="Zhang et al., EdgeShard, IEEE IoT-J 2025, Algorithm 1; any routes (ours)",
        cites=("zhang2025edgeshard",),
        takes=("passes", "state"),
    ),
    SolverInfo(
        name="halda",
        summary="fastest machines first, held to a guess of who reads from disk, those with one "
        "block dropped; ignores links and the order of machines",
        kind="baseline",
        objectives=("latency",),
        entry=".halda:solve_halda",
        complexity="O(N^2 (N + L)) per guess",
        reference="after Halda of prima.cpp, Li et al. 2025; one memory a machine (ours)",
        cites=("li2025prima",),
        options={
            "disk_bytes_per_s": Option(1e9, "how fast a disk is read", least=1.0),
        },
        takes=EVERYTHING,
    ),
    SolverInfo(
        name="swarm",
        summary="equal stages, each machine in the one that passes least; ignores links",
        kind="baseline",
        objectives=("throughput",),
        entry=".swarm:solve_swarm",
        complexity="O(N S)",
        reference="after SWARM, Ryabinin et al., ICML 2023; the number of stages ours",
        cites=("ryabinin2023swarm",),
        options={
            "stages": Option(
                None, "how many; none: the fewest that all machines can hold", kind=int, least=1
            ),
        },
        takes=EVERYTHING,
    ),
    SolverInfo(
        name="petals",
        summary="each machine holds all it can, where layers are served least; ignores links",
        kind="baseline",
        objectives=("throughput",),
        entry=".petals:solve_petals",
        complexity="O(N L^2)",
        reference="after Petals, Borzunov et al., ACL 2023",
        cites=("borzunov2023petals",),
        takes=EVERYTHING,
    ),
)
