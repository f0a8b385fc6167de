"""Dates of a link's chunks."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("zmq")

from splitfog.deployment.wire.frames import CHUNK_BYTES
from splitfog.deployment.wire.pacing import Pace, spin_until


def test_chunks_of_five_milliseconds_at_absolute_dates() -> None:
    """At 1 Mbit/s 5 ms are 625 bytes; of 1,500 the last 250 are due after 12 ms; all 3 ms later.

    8 x 625 / 1e6 = 0.005, 8 x 1250 / 1e6 = 0.01, 8 x 1500 / 1e6 = 0.012; latency and delay first.
    """
    chunks = list(Pace(1e6, latency_s=0.002, delay_s=0.001).chunks(1500, 10.0))
    assert [(first, last) for first, last, _ in chunks] == [(0, 625), (625, 1250), (1250, 1500)]
    assert [due for _, _, due in chunks] == pytest.approx([10.008, 10.013, 10.015])


def test_a_link_is_occupied_without_its_delay() -> None:
    """2 ms + 8 x 1000 / 1e6 = 10 ms; the delay keeps nobody waiting."""
    assert Pace(1e6, latency_s=0.002, delay_s=0.5).seconds(1000) == pytest.approx(0.01)
    assert Pace(None, latency_s=0.002).seconds(10**9) == 0.002


def test_without_a_bandwidth_everything_is_due_at_once() -> None:
    """In as few frames as hold it."""
    chunks = list(Pace().chunks(CHUNK_BYTES + 1, 3.0))
    assert chunks == [(0, CHUNK_BYTES, 3.0), (CHUNK_BYTES, CHUNK_BYTES + 1, 3.0)]


@given(num_bytes=st.integers(0, 10**6), bandwidth=st.one_of(st.none(), st.floats(1e3, 1e11)))
def test_chunks_cover_a_tensor_once_and_in_order(num_bytes: int, bandwidth: float | None) -> None:
    """Each begins where the one before ends, later, and none is longer than a frame holds.

    A tensor of no bytes is one empty chunk, so that it arrives at all.
    """
    pace = Pace(bandwidth)
    chunks = list(pace.chunks(num_bytes, 0.0))
    assert [first for first, _, _ in chunks] == [0, *(last for _, last, _ in chunks[:-1])]
    assert chunks[-1][1] == num_bytes
    assert all(last - first <= CHUNK_BYTES for first, last, _ in chunks)
    assert [due for *_, due in chunks] == sorted(due for *_, due in chunks)
    assert chunks[-1][2] == pytest.approx(pace.seconds(num_bytes))


def test_spinning_never_ends_early() -> None:
    """The clock has reached the date."""
    due_s = time.perf_counter() + 0.001
    spin_until(due_s)
    assert time.perf_counter() >= due_s
