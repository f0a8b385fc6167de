"""Figures of a run, from requests whose times are known."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

pytest.importorskip("onnxruntime")

from splitfog.deployment.driving.outcome import Span
from splitfog.deployment.driving.report import RunReport, plan_report
from splitfog.deployment.runtime.program import Program
from tests.deployment.driving.relayed import RIGHT, relayed
from tests.deployment.driving.relayed import played as outcome

PROGRAM = Program(relayed())


def test_medians_and_throughput() -> None:
    """Latencies 7, 14 and 70 s: median 14, 95 % at 14 + 0.9 x 56 = 64.4, 3 requests in 80 s."""
    done = [outcome(1, 100.0, 1.0), outcome(2, 105.0, 2.0), outcome(3, 110.0, 10.0)]
    found = plan_report("hand", PROGRAM, done, [RIGHT])
    assert found.median_s == pytest.approx(14)
    assert found.p95_s == pytest.approx(64.4)
    assert found.throughput_per_s == pytest.approx(3 / 80)
    assert found.shown["1-server"] == Span(6.0, 8.0)  # of the median one, the fourth step
    parts = {part.name: (part.measured_s, part.cpu_s, part.predicted_s) for part in found.parts}
    assert parts["1-server"] == pytest.approx((2.0, 1.0, 0.02))
    links = {(x.tail, x.head): (x.bytes, x.measured_s, x.predicted_s) for x in found.links}
    assert links["pi", "box"] == pytest.approx((1000, 2.0, 0.009))


def test_the_figures_are_those_that_the_command_promises() -> None:
    """Key by key; of several plans a list, each with its name."""
    one = plan_report("hand", PROGRAM, [outcome(1, 0.0, 1.0)], [RIGHT])
    figures = RunReport((one,), False).figures()
    assert isinstance(figures, dict)
    assert set(figures) == {"measured", "predicted", "links", "parts"}
    assert figures["measured"] == {"median_s": 7.0, "p95_s": 7.0, "throughput_per_s": 1 / 7}
    assert figures["predicted"] == pytest.approx(
        {"latency_s": 0.0775, "parts_s": 0.0775, "period_s": 0.03}
    )
    assert set(figures["links"][0]) == {"from", "to", "bytes", "measured_s", "predicted_s"}
    assert set(figures["parts"][0]) == {"name", "measured_s", "predicted_s"}
    several = RunReport((one, one), False).figures()
    assert several == [{"plan": "hand", **figures}] * 2


def test_a_notebook_shows_the_same_figures() -> None:
    """Latency, three parts and four links, each measured and predicted, as well-formed HTML."""
    one = plan_report("<hand>", PROGRAM, [outcome(1, 0.0, 1.0)], [RIGHT])
    page = ElementTree.fromstring(f"<div>{RunReport((one,), False)._repr_html_()}</div>")
    cells = [["".join(cell.itertext()) for cell in row] for row in page.iter("tr")]
    assert len(cells) == 1 + 1 + 3 + 4
    assert cells[1] == ["latency, median", "7 s", "77.5 ms"]
    assert cells[-1] == ["box → pi", "1 s", "1 ms"]
    assert next(page.iter("p")).text == "<hand>: 1 request, 0 lost"


def test_lost_requests_and_other_outputs_fail_a_run() -> None:
    """A lost one is counted among its plan's; one bit of an output is enough."""
    lost = outcome(8, 0.0, 1.0)
    lost.lost = "node box is gone"
    found = plan_report("hand", PROGRAM, [outcome(7, 0.0, 1.0), lost], [RIGHT])
    assert found.lost == ((2, "node box is gone"),)
    assert len(found.latencies_s) == 1
    assert not found.passed
    wrong = plan_report("hand", PROGRAM, [outcome(7, 0.0, 1.0, b"\x01" + bytes(99))], [RIGHT])
    assert wrong.agreement is not None
    assert not wrong.agreement.exact
    assert not wrong.passed
    assert plan_report("hand", PROGRAM, [outcome(7, 0.0, 1.0)], [RIGHT]).passed


def test_without_a_request_that_ended_nothing_is_measured() -> None:
    """Only what is predicted stands there."""
    found = plan_report("hand", PROGRAM, [], [RIGHT])
    assert found.median_s is found.p95_s is found.throughput_per_s is found.agreement is None
    assert {part.measured_s for part in found.parts} == {None}
