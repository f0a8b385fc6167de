"""A request is what one call asks; what is found on the way is kept beside it."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields

import pytest

from splitfog.formulations.decision import placed
from splitfog.formulations.objective import Objective
from splitfog.instances.instance import Instance
from splitfog.instances.records import Layer, Model, Node, Task, changed
from splitfog.solvers.base import Request


def _request() -> Request:
    """One layer of 1 FLOP on a node of 1 FLOP/s: 1 s."""
    layers = (
        Layer(name="in", op="input", output_bytes=1),
        Layer(name="a", op="other", inputs=("in",), flops=1, output_bytes=1),
    )
    node = Node(name="pi", tier="device", speed_flops=1.0)
    task = Task(name="t", model="m", source="pi")
    models = (Model(name="m", layers=layers),)
    instance = Instance("one", ("device",), (node,), (), models, tasks=(task,))
    return Request(instance, Objective("latency"), options={"side": 1})


def test_nothing_of_a_request_can_be_written_to() -> None:
    """Neither a field nor an option: who needs others asks with a copy."""
    request = _request()
    for name in [field.name for field in fields(request)]:
        with pytest.raises(FrozenInstanceError):
            setattr(request, name, None)
    with pytest.raises(TypeError, match="read-only"):
        request.options["side"] = 2  # type: ignore[index]


def test_a_copy_begins_with_nothing_found() -> None:
    """What a solver finds for other options is no plan of the first call."""
    request = _request()
    assert request.offer(placed([0, 0]))
    request.raise_bound(0.5)
    copy = changed(request, options={})
    assert (copy.incumbent, copy.lower_bound) == (None, None)
    copy.raise_bound(0.75)
    assert request.lower_bound == 0.5


def test_a_call_told_more_finds_for_the_first_one_too() -> None:
    """Ctrl-C leaves the plan of a search that gave itself a time limit."""
    request = _request()
    told = request.told(time_limit_s=10.0)
    assert (told.time_limit_s, request.time_limit_s) == (10.0, None)
    assert told.offer(placed([0, 0]))
    assert request.incumbent_value == 1.0


def test_the_greatest_bound_is_kept() -> None:
    """A weaker one that comes later changes nothing, and is no news."""
    request = _request()
    assert request.raise_bound(0.25)
    assert request.raise_bound(0.5)
    assert not request.raise_bound(0.25)
    assert request.lower_bound == 0.5
