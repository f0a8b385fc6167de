"""Whole processes: import, `--help`, `solve` of 100 layers: `python -m benchmarks.tool.startup`."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.common import asked_for, best_seconds, machine, table
from splitfog import generate, save_instance


def seconds(*arguments: str) -> float:
    """Least wall time of a Python process over several runs."""
    command = [sys.executable, *arguments]
    return best_seconds(lambda: subprocess.run(command, check=True, capture_output=True), 7)


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "instance.json"
        save_instance(generate("random-dag", seed=1, layers=100), path)
        bare = seconds("-c", "pass")
        rows = [
            ["bare Python", bare, 0.0],
            ["import splitfog", imported := seconds("-c", "import splitfog"), imported - bare],
            ["splitfog --help", shown := seconds("-m", "splitfog", "--help"), shown - bare],
            [
                "splitfog solve",
                solved := seconds("-m", "splitfog", "solve", str(path)),
                solved - bare,
            ],
        ]
    print(machine(), "\n")
    print(table(["process", "seconds", "more than bare Python"], rows))


if __name__ == "__main__":
    asked_for(__doc__)
    main()
