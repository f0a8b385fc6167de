"""The lower envelope of lines that are only known through an oracle (Eisner and Severance)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from splitfog.formulations.parametric.parameter import Line
from splitfog.formulations.tolerances import ROUNDING

Thing = TypeVar("Thing")


@dataclass(frozen=True)
class OracleAnswer(Generic[Thing]):
    """What an oracle found at one point: a line that is least there, whose it is, and a bound.

    `bound` is a valid lower bound of the least value at that point; None if none is known.
    """

    line: Line
    thing: Thing
    bound: float | None = None


@dataclass(frozen=True)
class EnvelopePiece(Generic[Thing]):
    """`found.line` is least on [low, high]."""

    low: float
    high: float
    found: OracleAnswer[Thing]


@dataclass(frozen=True)
class Envelope(Generic[Thing]):
    """The pieces from low to high, how often the oracle was asked, and the proven relative gap.

    `gap` bounds (envelope - optimum) / envelope everywhere: the optimum is concave, so it lies
    above the chords of its bounds. None where the oracle gave no bound.
    """

    pieces: tuple[EnvelopePiece[Thing], ...]
    asked: int
    gap: float | None


def lower_envelope(
    ask: Callable[[float], OracleAnswer[Thing]], low: float, high: float
) -> Envelope[Thing]:
    """Every piece of the least of all lines on [low, high].

    Parameters
    ----------
    ask
        The oracle: a line that is least at a point. Lines are alpha + beta * point.
    low, high
        Ends of the range; where low >= high it is the point low.

    Notes
    -----
    Two neighbouring lines cross at a point: either nothing is lower there, and the point is a
    break point, or the oracle gives a line between them. With n >= 1 break points it is asked at
    most 2n + 1 times, with none twice; lines closer than `ROUNDING` are not told apart.
    M. J. Eisner and D. G. Severance, "Mathematical techniques for efficient record segmentation
    in large shared databases", J. ACM 23(4), 1976.
    """
    if low >= high:
        found = ask(low)
        point_piece = EnvelopePiece(low, low, found)
        return Envelope((point_piece,), 1, _gap({low: found}, (point_piece,)))
    asked = {low: ask(low), high: ask(high)}
    stack = [(low, high)]
    while stack:
        left, right = stack.pop()
        point = _crossing(asked[left].line, asked[right].line)
        if point is None or not left < point < right:
            continue
        asked[point] = ask(point)
        known = min(asked[left].line.at(point), asked[right].line.at(point))
        if asked[point].line.at(point) < known - ROUNDING * abs(known):
            stack += [(point, right), (left, point)]
    pieces = _pieces(list(asked.values()), low, high)
    return Envelope(pieces, len(asked), _gap(asked, pieces))


def _crossing(left: Line, right: Line) -> float | None:
    """Where two lines are equal; None for parallel ones."""
    if left.beta == right.beta:
        return None
    return (right.alpha_s - left.alpha_s) / (left.beta - right.beta)


def _pieces(
    found: list[OracleAnswer[Thing]], low: float, high: float
) -> tuple[EnvelopePiece[Thing], ...]:
    """The least of given lines on [low, high], by falling slope (O(n log n))."""
    hull: list[OracleAnswer[Thing]] = []
    starts: list[float] = []
    for new in sorted(found, key=lambda one: (-one.line.beta, one.line.alpha_s)):
        start = low
        while hull:
            crossing = _crossing(hull[-1].line, new.line)
            start = high if crossing is None else max(crossing, low)
            if start > starts[-1]:
                break
            hull.pop()
            starts.pop()
            start = low
        if start < high:
            hull.append(new)
            starts.append(start)
    ends = [*starts[1:], high]
    return tuple(EnvelopePiece(*piece) for piece in zip(starts, ends, hull, strict=True))


def _gap(
    asked: dict[float, OracleAnswer[Thing]], pieces: tuple[EnvelopePiece[Thing], ...]
) -> float | None:
    """The largest relative distance between the envelope and the oracle's bounds."""
    worst = 0.0
    for point, found in asked.items():
        if found.bound is None:
            return None
        value = min(piece.found.line.at(point) for piece in pieces)
        if value > found.bound:
            worst = max(worst, (value - found.bound) / value)
    return worst
