"""A process with all that it started: what they hold of memory, and their end."""

from __future__ import annotations

from contextlib import suppress

import psutil

GONE = (psutil.NoSuchProcess, psutil.AccessDenied)

MOST_ROUNDS = 10
"""Of killing: a process may start others meanwhile, and one that waits for a disk stays a while."""


def descendants(pid: int) -> list[psutil.Process]:
    """All that a process started and that runs; empty where it is gone itself."""
    try:
        found: list[psutil.Process] = psutil.Process(pid).children(recursive=True)
    except GONE:
        return []
    return found


def resident_bytes(pid: int) -> int:
    """Memory that a process and its descendants hold, pages that they share counted each time."""
    total = 0
    with suppress(*GONE):
        total += psutil.Process(pid).memory_info().rss
    for process in descendants(pid):
        with suppress(*GONE):
            total += process.memory_info().rss
    return total


def kill_descendants(pid: int) -> None:
    """End all that a process started, and what these start meanwhile."""
    for _ in range(MOST_ROUNDS):
        processes = descendants(pid)
        if not processes:
            return
        for process in processes:
            with suppress(*GONE):
                process.kill()
        psutil.wait_procs(processes, timeout=1)
