"""What a tensor costs the two sides between which units are dealt out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

ELSEWHERE = -1
"""In place of a producer: it is on neither side."""


class Toll(NamedTuple):
    """Seconds on this side and on the other."""

    here_s: float
    there_s: float

    def plus(self, other: Toll, sign: float = 1.0) -> Toll:
        """With another, or, by `sign` -1, without it."""
        return Toll(self.here_s + sign * other.here_s, self.there_s + sign * other.there_s)


NOTHING = Toll(0.0, 0.0)


@dataclass(frozen=True, kw_only=True)
class Crossing:
    """A tensor with readers among the units that are dealt out: *here* or to the *other* side.

    Its `producer` is one of them or `ELSEWHERE`; `read_here`, `read_there`, `read_elsewhere`: it is
    wanted on that side, or on neither, in any case. Who holds the producer pays `leave` once if it
    is wanted anywhere else, a side that wants it without holding the producer pays `come`; on this
    side `here_s` of these, on the other `there_s`.
    """

    producer: int
    readers: tuple[int, ...]
    read_here: bool = False
    read_there: bool = False
    read_elsewhere: bool = False
    leave: Toll
    come: Toll

    @property
    def units(self) -> tuple[int, ...]:
        """All that it touches among those that are dealt out."""
        return self.readers if self.producer == ELSEWHERE else (self.producer, *self.readers)

    @property
    def weight(self) -> float:
        """What it may cost at most, to be compared with others'."""
        return max(*self.leave, *self.come)

    def toll(self, home: bool | None, here: bool, there: bool) -> Toll:
        """What is paid where the producer is here (None: on neither side), by who wants it."""
        here, there = here or self.read_here, there or self.read_there
        here_s = there_s = 0.0
        if home is True and (there or self.read_elsewhere):
            here_s = self.leave.here_s
        elif home is not True and here:
            here_s = self.come.here_s
        if home is False and (here or self.read_elsewhere):
            there_s = self.leave.there_s
        elif home is not False and there:
            there_s = self.come.there_s
        return Toll(here_s, there_s)
