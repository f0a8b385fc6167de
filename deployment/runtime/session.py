"""One run as a node sees it: what comes in is run, passed on or handed to the driver."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from queue import PriorityQueue
from threading import Event, Lock, Thread

from splitfog.deployment.models.sessions import view_of
from splitfog.deployment.runtime.held import HeldPlan
from splitfog.deployment.runtime.inbox import Inbox, Request, Value
from splitfog.deployment.runtime.varying import Variations
from splitfog.deployment.splitting.manifest import Tensor
from splitfog.deployment.wire.frames import (
    Begun,
    Chunk,
    Crossed,
    Fault,
    Hello,
    Malformed,
    Origin,
    Ran,
    Start,
    Varies,
    one_line,
)
from splitfog.deployment.wire.links import SendingLink
from splitfog.deployment.wire.pacing import Pace
from splitfog.instances.traces.steps import StepFunction


@dataclass(order=True, frozen=True)
class _Job:
    """A part that can run: older requests first, then the manifest's order."""

    number: int
    position: int
    request: Request | None = field(compare=False)


class Session:
    """A run at a node, from the driver's hello to its bye.

    The thread that receives calls `arrived`; another runs the parts, one at a time; every link has
    one of its own. So a node computes while it receives, sends and passes on.
    """

    def __init__(
        self,
        node: str,
        hello: Hello,
        plans: Mapping[str, HeldPlan],
        links: Mapping[str, SendingLink],
        driver: SendingLink,
    ) -> None:
        self.node, self.run = node, hello.run
        self.driver = driver
        self._plans, self._links, self._slowness = plans, links, hello.slowness
        self._inbox = Inbox({name: plan.program for name, plan in plans.items()}, hello.slots)
        self._jobs: PriorityQueue[_Job] = PriorityQueue()
        self._lock, self._closed = Lock(), Event()
        self._variations = Variations()
        self._load: tuple[StepFunction, float] | None = None
        Thread(target=self._work, daemon=True).start()

    def arrived(self, chunk: Chunk, payload: memoryview) -> None:
        """Take a chunk in; `Malformed` where the manifest promises something else."""
        taken = self._inbox.take(chunk, payload)
        if taken is None or taken[1] is None:
            return
        (request, value), now_s = taken, time.perf_counter()
        if chunk.tail is None:
            self._begin(request, chunk.tensor, value, now_s)
            return
        crossed = Crossed(
            run=self.run,
            tail=chunk.tail,
            head=self.node,
            plan=chunk.plan,
            request=chunk.request,
            tensor=chunk.tensor,
            start_s=chunk.start_s,
            end_s=now_s,
        )
        self.driver.put(crossed)
        self._have(request, chunk.tensor, value)

    def started(self, start: Start) -> None:
        """Run what reads nothing; `Malformed` where there is no such plan here."""
        request, now_s = self._inbox.start(start), time.perf_counter()
        if request is None:
            return
        program = self._plans[start.plan].program
        if start.first:
            self.driver.put(
                Begun(
                    run=self.run,
                    node=self.node,
                    plan=start.plan,
                    request=start.request,
                    at_s=now_s,
                )
            )
        for position in program.unread:
            self._jobs.put(_Job(request.number, position, request))

    def varies(self, varies: Varies, payload: memoryview) -> None:
        """Some steps of a figure that changes; `Malformed` where they are none of this node."""
        if (varies.head is None) != (varies.quantity == "load"):
            raise Malformed(f"a figure {varies.quantity} of {varies.head or 'a node'}")
        if varies.head is not None and varies.head not in self._links:
            raise Malformed(f"figures of a link to {varies.head}, which there is not")
        self._variations.add(varies, payload)

    def traced(self, origin: Origin) -> None:
        """All figures that change are told; the traces begin at that moment."""
        if (load := self._variations.load) is not None:
            self._load = load.reciprocal, origin.at_s
        for head in self._variations.heads:
            link = self._links[head]
            if isinstance(link.pace, Pace):
                link.pace = self._variations.pace(head, link.pace, origin.at_s)

    def close(self) -> None:
        """End the run; what is under way is given up."""
        self._closed.set()
        self._jobs.put(_Job(-1, -1, None))
        for link in (*self._links.values(), self.driver):
            link.close()

    def _begin(self, request: Request, name: str, value: Value, now_s: float) -> None:
        """Keep the model's inputs back until all are there: then the request begins."""
        request.inputs[name] = value
        if len(request.inputs) < len(self._plans[request.plan].program.inputs):
            return
        begun = Begun(
            run=self.run, node=self.node, plan=request.plan, request=request.number, at_s=now_s
        )
        self.driver.put(begun)
        for tensor, given in request.inputs.items():
            self._have(request, tensor, given)

    def _have(self, request: Request, name: str, value: Value) -> None:
        """A tensor is here: pass it on, and start what has waited for it."""
        program = self._plans[request.plan].program
        for head in program.hops.get(name, ()):
            self._links[head].put(self._chunk(request, name), view_of(value))
        if name in program.results:
            self.driver.put(self._chunk(request, name), view_of(value))
        with self._lock:
            request.tensors[name] = value
            ready = [
                position
                for position in program.readers.get(name, ())
                if request.tensors.keys() >= set(program.parts[position].inputs)
            ]
        for position in ready:
            self._jobs.put(_Job(request.number, position, request))

    def _chunk(self, request: Request, name: str) -> Chunk:
        tensor = self._plans[request.plan].program.tensors[name]
        return Chunk(
            run=self.run,
            plan=request.plan,
            request=request.number,
            slot=request.slot,
            tensor=name,
            dtype=tensor.dtype,
            shape=tensor.shape,
            tail=self.node,
        )

    def _work(self) -> None:
        while not self._closed.is_set():
            job = self._jobs.get()
            if job.request is None or not self._inbox.holds(job.request):
                continue
            part = self._plans[job.request.plan].program.parts[job.position]
            try:
                self._run_part(job.request, job.position)
            except Exception as error:  # whatever ONNX Runtime raises loses this request alone
                reason = f"part {part.name} failed: {one_line(error)}"
                self.driver.put(
                    Fault(run=self.run, node=self.node, reason=reason, request=job.request.number)
                )

    def _run_part(self, request: Request, position: int) -> None:
        plan = self._plans[request.plan]
        start_s = time.perf_counter()
        outputs, cpu_s = plan.run(position, request.tensors)
        for name, value in outputs.items():
            _require_size(plan.program.tensors[name], value)
        if (rest_s := self._rest_s(start_s, cpu_s)) > 0:
            self._closed.wait(rest_s)
        ran = Ran(
            run=self.run,
            node=self.node,
            plan=request.plan,
            request=request.number,
            part=plan.program.parts[position].name,
            start_s=start_s,
            end_s=time.perf_counter(),
            cpu_s=cpu_s,
        )
        self.driver.put(ran)
        for name, value in outputs.items():
            self._have(request, name, value)

    def _rest_s(self, start_s: float, cpu_s: float) -> float:
        """How much longer a part takes that took so much CPU time, at slowness and load."""
        if self._load is None:
            return (self._slowness - 1) * cpu_s
        speed, origin_s = self._load
        whole_s = speed.seconds(max(0.0, start_s - origin_s), self._slowness * cpu_s)
        return whole_s - cpu_s


def _require_size(tensor: Tensor, value: Value) -> None:
    """Raise unless a part has made what the manifest says, which others have made room for."""
    made = value.tensor_size_in_bytes()
    if made != tensor.bytes:
        raise ValueError(f"tensor {tensor.name} has {made} bytes, must have {tensor.bytes}")
