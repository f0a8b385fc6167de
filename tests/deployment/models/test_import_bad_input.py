"""What cannot be imported: a sentence, in little memory and time, and nobody else is hurt."""

from __future__ import annotations

import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import splitfog as sf
from splitfog.deployment.models import child
from splitfog.deployment.models.reading import ModelDefect
from splitfog.instances.defects import InstanceError
from tests.cases.real.onnx_text import layers_of, model_of, normal, onnx
from tests.face.test_cli import TINY, lines, one_line_of_error, splitfog

GOOD = "g (float[1,3,8,8] x) => (float y) { y = Conv(x, w) }"


def good() -> Any:
    return model_of(GOOD, {"w": normal(4, 3, 3, 3)})


def refused(model: Any, **shapes: tuple[int, ...]) -> str:
    """Why a model, or the bytes of a file, cannot be imported."""
    with pytest.raises(ModelDefect) as error:
        layers_of(model, shapes=shapes)
    return str(error.value)


def refused_file(model: Any, folder: Path, **how: Any) -> str:
    """The same of the whole import, with its limits."""
    path = folder / "given.onnx"
    path.write_bytes(model if isinstance(model, bytes) else model.SerializeToString())
    with pytest.raises(InstanceError) as error:
        sf.import_onnx(path, **how)
    (defect,) = error.value.defects
    return str(defect)


def cut_short() -> bytes:
    content: bytes = good().SerializeToString()
    return content[: len(content) // 2]


def too_few_values() -> Any:
    model = good()
    model.graph.initializer[0].raw_data = model.graph.initializer[0].raw_data[:-4]
    return model


def huge() -> Any:
    model = good()
    model.graph.initializer[0].dims[:] = [2**40, 2**20]
    return model


def below_zero() -> Any:
    model = good()
    model.graph.initializer[0].dims[:] = [4, 3, 3, -1]
    return model


def sparse_beyond() -> Any:
    model = model_of("g (float[2,2] x) => (float[2,2] y) { y = MatMul(x, s) }")
    values = onnx.helper.make_tensor("s", 1, [1], [5.0])
    at = onnx.helper.make_tensor("at", 7, [1], [4])
    model.graph.sparse_initializer.append(onnx.helper.make_sparse_tensor(values, at, [2, 2]))
    return model


def without_outputs() -> Any:
    model = good()
    del model.graph.output[:]
    return model


def of_ir(version: int) -> Any:
    model = good()
    model.ir_version = version
    return model


def text(words: str, **how: Any) -> Any:
    return model_of(f"g ({words}", **how)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: b"", "is no ONNX model: it has no operators"),
        (lambda: b"\x00\xff" * 5000, "is no ONNX model, or cut short"),
        (lambda: b"layer,node,seconds\n", "is no ONNX model, or cut short"),
        (cut_short, "is no ONNX model, or cut short"),
        (too_few_values, "has weights 'w' of [4, 3, 3, 3] that do not hold as many values"),
        (huge, f"has weights 'w' of [{2**40}, {2**20}] that do not hold as many values"),
        (below_zero, "has weights 'w' of [4, 3, 3, -1] that do not hold as many values"),
        (sparse_beyond, "has sparse weights 's'"),
        (without_outputs, "has no outputs"),
        (lambda: of_ir(99), "is refused by ONNX Runtime: Unsupported model IR version: 99"),
        (
            lambda: text("float[2] x) => (float[2] y) { y = Relu(x) }", opset=99),
            "is of opset 99, must be of at most",
        ),
        (
            lambda: text("float[2] x) => (float[2] y) { y = own.What(x) }", domain="own"),
            "is refused by ONNX Runtime: Fatal error: own:What(-1) is not a registered",
        ),
        (
            lambda: text("float[2] x, float[3] z) => (float[2] y) { y = Add(x, z) }"),
            "is refused by ONNX Runtime: Node () Op (Add) [ShapeInferenceError] Incompatible",
        ),
        (
            lambda: text(
                "float[2,3] x) => (float y) { y = Conv(x, w) }", weights={"w": normal(4, 3, 3, 3)}
            ),
            "is refused by ONNX Runtime: Node () Op (Conv) [ShapeInferenceError]",
        ),
        (
            lambda: text("float[2] x) => (float[2] y) { y = Add(x, nowhere) }"),
            "is refused by ONNX Runtime: Invalid model. Node input 'nowhere' is not",
        ),
        (
            lambda: text("float[N,3] x) => (float y) { y = Relu(x) }"),
            "has input 'x' whose dimension 0 is 'N': give it, as in --input x=1x3",
        ),
        (
            lambda: text("float[4,?] x) => (float y) { y = Relu(x) }"),
            "has input 'x' whose dimension 1 is open: give it, as in --input x=4x1",
        ),
        (
            lambda: text("float[] x) => (float y) { y = Relu(x) }"),
            "has input 'x' of unknown shape: give it, as in --input x=1x3",
        ),
        (
            lambda: text("float[2,2] x) => (int64 y) { y = NonZero(x) }"),
            "has tensor 'y' of NonZero 'y', whose shape is unknown before it runs",
        ),
    ],
)
def test_a_file_that_is_no_model_to_import(make: Callable[[], Any], said: str) -> None:
    """One sentence that says what is wrong, by name, without places of this machine."""
    defect = refused(make())
    assert defect.startswith(said)
    assert "/tmp" not in defect


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"z": (1, 3)}, "has no input 'z', must be one of x"),
        ({"x": (1, 3, 3)}, "has input 'x' with 2 dimensions ['N', 3], but 3 are given: 1x3x3"),
        ({"x": (1, 4)}, "has input 'x' with dimension 1 = 3, which cannot be 4"),
    ],
)
def test_dimensions_that_do_not_fit(given: dict[str, Any], said: str) -> None:
    """Of no input, of another rank, or others than the file's."""
    model = text("float[N,3] x) => (float y) { y = Relu(x) }")
    assert refused(model, **given) == said


