"""`splitfog split` and `splitfog export` from the command line: what they print and exit with."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from splitfog.cli import app
from splitfog.formulations.evaluation.evaluate import plan
from splitfog.formulations.plan import save_plan
from tests.cases.onnx_models import Kind, branches, graph_model, helper, imported, random_placement


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An imported model and two plans of it."""
    folder = tmp_path_factory.mktemp("files")
    case = imported(branches(), folder)
    for name, seed in (("a", 0), ("b", 1)):
        made = plan(case, random_placement(case, seed), "latency", monotone=False)
        save_plan(made, folder / f"{name}.json")
    return folder


def run(*words: str | Path) -> int:
    """The exit code of a command line."""
    code = app(list(map(str, words)), standalone_mode=False)
    assert isinstance(code, int)
    return code


def test_one_plan_is_split_into_the_folder_itself(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And the check says on how many inputs everything was the same."""
    assert run("split", files / "model.json", files / "a.json", "-o", tmp_path, "--check", "2") == 0
    said = capsys.readouterr().out
    assert (tmp_path / "manifest.json").exists()
    assert "the fewest there can be" in said
    assert re.search(r"check: 2 inputs, \d tensors, all the same bit for bit", said)


def test_several_plans_have_a_folder_each(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of the plan's name; `--json` is a list with one entry a plan."""
    words = ("split", files / "model.json", files / "a.json", files / "b.json", "-o", tmp_path)
    assert run(*words, "--json", "--check", "1") == 0
    entries = json.loads(capsys.readouterr().out)
    assert [Path(entry["folder"]).name for entry in entries] == ["a", "b"]
    for entry in entries:
        manifest = json.loads((Path(entry["folder"]) / "manifest.json").read_text())
        assert entry["parts"] == len(manifest["parts"])
        assert entry["check"]["exact"] is True


def test_outputs_that_prove_nothing_exit_with_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The root of what is below 0, in a sentence."""
    nodes = [
        helper.make_node("Abs", ["x"], ["a"], name="abs"),
        helper.make_node("Neg", ["a"], ["n"], name="neg"),
        helper.make_node("Sqrt", ["n"], ["y"], name="root"),
    ]
    case = imported(
        graph_model(nodes, {"x": (Kind.FLOAT, (4,))}, {"y": Kind.FLOAT}), tmp_path / "model"
    )
    save_plan(plan(case, random_placement(case, 0), "latency", monotone=False), tmp_path / "p.json")
    words = ("split", tmp_path / "model" / "model.json", tmp_path / "p.json", "-o", tmp_path / "o")
    assert run(*words, "--check", "1") == 1
    assert "check: output y is not a number" in capsys.readouterr().out


@pytest.mark.parametrize("wrong", ["plan", "model", "missing", "twice"])
def test_bad_input_is_a_sentence_and_2(
    wrong: str, files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A plan of another model, another canonical file, none, two plans of one name."""
    plans = [files / "a.json"]
    more: tuple[str | Path, ...] = ()
    if wrong == "plan":
        text = (files / "a.json").read_text().replace('"stem"', '"other"')
        plans = [tmp_path / "p.json"]
        plans[0].write_text(text)
    elif wrong == "model":
        (tmp_path / "other.onnx").write_bytes((files / "model.onnx").read_bytes() + b"\0")
        more = ("--model", tmp_path / "other.onnx")
    elif wrong == "missing":
        more = ("--model", tmp_path / "none.onnx")
    else:
        plans *= 2
    assert run("split", files / "model.json", *plans, "-o", tmp_path / "out", *more) == 2
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1
    expected = {
        "plan": "p.json: it is no plan of",
        "model": "other.onnx: sha256 = ",
        "missing": "none.onnx: no such file",
        "twice": "two plans are called a",
    }
    assert expected[wrong] in said
    assert not (tmp_path / "out").exists()


def test_a_plan_is_exported(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file's name first, then what else the format has to say; unknown formats are named."""
    given = (files / "model.json", files / "a.json")
    assert run("export", "device-map", *given, "-o", tmp_path / "map.json") == 0
    assert set(json.loads((tmp_path / "map.json").read_text())) == {"stem", "left", "right", "join"}
    options = [word for node in ("pi", "box", "server") for word in ("--option", f"{node}=cpu")]
    assert run("export", "ort-annotations", *given, "-o", tmp_path / "m.onnx", *options) == 0
    assert "session.layer_assignment_settings: cpu(=" in capsys.readouterr().out
    assert run("export", "morse", *given, "-o", tmp_path / "x") == 2
    assert "known: cake, device-map, dnet" in capsys.readouterr().err
