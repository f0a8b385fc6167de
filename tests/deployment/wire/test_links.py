"""A link sends in order, all of it, and can be closed at any time."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

pytest.importorskip("zmq")

import zmq

from splitfog.deployment.wire.frames import Bye, Chunk, Ready, decoded
from splitfog.deployment.wire.links import SendingLink
from splitfog.deployment.wire.pacing import Pace
from splitfog.deployment.wire.sockets import (
    Context,
    Socket,
    authenticated,
    listening,
    sending,
    watched,
)


@pytest.fixture
def ends() -> Iterator[tuple[Context, Socket, Socket]]:
    """A context, and both ends of a connection in it."""
    with authenticated(None) as context:
        pull, (endpoint,) = listening(context, ["127.0.0.1:*"], None)
        yield context, pull, sending(context, endpoint, None, "other")


def chunk(name: str) -> Chunk:
    """The header of a tensor of bytes."""
    shape = (3000,)
    return Chunk(
        run="r", plan="p", request=1, slot=0, tensor=name, dtype="uint8", shape=shape, tail="a"
    )


def received(pull: Socket) -> bytes:
    """A frame, which must come."""
    assert pull.poll(5000)
    return pull.recv()


def test_tensors_arrive_whole_one_after_another(ends: tuple[Context, Socket, Socket]) -> None:
    """Two tensors of 3,000 bytes, then a message: chunks in order, no tensor inside another."""
    _, pull, push = ends
    link = SendingLink(push, Pace(8e6))  # 5 ms: 5,000 bytes, so one chunk each
    content = [bytes([value]) * 3000 for value in (1, 2)]
    for name, data in zip("ab", content, strict=True):
        link.put(chunk(name), memoryview(data))
    link.put(Bye(run="r"))
    frames = [decoded(received(pull)) for _ in range(3)]
    link.close()
    assert [type(header) for header, _ in frames] == [Chunk, Chunk, Bye]
    assert [header.tensor for header, _ in frames[:2]] == ["a", "b"]
    assert [bytes(payload) for _, payload in frames[:2]] == content


def test_a_tensor_begins_when_the_link_is_free(ends: tuple[Context, Socket, Socket]) -> None:
    """The second of two that are put at once begins one transfer later: 1 ms + 8 x 3000 / 8e6.

    By its date, that is, whatever the clock: `start_s` tells what the link is meant to do.
    """
    _, pull, push = ends
    link = SendingLink(push, Pace(8e6, latency_s=0.001, delay_s=0.002))
    for name in "ab":
        link.put(chunk(name), memoryview(bytes(3000)))
    (first, _), (second, _) = (decoded(received(pull)) for _ in range(2))
    link.close()
    assert second.start_s - first.start_s == pytest.approx(0.004)


def test_a_link_that_nobody_reads_can_be_closed(ends: tuple[Context, Socket, Socket]) -> None:
    """At 10 bit/s a tensor would take 40 minutes; closing takes its thread along at once."""
    _, _, push = ends
    link = SendingLink(push, Pace(10))
    link.put(chunk("a"), memoryview(bytes(3000)))
    before_s = time.perf_counter()
    link.close()
    assert time.perf_counter() - before_s < 5


def test_a_link_that_is_finished_says_what_it_was_told(
    ends: tuple[Context, Socket, Socket],
) -> None:
    """The last message leaves although nobody waits for it."""
    context, pull, _ = ends
    push, monitor = watched(context, pull.getsockopt_string(zmq.LAST_ENDPOINT), None, "other")
    link = SendingLink(push)
    link.put(Ready(run="r", node="pi"))
    link.finish(monitor)
    assert decoded(received(pull))[0] == Ready(run="r", node="pi")
    link.close()
