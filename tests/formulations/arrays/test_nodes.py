"""The limits of nodes as arrays."""

from __future__ import annotations

from dataclasses import replace
from math import inf
from pathlib import Path

from msgspec.structs import replace as with_fields

import splitfog as sf
from splitfog.formulations.arrays.nodes import limits_memory, quotas

TINY = sf.load_instance(Path(__file__).parents[2] / "data" / "tiny.json")


def test_a_quota_of_zero_is_a_limit_and_none_is_not() -> None:
    """The server serves nobody, the device whom it likes."""
    pi, server = TINY.nodes
    assert quotas(replace(TINY, nodes=(pi, with_fields(server, quota=0)))).tolist() == [inf, 0.0]


def test_one_limit_of_memory_is_enough() -> None:
    """Even one of no bytes."""
    pi, server = TINY.nodes
    assert not limits_memory(TINY)
    assert limits_memory(replace(TINY, nodes=(pi, with_fields(server, memory_bytes=0.0))))
