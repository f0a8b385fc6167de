"""The families `pipeline` and `fleet`: machines, networks, memory and the request."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from splitfog.instances import zoo
from splitfog.instances.generators import FAMILIES, generate
from splitfog.instances.generators.machines import MACHINES
from splitfog.instances.generators.presets import LANS
from tests.instances.zoo.test_language_models import LLAMA


def test_every_machine_has_figures_and_a_source() -> None:
    """Their own names, positive figures, and where these are from."""
    for name, machine in MACHINES.items():
        assert machine.name == name
        assert machine.place in ("home", "lab")
        figures = (machine.speed_flops, machine.memory_bytes, machine.memory_bytes_per_s)
        assert min(figures) > 0
        assert machine.source


def test_a_pipeline_is_what_is_named() -> None:
    """Machines in their order with the shares of their figures, a link for every pair."""
    instance = generate("pipeline", machines="t4,l4,t4", network="ethernet-10g")
    assert [node.name for node in instance.nodes] == ["t4-0", "l4-1", "t4-2"]
    assert instance.nodes[1].speed_flops == MACHINES["l4"].speed_flops * 0.5
    assert instance.nodes[1].memory_bytes_per_s == MACHINES["l4"].memory_bytes_per_s * 0.8
    assert instance.nodes[1].memory_bytes == MACHINES["l4"].memory_bytes * 0.9
    assert instance.routing == "direct"
    pairs = [(link.tail, link.head) for link in instance.links]
    assert pairs == list(combinations(("t4-0", "l4-1", "t4-2"), 2))
    assert {(link.bandwidth_bps, link.delay_s) for link in instance.links} == {(10e9, 0.0001)}
    (task,) = instance.tasks
    assert task.source == task.results_to == "t4-0"


def test_the_request_is_that_of_the_zoo() -> None:
    """Every option of it reaches the builder."""
    settings: dict[str, Any] = {
        "prompt": 9,
        "new_tokens": 5,
        "batch": 2,
        "context": 20,
        "weight_bits": 4.5,
    }
    settings |= {"kv_bits": 8, "decode_passes": 2}
    instance = generate("pipeline", model="qwen2.5-0.5b", token="last", **settings)
    assert instance.models == (zoo.transformer("qwen2.5-0.5b", token="last", **settings),)


def test_a_configuration_takes_the_place_of_the_model(tmp_path: Path) -> None:
    """Its folder's name is in the instance's."""
    path = tmp_path / "my-llama" / "config.json"
    path.parent.mkdir()
    path.write_text(json.dumps(LLAMA))
    instance = generate("pipeline", config=str(path))
    assert instance.models[0].layers == zoo.transformer(LLAMA, prompt=512, new_tokens=128).layers
    assert instance.name.startswith("pipeline-my-llama-gigabit-")


def test_a_hub_only_passes_on() -> None:
    """All links are with it, and it has no memory; half of a network's delay on each of two."""
    instance = generate("pipeline", topology="hub", network="wi-fi-5")
    hub = instance.nodes[-1]
    assert (hub.name, hub.memory_bytes, instance.routing) == ("hub", 0, "relay")
    assert [(link.tail, link.head) for link in instance.links] == [
        (node.name, "hub") for node in instance.nodes[:-1]
    ]
    assert {link.delay_s for link in instance.links} == {LANS["wi-fi-5"].delay_s / 2}


def test_memory_by_the_need() -> None:
    """The memories together hold 1.5 times weights (a tied table once) and state."""
    instance = generate("fleet", 3, model="qwen2.5-0.5b", memory_ratio=1.5)
    # 494,032,768 parameters of 2 bytes, and 12,288 bytes for each of 640 tokens
    need = 494_032_768 * 2 + 12_288 * 640
    assert sum(node.memory_bytes or 0 for node in instance.nodes) == pytest.approx(1.5 * need)


@pytest.mark.parametrize("place", ["home", "lab"])
def test_a_fleet_is_of_its_place(place: str) -> None:
    """Over 20 seeds all machines drawn are usual there, and all of these are drawn."""
    drawn = {
        node.name.rpartition("-")[0]
        for seed in range(20)
        for node in generate(
            "fleet", seed, model="gpt2-124m", new_tokens=2, place=place, machines=8
        ).nodes
    }
    assert drawn == {name for name, machine in MACHINES.items() if machine.place == place}


def test_a_mesh_is_as_fast_as_the_slower_end() -> None:
    """Every link has a network's bandwidth, or the lesser of two, without spread."""
    instance = generate("fleet", 5, model="gpt2-124m", spread=1.0, machines=6)
    allowed = {LANS[name].uplink_bps for name in LANS}
    assert {link.bandwidth_bps for link in instance.links} <= allowed
    slow = [link for link in instance.links if link.bandwidth_bps == 200e6]
    ends = {end for link in slow for end in (link.tail, link.head)}
    crossed = {node.name for node in instance.nodes}
    assert ends == crossed  # a machine on the slowest network slows its link to each other


def test_names_tell_other_configurations_apart() -> None:
    """Of other files, and of none."""
    name = FAMILIES["pipeline"].name_of
    names = {name(0, {}), name(0, {"config": "a/config.json"}), name(0, {"config": "b.json"})}
    assert len(names) == 3
