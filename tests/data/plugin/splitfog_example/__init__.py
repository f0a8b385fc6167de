"""Two solvers for splitfog: what they declare; their code is loaded when it is asked for."""

from splitfog.solvers.declare import Option, SolverInfo

SOLVERS = (
    SolverInfo(
        name="one-move",
        summary="from everything on one node, the layer whose move helps most, again and again",
        kind="heuristic",
        objectives=("latency", "period", "mean-latency"),
        entry=".one_move:solve_one_move",
        complexity="O(V N) costs a move",
        options={"moves": Option(20, "moves at most", least=0)},
        start=True,
    ),
    SolverInfo(
        name="all-on-one",
        summary="everything on the one node that is best",
        kind="baseline",
        objectives=("latency", "period", "mean-latency"),
        entry=".all_on_one:solve_all_on_one",
        complexity="O(N) costs",
        cheap=True,
    ),
)
