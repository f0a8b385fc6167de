"""The charts of a comparison as the page shows them: in the colours of its text and ground."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

THEMED: Mapping[str, str] = MappingProxyType(
    {
        "#000000": "currentColor",
        "#222222": "currentColor",
        "#555555": "currentColor",
        "#ffffff": "none",
    }
)
"""What stands for the colours of ink and paper."""


def themed(picture: bytes) -> str:
    """An SVG without what stands before it, whose ink and paper are those of the page.

    Parameters
    ----------
    picture
        The SVG file of a chart.
    """
    svg = picture.decode()
    svg = svg[svg.index("<svg") :]
    for colour, stands in THEMED.items():
        svg = svg.replace(f": {colour}", f": {stands}")
    return svg
