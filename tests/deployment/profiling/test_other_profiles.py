"""Profiles of trtexec and of ONNX Runtime as times of layers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import splitfog as sf
from splitfog.deployment.profiling.other_profiles import OtherTimes, read_profile
from splitfog.deployment.profiling.trtexec import parts_of
from splitfog.instances.importers.measured import with_layer_times
from splitfog.instances.importers.ties import tied
from splitfog.instances.records import changed
from splitfog.instances.times import load_times, save_times
from tests.deployment.profiling.test_runtime_profile import event, run


def layer(name: str, *inputs: str, flops: float = 0.0) -> sf.Layer:
    return sf.Layer(name=name, op="other", inputs=inputs, flops=flops, output_bytes=8)


MODEL = sf.Model(
    name="m",
    layers=(
        sf.Layer(name="x", op="input", output_bytes=8),
        layer("conv", "x", flops=300),
        layer("relu", "conv", flops=100),
        layer("left", "relu", flops=200),
        layer("right", "relu", flops=50),
        layer("join", "left", "right", flops=50),
        layer("end", "join"),
    ),
)


def trt(milliseconds: dict[str, float], model: sf.Model | None = MODEL) -> OtherTimes:
    """A profile of fused layers and their milliseconds."""
    entries: list[Any] = [{"count": 50}]
    entries += [
        {"name": name, "timeMs": 50 * ms, "averageMs": 9 * ms, "medianMs": ms, "percentage": 1}
        for name, ms in milliseconds.items()
    ]
    return read_profile(json.dumps(entries).encode(), "trt.json", "trtexec", "gpu", model)


def seconds(found: OtherTimes) -> dict[str, float]:
    return {time.layer: time.seconds for time in found.times}


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("conv1", ["conv1"]),
        ("conv1 + relu1", ["conv1", "relu1"]),
        ("q || k || v", ["q", "k", "v"]),
        ("conv + PWN(PWN(sigmoid), mul)", ["conv", "sigmoid", "mul"]),
        ("PWN(a + b)", ["a", "b"]),
        ("Reformatting CopyNode for Input Tensor 0 to conv1 + relu1", ["conv1", "relu1"]),
        ("{ForeignNode[/enc/Add.../enc/Softmax]}", ["/enc/Add", "/enc/Softmax"]),
        ("(Unnamed Layer* 5) [Shuffle]", ["(Unnamed Layer* 5) [Shuffle]"]),
    ],
)
def test_names_are_taken_apart(name: str, parts: list[str]) -> None:
    """As TensorRT puts them together."""
    assert parts_of(name) == parts


def test_a_name_that_is_a_layer_stays_whole() -> None:
    """Though it looks like two."""
    assert parts_of("a + b", {"a + b"}) == ["a + b"]


def test_a_fused_layer_is_shared_out_by_flop() -> None:
    """300 of 400 FLOP are the convolution's: 3 of 4 ms; shares are not reliable, wholes may be."""
    found = trt({"conv + relu": 4.0, "join": 1.0})
    assert seconds(found) == {
        "conv": pytest.approx(3e-3),
        "relu": pytest.approx(1e-3),
        "join": pytest.approx(1e-3),
    }
    assert [time.reliable for time in found.times] == [False, False, None]


def test_no_time_is_lost() -> None:
    """Copies count for what they are made for; what is of no layer is told."""
    names = {
        "Reformatting CopyNode for Input Tensor 0 to conv + relu": 0.5,
        "conv + relu": 4.0,
        "left || right": 1.0,
        "__myl_Fc": 0.25,
    }
    found = trt(names)
    assert dict(found.unknown) == {"__myl_Fc": pytest.approx(0.25e-3)}
    assert sum(seconds(found).values()) == pytest.approx(5.5e-3)


def test_a_range_holds_what_lies_between_and_is_named_nowhere_else() -> None:
    """relu to join are relu, left, right and join, but `left` runs by itself."""
    found = trt({"{ForeignNode[relu...join]}": 2.0, "left": 1.0})
    assert seconds(found) == {
        "relu": pytest.approx(1e-3),  # 100 of 200 FLOP
        "right": pytest.approx(0.5e-3),
        "join": pytest.approx(0.5e-3),
        "left": pytest.approx(1e-3),
    }


def test_a_range_whose_begin_is_no_layer_leads_to_its_end() -> None:
    """As one that begins with a weight: all before `right`, the input apart."""
    found = trt({"{ForeignNode[conv.weight...right]}": 4.5})
    assert set(seconds(found)) == {"conv", "relu", "right"}
    assert sum(seconds(found).values()) == pytest.approx(4.5e-3)


def test_without_a_model_the_first_has_the_time() -> None:
    """Nobody knows how to share it out; the names stand as they are."""
    found = trt({"conv + relu": 4.0}, None)
    assert seconds(found) == {"conv": pytest.approx(4e-3), "relu": 0.0}


