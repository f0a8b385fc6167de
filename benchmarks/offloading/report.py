"""Tables and pictures of the offloading study, out of its stored rows, into the study page."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np

from benchmarks.common import asked_for, table
from benchmarks.offloading.study import (
    BASE_SCALE,
    BASE_UTILISATION,
    BOUNDS,
    NARROW,
    RESULTS,
    SOLVERS,
    stored,
)

PICTURE = RESULTS.with_name("offloading.png")
PAGE = RESULTS.parent.parent / "STUDY.md"
MARK = "## Tables\n"
RIVALS = tuple(solver for solver in SOLVERS if solver != NARROW)
UNSLICED = tuple(solver for solver in RIVALS if solver != "dina")
"""Whose plans are without stages."""
Key = tuple[int, str, float, float]
KEY = ["users", "radio", "utilisation", "bandwidth x"]


def figures(column: str) -> dict[Key, dict[str, dict[int, float]]]:
    """Setting -> solver -> seed -> value, of the rows that have one."""
    found: dict[Key, dict[str, dict[int, float]]] = defaultdict(lambda: defaultdict(dict))
    for row in stored():
        ways = float(row["utilisation"]), float(row["bandwidth_scale"])
        solver = found[int(row["users"]), row["radio"], *ways][row["solver"]]
        if row[column]:
            solver[int(row["seed"])] = _number(row[column])
    return found


def gaps() -> dict[Key, dict[str, dict[int, float]]]:
    """As `figures`: how far plans are above the bound of their network, as a share of them.

    Under "unsliced", how far the best of plans without stages is above the bound on these.
    """
    found: dict[Key, dict[str, dict[int, float]]] = defaultdict(lambda: defaultdict(dict))
    values = figures("formula_s")
    for row in stored(BOUNDS):
        ways = float(row["utilisation"]), float(row["bandwidth_scale"])
        key, seed = (int(row["users"]), row["radio"], *ways), int(row["seed"])
        own = {name: of[seed] for name, of in values[key].items() if seed in of}
        for solver, value in own.items():
            found[key][solver][seed] = 1 - float(row["bound_s"]) / value
        best = min(own[solver] for solver in UNSLICED if solver in own)
        found[key]["unsliced"][seed] = 1 - float(row["without_stages_s"]) / best
    return found


def _number(text: str) -> float:
    return float(text == "True") if text in ("True", "False") else float(text)


def ordered(found: dict[Key, dict[str, dict[int, float]]]) -> list[Key]:
    """Settings by users, serial radios first."""
    return sorted(found, key=lambda key: (key[0], key[1] != "serial", *key[2:]))


def interval(values: list[float]) -> tuple[float, float]:
    """Mean and half of its 95 % interval (normal; nan below two values)."""
    array = np.array(values)
    half = 1.96 * array.std(ddof=1) / np.sqrt(len(array)) if len(array) > 1 else float("nan")
    return float(array.mean()), float(half)


def cell(values: list[float], style: str = "{:.2f} ± {:.2f}") -> str:
    """Mean and half of the interval; the number alone where there is one, "none" without any."""
    if not values:
        return "none"
    mean, half = interval(values)
    text = style.format(mean, half)
    return text if len(values) > 1 else text.split(" ±")[0]


def ratios(column: str) -> str:
    """How many times a rival's latency is that of `dina-narrow` on the same network, with interval.

    In brackets the share of networks where the rival has a plan at all.
    """
    found = figures(column)
    rows = []
    for key in ordered(found):
        own = found[key].get(NARROW, {})
        row: list[object] = [*key]
        for rival in RIVALS:
            theirs = found[key].get(rival, {})
            both = [theirs[seed] / own[seed] for seed in own if seed in theirs]
            share = len(both) / max(len(own), 1)
            text = cell(both) if both else "no plan" if rival in found[key] else "not run"
            row.append(text if share in (0, 1) else f"{text} ({share:.0%})")
        rows.append(row)
    return table([*KEY, *RIVALS], rows)


def own_figures() -> str:
    """Of `dina-narrow`: latency by formula and simulation, stability, iterations."""
    columns = ("formula_s", "simulated_s", "p95_s", "swaps", "runtime_s")
    tables = {column: figures(column) for column in columns}
    rows = []
    for key in ordered(tables["formula_s"]):
        row: list[object] = [*key]
        row.append(len(tables["formula_s"][key].get(NARROW, {})))
        for column in columns:
            values = list(tables[column][key].get(NARROW, {}).values())
            row.append(cell(values, "{:.4g} ± {:.2g}"))
        rows.append(row)
    return table([*KEY, "networks", *columns], rows)


def means(
    found: dict[Key, dict[str, dict[int, float]]],
    scale: float = 1.0,
    columns: tuple[str, ...] = SOLVERS,
) -> str:
    """A figure of every solver's plans: mean over the networks."""
    rows = []
    for key in ordered(found):
        values = (list(found[key].get(solver, {}).values()) for solver in columns)
        rows.append([*key, *(f"{scale * np.mean(v):.3g}" if v else "none" for v in values)])
    return table([*KEY, *columns], rows)


