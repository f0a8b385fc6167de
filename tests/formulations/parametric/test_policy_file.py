"""Policy files of version 2: plan tables are read back as they were, and every defect is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from splitfog import PlanTable, load_policy, plan_table, save_policy
from splitfog.formulations.parametric.figure import Key
from splitfog.instances.defects import InstanceError
from splitfog.instances.generators import generate
from tests.cases.small_tables import LINK, two_places


@cache
def small() -> PlanTable:
    """Two plans over two figures, and a table for each node that may fail."""
    return plan_table(two_places(), {LINK: (1e5, 1e8), "e": (0.5, 20.0)}, failures=True)


@pytest.mark.parametrize("name", ["t.json", "t.json.gz"])
def test_tables_are_read_back(tmp_path: Path, name: str) -> None:
    """Writing and reading gives the same table, with the same look-ups; writing again the bytes."""
    instance = generate("three-tier", model="squeezenet-1.0", edge_nodes=2)
    table = plan_table(
        instance, {("device", "edge0"): (1e5, 1e9), "edge0": (0.5, 20)}, failures=True
    )
    save_policy(table, tmp_path / name)
    again = load_policy(tmp_path / name)
    assert isinstance(again, PlanTable)
    assert again == table
    assert again.to_json() == table.to_json()
    wanted = np.array([[1e6, 1.0], [1e9, 0.5], [1e5, 20.0]])
    for down in (None, "edge1", "cloud"):
        assert (again.values(wanted, down=down) == table.values(wanted, down=down)).all()
    figures: dict[Key, float] = {("device", "edge0"): 1e6, "edge0": 1.0}
    assert again.bands(figures) == table.bands(figures)


Change = Callable[[dict[str, Any]], Any]

DEFECTS: list[tuple[Change, str]] = [
    (lambda d: d.update(version=3), "version = 3, must be 1 or 2"),
    (lambda d: d.update(version=True), "version = true, must be 1 or 2"),
    (lambda d: d.pop("figures"), "figures is missing"),
    (lambda d: d.update(extra=1), "extra"),
    (lambda d: d["figures"].clear(), r"figures = \[\], must be at least one"),
    (lambda d: d["figures"][0].update(low=1e9), r"figures\[0\].low = 1000000000.0, must be <"),
    (
        lambda d: d["figures"][0].update(low=-1),
        r"figures\[0\].low = -1, must be a finite",
    ),
    (lambda d: d["figures"][1].update(link=["d", "e"]), r"figures\[1\]: exactly one of link and"),
    (
        lambda d: d["figures"].__setitem__(
            1, {"link": ["e", "d"], "directions": "forward", "low": 1, "high": 2}
        ),
        r"figures\[1\]: e,d varies already",
    ),
    (lambda d: d.update(status="infeasible"), "placements: 2 with status infeasible, must be none"),
    (lambda d: d["placements"][1]["t"].pop("a"), r"placements\[1\]: must place the tasks and lay"),
    (lambda d: d["placements"][0]["t"].update(a="f"), r'placements\[0\]: node "f", must be a node'),
    (lambda d: d["links"][0].update({"to": "f"}), r'links\[0\].to = "f", must be a node of held'),
    (lambda d: d["cells"].clear(), "cells: 0 with status optimal, must be at least one"),
    (lambda d: d["cells"][0]["planes"].pop(), r"cells\[0\].planes has 1 entries, must have 2"),
    (
        lambda d: d["cells"][0]["planes"][1]["slopes"].pop(),
        r"cells\[0\].planes\[1\].slopes has 1 numbers, must have 2: one a figure",
    ),
    (
        lambda d: d["cells"][0]["planes"][1]["crossings"].append(1.0),
        r"planes\[1\].crossings has 2 numbers, must have 1: one a link",
    ),
    (
        lambda d: d["cells"][0]["planes"][1].update(alpha_s=-1),
        r"cells\[0\].planes\[1\].alpha_s = -1, must be a finite number",
    ),
    (
        lambda d: d["cells"][0].update(sides=[{"offset": 1, "normal": [1], "closed": True}]),
        r"cells\[0\].sides\[0\].normal has 1 numbers, must have 2",
    ),
    (lambda d: d["cells"][0].update(planes=[None, None]), "one at least must not be null"),
    (lambda d: d["failures"].update(f=d["failures"]["e"]), "failures.f: must be a node of held"),
    (lambda d: d["failures"]["e"]["cells"].clear(), "failures.e.cells: 0 with status optimal"),
    (lambda d: d["failures"]["e"]["cells"][0]["planes"].pop(), r"failures.e.cells\[0\].planes has"),
    (lambda d: d.update(own=[None]), "own has 1 entries, must have 2"),
    (
        lambda d: d["held"]["d"].update(weight_bytes=-1),
        "held.d.weight_bytes = -1, must be a",
    ),
]


@pytest.mark.parametrize(("change", "message"), DEFECTS, ids=[message for _, message in DEFECTS])
def test_defective_files_are_named(tmp_path: Path, change: Change, message: str) -> None:
    """A file that is none says what is wrong with it."""
    data = json.loads(small().to_json())
    change(data)
    path = tmp_path / "t.json"
    path.write_text(json.dumps(data))
    with pytest.raises(InstanceError, match=message):
        load_policy(path)


def test_all_defects_are_listed(tmp_path: Path) -> None:
    """Not only the first: three lists that do not go together are three sentences."""
    data = json.loads(small().to_json())
    data["figures"][0]["low"] = 1e9
    data["cells"][0]["planes"][1]["slopes"].pop()
    data["own"] = [None]
    path = tmp_path / "t.json"
    path.write_text(json.dumps(data))
    with pytest.raises(InstanceError) as caught:
        load_policy(path)
    assert len(caught.value.defects) == 4  # own is too short, and has no plane


def test_a_table_is_shown_in_notebooks() -> None:
    """Its figures, its plans with their shares, and what is said of failures and memory."""
    table = small()
    assert repr(table) == (
        "<PlanTable for small: latency by bandwidth of d -> e, load of e, 2 plans, optimal>"
    )
    shown = table._repr_html_()
    assert "load of e" in shown
    assert "<td>8 MB</td>" in shown
    rows = table.rows()
    assert sum(row["share"] for row in rows) == pytest.approx(1)
    layers = {tuple(row["layers"].items()): row["own_s"] for row in rows}
    # at 8 Mbit/s and load 1: all on d 1 s, a on e 0.01 + 0.1 + 0.1
    assert layers == pytest.approx({(("d", 2),): 1.0, (("d", 1), ("e", 1)): 0.21})
