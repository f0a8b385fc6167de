"""A predictor's file, and the times it gives for an instance."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import splitfog as sf
from splitfog.deployment.profiling.predictor import Law, ModelError


def law(kind: str, per_flop: float, overhead_s: float) -> Law:
    return Law(
        kind=kind, layers=9, seconds_per_flop=per_flop, seconds_per_byte_in=1e-9,
        seconds_per_byte_out=2e-9, seconds_per_weight_byte=0.0, overhead_s=overhead_s,
    )  # fmt: skip


PREDICTOR = sf.Predictor(
    node="pi",
    models=("a", "b"),
    laws=(law("conv", 1e-10, 1e-3), law("any", 1e-9, 2e-3)),
    errors=(ModelError(model="a", layers=3, measured_s=2.0, predicted_s=1.5, error=0.25),),
)

LAYERS = (
    sf.Layer(name="image", op="input", output_bytes=1000),
    sf.Layer(name="stem", op="conv", inputs=("image",), flops=1e6, output_bytes=500),
    sf.Layer(name="split", op="other", inputs=("stem",), flops=10, output_bytes=0, group="g"),
    sf.Layer(name="left", op="identity", inputs=("split",), output_bytes=200, group="g"),
    sf.Layer(name="right", op="identity", inputs=("split",), output_bytes=300, group="g"),
    sf.Layer(name="join", op="add", inputs=("left", "right"), flops=100, output_bytes=200),
)


def instance() -> sf.Instance:
    """One model on a Pi."""
    return sf.Instance(
        name="one",
        tiers=("device",),
        nodes=(sf.Node(name="pi", tier="device", speed_flops=1e9),),
        links=(),
        models=(sf.Model(name="m", layers=LAYERS),),
        tasks=(sf.Task(name="cam", model="m", source="pi"),),
    )


def test_times_are_by_the_law_of_the_kind() -> None:
    """By hand; the outputs of the split are its bytes out, and take no time themselves."""
    times = {time.layer: time.seconds for time in PREDICTOR.times(instance())}
    assert times == {
        "stem": pytest.approx(1e6 * 1e-10 + 1000e-9 + 500 * 2e-9 + 1e-3),
        "split": pytest.approx(10 * 1e-9 + 500e-9 + 500 * 2e-9 + 2e-3),
        "left": 0.0,
        "right": 0.0,
        "join": pytest.approx(100 * 1e-9 + 500e-9 + 200 * 2e-9 + 2e-3),
    }


def test_kinds_without_a_law_are_counted() -> None:
    """The split, its outputs and the sum."""
    assert PREDICTOR.unknown_kinds(instance()) == {"other": 1, "add": 1}


def test_a_network_of_the_zoo_is_predicted_whole() -> None:
    """What was never measured: a time for every layer but the input, on the tier named."""
    given = sf.generate("three-tier", model="resnet-18")
    times = PREDICTOR.times(given, node="edge")
    assert len(times) == len(given.models[0].layers) - 1
    assert {time.place for time in times} == {"edge"}
    with pytest.raises(LookupError, match="unknown node or tier 'pi'"):
        PREDICTOR.times(given)


def test_written_and_read(tmp_path: Path) -> None:
    """The same predictor."""
    sf.save_predictor(PREDICTOR, tmp_path / "p.json.gz")
    assert sf.load_predictor(tmp_path / "p.json.gz") == PREDICTOR


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"version": 2}, "version = 2, must be 1"),
        ({"format": "splitfog/plan"}, 'format = "splitfog/plan", must be "splitfog/predictor"'),
        ({"laws": []}, "laws = []"),
        ({"speed": 3}, "speed"),
        ({"node": ""}, 'node = ""'),
    ],
)
def test_a_wrong_file_is_a_sentence(change: dict[str, Any], reason: str, tmp_path: Path) -> None:
    """Naming the field, its value and what is allowed."""
    path = tmp_path / "p.json"
    sf.save_predictor(PREDICTOR, path)
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(sf.InstanceError) as error:
        sf.load_predictor(path)
    assert reason in str(error.value)


def test_wrong_laws_are_all_listed(tmp_path: Path) -> None:
    """A negative figure; a kind twice and none of any."""
    path = tmp_path / "p.json"
    sf.save_predictor(PREDICTOR, path)
    data = json.loads(path.read_text())
    data["laws"][0]["overhead_s"] = -1.0
    path.write_text(json.dumps(data))
    with pytest.raises(sf.InstanceError, match=r"laws\[0\]\.overhead_s = -1\.0, must be"):
        sf.load_predictor(path)
    data["laws"] = [PREDICTOR_LAW, PREDICTOR_LAW]
    path.write_text(json.dumps(data))
    with pytest.raises(sf.InstanceError) as error:
        sf.load_predictor(path)
    assert list(error.value.defects) == [
        'laws[1].kind = "conv" stands there twice, must once',
        "laws has none of kind 'any', must have one",
    ]


PREDICTOR_LAW = {
    "kind": "conv", "layers": 9, "seconds_per_flop": 0, "seconds_per_byte_in": 0,
    "seconds_per_byte_out": 0, "seconds_per_weight_byte": 0, "overhead_s": 0,
}  # fmt: skip
