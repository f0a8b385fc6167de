"""What changing plans costs where weights have to travel, by hand."""

from __future__ import annotations

from math import inf

import numpy as np
import pytest

import splitfog as sf
from splitfog.deployment.adaptation.switching import weight_seconds
from tests.cases.small_networks import layer, link, network, node


def instance(**link_options: bool) -> sf.Instance:
    """Layers a and b of 1 and 2 MB of weights; d and e at 8 Mbit/s and 10 ms, e and c at 80."""
    weights = [layer("a", 1, 0, "in", weight_bytes=1e6), layer("b", 1, 0, "a", weight_bytes=2e6)]
    return network(
        [layer("in", 0, 0.1), *weights],
        [node("d", 1e9, "device"), node("e", 1e9, "edge"), node("c", 1e9, "cloud")],
        [link("d", "e", 8e6, latency_s=0.01, **link_options), link("e", "c", 8e7)],
    )


def plans(given: sf.Instance, *places: str) -> list[sf.Plan]:
    """Of in, a and b, a letter each."""
    return [sf.plan(given, {"t": dict(zip(("in", "a", "b"), one, strict=True))}) for one in places]


def test_only_what_is_missing_travels() -> None:
    """To e over 8 Mbit/s: a takes 1.01 s, b 2.01, both 3.01; what is at d is there already."""
    given = instance()
    seconds = weight_seconds(given, plans(given, "ddd", "dde", "dee"), "d")
    assert seconds == pytest.approx(np.array([[0, 2.01, 3.01], [0, 0, 1.01], [0, 0, 0]]))


def test_one_node_after_another() -> None:
    """From the cloud: b to e at 80 Mbit/s .2 s; then a to d over e, 8 Mbit in .1 + 1.01 s."""
    given = instance()
    seconds = weight_seconds(given, plans(given, "dcc", "dde"), "c")
    assert seconds[0, 1] == pytest.approx(0.2 + 1.11)
    assert seconds[1, 0] == 0


def test_without_a_way_it_never_comes() -> None:
    """The link leads only from d to e."""
    given = instance(duplex=False)
    assert weight_seconds(given, plans(given, "dee", "dde"), "c")[0, 1] == inf


def test_an_unknown_node_is_an_error() -> None:
    """With those there are."""
    given = instance()
    with pytest.raises(LookupError, match="unknown node 'x'; known: d, e, c"):
        weight_seconds(given, plans(given, "ddd"), "x")
