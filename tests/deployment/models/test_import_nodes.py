"""On what an imported model is put: a family's nodes, an instance's, or those of a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import splitfog as sf
from splitfog.instances.defects import InstanceError
from tests.cases.onnx_text import model_of
from tests.face.test_cli import TINY


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A model of two layers."""
    path = tmp_path / "halving.onnx"
    model = model_of("g (float[1,3,8,8] x) => (float y) { y = MaxPool<kernel_shape=[2,2]>(x) }")
    path.write_bytes(model.SerializeToString())
    return path


def nodes_file(folder: Path, **changes: Any) -> Path:
    """The nodes of tiny.json, with other entries."""
    data = json.loads(TINY.read_text()) | changes
    file = folder / "nodes.json"
    file.write_text(json.dumps(data))
    return file


def test_a_familys_nodes(path: Path) -> None:
    """With its options; the name says both, and the tasks run the model."""
    made = sf.import_onnx(path, family="three-tier", options={"edge_cloud": "5g"})
    like = sf.generate("three-tier", edge_cloud="5g")
    assert (made.nodes, made.links, made.tiers) == (like.nodes, like.links, like.tiers)
    assert [task.model for task in made.tasks] == ["halving"]
    assert made.name == "halving-three-tier-5g-seed0"
    with pytest.raises(ValueError, match="model = 'vgg-16' is no option here"):
        sf.import_onnx(path, options={"model": "vgg-16"})


def test_an_instances_nodes_and_tasks(path: Path) -> None:
    """Its models and what it says of itself go."""
    tiny = sf.load_instance(TINY)
    made = sf.import_onnx(path, nodes=tiny)
    assert (made.nodes, made.links) == (tiny.nodes, tiny.links)
    assert [(task.name, task.source) for task in made.tasks] == [
        (task.name, task.source) for task in tiny.tasks
    ]
    assert [model.name for model in made.models] == ["halving"]
    assert list(made.meta) == ["onnx"]


def test_a_file_without_models_and_tasks(path: Path) -> None:
    """Then one task starts at the first node."""
    made = sf.import_onnx(path, nodes=nodes_file(path.parent, models=[], tasks=[]))
    (task,) = made.tasks
    assert (task.source, task.model) == ("pi", "halving")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"nodes": []}, "nodes"),
        ({"nodes": 3, "models": [], "tasks": []}, "nodes"),
        ({"tiers": ["cloud"], "models": [], "tasks": []}, "tier"),
    ],
)
def test_a_file_that_is_no_instance(path: Path, changes: dict[str, Any], said: str) -> None:
    """Is refused by its own name before the model is read."""
    with pytest.raises(InstanceError, match=rf"nodes.json: .*{said}"):
        sf.import_onnx(path, nodes=nodes_file(path.parent, **changes))


def test_the_canonical_model_lies_beside_the_instance(path: Path, tmp_path: Path) -> None:
    """Under its name, `.json` or `.json.gz`; edits of the instance keep knowing it."""
    for name in ("made.json", "other.json.gz"):
        made = sf.import_onnx(path, tmp_path / name, nodes=TINY)
        file = made.meta["onnx"]["file"]
        assert file == name.partition(".")[0] + ".onnx"
        assert (tmp_path / file).exists()
        assert sf.load_instance(tmp_path / name).meta == made.meta
        assert made.with_times({"y": {"pi": 1.0}}).meta["onnx"] == made.meta["onnx"]
