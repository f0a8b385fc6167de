"""The bound on `latency` over all plans, held to every plan there is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf
from typing import Any

import numpy as np
import pytest

import splitfog as sf
from splitfog.formulations.costs.reference import decision_cost
from splitfog.formulations.decision import Decision, Slice, Stage, TaskDecision
from splitfog.formulations.objective import Objective
from splitfog.solvers.exact.sliced_latency import sliced_latency_bound
from tests.cases.enumeration.sliced_latencies import least_latency, sliced_case
from tests.cases.enumeration.wide_latencies import wide_case

Case = Callable[[np.random.Generator], tuple[sf.Instance, Objective]]


SHOWING: dict[Case, Sequence[int]] = {
    sliced_case: (
        *(1057, 1065, 1066, 1095, 1105, 1120, 1131, 1152, 1187),
        *(1190, 1200, 1201, 1213, 1227, 1342, 1346, 1349, 1383),
    ),
    wide_case: (86, 88, 143, 258, 263),
}
"""Seeds, of a few thousand, whose least plans showed that some part of the bound was broken."""


@pytest.mark.parametrize("case", [sliced_case, wide_case])
@pytest.mark.parametrize("seeds", [range(40), SHOWING], ids=["first", "showing"])
def test_no_plan_is_below_the_bound(case: Case, seeds: range | dict[Case, Sequence[int]]) -> None:
    """Random small cases of every kind: placements, stages with any home, any slices."""
    for seed in seeds if isinstance(seeds, range) else seeds[case]:
        instance, objective = case(np.random.default_rng(seed))
        least = least_latency(instance, objective)
        bound = sliced_latency_bound(instance, objective)
        assert least == inf or (bound is not None and bound <= least), seed


def between_two(radio: Any) -> sf.Instance:
    """A home of next to no speed with a link of 8 bit/s to each of two quick nodes, and a 1 x 1
    convolution of 8 rows that reads 64 bytes and makes 1e-3."""
    speeds = {"d": 1e-3, "f": 1e9, "g": 1e9}
    conv = sf.Layer(
        name="c",
        op="conv",
        inputs=("x",),
        flops=8.0,
        output_shape=(1, 8, 8),
        output_bytes=1e-3,
        window=sf.Window(kernel=(1, 1)),
    )
    source = sf.Layer(name="x", op="input", output_shape=(1, 8, 8), output_bytes=64.0)
    return sf.Instance(
        name="between two",
        tiers=("t",),
        nodes=tuple(
            sf.Node(
                name=name, tier="t", speed_flops=speed, radio=radio if name == "d" else "parallel"
            )
            for name, speed in speeds.items()
        ),
        links=tuple(sf.Link(tail="d", head=head, bandwidth_bps=8.0) for head in "fg"),
        models=(sf.Model(name="m", layers=(source, conv)),),
        tasks=(sf.Task(name="t", model="m", source="d"),),
    )


@pytest.mark.parametrize(("radio", "seconds"), [("parallel", 32.0), ("serial", 64.0)])
def test_a_parallel_home_sends_to_two_at_once(radio: str, seconds: float) -> None:
    """Half of 64 bytes over either link takes 32 s; over one radio all 64 take 64 s. The results
    and the quick nodes' work take next to nothing, the home's own an hour."""
    instance = between_two(radio)
    halves = (Slice(1, (0, 4), (0, 8)), Slice(2, (4, 8), (0, 8)))
    place = np.zeros(2, np.int64)
    plan = Decision((TaskDecision(place, None, (Stage((1,), 0, halves),)),))
    objective = Objective("latency")
    value = float(decision_cost(instance, plan, objective))
    bound = sliced_latency_bound(instance, objective)
    assert bound is not None and bound <= value
    assert value == pytest.approx(seconds, rel=1e-3)
    assert bound == pytest.approx(seconds, rel=0.1)
