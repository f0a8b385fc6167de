"""Tensors on their way in: put together chunk by chunk, never more than the manifest promises."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from splitfog.deployment.models.sessions import empty_value, view_of
from splitfog.deployment.runtime.program import NodeProgram
from splitfog.deployment.splitting.manifest import Tensor
from splitfog.deployment.wire.frames import Chunk, Malformed, Start

Value = Any
"""An `onnxruntime.OrtValue`."""


class Request:
    """The tensors of a request under way that are at a node.

    Attributes
    ----------
    plan, number, slot : whose it is, which, and where it has its place.
    tensors : those that are whole and may be read, by name.
    inputs : the model's, until all of them are there.
    """

    def __init__(self, plan: str, number: int, slot: int) -> None:
        self.plan, self.number, self.slot = plan, number, slot
        self.tensors: dict[str, Value] = {}
        self.inputs: dict[str, Value] = {}
        self._coming: dict[str, _Coming] = {}
        self._whole: set[str] = set()

    def add(self, tensor: Tensor, chunk: Chunk, payload: memoryview) -> Value | None:
        """Take some bytes of a tensor; the value, once it is whole."""
        if chunk.tensor in self._whole:
            raise Malformed(f"{_place(chunk)} comes twice")
        coming = self._coming.get(chunk.tensor)
        there = 0 if coming is None else coming.there
        if chunk.offset != there:
            raise Malformed(f"{_place(chunk)} goes on at {chunk.offset}, must at {there}")
        if there + len(payload) > tensor.bytes or (not payload and tensor.bytes):
            raise Malformed(
                f"{_place(chunk)} has {there} + {len(payload)} bytes, must have {tensor.bytes}"
            )
        if coming is None:
            coming = self._coming[chunk.tensor] = _Coming(tensor)
        coming.put(payload)
        if coming.there < tensor.bytes:
            return None
        del self._coming[chunk.tensor]
        self._whole.add(chunk.tensor)
        return coming.value


class Inbox:
    """The requests under way at a node, one a slot.

    A request of a higher number takes the slot over, so that no more than `slots` of them take
    memory, each at most what the manifests' tensors take together.
    """

    def __init__(self, programs: Mapping[str, NodeProgram], slots: int) -> None:
        self.programs = programs
        self.slots: list[Request | None] = [None] * slots

    def take(self, chunk: Chunk, payload: memoryview) -> tuple[Request, Value | None] | None:
        """Take a chunk: its request, and the tensor once it is whole; None if it comes too late.

        Raises
        ------
        Malformed
            Where the manifest promises something else, in a sentence.
        """
        tensor = self._promised(chunk)
        request = self._of(chunk, _place(chunk))
        if request is None:
            return None
        value = request.add(tensor, chunk, payload)
        self.slots[chunk.slot] = request
        return request, value

    def start(self, begins: Start) -> Request | None:
        """The request that begins; None if that comes too late. `Malformed` as for `take`."""
        what = f"the start of request {begins.request}"
        if begins.plan not in self.programs or not begins.slot < len(self.slots):
            raise Malformed(f"{what} is for plan {begins.plan!r} and slot {begins.slot}: not here")
        request = self._of(begins, what)
        if request is not None:
            self.slots[begins.slot] = request
        return request

    def _of(self, message: Chunk | Start, what: str) -> Request | None:
        """The request of a message, a new one if it is the first of it; None: it is over."""
        request = self.slots[message.slot]
        if request is not None and message.request < request.number:
            return None
        if request is None or message.request > request.number:
            request = Request(message.plan, message.request, message.slot)
        if request.plan != message.plan:
            raise Malformed(f"{what} is for plan {message.plan}, must be {request.plan}")
        return request

    def holds(self, request: Request) -> bool:
        """Whether a request is still under way."""
        return self.slots[request.slot] is request

    def _promised(self, chunk: Chunk) -> Tensor:
        program = self.programs.get(chunk.plan)
        if program is None:
            raise Malformed(f"a chunk for plan {chunk.plan!r}, which is not run here")
        tensor = program.expected.get(chunk.tensor)
        if tensor is None:
            raise Malformed(f"{_place(chunk)} is not expected here")
        if not chunk.slot < len(self.slots):
            raise Malformed(f"{_place(chunk)} is for slot {chunk.slot} of {len(self.slots)}")
        given = (chunk.dtype, chunk.shape, chunk.tail)
        must = (tensor.dtype, tensor.shape, program.tails[chunk.tensor])
        for what, one, other in zip(("type", "shape", "sender"), given, must, strict=True):
            if one != other:
                raise Malformed(f"{_place(chunk)} is of {what} {one}, must be {other}")
        return tensor


class _Coming:
    """A tensor of which a part is there."""

    def __init__(self, tensor: Tensor) -> None:
        self.value = empty_value(tensor.dtype, tensor.shape)
        self.there = 0
        self._bytes = view_of(self.value)

    def put(self, payload: memoryview) -> None:
        """Append bytes."""
        end = self.there + len(payload)
        if payload:
            self._bytes[self.there : end] = payload
        self.there = end


def _place(chunk: Chunk) -> str:
    return f"tensor {chunk.tensor!r} of request {chunk.request}"
