"""The picture of performance profiles."""

from __future__ import annotations

import re

from splitfog.studies.statistics.profiles import profiles
from splitfog.views.charts.profiles import profile_picture


def test_every_solver_is_named() -> None:
    """One that has no plan anywhere too; and more of them than there are colours."""
    costs: dict[str, list[float | None]] = {f"s{i}": [1.0, 1.0 + i] for i in range(12)}
    svg = profile_picture(profiles({**costs, "none": [None, None]}), "latency", ".svg").decode()
    texts = re.findall(r">([^<>]+)</text>", svg)
    assert {*costs, "none", "latency", "% of instances"} <= set(texts)