def proven() -> str:
    """At 10 users, in %: how far above proven optima both `dina`, best responses, `dina-o` end."""
    found, sure = figures("formula_s"), figures("proven")
    rows = []
    for key in ordered(found):
        if "joint-ilp" in found[key]:
            one = found[key]
            chosen, matched = ({s for s, yes in sure[key].get(solver, {}).items() if yes}
                               for solver in ("joint-ilp", "offload-ilp"))  # fmt: skip
            both = [
                cell(_above(one, solver, "joint-ilp", chosen))
                for solver in (NARROW, "dina", "best-response")
            ]
            alone = cell(_above(one, "dina-o", "offload-ilp", matched))
            rows.append([*key, len(chosen), *both, len(matched), alone])
    header = ["proven", NARROW, "dina", "best-response", "proven", "dina-o"]
    return table([*KEY, *header], rows)


def _above(
    one: dict[str, dict[int, float]], solver: str, exact: str, seeds: set[int]
) -> list[float]:
    own, best = one.get(solver, {}), one[exact]
    return [100 * (own[seed] / best[seed] - 1) for seed in sorted(seeds) if seed in own]


def draw(path: Path = PICTURE) -> None:
    """Mean latency over utilisation and over bandwidth, every solver a curve."""
    from matplotlib.figure import Figure

    found = figures("formula_s")
    found = {key: value for key, value in found.items() if key[1] == "serial"}
    sizes = sorted({key[0] for key in found} - {1000})
    figure = Figure(figsize=(11, 4.2 * len(sizes)), layout="constrained")
    axes = figure.subplots(len(sizes), 2, squeeze=False)
    for row, users in zip(axes, sizes, strict=True):
        for ax, moving, label in zip(row, (2, 3), ("utilisation", "bandwidth scale"), strict=True):
            fixed = BASE_SCALE if moving == 2 else BASE_UTILISATION
            keys = sorted(k for k in found if k[0] == users and k[5 - moving] == fixed)
            for number, solver in enumerate(SOLVERS):
                points = [(k[moving], interval(list(found[k][solver].values()))[0])
                          for k in keys if found[k].get(solver)]  # fmt: skip
                if points:
                    width = 2.5 if solver == NARROW else 1.2
                    line = "-" if number < 10 else "--"  # there are ten colours
                    ax.plot(*zip(*points, strict=True), line, marker="o", lw=width, label=solver)
            ax.set(yscale="log", xlabel=label, ylabel="mean latency in s", title=f"{users} users")
            if moving == 3:
                ax.set_xscale("log")
    axes[0, 1].legend(fontsize=8, ncols=2)
    figure.savefig(path, dpi=110, metadata={"Software": None})


def report() -> str:
    """Every table, into the study page below its text; draws the picture too."""
    draw()
    parts = [
        "Latency of a rival / latency of `dina-narrow`, by formula:",
        ratios("formula_s"),
        "The same, simulated:",
        ratios("simulated_s"),
        "`dina-narrow` itself:",
        own_figures(),
        "Above the proven optimum, in %: of one plan per task out of the catalogue (`joint-ilp`), "
        "and of matching the subtasks of DINA-P's first pass (`offload-ilp`); `proven`: on how "
        "many networks:",
        proven(),
        "Gap to the bound over all plans in %, mean over the networks (`dina`, wide plans, and the "
        "others); last, how far the best plan without stages is above the bound on such plans:",
        means(gaps(), 100, (*SOLVERS, "unsliced")),
        "Blocking pairs (a task's subtask and a node that would both rather):",
        means(figures("blocking_pairs")),
        "Moves and swaps left that would lower Phi (`total`):",
        means(figures("exchanges_left")),
        "Mean regret of a task against its own best single cut, in ms:",
        means(figures("regret_s"), 1e3),
    ]
    text = "\n\n".join(parts)
    before = PAGE.read_text().partition(MARK)[0]
    PAGE.write_text(f"{before}{MARK}\n{text}\n")
    return text


if __name__ == "__main__":
    asked_for(__doc__)
    print(report())
