"""What adapting gains, network by network: `python -m benchmarks.adaptation.study [DIR]`.

Writes the rows of the study `adaptation` into notebooks/data/adaptation.csv, out of which
`python -m benchmarks.adaptation.report` makes the tables of docs/adaptation.md.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from benchmarks.studies import options_of, studied
from splitfog import load_study
from splitfog.studies.rows import Table

RESULTS: Path = Path(__file__).parents[2] / "notebooks" / "data" / "adaptation.csv"

SETTINGS = (
    "3g-to-cloud",
    "lte-to-edge",
    "lte-to-cloud-and-load",
    "norway-to-cloud",
    "norway-to-edge",
)
"""What the entries of the study's traces stand for, in their order."""


class Row(NamedTuple):
    """A way in a case; `seed` is of the trace, or its number among the bundled ones, `seen` how the
    network is; `regret` is over the clairvoyant of the same clock."""

    setting: str
    model: str
    seed: int
    seen: str
    adapt: str
    mean_s: float | None
    regret: float | None


def measured(table: Table) -> Iterator[Row]:
    """The rows of the study, shorter."""
    models = {name: str(options["model"]) for name, options in options_of("adaptation").items()}
    settings = settings_of_traces()
    for row in table:
        instance, trace = row.instance.split()[:2]
        adapt, seen = row.solver.split(", ")
        yield Row(
            setting=settings[trace],
            model=models[instance],
            seed=row.seed,
            seen=seen,
            adapt=adapt,
            mean_s=_short(row.value),
            regret=_short(None if row.gap is None else row.gap / (1 - row.gap)),
        )


def settings_of_traces() -> dict[str, str]:
    """By names of traces the setting that they are of."""
    found, entry = {}, -1
    for course in load_study("adaptation").courses:
        entry += course.number == 0
        found["+".join(source().name for source in course.sources)] = SETTINGS[entry]
    return found


def _short(value: float | None) -> float | None:
    """Seven digits, so that the file of all rows is not longer than it need be."""
    return None if value is None else float(f"{value:.7g}") if abs(value) > 1e-9 else 0.0


def stored() -> list[dict[str, str]]:
    """The rows measured so far."""
    with RESULTS.open(newline="") as file:
        return list(csv.DictReader(file))


def main() -> None:
    """Write the rows of the study."""
    table = studied("adaptation", __doc__)
    with RESULTS.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(Row._fields)
        writer.writerows(measured(table))


if __name__ == "__main__":
    main()
