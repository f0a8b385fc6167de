"""The driver: sends requests through plans, and hears what becomes of each."""

from __future__ import annotations

import secrets
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, inf
from typing import Any

import zmq
from msgspec.structs import replace

from splitfog.deployment.driving.outcome import Outcome, Span
from splitfog.deployment.driving.peers import Network, Orders, Peers
from splitfog.deployment.models.sessions import bytes_of
from splitfog.deployment.runtime.inbox import Inbox
from splitfog.deployment.runtime.program import Program
from splitfog.deployment.wire.frames import (
    CHUNK_BYTES,
    Begun,
    Chunk,
    Crossed,
    Fault,
    Malformed,
    Origin,
    Pong,
    Ran,
    Ready,
    Refused,
    Start,
    Varies,
    decoded,
)
from splitfog.deployment.wire.sockets import Context, Socket

LOOK_MS = 50
"""The driver looks at its nodes at least so often."""


@dataclass(frozen=True, kw_only=True)
class RunPlan:
    """A plan that requests are sent through.

    Attributes
    ----------
    name : what requests carry.
    program : of its manifest.
    given : seeded inputs, each bytes by the name of a model's input.
    timeout_s : a request that takes longer is lost.
    """

    name: str
    program: Program
    given: Sequence[Mapping[str, bytes]]
    timeout_s: float


Choose = Callable[[float, Sequence[Outcome]], RunPlan | str]
"""The plan of a request at a moment, given those that have ended; or why there is none."""


@dataclass(frozen=True)
class Arrival:
    """A request: when it is to be sent (-inf: at once), by which plan, and which turn it is."""

    due_s: float
    plan: RunPlan | Choose
    turn: int


@dataclass(frozen=True)
class Changing:
    """A figure of a node or a link out of it over time: what it is, and float64 pairs of steps."""

    varies: Varies
    steps: bytes


Notice = Callable[[str], None]


