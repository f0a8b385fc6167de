"""`splitfog policy`: exit codes, one-line reasons, clean JSON, files and pictures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from splitfog import Policy, load_policy, save_instance
from splitfog.cli import app
from splitfog.instances.generators import generate


def splitfog(*words: object) -> Result:
    """What a command line comes to."""
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture(scope="module")
def alexnet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """AlexNet on three tiers, as a file."""
    path = tmp_path_factory.mktemp("policy") / "alexnet.json"
    save_instance(generate("three-tier", model="alexnet"), path)
    return path


RANGE = ("--range", "1e5,1e9")


def test_json_is_the_policy_file(alexnet: Path, tmp_path: Path) -> None:
    """--json prints what -o writes, and nothing else."""
    out = tmp_path / "policy.json"
    result = splitfog("policy", alexnet, "--link", "device,edge0", *RANGE, "--json", "-o", out)
    assert result.exit_code == 0
    printed = json.loads(result.stdout)
    assert printed == json.loads(out.read_text())
    assert printed["format"] == "splitfog/policy"
    found = load_policy(out)
    assert isinstance(found, Policy)
    assert len(found.break_points) == 2


def test_validate_knows_the_file(alexnet: Path, tmp_path: Path) -> None:
    """A policy file is checked as one, and a wrong one named for its defect."""
    out = tmp_path / "policy.json"
    words = ("policy", alexnet, "--link", "device,edge0", *RANGE)
    assert splitfog(*words, "-o", out).exit_code == 0
    assert splitfog("validate", out).stdout == f"{out}: OK\n"
    out.write_text(out.read_text().replace('"version": 1', '"version": 9'))
    result = splitfog("validate", out)
    assert result.exit_code == 2
    assert "version = 9, must be 1" in result.stderr


def test_the_table_names_every_break_point(alexnet: Path) -> None:
    """For people: how many break points, and a row a piece."""
    result = splitfog("policy", alexnet, "--link", "edge0,cloud", *RANGE)
    assert result.exit_code == 0
    assert "status   optimal over placements" in result.stdout
    assert "break points   0" in result.stdout
    assert splitfog("policy", alexnet, "--node", "edge0", *RANGE).exit_code == 0


def test_a_look_up_says_over_what_its_plan_is_optimal(alexnet: Path) -> None:
    """The plan at a bandwidth claims no more than the policy's table: slices may be cheaper."""
    result = splitfog("policy", alexnet, "--at", "device,edge0=8e6")
    assert result.exit_code == 0
    assert "status   optimal over placements" in result.stdout


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_pictures_are_written(alexnet: Path, tmp_path: Path, ending: str) -> None:
    """The same picture twice is the same bytes."""
    pictures = [tmp_path / f"{name}.{ending}" for name in "ab"]
    for picture in pictures:
        how = ("--picture", picture, "--baselines", "device-only,cloud-only")
        assert splitfog("policy", alexnet, "--link", "device,edge0", *RANGE, *how).exit_code == 0
    first, second = (picture.read_bytes() for picture in pictures)
    assert first == second
    assert first[:4] == (b"\x89PNG" if ending == "png" else b"<?xm")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--link", "device,edge0"), "--range LOW,HIGH is missing"),
        (("--link", "device,edge0", "--range", "1e5"), "must be LOW,HIGH: two numbers"),
        (("--link", "device,edge0", "--range", "a,b"), "must be LOW,HIGH: two numbers"),
        (("--link", "device,edge0", "--range", "1,2,3"), "must be LOW,HIGH: two numbers"),
        (("--link", "device,edge0", "--range", "5,5"), "must be < high = 5 bit/s"),
        (("--link", "device,edge0", "--range", "nan,5"), "low_bps = nan, must be a number > 0"),
        (("--link", "device,edge0", "--range", "0,5"), "low_bps = 0.0, must be a number > 0"),
        (("--link", "device,cloud", *RANGE), "no link device,cloud; links: device,edge0"),
        (("--link", "device,clod", *RANGE), "did you mean 'cloud'?"),
        (("--link", "device", *RANGE), "must be FROM,TO"),
        (("--node", "moon", *RANGE), "unknown node 'moon'"),
        (("--node", "edge0", "--link", "device,edge0", *RANGE), "exactly one"),
        (RANGE, "exactly one"),
        (("--node", "edge0", *RANGE, "--objective", "period"), "only latency is"),
        (("--node", "edge0", *RANGE, "--picture", "x.pdf"), "must end in .png or .svg"),
    ],
)
def test_bad_input_is_one_sentence(alexnet: Path, words: tuple[str, ...], message: str) -> None:
    """Exit 2, one line on standard error, nothing on standard output."""
    result = splitfog("policy", alexnet, *words)
    assert result.exit_code == 2
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert message in line


def test_an_infeasible_instance_exits_3(tmp_path: Path) -> None:
    """A layer that may run nowhere."""
    path = tmp_path / "nowhere.json"
    save_instance(generate("three-tier", model="alexnet"), path)
    data = json.loads(path.read_text())
    data["models"][0]["layers"][1]["tiers"] = []
    path.write_text(json.dumps(data))
    result = splitfog("policy", path, "--link", "device,edge0", *RANGE, "--oracle", "min-cut")
    assert result.exit_code == 3
    assert "infeasible" in result.stderr
