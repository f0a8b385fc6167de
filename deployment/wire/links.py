"""A directed link: one PUSH and the thread that sends on it, in order and at the link's pace."""

from __future__ import annotations

import time
from contextlib import suppress
from math import inf
from queue import SimpleQueue
from threading import Event, Thread

import zmq
from msgspec.structs import replace

from splitfog.deployment.wire.frames import Chunk, Message, encoded
from splitfog.deployment.wire.pacing import SPIN_S, Pace, Pacing, spin_until
from splitfog.deployment.wire.sockets import Socket, closed

LAST_WORDS_S = 1.0
"""What is on a link that is finished has so long to leave."""

Job = tuple[Message, memoryview | None, float]


class SendingLink:
    """Sends messages and tensors in the order in which they are put on it.

    A tensor occupies the link from when it was put there, or the one before has left, until
    `pace.free_s`; what waits, waits in memory. `pace` may be replaced by another: a tensor keeps
    that with which it began.
    """

    def __init__(self, socket: Socket, pace: Pacing | None = None) -> None:
        self._socket, self.pace = socket, Pace() if pace is None else pace
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._closed = Event()
        self._monitor: Socket | None = None
        self._free_s, self._end_s = 0.0, inf
        self._thread = Thread(target=self._work, daemon=True)
        self._thread.start()

    def put(self, message: Message, data: memoryview | None = None) -> None:
        """Send a message; the bytes of a tensor with a `Chunk` as message."""
        self._jobs.put((message, data, time.perf_counter()))

    def finish(self, monitor: Socket) -> None:
        """Close after what is on the link has been sent, or a second later; does not wait.

        `monitor` of its socket is closed then, too.
        """
        self._monitor = monitor
        self._end_s = time.perf_counter() + LAST_WORDS_S
        self._jobs.put(None)

    def close(self) -> None:
        """Close now; what has not been sent is not sent any more."""
        self._closed.set()
        self._jobs.put(None)
        self._thread.join()

    def _work(self) -> None:
        try:
            while not self._closed.is_set() and (job := self._jobs.get()) is not None:
                message, data, put_s = job
                if isinstance(message, Chunk) and data is not None:
                    self._send_tensor(message, data, put_s)
                else:
                    self._send(encoded(message))
        finally:
            closed(self._socket, 0.0 if self._closed.is_set() else LAST_WORDS_S)
            if self._monitor is not None:
                self._monitor.close(0)

    def _send_tensor(self, chunk: Chunk, data: memoryview, put_s: float) -> None:
        start_s, pace = max(put_s, self._free_s), self.pace
        self._free_s = pace.free_s(len(data), start_s)
        for first, last, due_s in pace.chunks(len(data), start_s):
            if due_s == inf:  # it stalls for ever
                self._closed.wait()
                return
            spare_s = SPIN_S if last == len(data) else 0.0
            if self._closed.wait(max(0.0, due_s - time.perf_counter() - spare_s)):
                return
            spin_until(due_s)
            header = replace(chunk, offset=first, start_s=start_s)
            self._send(encoded(header, data[first:last]))

    def _send(self, frame: bytes) -> None:
        """Send, as soon as the other side has room, unless the link is closed meanwhile."""
        while not self._closed.is_set() and time.perf_counter() < self._end_s:
            with suppress(zmq.Again):
                self._socket.send(frame)
                return
