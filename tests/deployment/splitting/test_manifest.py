"""Manifests: every defect is named with its path."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from splitfog.deployment.splitting.manifest import load_manifest, save_manifest
from splitfog.instances.defects import InstanceError

MANIFEST: dict[str, Any] = {
    "format": "splitfog/manifest", "version": 1, "instance": "i", "instance_sha256": "0",
    "plan_sha256": "0", "task": "cam", "level": "extended",
    "model": {"file": "whole.onnx", "sha256": "0"}, "inputs": ["x"], "outputs": ["y"],
    "predicted": {"latency_s": 0.5, "period_s": None},
    "nodes": [{"name": "pi", "speed_flops": 1e9}, {"name": "box", "speed_flops": 1e10}],
    "links": [{"from": "pi", "to": "box", "bandwidth_bps": 1e6, "latency_s": 0.001}],
    "parts": [
        {"name": "0-pi", "node": "pi", "file": "0-pi.onnx", "sha256": "0", "layers": ["a"],
         "inputs": ["x"], "outputs": ["t"], "predicted_s": 0.1},
        {"name": "1-box", "node": "box", "file": "1-box.onnx", "sha256": "0", "layers": ["b"],
         "inputs": ["t"], "outputs": ["y"], "predicted_s": 0.1},
    ],
    "tensors": [
        {"name": "x", "dtype": "float32", "shape": [2], "bytes": 8, "from": None, "to": ["0-pi"],
         "routes": {"0-pi": ["pi"]}, "predicted_s": {"0-pi": 0}},
        {"name": "t", "dtype": "int4", "shape": [3], "bytes": 2, "from": "0-pi", "to": ["1-box"],
         "routes": {"1-box": ["pi", "box"]}, "predicted_s": {"1-box": 0.1}},
        {"name": "y", "dtype": "float16", "shape": [], "bytes": 2, "from": "1-box", "to": [],
         "routes": {}, "predicted_s": {}},
    ],
}  # fmt: skip

Edit = Callable[[dict[str, Any]], object]


def put(*path: Any) -> Edit:
    """The edit that puts the last of a path at the place the others name."""

    def edit(data: dict[str, Any]) -> None:
        *way, key, value = path
        place: Any = data
        for step in way:
            place = place[step]
        place[key] = value

    return edit


DEFECTS: dict[str, Edit] = {
    'format = "splitfog/plan", must be "splitfog/manifest"': put("format", "splitfog/plan"),
    "surprise = 1, unknown key": put("surprise", 1),
    'nodes[1].name = "pi" stands twice': put("nodes", 1, "name", "pi"),
    'links[0].to = "fog", must be one of the nodes': put("links", 0, "to", "fog"),
    "bandwidth_bps = 0, must be a finite number > 0": put("links", 0, "bandwidth_bps", 0),
    'parts[0].file = "../0.onnx", must be a file beside': put("parts", 0, "file", "../0.onnx"),
    'parts[0].file = "/etc/passwd", must be a file': put("parts", 0, "file", "/etc/passwd"),
    'model.file = "../whole.onnx", must be a file': put("model", "file", "../whole.onnx"),
    'parts[1].node = "fog", must be one of the nodes': put("parts", 1, "node", "fog"),
    'parts[1].name = "results", which is kept': put("parts", 1, "name", "results"),
    'parts[1].inputs[1] = "u", must be the name': put("parts", 1, "inputs", ["t", "u"]),
    'parts[1].inputs[1] = "x", which does not go': put("parts", 1, "inputs", ["t", "x"]),
    'parts[0].outputs[1] = "y", which is from "1-box"': put("parts", 0, "outputs", ["t", "y"]),
    'parts[0].inputs[0] = "t", must be made by': lambda m: m["parts"].reverse(),
    "tensors[0].bytes = 7, must be 8": put("tensors", 0, "bytes", 7),
    'tensors[0].dtype = "text", must be one of': put("tensors", 0, "dtype", "text"),
    "tensors[0].shape[0] = -2, must be a whole": put("tensors", 0, "shape", [-2]),
    "tensors[2].from = null, must be a part": put("tensors", 2, "from", None),
    'tensors[1].to[1] = "fog", must be the name': put("tensors", 1, "to", ["1-box", "fog"]),
    'tensors[1].to[1] = "results", but it is not': put("tensors", 1, "to", ["1-box", "results"]),
    "tensors[1].routes must have one entry": put("tensors", 1, "routes", {}),
    "must begin at pi, where it is made": put("tensors", 1, "routes", "1-box", ["box"]),
    "must end at box, where it is read": put("tensors", 1, "routes", "1-box", ["pi"]),
    "but there is no link from pi to box": lambda m: m["links"].clear(),
    'outputs[0] = "z", must be the name of a tensor': put("outputs", ["z"]),
    'inputs[1] = "t", must be a tensor that no part': put("inputs", ["x", "t"]),
}


@pytest.mark.parametrize("sentence", DEFECTS)
def test_a_defect_is_named(sentence: str, tmp_path: Path) -> None:
    """Each edit of a sound manifest brings its sentence."""
    data = json.loads(json.dumps(MANIFEST))
    DEFECTS[sentence](data)
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(data))
    with pytest.raises(InstanceError) as error:
        load_manifest(path)
    assert sentence in str(error.value)
    assert "manifest.json: " in str(error.value)


def test_a_sound_one_is_read_and_written_the_same(tmp_path: Path) -> None:
    """What is read is what saving it gives again; a missing delay is none."""
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(MANIFEST))
    manifest = load_manifest(path)
    save_manifest(manifest, tmp_path / "again.json")
    assert load_manifest(tmp_path / "again.json") == manifest
    # 8 bytes are 64 bits: 1 ms and 64 us over 1 Mbit/s
    assert manifest.links[0].seconds(8) == pytest.approx(0.001064)
