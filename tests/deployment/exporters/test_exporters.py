"""Plans in other programs' formats say what the plan says."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

import onnx
import onnxruntime as ort

from splitfog.deployment.exporters import FORMATS
from splitfog.deployment.exporters.asked import Asked, Export
from splitfog.deployment.exporters.ort_annotations import KEY, SETTING
from splitfog.deployment.splitting.given import given
from splitfog.instances.instance import Instance
from tests.cases.onnx_models import branches, imported
from tests.cases.real.tiles import (
    grid_of,
    imported_block,
    output_size,
    stage_layers,
    stage_plan,
    vgg,
)

PLACES = {"x": "pi", "stem": "pi", "left": "box", "right": "pi", "join": "box"}


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Instance:
    """Two branches, of which one is elsewhere."""
    return imported(branches(), tmp_path_factory.mktemp("model"))


def exported(case: Instance, name: str, **options: str) -> Export:
    """The plan in a format."""
    whose = given(case, {"cam": PLACES})
    chosen = FORMATS.named(name)
    made: Export = chosen.load()(Asked(whose, *chosen.parse(options, whose.alone.node_index)))
    return made


def test_a_device_map_has_every_layer_but_the_inputs(case: Instance) -> None:
    """By the names of the options, where numbers are indices, else by the nodes' own."""
    found = json.loads(exported(case, "device-map", pi="0").content)
    assert found == {"stem": 0, "left": "box", "right": 0, "join": "box"}


def test_every_operator_is_annotated_with_its_node(case: Instance) -> None:
    """And the setting names each device once, with the exact annotations that go there."""
    made = exported(case, "ort-annotations", pi="cpu", box="gpu")
    model = onnx.load_from_string(made.content)
    found = {
        node.name: [(p.key, p.value) for p in node.metadata_props] for node in model.graph.node
    }
    assert found == {layer: [(KEY, node)] for layer, node in PLACES.items() if layer != "x"}
    assert [(p.key, p.value) for p in model.metadata_props] == [(SETTING, "cpu(=pi); gpu(=box)")]
    assert made.lines == (f"{SETTING}: cpu(=pi); gpu(=box)",)
    both = exported(case, "ort-annotations", pi="cpu", box="cpu")
    assert both.lines == (f"{SETTING}: cpu(=pi, =box)",)


def test_onnx_runtime_reads_the_setting_and_computes_the_same(case: Instance) -> None:
    """It refuses a setting that it cannot read, so it does read this one."""
    made = exported(case, "ort-annotations", pi="cpu", box="gpu")
    x = np.ones((1, 3, 8, 8), np.float32)
    outputs = []
    for setting in (None, made.lines[0].partition(": ")[2]):
        options = ort.SessionOptions()
        if setting is not None:
            options.add_session_config_entry(SETTING, setting)
        session = ort.InferenceSession(made.content, options, providers=["CPUExecutionProvider"])
        outputs.append(session.run(None, {"x": x}))
    for first, second in zip(*outputs, strict=True):
        assert np.array_equal(first, second)
    options = ort.SessionOptions()
    options.add_session_config_entry(SETTING, "cpu(=pi")
    with pytest.raises(Exception, match="Missing '\\)'"):
        ort.InferenceSession(made.content, options, providers=["CPUExecutionProvider"])


def test_what_cannot_be_said_is_refused(case: Instance, tmp_path: Path) -> None:
    """A node without a device, a device or node that breaks the form, a stage."""
    with pytest.raises(ValueError, match="node box has no device"):
        exported(case, "ort-annotations", pi="cpu")
    with pytest.raises(ValueError, match="cannot stand in"):
        exported(case, "ort-annotations", pi="cpu", box="gpu)")
    with pytest.raises(LookupError, match="option of device-map 'fog'"):
        exported(case, "device-map", fog="cpu")
    block = imported_block(vgg(), tmp_path)
    plan = stage_plan(block, stage_layers(block), grid_of(*output_size(block), 2, 1))
    with pytest.raises(ValueError, match="the plan has stages"):
        FORMATS.named("device-map").load()(Asked(given(block, plan)))
