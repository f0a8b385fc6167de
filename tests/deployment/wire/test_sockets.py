"""Sockets: places, what becomes of connections, and who is listened to."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

pytest.importorskip("zmq")

from splitfog.deployment.wire.frames import FRAME_BYTES
from splitfog.deployment.wire.keys import DRIVER, is_loopback, load_keys, make_keys
from splitfog.deployment.wire.sockets import (
    Peer,
    Socket,
    authenticated,
    closed,
    endpoint_of,
    listening,
    local_address,
    news,
    sending,
    watched,
)


@pytest.mark.parametrize("place", ["", "host", "host:", ":80", "host:0", "host:65536", "host:http"])
def test_a_place_is_a_host_and_a_port(place: str) -> None:
    """Anything else is refused with what it must be."""
    with pytest.raises(ValueError, match="must be HOST:PORT"):
        endpoint_of(place)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        *(("127.0.0.1", True), ("127.9.8.7", True), ("localhost", True), ("[::1]", True)),
        *(("0.0.0.0", False), ("192.168.1.4", False), ("[::]", False), ("fog", False)),
    ],
)
def test_loopback_is_what_other_machines_cannot_reach(host: str, expected: bool) -> None:
    """An address that means all interfaces is not; a name might be anywhere."""
    assert is_loopback(host) is expected


def test_a_port_in_use_is_named() -> None:
    """With the place and the reason, in one sentence."""
    with authenticated(None) as context:
        _, (endpoint,) = listening(context, ["127.0.0.1:*"], None)
        place = endpoint.removeprefix("tcp://")
        with pytest.raises(ValueError, match=f"cannot listen at {place}: Address already in use"):
            listening(context, [place], None)


def test_this_machine_is_reached_by_loopback_from_itself() -> None:
    """What leads to 127.0.0.3 is an address of loopback."""
    assert is_loopback(local_address("127.0.0.3:5000"))


def heard(monitor: Socket, wanted: Peer) -> bool:
    """Whether a connection comes to that within five seconds."""
    end_s = time.perf_counter() + 5
    while time.perf_counter() < end_s:
        monitor.poll(50)
        if wanted in news(monitor):
            return True
    return False


def test_a_peer_that_closes_is_gone() -> None:
    """There at first, then gone: seconds before anything times out."""
    with authenticated(None) as context:
        pull, (endpoint,) = listening(context, ["127.0.0.1:*"], None)
        push, monitor = watched(context, endpoint, None, "other")
        assert heard(monitor, Peer.THERE)
        closed(pull)
        assert heard(monitor, Peer.GONE)
        closed(push)
        monitor.close(0)


def test_a_message_longer_than_a_frame_ends_its_connection() -> None:
    """It is not delivered, and the next sender is served all the same."""
    with authenticated(None) as context:
        pull, (endpoint,) = listening(context, ["127.0.0.1:*"], None)
        rude, polite = (sending(context, endpoint, None, "other") for _ in range(2))
        rude.send(bytes(FRAME_BYTES + 1))
        polite.send(b"good")
        assert pull.poll(5000)
        assert pull.recv() == b"good"
        assert not pull.poll(200)


def test_only_those_with_a_key_in_the_folder_are_listened_to(tmp_path: Path) -> None:
    """The right pair connects; a stranger's does not, and what it wants to say is not heard."""
    make_keys(tmp_path / "ours", ["pi", DRIVER])
    make_keys(tmp_path / "theirs", ["pi", DRIVER])
    pi = load_keys(tmp_path / "ours", "pi")
    driver = load_keys(tmp_path / "ours", DRIVER)
    (tmp_path / "theirs" / "pi.key").write_bytes((tmp_path / "ours" / "pi.key").read_bytes())
    stranger = load_keys(tmp_path / "theirs", DRIVER)
    with authenticated(pi) as context:
        pull, (endpoint,) = listening(context, ["127.0.0.1:*"], pi)
        for keys, expected in ((stranger, Peer.REFUSED), (driver, Peer.THERE)):
            push, monitor = watched(context, endpoint, keys, "pi")
            push.send(keys.public)
            assert heard(monitor, expected)
            closed(push, 1.0)
            monitor.close(0)
        assert pull.poll(5000)
        assert pull.recv() == driver.public
        assert not pull.poll(100)


def test_without_a_key_nobody_is_heard_by_one_who_has_one(tmp_path: Path) -> None:
    """What a driver says that does not encrypt never arrives; what one with a key says does."""
    make_keys(tmp_path, ["pi", DRIVER])
    pi, driver = load_keys(tmp_path, "pi"), load_keys(tmp_path, DRIVER)
    with authenticated(pi) as context:
        pull, (endpoint,) = listening(context, ["127.0.0.1:*"], pi)
        plain, encrypted = (sending(context, endpoint, keys, "pi") for keys in (None, driver))
        plain.send(b"plain")
        encrypted.send(b"encrypted")
        assert pull.poll(5000)
        assert pull.recv() == b"encrypted"
        assert not pull.poll(100)


def test_secret_keys_are_for_their_owner_and_stay(tmp_path: Path) -> None:
    """Mode 600; a second call writes only what is missing; the process's own mask is as before."""
    mask = os.umask(0o022)
    assert len(make_keys(tmp_path, ["pi", "box"])) == 4
    assert (tmp_path / "pi.key_secret").stat().st_mode & 0o077 == 0
    before = (tmp_path / "pi.key_secret").read_bytes()
    written = make_keys(tmp_path, ["pi", "server"])
    assert {path.name for path in written} == {"server.key", "server.key_secret"}
    assert (tmp_path / "pi.key_secret").read_bytes() == before
    assert os.umask(mask) == 0o022


def test_a_missing_or_broken_key_is_named(tmp_path: Path) -> None:
    """With its file; a name that is no file's can have none."""
    make_keys(tmp_path, ["pi"])
    keys = load_keys(tmp_path, "pi")
    with pytest.raises(ValueError, match=r"box\.key is missing"):
        keys.of("box")
    with pytest.raises(ValueError, match=r"driver\.key_secret is missing"):
        load_keys(tmp_path, DRIVER)
    (tmp_path / "box.key_secret").write_text("nothing")
    with pytest.raises(ValueError, match=r"box\.key_secret holds no"):
        load_keys(tmp_path, "box")
    with pytest.raises(ValueError, match="its name is no file name"):
        make_keys(tmp_path, ["../pi"])
