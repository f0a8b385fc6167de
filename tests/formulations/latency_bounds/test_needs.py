"""What slices need at least, held to what they need."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from splitfog.formulations.latency_bounds.needs import chain_needs
from splitfog.formulations.latency_bounds.reach import reach_of
from splitfog.formulations.tiles.regions import regions
from splitfog.formulations.tiles.stage_shape import geometry_of
from splitfog.instances.records import Layer, Model, Window
from tests.cases.stages.random_stages import stages


@given(stages(), st.data())
@settings(max_examples=150)
def test_no_slice_needs_less_than_the_tables_say(
    stage: tuple[Model, tuple[int, ...]], data: st.DataObject
) -> None:
    """Windows, strides, dilations, paddings beyond the map, joins: every tensor."""
    model, layers = stage
    geometry = geometry_of(model, tuple(layers))
    boxes = []
    for _ in range(5):
        r0, c0 = (data.draw(st.integers(0, n - 1)) for n in (geometry.height, geometry.width))
        r1 = data.draw(st.integers(r0 + 1, geometry.height))
        c1 = data.draw(st.integers(c0 + 1, geometry.width))
        boxes.append((r0, r1, c0, c1))
    assert_needed(model, tuple(layers), boxes)


def test_steps_of_large_maps_hold_for_all_sizes_in_them() -> None:
    """One step of 20 stands for many sizes, and one class for several lengths, from 14 on: all
    runs of rows over the whole width, and squares in every corner."""
    window = Window(kernel=(5, 5), padding=(2, 2, 2, 2))
    layers = (
        Layer(name="x", op="input", output_shape=(1, 60, 50), output_bytes=1.0),
        Layer(
            name="c",
            op="conv",
            inputs=("x",),
            output_shape=(1, 60, 50),
            window=window,
            output_bytes=1.0,
        ),
    )
    boxes = [(0, end, 0, 50) for end in range(1, 61)]
    boxes += [(60 - side, 60, 0, side) for side in range(1, 51)]
    assert_needed(Model(name="m", layers=layers), (1,), boxes)


def assert_needed(
    model: Model, layers: tuple[int, ...], boxes: Sequence[tuple[int, int, int, int]]
) -> None:
    """Of the last step that is no larger than a slice, no more is said than the slice needs."""
    geometry, reach = geometry_of(model, layers), reach_of(model, layers)
    needs = chain_needs([reach], [np.eye(len(reach.layers))])
    true = regions(geometry, boxes).shares.T
    for (r0, r1, c0, c1), all_needs in zip(boxes, true, strict=True):
        share = (r1 - r0) * (c1 - c0) / needs.elements[0]
        step = int(np.flatnonzero(needs.areas[0] <= share * (1 + 1e-12))[-1])
        least = np.append(needs.work[0, step], needs.input_share[0, step]) * share
        assert (least <= all_needs + 1e-9).all()
        assert share <= needs.caps[0, step] * (1 + 1e-12)
