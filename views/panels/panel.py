"""Panels that pictures are put together from: titled bars, and bars along a time axis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from splitfog.instances.readable import counted
from splitfog.views import style
from splitfog.views.dag.picture import write

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE_POINTS, TEXT_POINTS = 9.0, 7.0
TITLE = 0.27  # inches
ROW = 0.2
LABEL_SHARE = 0.42  # of a panel's width, at most
NOTE = 2.1  # inches, at most
MOST_BARS = 20
LANES = 4  # at most, beside each other in one row of a timeline


class Panel(Protocol):
    """Something that fills the full width of axes given in inches, y downwards."""

    @property
    def height(self) -> float:
        """Inches it needs."""

    def draw(self, axes: Axes, width: float) -> None:
        """Draw on axes from (0, 0) to (width, height)."""


@dataclass(frozen=True)
class Bar:
    """A row: stacked parts (figure, colour), and a note behind them."""

    label: str
    parts: tuple[tuple[float, style.RGB | str], ...]
    note: str


@dataclass(frozen=True, kw_only=True)
class BarPanel:
    """Horizontal bars to one scale, each with its total as `shown` writes it.

    `mark_s` draws a line across all, named `mark`; `omitted` says what is not shown.
    """

    title: str
    bars: Sequence[Bar]
    omitted: str = ""
    mark_s: float | None = None
    mark: str = ""
    shown: Callable[[float], str] = style.in_seconds

    @property
    def height(self) -> float:
        """Inches it needs."""
        return TITLE + ROW * (len(self.bars) + bool(self.omitted) + bool(self.mark)) + 0.06

    def draw(self, axes: Axes, width: float) -> None:
        """Draw the panel."""
        write_title(axes, self.title)
        labels = [style.text_width(style.printable(b.label), TEXT_POINTS) for b in self.bars]
        left = min(max([0.6, *labels]) + 0.12, LABEL_SHARE * width)
        totals = [sum(figure for figure, _ in bar.parts) for bar in self.bars]
        notes = [
            " · ".join(filter(None, [self.shown(t), b.note]))
            for b, t in zip(self.bars, totals, strict=True)
        ]
        widest = max([0.0, *(style.text_width(note, TEXT_POINTS - 0.5) for note in notes)])
        room = width - left - min(widest, NOTE) - 0.1
        longest = max([*totals, self.mark_s or 0.0]) or 1.0
        for i, (bar, total, note) in enumerate(zip(self.bars, totals, notes, strict=True)):
            y = TITLE + (i + 0.5) * ROW
            label = style.fitted(bar.label, TEXT_POINTS, left - 0.1)
            write(axes, left - 0.07, y, label, size=TEXT_POINTS, ha="right")
            x = left
            for figure, colour in bar.parts:
                draw_bar(axes, x, y - 0.07, figure / longest * room, 0.14, colour)
                x += figure / longest * room
            at = left + max(total, self.mark_s or 0.0) / longest * room + 0.06
            note = style.fitted(note, TEXT_POINTS - 0.5, width - at)
            write(axes, at, y, note, size=TEXT_POINTS - 0.5, ha="left")
        end = TITLE + len(self.bars) * ROW
        axes.plot([left, left], [TITLE, end], color=style.FAINT, linewidth=0.8, zorder=2)
        if self.mark_s is not None:
            x = left + self.mark_s / longest * room
            axes.plot([x, x], [TITLE, end + 0.03], "--", color=style.INK, linewidth=1, zorder=5)
            write(axes, x, end + ROW / 2, self.mark, size=TEXT_POINTS)
        if self.omitted:
            y = self.height - 0.06 - ROW / 2
            write(axes, 0.0, y, self.omitted, size=TEXT_POINTS, ha="left", color=style.FAINT)


@dataclass(frozen=True)
class Span:
    """A bar from `start_s` to `end_s`."""

    start_s: float
    end_s: float
    colour: style.RGB
    text: str


@dataclass(frozen=True)
class TimelinePanel:
    """A row of spans for each node or link, along one time axis; what overlaps goes in lanes.

    The axis reaches at least to `until_s`.
    """

    title: str
    rows: Sequence[tuple[str, Sequence[Span]]]
    omitted: str = ""
    until_s: float = 0.0

    @property
    def height(self) -> float:
        """Inches it needs."""
        return TITLE + (ROW + 0.06) * len(self.rows) + 0.35 + ROW * bool(self.omitted)

    def draw(self, axes: Axes, width: float) -> None:
        """Draw the panel."""
        write_title(axes, self.title)
        left = min(0.2 * width, 1.8)
        room = width - left - 0.25
        ends = (span.end_s for _, spans in self.rows for span in spans)
        end_s = max([self.until_s, *ends]) or 1.0
        bottom = TITLE + (ROW + 0.06) * len(self.rows)
        draw_time_axis(axes, left, room, bottom, end_s)
        for i, (label, spans) in enumerate(self.rows):
            y = TITLE + i * (ROW + 0.06) + 0.03
            label = style.fitted(label, TEXT_POINTS, left - 0.1)
            write(axes, left - 0.07, y + ROW / 2, label, size=TEXT_POINTS, ha="right")
            _draw_spans(axes, spans, left, room / end_s, y)
        if self.omitted:
            y = self.height - ROW / 2
            write(axes, 0.0, y, self.omitted, size=TEXT_POINTS, ha="left", color=style.FAINT)


def omitted(shown: int, count: int, what: str) -> str:
    """What a panel does not show of so many: `and 3 more nodes`, or nothing."""
    return "" if shown == count else f"and {counted(count - shown, f'more {what}')}"


def write_title(axes: Axes, title: str) -> None:
    """A panel's title, at its top left."""
    write(axes, 0.0, 0.1, title, size=TITLE_POINTS, ha="left", weight="bold")


