"""`splitfog bands`: exit codes, one-line reasons, clean JSON, the tightest layers first."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from splitfog import generate, plan_bands, save_instance
from splitfog.cli import app


def splitfog(*words: object) -> Result:
    """What a command line comes to."""
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture(scope="module")
def alexnet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """AlexNet on three tiers over Wi-Fi, as a file."""
    path = tmp_path_factory.mktemp("bands") / "alexnet.json"
    save_instance(generate("three-tier", model="alexnet", device_edge="wi-fi"), path)
    return path


def test_json_is_every_band(alexnet: Path) -> None:
    """--json prints the rows of `splitfog.plan_bands`, and nothing else."""
    result = splitfog("bands", alexnet, "--layers", "conv1,fc6", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == plan_bands(alexnet, layers=("conv1", "fc6")).rows()


def test_the_tightest_layers_come_first(alexnet: Path) -> None:
    """conv1 may take 9.9 times as long, more than conv2 alone; the others are counted."""
    result = splitfog("bands", alexnet, "--rows", 2)
    assert result.exit_code == 0
    lines = [line.split() for line in result.stdout.splitlines()]
    shown = [words for words in lines if words[:1] in (["conv1"], ["conv2"], ["conv3"])]
    assert [words[0] for words in shown] == ["conv1", "conv2"]
    assert shown[0][-2:] == ["9.937", "edge0"]
    assert ["and", "17", "more", "layers"] in lines
    assert "bandwidth of device -> edge0" in result.stdout


def test_what_is_wrong_is_said(alexnet: Path, tmp_path: Path) -> None:
    """An unknown layer, and nodes that form no line of tiers: exit code 2 and a sentence."""
    result = splitfog("bands", alexnet, "--layers", "conv11")
    assert result.exit_code == 2
    assert "unknown layer 'conv11', did you mean 'conv1'" in result.stderr
    path = tmp_path / "two.json"
    save_instance(generate("three-tier", model="alexnet", edge_nodes=2), path)
    result = splitfog("bands", path)
    assert result.exit_code == 2
    assert "several usable nodes share a tier" in result.stderr
    assert "a policy over one figure (splitfog policy) applies" in result.stderr


def test_nothing_feasible(tmp_path: Path) -> None:
    """No place for a layer: proven, exit code 3."""
    instance = generate("three-tier", model="alexnet").without_node("cloud")
    path = tmp_path / "none.json"
    text = json.loads(_saved(instance, path))
    text["models"][0]["layers"][1]["tiers"] = []
    path.write_text(json.dumps(text))
    result = splitfog("bands", path)
    assert result.exit_code == 3
    assert "infeasible" in result.stderr


def _saved(instance: object, path: Path) -> str:
    save_instance(instance, path)  # type: ignore[arg-type]
    return path.read_text()
