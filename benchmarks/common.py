"""What every benchmark shares: the timing rule, the machine, and tables."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any


def asked_for(about: str | None, what: str = "", known: Sequence[str] = ()) -> list[str]:
    """The words of a benchmark's command line; `--help` says what it is about, and ends it.

    `what` says what the words are, None at all where it is empty; `known`: which there are.
    """
    module = sys.modules["__main__"].__spec__
    parser = argparse.ArgumentParser(
        prog=f"python -m {module.name if module else 'benchmarks'}",
        description=about,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    if what:
        parser.add_argument("words", nargs="*", metavar="WORD", help=what)
    words: list[str] = getattr(parser.parse_args(), "words", [])
    for word in words:
        if known and word not in known:
            parser.error(f"{word!r}, must be one of {', '.join(known)}")
    return words


def best_seconds(run: Callable[[], Any], repeats: int = 5) -> float:
    """Least wall time of several runs: the machine is noisy, and noise only adds."""
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        run()
        times.append(time.perf_counter() - started)
    return min(times)


def machine() -> str:
    """One line on where the figures come from."""
    return f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"


def table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A Markdown table; floats with four significant digits."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(_cell(value) for value in line) + " |" for line in lines)


def _cell(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
