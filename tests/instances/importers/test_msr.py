"""The importer of the published workloads: a small file of that format, and its defects."""

from __future__ import annotations

import copy
import itertools
import json
import random
from pathlib import Path
from typing import Any

import pytest

from splitfog import Instance, InstanceError, evaluate, load_instance, save_instance, violations
from splitfog.instances.importers.msr import import_msr

NODE = {"supportedOnFpga": 1, "isBackwardNode": 0, "size": 100.0}
SMALL: dict[str, Any] = {
    "maxSizePerFPGA": 250.0,
    "maxFPGAs": 2,
    "maxCPUs": 1,
    "nodes": [
        {"id": 1, "cpuLatency": 10.0, "fpgaLatency": 1.0, "colorClass": 7, **NODE},
        {"id": 2, "cpuLatency": 20.0, "fpgaLatency": 2.0, "colorClass": 8, **NODE},
        {
            **NODE,
            "id": 3,
            "cpuLatency": 5.0,
            "fpgaLatency": 0.0,
            "colorClass": 7,
            "supportedOnFpga": 0,
        },
    ],
    "edges": [
        {"sourceId": 1, "destId": 2, "cost": 0.5},
        {"sourceId": 1, "destId": 3, "cost": 0.5},
        {"sourceId": 2, "destId": 3, "cost": 0.25},
    ],
}


OPERATOR = {"supportedOnFpga": True, "isBackwardNode": False, "layerId": 0, "size": 0}
TRAINING: dict[str, Any] = {
    "maxSizePerFPGA": 3e9,
    "maxFPGAs": 2,
    "maxCPUs": 3,
    "nodes": [
        {"id": 4, "name": "weight", "cpuLatency": 0, "fpgaLatency": 0, "colorClass": 2, **OPERATOR},
        {"id": 1, "name": "no colour", "cpuLatency": 6, "fpgaLatency": 0.5, **OPERATOR},
        {"id": 2, "name": "product", "cpuLatency": 9.0, "fpgaLatency": 1, "colorClass": 2}
        | (OPERATOR | {"size": 2e9}),
        {"id": 7, "name": "neither", "cpuLatency": 2, "fpgaLatency": 0.25, **OPERATOR},
        {"id": 3, "name": "backward", "cpuLatency": 18, "fpgaLatency": 2, "colorClass": 2}
        | (OPERATOR | {"isBackwardNode": True, "size": 1e9}),
    ],
    "edges": [
        {"sourceId": 4, "destId": 2, "cost": 8.0, "size": 9},
        {"sourceId": 1, "destId": 2, "cost": 0.5, "size": 9},
        {"sourceId": 1, "destId": 3, "cost": 0.5, "size": 9},
        {"sourceId": 2, "destId": 7, "cost": 0.75, "size": 9},
        {"sourceId": 7, "destId": 3, "cost": 1.0, "size": 9},
    ],
}
"""As the operator graphs of the published training workloads: booleans, keys of no meaning, whole
numbers among the latencies, nodes without a colour, a producer that several read, several cores."""


def written(folder: Path, data: Any) -> Path:
    """A workload file."""
    path = folder / "small.json"
    path.write_text(json.dumps(data))
    return path


def placed(instance: Instance, *nodes: str) -> dict[str, dict[str, str]]:
    """The placement that puts the layers, in file order, on these nodes."""
    names = [layer.name for layer in instance.models[0].layers]
    return {"inference": dict(zip(names, nodes, strict=True))}


def period_ms(path: Path, *nodes: str) -> float:
    """Period of a placement, in ms."""
    instance = import_msr(path)
    return 1e3 * evaluate(instance, placed(instance, *nodes), objective="period", monotone=False)


def test_loads_are_the_published_ones(tmp_path: Path) -> None:
    """Accelerator load: compute + every tensor in + every own tensor out once; host: compute."""
    path = written(tmp_path, SMALL)
    # 1 on the host, 2 on an accelerator, 3 on the host: accelerator .5 in + 2 + .25 out = 2.75
    assert period_ms(path, "host", "accelerator0", "host") == pytest.approx(15.0)
    # accelerator0: 1 + .5 out = 1.5; accelerator1: .5 in + 2 + .25 out = 2.75; host: 5 only
    assert period_ms(path, "accelerator0", "accelerator1", "host") == pytest.approx(5.0)


def test_terms_of_the_instance(tmp_path: Path) -> None:
    """Memory, colours and supported places become memory, groups and tiers."""
    instance = import_msr(written(tmp_path, SMALL))
    assert [node.memory_bytes for node in instance.nodes] == [None, 250.0, 250.0]
    assert [node.overlap for node in instance.nodes] == [True, False, False]
    first, second, third = instance.models[0].layers
    assert first.group == third.group is not None
    assert second.group is None
    assert third.tiers == ("host",)


