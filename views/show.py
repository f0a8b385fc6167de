"""`sf.show` and `splitfog show`: a picture of an instance, or of a plan for it.

Nothing is drawn before it is looked at or saved.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from io import BytesIO
from types import MappingProxyType
from typing import Any

from splitfog.formulations.evaluation.given import as_plan
from splitfog.formulations.plan import GivenPlan, decision_of
from splitfog.formulations.plan_file import PlanFile
from splitfog.instances.arguments import path as path_of
from splitfog.instances.arguments import texts
from splitfog.instances.files import GivenInstance, instance_of
from splitfog.instances.instance import Instance
from splitfog.instances.json_files import write_whole
from splitfog.instances.lookup import look_up
from splitfog.instances.readable import printable
from splitfog.instances.records import changed
from splitfog.views.contents import Contents
from splitfog.views.sheet import Sheet
from splitfog.views.style import drawing

SUFFIXES = (".png", ".svg", ".pdf", ".html")
DPI, MOST_PIXELS = 150, 12_000
WHOLE = (".pdf", ".html")
"""Files of several sheets."""


def show(
    instance: GivenInstance,
    plan: GivenPlan | None = None,
    *,
    tasks: str | Sequence[str] | None = None,
    panel: str | None = None,
) -> Picture:
    """A picture of an instance, or of a plan for it, which notebooks display.

    The DAG is coloured by node (a hue for each tier, or for each node where there is one tier),
    with what crosses between nodes; beside it the load of nodes and links, below it the timeline
    and sliced stages. Of models with passes also the memory of the nodes, the stages in order of
    visit and when tokens come. Without a plan, or with one that places nothing, it is coloured by
    operator.

    Parameters
    ----------
    instance, plan
        Or the paths of their files. A plan need not hold more than placements; what it leaves out
        is computed, nothing is solved.
    tasks
        Names of the tasks to draw; None: all, of which a sheet shows the first that fit and files
        of several sheets the first 100.
    panel
        The name of a single panel: `dag`, `nodes`, `memory`, `links`, `tasks`, `crossings`,
        `pipeline`, `timeline`, `stages`, `profile` or `progress`, where there is one. None: all.

    Returns
    -------
    Picture
        `picture.save("plan.pdf")`, `picture.panels["timeline"]`.

    Raises
    ------
    LookupError
        For a task or a panel that there is not, with those there are.
    ValueError
        For a plan of another instance; `PlanError`, where it does not fit the instance.

    Examples
    --------
    >>> import splitfog as sf
    >>> instance = sf.generate("three-tier")
    >>> picture = sf.show(instance, sf.solve(instance, "min-cut"))
    >>> list(picture.panels)
    ['dag', 'nodes', 'links', 'tasks', 'crossings', 'timeline', 'profile']
    """
    instance = instance_of(instance)
    if plan is not None:
        plan = as_plan(instance, plan)
    if plan is not None and plan.instance_sha256 not in (None, instance.sha256):
        raise ValueError(
            "the plan is for another instance: "
            f"instance_sha256 = {plan.instance_sha256}, must be {instance.sha256}"
        )
    decision = None
    if plan is not None and plan.tasks:
        decision = decision_of(instance, plan)
        plan = _completed(instance, plan)
    picture = Picture(Contents(instance, plan, decision, _positions(instance, tasks)))
    return picture if panel is None else look_up(picture.panels, panel, "panel")


@dataclass(frozen=True, repr=False)
class Picture:
    """What `show` makes: displayed by notebooks, saved by `save`; the same input, the same bytes.

    `panel` is the name of the only panel, None: all of them.
    """

    contents: Contents
    panel: str | None = None

    def __repr__(self) -> str:
        what = self.panel or ", ".join(self.panels)
        return f"<Picture of {printable(self.contents.instance.name)}: {what}>"

    def _repr_svg_(self) -> str:
        svg = self.encoded(".svg").decode("utf-8")
        return svg[svg.index("<svg") :]

    @property
    def panels(self) -> Mapping[str, Picture]:
        """Each panel by itself, by name."""
        names = self.contents.panels if self.panel is None else (self.panel,)
        return MappingProxyType({name: Picture(self.contents, name) for name in names})

    def left_out(self, suffix: str) -> tuple[str, ...]:
        """What a file of that ending does not show, in sentences: `3 of 20 stages drawn`."""
        if self.panel is None:
            return self.contents.left_out(suffix in WHOLE)
        sheets = self._sheets(many=True)
        lines = [f"{line} drawn" for line in next(sheets).lines]
        return tuple(lines) if suffix not in WHOLE and next(sheets, None) else ()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it as a file, whole or not at all; PDF and HTML hold up to 100 tasks with all.

        Parameters
        ----------
        path
            Ends in `.png`, `.svg`, `.pdf` (several pages) or `.html` (one file that needs no
            other, with the figures in tables).

        Raises
        ------
        ValueError
            For another ending.
        """
        path = path_of("path", path)
        suffix = path.suffix.lower()
        if suffix not in SUFFIXES:
            raise ValueError(f"{path.name}: must end in one of {', '.join(SUFFIXES)}")
        write_whole(path, self.encoded(suffix))

    def encoded(self, suffix: str) -> bytes:
        """The bytes of such a file; `suffix` is one of `SUFFIXES`."""
        sheets = self._sheets(suffix in WHOLE)
        if suffix == ".pdf":
            return _pdf(sheets)
        if suffix == ".html":
            from splitfog.views.page import page

            svgs = (_svg(sheet).decode("utf-8") for sheet in sheets)
            return page(self.contents, svgs).encode("utf-8")
        return {".png": _png, ".svg": _svg}[suffix](next(sheets))

    def _sheets(self, many: bool) -> Iterator[Sheet]:
        if self.panel is None:
            return self.contents.sheets(many)
        return self.contents.panel_sheets(self.panel)


