"""Links and nodes that change with time, as a node paces them."""

from __future__ import annotations

from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("zmq")

from splitfog.deployment.runtime.varying import PaceOverTime, Variations
from splitfog.deployment.wire.frames import Malformed, Varies
from splitfog.deployment.wire.pacing import Pace


def varies(head: str | None, quantity: str, duration_s: float = 10.0) -> Varies:
    """What a driver says of a figure."""
    return Varies(
        run="r",
        head=head,
        quantity=quantity,  # type: ignore[arg-type]
        duration_s=duration_s,
        end="repeat",
    )


def steps(*pairs: tuple[float, float]) -> memoryview:
    """The payload of some steps."""
    return memoryview(np.array(pairs, np.float64).tobytes())


def pace(own: Pace, origin_s: float = 100.0, **figures: list[tuple[float, float]]) -> PaceOverTime:
    """The pace of a link to the box whose figures change."""
    told = Variations()
    for quantity, pairs in figures.items():
        told.add(varies("box", quantity), steps(*pairs))
    return told.pace("box", own, origin_s)


def test_a_chunk_is_due_when_the_integral_is_its_bits() -> None:
    """80 kbit/s for a second, then 8: from 0.5 s on 6,000 bytes take 0.5 s for 5,000 and 1 more.

    0.2 s of latency and 0.1 of delay first: the bytes begin at 0.3 + 0.5 = 0.8 s, so that 0.2 s
    carry 2,000 and 4 s the other 4,000: all are there at 5 s. The link is free 0.1 s before.
    """
    link = pace(Pace(1.0, 0.2, 0.1), bandwidth_bps=[(0, 80e3), (1, 8e3)])
    chunks = list(link.chunks(6000, 100.5))
    assert [first for first, *_ in chunks] == [0, *(last for _, last, _ in chunks[:-1])]
    assert chunks[-1][1:] == pytest.approx((6000, 105.0))
    due = {last: at_s for _, last, at_s in chunks}
    assert due[512] == pytest.approx(100.8 + 8 * 512 / 80e3)
    assert link.free_s(6000, 100.5) == pytest.approx(104.9)


def test_latency_is_that_of_the_moment_at_which_a_tensor_begins() -> None:
    """0.5 s up to 1 s, then none; before the trace begins it is as at its begin."""
    link = pace(Pace(8e3), latency_s=[(0, 0.5), (1, 0)])
    assert link.free_s(1000, 100.9) == pytest.approx(102.4)
    assert link.free_s(1000, 101.0) == pytest.approx(102.0)
    assert link.free_s(1000, 99.0) == pytest.approx(101.5)


def test_a_link_that_is_down_stalls() -> None:
    """Down from 1 to 3 s: 1,500 bytes at 8 kbit/s from 0 on end at 3.5 s; down for ever: never."""
    link = pace(Pace(8e3), up=[(0, 1), (1, 0), (3, 1)])
    assert link.free_s(1500, 100.0) == pytest.approx(103.5)
    down = pace(Pace(8e3), up=[(0, 0)])
    assert down.free_s(1, 100.0) == inf
    *_, last = down.chunks(9000, 100.0)
    assert last[2] == inf


@given(num_bytes=st.integers(0, 10**5), bandwidth=st.floats(1e3, 1e9), start_s=st.floats(0, 30))
def test_figures_that_do_not_change_pace_as_ever(
    num_bytes: int, bandwidth: float, start_s: float
) -> None:
    """The same chunks at the same dates as without a trace."""
    plain = Pace(bandwidth, 0.25, 0.125)
    link = pace(plain, 0.0, bandwidth_bps=[(0, bandwidth)])
    same, own = list(plain.chunks(num_bytes, start_s)), list(link.chunks(num_bytes, start_s))
    assert [chunk[:2] for chunk in own] == [chunk[:2] for chunk in same]
    assert [chunk[2] for chunk in own] == pytest.approx([chunk[2] for chunk in same])
    assert link.free_s(num_bytes, start_s) == pytest.approx(plain.free_s(num_bytes, start_s))


def test_steps_may_come_in_pieces() -> None:
    """Those of one figure follow each other; of others nothing is told."""
    told = Variations()
    told.add(varies(None, "load"), steps((0, 1.0), (1, 2.0)))
    told.add(varies(None, "load"), steps((2, 4.0)))
    assert told.load is not None
    assert [told.load.at(t) for t in (0.5, 1.5, 2.5, 12.5)] == [1, 2, 4, 4]
    assert told.heads == set()


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        (memoryview(b""), "must be pairs of 16 bytes"),
        (memoryview(b"0123456789"), "must be pairs of 16 bytes"),
        (steps((1, 1.0)), "that are none"),
        (steps((0, -1.0)), "that are none"),
        (steps((0, np.nan)), "that are none"),
        (steps((0, 1.0), (0, 2.0)), "do not follow each other"),
        (steps((0, 1.0), (10, 2.0)), "do not follow each other"),
    ],
)
def test_what_is_no_figure_is_malformed(payload: memoryview, said: str) -> None:
    """A sentence, which the node reports; it never fails for it."""
    told = Variations()
    with pytest.raises(Malformed, match=said):
        told.add(varies("box", "bandwidth_bps"), payload)
        told.pace("box", Pace(1.0), 0.0)
