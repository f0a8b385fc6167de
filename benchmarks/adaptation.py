"""What adapting gains, network by network: `python -m benchmarks.adaptation`.

Appends rows to notebooks/data/adaptation.csv and skips what stands there already, so it can be
stopped and resumed; `python -m benchmarks.adaptation nin vgg-16` measures these networks only, so
that several can be measured side by side. `python -m benchmarks.adaptation report` prints the
tables of docs/adaptation.md out of that file.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.common import asked_for
from splitfog import (
    Instance,
    PlanTable,
    Replay,
    Trace,
    bundled_traces,
    generate,
    generate_trace,
    load_trace,
    plan_table,
    replay,
    zoo,
)

RESULTS: Path = Path(__file__).parent.parent / "notebooks" / "data" / "adaptation.csv"
SEEDS = 20

DEVICE, CLOUD = ("device", "edge0"), ("edge0", "cloud")
SETTINGS = (
    "3g-to-cloud",
    "lte-to-edge",
    "lte-to-cloud-and-load",
    "norway-to-cloud",
    "norway-to-edge",
)
BANDWIDTHS, LOADS = (1e3, 1e10), (0.5, 20.0)

SEEN: dict[str, dict[str, Any]] = {
    "late": {"measure": "all", "delay_s": 1.0},
    "noisy": {"measure": "all", "delay_s": 1.0, "noise": 0.2},
    "used": {"delay_s": 1.0},
    "probed": {"delay_s": 1.0, "probe": (1e4, 5.0)},
    "frozen": {"measure": "all", "clock": "frozen"},
}
"""How the network is seen: all of it 1 s late; with noise of 20 %; only what the plan in use uses;
that and probes of 10 kB every 5 s; at once and perfectly, by the clock that stops."""

WAYS: dict[str, tuple[str, ...]] = {
    "late": ("argmin", "best-fixed", "nominal"),
    "noisy": ("argmin",),
    "used": ("argmin",),
    "probed": ("argmin",),
    "frozen": ("argmin", "best-fixed"),
}


class Case(NamedTuple):
    """A network in a setting; `seed` is of the trace, or its number among the bundled ones."""

    setting: str
    model: str
    seed: int

    def traces(self) -> tuple[Trace, ...]:
        """What changes; a generated trace of 600 s, or a log."""
        if self.setting.startswith("norway"):
            log = load_trace(bundled_traces()[self.seed])
            return (_forward(log, CLOUD if self.setting.endswith("cloud") else DEVICE),)
        link = DEVICE if self.setting == "lte-to-edge" else CLOUD
        preset = "3g" if self.setting == "3g-to-cloud" else "lte"
        bandwidth = generate_trace(
            "fading", seed=self.seed, preset=preset, link=link, directions="forward"
        )
        if not self.setting.endswith("load"):
            return (bandwidth,)
        return bandwidth, generate_trace("load", seed=self.seed, node="edge0")


class Row(NamedTuple):
    """A way in a case; the clairvoyant's mean is that of its clock."""

    setting: str
    model: str
    seed: int
    seen: str
    adapt: str
    mean_s: float | None
    regret: float | None
    switches: int
    failed: int


def _forward(log: Trace, link: tuple[str, str]) -> Trace:
    """A log as that of one direction of a link."""
    from splitfog.instances.records import changed

    series = changed(log.series[0], link=link, directions="forward")
    return changed(log, series=(series,))


def cases(models: set[str]) -> Iterator[Case]:
    """All of these networks, seed by seed."""
    for model in zoo.names():
        for setting in SETTINGS if model in models else ():
            count = len(bundled_traces()) if setting.startswith("norway") else SEEDS
            for seed in range(count):
                yield Case(setting, model, seed)


@cache
def _instance(model: str) -> Instance:
    """Pi 4, desktop and GPU server, with Wi-Fi and 4G."""
    return generate("three-tier", model=model)


@cache
def _table(model: str, setting: str) -> PlanTable:
    """Over all bandwidths that there may be, and all loads."""
    vary: dict[Any, tuple[float, float]] = {
        DEVICE if setting.endswith("edge") else CLOUD: BANDWIDTHS
    }
    if setting.endswith("load"):
        vary["edge0"] = LOADS
    return plan_table(_instance(model), vary, routes="keep")


def measured(case: Case, seen: str) -> list[Row]:
    """The rows of a case, seen in one way."""
    found: Replay = replay(
        _instance(case.model),
        case.traces(),
        adapt=WAYS[seen],
        seed=case.seed,
        table=_table(case.model, case.setting),
        **SEEN[seen],
    )
    return [
        Row(
            setting=case.setting,
            model=case.model,
            seed=case.seed,
            seen=seen,
            adapt=way.adapt,
            mean_s=_short(way.mean_s),
            regret=_short(way.regret),
            switches=way.switches,
            failed=way.failed,
        )
        for way in found.ways
    ]


def _short(value: float | None) -> float | None:
    """Seven digits, so that the file of all rows is not longer than it need be."""
    return None if value is None else float(f"{value:.7g}") if abs(value) > 1e-9 else 0.0


def stored() -> list[dict[str, str]]:
    """The rows measured so far."""
    if not RESULTS.exists():
        return []
    with RESULTS.open(newline="") as file:
        return list(csv.DictReader(file))


def main(models: set[str]) -> None:
    """Measure what is missing of these networks."""
    done = {(row["setting"], row["model"], row["seed"], row["seen"]) for row in stored()}
    fresh = not RESULTS.exists()
    with RESULTS.open("a", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        if fresh:
            writer.writerow(Row._fields)
            file.flush()
        for case in cases(models):
            for seen in SEEN:
                if (*map(str, case), seen) not in done:
                    rows = measured(case, seen)
                    writer.writerows(rows)
                    file.flush()
                    print(*rows[0][:5], f"{100 * (rows[0].regret or 0):.2f} %", flush=True)


if __name__ == "__main__":
    words = asked_for(__doc__, "`report`, or networks; none: all", ["report", *zoo.names()])
    if words == ["report"]:
        from benchmarks.adaptation_report import report

        print(report())
    else:
        main({word for word in words if word != "report"} or set(zoo.names()))
