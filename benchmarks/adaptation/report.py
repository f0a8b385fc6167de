"""The tables of docs/adaptation.md, out of the stored rows of `benchmarks.adaptation.study`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from benchmarks.adaptation.study import RESULTS, SETTINGS, stored
from benchmarks.common import asked_for, table
from splitfog import zoo

PAGE, MARK = RESULTS.parents[2] / "docs" / "adaptation.md", "## Tables\n"
RESAMPLES, LEVEL = 2000, 95
COLUMNS = (
    ("late", "best-fixed"),
    ("late", "nominal"),
    ("late", "argmin"),
    ("noisy", "argmin"),
    ("used", "argmin"),
    ("probed", "argmin"),
    ("frozen", "best-fixed"),
)
"""How the network is seen, and the way."""
HEADS = (
    "best fixed",
    "nominal",
    "table, 1 s late",
    "and 20 % noise",
    "only what is used",
    "and probes",
    "best fixed, frozen clock",
)

Figures = dict[tuple[str, str], dict[tuple[str, str], dict[int, float]]]


def figures() -> Figures:
    """(setting, network) -> (seen, way) -> seed -> per cent above the clairvoyant."""
    found: Figures = defaultdict(lambda: defaultdict(dict))
    for row in stored():
        if row["regret"]:
            own = found[row["setting"], row["model"]][row["seen"], row["adapt"]]
            own[int(row["seed"])] = 100 * float(row["regret"])
    return found


def interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Mean, and the ends of its 95 % interval: bootstrap over seeds, by percentiles."""
    array = np.array(values)
    picks = np.random.default_rng(0).integers(0, len(array), (RESAMPLES, len(array)))
    tail = (100 - LEVEL) / 2
    low, high = np.percentile(array[picks].mean(axis=1), [tail, 100 - tail])
    return float(array.mean()), float(low), float(high)


def cell(values: Sequence[float]) -> str:
    """`7.3 (5.1 to 9.9)`; 0 where all are less than a hundredth of a per cent."""
    if not values:
        return "-"
    if max(map(abs, values)) < 0.005:
        return "0"
    mean, low, high = interval(values)
    return f"{mean:.1f} ({low:.1f} to {high:.1f})"


def by_network(setting: str) -> str:
    """A line a network: per cent above the clairvoyant."""
    found = figures()
    rows = []
    for model in zoo.names():
        own = found.get((setting, model))
        if own is not None:
            rows.append([model, *(cell(list(own[column].values())) for column in COLUMNS)])
    return table(["network", *HEADS], rows)


def gains() -> str:
    """A line a setting: for how many networks the table 1 s late beats the best fixed plan."""
    found = figures()
    rows = []
    for setting in SETTINGS:
        counts = {"gains": 0, "nothing to gain": 0, "open": 0, "loses": 0}
        for model in zoo.names():
            own = found.get((setting, model))
            if own is not None:
                counts[_verdict(own["late", "best-fixed"], own["late", "argmin"])] += 1
        rows.append([setting, *counts.values()])
    return table(["setting", *counts], rows)


def _verdict(fixed: dict[int, float], adapted: dict[int, float]) -> str:
    """By the interval of what the table saves, seed by seed, in points."""
    saved = [fixed[seed] - adapted[seed] for seed in sorted(fixed) if seed in adapted]
    if max(map(abs, [*fixed.values(), *adapted.values()])) < 0.005:
        return "nothing to gain"
    _, low, high = interval(saved)
    return "gains" if low > 0 else "loses" if high < 0 else "open"


def report() -> str:
    """All tables, into the page below its text."""
    parts = ["Networks for which the table, 1 s late, is better than the best fixed plan:", gains()]
    for setting in SETTINGS:
        parts += [f"### {setting}", by_network(setting)]
    text = "\n\n".join(parts)
    before = PAGE.read_text().partition(MARK)[0]
    PAGE.write_text(f"{before}{MARK}\n{text}\n")
    return text


if __name__ == "__main__":
    asked_for(__doc__)
    print(report())
