"""The nodes of a run as the driver sees them: greeted, watched, their clocks compared."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

import zmq

from splitfog.deployment.wire.frames import (
    CHUNK_BYTES,
    Bye,
    Hello,
    LinkTo,
    Message,
    Ping,
    Pong,
    encoded,
    encoded_links,
)
from splitfog.deployment.wire.keys import Keys
from splitfog.deployment.wire.sockets import Context, Peer, Socket, closed, news, watched

PINGS = 10
"""A node's clock is taken from the quickest of so many answers."""

LAST_WORDS_S = 0.2

DEATH_S = 0.1
"""A process that has been killed is known to be dead within so long."""


@dataclass(frozen=True, kw_only=True)
class Network:
    """Where everybody is.

    Attributes
    ----------
    places : endpoint of every node.
    own : endpoint of the driver, as each node reaches it.
    keys : None: none are needed.
    one_clock : whether all processes are on one machine and so read the same clock.
    death : how a node's process has ended, in words, where that is known; else None.
    """

    places: Mapping[str, str]
    own: Mapping[str, str]
    keys: Keys | None
    one_clock: bool
    death: Callable[[str], str | None]


@dataclass(frozen=True, kw_only=True)
class Orders:
    """What a node is told when a run begins.

    Attributes
    ----------
    plans : sha256 of the manifests of its plans, by the plans' names.
    links : those out of it, with the figures that it keeps to.
    slowness : its parts take so many times as long.
    """

    plans: Mapping[str, str]
    links: tuple[LinkTo, ...]
    slowness: float


@dataclass(kw_only=True)
class _Connection:
    """With one node; `gone` says why it is of no more use."""

    socket: Socket
    monitor: Socket
    there: bool = False
    ready: bool = False
    gone: str | None = None
    offset_s: float = 0.0


class Peers:
    """Connections with all nodes of a run.

    Parameters
    ----------
    context
        Of the driver's sockets.
    network
        Where the nodes are.
    run
        What every message of this run carries.
    listen
        Takes in what nodes say for at most so many seconds, and hands it to `hear`.
    """

    def __init__(
        self, context: Context, network: Network, run: str, listen: Callable[[], None]
    ) -> None:
        self.network, self._run, self._listen = network, run, listen
        self._all: dict[str, _Connection] = {}
        self._answers: list[tuple[float, float]] = []
        for node, endpoint in network.places.items():
            socket, monitor = watched(context, endpoint, network.keys, node, patient=True)
            self._all[node] = _Connection(socket=socket, monitor=monitor)

    @property
    def monitors(self) -> Iterator[Socket]:
        """What to poll, beside the driver's own socket."""
        return (connection.monitor for connection in self._all.values())

    def greet(self, orders: Mapping[str, Orders], slots: int, timeout_s: float) -> None:
        """Start a run at all nodes.

        Parameters
        ----------
        orders
            By node.
        slots
            How many requests are under way at most.
        timeout_s
            A node must answer in.

        Raises
        ------
        ValueError
            Naming the node that does not answer, or refuses, and why.
        """
        self._until(timeout_s, lambda peer: peer.there, "does not answer")
        for node, own in orders.items():
            hello = Hello(
                run=self._run,
                driver=self.network.own[node],
                plans=own.plans,
                slots=slots,
                slowness=own.slowness,
            )
            links = encoded_links(own.links)
            if len(links) > CHUNK_BYTES:
                raise ValueError(f"node {node} has too many links to be told of all at once")
            self.tell(node, hello, links)
        self._until(timeout_s, lambda peer: peer.ready, "cannot reach this process")
        if not self.network.one_clock:
            for node in self._all:
                self._compare_clock(node, timeout_s)

    def tell(self, node: str, message: Message, payload: bytes | memoryview = b"") -> None:
        """Send to a node, unless it is gone."""
        connection = self._all[node]
        while connection.gone is None:
            with suppress(zmq.Again):
                connection.socket.send(encoded(message, payload))
                return
            self.look()

    def look(self) -> list[str]:
        """The nodes that have gone since the last look; why is in `gone`."""
        lost = []
        for node, connection in self._all.items():
            if connection.gone is not None:
                continue
            for event in news(connection.monitor):
                if event is Peer.THERE:
                    connection.there = True
                elif event is Peer.REFUSED:
                    connection.gone = "does not take this process's key"
                elif connection.there:
                    connection.gone = self._end(node)
            if (death := self.network.death(node)) is not None:
                connection.gone = death
            if connection.gone is not None:
                lost.append(node)
        return lost

    def gone(self, node: str) -> str | None:
        """Why a node is gone, in words; None while it is there."""
        return self._all[node].gone

    def ready(self, node: str) -> None:
        """A node has taken the run up."""
        self._all[node].ready = True

    def refused(self, node: str, reason: str) -> None:
        """A node has not."""
        self._all[node].gone = reason

    def answered(self, pong: Pong) -> None:
        """A node has told its clock."""
        now_s = time.perf_counter()
        offset_s = pong.clock_s - (pong.sent_s + now_s) / 2
        self._answers.append((now_s - pong.sent_s, offset_s))

    def there_s(self, node: str, here_s: float) -> float:
        """What this process's clock shows, by a node's."""
        return here_s + self._all[node].offset_s

    def here_s(self, node: str, clock_s: float) -> float:
        """What a node's clock shows, by this process's."""
        return clock_s - self._all[node].offset_s

    def close(self) -> None:
        """End the run at all nodes."""
        for connection in self._all.values():
            with suppress(zmq.ZMQError):
                connection.socket.send(encoded(Bye(run=self._run)), zmq.NOBLOCK)
            closed(connection.socket, LAST_WORDS_S if connection.gone is None else 0.0)
            connection.monitor.close(0)

    def _end(self, node: str) -> str:
        """Why a node has gone silent; the end of its process shows a moment later than that."""
        until_s = time.perf_counter() + DEATH_S
        while (death := self.network.death(node)) is None and time.perf_counter() < until_s:
            time.sleep(DEATH_S / 10)
        return death or "does not answer any more: it hangs, or is cut off"

    def _until(self, timeout_s: float, wanted: Callable[[_Connection], bool], fault: str) -> None:
        """Wait until all connections are as wanted; say which is not."""
        end_s = time.perf_counter() + timeout_s
        while lacking := {n: c for n, c in self._all.items() if not wanted(c)}:
            for node, connection in lacking.items():
                late = time.perf_counter() > end_s
                if late or connection.gone is not None:
                    reason = connection.gone or f"{fault} within {timeout_s:g} s"
                    raise ValueError(f"node {node} at {self.network.places[node]} {reason}")
            self._listen()
            self.look()

    def _compare_clock(self, node: str, timeout_s: float) -> None:
        """How far a node's clock is ahead."""
        self._answers.clear()
        end_s = time.perf_counter() + timeout_s
        for heard in range(PINGS):
            self.tell(node, Ping(run=self._run, sent_s=time.perf_counter()))
            while len(self._answers) <= heard:
                self._listen()
                if time.perf_counter() > end_s:
                    raise ValueError(f"node {node} does not tell its clock")
        self._all[node].offset_s = min(self._answers)[1]