def test_a_training_graph_of_operators(tmp_path: Path) -> None:
    """Forward and backward nodes of a colour are one group, which counts every `size`.

    Nodes without a colour are free, also of each other.
    """
    instance = import_msr(written(tmp_path, TRAINING))
    weight, free, product, neither, backward = instance.models[0].layers
    assert weight.group == product.group == backward.group is not None
    assert free.group is neither.group is None
    on_one = ["accelerator0", "host", "accelerator0", "accelerator1", "accelerator0"]
    assert violations(instance, placed(instance, *on_one), monotone=False) == []
    fits = 2e9 + 1e9  # the most that is allowed
    tighter = import_msr(written(tmp_path, TRAINING | {"maxSizePerFPGA": 0.99 * fits}))
    assert violations(tighter, placed(tighter, *on_one), monotone=False)
    apart = [*on_one[:-1], "accelerator1"]
    assert violations(instance, placed(instance, *apart), monotone=False)


def test_a_forward_and_a_backward_node_of_a_colour(tmp_path: Path) -> None:
    """One of each are a group too; a colour that one node has is none."""
    pair = copy.deepcopy(TRAINING)
    pair["nodes"][0]["colorClass"] = 5
    groups = [layer.group for layer in import_msr(written(tmp_path, pair)).models[0].layers]
    assert groups == [None, None, "colour2", None, "colour2"]


def test_loads_of_a_training_graph(tmp_path: Path) -> None:
    """Forward and backward time of a device add up; a tensor comes in once for both."""
    path = written(tmp_path, TRAINING)
    # accelerator0: .5 of node 1 and 1 of node 7 in, 1 + 2, .75 of node 2 out; the host: 6
    on_host = ["accelerator0", "host", "accelerator0", "accelerator1", "accelerator0"]
    assert period_ms(path, *on_host) == pytest.approx(6.0)
    # node 1 beside node 7 on accelerator1: .5 + .25, .75 in, .5 and 1 out
    both = ["accelerator0", "accelerator1", "accelerator0", "accelerator1", "accelerator0"]
    assert period_ms(path, *both) == pytest.approx(0.5 + 1.0 + 3.0 + 0.75)


def test_cores_are_nodes_of_their_own(tmp_path: Path) -> None:
    """`maxCPUs` cores compute apart and pay for no transfer; an accelerator pays once for all."""
    path = written(tmp_path, TRAINING)
    cores = [node.name for node in import_msr(path).nodes if node.tier == "host"]
    assert cores == ["host", "host1", "host2"]
    apart = ["host2", "host", "host2", "host1", "host2"]
    assert period_ms(path, *apart) == pytest.approx(9.0 + 18.0)
    # node 1 sends its tensor to two cores and pays once: .5 + .5
    free = copy.deepcopy(TRAINING)
    for node in free["nodes"]:
        node.pop("colorClass", None)
        node["cpuLatency"] = 0
    path = written(tmp_path, free)
    assert period_ms(path, "host", "accelerator0", "host1", "host", "host2") == pytest.approx(1.0)


@pytest.mark.parametrize("seed", range(40))
def test_loads_are_those_of_the_published_program(seed: int, tmp_path: Path) -> None:
    """Random graphs, colours, cores and placements: the period is the published largest load.

    Up to what cores pay each other here and not there: a billionth of 8 costs below 1 ms.
    """
    rng = random.Random(seed)
    data = random_workload(rng)
    instance = import_msr(written(tmp_path, data))
    devices = [node.name for node in instance.nodes]
    of_colour: dict[int, str] = {}
    device = {
        node["id"]: of_colour.setdefault(node.get("colorClass", -node["id"]), rng.choice(devices))
        for node in data["nodes"]
    }
    placement = {"inference": {str(node): name for node, name in device.items()}}
    value = evaluate(instance, placement, objective="period", monotone=False)
    largest = max(published_loads(data, device).values())
    assert 1e3 * value == pytest.approx(largest, rel=1e-12, abs=8e-9)


def random_workload(rng: random.Random) -> dict[str, Any]:
    """Up to 8 nodes, forward and backward, some of one colour, some of none."""
    ids = rng.sample(range(1, 100), rng.randint(1, 8))
    nodes = [
        {
            "id": number,
            "supportedOnFpga": rng.choice([True, 1]),
            "isBackwardNode": rng.choice([True, False, 0, 1]),
            "cpuLatency": rng.randint(0, 9),
            "fpgaLatency": rng.random(),
            "size": 1.0,
            **rng.choice([{}, {"colorClass": rng.randint(100, 102)}]),
        }
        for number in ids
    ]
    costs = {number: rng.random() for number in ids}
    edges = [
        {"sourceId": tail, "destId": head, "cost": costs[tail]}
        for tail, head in itertools.combinations(ids, 2)
        if rng.random() < 0.4
    ]
    limits = {"maxSizePerFPGA": 9.0, "maxFPGAs": rng.randint(1, 3), "maxCPUs": rng.randint(1, 3)}
    return {**limits, "nodes": nodes, "edges": edges}


