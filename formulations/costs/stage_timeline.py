"""The timeline of a sliced stage: transfers and slices as events in time (docs/slices.md)."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from splitfog.instances.instance import Instance

Channel = tuple[Literal["link", "out of", "into", "node"], int]


@dataclass(frozen=True)
class Transfer:
    """A slice's input (`in`) or output (`out`) crossing one directed link."""

    slice: int
    direction: Literal["in", "out"]
    link: int
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Timeline:
    """When things happen in a stage, its input being at home at time 0.

    `computes` has (start_s, end_s) of every slice, `transfers` every hop in order of its end.
    """

    computes: tuple[tuple[float, float], ...]
    transfers: tuple[Transfer, ...]
    end_s: float


def run_timeline(
    instance: Instance,
    home: int,
    nodes: Sequence[int],
    paths: Sequence[tuple[tuple[int, ...], tuple[int, ...]]],
    service_s: Sequence[float],
    input_bytes: Sequence[float],
    output_bytes: Sequence[float],
) -> Timeline:
    """The timeline of T slices (every sequence has one entry a slice, in slice order).

    A slice takes steps, one after another: the hops of its path from home (store and forward),
    its computing, the hops of its path back; a slice at home only computes.

    *Channels.* A hop holds its directed link, all links out of a tail with `radio: "serial"` (one
    channel), all links into such a head (another), and the whole of either end with
    `overlap: false`; computing holds a node with `overlap: false`. A step starts when all its
    channels are free. A link's `delay_s` holds none: its channels are free, and its tail has sent,
    when the bytes are under way; the slice takes its next step when they are there.

    *Turns.* The slices of a node compute in slice order. On a node with `overlap: false` that is
    not the home, the last hop in waits until the slice before has left by its first hop out:
    receive, compute, send, one slice after another. (At home nothing is received or sent on behalf
    of the home's own slices.)

    *Order.* Of the steps that wait, the earliest ready goes first, ties by slice. A step is ready
    when its slice has done the step before and it is its turn; exact equality of float64 is a tie.

    What papers leave open, **ours**: inputs have no priority over outputs; a step does not
    reserve channels, so one that is ready later may start first if the earlier must wait anyway
    for a channel that it does not need; `overlap: false` also holds for a home or a relay (one
    thing at a time, though only its own slices go strictly in slice order: else a home could not
    keep two nodes busy); steps that end at the same instant all end before any starts, and one
    without duration ends in a pass of its own.

    Notes
    -----
    O(S x (P log P + log T)) for S steps in all and P links and nodes in use, as all that wait
    for one link need the same channels and only the first of them is looked at.
    """
    run = _Run(
        instance=instance,
        home=home,
        nodes=nodes,
        paths=paths,
        service_s=service_s,
        input_bytes=input_bytes,
        output_bytes=output_bytes,
    )
    while True:
        run.start_all()
        if not run.ends:
            return run.timeline()
        now = run.ends[0][0]
        ended = []
        while run.ends and run.ends[0][0] == now:
            ended.append(heapq.heappop(run.ends)[1:])
        run.now = now
        for part, frees, arrives in ended:
            if frees:
                run.free(part)
            if arrives:
                run.arrive(part)


