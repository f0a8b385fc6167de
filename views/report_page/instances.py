"""What the page holds of the instances: their files, and what plans on them are drawn with."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from splitfog.formulations.objective import Objective
from splitfog.instances.instance import Instance, encode_instance
from splitfog.studies.row import Row, Run
from splitfog.views import style
from splitfog.views.report_page.drawings import Drawings
from splitfog.views.report_page.times import times_of


class _Task(Struct):
    placement: dict[str, str] = {}


class _Placed(Struct):
    """What is read of a plan here."""

    objective: Objective
    tasks: tuple[_Task, ...] = ()


Used = dict[str, set[str]]
"""Nodes that layers are on, by the pass that plans are for; empty for a whole request."""


def page_instances(
    instances: Sequence[Instance], rows: Sequence[Row], runs: Sequence[Run]
) -> dict[str, Any]:
    """The instances by their hashes, and the drawings of their networks.

    Parameters
    ----------
    instances, rows, runs
        Of a table.

    Returns
    -------
    dict
        `instances`, by the hash that rows name; `drawings`, which they refer to by number.

    Notes
    -----
    A layout for every network of its own, and a table of seconds for every instance of one task
    that has plans under `latency`.
    """
    drawings, used = Drawings(), _nodes_used(rows, runs)
    found = {
        sha256: _instance(instance, drawings, used.get(sha256, {}))
        for sha256, instance in {each.sha256: each for each in instances}.items()
    }
    return {"instances": found, "drawings": drawings.made}


def _instance(instance: Instance, drawings: Drawings, used: Used) -> dict[str, Any]:
    from matplotlib.colors import to_hex

    content = encode_instance(instance)
    colours = style.Palette(instance).nodes
    timed = used if len(instance.tasks) == 1 else {}
    return {
        "file": content.decode(),
        "sha256": hashlib.sha256(content).hexdigest(),
        "drawings": [drawings.place(model) for model in instance.models],
        "colours": [[to_hex(colour), style.ink_on(colour)] for colour in colours],
        "times": {
            name: times_of(instance, name or None, nodes | _goals(instance))
            for name, nodes in timed.items()
        },
    }


def _goals(instance: Instance) -> set[str]:
    return {task.results_to for task in instance.tasks if task.results_to is not None}


def _nodes_used(rows: Iterable[Row], runs: Iterable[Run]) -> dict[str | None, Used]:
    """By instance and pass the nodes in plans whose times are drawn one after another."""
    found: dict[str | None, Used] = {}
    for row, run in zip(rows, runs, strict=False):
        if run.plan is not None and row.objective == "latency":
            plan = msgspec.json.decode(run.plan, type=_Placed)
            own = found.setdefault(row.instance_sha256, {})
            nodes = own.setdefault(plan.objective.pass_name or "", set())
            nodes.update(*(task.placement.values() for task in plan.tasks))
    return found
