"""Frames: what goes in comes out, and nothing else is taken for one."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("zmq")

from splitfog.deployment.wire.frames import (
    CHUNK_BYTES,
    HEADER_BYTES,
    Begun,
    Bye,
    Chunk,
    Crossed,
    Fault,
    Hello,
    LinkTo,
    Malformed,
    Message,
    Ping,
    Pong,
    Ran,
    Ready,
    Refused,
    decoded,
    decoded_links,
    encoded,
    encoded_links,
)

CHUNK = Chunk(
    run="r",
    plan="a",
    request=3,
    slot=0,
    tensor="t",
    dtype="float32",
    shape=(1, 2),
    tail=None,
    offset=4,
    start_s=0.5,
)
MESSAGES: list[Message] = [
    Hello(run="r", driver="tcp://127.0.0.1:1", plans={"a": "00"}, slots=2, slowness=1.5),
    Ready(run="r", node="pi"),
    Refused(run="r", node="pi", reason="busy"),
    Ping(run="r", sent_s=1.0),
    Pong(run="r", node="pi", sent_s=1.0, clock_s=2.0),
    Bye(run="r"),
    CHUNK,
    Begun(run="r", node="pi", plan="a", request=3, at_s=0.1),
    Ran(run="r", node="pi", plan="a", request=3, part="0", start_s=0.1, end_s=0.2, cpu_s=0.1),
    Crossed(run="r", tail="pi", head="box", plan="a", request=3, tensor="t", start_s=0, end_s=1),
    Fault(run="r", node="pi", reason="it is", request=None),
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
@pytest.mark.parametrize("payload", [b"", b"\x00\xff" * 9])
def test_a_frame_gives_back_header_and_payload(message: Message, payload: bytes) -> None:
    """Whatever the bytes of the payload are."""
    header, rest = decoded(encoded(message, payload))
    assert header == message
    assert bytes(rest) == payload


def framed(text: bytes, length: int | None = None) -> bytes:
    """A frame with any header, of which it says any length."""
    return (len(text) if length is None else length).to_bytes(2, "big") + text


GOOD = json.loads(encoded(CHUNK)[2:])
GARBAGE = {
    "empty": b"",
    "one byte": b"\x00",
    "no header": framed(b""),
    "more promised than there is": framed(b"{}", 3),
    "a header of 64 kB": framed(b" " * 0xFFFF),
    "noise": bytes(range(256)) * 4,
    "not JSON": framed(b"{'kind': 'bye'}"),
    "not an object": framed(b"[1]"),
    "no kind": framed(b'{"run": "r"}'),
    "unknown kind": framed(b'{"kind": "exec", "run": "r"}'),
    "not UTF-8": framed(b'{"kind": "bye", "run": "\xff"}'),
    "nested a thousand times": framed(b'{"kind": ' + b"[" * 7000),
    "unknown key": framed(json.dumps(GOOD | {"code": "1"}).encode()),
    "negative offset": framed(json.dumps(GOOD | {"offset": -1}).encode()),
    "huge request": framed(json.dumps(GOOD | {"request": 2**70}).encode()),
    "a number as text": framed(json.dumps(GOOD | {"slot": "0"}).encode()),
    "not a number": framed(json.dumps(GOOD | {"start_s": float("nan")}).encode()),
    "a shape of numbers with fractions": framed(json.dumps(GOOD | {"shape": [1.5]}).encode()),
}


@pytest.mark.parametrize("frame", GARBAGE.values(), ids=GARBAGE.keys())
def test_anything_else_is_malformed(frame: bytes) -> None:
    """No other exception, whatever comes in."""
    with pytest.raises(Malformed):
        decoded(frame)


def test_links_are_checked_like_headers() -> None:
    """Of a payload that is no list of links, no link is taken."""
    links = (LinkTo(head="b", endpoint="tcp://h:1", bandwidth_bps=None, latency_s=0, delay_s=0),)
    assert decoded_links(memoryview(encoded_links(links))) == links
    slow = encoded_links(links).replace(b"null", b"-8")
    for payload in (b"", b"{}", b"[1]", slow):
        with pytest.raises(Malformed):
            decoded_links(memoryview(payload))


def test_what_is_too_long_for_a_frame_is_not_sent() -> None:
    """Neither a header nor a payload of a byte too many."""
    with pytest.raises(ValueError, match=f"{CHUNK_BYTES + 1} bytes, must have at most"):
        encoded(CHUNK, bytes(CHUNK_BYTES + 1))
    with pytest.raises(ValueError, match="a header of"):
        encoded(Refused(run="r", node="pi", reason="x" * HEADER_BYTES))
