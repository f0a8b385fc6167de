"""Strips of unequal rectangles over a map: each as wide as who has it manages in the time given.

Ours. A strip's rectangles lie side by side, strips below one another. For a given time every
member's rectangle of so many rows may be so wide and no wider; of all heights of the next strip
the one is taken that covers most for what its members could have done alone, until the map is
covered. Many times are tried at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from splitfog.formulations.tiles.spans import Span
from splitfog.instances.arrays import Flags, Floats, Integers, frozen

MOST_HEIGHTS = 14
"""Heights of a strip that are looked at."""

TINY = 1e-150
"""In place of 0 of seconds, whatever the units."""


def strip_rectangles(heights: Sequence[int], widths: Sequence[Sequence[int]]) -> Integers:
    """[T, 4]: the rectangles (r0, r1, c0, c1) of strips, top to bottom, left to right.

    Parameters
    ----------
    heights
        Rows of every strip, >= 1; they add up to the map's.
    widths
        Columns of every rectangle of each strip, >= 1; those of a strip add up to the map's.

    Raises
    ------
    ValueError
        For sizes < 1, and for strips that are not equally wide.
    """
    if len(heights) != len(widths):
        raise ValueError(f"{len(widths)} lists of widths, must be {len(heights)}, one a strip")
    if len({sum(own) for own in widths}) > 1:
        sums = ", ".join(str(sum(own)) for own in widths)
        raise ValueError(f"strips of {sums} columns, must be equally wide")
    if min([*heights, *(width for own in widths for width in own)], default=1) < 1:
        raise ValueError("a strip's rows and a rectangle's columns must be >= 1")
    found: list[tuple[int, int, int, int]] = []
    top = 0
    for height, own in zip(heights, widths, strict=True):
        left = 0
        for width in own:
            found.append((top, top + height, left, left + width))
            left += width
        top += height
    return np.array(found, np.int64).reshape(-1, 4)


@dataclass(frozen=True, eq=False, kw_only=True)
class Members:
    """Who may have rectangles, J of them, and how long they take: at once for every member
    `start_s` [J], and for every tensor `rate` [J, K] @ `basis` [K, slots] times its share.
    """

    start_s: Floats
    rate: Floats
    basis: Floats

    def seconds(self, shares: Floats, member: Integers) -> Floats:
        """[T]: of rectangles that need shares [slots, T] with a member each."""
        per = np.einsum("tk,kt->t", self.rate[member], self.basis @ shares)
        return np.asarray(self.start_s[member] + per)


@dataclass(frozen=True, eq=False)
class Cover:
    """Rectangles [T, 4] that cover a map once, each with another member [T]."""

    rectangles: Integers
    member: Integers


def strip_covers(
    spans: tuple[Span, Span], members: Members, levels_s: Floats
) -> list[Cover | None]:
    """For every time of `levels_s` [V] a cover of which no rectangle takes longer, or None.

    Members come in their order, those before the more. A cover that is not found may exist.
    O(strips x V heights (slots K width + J width)), vectorised.
    """
    return _Filling.of(spans, members, np.asarray(levels_s, float)).covers()


@dataclass(eq=False, kw_only=True)
class _Filling:
    """The maps of V levels, covered from the top to `top` [V] by the members `used` [V, J]."""

    rows: Span
    columns: Span
    members: Members
    levels_s: Floats
    heights: Integers
    top: Integers
    used: Flags
    alive: Flags

    @classmethod
    def of(cls, spans: tuple[Span, Span], members: Members, levels_s: Floats) -> _Filling:
        rows, columns = spans
        shape = (len(levels_s), len(members.start_s))
        return cls(
            rows=rows,
            columns=columns,
            members=members,
            levels_s=levels_s,
            heights=_heights(rows.size),
            top=np.zeros(len(levels_s), np.int64),
            used=np.zeros(shape, bool),
            alive=np.ones(len(levels_s), bool),
        )

    def covers(self) -> list[Cover | None]:
        """Strip by strip."""
        strips: list[list[tuple[int, Integers]]] = [[] for _ in self.levels_s]
        while (rows := np.flatnonzero(self.alive & (self.top < self.rows.size))).size:
            height, width = self._strip(rows)
            for at, own, wide in zip(rows.tolist(), height.tolist(), width):
                strips[at].append((own, wide))
        done = self.alive.tolist()
        return [_cover(own) if ok else None for own, ok in zip(strips, done, strict=True)]

    def _strip(self, level: Integers) -> tuple[Integers, Integers]:
        """Heights and widths [levels, J] of the next strip of some levels; without one they end."""
        height = np.minimum(self.heights, (self.rows.size - self.top[level])[:, None])
        table = _Widths.of(self, self.top[level][:, None], height, self.levels_s[level])
        width, used = self.columns.size, self.used[level]
        columns = [np.zeros(height.shape, np.int64)]
        for member, barred in enumerate(used.T):
            after = columns[-1]
            if not barred.all():
                after = np.where(barred[:, None], after, table.reach(member, after))
            columns.append(after)
            if (after == width).all():
                break
        widths = np.diff(np.array(columns), axis=0)
        most = self.most[level, : len(widths)].T[:, :, None]
        spent = np.where(widths > 0, most, 0.0).sum(axis=0)
        full = columns[-1] == width
        worth = np.where(full, height / np.maximum(spent, TINY), -1.0)
        best = worth.argmax(axis=1)
        at = np.arange(len(level))
        chosen = np.zeros(used.shape, np.int64)
        chosen[:, : len(widths)] = widths[:, at, best].T
        self.alive[level] = full[at, best]
        self.top[level] += height[at, best]
        self.used[level] = used | (chosen > 0)
        return height[at, best], chosen

    @cached_property
    def most(self) -> Floats:
        """[V, J]: shares of the map that each could have alone, but for halos."""
        members = self.members
        per_map = np.maximum(members.rate @ members.basis.sum(axis=1), TINY)
        return np.asarray(np.maximum(self.levels_s[:, None] - members.start_s, TINY) / per_map)


@dataclass(frozen=True, eq=False, kw_only=True)
class _Widths:
    """How far to the right a rectangle may reach, for R heights at V levels.

    `spare` [J, V, 1]: how long a member's may take; `begin` [J, V R (width + 1)] and `end`
    [J, V, R, width + 1]: what rectangles that begin and end there take; `first` [V, R]: where a
    level and height begin in `begin`.
    """

    spare: Floats
    begin: Floats
    end: Floats
    first: Integers

    @classmethod
    def of(cls, filling: _Filling, top: Integers, height: Integers, level_s: Floats) -> _Widths:
        rows, columns, members = filling.rows, filling.columns, filling.members
        down = (rows.end[:, top + height] - rows.begin[:, top]).reshape(len(rows.end), -1)
        weighed = down.T[None] * members.basis[:, None, :]
        flat = (len(members.basis), -1)
        return cls(
            spare=(level_s - members.start_s[:, None])[..., None],
            begin=members.rate @ (weighed @ columns.begin).reshape(flat),
            end=(members.rate @ (weighed @ columns.end).reshape(flat)).reshape(
                len(members.rate), *height.shape, -1
            ),
            first=np.arange(height.size).reshape(height.shape) * (columns.size + 1),
        )

    def reach(self, member: int, column: Integers) -> Integers:
        """[V, R]: the column behind a member's rectangle that begins at `column` [V, R]."""
        last = self.spare[member] + self.begin[member, self.first + column]
        found = (self.end[member] <= last[..., None]).sum(axis=-1) - 1
        return np.asarray(np.maximum(found, column))


@lru_cache(maxsize=1024)
def _heights(rows: int) -> Integers:
    """Those looked at of strips of a map of so many rows."""
    return frozen(np.unique(np.round(np.geomspace(1, rows, MOST_HEIGHTS)).astype(np.int64)))


def _cover(strips: Sequence[tuple[int, Integers]]) -> Cover:
    heights = [height for height, _ in strips]
    widths = [wide[wide > 0].tolist() for _, wide in strips]
    member = [np.flatnonzero(wide) for _, wide in strips]
    return Cover(strip_rectangles(heights, widths), np.concatenate(member))
