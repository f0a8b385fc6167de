"""The check of parts against the whole finds what is wrong with either."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

import onnx
from onnx import helper

from splitfog.deployment.models.mapping import mapped
from splitfog.deployment.models.operators import random_operators
from splitfog.deployment.splitting.check import check_split, differences_from_original
from splitfog.deployment.splitting.manifest import load_manifest, save_manifest
from splitfog.deployment.splitting.split import split
from splitfog.instances.defects import InstanceError
from splitfog.instances.records import changed
from tests.cases.onnx_models import Kind, branches, graph_model, imported, random_placement, words


def split_of(model: Any, folder: Path, seed: int = 0) -> Path:
    """A model imported and split at random; the folder of its parts."""
    case = imported(model, folder / "model")
    return split(case, random_placement(case, seed), folder / "parts").folder


def chain_of(operators: Sequence[str]) -> Any:
    """Operators of one input each, one after the other."""
    names = ["x", *(f"t{i}" for i in range(len(operators)))]
    nodes = [helper.make_node(op, [names[i]], [names[i + 1]]) for i, op in enumerate(operators)]
    return graph_model(nodes, {"x": (Kind.FLOAT, (4, 4))}, {names[-1]: Kind.FLOAT})


def test_a_part_that_computes_something_else_is_found(tmp_path: Path) -> None:
    """Weights a thousandth larger in one part, whose hash the manifest has: all from there differs.

    The first tensor that does is named with the part that makes it, and the output.
    """
    folder = split_of(words(), tmp_path, seed=4)
    manifest = load_manifest(folder)
    position = next(i for i, part in enumerate(manifest.parts) if "project" in part.layers)
    part = manifest.parts[position]
    model = onnx.load(folder / part.file)
    (weight,) = [tensor for tensor in model.graph.initializer if tensor.name == "w"]
    larger = onnx.numpy_helper.to_array(weight) * np.float32(1.001)
    weight.CopyFrom(onnx.numpy_helper.from_array(larger, "w"))
    content = model.SerializeToString()
    (folder / part.file).write_bytes(content)
    parts = list(manifest.parts)
    parts[position] = changed(part, sha256=hashlib.sha256(content).hexdigest())
    save_manifest(changed(manifest, parts=tuple(parts)), folder / "manifest.json")
    found = check_split(folder)
    assert not found.passed
    assert not found.exact
    assert set(found.differences) == {"y", "z"}
    assert 0 < found.differences["z"] < 0.01
    assert f"tensor y, made by part {part.name}, differs" in found.faults[0]
    assert "output z differs" in found.faults[1]


def test_a_file_changed_after_the_manifest_is_refused(tmp_path: Path) -> None:
    """A part by its hash, and so the whole model."""
    folder = split_of(branches(), tmp_path)
    for file in (load_manifest(folder).parts[-1].file, "whole.onnx"):
        content = (folder / file).read_bytes()
        (folder / file).write_bytes(content + b"\0")
        with pytest.raises(InstanceError, match=f"{file}: sha256 = .* changed after the manifest"):
            check_split(folder)
        (folder / file).write_bytes(content)
    assert check_split(folder).passed


def test_outputs_that_prove_nothing_fail(tmp_path: Path) -> None:
    """Not a number: the root of what is below 0. All zeros: what is above 0 of what is not."""
    roots = check_split(split_of(chain_of(["Abs", "Neg", "Sqrt"]), tmp_path / "roots"))
    assert "not a number" in roots.faults[0]
    zeros = check_split(split_of(chain_of(["Abs", "Neg", "Relu"]), tmp_path / "zeros"))
    assert "all zeros" in zeros.faults[0]


def test_whole_numbers_are_drawn_such_that_the_model_runs(tmp_path: Path) -> None:
    """A table of 7 rows refuses inputs below 256 and below 10, and takes those below 2."""
    assert check_split(split_of(words(), tmp_path)).passed


def test_a_model_that_no_input_suits_is_named(tmp_path: Path) -> None:
    """Rows 1000 and more of a table of 3, whatever whole numbers are given."""
    nodes = [
        helper.make_node("Add", ["n", "much"], ["m"]),
        helper.make_node("Gather", ["table", "m"], ["y"]),
        helper.make_node("Exp", ["y"], ["z"]),
    ]
    weights = {"much": np.array([1000]), "table": np.ones((3, 2), np.float32)}
    model = graph_model(nodes, {"n": (Kind.INT64, (4,))}, {"z": Kind.FLOAT}, weights)
    with pytest.raises(InstanceError, match=r"whole\.onnx: does not run: .*out of"):
        check_split(split_of(model, tmp_path))


def test_the_original_is_compared_by_output(tmp_path: Path) -> None:
    """Nothing is optimised away from itself; weights of another model show."""
    folder = split_of(branches(), tmp_path)
    assert differences_from_original(folder, folder / "whole.onnx") == {"a": 0.0, "y": 0.0}
    other = branches()
    for tensor in other.graph.initializer:
        larger = onnx.numpy_helper.to_array(tensor) * np.float32(1.5)
        tensor.CopyFrom(onnx.numpy_helper.from_array(larger, tensor.name))
    onnx.save(other, tmp_path / "other.onnx")
    assert differences_from_original(folder, tmp_path / "other.onnx")["a"] > 0.1


def test_what_is_not_the_original_is_named(tmp_path: Path) -> None:
    """A file that is missing, one that is no model, and a model with other inputs and outputs."""
    folder = split_of(branches(), tmp_path)
    with pytest.raises(
        InstanceError, match=r"none\.onnx: no such file, must be the model that was"
    ):
        differences_from_original(folder, tmp_path / "none.onnx")
    (tmp_path / "text.onnx").write_text("no model")
    with pytest.raises(InstanceError, match=r"text\.onnx: is no model that ONNX Runtime runs: "):
        differences_from_original(folder, tmp_path / "text.onnx")
    onnx.save(words(), tmp_path / "words.onnx")
    with pytest.raises(InstanceError, match=r"words\.onnx: has no input 'x', but ids: it is not"):
        differences_from_original(folder, tmp_path / "words.onnx")


@pytest.mark.parametrize(
    ("node", "op"),
    [
        (helper.make_node("RandomUniformLike", ["x"], ["r"], name="dice"), "RandomUniformLike"),
        (helper.make_node("RandomNormal", [], ["r"], name="dice", shape=[4, 4]), "RandomNormal"),
        (helper.make_node("Multinomial", ["x"], ["i"], name="dice", sample_size=4), "Multinomial"),
        (helper.make_node("Dropout", ["x", "half", "yes"], ["r"], name="dice"), "Dropout"),
    ],
)
def test_random_numbers_are_noted_and_not_compared(node: Any, op: str, tmp_path: Path) -> None:
    """In the import's notes, and by the check, which fails for that reason and no other."""
    nodes = [
        helper.make_node("Sigmoid", ["x"], ["p"], name="odds"),
        node,
        *([helper.make_node("Cast", ["i"], ["r"], to=Kind.FLOAT)] if "i" in node.output else []),
        helper.make_node("Add", ["r", "p"], ["y"], name="add"),
    ]
    weights = {"half": np.array(0.5, np.float32), "yes": np.array(True)}
    model = graph_model(nodes, {"x": (Kind.FLOAT, (4, 4))}, {"y": Kind.FLOAT}, weights)
    folder = split_of(model, tmp_path)
    content = (tmp_path / "model" / "model.onnx").read_bytes()
    notes = " ".join(mapped(onnx.load_from_string(content), "model").notes)
    assert f"drawn anew in every run by dice ({op})" in notes
    found = check_split(folder)
    assert not found.passed
    (fault,) = found.faults
    assert fault == (
        f"random numbers are drawn anew in every run by dice ({op}), so nothing can be compared"
    )


def test_a_dropout_that_does_not_train_is_not_random(tmp_path: Path) -> None:
    """It passes on what it reads."""
    nodes = [
        helper.make_node("Dropout", ["x", "half", "no"], ["r"], name="drop"),
        helper.make_node("Exp", ["r"], ["y"], name="exp"),
    ]
    weights = {"half": np.array(0.5, np.float32), "no": np.array(False)}
    model = graph_model(nodes, {"x": (Kind.FLOAT, (4, 4))}, {"y": Kind.FLOAT}, weights)
    assert random_operators(model.graph) == {}
    assert check_split(split_of(model, tmp_path)).passed


def test_the_seed_draws_the_inputs(tmp_path: Path) -> None:
    """The same again, and others with another: by what a part with other weights makes of them."""
    folder = split_of(branches(), tmp_path)
    other = branches()
    other.graph.initializer[0].CopyFrom(
        onnx.numpy_helper.from_array(np.ones((4, 3, 3, 3), np.float32), "w0")
    )
    onnx.save(other, tmp_path / "other.onnx")
    found = [differences_from_original(folder, tmp_path / "other.onnx", 1, s) for s in (3, 3, 4)]
    assert found[0] == found[1] != found[2]
