"""Records by objective and solver that show themselves as tables."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar, overload

from splitfog.instances.read_only import EMPTY
from splitfog.instances.readable import html_text
from splitfog.studies.tables.section import Section


class Line(Protocol):
    """What a record needs to be a line of a table."""

    @property
    def objective(self) -> str:
        """Which table it is in."""

    @property
    def not_comparable(self) -> str:
        """Names of the means that are over other instances; a space between two."""


LineT = TypeVar("LineT", bound=Line)

MARK = " *"
"""Behind a mean over other instances than its neighbours in the column."""

NOT_COMPARABLE = "* over other instances than the other means of its column: not comparable."


def marked(cell: str, name: str, not_comparable: str) -> str:
    """A mean's cell, with the mark where its field is named among those that are not comparable."""
    return f"{cell}{MARK}" if name in not_comparable.split() else cell


@dataclass(frozen=True)
class Lines(Sequence[LineT], Generic[LineT]):
    """The lines of a table; `print` shows them, a notebook too."""

    rows: tuple[LineT, ...]

    @overload
    def __getitem__(self, position: int) -> LineT: ...
    @overload
    def __getitem__(self, position: slice) -> tuple[LineT, ...]: ...
    def __getitem__(self, position: int | slice) -> LineT | tuple[LineT, ...]:
        return self.rows[position]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[LineT]:
        return iter(self.rows)

    @abstractmethod
    def sections(self) -> list[Section]:
        """A table an objective."""

    def section(self, objective: str) -> Section:
        """The table of one objective; `LookupError` where there is none."""
        return {section.title: section for section in self.sections()}[objective]

    def __str__(self) -> str:
        return "\n\n".join(section.text() for section in self.sections())

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        parts = [f"<p>{html_text(each.title)}</p>\n{each.html()}" for each in self.sections()]
        return "\n".join(["<div>", *parts, "</div>"])

    def to_markdown(self) -> str:
        """Tables in Markdown, one an objective."""
        return "\n\n".join(section.markdown() for section in self.sections()) + "\n"

    def to_latex(self) -> str:
        """Tables for LaTeX with booktabs, one an objective."""
        return "\n".join(section.latex() for section in self.sections())


def sections_of(
    rows: Sequence[LineT],
    headers: tuple[str, ...],
    cells: Callable[[LineT], tuple[str, ...]],
    captions: Mapping[str, str],
    notes: Mapping[str, str] = EMPTY,
) -> list[Section]:
    """A table an objective, with what there is to say of it and of means that are marked."""
    found = []
    for objective in dict.fromkeys(row.objective for row in rows):
        own = [row for row in rows if row.objective == objective]
        unlike = NOT_COMPARABLE if any(row.not_comparable for row in own) else ""
        found.append(
            Section(
                title=objective,
                headers=headers,
                lines=tuple(map(cells, own)),
                caption=captions.get(objective, ""),
                note=" ".join(filter(None, (notes.get(objective, ""), unlike))),
            )
        )
    return found
