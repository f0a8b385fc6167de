"""Tables and pictures of the offloading study, out of its stored rows."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np

from benchmarks.common import table
from benchmarks.offload_study import BASE_SCALE, BASE_UTILISATION, RESULTS, SOLVERS, stored

PICTURE = RESULTS.with_name("offloading.png")
RIVALS = SOLVERS[1:]
Key = tuple[int, float, float]


def figures(column: str) -> dict[Key, dict[str, dict[int, float]]]:
    """Setting -> solver -> seed -> value, of the rows that have one."""
    found: dict[Key, dict[str, dict[int, float]]] = defaultdict(lambda: defaultdict(dict))
    for row in stored():
        key = (int(row["users"]), float(row["utilisation"]), float(row["bandwidth_scale"]))
        solver = found[key][row["solver"]]
        if row[column]:
            solver[int(row["seed"])] = float(row[column])
    return found


def interval(values: list[float]) -> tuple[float, float]:
    """Mean and half of its 95 % interval (normal; nan below two values)."""
    array = np.array(values)
    half = 1.96 * array.std(ddof=1) / np.sqrt(len(array)) if len(array) > 1 else float("nan")
    return float(array.mean()), float(half)


def ratios(column: str) -> str:
    """How many times a rival's latency is that of `dina` on the same network, with its interval.

    In brackets the share of networks where the rival has a plan at all.
    """
    rows = []
    for key, solvers in sorted(figures(column).items()):
        own = solvers.get("dina", {})
        if not own:
            continue
        row: list[object] = [*key]
        for rival in RIVALS:
            theirs = solvers.get(rival, {})
            both = [theirs[seed] / own[seed] for seed in own if seed in theirs]
            share = len(theirs) / len(own)
            if not both:
                row.append("no plan")
                continue
            mean, half = interval(both)
            cell = f"{mean:.2f} ± {half:.2f}"
            row.append(cell if share >= 1 else f"{cell} ({share:.0%})")
        rows.append(row)
    return table(["users", "utilisation", "bandwidth x", *RIVALS], rows)


def own_figures() -> str:
    """What `dina` itself does: latency by formula and simulation, gap, stability, iterations."""
    columns = ("formula_s", "simulated_s", "p95_s", "gap", "blocking_pairs", "swaps", "runtime_s")
    tables = {column: figures(column) for column in columns}
    rows = []
    for key in sorted(tables["formula_s"]):
        row: list[object] = [*key]
        for column in columns:
            values = list(tables[column][key].get("dina", {}).values())
            row.append("{:.4g} ± {:.2g}".format(*interval(values)) if values else "none")
        rows.append(row)
    return table(["users", "utilisation", "bandwidth x", *columns], rows)


def draw(path: Path = PICTURE) -> None:
    """Mean latency over utilisation and over bandwidth, every solver a curve."""
    from matplotlib.figure import Figure

    found = figures("formula_s")
    sizes = sorted({users for users, _, _ in found} - {1000})
    figure = Figure(figsize=(11, 4.2 * len(sizes)), layout="constrained")
    axes = figure.subplots(len(sizes), 2, squeeze=False)
    for row, users in zip(axes, sizes, strict=True):
        for ax, moving, label in zip(row, (1, 2), ("utilisation", "bandwidth scale"), strict=True):
            fixed = BASE_SCALE if moving == 1 else BASE_UTILISATION
            keys = sorted(k for k in found if k[0] == users and k[3 - moving] == fixed)
            for solver in SOLVERS:
                points = [(k[moving], interval(list(found[k][solver].values()))[0])
                          for k in keys if found[k].get(solver)]  # fmt: skip
                if points:
                    width = 2.5 if solver == "dina" else 1.2
                    ax.plot(*zip(*points, strict=True), marker="o", lw=width, label=solver)
            ax.set(yscale="log", xlabel=label, ylabel="mean latency in s", title=f"{users} users")
            if moving == 2:
                ax.set_xscale("log")
    axes[0, 1].legend(fontsize=8, ncols=2)
    figure.savefig(path, dpi=110, metadata={"Software": None})


def report() -> str:
    """Every table of the page; draws the picture too."""
    draw()
    parts = [
        "Latency of a rival / latency of `dina`, by formula:",
        ratios("formula_s"),
        "The same, simulated:",
        ratios("simulated_s"),
        "`dina` itself:",
        own_figures(),
    ]
    return "\n\n".join(parts)
