"""Jobs as messages: an instance travels once, and comes as if it had just been loaded."""

from __future__ import annotations

from pathlib import Path

import pytest

import splitfog as sf
from splitfog.instances.records import changed
from splitfog.studies.engine import messages
from splitfog.studies.engine.messages import Receiver, Sender

TINY = sf.load_instance(Path(__file__).parents[2] / "data" / "tiny.json")


def test_an_instance_travels_once() -> None:
    """The second message is shorter by all of it, and holds the same."""
    sender, receiver = Sender(), Receiver()
    first, second = sender.packed((TINY, 1)), sender.packed((TINY, 2))
    assert receiver.unpacked(first) == (TINY, 1)
    assert receiver.unpacked(second) == (TINY, 2)
    assert len(second) < 300 < len(first)


def test_every_message_brings_a_fresh_instance() -> None:
    """What one run keeps in it is not there for the next."""
    sender, receiver = Sender(), Receiver()
    one, other = (receiver.unpacked(sender.packed(TINY)) for _ in range(2))
    assert one == other and one is not other
    assert one.read_file == TINY.read_file


def test_few_instances_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """With room for two the third drives the first two out, and the first comes again whole."""
    monkeypatch.setattr(messages, "MOST", 2)
    sender, receiver = Sender(), Receiver()
    instances = [changed(TINY, name=name) for name in "abcab"]
    told = [sender.packed(instance) for instance in instances]
    assert [receiver.unpacked(message) for message in told] == instances
    assert min(map(len, told[:4])) > 300