def test_weights_in_a_file_that_is_missing(tmp_path: Path) -> None:
    """Or that lies outside the model's folder, as ONNX forbids."""
    model = good()
    onnx.save(
        model, tmp_path / "given.onnx", save_as_external_data=True, location="weights.bin",
        size_threshold=0,
    )  # fmt: skip
    content = (tmp_path / "given.onnx").read_bytes()
    (tmp_path / "weights.bin").rename(tmp_path / "elsewhere.bin")
    assert "weights.bin" in refused_file(content, tmp_path)
    outside = content.replace(b"weights.bin", b"../shadow00")
    assert "shadow00" in refused_file(outside, tmp_path)
    (tmp_path / "weights.bin").write_bytes(b"short")
    assert refused_file(content, tmp_path).startswith("cannot be read")


def test_weights_that_no_canonical_model_holds_are_refused_unread(tmp_path: Path) -> None:
    """4 GiB in a file that is not even there: counted by what the model says of them."""
    model = good()
    onnx.save(
        model, tmp_path / "given.onnx", save_as_external_data=True, location="weights.bin",
        size_threshold=0,
    )  # fmt: skip
    parted = onnx.load(tmp_path / "given.onnx", load_external_data=False)
    parted.graph.initializer[0].dims[:] = [2**15, 2**15]
    (tmp_path / "weights.bin").unlink()
    defect = refused_file(parted.SerializeToString(), tmp_path)
    own = len(parted.SerializeToString())
    assert defect.startswith(f"has {4 * 2**30 + own} bytes of weights and operators, must have at")
    assert "the canonical model, which parts are cut from, is one ONNX file" in defect


def test_weights_beside_the_model_are_read(tmp_path: Path) -> None:
    """And make the same instance as weights inside it."""
    onnx.save(good(), tmp_path / "whole.onnx")
    onnx.save(
        good(), tmp_path / "parted.onnx", save_as_external_data=True, location="weights.bin",
        size_threshold=0,
    )  # fmt: skip
    whole, parted = (sf.import_onnx(tmp_path / f"{n}.onnx") for n in ("whole", "parted"))
    assert whole.models[0].layers == parted.models[0].layers
    assert whole.meta["onnx"]["sha256"] == parted.meta["onnx"]["sha256"]


