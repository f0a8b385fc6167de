"""A table of texts with what stands above and below it, for a terminal, a page and a paper."""

from __future__ import annotations

from msgspec import Struct

from splitfog.instances.readable import html_table, html_text
from splitfog.studies.cells import note_html, text_table
from splitfog.studies.latex import latex_table, latex_text


class Section(Struct, frozen=True, kw_only=True):
    """Lines of cells under headers; the first column is flush left, the others right.

    Attributes
    ----------
    title
        Stands above.
    caption
        What the figures are of: cost model, limits, machine. Empty for none.
    note
        What they leave open. Empty for nothing.
    """

    title: str
    headers: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]
    caption: str = ""
    note: str = ""

    def text(self) -> str:
        """For a terminal."""
        table = text_table(self.headers, self.lines, left=1)
        return "\n".join(filter(None, (self.title, table, self.caption, self.note)))

    def html(self) -> str:
        """For a page, without the title; everything escaped."""
        table = html_table(self.headers, self.lines)
        return "\n".join(filter(None, (table, note_html(self.caption), note_html(self.note))))

    def markdown(self) -> str:
        """For a page in Markdown, as GitHub reads it."""
        rules = [":---", *["---:"] * (len(self.headers) - 1)]
        rows = [list(map(_markdown_text, line)) for line in (self.headers, *self.lines)]
        table = "\n".join(f"| {' | '.join(row)} |" for row in (rows[0], rules, *rows[1:]))
        said = (_markdown_text(self.caption), _markdown_text(self.note))
        return "\n\n".join(filter(None, (f"**{_markdown_text(self.title)}**", table, *said)))

    def latex(self) -> str:
        r"""A `table` for LaTeX with booktabs, or the bare `tabular` where there is no caption."""
        kinds = "l" + "r" * (len(self.headers) - 1)
        lines = [list(map(latex_text, line)) for line in self.lines]
        tabular = latex_table(kinds, self.headers, lines)
        if not self.caption:
            return f"% {latex_text(self.title)}\n{tabular}"
        said = latex_text(" ".join(filter(None, (self.caption, self.note))))
        head = (r"\begin{table}", r"\centering", rf"\caption{{{said}}}")
        return "\n".join((*head, tabular + r"\end{table}", ""))


def _markdown_text(text: str) -> str:
    return html_text(text).replace("|", r"\|").replace("*", r"\*")
