"""The importer of the published workloads: a small file of that format, and its defects."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from splitfog import InstanceError, evaluate
from splitfog.instances.importers.msr import import_msr

NODE = {"supportedOnFpga": 1, "isBackwardNode": 0, "size": 100.0}
HOST_ONLY = {"supportedOnFpga": 0}
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


def written(folder: Path, data: Any) -> Path:
    """A workload file."""
    path = folder / "small.json"
    path.write_text(json.dumps(data))
    return path


def period_ms(path: Path, *nodes: str) -> float:
    """Period of a placement, in ms."""
    instance = import_msr(path)
    placement = dict(zip(["1", "2", "3"], nodes, strict=True))
    return 1e3 * evaluate(instance, {"inference": placement}, objective="period", monotone=False)


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


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda d: d.pop("maxFPGAs"), "maxFPGAs is missing"),
        (lambda d: d["nodes"][1].pop("size"), "nodes[1].size is missing"),
        (lambda d: d["edges"][0].pop("cost"), "edges[0].cost is missing"),
        (lambda d: d["edges"][0].update(destId=9), "edges[0].destId = 9, must be the id of a node"),
        (lambda d: d["edges"][1].update(cost=0.7), "edges[1].cost = 0.7, must be 0.5"),
        (lambda d: d["nodes"][1].update(id=1), "nodes[0].id = 1, must be unique"),
        (lambda d: d["nodes"][0].update(cpuLatency=-1), "nodes[0].cpuLatency = -1, must be"),
        (lambda d: d.update(maxCPUs=2), "maxCPUs = 2, must be 1"),
        (lambda d: d["edges"].append({"sourceId": 3, "destId": 1, "cost": 0}), "has the cycle"),
    ],
)
def test_defects_are_named(tmp_path: Path, change: Any, sentence: str) -> None:
    """Each defect is one sentence with path and value."""
    data = copy.deepcopy(SMALL)
    change(data)
    with pytest.raises(InstanceError) as caught:
        import_msr(written(tmp_path, data))
    assert sentence in str(caught.value)
