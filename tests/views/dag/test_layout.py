"""Condensing and laying out DAGs for pictures."""

from __future__ import annotations

from itertools import pairwise

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from splitfog.instances import zoo
from splitfog.instances.records import Layer, Model, Op
from splitfog.views.dag.boxes import LIMIT, boxes_of
from splitfog.views.dag.layout import layout_of
from splitfog.views.dag.levels import Size, levels_of


def chain(count: int) -> Model:
    """A model whose layers l0, l1, … follow each other."""
    layers = [Layer(name="l0", op="input", output_bytes=8)]
    layers += [
        Layer(name=f"l{i}", op="conv", inputs=(f"l{i - 1}",), flops=1, output_bytes=8)
        for i in range(1, count)
    ]
    return Model(name="chain", layers=tuple(layers))


@st.composite
def models(draw: st.DrawFn) -> Model:
    """Random DAGs of up to 40 layers."""
    layers = [Layer(name="0", op="input", output_bytes=1)]
    for i in range(1, draw(st.integers(2, 40))):
        inputs = draw(st.sets(st.integers(max(0, i - 6), i - 1), max_size=3))
        op: Op = draw(st.sampled_from(("conv", "add", "norm")))
        layers.append(
            Layer(name=str(i), op=op, inputs=tuple(str(j) for j in sorted(inputs)), output_bytes=1)
        )
    return Model(name="random", layers=tuple(layers))


@settings(max_examples=150, deadline=None)
@given(models(), st.data(), st.integers(1, 30))
def test_blocks_partition_the_layers_without_cycles_and_by_class(
    model: Model, data: st.DataObject, limit: int
) -> None:
    """Every layer is in one box, of one class; edges go forward and are those of the layers."""
    count = len(model.layers)
    classes = data.draw(st.lists(st.integers(0, 2), min_size=count, max_size=count))
    boxes = boxes_of(model, classes, limit)
    assert sorted(layer for members in boxes.members for layer in members) == list(range(count))
    for box, members in enumerate(boxes.members):
        assert len({classes[layer] for layer in members}) == 1
        assert {boxes.owner[layer] for layer in members} == {box}
    assert all(tail < head for tail, head in boxes.edges)
    ends = {(boxes.owner[t], boxes.owner[h]) for t, h in model.edges.tolist()}
    assert set(boxes.edges) == {(t, h) for t, h in ends if t != h}


@settings(max_examples=100, deadline=None)
@given(models(), st.sampled_from([0.3, 1.0, 3.0]))
def test_boxes_do_not_overlap_and_lines_meet_them(model: Model, aspect: float) -> None:
    """Boxes keep apart, stay on the paper, and every line runs from its box to its box."""
    boxes = boxes_of(model, [0] * len(model.layers), 1000)
    sizes = [Size(1.0, 0.3, 0.2 * (i % 2)) for i in range(len(boxes.members))]
    layout = layout_of(sizes, boxes.edges, aspect)
    for i, (x, y) in enumerate(layout.centres):
        assert 0.5 - 1e-9 <= x <= layout.width - 0.5 + 1e-9
        assert 0.15 - 1e-9 <= y <= layout.height - 0.15 + 1e-9
        for x2, y2 in layout.centres[:i]:
            assert abs(x - x2) >= 1.0 or abs(y - y2) >= 0.3
    for (tail, head), legs in zip(boxes.edges, layout.lines, strict=True):
        assert legs[0].start[0] == layout.centres[tail][0]
        assert legs[-1].end[0] == layout.centres[head][0]
        for before, after in pairwise(legs):
            assert before.end[0] == after.start[0]  # straight through the level of a way point


@settings(max_examples=60, deadline=None)
@given(models())
def test_levels_are_longest_paths(model: Model) -> None:
    """Layers with inputs stand as deep as the longest path to them, networkx says too."""
    edges = [(tail, head) for tail, head in model.edges.tolist()]
    levels = levels_of([Size(1.0, 0.3)] * len(model.layers), edges)
    graph = nx.DiGraph(edges)
    for generation, members in enumerate(nx.topological_generations(graph)):
        for layer in members:
            if graph.in_degree(layer):
                assert levels.level[layer] == generation
    assert all(levels.level[tail] < levels.level[head] for tail, head in edges)


