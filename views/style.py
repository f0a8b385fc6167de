"""How pictures look: colours of nodes and operators, units for readers, text that fits."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

from splitfog.instances.instance import Instance
from splitfog.instances.readable import in_bytes as in_bytes
from splitfog.instances.readable import in_flop as in_flop
from splitfog.instances.readable import in_seconds as in_seconds
from splitfog.instances.readable import printable as printable
from splitfog.instances.readable import scaled as scaled
from splitfog.instances.records import Layer

RGB = tuple[float, float, float]

READABLE = 0.2
"""Luminance above which black text is read more easily than white."""
DARKEST = (1.1 * READABLE) ** (1 / 3)
"""Lightness of the darkest shade of a node."""
PALEST = 0.78
"""Share of white in the lightest shade of a hue."""

INK = "#222222"
FAINT = "#8c8c8c"
RULE = "#d9d9d9"
FONT = "DejaVu Sans"  # comes with matplotlib

# Okabe and Ito's palette (2008), which colour-blind readers can tell apart; here by tier
_HUES = ("#E69F00", "#56B4E9", "#009E73", "#CC79A7", "#0072B2", "#D55E00", "#F0E442")

_OP_KINDS = {
    "convolution": ("#56B4E9", ("conv",)),
    "matrix product": ("#E69F00", ("linear", "matmul", "attention")),
    "pooling": ("#009E73", ("max-pool", "average-pool", "global-pool")),
    "norm, activation": ("#F0E442", ("norm", "activation", "softmax")),
    "join": ("#CC79A7", ("add", "multiply", "concat")),
    "input": ("#FFFFFF", ("input",)),
    "other": ("#BFBFBF", ("flatten", "embedding", "identity", "other")),
}


@dataclass(frozen=True)
class Palette:
    """Colours of an instance's tiers (a hue each) and nodes (shades of their tier's hue).

    Where all nodes are of one tier, each has a hue of its own.
    """

    instance: Instance

    @cached_property
    def tiers(self) -> dict[str, RGB]:
        """Hue of every tier."""
        names = self.instance.tiers
        return {name: hue(rank, len(names)) for rank, name in enumerate(names)}

    @cached_property
    def nodes(self) -> tuple[RGB, ...]:
        """Colour of every node: its tier's hue, from light to dark in the file's order."""
        count = len(self.instance.nodes)
        if len(self.instance.tiers) == 1:
            return tuple([_readable(hue(rank, count)) for rank in range(count)])
        members: dict[str, list[int]] = {name: [] for name in self.instance.tiers}
        for position, node in enumerate(self.instance.nodes):
            members[node.tier].append(position)
        colours: dict[int, RGB] = {}
        for tier, positions in members.items():
            shades = _shades(self.tiers[tier], len(positions))
            colours |= dict(zip(positions, shades, strict=True))
        return tuple(colours[i] for i in range(len(colours)))

    def place(self, name: str) -> RGB:
        """Colour of a tier, or of a node, by name; a tier's name means the tier."""
        if name in self.tiers:
            return self.tiers[name]
        return self.nodes[self.instance.node_index[name]]


@contextmanager
def drawing() -> Iterator[None]:
    """Matplotlib's own defaults, whatever the user's settings are; restored afterwards.

    The same figure then gives the same bytes each time.
    """
    import matplotlib

    with matplotlib.rc_context(), warnings.catch_warnings():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(
            {
                "svg.hashsalt": "splitfog",
                "svg.fonttype": "none",
                "pdf.fonttype": 42,
                "font.family": FONT,
            }
        )
        warnings.filterwarnings("ignore", message="Glyph")  # a box stands for an unknown letter
        yield


def op_kind(layer: Layer) -> str:
    """The kind of operator that a layer is, of those in `op_colours`."""
    return next(kind for kind, (_, ops) in _OP_KINDS.items() if layer.op in ops)


def op_colours() -> dict[str, RGB]:
    """Colour of every kind of operator."""
    return {kind: _rgb(colour) for kind, (colour, _) in _OP_KINDS.items()}


def ink_on(colour: RGB) -> str:
    """Black or white, whichever is easier to read on a colour."""
    return "#111111" if luminance(colour) > READABLE else "#ffffff"


def luminance(colour: RGB) -> float:
    """How light a colour is, 0 to 1, by the weights of Rec. 709."""
    red, green, blue = (part**2.2 for part in colour)
    return float(0.2126 * red + 0.7152 * green + 0.0722 * blue)


def text_width(text: str, points: float) -> float:
    """Inches that a line of text takes, with a little to spare for hinting."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    font = FontProperties(family=FONT, size=points)
    return 1.03 / 72 * float(text_to_path.get_text_width_height_descent(text, font, False)[0])


def fitted(text: str, points: float, inches: float) -> str:
    """A name, with its middle left out (`conv1…relu`) where it is too long for its place."""
    text = printable(text)
    if text_width(text, points) <= inches:
        return text
    low, high = 0, len(text)  # letters kept
    while high - low > 1:
        kept = (low + high) // 2
        low, high = (kept, high) if text_width(_cut(text, kept), points) <= inches else (low, kept)
    return _cut(text, low)


def _cut(text: str, kept: int) -> str:
    tail = kept // 2
    return f"{text[: kept - tail]}…{text[len(text) - tail :]}"


def hue(rank: int, count: int) -> RGB:
    """A colour of its own for each of `count` things, which colour-blind readers tell apart."""
    if count <= len(_HUES):
        return _rgb(_HUES[rank])
    from matplotlib import colormaps

    red, green, blue, _ = colormaps["viridis"](0.1 + 0.9 * rank / (count - 1))
    return float(red), float(green), float(blue)


def _rgb(colour: str) -> RGB:
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return red, green, blue


def _shades(colour: RGB, count: int) -> list[RGB]:
    """Shades of a hue, evenly from light to dark, on all of which black text is easy to read."""
    if count == 1:
        return [_readable(colour)]
    lightest = _lightness(_shade(colour, PALEST))
    step = (lightest - DARKEST) / (count - 1)
    return [_shade_of(colour, lightest - step * i) for i in range(count)]


def _readable(colour: RGB) -> RGB:
    """The colour, or the darkest shade of it on which black text is easy to read."""
    return _shade_of(colour, max(_lightness(colour), DARKEST))


def _shade_of(colour: RGB, lightness: float) -> RGB:
    """The shade of a hue with a perceived lightness."""
    low, high = -1.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        if _lightness(_shade(colour, middle)) < lightness:
            low = middle
        else:
            high = middle
    return _shade(colour, high)


def _lightness(colour: RGB) -> float:
    """As the eye sees it: equal steps look equal."""
    return float(luminance(colour) ** (1 / 3))


def _shade(colour: RGB, lighter: float) -> RGB:
    """A colour mixed with white (`lighter` up to 1) or black (down to -1)."""
    goal = 1.0 if lighter > 0 else 0.0
    red, green, blue = (c + (goal - c) * abs(lighter) for c in colour)
    return red, green, blue
