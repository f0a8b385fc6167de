"""DINA whole: partition, offloading, their loop, and best responses."""

from __future__ import annotations

from splitfog.solvers.declare import Option, SolverInfo

_CONSENT = Option(
    "total",
    "an exchange is made iff: Phi falls; the movers gain; movers and nodes all agree",
    choices=("total", "agents", "four"),
)

_PLANS = Option(
    "wide",
    "single cuts, no stages; stages at the source, of at most six strips; at any node, of unequal "
    "rectangles",
    choices=("cuts", "narrow", "wide"),
)

_MATCHED = "plan file whose subtasks are matched; none: "

SOLVERS: tuple[SolverInfo, ...] = (
    SolverInfo(
        name="dina",
        summary="adaptive partition and matching in turns, from best responses",
        kind="heuristic",
        objectives=("mean-latency",),
        answers="slices",
        entry=".dina:solve_dina",
        complexity="O(tasks (L N + b N^2) + K^2 + K N) a turn, K subtasks; at most 50 turns",
        reference="after DINA, INFOCOM 2020; decisions that are ours stand in solvers/dina/",
        cites=("mohammed2020dina",),
        options={"consent": _CONSENT, "plans": _PLANS},
        start=True,
    ),
    SolverInfo(
        name="dina-p",
        summary="every task partitioned adaptively against the loads of the others",
        kind="heuristic",
        objectives=("mean-latency",),
        answers="slices",
        entry=".dina:solve_dina_p",
        complexity="O(tasks (L N + b N^2)) a sweep, at most 100",
        reference="after DINA, INFOCOM 2020; blocks, prices and dynamic program are ours",
        cites=("mohammed2020dina",),
        options={"plans": _PLANS},
        start=True,
    ),
    SolverInfo(
        name="dina-o",
        summary="given subtasks matched: deferred acceptance, then swaps and moves",
        kind="heuristic",
        objectives=("mean-latency",),
        answers="slices",
        entry=".offload:solve_dina_o",
        complexity="O(K^2 + K N) a round, K subtasks; at most 1,000 rounds",
        reference="after DINA, INFOCOM 2020 (swap matching); moves and consent total are ours",
        cites=("mohammed2020dina",),
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
        entry=".offload:solve_swap",
        complexity="O(K^2 + K N) a round, K subtasks; at most 1,000 rounds",
        reference="two-sided exchange stability: Bodine-Baron et al., arXiv 1104.0052 (four)",
        cites=("bodinebaron2011peer",),
        options={"consent": _CONSENT, "stages": Option(None, _MATCHED + "the start's", kind=str)},
        start=True,
    ),
    SolverInfo(
        name="deferred-acceptance",
        summary="subtasks and nodes matched as residents and hospitals, waits unseen",
        kind="heuristic",
        objectives=("mean-latency",),
        answers="slices",
        entry=".acceptance:solve_deferred_acceptance",
        complexity="O(K N log(K N)); refuses above load .95",
        reference="Gale and Shapley, 1962; the limit on loads is ours",
        cites=("gale1962college",),
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
        entry=".best_response:solve_best_response",
        complexity="O(tasks L N) a round",
        reference="best-response dynamics; one cut a task (ours)",
        options={"rounds": Option(100, "rounds at most", least=1)},
        start=True,
    ),
)
