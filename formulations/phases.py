"""Phases of a request to a language model: it reads the prompt, then makes token after token.

Passes whose names differ in a number at the end only, such as `decode-1` and `decode-2`, are one
phase.
"""

from __future__ import annotations

from collections.abc import Sequence

from splitfog.formulations.plan_file import TaskEntry

PREFILL, DECODE = "prefill", "decode"


def phase_of(name: str) -> str:
    """The phase that a pass belongs to, by its name: `decode` of `decode-3`."""
    head, dash, number = name.rpartition("-")
    return head if head and dash and number.isdecimal() else name


def mean_of(counts: Sequence[int], figures: Sequence[float]) -> float:
    """The mean figure of an execution, of passes with so many executions each."""
    total = sum(count * figure for count, figure in zip(counts, figures, strict=True))
    return total / sum(counts)


def first_token_s(task: TaskEntry) -> float | None:
    """Time to the first token (TTFT): all executions of the prefill; None where it is not known."""
    counts, seconds = _executions(task, PREFILL)
    return sum(counts) * mean_of(counts, seconds) if counts else None


def next_token_s(task: TaskEntry) -> float | None:
    """Time per output token (TPOT): the mean of the decode executions; None: not known."""
    counts, seconds = _executions(task, DECODE)
    return mean_of(counts, seconds) if counts else None


def _executions(task: TaskEntry, phase: str) -> tuple[list[int], list[float]]:
    """Counts and latencies of the passes of a phase; of none where one is not known."""
    counts, seconds = [], []
    for name, own in (task.passes or {}).items():
        if phase_of(name) == phase:
            if own.count is None or own.latency_s is None:
                return [], []
            counts.append(own.count)
            seconds.append(own.latency_s)
    return counts, seconds
