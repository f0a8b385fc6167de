"""What a shell is told when it completes, and the script by which it asks."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from splitfog.cli import app

SHELLS = ["bash", "zsh", "fish"]


def run(*words: str, **env: str) -> Any:
    return CliRunner().invoke(app, list(words), prog_name="splitfog", env=env)


def completed(line: str) -> list[str]:
    """What bash is told of a line whose last word is not complete."""
    words = line.split(" ")
    asked = {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    return str(run(_SPLITFOG_COMPLETE="complete_bash", **asked).stdout).split()


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("splitfog comp", ["compare", "completion"]),
        ("splitfog completion ", SHELLS),
        ("splitfog solve --solver hpa-", ["hpa-plain"]),
        ("splitfog compare --solvers hpa,min-", ["hpa,min-cut"]),
        ("splitfog compare --study d", ["d3", "dina"]),
        ("splitfog solve --objective p", ["period"]),
        ("splitfog solvers min-", ["min-cut"]),
        ("splitfog generate three-", ["three-tier"]),
        ("splitfog generate three-tier --model alex", ["alexnet"]),
        ("splitfog generate three-tier --edge-cloud-l", ["--edge-cloud-latency-s"]),
        ("splitfog generate trace fad", ["fading"]),
        ("splitfog export device", ["device-map"]),
    ],
)
def test_names_are_completed(line: str, names: list[str]) -> None:
    """Commands, solvers, lists of them, studies, objectives, families, their options, networks."""
    assert completed(line) == names


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_asks_splitfog(shell: str) -> None:
    """By the variable to which it answers; if none is named the shell is the environment's."""
    shown = run("completion", shell)
    assert shown.exit_code == 0 and f"_SPLITFOG_COMPLETE=complete_{shell}" in shown.stdout
    assert run("completion", SHELL=f"/usr/bin/{shell}").stdout == shown.stdout


def test_bash_reads_the_script() -> None:
    """It parses, and names a function that completes `splitfog`."""
    script = run("completion", "bash").stdout + "\ncomplete -p splitfog"
    said = subprocess.run(["bash", "-c", script], capture_output=True, text=True)
    assert (said.stdout, said.stderr) == (
        "complete -o default -F _splitfog_completion splitfog\n",
        "",
    )


def test_it_is_installed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where bash reads it; what its file had stays."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".bashrc").write_text("export A=1\n")
    for _ in range(2):
        assert run("completion", "bash", "--install").exit_code == 0
    lines = (tmp_path / ".bashrc").read_text().split("\n")
    assert lines[0] == "export A=1" and sum("splitfog" in line for line in lines) == 1


def test_another_shell_is_refused() -> None:
    """In a sentence that names the three."""
    refused = run("completion", SHELL="/bin/tcsh")
    assert refused.exit_code == 2
    assert refused.stderr == "splitfog: SHELL = 'tcsh', must be bash, zsh or fish\n"
