"""What slices need at least, held to what they need."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from splitfog.formulations.latency_bounds.needs import chain_needs
from splitfog.formulations.latency_bounds.reach import reach_of
from splitfog.formulations.tiles.regions import regions
from splitfog.formulations.tiles.stage_shape import geometry_of
from splitfog.instances.records import Model
from tests.cases.stages.random_stages import stages


@given(stages(), st.data())
@settings(max_examples=150)
def test_no_slice_needs_less_than_the_tables_say(
    stage: tuple[Model, tuple[int, ...]], data: st.DataObject
) -> None:
    """Windows, strides, dilations, paddings beyond the map, joins: every tensor."""
    model, layers = stage
    geometry = geometry_of(model, tuple(layers))
    reach = reach_of(model, tuple(layers))
    needs = chain_needs([reach], [np.eye(len(reach.layers))])
    for _ in range(5):
        r0, c0 = (data.draw(st.integers(0, n - 1)) for n in (geometry.height, geometry.width))
        r1 = data.draw(st.integers(r0 + 1, geometry.height))
        c1 = data.draw(st.integers(c0 + 1, geometry.width))
        share = (r1 - r0) * (c1 - c0) / needs.elements[0]
        step = int(np.flatnonzero(needs.areas[0] <= share * (1 + 1e-12))[-1])
        true = regions(geometry, [[r0, r1, c0, c1]]).shares[:, 0]
        least = np.append(needs.work[0, step], needs.input_share[0, step]) * share
        assert (least <= true + 1e-9).all()
