"""Every command's help: short, of one form, and with examples that run."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import splitfog as sf
from splitfog.cli import app
from splitfog.commands import COMMANDS
from splitfog.instances.generators import FAMILIES

REAL_MODELS = {"import", "profile measure", "profile fit", "profile predict"} | {
    "split",
    "export",
    "run",
    "serve",
}
"""Their examples need an ONNX model: they are run in their own tests."""


def _commands(
    commands: Mapping[str, str] = COMMANDS, package: str = "splitfog.commands", group: str = ""
) -> Iterator[tuple[str, Any]]:
    """Every command with its module, those of groups as `group command`."""
    for name, home in commands.items():
        module = import_module(f"{package}.{home}")
        if hasattr(module, "COMMANDS"):
            yield from _commands(module.COMMANDS, module.__name__, f"{group}{name} ")
        else:
            yield f"{group}{name}", module


MODULES = dict(_commands())
EXAMPLES = [(name, line) for name, module in MODULES.items() for line in module.EXAMPLES]


def run(*words: str) -> Any:
    return CliRunner().invoke(app, list(words), prog_name="splitfog", terminal_width=80)


@pytest.mark.parametrize("name", ["", *MODULES])
def test_help_is_short_and_of_one_form(name: str) -> None:
    """`-h` is `--help`, within 80 columns; values are words in capitals, none of them a type's."""
    shown = run(*name.split(), "--help")
    assert shown.exit_code == 0
    assert shown.output == run(*name.split(), "-h").output
    assert max(map(len, shown.output.splitlines())) <= 80
    assert not re.search(r"<\w|\b(TEXT|INTEGER|FLOAT|PATH)\b|\.\.\.\}", shown.output)
    options = re.findall(r"^  (?:-\w, )?--[\w-]+ (\S+)  ", shown.output, re.MULTILINE)
    assert all(metavar == "/" or metavar[0] in "[-" or metavar[0].isupper() for metavar in options)


@pytest.mark.parametrize("name", MODULES)
def test_help_ends_in_examples(name: str) -> None:
    """Each on its own line, a command line of that command."""
    shown = run(*name.split(), "--help").output
    start = shown.index("Examples:")
    lines = [line.strip() for line in shown[start:].splitlines()[1:]]
    assert lines == list(MODULES[name].EXAMPLES)
    assert all(line.startswith("splitfog ") for line in lines)
    assert any(line.startswith(f"splitfog {name}") for line in lines)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that examples name."""
    folder = tmp_path_factory.mktemp("examples")
    alexnet = sf.generate("three-tier", model="alexnet")
    fog = sf.generate("fog", seed=1, users=3, models="nin")
    sf.save_instance(alexnet, folder / "alexnet.json")
    sf.save_plan(sf.solve(alexnet, "hpa"), folder / "plan.json")
    sf.save_instance(fog, folder / "fog.json")
    sf.save_plan(sf.solve(fog, "local"), folder / "fog-plan.json")
    (folder / "times.csv").write_text("layer,node,seconds\nconv1,edge0,0.01\n")
    trace = sf.generate_trace("fading", duration_s=20, directions="forward")
    sf.save_trace(trace, folder / "trace.json")
    ends = {"link": ("device", "edge0"), "low_bps": 1e5, "high_bps": 1e9}
    for name in ("policy.json", "p.json"):
        sf.save_policy(sf.policy(alexnet, **ends), folder / name)  # type: ignore[arg-type]
    sf.compare(folder / "alexnet.json", "device-only", store=folder / "results")
    return folder


@pytest.mark.parametrize(("name", "line"), EXAMPLES)
def test_examples_run(name: str, line: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the help says to try ends with 0, given the files that it names."""
    if name in REAL_MODELS:
        return
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HOME", str(folder))  # where shells read what completes
    result = run(*shlex.split(line)[1:])
    assert result.exit_code == 0, result.output


def test_required_options_are_marked() -> None:
    """What a command cannot do without is marked as such, though Python has a default for it."""
    for words in ("generate -h", "show -h", "pareto -h", "edit -h", "import -h"):
        assert "[required" in run(*words.split()).output.partition("Options:")[2], words
    assert "[required, but with --at" in " ".join(run("policy", "-h").output.split())


@pytest.mark.parametrize("family", FAMILIES)
def test_a_familys_options_are_in_its_help(family: str) -> None:
    """`generate FAMILY --help` names every option of that family; without one it names none."""
    shown = run("generate", family, "--help").output
    for name in FAMILIES[family].options:
        assert f"--{name.replace('_', '-')} " in shown
    assert "--edge-cloud-latency-s" not in run("generate", "--help").output


def test_solvers_are_a_list_of_80_columns() -> None:
    """Every solver once, under its kind; the rest is told by name."""
    lines = run("solvers").output.splitlines()
    assert max(map(len, lines)) <= 80
    named = [line.split()[0] for line in lines if re.match(r"  \S", line)]
    assert sorted(named) == sorted(info.name for info in sf.solvers())
    assert "splitfog solvers NAME" in lines[-1]


def test_policy_answers_at_a_bandwidth(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--at prints the plan of a policy file, or of an instance, and gives it as a plan file."""
    monkeypatch.chdir(folder)
    at = ("--at", "device,edge0=8e6")
    table = sf.load_policy("policy.json")
    assert isinstance(table, sf.Policy)
    shown = run("policy", "policy.json", *at).output
    assert f"{table.value_at(8e6) * 1e3:.4g} ms" in shown
    assert f"to {table.piece_at(8e6).high:.6g} bit/s" in shown
    assert run("policy", "policy.json", *at, "--json", "-o", "at.json").exit_code == 0
    plan = sf.load_plan("at.json")
    assert plan.tasks == table.plan_at(8e6).tasks
    slow = sf.load_instance("alexnet.json").with_link("device", "edge0", bandwidth_bps=8e6)
    assert float(sf.evaluate(slow, plan)) == pytest.approx(table.value_at(8e6), rel=1e-12)
    asked = run("policy", "alexnet.json", *at)
    assert f"{table.value_at(8e6) * 1e3:.4g} ms" in asked.output
    speed = run("policy", "alexnet.json", "--at", "edge0=5e10").output
    assert "at 5e+10 FLOP/s" in speed


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("policy.json --at device,edge0", "must be FROM,TO=BIT/S or NODE=FLOP/S"),
        ("policy.json --at device,edge0=fast", "a number > 0"),
        ("policy.json --at device,edge0=-1", "a number > 0"),
        ("policy.json --at device,edge0=1", "must be between 100000 and 1e+09 bit/s"),
        ("policy.json --at edge0=1e9", "must be device,edge0=BIT/S"),
        ("policy.json --link device,edge0", "is a policy, must be an instance"),
        ("alexnet.json --at device,edg0=1e6", "unknown node 'edg0'"),
    ],
)
def test_wrong_look_ups_say_what_is_wanted(
    words: str, sentence: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line, exit code 2."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HOME", str(folder))  # where shells read what completes
    result = run("policy", *words.split())
    assert result.exit_code == 2
    assert sentence in " ".join(result.output.split())
