"""The page itself: tables as HTML, the data of rows and plans, and the scripts that show them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec.structs import astuple

from splitfog._version import __version__
from splitfog.formulations.objective import RATES
from splitfog.instances.readable import counted, html_table, html_text
from splitfog.studies.cells import note_html, reservation, shown_cells
from splitfog.studies.row import Declined, Row
from splitfog.studies.rows import Table
from splitfog.studies.statistics.cases import instance_key
from splitfog.studies.summary import Summary
from splitfog.studies.tables.caption import setting
from splitfog.studies.tables.section import Section
from splitfog.studies.tables.statistics import Statistics
from splitfog.views.report_page.embedded import LICENCE, SCRIPTS, STYLES, asset, policy
from splitfog.views.report_page.instances import page_instances
from splitfog.views.report_page.payload import column, packed
from splitfog.views.report_page.pictures import themed
from splitfog.views.report_page.plans import row_plans

COLUMNS = tuple(name for name in Row.__struct_fields__ if name != "file")
"""Of the rows in the page; a path says nothing to those whom it is sent to."""


def report_page(
    table: Table,
    summary: Summary,
    statistics: Statistics,
    charts: Mapping[str, Mapping[str, bytes]],
) -> str:
    """A file of HTML with the summary of every solver, all rows, and the plan of each.

    Parameters
    ----------
    table, summary, statistics
        Of one comparison.
    charts
        By objective, the SVG files of its pictures by what they show.

    Returns
    -------
    str
        Of equal tables the same. It needs a browser of 2023 or later and no network; without
        scripts it shows the summary.

    Notes
    -----
    O(n) in the letters of all plans, and a layout for every network of its own.
    """
    rows = {name: column([getattr(row, name) for row in table]) for name in COLUMNS}
    shown = column([shown_cells(row)[-1] for row in table])
    drawn = {name: dict(zip(own, map(themed, own.values()))) for name, own in charts.items()}
    row_data = {"rows": {**rows, "shown": shown}, "charts": drawn}
    plan_data = {
        **row_plans(table.rows, table.runs),
        **page_instances(table.instances, table.rows, table.runs),
    }
    return _document("".join(_body(table, summary, statistics)), row_data, plan_data)


def _body(table: Table, summary: Summary, statistics: Statistics) -> Iterator[str]:
    yield "<header><h1>Comparison of solvers</h1>"
    instances = counted(len(set(map(instance_key, table))), "instance")
    yield f"<p>splitfog {__version__}, {counted(len(table), 'row')}, {instances}.</p>"
    if table.interrupted:
        yield "<p><strong>Interrupted: what had not run is not here.</strong></p>"
    if len(table.objectives) > 1:
        links = (f'<a href="#{_id(name)}">{html_text(name)}</a>' for name in table.objectives)
        yield f'<nav aria-label="Objectives">{"".join(links)}</nav>'
    yield '</header><main id="main">'
    for objective in table.objectives:
        yield from _section(table, objective, summary, statistics)
    if table.declined:
        count = counted(len(table.declined), "pair")
        yield f"<h2>Solvers that do not apply</h2><details><summary>{count} of solver and instance"
        yield "</summary>"
        lines = list(map(astuple, table.declined))
        yield _scrolled("Solvers that do not apply", html_table(Declined.__struct_fields__, lines))
        yield "</details>"
    yield "</main>"


def _section(
    table: Table, objective: str, summary: Summary, statistics: Statistics
) -> Iterator[str]:
    unit = "/s" if objective in RATES else "s"
    said = html_text(setting(objective, table.baseline, table.counting))
    yield f'<section data-objective="{html_text(objective)}" data-unit="{unit}"'
    yield f' id="{_id(objective)}" aria-label="{said}"><h2>{said}</h2>'
    yield _lines("Summary, a line a solver", summary.section(objective))
    yield _lines(f"Beside {table.baseline}", statistics.section(objective))
    if any(row.value is not None for row in table.of(objective)):
        yield "<h3>Pictures</h3>"
    yield '<div class="charts"></div><h3>Runs</h3>'
    yield note_html(reservation(table.of(objective)))
    yield '<div class="runs"></div></section>'


def _lines(heading: str, section: Section) -> str:
    """A table that can be sorted, with what its figures are of."""
    table = _scrolled(heading, html_table(section.headers, section.lines), "lines")
    notes = "".join(map(note_html, (section.caption, section.note)))
    return f"<h3>{html_text(heading)}</h3>{table}{notes}"


def _scrolled(label: str, content: str, kind: str = "") -> str:
    return (
        f'<div class="scroll {kind}" tabindex="0" role="region" aria-label="{html_text(label)}">'
        f"{content}</div>"
    )


def _id(objective: str) -> str:
    return f"of-{html_text(objective)}"


def _document(body: str, row_data: dict[str, Any], plan_data: dict[str, Any]) -> str:
    styles = "".join(f"<style>{asset(name)}</style>" for name in STYLES)
    scripts = "".join(f"<script>{asset(name)}</script>\n" for name in SCRIPTS)
    data = "".join(
        f'<script type="application/gzip" id="{name}">{packed(each)}</script>\n'
        for name, each in (("row-data", row_data), ("plan-data", plan_data))
    )
    parts = {"styles": styles, "body": body, "data": data, "scripts": scripts}
    return _PAGE.format(licence=asset(LICENCE), policy=policy(), **parts)


_PAGE = """<!DOCTYPE html>
<!-- With Tabulator, of this licence:

{licence}-->
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>splitfog: comparison of solvers</title>
{styles}
</head>
<body>
<a class="skip" href="#main">Skip to the tables</a>
{body}
<noscript><p>All rows, the pictures and the plans need scripts; results.csv has the rows too.</p>
</noscript>
<dialog id="plan" aria-labelledby="plan-title">
<div class="head"><h2 id="plan-title" tabindex="-1" autofocus></h2>
<form method="dialog"><span id="plan-files"></span><button>Close</button></form></div>
<div id="plan-body"></div>
</dialog>
{data}{scripts}</body>
</html>
"""