def _positions(instance: Instance, names: str | Sequence[str] | None) -> tuple[int, ...] | None:
    """Where the named tasks stand, each once, in the file's order."""
    if names is None:
        return None
    index = {task.name: position for position, task in enumerate(instance.tasks)}
    chosen = texts("tasks", names)
    if not chosen:
        raise ValueError("tasks = (), must name at least one")
    return tuple(sorted({look_up(index, name, "task") for name in chosen}))


def _completed(instance: Instance, plan: PlanFile) -> PlanFile:
    """A plan with the loads, cost and schedule that its file may leave out."""
    from splitfog.formulations.evaluation.describe import describe

    scheduled = plan.objective.name != "makespan" or plan.tasks[0].schedule is not None
    if plan.nodes and plan.value is not None and scheduled:
        return plan
    full = describe(instance, decision_of(instance, plan), plan.objective)
    return changed(plan, value=full.value, tasks=full.tasks, nodes=full.nodes, links=full.links)


def _png(sheet: Sheet) -> bytes:
    with drawing():
        figure = sheet.figure()
        dpi = min(DPI, MOST_PIXELS / max(figure.get_size_inches()))
        return _saved(figure, format="png", dpi=dpi, metadata={"Software": None})


def _svg(sheet: Sheet) -> bytes:
    """With text as text, and what every box holds as its title, which browsers show on hover."""
    with drawing():
        content = _saved(sheet.figure(), format="svg", metadata={"Date": None}).decode("utf-8")
    for dag in sheet.dags:
        for name, title in dag.titles.items():
            opening = f'<g id="{name}">'
            content = content.replace(opening, f"{opening}<title>{escape(title)}</title>", 1)
    return content.encode("utf-8")


def _pdf(sheets: Iterator[Sheet]) -> bytes:
    """A page a sheet, each as large as it needs to be; text as text."""
    from matplotlib.backends.backend_pdf import PdfPages

    buffer = BytesIO()
    with drawing(), PdfPages(buffer, metadata={"CreationDate": None, "Producer": None}) as pages:
        for sheet in sheets:
            pages.savefig(sheet.figure())
    return buffer.getvalue()


def _saved(figure: Any, **how: Any) -> bytes:
    buffer = BytesIO()
    figure.savefig(buffer, **how)
    return buffer.getvalue()
