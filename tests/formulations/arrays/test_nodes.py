"""The limits of nodes as arrays."""

from __future__ import annotations

from math import inf
from pathlib import Path

import splitfog as sf
from splitfog.formulations.arrays.nodes import limits_memory, quotas
from splitfog.instances.records import changed

TINY = sf.load_instance(Path(__file__).parents[2] / "data" / "tiny.json")


def test_a_quota_of_zero_is_a_limit_and_none_is_not() -> None:
    """The server serves nobody, the device whom it likes."""
    pi, server = TINY.nodes
    assert quotas(changed(TINY, nodes=(pi, changed(server, quota=0)))).tolist() == [inf, 0.0]


def test_one_limit_of_memory_is_enough() -> None:
    """Even one of no bytes."""
    pi, server = TINY.nodes
    assert not limits_memory(TINY)
    assert limits_memory(changed(TINY, nodes=(pi, changed(server, memory_bytes=0.0))))
