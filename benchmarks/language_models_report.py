"""The tables of docs/language-models.md, out of the stored rows of `benchmarks.language_models`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from statistics import mean

from benchmarks.common import table
from benchmarks.language_models import OBJECTIVES, OPTIMA, RESULTS, RULES, Row, stored
from splitfog.formulations.tolerances import EQUAL
from splitfog.studies.summary import mean_interval

PAGE, MARK = RESULTS.parents[2] / "docs" / "language-models.md", "## Tables\n"
OPTIMUM, LINE = OPTIMA


def excesses(rows: Iterable[Row], objective: str, way: str) -> dict[int, float]:
    """Seed -> per cent above the optimum of the objective, where the way has a plan."""
    own = {row.seed: row.value_s for row in rows if (row.objective, row.way) == (objective, way)}
    best = {
        row.seed: row.value_s
        for row in rows
        if (row.objective, row.way) == (objective, OPTIMUM)
    }
    return {
        seed: 100 * (value / least - 1)
        for seed, value in own.items()
        if value is not None and (least := best[seed]) is not None
    }


def crossed(rows: Iterable[Row], other: str) -> dict[int, float]:
    """Seed -> per cent by which the optimum of one objective misses the other one's."""
    find: Callable[[Row], float | None]
    find = (lambda row: row.token_s) if other == "latency" else (lambda row: row.period_s)
    found = {(row.objective, row.seed): find(row) for row in rows if row.way == OPTIMUM}
    (one,) = (name for name in OBJECTIVES if name != other)
    return {
        seed: 100 * (value / best - 1)
        for (objective, seed), value in found.items()
        if objective == one and value is not None and (best := found[other, seed]) is not None
    }


def line(name: str, values: dict[int, float], of: int) -> list[object]:
    """What a way is above the optimum: mean with its 95 % interval, worst, how often not at all."""
    if not values:
        return [name, f"0 of {of}", "-", "-", "-"]
    own = list(values.values())
    low, high = mean_interval(own)
    spread = "" if low is None or high is None else f" ({low:.1f} to {high:.1f})"
    exact = sum(value <= 100 * EQUAL for value in own)
    return [name, f"{len(own)} of {of}", f"{mean(own):.1f}{spread}", f"{max(own):.1f}", exact]


def by_objective(rows: list[Row], objective: str) -> str:
    """A line for every rule, one for the best line, one for the other objective's optimum."""
    fits = len(excesses(rows, objective, OPTIMUM))
    (other,) = (name for name in OBJECTIVES if name != objective)
    ways = [(rule, excesses(rows, objective, rule)) for rule in (*RULES, LINE)]
    known = {row.way for row in rows if row.objective == objective}
    lines = [line(name, found, fits) for name, found in ways if name in known]
    lines.append(line(f"optimum of {other}", crossed(rows, objective), fits))
    head = ["way", "has a plan", "mean excess, %", "worst, %", "optimal"]
    return table(head, lines)


def by_memory(rows: list[Row], objective: str) -> str:
    """Mean excess of every rule, by how much memory there is."""
    ratios = sorted({row.memory_ratio for row in rows})
    lines = []
    for rule in RULES:
        cells: list[object] = [rule]
        for ratio in ratios:
            part = [row for row in rows if row.memory_ratio == ratio]
            own = excesses(part, objective, rule)
            fits = len(excesses(part, objective, OPTIMUM))
            cells.append(f"{mean(own.values()):.0f} ({len(own)} of {fits})" if own else "no plan")
        if any(row.way == rule and row.objective == objective for row in rows):
            lines.append(cells)
    return table(["rule", *(f"{ratio:g}" for ratio in ratios)], lines)


def report() -> str:
    """The tables; they are also written into the page, behind its heading `Tables`."""
    rows = stored()
    parts = []
    for objective, words in zip(OBJECTIVES, ("latency of a token", "period"), strict=True):
        parts += [f"### {words.capitalize()}", by_objective(rows, objective)]
        parts += ["Mean excess in %, by memory over need:", by_memory(rows, objective)]
    text = "\n\n".join(parts)
    head, mark, _ = PAGE.read_text("utf-8").partition(MARK)
    PAGE.write_text(f"{head}{mark}\n{text}\n", "utf-8")
    return text
