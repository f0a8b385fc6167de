"""What rules cost a language model's users: `python -m benchmarks.language_models.rules`.

The fleets of the study `fleet`, every rule and the optimum by both objectives; beside what that
study runs, machines put in order, and plans in a line. Appends rows to
notebooks/data/language_models.csv and skips what stands there already, so it can be stopped and
resumed. `python -m benchmarks.language_models.rules report` writes the tables of
docs/language-models.md out of that file.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from math import inf
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from benchmarks.common import asked_for
from splitfog import Instance, Node, evaluate, load_study, solve
from splitfog.instances.records import changed
from splitfog.studies.study_files.entries import Made

RESULTS: Path = Path(__file__).parents[2] / "notebooks" / "data" / "language_models.csv"

STUDY = load_study("fleet")
FLEETS_ENTRY = STUDY.content.instances[0]
MODELS, PLACES = FLEETS_ENTRY["model"], FLEETS_ENTRY["place"]
MEMORY_RATIOS, WEIGHT_BITS = FLEETS_ENTRY["memory_ratio"], FLEETS_ENTRY["weight_bits"]
SEEDS = range(len(STUDY.sources))

OBJECTIVES = ("latency", "period")


class Rule(NamedTuple):
    """A solver with its options and what it is asked to minimise; whether the machines are put in
    order before, by their memory's bandwidth, the fastest first."""

    solver: str
    options: Mapping[str, Any] = MappingProxyType({})
    objective: str = "latency"
    is_sorted: bool = False


RULES = {
    "equal": Rule("equal"),
    "memory-proportional": Rule("memory-proportional"),
    "exo": Rule("exo"),
    "greedy-fill": Rule("greedy-fill"),
    "greedy-fill, fastest first": Rule("greedy-fill", is_sorted=True),
    "water-fill": Rule("water-fill"),
    "water-fill by block": Rule("water-fill", {"speed": "block"}),
    "edgeshard": Rule("edgeshard"),
    "halda": Rule("halda"),
    "pipeedge": Rule("pipeedge", objective="period"),
}
"""Each makes one plan, which is judged by both objectives."""
OPTIMA = {
    f"{name} of {objective}": (objective, contiguous)
    for name, contiguous in (("optimum", "ring"), ("best line", "line"))
    for objective in OBJECTIVES
}
"""By name what `pipeline` proves: the best where a machine may hold both ends, and where not."""


FLEETS = {
    "a home": ("mac-mini-m4-pro,rtx-3090,mac-mini-m4,desktop", "gigabit"),
    "three Macs": ("mac-studio-m3-ultra,macbook-pro-m4-max,mac-mini-m4-pro", "thunderbolt-5"),
    "a lab": ("t4,l4,t4,a100-40gb", "ethernet-10g"),
}
"""By name: the kinds of the machines, the source first, and their network."""


class Row(NamedTuple):
    """What a way to split comes to on a fleet; no figures where it has no plan.

    `first_token_s` is the latency of the prefill, `token_s` and `period_s` are of the decode pass.
    """

    seed: int
    model: str
    place: str
    machines: int
    memory_ratio: float
    way: str
    status: str
    first_token_s: float | None
    token_s: float | None
    period_s: float | None

    def value_s(self, objective: str) -> float | None:
        """Of one execution of the decode pass."""
        return self.token_s if objective == "latency" else self.period_s


def fleet(seed: int) -> tuple[Instance, dict[str, Any]]:
    """The fleet of a seed, one for each combination of model, place, size and memory; and which."""
    source = STUDY.sources[seed]
    assert isinstance(source, Made) and source.seed == seed
    names = ("model", "place", "machines", "memory_ratio")
    return source(), {name: source.options[name] for name in names}


def measured(seed: int, way: str) -> Row:
    """The row of a way on a fleet."""
    instance, setting = fleet(seed)
    status, (first_token_s, token_s, period_s) = outcome(instance, way)
    return Row(
        **setting,
        seed=seed,
        way=way,
        status=status,
        first_token_s=_short(first_token_s),
        token_s=_short(token_s),
        period_s=_short(period_s),
    )


def outcome(instance: Instance, way: str) -> tuple[str, tuple[float | None, ...]]:
    """Status, TTFT, TPOT and period of a way's plan; None without a plan."""
    rule = RULES.get(way, Rule("pipeline"))
    objective, contiguous = OPTIMA.get(way, (rule.objective, None))
    if rule.is_sorted:
        instance = changed(instance, nodes=tuple(sorted(instance.nodes, key=_slowness)))
    plan = solve(
        instance,
        rule.solver,
        objective,
        pass_name="decode",
        contiguous=contiguous,
        options=dict(rule.options),
    )
    if not plan.tasks:
        return str(plan.status), (None, None, None)
    passes = plan.tasks[0].passes or {}
    period_s = float(evaluate(instance, plan, "period", pass_name="decode"))
    return str(plan.status), (passes["prefill"].latency_s, passes["decode"].latency_s, period_s)


def _slowness(node: Node) -> float:
    return -(node.memory_bytes_per_s or inf)


def _short(value: float | None) -> float | None:
    """Nine digits, so that the file of all rows is not longer than it need be."""
    return None if value is None else float(f"{value:.9g}")


def stored(path: Path = RESULTS) -> list[Row]:
    """The rows measured so far."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return [_read(line) for line in csv.DictReader(file)]


def _read(line: dict[str, str]) -> Row:
    first_token_s, token_s, period_s = (
        float(line[name]) if line[name] else None for name in Row._fields[-3:]
    )
    return Row(
        seed=int(line["seed"]),
        model=line["model"],
        place=line["place"],
        machines=int(line["machines"]),
        memory_ratio=float(line["memory_ratio"]),
        way=line["way"],
        status=line["status"],
        first_token_s=first_token_s,
        token_s=token_s,
        period_s=period_s,
    )


def main() -> None:
    """Measure what is missing."""
    done = {(row.seed, row.way) for row in stored()}
    fresh = not RESULTS.exists()
    with RESULTS.open("a", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        if fresh:
            writer.writerow(Row._fields)
        for seed in SEEDS:
            for way in (*OPTIMA, *RULES):
                if (seed, way) not in done:
                    row = measured(seed, way)
                    writer.writerow(row)
                    file.flush()
                    print(*row, flush=True)


if __name__ == "__main__":
    words = asked_for(__doc__, "`report`; nothing: measure", ["report"])
    if words == ["report"]:
        from benchmarks.language_models.report import report

        print(report())
    else:
        main()