def draw_bar(
    axes: Axes, x: float, y: float, width: float, height: float, colour: style.RGB | str
) -> None:
    """A filled rectangle, thinly outlined; one too thin for that keeps its colour and a trace."""
    from matplotlib.patches import Rectangle

    edge = {"edgecolor": style.INK, "linewidth": 0.4} if width > 0.04 else {"linewidth": 0}
    wide = max(width, 0.01) if width > 0 else 0.0
    axes.add_artist(Rectangle((x, y), wide, height, facecolor=colour, zorder=3, **edge))


def draw_time_axis(axes: Axes, left: float, room: float, bottom: float, end_s: float) -> None:
    """Seconds from 0 to `end_s`, from `left` over `room` inches, with rules up to the title."""
    from matplotlib.ticker import MaxNLocator

    for tick in MaxNLocator(nbins=8, steps=[1, 2, 2.5, 5, 10]).tick_values(0.0, end_s):
        x = left + tick / end_s * room
        if tick < 0 or x > left + room + 0.2:
            continue
        axes.plot([x, x], [TITLE, bottom + 0.04], color=style.RULE, linewidth=0.7, zorder=0)
        write(axes, x, bottom + 0.12, style.in_seconds(float(tick)), size=TEXT_POINTS - 0.5)
    axes.plot([left, left + room], [bottom, bottom], color=style.FAINT, linewidth=0.8, zorder=2)


def _draw_spans(axes: Axes, spans: Sequence[Span], left: float, scale: float, y: float) -> None:
    """Spans of one row in the fewest lanes, first come first; the last lane takes the rest."""
    free: list[float] = []
    lanes = []
    for span in sorted(spans, key=lambda s: (s.start_s, s.end_s)):
        lane = next((i for i, end in enumerate(free) if end <= span.start_s), len(free))
        lane = min(lane, LANES - 1)
        free[lane : lane + 1] = [max([span.end_s, *free[lane : lane + 1]])]
        lanes.append((lane, span))
    height = ROW / max(len(free), 1)
    for lane, span in lanes:
        x, wide = left + span.start_s * scale, (span.end_s - span.start_s) * scale
        draw_bar(axes, x, y + lane * height, wide, height, span.colour)
        points = TEXT_POINTS - 1 if height > 0.15 else 72 * height * 0.8
        text = style.printable(span.text)
        if text and height > 0.09 and style.text_width(text, points) < wide - 0.04:
            ink = style.ink_on(span.colour)
            write(axes, x + wide / 2, y + (lane + 0.5) * height, text, size=points, color=ink)
