"""A node's process, and what it does with frames that nobody should send."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from splitfog.instances.records import changed

pytest.importorskip("onnxruntime")
pytest.importorskip("zmq")

from splitfog.deployment.runtime.held import manifest_sha256
from splitfog.deployment.runtime.processes import NodeProcess, endpoints, loopback_nodes
from splitfog.deployment.splitting.comparison import whole_outputs
from splitfog.deployment.splitting.manifest import load_manifest
from splitfog.deployment.wire.frames import (
    Begun,
    Bye,
    Chunk,
    Fault,
    Hello,
    LinkTo,
    Message,
    Ran,
    Ready,
    Refused,
    decoded,
    encoded,
    encoded_links,
)
from splitfog.deployment.wire.sockets import Context, authenticated, listening, sending

MEGABYTE = 1 << 20


class Impostor:
    """Who speaks to the Pi of the plan `words` as its driver and as the next node, the box."""

    def __init__(self, context: Context, process: NodeProcess, folder: Path) -> None:
        self.process, self.endpoint = process, endpoints({"pi": process})["pi"]
        self.push = sending(context, self.endpoint, None, "pi")
        self.pull, (self.place,) = listening(context, ["127.0.0.1:*"], None)
        self.plans = {"words": manifest_sha256(folder)}
        manifest = load_manifest(folder)
        (given,), _ = whole_outputs(folder, manifest, 1, seed=0)
        self.content = given["ids"]
        self.chunk = Chunk(
            run="mine",
            plan="words",
            request=1,
            slot=0,
            tensor="ids",
            dtype="int64",
            shape=(1, 12),
            tail=None,
        )

    def greet(self, run: str = "mine", heads: tuple[str, ...] = ("box",)) -> Any:
        """What the node answers to a hello."""
        hello = Hello(run=run, driver=self.place, plans=self.plans, slots=2)
        links = [
            LinkTo(head=head, endpoint=self.place, bandwidth_bps=None, latency_s=0, delay_s=0)
            for head in heads
        ]
        self.say(hello, encoded_links(tuple(links)))
        return self.hear()

    def say(self, message: Message, payload: bytes = b"") -> None:
        """Send a frame."""
        self.push.send(encoded(message, payload))

    def hear(self) -> Any:
        """The header of the next frame, which must come."""
        assert self.pull.poll(10_000), self.process.death()
        return decoded(self.pull.recv())[0]

    def memory(self) -> int:
        """Bytes that the node's process has in memory."""
        status = Path(f"/proc/{self.process.pid}/status")
        if not status.exists():
            pytest.skip("this system does not tell how much memory a process has")
        (line,) = [line for line in status.read_text().splitlines() if line.startswith("VmRSS")]
        return int(line.split()[1]) * 1024


@pytest.fixture(scope="module")
def impostor(split_words: Path) -> Iterator[Impostor]:
    """Before any hello."""
    manifests = {"pi": [split_words / "manifest.json"]}
    with loopback_nodes(manifests) as nodes, authenticated(None) as context:
        yield Impostor(context, nodes["pi"], split_words)


@pytest.fixture
def greeted(impostor: Impostor) -> Iterator[Impostor]:
    """In a run, which ends afterwards."""
    assert impostor.greet() == Ready(run="mine", node="pi")
    yield impostor
    impostor.say(Bye(run="mine"))


def serves(impostor: Impostor, request: int = 1) -> None:
    """Assert that the node runs a request to its end."""
    impostor.say(changed(impostor.chunk, request=request), impostor.content)
    heard = [impostor.hear() for _ in range(3)]
    assert {type(header) for header in heard} == {Begun, Ran, Chunk}
    assert {header.request for header in heard} == {request}


def test_a_request_is_run_and_passed_on(greeted: Impostor) -> None:
    """Begun, the part run, and its tensor sent to the next node."""
    serves(greeted)


@pytest.mark.parametrize(
    ("changes", "payload", "reason"),
    [
        ({}, b"0" * 97, "0 + 97 bytes, must have 96"),
        ({}, b"", "0 + 0 bytes, must have 96"),
        ({"offset": 8}, b"0" * 88, "goes on at 8, must at 0"),
        ({"dtype": "float64"}, b"0" * 96, "type float64, must be int64"),
        ({"dtype": "object"}, b"0" * 96, "type object"),
        ({"shape": (1 << 40, 12)}, b"0" * 96, "shape (1099511627776, 12), must be (1, 12)"),
        ({"slot": 10**9}, b"0" * 96, "slot 1000000000 of 2"),
        ({"tensor": "e"}, b"0" * 96, "'e' of request 1 is not expected here"),
        ({"tail": "box"}, b"0" * 96, "sender box, must be None"),
        ({"plan": "other"}, b"0" * 96, "plan 'other', which is not run here"),
    ],
)
def test_a_chunk_that_the_manifest_does_not_promise_is_dropped(
    greeted: Impostor, changes: dict[str, Any], payload: bytes, reason: str
) -> None:
    """The driver is told why, and the next one is served."""
    greeted.say(changed(greeted.chunk, **changes), payload)
    fault = greeted.hear()
    assert isinstance(fault, Fault)
    assert reason in fault.reason
    assert fault.request is None
    serves(greeted)


