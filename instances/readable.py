"""Figures, names and tables for readers: `31.2 ms`, `602 kB`, a name on one line, HTML."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

MOST_ROWS = 20
"""Rows of a table in a notebook; the rest is counted."""

_PREFIXES = ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""))
_SECONDS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))


def in_bytes(value: float) -> str:
    """Bytes for a reader, three digits: `602 kB`."""
    return scaled(value, "B")


def in_flop(value: float) -> str:
    """Operations for a reader: `1.43 GFLOP`."""
    return scaled(value, "FLOP")


def in_seconds(value: float) -> str:
    """Seconds for a reader: `31.2 ms`."""
    value = float(f"{value:.3g}")
    unit, name = next((u for u in _SECONDS if abs(value) >= u[0]), _SECONDS[-1])
    return f"{_digits(value / unit)} {name}" if value else "0 s"


def scaled(value: float, unit: str) -> str:
    """A figure in the unit's decimal multiple that suits it: `18.9 Mbit/s`."""
    value = float(f"{value:.3g}")
    scale, prefix = next((p for p in _PREFIXES if abs(value) >= p[0]), _PREFIXES[-1])
    return f"{_digits(value / scale)} {prefix}{unit}"


def counted(count: int, what: str) -> str:
    """`1 task`, `2 tasks`."""
    return f"{count} {what}{'' if count == 1 else 's'}"


def span(layers: Sequence[str]) -> str:
    """A run of layers by its ends: `block0 .. block14 (15 layers)`."""
    if len(layers) == 1:
        return layers[0]
    return f"{layers[0]} .. {layers[-1]} ({len(layers)} layers)"


def printable(text: str) -> str:
    """A name with what XML or a font cannot show replaced, on one line."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text)


def html_table(
    headers: Sequence[str], rows: Sequence[Sequence[str]], most: int | None = None
) -> str:
    """A table of texts as HTML, everything escaped; of more rows than `most` the others counted."""
    head = "".join(f"<th>{html_text(header)}</th>" for header in headers)
    body = [
        "<tr>" + "".join(f"<td>{html_text(cell)}</td>" for cell in row) + "</tr>"
        for row in rows[:most]
    ]
    if most is not None and len(rows) > most:
        body.append(f'<tr><td colspan="{len(headers)}">and {len(rows) - most} more</td></tr>')
    return "\n".join(["<table>", f"<tr>{head}</tr>", *body, "</table>"])


def html_text(text: str) -> str:
    """A text as it stands, for HTML and XML."""
    return escape(printable(text))


def _digits(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 999.5 else f"{value:.0f}"