def test_crossings_that_order_can_avoid_are_avoided() -> None:
    """Two parallel chains listed crosswise come out side by side, none crossing."""
    # 0 -> 1, 2; 1 -> 4 -> 5 and 2 -> 3 -> 6: levels 1 and 2 would cross in the order given
    edges = [(0, 1), (0, 2), (1, 4), (2, 3), (3, 6), (4, 5)]
    levels = levels_of([Size(1.0, 0.3)] * 7, edges)
    sides = [
        [levels.across[v] < levels.across[0] for v in branch] for branch in ((1, 4, 5), (2, 3, 6))
    ]
    assert sorted(sides) == [[False] * 3, [True] * 3]


def test_a_small_chain_stays_whole_and_a_long_one_is_cut_evenly() -> None:
    """LIMIT layers are drawn one by one; 500 in boxes of 8: 1 input + ceil(499 / 8) = 64."""
    assert len(boxes_of(chain(LIMIT), [0] * LIMIT).members) == LIMIT
    members = boxes_of(chain(500), [0] * 500).members
    assert [len(part) for part in members] == [1] + [8] * 62 + [3]


def test_a_long_chain_is_folded() -> None:
    """500 boxes in a chain fold into columns: about as wide as high, not a tower of 260 inches."""
    edges = [(i, i + 1) for i in range(499)]
    layout = layout_of([Size(1.0, 0.3)] * 500, edges, 1.0)
    assert 0.7 < layout.width / layout.height < 1.4


def test_columns_are_read_downwards() -> None:
    """Every line leaves a box below it and enters the next from above, into other columns too."""
    edges = [(i, i + 1) for i in range(99)]
    layout = layout_of([Size(1.0, 0.3)] * 100, edges, 1.0)
    turns = 0
    for (tail, head), (leg,) in zip(edges, layout.lines, strict=True):
        assert leg.start[1] > layout.centres[tail][1]
        assert leg.end[1] < layout.centres[head][1]
        if not leg.way:
            assert leg.end[1] > leg.start[1]
            continue
        turns += 1
        (_, below), (beside, _), (_, above), _ = leg.way
        assert leg.start[0] + 0.5 < beside < leg.end[0] - 0.5  # between the columns
        assert leg.start[1] < below <= layout.height
        assert 0 <= above < leg.end[1]
    columns = {round(x, 6) for x, _ in layout.centres}
    assert turns == len(columns) - 1 > 2


def test_ways_into_another_column_keep_apart() -> None:
    """Three parallel chains: lines that turn go on lanes of their own and none crosses another."""
    edges = [(i, i + 3) for i in range(87)]
    layout = layout_of([Size(0.3, 0.3)] * 90, edges, 3.0)
    ways = [leg for legs in layout.lines for leg in legs if leg.way]
    assert len(ways) >= 3
    first = sorted(ways[:3], key=lambda leg: leg.start[0])
    assert [leg.end[0] for leg in first] == sorted(leg.end[0] for leg in first)
    below, beside, above = (
        [leg.way[i][axis] for leg in first] for i, axis in ((0, 1), (1, 0), (2, 1))
    )
    assert below == sorted(below, reverse=True)  # further left, further out, and then in again
    assert beside == sorted(beside, reverse=True)
    assert above == sorted(above, reverse=True)
    assert len(set(below)) == len(set(beside)) == 3


@pytest.mark.parametrize("name", zoo.names())
def test_every_network_of_the_zoo_is_condensed_to_a_readable_size(name: str) -> None:
    """At most LIMIT boxes, at least a dozen, with a cut in the middle or without."""
    model = zoo.build(name)
    half = [int(i > len(model.layers) // 2) for i in range(len(model.layers))]
    for classes in (half, [0] * len(model.layers)):
        assert 12 <= len(boxes_of(model, classes).members) <= LIMIT
