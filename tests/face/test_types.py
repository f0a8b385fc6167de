"""What a type checker sees of splitfog in a user's program, beside no source of ours."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """\
import splitfog as sf

instance = sf.generate("fog", seed=1, users=2)
objective = sf.Objective(name="latency")
try:
    plan = sf.solve(instance, "greedy", objective=objective)
except (sf.SolverDeclined, sf.PlanError, sf.WrongAnswer) as error:
    raise SystemExit(str(error)) from error
reveal_type(plan.value)
reveal_type(sf.solvers())
reveal_type(sf.zoo.names())
sf.solve(3)
"""

SEEN = [
    '9: note: Revealed type is "float | None"',
    '10: note: Revealed type is "tuple[splitfog.solvers.declare.SolverInfo, ...]"',
    '11: note: Revealed type is "tuple[str, ...]"',
    '12: error: Argument 1 to "solve" has incompatible type "int"; '
    'expected "Instance | str | PathLike[str]"',
]


@pytest.mark.slow
def test_a_users_program_is_checked_against_the_installed_package(tmp_path: Path) -> None:
    """Types are known without a stub missing, and a wrong argument is an error, in mypy strict.

    The package is the one installed in this environment, as an editable path or from a wheel: the
    program lies elsewhere and no path leads to the sources.
    """
    file = tmp_path / "program.py"
    file.write_text(PROGRAM)
    paths = {"PYTHONPATH", "MYPYPATH"}
    process = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir=cache", file.name],
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if name not in paths},
        capture_output=True,
        text=True,
    )
    *found, last = process.stdout.splitlines()
    assert [line.removeprefix("program.py:").split("  [")[0] for line in found] == SEEN
    assert last.startswith("Found 1 error in 1 file")
