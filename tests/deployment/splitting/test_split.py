"""Parts of real models: what their files hold, and that they compute what the whole does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

import onnx

from splitfog.deployment.splitting.check import check_split
from splitfog.deployment.splitting.manifest import RESULTS, load_manifest
from splitfog.deployment.splitting.split import split
from splitfog.deployment.splitting.timeline import predicted_timeline
from splitfog.formulations.evaluation.evaluate import plan
from splitfog.formulations.plan import save_plan
from splitfog.instances.changes import MODEL_FILE
from splitfog.instances.defects import InstanceError
from splitfog.instances.instance import Instance
from splitfog.instances.records import changed
from tests.cases.onnx_models import MODELS, branches, imported, random_placement, words


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Instance]:
    """Every small model, imported."""
    folder = tmp_path_factory.mktemp("models")
    return {name: imported(make(), folder / name) for name, make in MODELS.items()}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("seed", range(5))
def test_parts_agree_bit_for_bit(
    cases: dict[str, Instance], name: str, seed: int, tmp_path: Path
) -> None:
    """Whatever is cut apart, the parts in their order give the whole's outputs."""
    split(cases[name], random_placement(cases[name], seed), tmp_path)
    found = check_split(tmp_path, inputs=2, seed=seed)
    assert found.passed, found.faults
    assert found.exact


@pytest.mark.parametrize("name", MODELS)
def test_every_operator_is_in_one_part(
    cases: dict[str, Instance], name: str, tmp_path: Path
) -> None:
    """The parts' nodes are those of the whole; their layers those of the model but the inputs."""
    case = cases[name]
    manifest = split(case, random_placement(case, 1), tmp_path).manifest
    whole = onnx.load(tmp_path / manifest.model.file)
    parts = [onnx.load(tmp_path / part.file) for part in manifest.parts]
    nodes = sorted(node.name for part in parts for node in part.graph.node)
    assert nodes == sorted(node.name for node in whole.graph.node)
    layers = sorted(layer for part in manifest.parts for layer in part.layers)
    assert layers == sorted(x.name for x in case.models[0].layers if x.op != "input")


@pytest.mark.parametrize("name", MODELS)
def test_parts_hold_only_the_weights_that_they_use(
    cases: dict[str, Instance], name: str, tmp_path: Path
) -> None:
    """An initialiser is in the part of each of its readers, those inside an If included."""
    case = cases[name]
    manifest = split(case, random_placement(case, 2), tmp_path).manifest

    def read(graph: onnx.GraphProto) -> set[str]:
        names = {name for node in graph.node for name in node.input}
        inner = [a.g for node in graph.node for a in node.attribute if a.HasField("g")]
        return names.union(*map(read, inner))

    for part in manifest.parts:
        graph = onnx.load(tmp_path / part.file).graph
        assert {tensor.name for tensor in graph.initializer} <= read(graph)
        assert {value.name for value in graph.input} == set(part.inputs)
        assert {value.name for value in graph.output} == set(part.outputs)


def test_two_splits_give_the_same_bytes(cases: dict[str, Instance], tmp_path: Path) -> None:
    """File by file, the manifest too."""
    case = cases["conditional"]
    for folder in ("one", "two"):
        split(case, random_placement(case, 3), tmp_path / folder)
    first = sorted((tmp_path / "one").iterdir())
    assert len(first) > 2
    for path in first:
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_a_chain_takes_part_by_part_what_the_plan_says(
    cases: dict[str, Instance], tmp_path: Path
) -> None:
    """Nothing overlaps in a chain cut once: the makespan of the parts is the plan's latency."""
    case = cases["words"]
    layers = ("ids", "embed", "project", "softmax")
    places = dict(zip(layers, ("pi", "pi", "server", "server"), strict=True))
    manifest = split(case, {"cam": places}, tmp_path).manifest
    assert [part.node for part in manifest.parts] == ["pi", "server"]
    assert manifest.tensor("e").routes == {"1-server": ("pi", "box", "server")}
    latency = manifest.predicted.latency_s
    assert latency is not None
    # 288 bytes over 1e8 and 1e7 bit/s after 1 and 5 ms, and what the layers take
    assert manifest.tensor("e").predicted_s["1-server"] == pytest.approx(0.006 + 2304 * 1.1e-7)
    assert predicted_timeline(manifest).end_s == pytest.approx(latency)


def test_a_part_runs_as_a_whole_and_a_link_carries_one_tensor(
    cases: dict[str, Instance], tmp_path: Path
) -> None:
    """`right` needs nothing of `left`, but is in the part before it, whose tensors wait for it."""
    case = cases["branches"]
    places = {"x": "pi", "stem": "pi", "left": "box", "right": "pi", "join": "box"}
    manifest = split(case, {"cam": places}, tmp_path).manifest
    timeline = predicted_timeline(manifest)
    assert [part.layers for part in manifest.parts] == [("stem", "right"), ("left", "join")]
    first, second = timeline.hops
    assert first[3] == timeline.parts["0-pi"][1]
    assert second[3] == first[4]
    assert timeline.parts["1-box"][0] == second[4]


