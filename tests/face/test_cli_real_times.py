"""`profile measure|fit|predict` and `import times`: a real model's times, from line to line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import splitfog as sf
from splitfog.instances.records import changed
from tests.cases.onnx_models import branches, imported, onnx, pieces
from tests.face.test_cli import lines, one_line_of_error, splitfog


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models on three nodes, `a/model.json` and `b/model.json`, and their times."""
    made = tmp_path_factory.mktemp("real")
    for name, model in (("a", branches()), ("b", pieces())):
        imported(model, made / name)
        words = ("profile", "measure", made / name / "model.json", "--runs", 2)
        assert splitfog(*words, "-o", made / f"{name}.csv").exit_code == 0
    return made


def test_measure_writes_times_and_says_what_to_think_of_them(folder: Path, tmp_path: Path) -> None:
    """Of an instance on its source, of an ONNX file here."""
    result = splitfog(
        "profile", "measure", folder / "a" / "given.onnx", "--runs", 2, "-o", tmp_path / "t.csv"
    )
    assert (result.exit_code, lines(result.stdout)) == (0, [str(tmp_path / "t.csv")])
    summary, doubt = lines(result.stderr)
    assert summary.startswith("given: ")
    assert summary.endswith(", 2 runs")
    assert doubt == "not reliable: 2 runs are fewer than 20"
    assert {time.place for time in sf.load_times(tmp_path / "t.csv")} == {"here"}
    assert {time.place for time in sf.load_times(folder / "a.csv")} == {"pi"}


def test_apply_takes_what_measure_wrote(folder: Path, tmp_path: Path) -> None:
    """All layers have a time on the Pi then, so that only those on the others are missing."""
    words = ("--times", folder / "a.csv", "-o", tmp_path / "measured.json")
    result = splitfog("profile", "apply", folder / "a" / "model.json", *words)
    assert result.exit_code == 0
    assert lines(result.stderr) == [
        "8 of 12 times are not measured but computed from FLOP: box 4 of 4, server 4 of 4",
        "4 of 4 times are marked as not reliable",
    ]
    times = {time.layer: time.seconds for time in sf.load_times(folder / "a.csv")}
    for layer in sf.load_instance(tmp_path / "measured.json").models[0].layers:
        assert layer.times_s == ({} if layer.op == "input" else {"pi": times[layer.name]})


def test_apply_refuses_the_times_of_another_model(folder: Path, tmp_path: Path) -> None:
    """Their names are listed."""
    words = ("--times", folder / "b.csv", "-o", tmp_path / "never.json")
    assert "b.csv: unknown" in one_line_of_error(
        "profile", "apply", folder / "a" / "model.json", *words, "--model", "given"
    )
    assert not (tmp_path / "never.json").exists()


def test_fit_prints_the_error_of_every_model(folder: Path, tmp_path: Path) -> None:
    """Each left out in turn, then the median and the worst; --json prints the file."""
    times = [tmp_path / "one.csv", tmp_path / "two.csv"]
    for path, name in zip(times, "ab", strict=True):
        own = sf.load_times(folder / f"{name}.csv")
        sf.save_times([changed(time, model=path.stem) for time in own], path)
    target = tmp_path / "p.json"
    result = splitfog("profile", "fit", *times, "-o", target)
    assert result.exit_code == 0
    head, one, two, summary, last = lines(result.stdout)
    assert head.split() == ["model", "layers", "measured", "predicted", "error"]
    assert (one.split()[:2], two.split()[:2]) == (["one", "4"], ["two", "3"])
    assert summary.startswith("each predicted by the others: median error ")
    assert last == f"{target}: 0 kinds of layers, 2 models"
    result = splitfog("profile", "fit", *times, "-o", target, "--json")
    assert json.loads(result.stdout) == json.loads(target.read_text())


def test_fit_of_one_model_says_that_it_knows_no_error(folder: Path, tmp_path: Path) -> None:
    """On standard error."""
    result = splitfog("profile", "fit", folder / "a.csv", "-o", tmp_path / "p.json")
    assert lines(result.stdout) == [f"{tmp_path / 'p.json'}: 0 kinds of layers, 1 models"]
    assert "no errors" in result.stderr


def test_predict_makes_times_that_apply_takes(folder: Path, tmp_path: Path) -> None:
    """Of a model that was never measured, on the box."""
    predictor, times = tmp_path / "p.json", tmp_path / "predicted.csv"
    assert splitfog("profile", "fit", folder / "a.csv", "-o", predictor).exit_code == 0
    other = folder / "b" / "model.json"
    words = ("--predictor", predictor, "--node", "box", "-o", times)
    result = splitfog("profile", "predict", other, *words)
    assert (result.exit_code, lines(result.stdout)) == (0, [str(times)])
    assert "layers of kinds that the predictor has no law of" in result.stderr
    result = splitfog("profile", "apply", other, "--times", times, "-o", tmp_path / "new.json")
    assert result.exit_code == 0
    assert "box" not in result.stderr  # all its times are there