def test_an_older_file_has_only_averages() -> None:
    """Then those count."""
    content = b'[{"count": 5}, {"name": "conv", "timeMs": 10, "averageMs": 2, "percentage": 100}]'
    found = read_profile(content, "trt.json", "trtexec", "gpu", MODEL)
    assert seconds(found) == {"conv": pytest.approx(2e-3)}


def test_a_runtime_profile_has_medians() -> None:
    """Of runs of 7, 9, 30 us, each and a half, after one that does not count.

    An operator that is no layer is told.
    """
    runs = [
        entry
        for start, us in ((0, 999), (1000, 7), (2000, 9), (3000, 30))
        for entry in run(start, event("conv", start + 1, us), event("extra", start + 500, 3))
    ]
    found = read_profile(json.dumps(runs).encode(), "ort.json", "onnxruntime", "box", MODEL)
    (time,) = found.times
    assert (time.layer, time.place, time.model) == ("conv", "box", "m")
    assert time.seconds == pytest.approx(9.5e-6)
    assert time.spread_s == pytest.approx((19.5 - 8) * 1e-6)  # quartiles 8.5 and 20
    assert time.reliable is False  # three runs, of microseconds
    assert time.work is not None
    assert time.work.flops == 300
    assert dict(found.unknown) == {"extra": pytest.approx(3.5e-6)}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'[{"name": "co', "not JSON"),
        (b"{}", "the file = {}, must be a list of layers"),
        (b'[{"count": 5}]', "it holds no layer"),
        (b'[{"time": 5}]', '[0] = {"time": 5}, must be an object with a name'),
        (b'[{"name": "a", "timeMs": 1}]', "[0].averageMs = missing, must be a finite number >= 0"),
        (b'[{"name": "a", "medianMs": -1}]', "[0].medianMs = -1, must be a finite number >= 0"),
        (b'[{"name": "a", "medianMs": "x"}]', '[0].medianMs = "x", must be a finite number >= 0'),
    ],
)
def test_a_wrong_profile_is_a_sentence(content: bytes, reason: str) -> None:
    """Naming the file, the entry, its value."""
    with pytest.raises(sf.InstanceError) as error:
        read_profile(content, "trt.json", "trtexec", "gpu", MODEL)
    assert reason in str(error.value)
    assert str(error.value).startswith("trt.json: ")


def test_a_profile_of_another_model_is_refused() -> None:
    """None of its names is a layer; and another program's form is not known."""
    with pytest.raises(
        sf.InstanceError, match=r"none of its names \(fc8, \.\.\.\) is a layer of m"
    ):
        trt({"fc8": 1.0})
    with pytest.raises(ValueError, match="form = 'tvm', must be one of trtexec, onnxruntime"):
        read_profile(b"[]", "x.json", "tvm", "gpu")


def test_fused_layers_are_tied(tmp_path: Path) -> None:
    """Those that are named, not a range, which may be everything; they go where one goes."""
    found = trt({"conv + relu": 4.0, "{ForeignNode[left...join]}": 2.0})
    groups = {time.layer: time.group for time in found.times}
    assert groups == {"conv": "conv + relu", "relu": "conv + relu", "left": None, "join": None}
    save_times(found.times, tmp_path / "times.csv")
    assert load_times(tmp_path / "times.csv") == found.times
    node = sf.Node(name="gpu", tier="gpu", speed_flops=1.0)
    task = sf.Task(name="t", model="m", source="gpu")
    before = sf.Instance(
        name="i", tiers=("gpu",), nodes=(node,), links=(), models=(MODEL,), tasks=(task,)
    )
    (model,) = with_layer_times(before, found.times).models
    assert dict(model.groups) == {"conv + relu": (1, 2)}


def test_a_tie_joins_the_groups_that_it_touches() -> None:
    """Which keep the name of the first; an input is tied to nothing."""
    layers = [
        changed(own, group={"relu": "a", "left": "a", "right": "b", "join": "b"}.get(own.name))
        for own in MODEL.layers
    ]
    made = tied(changed(MODEL, layers=tuple(layers)), {"x": "t", "left": "t", "join": "t"})
    names = {layer.name: layer.group for layer in made.layers if layer.group}
    assert names == dict.fromkeys(("relu", "left", "right", "join"), "a")


def test_a_runtime_profile_may_tell_no_runs() -> None:
    """Then every operator's events are one run after another, of which the first does not count."""
    events = [
        {"cat": "Node", "name": "conv_kernel_time", "dur": us, "args": {"provider": "CPU"}}
        for us in (900, 50, 52)
    ]
    found = read_profile(json.dumps(events).encode(), "ort.json", "onnxruntime", "box")
    assert seconds(found) == {"conv": pytest.approx(51.5e-6)}
    (one,) = read_profile(json.dumps(events[1:2]).encode(), "o", "onnxruntime", "box").times
    assert one.seconds == pytest.approx(50.5e-6)