def test_branches_overlap_part_by_part(cases: dict[str, Instance], tmp_path: Path) -> None:
    """With the branches on two nodes the parts end before the plan's sum."""
    case = cases["branches"]
    places = {"x": "pi", "stem": "pi", "left": "box", "right": "server", "join": "server"}
    manifest = split(case, {"cam": places}, tmp_path).manifest
    latency = manifest.predicted.latency_s
    assert latency is not None
    assert predicted_timeline(manifest).end_s < latency


def test_results_travel_to_whom_they_are_for(tmp_path: Path) -> None:
    """With `results_to` the output goes on from the node that makes it."""
    case = imported(branches(), tmp_path / "model", results_to="pi")
    places = dict.fromkeys(("stem", "left", "right", "join"), "box")
    manifest = split(case, {"cam": {"x": "pi", **places}}, tmp_path / "out").manifest
    assert manifest.tensor("y").to == (RESULTS,)
    assert manifest.tensor("y").routes[RESULTS] == ("box", "pi")
    arrivals = [end for *_, end in predicted_timeline(manifest).hops]
    assert predicted_timeline(manifest).end_s == max(arrivals)


def test_an_input_that_is_an_output_needs_no_part(
    cases: dict[str, Instance], tmp_path: Path
) -> None:
    """The state input of the LSTM is given back as it is."""
    case = cases["recurrent"]
    manifest = split(case, random_placement(case, 0), tmp_path).manifest
    assert "h" in manifest.outputs
    assert manifest.tensor("h").maker is None


def test_a_manifest_read_is_the_one_written(cases: dict[str, Instance], tmp_path: Path) -> None:
    """From the file or from its folder."""
    case = cases["packed"]
    manifest = split(case, random_placement(case, 4), tmp_path).manifest
    assert load_manifest(tmp_path) == load_manifest(tmp_path / "manifest.json") == manifest


def test_a_plan_file_may_say_as_little_as_for_verify(
    cases: dict[str, Instance], tmp_path: Path
) -> None:
    """Objective and placement are enough, and the parts are those of the full plan."""
    case = cases["words"]
    placement = random_placement(case, 0)
    full = plan(case, placement, "latency", monotone=False)
    save_plan(full, tmp_path / "full.json")
    short = {
        "format": "splitfog/plan",
        "version": 1,
        "objective": {"name": "latency", "monotone": False},
        "tasks": [{"task": "cam", "placement": placement["cam"]}],
    }
    (tmp_path / "short.json").write_text(json.dumps(short))
    parts = [
        split(case, tmp_path / name, tmp_path / name[:-5]).manifest.parts
        for name in ("full.json", "short.json")
    ]
    assert parts[0] == parts[1]


def test_a_plan_of_another_model_is_refused_in_a_sentence(
    cases: dict[str, Instance], tmp_path: Path
) -> None:
    """Not one for every layer."""
    with pytest.raises(InstanceError, match=r"it is no plan of .*, and \d+ more such defects") as e:
        split(cases["words"], random_placement(cases["packed"], 0), tmp_path)
    assert len(e.value.defects) == 1


def test_a_plan_that_breaks_a_rule_is_refused(cases: dict[str, Instance], tmp_path: Path) -> None:
    """The inputs are born at the source."""
    case = cases["words"]
    placement = random_placement(case, 0)
    placement["cam"]["ids"] = "server"
    with pytest.raises(InstanceError, match="must be at the source pi"):
        split(case, placement, tmp_path)


def test_another_canonical_model_is_refused(cases: dict[str, Instance], tmp_path: Path) -> None:
    """By its hash; a missing one, and an instance of no model, by name."""
    case = cases["words"]
    placement = random_placement(case, 0)
    other = tmp_path / "other.onnx"
    onnx.save(words(), other)
    with pytest.raises(InstanceError, match="sha256 = "):
        split(case, placement, tmp_path, model=other)
    with pytest.raises(InstanceError, match=r"none\.onnx: no such file"):
        split(case, placement, tmp_path, model=tmp_path / "none.onnx")
    with pytest.raises(InstanceError, match=f"meta.{MODEL_FILE} is missing"):
        split(changed(case, meta={}), placement, tmp_path)
    with pytest.raises(ValueError, match="model = None"):
        split(changed(case), placement, tmp_path)  # made in memory: nothing lies beside it


def test_several_tasks_want_a_name(cases: dict[str, Instance], tmp_path: Path) -> None:
    """And that one is split, alone."""
    case = cases["words"]
    (task,) = case.tasks
    two = changed(case, tasks=(task, changed(task, name="other")))
    model = Path(case.read_file or "").with_suffix(".onnx")
    placement = {"cam": random_placement(case, 0)["cam"], "other": random_placement(case, 1)["cam"]}
    with pytest.raises(ValueError, match="task = None, must be one of cam, other"):
        split(two, placement, tmp_path, model=model)
    manifest = split(two, placement, tmp_path, model=model, task="other").manifest
    alone = split(case, {"cam": placement["other"]}, tmp_path).manifest
    assert manifest.task == "other"
    assert manifest.parts == alone.parts
    assert manifest.predicted == alone.predicted