class Driver:
    """A run over nodes that listen already.

    Parameters
    ----------
    context, socket
        Where nodes answer.
    network
        Where nodes are.
    plans
        What requests go through, in turn.
    slots
        How many requests are under way at most.
    notice
        Called at once with a sentence on what goes wrong.

    Attributes
    ----------
    interrupted : whether Ctrl-C has ended the run.
    """

    def __init__(
        self,
        context: Context,
        socket: Socket,
        network: Network,
        plans: Sequence[RunPlan],
        *,
        slots: int,
        notice: Notice,
    ) -> None:
        self.interrupted = False
        self._notice = notice
        self._run = secrets.token_hex(16)
        self._socket, self._plans, self._slots = socket, plans, slots
        self._peers = Peers(context, network, self._run, self._listen)
        self._inbox = Inbox({plan.name: plan.program.driver for plan in plans}, slots)
        self._under_way: dict[int, Outcome] = {}
        self._down: dict[str, str] = {}
        self._over: list[Outcome] = []
        self._sent = 0
        self._poller = zmq.Poller()
        for each in (socket, *self._peers.monitors):
            self._poller.register(each, zmq.POLLIN)

    def greet(self, orders: Mapping[str, Orders], timeout_s: float) -> None:
        """Start the run at all nodes; `ValueError` names one that does not answer, or refuses."""
        self._peers.greet(orders, self._slots, timeout_s)

    def close(self) -> None:
        """End the run at all nodes."""
        self._peers.close()

    def trace(self, figures: Mapping[str, Sequence[Changing]], lead_s: float) -> float:
        """Tell nodes which of their figures change with time.

        Parameters
        ----------
        figures
            By node.
        lead_s
            From now until traces begin, so that all nodes know of them.

        Returns
        -------
        float
            When they do, by this process's clock.
        """
        for node, changing in figures.items():
            for each in changing:
                for first in range(0, len(each.steps), CHUNK_BYTES):
                    varies = replace(each.varies, run=self._run)
                    self._peers.tell(node, varies, each.steps[first : first + CHUNK_BYTES])
        origin_s = time.perf_counter() + lead_s
        for node in figures:
            self._peers.tell(node, Origin(run=self._run, at_s=self._peers.there_s(node, origin_s)))
        return origin_s

    def send(self, requests: int, count: int) -> list[Outcome]:
        """Send requests through the plans in turn, `count` under way, until all have an outcome.

        A request that does not end in time is lost, and its plan is not used any more: something
        stalls there. So is one that needs a node that is gone.

        Returns
        -------
        list[Outcome]
            In the order in which they were sent.
        """
        plans = self._plans
        return self._send(
            [Arrival(-inf, plans[at % len(plans)], at // len(plans)) for at in range(requests)],
            count,
        )

    def follow(
        self,
        arrivals_s: Sequence[float],
        count: int,
        choose: Choose,
    ) -> list[Outcome]:
        """Send each request at its time, or later, once fewer than `count` are under way.

        A request that does not end in time is lost, but its plan may be used again: a link that
        stalls may go on.

        Parameters
        ----------
        arrivals_s
            By this process's clock, in order.
        count
            How many are under way at most.
        choose
            Called before each with the time and the requests that have ended since it was called
            last; the plan of the request, or why there is none.

        Returns
        -------
        list[Outcome]
            In the order in which they were sent.
        """
        arrivals = [Arrival(due_s, choose, turn) for turn, due_s in enumerate(arrivals_s)]
        return self._send(arrivals, count)

    def _send(self, arrivals: Sequence[Arrival], count: int) -> list[Outcome]:
        waiting = deque(arrivals)
        outcomes: list[Outcome] = []
        self._over.clear()
        try:
            while waiting or self._under_way:
                while waiting and len(self._under_way) < count:
                    if waiting[0].due_s > time.perf_counter():
                        break
                    outcomes.append(self._begin(waiting.popleft()))
                free = waiting and len(self._under_way) < count
                self._listen(waiting[0].due_s if free else inf)
                self._look_at_nodes()
                self._look_at_clock()
        except KeyboardInterrupt:
            self.interrupted = True
            for outcome in list(self._under_way.values()):
                self._lose(outcome, "interrupted")
        return outcomes

    def _begin(self, arrival: Arrival) -> Outcome:
        """Send a request's inputs to where they are born."""
        self._sent += 1
        plan, why = arrival.plan, None
        if callable(plan):
            ended, self._over = self._over, []
            found = plan(time.perf_counter(), ended)
            plan, why = (self._plans[0], found) if isinstance(found, str) else (found, None)
        outcome = Outcome(
            plan="" if why else plan.name,
            program=plan.program,
            number=self._sent,
            given=arrival.turn % len(plan.given),
            slot=next(slot for slot in range(self._slots) if slot not in self._under_way),
            deadline_s=time.perf_counter() + plan.timeout_s,
            due_s=arrival.due_s,
        )
        if why or plan.name in self._down:
            outcome.lost = f"not sent: {why or self._down[plan.name]}"
            return outcome
        self._under_way[outcome.slot] = outcome
        for name, content in plan.given[outcome.given].items():
            if name in plan.program.born_at:
                self._send_input(outcome, name, memoryview(content))
            elif name in plan.program.manifest.outputs:
                outcome.outputs[name] = content  # no node has anything to do with it
        starters = [node for node, own in plan.program.nodes.items() if own.unread]
        given = any(name in plan.program.born_at for name in plan.program.manifest.inputs)
        for node in starters:
            start = Start(
                run=self._run,
                plan=plan.name,
                request=outcome.number,
                slot=outcome.slot,
                first=not given and node == starters[0],
            )
            self._peers.tell(node, start)
        return outcome

    def _send_input(self, outcome: Outcome, name: str, content: memoryview) -> None:
        tensor = outcome.program.tensors[name]
        for first in range(0, max(len(content), 1), CHUNK_BYTES):
            chunk = Chunk(
                run=self._run,
                plan=outcome.plan,
                request=outcome.number,
                slot=outcome.slot,
                tensor=name,
                dtype=tensor.dtype,
                shape=tensor.shape,
                tail=None,
                offset=first,
            )
            node = outcome.program.born_at[name]
            self._peers.tell(node, chunk, content[first : first + CHUNK_BYTES])

    def _listen(self, until_s: float = inf) -> None:
        """Take in what nodes say; wait for it for a moment, at most until then."""
        wait_ms = min(LOOK_MS, max(0.0, 1000 * (until_s - time.perf_counter())))
        self._poller.poll(ceil(wait_ms))
        while self._socket.poll(0):
            frame = self._socket.recv()
            more = False
            while self._socket.rcvmore:
                self._socket.recv()
                more = True
            if not more:
                self._take(frame)

    def _take(self, frame: bytes) -> None:
        try:
            header, payload = decoded(frame)
            if header.run == self._run:
                self._hear(header, payload)
        except Malformed as error:
            self._notice(f"dropped {error}")

    def _hear(self, header: Any, payload: memoryview) -> None:
        if isinstance(header, Ready):
            self._peers.ready(header.node)
        elif isinstance(header, Refused):
            self._peers.refused(header.node, header.reason)
        elif isinstance(header, Pong):
            self._peers.answered(header)
        elif isinstance(header, Fault) and header.request is None:
            self._notice(f"node {header.node}: {header.reason}")
        elif isinstance(header, Begun | Ran | Crossed | Fault | Chunk):
            self._note(header, payload)

    def _note(self, header: Any, payload: memoryview) -> None:
        """Write down what has become of a request that is under way."""
        found = (o for o in self._under_way.values() if o.number == header.request)
        outcome = next(found, None)
        if outcome is None:
            return
        here_s = self._peers.here_s
        if isinstance(header, Begun):
            outcome.begun_s = here_s(header.node, header.at_s)
        elif isinstance(header, Ran):
            start_s, end_s = here_s(header.node, header.start_s), here_s(header.node, header.end_s)
            outcome.spans[header.part] = Span(start_s, end_s)
            outcome.cpu_s[header.part] = header.cpu_s
        elif isinstance(header, Crossed):
            start_s, end_s = here_s(header.tail, header.start_s), here_s(header.head, header.end_s)
            outcome.spans[header.tensor, header.tail, header.head] = Span(start_s, end_s)
        elif isinstance(header, Fault):
            self._lose(outcome, f"node {header.node}: {header.reason}")
        else:
            taken = self._inbox.take(header, payload)
            if taken is not None and taken[1] is not None:
                outcome.outputs[header.tensor] = bytes_of(taken[1])
        if outcome.ended and outcome.lost is None:
            self._over.append(outcome)
            del self._under_way[outcome.slot]

    def _lose(self, outcome: Outcome, reason: str) -> None:
        outcome.lost = reason
        del self._under_way[outcome.slot]

    def _look_at_nodes(self) -> None:
        """Give up what needs a node that has gone."""
        for node in self._peers.look():
            reason = f"node {node} {self._peers.gone(node)}"
            self._notice(reason)
            for plan in self._plans:
                if node in plan.program.nodes:
                    self._down.setdefault(plan.name, reason)
            for outcome in list(self._under_way.values()):
                if outcome.needs(node):
                    self._lose(outcome, reason)

    def _look_at_clock(self) -> None:
        """Give up what takes too long, and the plan with it."""
        now_s = time.perf_counter()
        for outcome in list(self._under_way.values()):
            if now_s > outcome.deadline_s:
                plan = next(plan for plan in self._plans if plan.name == outcome.plan)
                reason = f"after {plan.timeout_s:g} s it waits for {outcome.waits_for()}"
                self._notice(f"{outcome.plan}: {reason}")
                if outcome.due_s == -inf:
                    self._down.setdefault(outcome.plan, reason)
                self._lose(outcome, reason)