@pytest.mark.parametrize(
    "frame",
    [b"", b"\x00", b"\xff" * 5000, b"\x00\x02{}", b"\x7f\xff" + b"{" * 60_000, b"\x00\x01[" * 9],
    ids=["empty", "a byte", "noise", "no kind", "a long header", "several"],
)
def test_garbage_is_dropped(greeted: Impostor, frame: bytes) -> None:
    """Whatever it is; and the next request is served."""
    greeted.push.send(frame)
    fault = greeted.hear()
    assert isinstance(fault, Fault)
    assert fault.reason.startswith("dropped ")
    serves(greeted)


def test_messages_of_several_frames_are_dropped(greeted: Impostor) -> None:
    """All of it, even if its first frame is a good one."""
    good = encoded(greeted.chunk, greeted.content)
    greeted.push.send_multipart([good, good, good])
    assert "several frames" in greeted.hear().reason
    serves(greeted)


def test_what_belongs_to_another_run_is_dropped_in_silence(greeted: Impostor) -> None:
    """Chunks of a run that is over come late; its bye ends nothing either."""
    greeted.say(changed(greeted.chunk, run="yours"), greeted.content)
    greeted.say(Bye(run="yours"))
    serves(greeted)


def test_a_gigabyte_is_refused_before_memory_is_taken_for_it(greeted: Impostor) -> None:
    """By ZeroMQ's own protocol, a frame that says it has 2**30 bytes ends its connection.

    64 bytes of greeting, READY with a socket type, then flags 2 (a long frame) and its length.
    """
    before = greeted.memory()
    host, _, port = greeted.endpoint.removeprefix("tcp://").rpartition(":")
    greeting = b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32)
    ready = b"\x05READY\x0bSocket-Type" + (4).to_bytes(4, "big") + b"PUSH"
    with socket.create_connection((host, int(port)), timeout=10) as raw:
        raw.sendall(greeting + b"\x04" + bytes([len(ready)]) + ready)
        raw.sendall(b"\x02" + (1 << 30).to_bytes(8, "big") + b"{" * 100)
        while raw.recv(4096):
            pass  # until the node closes it
    assert greeted.memory() - before < 32 * MEGABYTE
    serves(greeted)


def test_a_flood_of_requests_takes_no_more_memory_than_two_slots(greeted: Impostor) -> None:
    """Each begins and never ends; the higher number takes the slot over."""
    before = greeted.memory()
    for request in range(2, 5000):
        greeted.say(changed(greeted.chunk, request=request, slot=request % 2), b"0" * 48)
    serves(greeted, request=5000)
    assert greeted.memory() - before < 32 * MEGABYTE


def test_a_part_that_fails_loses_its_request_alone(greeted: Impostor) -> None:
    """Rows that the table does not have: ONNX Runtime's reason comes back, with the request."""
    wrong = (10**6).to_bytes(8, "little") * 12
    greeted.say(greeted.chunk, wrong)
    heard = [greeted.hear(), greeted.hear()]
    fault = next(header for header in heard if isinstance(header, Fault))
    assert fault.request == 1
    assert "part 0-pi failed: " in fault.reason
    serves(greeted, request=2)


def test_a_node_is_in_one_run_at_a_time(greeted: Impostor) -> None:
    """A second driver is told so; the first goes on."""
    assert greeted.greet("yours") == Refused(
        run="yours", node="pi", reason="is busy with another run"
    )
    serves(greeted)


def test_a_run_with_another_plan_or_without_a_link_is_refused(impostor: Impostor) -> None:
    """Both before anything is run."""
    assert impostor.greet(heads=()).reason == "is not told how to reach box"
    held = impostor.plans
    impostor.plans = {"words": "00"}
    assert "does not hold the plan words, of manifest sha256 00" in impostor.greet().reason
    impostor.plans = held
    assert isinstance(impostor.greet(), Ready)
    serves(impostor)
    impostor.say(Bye(run="mine"))


def test_a_node_ends_with_who_started_it(split_words: Path) -> None:
    """When its standard input does: of itself, with exit code 0, without being killed."""
    process = NodeProcess("pi", [split_words / "manifest.json"])
    endpoints({"pi": process})
    assert process.death() is None
    process.end()
    until_s = time.monotonic() + 10
    while process.death() is None and time.monotonic() < until_s:
        time.sleep(0.01)
    assert process.death() == "ended with exit code 0: no message"
    process.wait(until_s)
