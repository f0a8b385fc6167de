"""Measured times of real models: what must hold of them, whatever the machine is doing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import splitfog as sf
from splitfog.deployment.models.onnx_import import canonical_path
from splitfog.instances.importers.measured import with_layer_times
from tests.cases.onnx_models import (
    Kind,
    branches,
    conditional,
    graph_model,
    helper,
    imported,
    onnx,
    packed,
    pieces,
    recurrent,
    words,
)

RUNS = 3


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> sf.Instance:
    """The branching model on a Pi, a box and a server."""
    return imported(branches(), tmp_path_factory.mktemp("branches"))


@pytest.fixture(scope="module")
def profile(instance: sf.Instance) -> sf.Profile:
    return sf.measure_times(instance, runs=RUNS)


@pytest.mark.parametrize(
    "make", [branches, pieces, conditional, recurrent, packed, words], ids=lambda m: m.__name__
)
def test_every_layer_has_a_time_and_they_add_up_to_a_run(make, tmp_path: Path) -> None:
    """All but the inputs, once, in their order; their sum is the CPU time of a whole run.

    Of what several outputs of one operator are, none takes any time.
    """
    instance = imported(make(), tmp_path)
    found = sf.measure_times(instance, runs=RUNS)
    layers = instance.models[0].layers
    assert [time.layer for time in found.times] == [x.name for x in layers if x.op != "input"]
    assert sum(time.seconds for time in found.times) == pytest.approx(found.run_s, rel=1e-9)
    seconds = {time.layer: time.seconds for time in found.times}
    for layer in layers:
        if layer.op != "input":
            is_free = layer.op == "identity" and layer.group is not None
            assert (seconds[layer.name] == 0) == is_free


def test_applied_times_make_the_run_on_that_node(instance: sf.Instance, tmp_path: Path) -> None:
    """Measured, written, read and applied: everything on the Pi computes for one run's CPU time."""
    found = sf.measure_times(instance, runs=RUNS)
    sf.save_times(found.times, tmp_path / "times.csv")
    measured = with_layer_times(instance, sf.load_times(tmp_path / "times.csv"))
    everything = {"cam": {layer.name: "pi" for layer in instance.models[0].layers}}
    compute_s = sf.plan(measured, everything).tasks[0].compute_s
    assert compute_s == pytest.approx(found.run_s, rel=1e-9)


def test_what_was_measured_is_read_back_as_it_was(profile: sf.Profile, tmp_path: Path) -> None:
    """A file of times holds all there is, to the last bit."""
    sf.save_times(profile.times, tmp_path / "times.csv.gz")
    assert sf.load_times(tmp_path / "times.csv.gz") == profile.times


def test_the_place_is_the_source_unless_it_is_named(
    instance: sf.Instance, profile: sf.Profile
) -> None:
    """The task starts at pi; a tier's name will do, another's will not."""
    assert {time.place for time in profile.times} == {"pi"}
    assert {time.place for time in sf.measure_times(instance, runs=2, node="edge").times} == {
        "edge"
    }
    with pytest.raises(LookupError, match="unknown node or tier 'pie', did you mean 'pi'"):
        sf.measure_times(instance, runs=2, node="pie")


def test_a_model_without_nodes_has_the_same_layers(
    instance: sf.Instance, profile: sf.Profile, tmp_path: Path
) -> None:
    """It is imported in between; the place is here."""
    onnx.save(branches(), tmp_path / "given.onnx")
    found = sf.measure_times(tmp_path / "given.onnx", runs=2)
    assert found.model == "given"
    assert {time.place for time in found.times} == {"here"}
    assert [(t.layer, t.work) for t in found.times] == [(t.layer, t.work) for t in profile.times]


def test_what_is_not_reliable_says_why(instance: sf.Instance, profile: sf.Profile) -> None:
    """Three runs are too few; two hundred are enough, but of a model of microseconds."""
    assert profile.doubt == "3 runs are fewer than 20"
    assert {time.reliable for time in profile.times} == {False}
    many = sf.measure_times(instance, runs=20)
    assert many.run_s >= 2e-3 or "a run takes less than 0.002 s" in many.doubt
    assert {time.reliable for time in many.times} == {many.doubt == ""}


def test_a_pause_is_made_before_every_run_that_counts(
    instance: sf.Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And of the length asked for: without one there is none to speak of."""
    rests: list[float] = []
    monkeypatch.setattr("splitfog.deployment.profiling.measure.time.sleep", rests.append)
    sf.measure_times(instance, runs=3, pause_s=0.25)
    assert rests == [0.25] * 3
    with pytest.raises(ValueError, match="pause_s = -1, must be a number >= 0"):
        sf.measure_times(instance, runs=3, pause_s=-1)


def test_a_time_says_what_the_layer_does(instance: sf.Instance, profile: sf.Profile) -> None:
    """The stem: 3 channels of 8 x 8 to 4, 3 x 3 taps: 2 x 4 x 64 x 27 FLOP; x is 768 bytes."""
    stem = next(time.work for time in profile.times if time.layer == "stem")
    assert stem is not None
    assert (stem.kind, stem.flops) == ("conv kxk", 2 * 4 * 64 * 27)
    assert (stem.bytes_in, stem.bytes_out, stem.weight_bytes) == (768, 1024, 4 * 4 * 27)


def test_another_model_is_refused(instance: sf.Instance, tmp_path: Path) -> None:
    """By its hash; and an instance whose layers were renamed since, by their names."""
    other = imported(pieces(), tmp_path / "other")
    path = canonical_path(Path(str(other.read_file)))
    with pytest.raises(sf.InstanceError, match=r"model\.onnx: sha256 = \w+, must be"):
        sf.measure_times(instance, model=path)
    file = Path(str(other.read_file))
    file.write_text(file.read_text().replace('"name": "y"', '"name": "z"'))
    with pytest.raises(sf.InstanceError, match="none of its models has the layers"):
        sf.measure_times(file)


def test_a_model_that_refuses_every_input_is_named(tmp_path: Path) -> None:
    """All ids are 5 or more, in a table of three rows."""
    nodes = [
        helper.make_node("Add", ["ids", "five"], ["shifted"], name="shift"),
        helper.make_node("Gather", ["table", "shifted"], ["y"], name="embed"),
    ]
    weights = {"five": np.array([5]), "table": np.array([[1.0], [2.0], [3.0]])}
    model = graph_model(nodes, {"ids": (Kind.INT64, (4,))}, {"y": Kind.DOUBLE}, weights)
    onnx.save(model, tmp_path / "outside.onnx")
    with pytest.raises(sf.InstanceError, match=r"outside\.onnx: does not run: "):
        sf.measure_times(tmp_path / "outside.onnx")


def test_wrong_arguments_are_sentences(tmp_path: Path, instance: sf.Instance) -> None:
    """Too few runs, a file that is not there, an instance without a model."""
    with pytest.raises(ValueError, match="runs = 1, must be a whole number >= 2"):
        sf.measure_times(instance, runs=1)
    with pytest.raises(sf.InstanceError, match=r"none\.onnx: no such file"):
        sf.measure_times(tmp_path / "none.onnx")
    with pytest.raises(sf.InstanceError, match=r"meta\.onnx is missing"):
        sf.measure_times(sf.generate("three-tier", model="nin"))
