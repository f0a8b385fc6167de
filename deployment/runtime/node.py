"""A node's process: `splitfog serve`, and what `splitfog run` starts on this machine."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread

import zmq

from splitfog.deployment.runtime.held import HeldPlan, hold
from splitfog.deployment.runtime.session import Session
from splitfog.deployment.wire.frames import (
    Bye,
    Chunk,
    Fault,
    Hello,
    LinkTo,
    Malformed,
    Origin,
    Ping,
    Pong,
    Ready,
    Refused,
    Start,
    Varies,
    decoded,
    decoded_links,
    one_line,
)
from splitfog.deployment.wire.keys import DRIVER, Keys, is_loopback, load_keys
from splitfog.deployment.wire.links import SendingLink
from splitfog.deployment.wire.pacing import Pace
from splitfog.deployment.wire.sockets import (
    Context,
    Peer,
    Socket,
    authenticated,
    closed,
    endpoint_of,
    host_of,
    listening,
    news,
    sending,
    watched,
)

SWITCH_S = 0.0005
"""How long a thread that computes in Python may keep one that has a date with a link waiting."""

BEAT_S = 0.5
"""A process that starts gives a sign of life so often."""

MOST_FAULTS = 20
"""Malformed frames that are reported in one run; the others are dropped without a word."""


def serve(
    manifests: Sequence[str | os.PathLike[str]],
    node: str,
    place: str,
    keys_folder: Path | None,
    listens: Callable[[str], None],
) -> None:
    """Run one node until the process ends: driver after driver, one at a time.

    Parameters
    ----------
    manifests
        Of the plans that it holds parts of, or their folders.
    node
        Its name in them.
    place
        `HOST:PORT` to listen at; the port `*` is a free one.
    keys_folder
        Of certificates; needed off loopback.
    listens
        Called with ZeroMQ's endpoint, once everything is loaded.

    Raises
    ------
    InstanceError, ValueError
        Naming what is wrong with a manifest, a part's file, the place or the keys.
    """
    endpoint_of(place)
    if keys_folder is None and not is_loopback(host_of(place)):
        raise ValueError(
            f"{place} can be reached from other machines, so it needs --keys (see --make-keys)"
        )
    sys.setswitchinterval(SWITCH_S)
    keys = None if keys_folder is None else load_keys(keys_folder, node)
    held = [hold(manifest, node) for manifest in manifests]
    with authenticated(keys) as context:
        socket, endpoints = listening(context, [place], keys)
        listens(endpoints[0])
        served = Node(node, held, context, socket, keys)
        try:
            served.work()
        finally:
            served.leave()  # its links' sockets keep the context from ending


class Node:
    """Takes frames one by one; a run at a time.

    Parameters
    ----------
    name
        Of the node.
    held
        The plans it has parts of.
    context, socket
        Where it listens.
    keys
        None: none are needed.
    """

    def __init__(
        self,
        name: str,
        held: Sequence[HeldPlan],
        context: Context,
        socket: Socket,
        keys: Keys | None,
    ) -> None:
        self.name, self._keys = name, keys
        self._held = {plan.sha256: plan for plan in held}
        self._context, self._socket = context, socket
        self._session: Session | None = None
        self._monitor: Socket | None = None
        self._faults = 0

    def work(self) -> None:
        """Never returns."""
        poller = zmq.Poller()
        poller.register(self._socket, zmq.POLLIN)
        while True:
            poller.poll(100)
            self._watch()
            with suppress(zmq.Again):
                while True:
                    self._take(self._socket.recv(zmq.NOBLOCK))

    def _take(self, frame: bytes) -> None:
        try:
            if self._drop_rest():
                raise Malformed("a message of several frames")
            header, payload = decoded(frame)
            if isinstance(header, Hello):
                self._greet(header, decoded_links(payload))
            elif self._session is None or header.run != self._session.run:
                return  # of a run that is over
            elif isinstance(header, Chunk):
                self._session.arrived(header, payload)
            elif isinstance(header, Start):
                self._session.started(header)
            elif isinstance(header, Varies):
                self._session.varies(header, payload)
            elif isinstance(header, Origin):
                self._session.traced(header)
            elif isinstance(header, Ping):
                self._session.driver.put(_pong(self.name, header))
            elif isinstance(header, Bye):
                self.leave()
            else:
                raise Malformed(f"a {type(header).__name__.lower()}, which only drivers take")
        except Malformed as error:
            self._complain(str(error))

    def _drop_rest(self) -> bool:
        """Whether a message has more frames than one, which are dropped."""
        more = False
        while self._socket.rcvmore:
            self._socket.recv()
            more = True
        return more

    def _greet(self, hello: Hello, links: Sequence[LinkTo]) -> None:
        """Take up a run, or tell the driver why not."""
        try:
            out, monitor = watched(self._context, hello.driver, self._keys, DRIVER)
        except ValueError as error:
            raise Malformed(f"a driver that cannot be answered: {error}") from None
        try:
            plans = self._plans_of(hello, {link.head for link in links})
            ways = self._ways(links)
        except ValueError as error:
            refusal = SendingLink(out)
            refusal.put(Refused(run=hello.run, node=self.name, reason=one_line(error)))
            refusal.finish(monitor)
            return
        self._monitor, self._faults = monitor, 0
        self._session = Session(self.name, hello, plans, ways, SendingLink(out))
        self._session.driver.put(Ready(run=hello.run, node=self.name))

    def _plans_of(self, hello: Hello, known: AbstractSet[str]) -> dict[str, HeldPlan]:
        """The plans of a run, if it can be taken up over links to these nodes."""
        if self._session is not None:
            raise ValueError("is busy with another run")
        for name, sha256 in hello.plans.items():
            if sha256 not in self._held:
                raise ValueError(f"does not hold the plan {name}, of manifest sha256 {sha256}")
        plans = {name: self._held[sha256] for name, sha256 in hello.plans.items()}
        hops = [heads for plan in plans.values() for heads in plan.program.hops.values()]
        if unknown := sorted(set().union(*hops) - known):
            raise ValueError(f"is not told how to reach {', '.join(unknown)}")
        return plans

    def _ways(self, links: Sequence[LinkTo]) -> dict[str, SendingLink]:
        """The links out of this node, by their heads."""
        sockets: dict[str, Socket] = {}
        try:
            for link in links:
                peer = sending(self._context, link.endpoint, self._keys, link.head)
                sockets[link.head] = peer
        except ValueError:
            for socket in sockets.values():
                closed(socket)
            raise
        return {
            link.head: SendingLink(
                sockets[link.head], Pace(link.bandwidth_bps, link.latency_s, link.delay_s)
            )
            for link in links
        }

    def _watch(self) -> None:
        """End the run of a driver that is gone."""
        if self._monitor is not None and Peer.GONE in news(self._monitor):
            self.leave()

    def leave(self) -> None:
        """End the run, if there is one."""
        if self._session is not None:
            self._session.close()
        if self._monitor is not None:
            self._monitor.close(0)
        self._session = self._monitor = None

    def _complain(self, reason: str) -> None:
        """Report a frame that was dropped."""
        self._faults += 1
        if self._session is not None and self._faults <= MOST_FAULTS:
            fault = Fault(
                run=self._session.run, node=self.name, reason=one_line(f"dropped {reason}")
            )
            self._session.driver.put(fault)


def _pong(node: str, ping: Ping) -> Pong:
    return Pong(run=ping.run, node=node, sent_s=ping.sent_s, clock_s=time.perf_counter())


def main() -> None:
    """A node as `processes` starts it; it ends when its standard input does.

    The first line there says what to serve, as JSON. On standard output there is a line of nothing
    every half second, until one holds the endpoint, or what is wrong.
    """
    given = json.loads(sys.stdin.readline())
    Thread(target=_live_on_input, daemon=True).start()
    started = Event()
    Thread(target=_beat, args=[started], daemon=True).start()

    def listens(endpoint: str) -> None:
        started.set()
        _tell({"endpoint": endpoint})

    try:
        serve(given["manifests"], given["node"], given["place"], None, listens)
    except ValueError as error:
        started.set()
        _tell({"defect": str(error)})


def _tell(what: Mapping[str, str]) -> None:
    """One line, in one piece: two threads may have something to say."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def _beat(started: Event) -> None:
    """Show that the process lives, until it has started."""
    while not started.wait(BEAT_S):
        _tell({})


def _live_on_input() -> None:
    """End with who started this process, however that ends."""
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
