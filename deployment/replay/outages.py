"""When something that is up at times goes down, and what a link carries that does."""

from __future__ import annotations

from math import inf

from splitfog.instances.traces.steps import StepFunction

MOST_IDLE = 1000
"""So many times in a row that a link is up and nothing passes count as for ever."""


def next_at(up: StepFunction, value: float, time_s: float) -> float:
    """The first moment from this on at which `up` is 0, or 1; infinity where it never is."""
    if value not in up.values:
        return inf
    while time_s < inf and up.at(time_s) != value:  # at most twice: values alternate
        time_s = up.next_change(time_s)
    return time_s


def next_outage(up: StepFunction, time_s: float) -> float:
    """The first moment after this at which it goes down; infinity where it never does."""
    return next_at(up, 0, next_at(up, 1, time_s))


class Rate:
    """Bits a second over a link, by its bandwidth and, where that changes, its `up` over time."""

    def __init__(self, bandwidth_bps: StepFunction, up: StepFunction | None) -> None:
        self.bandwidth_bps = bandwidth_bps
        self.up = up

    def seconds(self, start_s: float, bits: float) -> float:
        """From `start_s` until so many bits have passed; of none, until it is up.

        Infinity where that never is.
        """
        if self.up is None:
            return self.bandwidth_bps.seconds(start_s, bits)
        begun_s, idle = start_s, 0
        while idle < MOST_IDLE:
            begun_s = next_at(self.up, 1, begun_s)
            if begun_s == inf:
                return inf
            needed_s = self.bandwidth_bps.seconds(begun_s, bits)
            stops_s = next_at(self.up, 0, begun_s)
            if needed_s == inf or begun_s + needed_s <= stops_s:
                return begun_s - start_s + needed_s
            passed = self.bandwidth_bps.integral(begun_s, stops_s)
            idle = 0 if passed > 0 else idle + 1
            bits, begun_s = bits - passed, stops_s
        return inf
