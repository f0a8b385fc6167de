"""`splitfog pareto`: exit codes, one-line reasons, clean JSON, files and pictures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from splitfog import load_front, load_plan, save_instance
from splitfog.cli import app
from splitfog.formulations.claims.verify import false_claims
from splitfog.instances.files import load_instance
from splitfog.instances.generators import generate


def splitfog(*words: object) -> Result:
    """What a command line comes to."""
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture(scope="module")
def alexnet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """AlexNet on three tiers, as a file."""
    path = tmp_path_factory.mktemp("pareto") / "alexnet.json"
    save_instance(generate("three-tier", model="alexnet", edge_cloud="fibre"), path)
    return path


BOTH = ("--objectives", "latency,bytes:device,edge0")


def test_json_is_the_front_file(alexnet: Path, tmp_path: Path) -> None:
    """--json prints what -o writes, and nothing else; the label says what is proven."""
    out = tmp_path / "front.json"
    result = splitfog("pareto", alexnet, *BOTH, "--json", "-o", out)
    assert result.exit_code == 0
    assert json.loads(result.stdout) == json.loads(out.read_text())
    front = load_front(out)
    assert (front.kind, front.status) == ("exact", "feasible")
    assert front.objectives == ("latency", "bytes:device,edge0")


def test_validate_knows_the_file(alexnet: Path, tmp_path: Path) -> None:
    """A front file is checked as one, and a wrong one named for its defect."""
    out = tmp_path / "front.json"
    words = ("pareto", alexnet, *BOTH)
    assert splitfog(*words, "-o", out).exit_code == 0
    assert splitfog("validate", out).stdout == f"{out}: OK\n"
    out.write_text(out.read_text().replace('"version": 1', '"version": 9'))
    result = splitfog("validate", out)
    assert result.exit_code == 2
    assert "version = 9, must be 1" in result.stderr


def test_a_folder_gets_a_true_plan_for_every_point(alexnet: Path, tmp_path: Path) -> None:
    """Beside the front: as many plan files as points, whose claims `verify` finds true."""
    folder = tmp_path / "front"
    assert splitfog("pareto", alexnet, *BOTH, "-o", folder).exit_code == 0
    plans = sorted(folder.glob("plan-*.json"))
    assert len(plans) == len(load_front(folder / "front.json").points) > 1
    for path in plans:
        assert false_claims(load_instance(alexnet), load_plan(path)) == []


@pytest.mark.parametrize("kind", ["exact", "supported", "archive"])
def test_the_table_names_the_kind(alexnet: Path, kind: str) -> None:
    """For people: the label, and a row a point."""
    result = splitfog("pareto", alexnet, *BOTH, "--kind", kind, "--time-limit", 5)
    assert result.exit_code == 0
    assert f"front    {kind}: " in result.stdout


@pytest.mark.parametrize(
    "objectives", ["latency,bytes:device,edge0", "latency,period,memory:device"]
)
def test_pictures_are_written(alexnet: Path, tmp_path: Path, objectives: str) -> None:
    """Two objectives or three; the same picture twice is the same bytes."""
    pictures = [tmp_path / f"{name}.svg" for name in "ab"]
    for picture in pictures:
        words = ("--objectives", objectives, "--picture", picture)
        assert splitfog("pareto", alexnet, *words).exit_code == 0
    assert pictures[0].read_bytes() == pictures[1].read_bytes()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "--objectives is missing"),
        (("--objectives", "latency"), "1 given, must be two or more"),
        (("--objectives", "latency,cost"), "'cost', must be one of latency"),
        (("--objectives", "latency,memory:moon"), "unknown node 'moon'"),
        (("--objectives", "latency,bytes:device,cloud"), "no link leads from device to cloud"),
        ((*BOTH, "--kind", "best"), "must be one of exact, supported, archive"),
        ((*BOTH, "--time-limit", "0"), "time_limit_s = 0.0, must be a number > 0"),
        ((*BOTH, "--picture", "x.pdf"), "must end in .png or .svg"),
        (("--objectives", "latency,period", "--transfers", "per-edge"), "must be once"),
        (("--objectives", "latency,period", "--kind", "supported"), "must be latency and one of"),
    ],
)
def test_bad_input_is_one_sentence(alexnet: Path, words: tuple[str, ...], message: str) -> None:
    """Exit 2, one line on standard error, nothing on standard output."""
    result = splitfog("pareto", alexnet, *words)
    assert result.exit_code == 2
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert message in line


def test_an_infeasible_instance_exits_3(tmp_path: Path, alexnet: Path) -> None:
    """A layer that may run nowhere."""
    path = tmp_path / "nowhere.json"
    data = json.loads(alexnet.read_text())
    data["models"][0]["layers"][1]["tiers"] = []
    path.write_text(json.dumps(data))
    result = splitfog("pareto", path, *BOTH)
    assert result.exit_code == 3
    assert "infeasible" in result.stderr