def test_import_times_shares_out_and_tells_strangers(folder: Path, tmp_path: Path) -> None:
    """Two convolutions side by side have 5 of 6 ms between them; what no layer is, is told."""
    profile, times = tmp_path / "trt.json", tmp_path / "t.csv"
    entries = [{"name": name, "medianMs": ms} for name, ms in
               (("stem + left", 5.0), ("join", 1.0), ("__myl_X", 0.5))]  # fmt: skip
    profile.write_text(json.dumps([{"count": 9}, *entries]))
    words = ("import", "times", profile, "--form", "trtexec", "--node", "server", "-o", times)
    result = splitfog(*words, "--instance", folder / "a" / "model.json")
    assert result.exit_code == 0
    assert lines(result.stderr) == [
        "no layers, left out: '__myl_X' (500 us)",
        "2 of 3 times are marked as not reliable",
    ]
    found = {time.layer: time.seconds for time in sf.load_times(times)}
    assert found["stem"] + found["left"] == pytest.approx(5e-3)
    assert found["join"] == pytest.approx(1e-3)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("profile", "measure", "none.json"), "none.json: no such file"),
        (("profile", "measure", "none.onnx"), "none.onnx: no such file"),
        (("profile", "measure", "{a}", "--node", "pie"), "unknown node or tier 'pie'"),
        (("profile", "measure", "{a}", "--model", "{onnx}"), "given.onnx: sha256 = "),
        (("profile", "measure", "{junk}"), "junk.onnx: is no ONNX model"),
        (("profile", "measure", "{onnx}", "--level", "most"), "level = 'most', must be one of"),
        (("profile", "measure", "{onnx}", "--model", "{onnx}"), "belongs to an instance, but"),
        (("profile", "measure", "{a}", "--input", "x=1x3"), "inputs belong to an ONNX file"),
        (("profile", "fit", "{bare}"), "bare.csv: line 2 lacks the columns kind, flops"),
        (("profile", "fit", "{negative}"), "negative.csv: line 2: flops = '-1', must be"),
        (("profile", "predict", "{a}", "--predictor", "{broken}"), "broken.json: not JSON"),
        (("profile", "predict", "{a}", "--predictor", "{a}"), 'format = "splitfog/instance"'),
        (("import", "times", "{broken}"), "--form = None, must be one of trtexec, onnxruntime"),
        (("import", "times", "{broken}", "--form", "trtexec"), "--node = None, must be the node"),
        (("import", "times", "{broken}", "--form", "tvm", "--node", "pi"), "form = 'tvm', must"),
        (("import", "times", "{broken}", "--form", "trtexec", "--node", "pi"), "not JSON"),
    ],
)
def test_bad_input_is_one_line(
    words: tuple[str, ...], reason: str, folder: Path, tmp_path: Path
) -> None:
    """Exit code 2, no traceback, nothing written."""
    files = {
        "a": folder / "a" / "model.json",
        "onnx": folder / "a" / "given.onnx",
        "junk": tmp_path / "junk.onnx",
        "bare": tmp_path / "bare.csv",
        "negative": tmp_path / "negative.csv",
        "broken": tmp_path / "broken.json",
    }
    files["junk"].write_bytes(b"no model at all")
    files["bare"].write_text("layer,node,seconds\na,pi,1\n")
    head = "layer,node,seconds,kind,flops,bytes_in,bytes_out,weight_bytes\n"
    files["negative"].write_text(f"{head}a,pi,1,conv,-1,0,0,0\n")
    files["broken"].write_text('[{"name": "co')
    target = tmp_path / "never"
    filled = [word.format(**files) for word in words]
    assert reason in one_line_of_error(*filled, "-o", target)
    assert not target.exists()


def test_dimensions_left_open_are_given_on_the_line(tmp_path: Path) -> None:
    """As for import onnx."""
    model = branches()
    model.graph.input[0].type.tensor_type.shape.dim[2].dim_param = "rows"
    onnx.save(model, tmp_path / "open.onnx")
    words = ("profile", "measure", tmp_path / "open.onnx", "--runs", 2, "-o", tmp_path / "t.csv")
    assert "whose dimension 2 is 'rows': give it" in one_line_of_error(*words)
    assert splitfog(*words, "--input", "x=1x3x9x8").exit_code == 0
