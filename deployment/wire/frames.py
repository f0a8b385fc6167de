"""What processes say to each other: a JSON header, then raw bytes; never pickle.

A frame is one message of ZeroMQ: two bytes that hold the header's length, the header, the payload.
A header is one of the records here and checked as such; what it promises of a tensor is checked
against the manifest by who receives it (`inbox`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

HEADER_BYTES = 16_384
"""A header has at most so many."""

CHUNK_BYTES = 65_536
"""So many bytes of a tensor at most travel in one frame."""

FRAME_BYTES = 2 + HEADER_BYTES + CHUNK_BYTES
"""ZMQ_MAXMSGSIZE: a longer message ends its connection before memory is taken for it."""

MOST_LETTERS = 500
"""Of a reason, and of the name of a tensor, a part or a node: several fit into a header."""

Count = Annotated[int, Meta(ge=0, le=2**62)]
Instant = float
"""Seconds on the sending process's `time.perf_counter`."""


class Malformed(ValueError):
    """A frame that no process of this program sends; the sentence says why."""


class Message(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind"):
    """A header; `run` names the run that it belongs to, so that no other takes it for its own."""

    run: str


class LinkTo(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A link out of a node: where its head listens, and its figures (None: not paced)."""

    head: str
    endpoint: str
    bandwidth_bps: Annotated[float, Meta(gt=0)] | None
    latency_s: Annotated[float, Meta(ge=0)]
    delay_s: Annotated[float, Meta(ge=0)]


class Hello(Message, frozen=True, tag="hello"):
    """The driver starts a run: who it is, and all that a node needs to know beside its manifests.

    The payload is the list of the node's links, `LinkTo`.

    Attributes
    ----------
    driver : endpoint that it listens at.
    driver_key : name of its certificate, where there are keys.
    plans : sha256 of each plan's manifest, by the plan's name.
    slots : how many requests are under way at most.
    slowness : the parts take so many times as long.
    """

    driver: str
    plans: Mapping[str, str]
    slots: Annotated[int, Meta(ge=1, le=4096)]
    slowness: Annotated[float, Meta(ge=1)] = 1.0


class Ready(Message, frozen=True, tag="ready"):
    """A node has taken up a run."""

    node: str


class Refused(Message, frozen=True, tag="refused"):
    """A node does not take up a run."""

    node: str
    reason: str


class Ping(Message, frozen=True, tag="ping"):
    """The driver asks for a node's clock."""

    sent_s: Instant


class Pong(Message, frozen=True, tag="pong"):
    """A node's clock, and what it was asked with."""

    node: str
    sent_s: Instant
    clock_s: Instant


class Bye(Message, frozen=True, tag="bye"):
    """The driver ends a run."""


class Chunk(Message, frozen=True, tag="chunk"):
    """Some bytes of a tensor, from `offset` on; the payload.

    Attributes
    ----------
    plan : name of the plan that the request is for.
    request, slot : its number, and which of the requests under way at most it is.
    tensor, dtype, shape : as in the plan's manifest.
    tail : the node that sends it; None: the driver.
    offset : of the payload in the tensor.
    start_s : when the tensor's transfer began, by the sender's clock.
    """

    plan: str
    request: Count
    slot: Count
    tensor: str
    dtype: str
    shape: tuple[Count, ...]
    tail: str | None
    offset: Count = 0
    start_s: Instant = 0.0


class Varies(Message, frozen=True, tag="varies"):
    """A figure of a node or of a link out of it changes with time, by a trace: some of its steps.

    The payload is float64 pairs of seconds and value, in order; frames of one figure follow each
    other.

    Attributes
    ----------
    head : of the link; None: the node itself.
    quantity : of a link `bandwidth_bps`, `latency_s` or `up`, of a node `load`.
    duration_s, end : of the trace.
    """

    head: str | None
    quantity: Literal["bandwidth_bps", "latency_s", "up", "load"]
    duration_s: Annotated[float, Meta(gt=0)]
    end: Literal["repeat", "hold"]


class Origin(Message, frozen=True, tag="origin"):
    """Traces begin at this moment of the node's clock; all figures that change are told."""

    at_s: Instant


class Start(Message, frozen=True, tag="start"):
    """A request begins, for parts that read nothing; those that read something know by that.

    `first`: no node has inputs of it, so that it begins with this message.
    """

    plan: str
    request: Count
    slot: Count
    first: bool


class Begun(Message, frozen=True, tag="begun"):
    """A request begins: a node has its inputs, or there are none."""

    node: str
    plan: str
    request: Count
    at_s: Instant


class Ran(Message, frozen=True, tag="ran"):
    """A node has run a part: from when to when by its clock, and in how much CPU time."""

    node: str
    plan: str
    request: Count
    part: str
    start_s: Instant
    end_s: Instant
    cpu_s: float


class Crossed(Message, frozen=True, tag="crossed"):
    """A tensor has crossed a link: `start_s` by the tail's clock, `end_s` by the head's."""

    tail: str
    head: str
    plan: str
    request: Count
    tensor: str
    start_s: Instant
    end_s: Instant


class Fault(Message, frozen=True, tag="fault"):
    """Something went wrong at a node, in a sentence; a request, if it is lost by that."""

    node: str
    reason: str
    request: Count | None = None


Told = Hello | Ping | Bye | Varies | Origin | Start
"""What drivers say, beside chunks."""
Header = Told | Chunk | Ready | Refused | Pong | Begun | Ran | Crossed | Fault

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(Header)
_links: msgspec.json.Decoder[tuple[LinkTo, ...]] = msgspec.json.Decoder(tuple[LinkTo, ...])


def one_line(error: object) -> str:
    """What went wrong, short enough for a header."""
    return " ".join(str(error).split())[:MOST_LETTERS]


def encoded(header: Message, payload: bytes | memoryview = b"") -> bytes:
    """The frame of a header and a payload.

    Raises
    ------
    ValueError
        If either is longer than a frame holds.
    """
    text = _encoder.encode(header)
    if len(text) > HEADER_BYTES:
        raise ValueError(f"a header of {len(text)} bytes, must have at most {HEADER_BYTES}")
    if len(payload) > CHUNK_BYTES:
        raise ValueError(f"a payload of {len(payload)} bytes, must have at most {CHUNK_BYTES}")
    return b"".join((len(text).to_bytes(2, "big"), text, payload))


def decoded(frame: bytes | memoryview) -> tuple[Any, memoryview]:
    """Header and payload of a frame.

    Raises
    ------
    Malformed
        Where it is none; nothing is allocated beyond the frame's own size.
    """
    view = memoryview(frame)
    length = int.from_bytes(view[:2], "big")
    if not 0 < length <= min(HEADER_BYTES, len(view) - 2):
        raise Malformed(f"a frame of {len(view)} bytes promises a header of {length}")
    try:
        return _decoder.decode(view[2 : 2 + length]), view[2 + length :]
    except (ValueError, RecursionError) as error:
        raise Malformed(f"a header that is none: {error}") from None


def encoded_links(links: tuple[LinkTo, ...]) -> bytes:
    """The payload of a `Hello`."""
    return _encoder.encode(links)


def decoded_links(payload: memoryview) -> tuple[LinkTo, ...]:
    """The links in the payload of a `Hello`; `Malformed` if it has none."""
    try:
        return _links.decode(payload)
    except (ValueError, RecursionError) as error:
        raise Malformed(f"links that are none: {error}") from None
