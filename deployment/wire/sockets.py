"""Sockets of ZeroMQ as all processes here open them: bounded, watched, never lingering."""

from __future__ import annotations

import os
import socket as network
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from enum import Enum
from typing import Any

import zmq
from zmq.utils.monitor import recv_monitor_message

from splitfog.deployment.wire.frames import FRAME_BYTES
from splitfog.deployment.wire.keys import Keys

HEARTBEAT_MS = 200
SILENCE_MS = 600
"""A peer that has not answered for so long is gone: killed, hung or cut off."""

QUEUED_FRAMES = 256
RETRY_MS = 100

DOMAIN = "splitfog"
"""What the authenticator knows the listening sockets by."""

Socket = zmq.Socket[bytes]
Context = zmq.Context[Socket]


class Peer(Enum):
    """What a watched connection has come to."""

    THERE = "there"
    GONE = "gone"
    REFUSED = "refused"


_MEANING = {
    zmq.EVENT_HANDSHAKE_SUCCEEDED: Peer.THERE,
    zmq.EVENT_DISCONNECTED: Peer.GONE,
    zmq.EVENT_HANDSHAKE_FAILED_AUTH: Peer.REFUSED,
    zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL: Peer.REFUSED,
    zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL: Peer.REFUSED,
}


def endpoint_of(place: str) -> str:
    """ZeroMQ's form of `HOST:PORT`.

    Raises
    ------
    ValueError
        Unless it is one; a port is a number up to 65535, or `*` for a free one.
    """
    host, _, port = place.rpartition(":")
    known = port == "*" or (port.isascii() and port.isdigit() and 0 < int(port) < 65_536)
    if not host or not known:
        raise ValueError(f"{place!r}, must be HOST:PORT with a port of 1 to 65535")
    return f"tcp://{place}"


def host_of(place: str) -> str:
    """The HOST of `HOST:PORT`."""
    return place.rpartition(":")[0]


def local_address(place: str) -> str:
    """The address of this machine from which packets go to `HOST:PORT`; nothing is sent."""
    host = host_of(place).strip("[]")
    family = network.AF_INET6 if ":" in host else network.AF_INET
    try:
        with network.socket(family, network.SOCK_DGRAM) as probe:
            probe.connect((host, 9))
            address = str(probe.getsockname()[0])
    except OSError as error:
        raise ValueError(f"{place} cannot be reached: {error.strerror or error}") from None
    return f"[{address}]" if ":" in address else address


def listening(context: Context, places: list[str], keys: Keys | None) -> tuple[Socket, list[str]]:
    """A PULL that listens at `HOST:PORT`s, and its endpoints with their ports.

    Raises
    ------
    ValueError
        Naming the place, where a port is in use or an address is not of this machine.
    """
    socket = context.socket(zmq.PULL)
    _set(socket, {"MAXMSGSIZE": FRAME_BYTES, "RCVHWM": QUEUED_FRAMES})
    _set(socket, {"IPV6": any("[" in place for place in places)})
    _set(socket, {"HEARTBEAT_IVL": HEARTBEAT_MS, "HEARTBEAT_TIMEOUT": SILENCE_MS})
    if keys is not None:
        socket.curve_server = True
        socket.curve_publickey, socket.curve_secretkey = keys.public, keys.secret
        socket.zap_domain = DOMAIN.encode()
    endpoints = []
    for place in places:
        try:
            socket.bind(endpoint_of(place))
        except zmq.ZMQError as error:
            socket.close()
            raise ValueError(f"cannot listen at {place}: {os.strerror(error.errno or 0)}") from None
        endpoints.append(socket.getsockopt_string(zmq.LAST_ENDPOINT))
    return socket, endpoints


def sending(context: Context, endpoint: str, keys: Keys | None, peer: str) -> Socket:
    """A PUSH that is connected to one endpoint; `peer` names whose public key it must have.

    A connection that is lost is not made again: what was on it is lost as well.
    """
    socket = _push(context, keys, peer, -1)
    _connect(socket, endpoint)
    return socket


def watched(
    context: Context, endpoint: str, keys: Keys | None, peer: str, *, patient: bool = False
) -> tuple[Socket, Socket]:
    """A PUSH as `sending` gives it, and the socket that tells what becomes of it: see `news`.

    `patient` tries until there is somebody for the first time. The second socket may be closed
    after the first is `closed`, not before.
    """
    socket = _push(context, keys, peer, RETRY_MS if patient else -1)
    monitor: Socket = socket.get_monitor_socket(sum(_MEANING))  # first, to miss nothing
    _connect(socket, endpoint)
    return socket, monitor


def closed(socket: Socket, linger_s: float = 0.0) -> None:
    """Close a socket that was perhaps watched.

    Its monitor must be told first: with nobody left to tell, ZeroMQ's own thread would wait for
    ever to report the end of the connection.
    """
    socket.disable_monitor()
    socket.close(int(1000 * linger_s))


def news(monitor: Socket) -> Iterator[Peer]:
    """All that a watched connection has come to since it was last asked."""
    while monitor.poll(0):
        event = zmq.Event(recv_monitor_message(monitor, zmq.NOBLOCK)["event"])
        if event in _MEANING:
            yield _MEANING[event]


@contextmanager
def authenticated(keys: Keys | None) -> Iterator[Context]:
    """A context whose listening sockets take only clients that have a key in the folder."""
    context: Context = zmq.Context()
    _set_context(context)
    with ExitStack() as stack:
        stack.callback(context.destroy, linger=0)
        if keys is not None:
            from zmq.auth.thread import ThreadAuthenticator

            guard = ThreadAuthenticator(context)
            guard.start()
            stack.callback(guard.stop)
            guard.configure_curve(domain=DOMAIN, location=str(keys.folder))
        yield context


def _push(context: Context, keys: Keys | None, peer: str, retry_ms: int) -> Socket:
    socket = context.socket(zmq.PUSH)
    _set(socket, {"SNDHWM": QUEUED_FRAMES, "SNDTIMEO": RETRY_MS, "RECONNECT_IVL": retry_ms})
    _set(socket, {"HEARTBEAT_IVL": HEARTBEAT_MS, "HEARTBEAT_TIMEOUT": SILENCE_MS})
    if keys is not None:
        socket.curve_serverkey = keys.of(peer)
        socket.curve_publickey, socket.curve_secretkey = keys.public, keys.secret
    return socket


def _connect(socket: Socket, endpoint: str) -> None:
    _set(socket, {"IPV6": "[" in endpoint})
    try:
        socket.connect(endpoint)
    except zmq.ZMQError as error:
        closed(socket)
        raise ValueError(f"{endpoint} is no address: {os.strerror(error.errno or 0)}") from None


def _set_context(context: Context) -> None:
    context.setsockopt(zmq.LINGER, 0)
    context.setsockopt(zmq.MAX_SOCKETS, 4096)


def _set(socket: Any, options: dict[str, int]) -> None:
    for name, value in options.items():
        socket.setsockopt(getattr(zmq, name), value)