def published_loads(data: dict[str, Any], device: dict[int, str]) -> dict[str, float]:
    """Load of every device in ms, as the authors' integer program adds it up (`ip.py`)."""
    loads = dict.fromkeys(device.values(), 0.0)
    for node in data["nodes"]:
        place = device[node["id"]]
        loads[place] += node["cpuLatency" if place.startswith("host") else "fpgaLatency"]
    crossings = {
        (edge["sourceId"], edge["cost"], device[end])
        for edge in data["edges"]
        if device[edge["sourceId"]] != device[edge["destId"]]
        for end in (edge["sourceId"], edge["destId"])
    }
    for _, cost, place in crossings:
        loads[place] += 0.0 if place.startswith("host") else cost
    return loads


def test_flags_are_booleans_or_0_and_1(tmp_path: Path) -> None:
    """Both ways of writing a flag, which the published files mix, mean the same."""
    mixed = copy.deepcopy(TRAINING)
    mixed["nodes"][1]["supportedOnFpga"] = False
    ones = copy.deepcopy(mixed)
    for node in ones["nodes"]:
        node |= {key: int(node[key]) for key in ("supportedOnFpga", "isBackwardNode")}
    instance = import_msr(written(tmp_path, mixed))
    assert instance == import_msr(written(tmp_path, ones))
    assert [layer.tiers for layer in instance.models[0].layers] == [None, ("host",), *[None] * 3]


def test_an_import_is_read_back_the_same(tmp_path: Path) -> None:
    """What is written is a valid instance file."""
    instance = import_msr(written(tmp_path, TRAINING))
    save_instance(instance, tmp_path / "instance.json")
    assert load_instance(tmp_path / "instance.json") == instance


def test_keys_without_meaning_are_free(tmp_path: Path) -> None:
    """Whatever stands there, also words of our own messages, changes nothing."""
    noted = copy.deepcopy(SMALL) | {"note": [1, {"a": None}]}
    noted["nodes"][0]["name"] = "unknown key"
    noted["edges"][0]["isArtificial"] = True
    assert import_msr(written(tmp_path, noted)) == import_msr(written(tmp_path, SMALL))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda d: d.pop("maxFPGAs"), "maxFPGAs is missing"),
        (lambda d: d["nodes"][1].pop("size"), "nodes[1].size is missing"),
        (lambda d: d["edges"][0].pop("cost"), "edges[0].cost is missing"),
        (lambda d: d["edges"][0].update(destId=9), "edges[0].destId = 9, must be the id of a node"),
        (lambda d: d["edges"][1].update(cost=0.7), "edges[1].cost = 0.7, must be 0.5"),
        (lambda d: d["nodes"].append(d["nodes"][0]), "nodes[3].id = 1, must be unique"),
        (lambda d: d["nodes"][0].update(cpuLatency=-1), "nodes[0].cpuLatency = -1, must be"),
        (lambda d: d.update(maxCPUs=0), "maxCPUs = 0, must be a whole number >= 1"),
        (lambda d: d["edges"].append({"sourceId": 3, "destId": 1, "cost": 0}), "has the cycle"),
        (lambda d: d["edges"][2].update(sourceId=3), "has the cycle 3 -> 3"),
        (lambda d: d["nodes"][2].update(supportedOnFpga=2), "supportedOnFpga = 2, must be true or"),
        (
            lambda d: d["nodes"][2].update(isBackwardNode="no"),
            'isBackwardNode = "no", must be true',
        ),
        (lambda d: d["nodes"][2].pop("isBackwardNode"), "nodes[2].isBackwardNode is missing"),
        (lambda d: d["nodes"][1].update(colorClass=1.5), "nodes[1].colorClass = 1.5, must be"),
        (lambda d: d["nodes"][1].update(id="unknown key"), 'nodes[1].id = "unknown key", must be'),
        (lambda d: d["nodes"].append(3), "nodes[3] = 3, must be an object"),
        (lambda d: d.update(nodes={}), "nodes = {}, must be a list"),
    ],
)
def test_defects_are_named(tmp_path: Path, change: Any, sentence: str) -> None:
    """Each defect is one sentence with path and value, and all that is said."""
    data = copy.deepcopy(SMALL)
    change(data)
    with pytest.raises(InstanceError) as caught:
        import_msr(written(tmp_path, data))
    assert sentence in str(caught.value)
    assert len(caught.value.defects) == 1
