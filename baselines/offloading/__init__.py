"""Subtask by subtask."""

from __future__ import annotations

from splitfog.solvers.declare import Option, SolverInfo

_STAGES = {"stages": Option(None, "plan file whose stages are matched; none: whole tasks")}

SOLVERS: tuple[SolverInfo, ...] = (
    SolverInfo(
        name="nearest",
        summary="offloading: every subtask on the server of least transfer time with room",
        kind="baseline",
        objectives=("mean-latency",),
        entry=".matchers:solve_nearest",
        complexity="O(K N log N)",
        options=_STAGES,
    ),
    SolverInfo(
        name="random-match",
        summary="offloading: every subtask on a random server with room, or at home",
        kind="baseline",
        objectives=("mean-latency",),
        entry=".matchers:solve_random_match",
        complexity="O(K N log N)",
        options=_STAGES,
    ),
    SolverInfo(
        name="greedy-match",
        summary="offloading: subtask by subtask where its visit is shortest, waits included",
        kind="baseline",
        objectives=("mean-latency",),
        entry=".matchers:solve_greedy_match",
        complexity="O(K N log N)",
        options=_STAGES,
    ),
)
