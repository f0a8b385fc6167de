"""Formulas as drawings: no script runs in the reader's browser, nothing is loaded for them."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree.ElementTree import tostring

from docutils import nodes
from ziamath.config import config
from ziamath.zmath import Latex

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.writers.html5 import HTML5Translator

PIXELS_PER_EM = 16

config.svg2 = False  # outlines in place: names of symbols would clash on a page


def drawing(formula: str, in_line: bool) -> str:
    """SVG of LaTeX in the size and colour of the text; who listens gets the LaTeX.

    In a line it stands on the line's own base.
    """
    drawn = Latex(formula, size=PIXELS_PER_EM, color="currentColor", inline=in_line)
    image = drawn.svgxml()
    for side in ("width", "height"):
        image.set(side, f"{float(image.get(side, '0')) / PIXELS_PER_EM:.3f}em")
    image.set("style", f"vertical-align: {drawn.getyofst() / PIXELS_PER_EM:.3f}em")
    image.set("class", "formula")
    image.set("role", "img")
    image.set("aria-label", formula)
    return tostring(image, encoding="unicode")


def _in_line(writer: HTML5Translator, node: nodes.math) -> None:
    writer.body.append(drawing(node.astext(), in_line=True))
    raise nodes.SkipNode


def _display(writer: HTML5Translator, node: nodes.math_block) -> None:
    drawn = drawing(node.astext(), in_line=False)
    writer.body.append(f'<div class="formula-block" tabindex="0">{drawn}</div>')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """Make it the renderer of all formulas."""
    app.add_html_math_renderer("svg", (_in_line, None), (_display, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
