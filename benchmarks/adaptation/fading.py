"""Traces of the family `fading` as measured: `python -m benchmarks.adaptation.fading`.

Ten seeds a preset, on average (least to most): the coefficient of variation of the bandwidth, and
the autocorrelation of its logarithm at 1, 5 and 10 s.
"""

from __future__ import annotations

import numpy as np

import splitfog as sf
from benchmarks.common import asked_for, machine, table
from splitfog.instances.traces.generators.fading import PRESETS

SEEDS, LAGS_S = range(10), (1, 5, 10)


def figures(trace: sf.Trace) -> list[float]:
    """Variation and autocorrelations of a trace with steps of 1 s."""
    bandwidth = np.array(trace.series[0].values)
    x = np.log(bandwidth) - np.log(bandwidth).mean()
    memory = [float((x[lag:] * x[:-lag]).mean() / (x * x).mean()) for lag in LAGS_S]
    return [float(bandwidth.std() / bandwidth.mean()), *memory]


def main() -> None:
    asked_for(__doc__)
    print(machine(), "\n")
    rows = []
    for preset in PRESETS:
        traces = [sf.generate_trace("fading", seed, preset=preset) for seed in SEEDS]
        drawn = np.array([figures(trace) for trace in traces])
        columns = zip(drawn.mean(axis=0), drawn.min(axis=0), drawn.max(axis=0), strict=True)
        rows.append([preset, *(f"{m:.3f} ({low:.3f} to {high:.3f})" for m, low, high in columns)])
    print(table(["preset", "variation", *(f"at {lag} s" for lag in LAGS_S)], rows))


if __name__ == "__main__":
    main()
