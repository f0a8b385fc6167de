"""`splitfog show`: a picture of an instance, or of a plan for it, as PNG, SVG or HTML."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from io import BytesIO
from pathlib import Path
from typing import Any

from splitfog.formulations.plan import decision_of
from splitfog.formulations.plan_file import PlanFile
from splitfog.instances.instance import Instance
from splitfog.instances.json_files import write_whole
from splitfog.instances.records import changed
from splitfog.views.sheet import Sheet
from splitfog.views.style import FONT

SUFFIXES = (".png", ".svg", ".html")
DPI, MOST_PIXELS = 150, 12_000


def show_instance(instance: Instance, plan: PlanFile | None, path: str | os.PathLike[str]) -> None:
    """Write a picture of an instance, or of a plan for it; whole or not at all.

    The DAG is coloured by node (a hue for each tier), with what crosses between nodes; beside it
    the load of nodes and links, below it the timeline. Without a plan, or with one that places
    nothing, it is coloured by operator. The same input gives the same bytes.

    Parameters
    ----------
    instance, plan
        A plan need not hold more than placements; what it leaves out is computed.
    path
        Ends in `.png`, `.svg` or `.html` (one file that needs no other).

    Raises
    ------
    ValueError
        For another ending, or a plan of another instance; `PlanError`, where the plan does not
        fit the instance.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(f"{Path(path).name}: must end in one of {', '.join(SUFFIXES)}")
    if plan is not None and plan.instance_sha256 not in (None, instance.sha256):
        raise ValueError(
            "the plan is for another instance: "
            f"instance_sha256 = {plan.instance_sha256}, must be {instance.sha256}"
        )
    write_whole(path, picture(instance, plan, suffix))


def picture(instance: Instance, plan: PlanFile | None, suffix: str) -> bytes:
    """The bytes of a picture; `suffix` is one of `SUFFIXES`. See `show_instance`."""
    decision = None
    if plan is not None and plan.tasks:
        decision = decision_of(instance, plan)
        plan = _completed(instance, plan)
    sheet = Sheet(instance, plan, decision)
    if suffix == ".png":
        return _png(sheet)
    svg = _svg(sheet)
    if suffix == ".svg":
        return svg
    from splitfog.views.page import page

    return page(instance, plan, svg.decode("utf-8")).encode("utf-8")


def _completed(instance: Instance, plan: PlanFile) -> PlanFile:
    """A plan with the loads, cost and schedule that its file may leave out."""
    from splitfog.formulations.costs.describe import describe

    scheduled = plan.objective.name != "makespan" or plan.tasks[0].schedule is not None
    if plan.nodes and plan.value is not None and scheduled:
        return plan
    full = describe(instance, decision_of(instance, plan), plan.objective)
    return changed(plan, value=full.value, tasks=full.tasks, nodes=full.nodes, links=full.links)


def _png(sheet: Sheet) -> bytes:
    with _drawing():
        figure = sheet.figure()
        dpi = min(DPI, MOST_PIXELS / max(figure.get_size_inches()))
        return _saved(figure, format="png", dpi=dpi, metadata={"Software": None})


def _svg(sheet: Sheet) -> bytes:
    """With text as text, and what every box holds as its title, which browsers show on hover."""
    with _drawing():
        content = _saved(sheet.figure(), format="svg", metadata={"Date": None}).decode("utf-8")
    for dag in sheet.dags:
        for name, title in dag.titles.items():
            opening = f'<g id="{name}">'
            content = content.replace(opening, f"{opening}<title>{escape(title)}</title>", 1)
    return content.encode("utf-8")


def _saved(figure: Any, **how: Any) -> bytes:
    buffer = BytesIO()
    figure.savefig(buffer, **how)
    return buffer.getvalue()


@contextmanager
def _drawing() -> Iterator[None]:
    """Matplotlib's own defaults, whatever the user's settings are; restored afterwards."""
    import matplotlib

    with matplotlib.rc_context(), warnings.catch_warnings():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(
            {"svg.hashsalt": "splitfog", "svg.fonttype": "none", "font.family": FONT}
        )
        warnings.filterwarnings("ignore", message="Glyph")  # a box stands for an unknown letter
        yield