LATE = "took more than 3 s to import"
ENDLESS = """g (float[2] x) => (float[2] y) {
  many = Constant<value_int=9223372036854775807>()
  y = Loop (many, , x) <
    body = b (int64 i, bool c, float[2] h) => (bool d, float[2] n) {
      d = Identity(c) n = Loop (many, , h) <
        body = e (int64 j, bool p, float[2] u) => (bool q, float[2] v) {
          q = Identity(p) v = Neg(u) }> }> }"""


def test_a_loop_without_end_is_stopped(tmp_path: Path) -> None:
    """Rounds within rounds, in the run on zeros that shapes come from."""
    assert refused_file(model_of(ENDLESS), tmp_path, time_limit_s=3) == LATE


LARGE = """g (float[1000000,1000000] x) => (float y) {
  ten = Constant<value_int=10>()
  s = ReduceSum<keepdims=0>(x)
  y = Loop (ten, , s) <
    body = b (int64 i, bool c, float h) => (bool d, float n) { d = Identity(c) n = Neg(h) }> }"""


@pytest.mark.parametrize("limit", [1e8, 4e9])
def test_memory_is_limited(limit: float, tmp_path: Path) -> None:
    """Of an input of 4 TB in the run on zeros, or of the libraries alone; the parent keeps its."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    defect = refused_file(model_of(LARGE), tmp_path, memory_limit_bytes=limit)
    assert defect == f"needs more than {limit:.3g} bytes to import"
    assert resource.getrlimit(resource.RLIMIT_AS) == before


def test_a_refusal_of_the_other_process_is_a_line(tmp_path: Path) -> None:
    """With the file's name in front, exit 2."""
    path = tmp_path / "given.onnx"
    path.write_bytes(cut_short())
    line = one_line_of_error("import", "onnx", path, "-o", tmp_path / "new.json")
    assert line == "given.onnx: is no ONNX model, or cut short\n"


def test_a_process_that_dies_is_told_of() -> None:
    """By its signal, or its last words, or for its memory where these say so."""
    assert child._died(-11, b"", 1e9).endswith("(signal 11): no message")
    assert child._died(1, b"one\nValueError: two\n", 1e9).endswith("(exit 1): ValueError: two")
    assert (
        child._died(1, b"std::bad_alloc\nAborted", 1e9) == "needs more than 1e+09 bytes to import"
    )


WHILE = """g (float[2] x) => (float[2] y) {
  ten = Constant<value_int=10>()
  y = Loop (ten, , x) <
    body = b (int64 i, bool c, float[2] h) => (bool d, float[2] n) {
      n = Add(h, h) s = ReduceSum<keepdims=0>(n) d = Less(s, one) }> }"""


