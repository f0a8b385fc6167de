"""What the tools that run language models on several machines do, one rule a file."""

from __future__ import annotations

from splitfog.solvers.declare import EVERYTHING, SolverInfo

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
        reference="after llama.cpp and cake; largest remainders, at least one block each (ours)",
        cites=("llama-cpp", "cake"),
        takes=EVERYTHING,
    ),
)
