"""A plan at a glance."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest

import splitfog as sf
from splitfog.formulations.objective import Objective
from splitfog.formulations.overview import percent
from splitfog.formulations.plan_file import PlanFile, TaskEntry

TINY = sf.load_instance(Path(__file__).parents[1] / "data" / "tiny.json")


def plan(**fields: Any) -> PlanFile:
    """A plan without tasks, with some claims."""
    return PlanFile(**{"objective": Objective("latency"), "tasks": (), **fields})


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        (
            {"instance": "i", "solver": "hpa", "value": 0.131, "status": "feasible", "gap": 0.061,
             "proven_over": "placements"},
            "<Plan for i by hpa: latency 131 ms, feasible, gap 6.10 % over placements>",
        ),
        (
            {"value": 2.0, "status": "optimal", "gap": 1e-9, "proven_over": "placements"},
            "<Plan: latency 2 s, optimal over placements, gap 0 %>",
        ),
        (
            {"value": 2.0, "status": "optimal", "gap": 0.0, "proven_over": "all"},
            "<Plan: latency 2 s, optimal, gap 0 %>",
        ),
        (
            {"status": "infeasible", "objective": Objective("period", "once", False)},
            "<Plan: period, not monotone, infeasible>",
        ),
        ({"instance": "a\nb"}, "<Plan for a\ufffdb: latency>"),
    ],
)  # fmt: skip
def test_a_plan_is_one_line(fields: dict[str, Any], line: str) -> None:
    """Objective, value with its unit, what is proven and over which plans, the gap."""
    assert repr(plan(**fields)) == line


def test_the_page_of_a_plan_says_where_layers_are() -> None:
    """tiny.json: the input at pi, two layers at the server: 1000 B at 1e6 B/s are 1 ms."""
    page = ElementTree.fromstring(sf.solve(TINY, "min-cut")._repr_html_())
    texts = list(page.itertext())
    assert {"pi (1) → server (2)", "12 ms", "1 kB", "1 ms"} <= set(texts)


def test_the_page_of_a_plan_escapes_names() -> None:
    """A task, a node, a solver and a reason named <script> are texts."""
    odd = plan(
        instance="<script>",
        solver="<script>",
        reason="<script>&",
        tasks=(TaskEntry(task="<script>", placement={"a": "<script>"}),),
    )
    assert "<script" not in odd._repr_html_()
    texts = list(ElementTree.fromstring(odd._repr_html_()).itertext())
    assert {"<script>", "<script> (1)", "<script>&"} <= set(texts)


def test_many_runs_are_counted() -> None:
    """Twenty layers in turn on two nodes: seven runs, and that there are 13 more."""
    placement = {f"l{i}": f"n{i % 2}" for i in range(20)}
    page = plan(tasks=(TaskEntry(task="t", placement=placement),))._repr_html_()
    assert "n0 (1) → n1 (1)" in page and "and 13 more runs" in page and page.count("→") == 7


@pytest.mark.parametrize(
    ("gap", "shown"),
    [
        (None, "-"),
        (0.0, "0 %"),
        (1e-6, "0 %"),
        (2e-6, "< 0.01 %"),
        (4.9e-5, "< 0.01 %"),
        (5e-5, "0.01 %"),
        (1.25, "125.00 %"),
    ],
)
def test_a_gap_that_is_not_zero_does_not_look_so(gap: float | None, shown: str) -> None:
    """Proven up to 1e-6 is 0; what rounds to 0.00 % is said to be below 0.01 %."""
    assert percent(gap) == shown


def test_a_policy_is_one_line() -> None:
    """What is best by what, over which range, in how many pieces."""
    table = sf.policy(TINY, link=("pi", "server"), low_bps=1e5, high_bps=1e9)
    pieces = f"{len(table.pieces)} pieces" if len(table.pieces) > 1 else "1 piece"
    assert repr(table) == (
        f"<Policy for {TINY.name}: latency by bandwidth of pi -> server, "
        f"1e+05 to 1e+09 bit/s, {pieces}, optimal>"
    )
