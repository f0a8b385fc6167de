"""What the figures of a comparison are of: cost model, instances, limits, version, machine."""

from __future__ import annotations

import json
from collections.abc import Sequence

import msgspec
from msgspec import Struct

from splitfog.formulations.objective import Objective
from splitfog.instances.readable import counted, in_bytes, in_seconds
from splitfog.studies.row import Row, Run
from splitfog.studies.statistics.cases import instance_key


def setting(objective: str, baseline: str, counting: str = "") -> str:
    """An objective, how it counts, and whose values speed-ups refer to."""
    return f"{objective}{', ' if counting else ''}{counting} (speed-up over {baseline})"


def caption(baseline: str, counting: str, rows: Sequence[Row], runs: Sequence[Run]) -> str:
    """A sentence on where the figures of rows come from.

    Parameters
    ----------
    baseline, counting
        Whose values speed-ups refer to, and how is counted where plans do not say it.
    rows
        Of one objective.
    runs
        How these rows were run; empty where that is not known.
    """
    said = setting(rows[0].objective, baseline, "; ".join(_cost_models(runs)) or counting)
    instances = counted(len({instance_key(row) for row in rows}), "instance")
    seeds = sorted({row.seed for row in rows})
    seeds_said = f"seed {seeds[0]}" if len(seeds) == 1 else f"{len(seeds)} seeds"
    versions = dict.fromkeys(f"splitfog {run.splitfog_version}" for run in runs)
    plugins = dict.fromkeys(run.plugin for run in runs if run.plugin)
    machines = dict.fromkeys(run.machine for run in runs)
    parts = [said, f"{instances}, {seeds_said}", *_limits(runs)]
    parts += [*versions, *plugins, *(f"on {machine}" for machine in machines)]
    return "; ".join(parts) + "."


class _Minimised(Struct):
    """What is read of a plan here."""

    objective: Objective | None = None


def _cost_models(runs: Sequence[Run]) -> list[str]:
    """`transfers once, monotone`: how plans count, what is usual too; nothing without plans."""
    plans = (msgspec.json.decode(run.plan, type=_Minimised) for run in runs if run.plan)
    return [_words(each) for each in dict.fromkeys(plan.objective for plan in plans) if each]


def _words(objective: Objective) -> str:
    said = {
        f"transfers {objective.transfers}": True,
        "monotone" if objective.monotone else "not monotone": True,
        f"pass {objective.pass_name}": objective.pass_name,
        f"contiguous in a {objective.contiguous}": objective.contiguous,
        "partial": objective.partial,
    }
    return ", ".join(words for words, is_said in said.items() if is_said)


def _limits(runs: Sequence[Run]) -> list[str]:
    """`at most 2 s a run`, `no time limit`; nothing where it is not known."""
    found: dict[str, None] = {}
    for text in dict.fromkeys(run.options for run in runs):
        given = json.loads(text)
        seconds, memory = given.get("time_limit_s"), given.get("memory_limit_bytes")
        limits = [] if seconds in (None, float("inf")) else [in_seconds(seconds)]
        limits += [] if memory is None else [in_bytes(memory)]
        found[f"at most {' and '.join(limits)} a run" if limits else "no time limit"] = None
    return list(found)
