"""The golden cases: instances with every cost of some placements, and optima by enumeration."""

from __future__ import annotations

import json
from functools import cache
from math import inf
from pathlib import Path
from typing import Any

from splitfog.instances.files import parse_instance
from splitfog.instances.instance import Instance

FOLDER = Path(__file__).parents[1] / "data" / "golden"
FILES = sorted(path.stem for path in FOLDER.glob("*.json"))
REPLAYS = [name for name in FILES if name.startswith("replay")]
STAGES = [name for name in FILES if name.startswith("stage")]
PASSES = [name for name in FILES if name.startswith("passes")]
THROUGHPUTS = [name for name in FILES if name.startswith("throughput")]
SHARED = "shared-weights-1"
OTHERS = {*REPLAYS, *STAGES, *PASSES, *THROUGHPUTS, SHARED}
NAMES = [name for name in FILES if name not in OTHERS]
SINGLE = [name for name in NAMES if not name.startswith("fog")]

COSTS: dict[str, dict[str, Any]] = {
    "latency once": {"objective": "latency"},
    "latency per-edge": {"objective": "latency", "transfers": "per-edge"},
    "makespan": {"objective": "makespan"},
    "period": {"objective": "period"},
}
OPTIMA: dict[str, dict[str, Any]] = {
    "latency, once": {"objective": "latency"},
    "latency, once, not monotone": {"objective": "latency", "monotone": False},
    "latency, per-edge": {"objective": "latency", "transfers": "per-edge"},
    "period, once": {"objective": "period"},
}


@cache
def case(name: str) -> tuple[Instance, dict[str, Any]]:
    """A golden instance and the file that it stands in."""
    data = json.loads((FOLDER / f"{name}.json").read_text())
    return parse_instance(json.dumps(data["instance"]).encode(), name), data


def number(value: float | None) -> float:
    """A value of the file; null means impossible."""
    return inf if value is None else value


def optimum(name: str, key: str) -> float:
    """The least value over all placements; inf if none is feasible."""
    found = case(name)[1]["optima"][key]
    return inf if found is None else number(found["value"])
