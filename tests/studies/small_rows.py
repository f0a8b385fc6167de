"""A small table of a comparison, with what is hard to show."""

from __future__ import annotations

from typing import Any

from splitfog.studies.row import Declined, Row
from splitfog.studies.rows import Table


def row(**fields: Any) -> Row:
    """A row with some figures."""
    defaults = {"instance": "i", "objective": "latency", "solver": "hpa", "seed": 0}
    return Row(**{**defaults, "status": "feasible", "runtime_s": 0.5, **fields})


ROWS = Table(
    rows=(
        row(value=0.2, lower_bound=0.1, gap=0.5, speedup=2.0),
        row(instance="<j>", value=0.4, gap=0.0, speedup=8.0, status="optimal", reason="a, b"),
        row(solver="ilp", status="unknown", seed=7),
    ),
    declined=(
        Declined(instance="i", objective="latency", solver="dads", reason="three tiers & more"),
    ),
)
