"""Tensors on their way in: only what the manifest promises, and no more memory than that."""

from __future__ import annotations

from typing import Any

import pytest

from splitfog.instances.records import changed

pytest.importorskip("onnxruntime")
pytest.importorskip("zmq")

from splitfog.deployment.models.sessions import bytes_of
from splitfog.deployment.runtime import inbox as rooms
from splitfog.deployment.runtime.inbox import Inbox
from splitfog.deployment.runtime.program import Program
from splitfog.deployment.wire.frames import Chunk, Malformed
from tests.deployment.driving.relayed import relayed

CONTENT = bytes(range(250)) * 4  # of a: 250 float32

CHUNK = Chunk(
    run="r",
    plan="hand",
    request=5,
    slot=1,
    tensor="a",
    dtype="float32",
    shape=(250,),
    tail="pi",
)


@pytest.fixture
def inbox() -> Inbox:
    """Of the box, for two requests at once."""
    return Inbox({"hand": Program(relayed()).nodes["box"]}, 2)


def take(inbox: Inbox, payload: bytes, **changes: Any) -> bytes | None:
    """The bytes of a tensor, if a chunk makes it whole."""
    taken = inbox.take(changed(CHUNK, **changes), memoryview(payload))
    return None if taken is None or taken[1] is None else bytes_of(taken[1])


def test_a_tensor_is_whole_with_its_last_byte(inbox: Inbox) -> None:
    """Three chunks of any length, in order."""
    assert take(inbox, CONTENT[:1]) is None
    assert take(inbox, CONTENT[1:700], offset=1) is None
    assert take(inbox, CONTENT[700:], offset=700) == CONTENT


MALFORMED: dict[str, tuple[dict[str, Any], bytes, str]] = {
    "another type": ({"dtype": "float64"}, CONTENT, "type float64, must be float32"),
    "another shape": ({"shape": (10**12,)}, CONTENT, "must be"),
    "from elsewhere": ({"tail": "server"}, CONTENT, "sender server, must be pi"),
    "from the driver": ({"tail": None}, CONTENT, "sender None, must be pi"),
    "not for this node": ({"tensor": "x"}, CONTENT, "'x' of request 5 is not expected here"),
    "of another plan": ({"plan": "other"}, CONTENT, "plan 'other', which is not run here"),
    "in no slot": ({"slot": 2}, CONTENT, "slot 2 of 2"),
    "too long": ({}, CONTENT + b"0", "0 \\+ 1001 bytes, must have 1000"),
    "empty": ({}, b"", "0 \\+ 0 bytes"),
    "with a hole": ({"offset": 8}, CONTENT[8:], "goes on at 8, must at 0"),
    "beyond all": ({"offset": 2**62}, CONTENT, "must at 0"),
}


@pytest.mark.parametrize("case", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_broken_promise_is_malformed_and_takes_no_memory(
    inbox: Inbox, case: tuple[dict[str, Any], bytes, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is refused before room is made; afterwards the right tensor is still taken."""
    changes, payload, reason = case
    with monkeypatch.context() as patch:
        patch.setattr(rooms, "empty_value", lambda *_: pytest.fail("made room"))
        with pytest.raises(Malformed, match=reason):
            take(inbox, payload, **changes)
    assert take(inbox, CONTENT) == CONTENT


def test_a_tensor_comes_once(inbox: Inbox) -> None:
    """A second copy is refused, and so is one more byte."""
    assert take(inbox, CONTENT) == CONTENT
    with pytest.raises(Malformed, match="comes twice"):
        take(inbox, CONTENT)


def test_a_newer_request_takes_the_slot_over(inbox: Inbox) -> None:
    """What comes for the older one is dropped in silence: it is late, not wrong."""
    take(inbox, CONTENT[:1])
    older = inbox.slots[1]
    assert take(inbox, CONTENT, request=6) == CONTENT
    assert older is not None
    assert not inbox.holds(older)
    assert inbox.take(changed(CHUNK, offset=1), memoryview(CONTENT[1:])) is None


def test_requests_in_different_slots_do_not_meet(inbox: Inbox) -> None:
    """Their chunks may come in any order among each other."""
    take(inbox, CONTENT[:9])
    take(inbox, CONTENT[:7], request=6, slot=0)
    assert take(inbox, CONTENT[9:], offset=9) == CONTENT
    assert take(inbox, CONTENT[7:], offset=7, request=6, slot=0) == CONTENT
