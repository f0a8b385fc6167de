"""How far `hpa` and `hpa-plain` are from the proven optimum.

`python -m benchmarks.partition.hpa_gap [DIR]`.

The tables of the study `hpa-gap`, by network and by ratio of communication to computation.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from math import inf
from typing import Any

import numpy as np

from benchmarks.common import table
from benchmarks.studies import options_of, studied
from splitfog.studies.rows import Table

OPTIMUM, HEURISTICS = "min-cut", ("hpa-plain", "hpa")


def gaps(rows: Table) -> dict[str, list[list[float]]]:
    """How much heuristics are above the optimum, by kind: a line an instance."""
    values = {(row.instance, row.solver): row.value or inf for row in rows}
    assert all(row.status == "optimal" for row in rows if row.solver == OPTIMUM)
    found: dict[str, list[list[float]]] = defaultdict(list)
    for instance, options in options_of("hpa-gap").items():
        optimum = values[instance, OPTIMUM]
        own = [values[instance, solver] / optimum - 1 for solver in HEURISTICS]
        found[_kind(options)].append(own)
    return found


def _kind(options: Mapping[str, Any]) -> str:
    return str(options.get("model") or f"CCR {options['ccr']:g}")


def report(found: Mapping[str, list[list[float]]]) -> str:
    """Mean, worst and share optimal (within 1e-6) for every kind and over all."""
    lines = []
    every = [own for kind in found.values() for own in kind]
    for kind, own in [*found.items(), ("all", every)]:
        array = np.array(own)
        line: list[object] = [kind, len(array)]
        for column in array.T:
            line += [f"{column.mean():.2%}", f"{column.max():.1%}"]
            line.append(f"{(column <= 1e-6).mean():.0%}")
        lines.append(line)
    header = ["", "instances"]
    header += [f"{name} {what}" for name in HEURISTICS for what in ("mean", "worst", "optimal")]
    return table(header, lines)


def main() -> None:
    """Print both tables."""
    found = gaps(studied("hpa-gap", __doc__))
    ratios = {kind: own for kind, own in found.items() if kind.startswith("CCR")}
    print(report({kind: own for kind, own in found.items() if kind not in ratios}), "\n")
    print(report(ratios))


if __name__ == "__main__":
    main()