@dataclass(kw_only=True)
class _Run:
    """The state of the simulation. A step's place is a link, or ~node for computing there."""

    instance: Instance
    home: int
    nodes: Sequence[int]
    paths: Sequence[tuple[tuple[int, ...], tuple[int, ...]]]
    service_s: Sequence[float]
    input_bytes: Sequence[float]
    output_bytes: Sequence[float]
    now: float = 0.0
    ends: list[tuple[float, int, bool, bool]] = field(default_factory=list)
    """(time, slice, whether it frees its channels then, whether its step is done then)."""
    waiting: dict[int, list[tuple[float, int]]] = field(default_factory=dict)
    busy: set[Channel] = field(default_factory=set)
    transfers: list[Transfer] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Lay out every slice's steps and turns, and let all come forward at time 0."""
        slices = range(len(self.nodes))
        self.steps = [
            (*there, ~node, *back)
            for node, (there, back) in zip(self.nodes, self.paths, strict=True)
        ]
        self.done = [0 for _ in slices]  # steps behind each slice
        self.started_s = [0.0 for _ in slices]
        self.computes = [(0.0, 0.0) for _ in slices]
        self.queues: dict[int, list[int]] = {}  # slices of each node, the next in turn last
        for part in reversed(slices):
            self.queues.setdefault(self.nodes[part], []).append(part)
        # A turn is needed for the step `enters` and given up after the step `leaves`.
        self.enters = [len(there) for there, _ in self.paths]
        self.leaves = list(self.enters)
        for part, node in enumerate(self.nodes):
            if node != self.home and not self.instance.nodes[node].overlap:
                self.enters[part] -= 1
                self.leaves[part] += 1
        self.channels: dict[int, tuple[Channel, ...]] = {}
        for part in slices:
            self.come_forward(part)

    def come_forward(self, part: int) -> None:
        """Queue a slice at the place of its next step, unless it is not its turn yet."""
        step = self.done[part]
        if step == self.enters[part] and self.queues[self.nodes[part]][-1] != part:
            return
        place = self.steps[part][step]
        heapq.heappush(self.waiting.setdefault(place, []), (self.now, part))

    def start_all(self) -> None:
        """Start every first in line whose channels are free, the earliest ready first."""
        for (_, part), place in sorted((queue[0], place) for place, queue in self.waiting.items()):
            channels = self.channels_of(place)
            if self.busy.isdisjoint(channels):
                self.busy.update(channels)
                heapq.heappop(self.waiting[place])
                if not self.waiting[place]:
                    del self.waiting[place]
                self.started_s[part] = self.now
                busy_s, seconds = self.seconds(part, place)
                if busy_s == seconds:
                    heapq.heappush(self.ends, (self.now + seconds, part, True, True))
                else:
                    heapq.heappush(self.ends, (self.now + busy_s, part, True, False))
                    heapq.heappush(self.ends, (self.now + seconds, part, False, True))

    def free(self, part: int) -> None:
        """Free the channels of a slice's step and pass on the turn."""
        step = self.done[part]
        self.busy.difference_update(self.channels_of(self.steps[part][step]))
        if step == self.leaves[part]:
            queue = self.queues[self.nodes[part]]
            queue.pop()
            if queue and self.done[queue[-1]] == self.enters[queue[-1]]:
                self.come_forward(queue[-1])

    def arrive(self, part: int) -> None:
        """End a slice's step and come forward for the next."""
        step, steps = self.done[part], self.steps[part]
        place, span = steps[step], (self.started_s[part], self.now)
        if place < 0:
            self.computes[part] = span
        else:
            direction: Literal["in", "out"] = "in" if step < len(self.paths[part][0]) else "out"
            self.transfers.append(Transfer(part, direction, place, *span))
        self.done[part] += 1
        if self.done[part] < len(steps):
            self.come_forward(part)

    def seconds(self, part: int, place: int) -> tuple[float, float]:
        """How long a slice's next step, at this place, holds its channels, and how long it is."""
        if place < 0:
            return self.service_s[part], self.service_s[part]
        inwards = self.done[part] < len(self.paths[part][0])
        num_bytes = self.input_bytes[part] if inwards else self.output_bytes[part]
        link = self.instance.directed_links[place]
        return link.busy_seconds(num_bytes), link.seconds(num_bytes)

    def channels_of(self, place: int) -> tuple[Channel, ...]:
        """What a step at this place holds while it runs."""
        if place not in self.channels:
            self.channels[place] = tuple(_channels(self.instance, place))
        return self.channels[place]

    def timeline(self) -> Timeline:
        """What has happened."""
        return Timeline(tuple(self.computes), tuple(self.transfers), self.now)


def _channels(instance: Instance, place: int) -> list[Channel]:
    nodes = instance.nodes
    if place < 0:
        return [] if nodes[~place].overlap else [("node", ~place)]
    link = instance.directed_links[place]
    channels: list[Channel] = [("link", place)]
    if nodes[link.tail].radio == "serial":
        channels.append(("out of", link.tail))
    if nodes[link.head].radio == "serial":
        channels.append(("into", link.head))
    channels += [("node", end) for end in (link.tail, link.head) if not nodes[end].overlap]
    return channels
