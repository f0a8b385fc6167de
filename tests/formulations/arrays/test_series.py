"""series: the cuts of a DAG, by hand and by reachability."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from hypothesis import given

from splitfog import Instance, Layer, Model, Node, Task
from splitfog.formulations.arrays.series import Segment, series_cuts, series_segments
from splitfog.formulations.arrays.task import task_arrays
from tests.cases.strategies import instances


def _instance(*layers: tuple[str, str], results_to: str | None = None, **fields: dict) -> Instance:  # type: ignore[type-arg]
    """One node; layers as (name, inputs) with one letter an input, `fields` by layer name."""
    built = tuple(
        Layer(
            name=name,
            op="input" if name.startswith("i") else "other",
            inputs=tuple(inputs),
            output_bytes=1,
            **fields.get(name, {}),
        )
        for name, inputs in layers
    )
    return Instance(
        name="series",
        tiers=("device",),
        nodes=(Node(name="pi", tier="device", speed_flops=1e9),),
        links=(),
        models=(Model(name="m", layers=built),),
        tasks=(Task(name="t", model="m", source="pi", results_to=results_to),),
    )


DIAMOND = (("i", ""), ("a", "i"), ("b", "a"), ("c", "a"), ("d", "bc"), ("e", "d"))


def test_a_diamond_is_one_segment() -> None:
    """i, a, d stand alone; b and c are parallel and belong with the layer that joins them."""
    assert series_segments(task_arrays(_instance(*DIAMOND))) == (
        Segment(None, (0,), 0),
        Segment(0, (1,), 1),
        Segment(1, (2, 3, 4), 4),
        Segment(4, (5,), None),
    )


def test_a_short_cut_joins_what_it_spans() -> None:
    """e reads a as well: nothing between a and e is a cut any more."""
    spanned = (*DIAMOND[:-1], ("e", "da"))
    assert series_cuts(task_arrays(_instance(*spanned))) == [0, 1]


def test_a_second_input_ends_the_cuts_before_it() -> None:
    """i2 comes in at d: only d, where everything has met, is a cut."""
    two = (("i", ""), ("a", "i"), ("j", ""), ("d", "aj"), ("e", "d"))
    assert series_cuts(task_arrays(_instance(*two))) == [3]


def test_an_early_end_ends_the_cuts() -> None:
    """b has no reader and may end after e: a is the last cut."""
    ends = (("i", ""), ("a", "i"), ("b", "a"), ("d", "a"), ("e", "d"))
    assert series_cuts(task_arrays(_instance(*ends))) == [0, 1]


def test_a_group_joins_what_it_spans_unless_the_cut_is_in_it() -> None:
    """b and e together: the choice for b binds e, so d is no cut; with d in the group it is."""
    group = {"group": "g"}
    spanning = task_arrays(_instance(*DIAMOND, b=group, e=group))
    assert series_cuts(spanning) == [0, 1]
    through = task_arrays(_instance(*DIAMOND, b=group, d=group, e=group))
    assert series_cuts(through) == [0, 1, 4]


def test_results_that_travel_end_the_cuts() -> None:
    """a's result may arrive at `results_to` after everything else, and take a link from d."""
    marked: dict[str, Any] = {"a": {"result": True}}
    sent = task_arrays(_instance(*DIAMOND, results_to="pi", **marked))
    assert series_cuts(sent) == [0]
    kept = task_arrays(_instance(*DIAMOND, **marked))
    assert series_cuts(kept) == [0, 1, 4]


@given(instances(limits=False))
def test_cuts_are_the_layers_related_to_all_others(instance: Instance) -> None:
    """And without an edge around them, up to the first result that travels: exactly those."""
    arrays = task_arrays(instance)
    model, order = arrays.model, arrays.model.order.tolist()
    below: dict[int, set[int]] = {}
    for layer in reversed(order):
        below[layer] = {x for c in model.consumers[layer] for x in (c, *below[c])}
    expected = []
    for at, layer in enumerate(order[:-1]):
        if arrays.results_to is not None and model.results[layer]:
            break
        above = {other for other in order if layer in below[other]}
        around = any(set(model.consumers[other]) & below[layer] for other in above)
        if len(above) + len(below[layer]) == len(order) - 1 and not around:
            expected.append(at)
    assert series_cuts(arrays) == expected


@given(instances())
def test_segments_hold_every_layer_once_in_order(instance: Instance) -> None:
    """Joined they are the model's order; each entry is the exit before."""
    arrays = task_arrays(instance)
    segments = series_segments(arrays)
    assert [x for s in segments for x in s.layers] == arrays.model.order.tolist()
    assert segments[0].entry is None
    assert segments[-1].exit is None
    for before, after in pairwise(segments):
        assert before.exit == before.layers[-1] == after.entry
