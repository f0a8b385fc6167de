"""All defects at once: references are looked at beside wrong values, which they do not blame."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from splitfog.instances.defects import InstanceError
from splitfog.instances.files import load_instance, parse_instance
from splitfog.instances.instance import Instance
from splitfog.instances.records import changed

TINY = Path(__file__).parents[1] / "data" / "tiny.json"


def defects_of(change: Callable[[Any], object]) -> list[str]:
    """The defects of tiny.json after a change of its data."""
    data = json.loads(TINY.read_text())
    change(data)
    with pytest.raises(InstanceError) as caught:
        parse_instance(json.dumps(data).encode(), "tiny.json")
    return caught.value.defects


def places_in(data: Any, *path: Any) -> Iterator[tuple[Any, ...]]:
    """Paths of everything in plain data."""
    for key in data if isinstance(data, dict) else range(len(data)):
        yield (*path, key)
        if isinstance(data[key], dict | list):
            yield from places_in(data[key], *path, key)


PLACES = [
    path for path in places_in(json.loads(TINY.read_text())) if path[0] not in ("format", "version")
]


@pytest.mark.parametrize("path", PLACES, ids=lambda path: ".".join(map(str, path)))
def test_one_wrong_value_is_one_defect(path: tuple[Any, ...]) -> None:
    """Whatever refers to it: nothing but the value is blamed. None is wrong everywhere but for a
    task's source, which without one lacks a reference."""

    def spoil(data: Any) -> None:
        for key in path[:-1]:
            data = data[key]
        data[path[-1]] = {"no": "thing"} if path[-1] == "source" else None

    place = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path)[1:]
    defects = defects_of(spoil)
    assert [defect.split(" = ")[0] for defect in defects] == [place]


@pytest.mark.parametrize("field", ["tiers", "nodes", "models", "tasks", "links"])
def test_a_list_that_is_missing_or_empty_is_one_defect(field: str) -> None:
    """Not one for every name that nobody bears; an instance may have no links."""
    assert len(defects_of(lambda data: data.pop(field))) == 1
    if field != "links":
        assert len(defects_of(lambda data: data.update({field: []}))) == 1


def test_unequal_weights_are_not_blamed_on_who_is_right() -> None:
    """Two layers share weights, and the size that one states is no number."""

    def spoil(data: Any) -> None:
        layers = data["models"][0]["layers"]
        layers[1].update(weights="w", weight_bytes="4 kB")
        layers[2].update(weights="w", weight_bytes=4000)

    assert [defect.split(" = ")[0] for defect in defects_of(spoil)] == [
        "models[0].layers[1].weight_bytes"
    ]


def test_an_instance_made_in_memory_lists_both_kinds() -> None:
    """A negative speed, a stranger among the links, and a task whose source is no node."""
    tiny = load_instance(TINY)
    given = {
        "name": "wrong",
        "tiers": tiny.tiers,
        "nodes": (changed(tiny.nodes[0], speed_flops=-1.0), tiny.nodes[1]),
        "links": ("pi-server",),
        "models": copy.copy(tiny.models),
        "tasks": (changed(tiny.tasks[0], source="camera"),),
    }
    with pytest.raises(InstanceError) as caught:
        Instance(**given)  # type: ignore[arg-type]
    starts = ("nodes[0].speed_flops = -1.0", 'links[0] = "pi-server"', 'tasks[0].source = "camera"')
    for defect, start in zip(caught.value.defects, starts, strict=True):
        assert defect.startswith(start)
