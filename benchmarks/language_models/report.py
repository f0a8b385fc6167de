"""The tables of docs/language-models.md, out of the rows of `benchmarks.language_models.rules`."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import mean, median

from benchmarks.common import table
from benchmarks.language_models import helix
from benchmarks.language_models.rules import (
    FLEETS,
    MEMORY_RATIOS,
    MODELS,
    OBJECTIVES,
    PLACES,
    RESULTS,
    RULES,
    WEIGHT_BITS,
    Row,
    outcome,
    stored,
)
from splitfog import Instance, generate
from splitfog.formulations.plan import OPTIMALITY_GAP
from splitfog.studies.statistics.intervals import mean_interval

PAGE, MARK = RESULTS.parents[2] / "docs" / "language-models.md", "## Tables\n"


def excesses(rows: Iterable[Row], objective: str, way: str) -> dict[int, float]:
    """Seed -> per cent above the optimum of the objective, where the way has a plan."""
    own: dict[str, dict[int, float]] = {way: {}, f"optimum of {objective}": {}}
    for row in rows:
        value = row.value_s(objective)
        if row.way in own and value is not None:
            own[row.way][row.seed] = value
    best = own[f"optimum of {objective}"]
    return {seed: 100 * (value / best[seed] - 1) for seed, value in own[way].items()}


def line(name: str, values: dict[int, float], of: int) -> list[object]:
    """What a way is above the optimum: mean with its 95 % interval, median, worst, and how often it
    is optimal."""
    if not values:
        return [name, f"0 of {of}", "-", "-", "-", "-"]
    own = list(values.values())
    low, high = mean_interval(own)
    spread = "" if low is None or high is None else f" ({low:.1f} to {high:.1f})"
    exact = sum(value <= 100 * OPTIMALITY_GAP for value in own)
    figures = (f"{mean(own):.1f}{spread}", f"{median(own):.1f}", f"{max(own):.0f}")
    return [name, f"{len(own)} of {of}", *figures, exact]


def by_objective(rows: list[Row], objective: str) -> str:
    """A line for every rule, for the best line, and for the other objective's optimum."""
    (other,) = (name for name in OBJECTIVES if name != objective)
    own = f"optimum of {objective}"
    ways = (*RULES, f"best line of {objective}", f"optimum of {other}")
    fits = len(excesses(rows, objective, own))
    lines = [line(way, excesses(rows, objective, way), fits) for way in ways]
    return table(["way", "has a plan", "mean, %", "median, %", "worst, %", "optimal"], lines)


def by_setting(rows: list[Row], objective: str) -> str:
    """The mean of every rule by how much memory there is, and by place."""
    parts = {
        f"memory x{ratio:g}": [r for r in rows if r.memory_ratio == ratio]
        for ratio in MEMORY_RATIOS
    }
    parts |= {place: [row for row in rows if row.place == place] for place in PLACES}
    return table(
        ["rule", *parts],
        [[rule, *(_short(part, objective, rule) for part in parts.values())] for rule in RULES],
    )


def _short(rows: list[Row], objective: str, rule: str) -> str:
    """`43 (9 of 20)`: a mean in per cent, and how many plans it is of."""
    own = excesses(rows, objective, rule)
    fits = len(excesses(rows, objective, f"optimum of {objective}"))
    return f"{mean(own.values()):.0f} ({len(own)} of {fits})" if own else "no plan"


def three_fleets() -> str:
    """TPOT in ms and pipelined tokens a second of every way, for each model on each fleet."""
    ways = [*(f"optimum of {objective}" for objective in OBJECTIVES), *RULES]
    columns = [
        [f"{model} on {name}", *(_both(served(model, machines, network), way) for way in ways)]
        for name, (machines, network) in FLEETS.items()
        for model in MODELS
    ]
    head, *lines = zip(["way", *ways], *columns, strict=True)
    return table(head, lines)


def served(model: str, machines: str, network: str) -> Instance:
    """A request to a model on one of the three fleets."""
    return generate(
        "pipeline", model=model, machines=machines, network=network, weight_bits=WEIGHT_BITS
    )


def _both(instance: Instance, way: str) -> str:
    _, (_, token_s, period_s) = outcome(instance, way)
    return f"{1e3 * token_s:.1f}, {1 / period_s:.1f}" if token_s and period_s else "no plan"


def report() -> str:
    """The tables; they are also written into the page, behind its heading `Tables`."""
    rows = stored()
    parts = ["### Three fleets", "TPOT in ms, and pipelined tokens a second:", three_fleets()]
    for objective, words in zip(OBJECTIVES, ("latency of a token", "period"), strict=True):
        parts += [f"### {words.capitalize()}", by_objective(rows, objective)]
        parts += ["The mean by memory over need, and by place:", by_setting(rows, objective)]
    parts += ["### Helix's fleets", helix.report()]
    text = "\n\n".join(parts)
    head, mark, _ = PAGE.read_text("utf-8").partition(MARK)
    PAGE.write_text(f"{head}{mark}\n{text}\n", "utf-8")
    return text