def test_a_loop_of_unknown_length_needs_times(tmp_path: Path) -> None:
    """Of every node where it may run; with them, by node or tier, it is imported and has them."""
    path, times = tmp_path / "given.onnx", tmp_path / "times.csv"
    path.write_bytes(model_of(WHILE, {"one": np.float32(1).reshape(())}).SerializeToString())
    nodes = sf.load_instance(TINY)
    with pytest.raises(InstanceError, match=r"given.onnx: layer 'y' holds .* on pi, server"):
        sf.import_onnx(path, nodes=nodes)
    times.write_text("layer,node,seconds\ny,pi,0.5\n")
    with pytest.raises(InstanceError, match="on server must be measured and given: --times"):
        sf.import_onnx(path, nodes=nodes, times=times)
    times.write_text("layer,node,seconds\ny,pi,0.5\ny,cloud,0.1\n")
    made = sf.import_onnx(path, nodes=nodes, times=times)
    assert made.models[0].layers[1].times_s == {"pi": 0.5, "cloud": 0.1}
    assert made.meta["onnx"]["needs_time"] == ["y"]
    times.write_text("layer,node,seconds\nz,pi,0.5\n")
    with pytest.raises(InstanceError, match=r"times.csv: unknown layer 'z'"):
        sf.import_onnx(path, nodes=nodes, times=times)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--level", "most"), "level = 'most', must be one of basic, extended, all"),
        (("--time-limit", "0"), "time_limit_s = 0.0, must be a number > 0"),
        (("--memory-limit", "nan"), "memory_limit_bytes = nan, must be a number > 0"),
        (("--input", "x"), "--input 'x', must be NAME=DIMENSIONS"),
        (("--input", "x=1x0"), "--input 'x=1x0', must be NAME=DIMENSIONS"),
        (("--input", "x=1x3", "--input", "x=1x4"), "--input 'x=1x4': x is given twice"),
        (("--family", "twotier"), "unknown family 'twotier'"),
        (("--speed", "4"), "unknown option"),
        (("--nodes", TINY, "--speed", "4"), "belongs to a family, but --nodes is given"),
        (("--times", "missing.csv"), "missing.csv"),
        (("--nodes", "missing.json"), "missing.json"),
    ],
)
def test_options_that_are_wrong(words: tuple[Any, ...], said: str, tmp_path: Path) -> None:
    """A sentence each, exit 2, and no file is written."""
    path = tmp_path / "given.onnx"
    path.write_bytes(good().SerializeToString())
    assert said in one_line_of_error("import", "onnx", path, "-o", tmp_path / "new.json", *words)
    assert [file.name for file in tmp_path.iterdir()] == ["given.onnx"]


@pytest.mark.parametrize("output", ["given.json", "given.onnx", "given.json.gz"])
def test_the_model_is_not_overwritten(output: str, tmp_path: Path) -> None:
    """Neither by its canonical form nor by the instance."""
    path = tmp_path / "given.onnx"
    path.write_bytes(good().SerializeToString())
    before = path.read_bytes()
    line = one_line_of_error("import", "onnx", path, "-o", tmp_path / output)
    assert "must have another name" in line
    assert path.read_bytes() == before


def test_files_that_are_not_there(tmp_path: Path) -> None:
    """Or are folders: exit 2."""
    for path in (tmp_path / "none.onnx", tmp_path):
        line = one_line_of_error("import", "onnx", path, "-o", tmp_path / "new.json")
        assert str(path) in line


def test_other_formats_take_none_of_these_options(tmp_path: Path) -> None:
    """Nothing is ignored in silence."""
    words = ("import", "msr", TINY, "-o", tmp_path / "new.json", "--times", "t.csv")
    assert "takes none of the options of import onnx" in one_line_of_error(*words)


def test_an_import_on_the_command_line(tmp_path: Path) -> None:
    """Two files, whose names are printed, and notes; the same bytes the second time."""
    path = tmp_path / "given.onnx"
    open_model = text("float[N,3] x, float[4] unread) => (float y) { y = Relu(x) }")
    path.write_bytes(open_model.SerializeToString())
    made = []
    for name in ("a", "a"):
        output = tmp_path / f"{name}.json"
        result = splitfog(
            "import", "onnx", path, "-o", output, "--input", "x=2x3", "--edge-cloud", "4g"
        )
        assert result.exit_code == 0, result.output
        assert lines(result.stdout) == [str(output), str(tmp_path / f"{name}.onnx")]
        assert lines(result.stderr) == [
            "splitfog: given.onnx: input unread is read by nothing that an output needs"
        ]
        made.append((output.read_bytes(), (tmp_path / f"{name}.onnx").read_bytes()))
    assert made[0] == made[1]
    instance = sf.load_instance(tmp_path / "a.json")
    assert [layer.name for layer in instance.models[0].layers] == ["x", "y"]
    assert instance.meta["onnx"]["inputs"] == {"x": [2, 3]}
    assert instance.meta["onnx"]["file"] == "a.onnx"
    assert sf.solve(instance, "min-cut").status == "optimal"
