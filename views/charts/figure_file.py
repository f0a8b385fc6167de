"""Charts as files, whatever the user's matplotlib settings; the same bytes each time."""

from __future__ import annotations

import os
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from splitfog.instances.json_files import write_whole
from splitfog.views.style import drawing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CHART_SUFFIXES = (".png", ".svg")
DPI = 150


def save_chart(draw: Callable[[], Figure], path: str | os.PathLike[str]) -> None:
    """Write what `draw` makes; whole or not at all.

    Raises
    ------
    ValueError
        Unless `path` ends in `.png` or `.svg`.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in CHART_SUFFIXES:
        raise ValueError(f"{Path(path).name}: must end in one of {', '.join(CHART_SUFFIXES)}")
    write_whole(path, chart(draw, suffix))


def chart(draw: Callable[[], Figure], suffix: str) -> bytes:
    """The bytes of what `draw` makes; `suffix` is `.png`, `.svg` or `.pdf`."""
    how: dict[str, Any] = {"format": "svg", "metadata": {"Date": None}}
    if suffix == ".png":
        how = {"format": "png", "dpi": DPI, "metadata": {"Software": None}}
    elif suffix == ".pdf":
        how = {"format": "pdf", "metadata": {"CreationDate": None, "Producer": None}}
    buffer = BytesIO()
    with drawing():
        draw().savefig(buffer, **how)
    return buffer.getvalue()
