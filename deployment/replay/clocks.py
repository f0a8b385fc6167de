"""How long work takes that begins at a moment: by figures as they go on, or as they were once."""

from __future__ import annotations

from math import inf
from typing import Protocol

from splitfog.deployment.replay.conditions import Conditions, State


class Clock(Protocol):
    """What a request meets; nodes and directed links by position."""

    def state(self, time_s: float) -> State:
        """What is down, and the routes."""

    def work_seconds(self, node: int, time_s: float, seconds: float) -> float:
        """How long a node works on what takes so many seconds at load 1."""

    def wait_seconds(self, link: int, time_s: float) -> float:
        """The latency of a hop."""

    def send_seconds(self, link: int, time_s: float, bits: float) -> float:
        """How long a link sends; infinity where it never ends."""


class Integrated:
    """Figures go on while a request is under way."""

    def __init__(self, conditions: Conditions) -> None:
        self._conditions = conditions
        self._speed = conditions.speed
        self._latency_s = conditions.latency_s
        self._rates = conditions.rates

    def state(self, time_s: float) -> State:
        """As it is at that moment."""
        return self._conditions.state(time_s)

    def work_seconds(self, node: int, time_s: float, seconds: float) -> float:
        """Until the integral of dt / load is `seconds`."""
        return self._speed[node].seconds(time_s, seconds)

    def wait_seconds(self, link: int, time_s: float) -> float:
        """That of the moment at which the hop starts."""
        return self._latency_s[link].at(time_s)

    def send_seconds(self, link: int, time_s: float, bits: float) -> float:
        """Until the integral of the bandwidth, none while it is down, is `bits`."""
        return self._rates[link].seconds(time_s, bits)


class Frozen:
    """All figures stay as they were at `start_s`."""

    def __init__(self, conditions: Conditions, start_s: float) -> None:
        self._conditions = conditions
        self._state = conditions.state(start_s)
        self._start_s = start_s

    def state(self, time_s: float) -> State:
        """That of the start."""
        return self._state

    def work_seconds(self, node: int, time_s: float, seconds: float) -> float:
        """`seconds` times the load."""
        return seconds * self._conditions.load[node].at(self._start_s)

    def wait_seconds(self, link: int, time_s: float) -> float:
        """The latency then."""
        return self._conditions.latency_s[link].at(self._start_s)

    def send_seconds(self, link: int, time_s: float, bits: float) -> float:
        """`bits` by the bandwidth; infinity without any, 0 for nothing."""
        rate = self._conditions.bandwidth_bps[link].at(self._start_s)
        if bits <= 0:
            return 0.0
        return bits / rate if rate > 0 else inf
