"""Rules of adapting against hindsight: `python -m benchmarks.adaptation.rules [SEEDS]`.

A Pi 4, a desktop and a server; the link device -> edge fades as LTE does, 600 s, a trace a seed.

- Changes that cost something: every second a request, which takes what the table says of its plan
  at that second's bandwidth; the total with the changes, over the offline optimum's.
- `learned`: both halves of a trace, each by what the other taught, in points above the clairvoyant.
- `backlog`: two requests a second (Poisson) that queue; mean latencies.
- Decisions: microseconds each, measurements apart.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.common import asked_for, machine, table
from splitfog import (
    Instance,
    PlanTable,
    Trace,
    generate,
    generate_trace,
    offline_path,
    plan_table,
    replay,
)
from splitfog.deployment.adaptation.offline import path_cost
from splitfog.deployment.adaptation.rules import Argmin, Hysteresis, Switch
from splitfog.deployment.adaptation.situation import Rule, Situation
from splitfog.deployment.adaptation.switching import switch_matrix
from splitfog.deployment.adaptation.work_function import WorkFunction
from splitfog.deployment.ways.making import RIVALS, make_way

SEEDS = 10
MODELS = ("resnet-18", "alexnet")
LINK = ("device", "edge0")
BOX = (1e4, 1e9)
PRICES_S = (0.1, 0.3, 1.0, 3.0, 10.0)
DECISIONS = 500

Costs = NDArray[np.float64]

RULES: dict[str, Callable[[Costs], Rule]] = {
    "argmin": lambda _: Argmin(),
    "hysteresis:0.1": lambda _: Hysteresis(0.1),
    "switch": Switch,
    "work-function": WorkFunction,
}


def case(model: str) -> tuple[Instance, PlanTable]:
    """An instance and its table over the bandwidth of the link that fades."""
    instance = generate("three-tier", model=model)
    return instance, plan_table(instance, {LINK: BOX}, routes="keep")


def faded(seed: int) -> Trace:
    """A trace of the link."""
    return generate_trace("fading", seed=seed, preset="lte", link=LINK, directions="forward")


def total_s(rule: Rule, costs_s: Costs, switch_s: Costs) -> float:
    """What requests and changes cost by a rule that knows each request's costs when it arrives."""
    path = []
    for second, row in enumerate(costs_s):
        rule = rule.after(Situation(float(second), row))
        path.append(rule.position)
    return path_cost(costs_s, np.array(path), switch_s)


def changes(seeds: int) -> Iterator[list[Any]]:
    """By model and price: mean and worst ratio to the offline optimum of every rule."""
    for model in MODELS:
        _, plans = case(model)
        bandwidths = [np.array(faded(seed).series[0].values)[:, None] for seed in range(seeds)]
        costs = [plans.values(bandwidth.clip(*BOX), routes="keep") for bandwidth in bandwidths]
        for price_s in PRICES_S:
            switch_s = switch_matrix("switch_s", price_s, len(plans.plans))
            best = [path_cost(one, offline_path(one, switch_s), switch_s) for one in costs]
            cells = []
            for make in RULES.values():
                totals = [total_s(make(switch_s), one, switch_s) for one in costs]
                ratios = [total / least for total, least in zip(totals, best, strict=True)]
                cells.append(f"{fmean(ratios):.3f} ({max(ratios):.3f})")
            fixed = [one.sum(axis=0).min() / least for one, least in zip(costs, best, strict=True)]
            yield [model, price_s, *cells, f"{fmean(fixed):.3f} ({max(fixed):.3f})"]


def regrets(seeds: int) -> Iterator[list[Any]]:
    """By model: what is measured 1 s late, with 20 % noise; points above the clairvoyant."""
    ways = ("learned", "argmin", "best-fixed")
    how: dict[str, Any] = {"adapt": ways, "measure": "all", "delay_s": 1.0, "noise": 0.2}
    for model in MODELS:
        instance, plans = case(model)
        found = [replay(instance, faded(s), table=plans, seed=s, **how).ways for s in range(seeds)]
        points = [[100 * (way.regret or 0.0) for way in one] for one in found]
        worst = max(learned - fixed for learned, _, fixed in points)
        yield [model, *np.mean(points, axis=0).tolist(), worst]


def queued(seeds: int) -> Iterator[list[Any]]:
    """ResNet-18 at two requests a second: mean latencies, measured at once and 1 s late."""
    ways = ("argmin", "backlog", "best-fixed")
    how: dict[str, Any] = {"adapt": ways, "requests": "poisson:2", "queues": "fifo"}
    instance, plans = case("resnet-18")
    for delay_s in (0.0, 1.0):
        how |= {"measure": "all", "delay_s": delay_s}
        found = [replay(instance, faded(s), table=plans, seed=s, **how).ways for s in range(seeds)]
        means = np.mean([[way.mean_s or 0.0 for way in one] for one in found], axis=0)
        yield [f"{delay_s:g} s late", *means.tolist(), 100 * (1 - means[1] / means[0])]


def decisions() -> Iterator[list[Any]]:
    """By way: the median decision, at other bandwidths each time."""
    instance, plans = case("resnet-18")
    bandwidths = np.random.default_rng(0).lognormal(np.log(1e7), 1.0, DECISIONS).tolist()
    for name in ("argmin", "switch", "work-function", "backlog", *RIVALS):
        way = make_way(name, instance, plans)
        seconds = []
        for second, bandwidth in enumerate(bandwidths):
            way.observe(float(second), link=LINK, bandwidth_bps=bandwidth)
            started = time.perf_counter()
            way.decide(float(second))
            seconds.append(time.perf_counter() - started)
        yield [name, 1e6 * float(np.median(seconds))]


def main() -> None:
    """Print the tables."""
    words = asked_for(__doc__, f"how many traces, {SEEDS} by default")
    seeds = int(words[0]) if words else SEEDS
    print(machine(), f"{seeds} traces")
    print("\nTotal over the offline optimum's, mean (worst)\n")
    print(table(["model", "a change, s", *RULES, "best-fixed"], list(changes(seeds))))
    print("\nPoints above the clairvoyant, 1 s late, 20 % noise\n")
    header = ["model", "learned", "argmin", "best-fixed", "learned - best-fixed at worst"]
    print(table(header, list(regrets(seeds))))
    print("\nMean seconds, ResNet-18, 2 requests a second\n")
    header = ["measured", "argmin", "backlog", "best-fixed", "backlog below argmin, %"]
    print(table(header, list(queued(seeds))))
    print("\nMicroseconds a decision, ResNet-18\n")
    print(table(["way", "median"], list(decisions())))


if __name__ == "__main__":
    main()
