"""Where the page draws layers and edges."""

from __future__ import annotations

import re

from splitfog.instances.records import Model
from splitfog.views.report_page.drawings import MOST_LAYERS, Drawings
from tests.cases.small_networks import chain, layer

SKIP = Model(
    name="skip",
    layers=(
        layer("out", 1, 1, "b", "in"),  # not in the order in which layers run
        layer("in", 0, 1),
        layer("a", 1, 1, "in"),
        layer("b", 1, 1, "a"),
    ),
)


def numbers(path: str) -> list[int]:
    """All coordinates of a path."""
    return [int(number) for number in re.findall(r"-?\d+", path)]


def test_lines_go_from_box_to_box() -> None:
    """Every edge is one line without a gap, from below its tail to above its head, also one past
    two levels; the input is above all, though the file names it second."""
    drawings = Drawings()
    drawing = drawings.made[drawings.place(SKIP) or 0]
    assert drawing["order"] == [1, 2, 3, 0]
    assert sorted(drawing["edges"]) == [[1, 0], [1, 2], [2, 3], [3, 0]]
    half = drawing["box"][1] / 2
    for (tail, head), line in zip(drawing["edges"], drawing["lines"], strict=True):
        (x, y), (right, below) = drawing["centres"][tail], drawing["centres"][head]
        assert line.count("M") == 1
        assert abs(numbers(line)[0] - x) <= 1 and abs(numbers(line)[1] - y - half) <= 1
        assert abs(numbers(line)[-2] - right) <= 1 and abs(numbers(line)[-1] - below + half) <= 1


def test_networks_alike_are_drawn_once() -> None:
    """Whatever their layers are called and do; one with other edges has its own."""
    drawings = Drawings()
    models = [Model(name="m", layers=tuple(chain((0, size), (1, 1)))) for size in (1, 2)]
    assert [drawings.place(model) for model in (*models, SKIP)] == [0, 0, 1]
    assert len(drawings.made) == 2


def test_very_large_networks_are_not_drawn() -> None:
    """Their layers are told in words."""
    layers = [layer("in", 0, 1)]
    for place in range(MOST_LAYERS):
        layers.append(layer(f"l{place}", 1, 1, layers[-1].name))
    assert Drawings().place(Model(name="m", layers=tuple(layers))) is None
