"""Offloading at scale: `python -m benchmarks.offloading.dina [DIR]`.

`dina` at 1,000 users and 50 fog nodes, what it gains over best responses at 100 users and 10 fog
nodes (the study `dina`, kept in DIR), and how long it takes to evaluate all swaps of a round,
together and one by one.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

import splitfog as sf
from benchmarks.common import best_seconds, machine, table
from benchmarks.studies import options_of, studied
from splitfog.formulations.decision import Decision, Slice, Stage, TaskDecision
from splitfog.formulations.games.game import ExchangeGame
from splitfog.formulations.objective import Objective
from splitfog.formulations.offloading.subtasks import subtasks_of
from splitfog.instances.arrays import frozen
from splitfog.solvers.dina.blocks import blocks_of
from splitfog.studies.rows import Table

MEAN = Objective("mean-latency")
SWEPT, USUAL = ("bandwidth_scale", "utilisation"), 1.0


def at_scale() -> Iterator[list[Any]]:
    """One row per radio: 1,000 users, 50 fog nodes, time of `solve` with bound and audit."""
    for radio in ("serial", "parallel"):
        instance = sf.generate("fog", seed=0, users=1000, radio=radio)
        started = time.perf_counter()
        plan = sf.solve(instance, solver="dina")
        yield [radio, time.perf_counter() - started, plan.value, plan.stopped_by, plan.reason]


def gains(rows: Table) -> Iterator[list[Any]]:
    """One row per setting of the study: mean latency in ms over seeds, and what `dina` saves."""
    values = {(row.instance, row.solver): row.value or np.nan for row in rows}
    solvers = list(dict.fromkeys(row.solver for row in rows))
    settings: dict[str, list[list[float]]] = {}
    for instance, options in options_of("dina").items():
        line = [values[instance, solver] for solver in solvers]
        settings.setdefault(_setting(options), []).append(line)
    for name, lines in settings.items():
        saved = [100 * (1 - line[-1] / line[solvers.index("best-response")]) for line in lines]
        means = 1e3 * np.array(lines).mean(axis=0)
        yield [name, *means.tolist(), float(np.mean(saved)), min(saved), max(saved)]


def _setting(options: Mapping[str, Any]) -> str:
    told = [f"{name} {options[name]:g}" for name in SWEPT if options.get(name, USUAL) != USUAL]
    return ", ".join([options["radio"], *told])


def sliced(users: int, slices: int, seed: int = 0) -> tuple[Any, Any, Decision]:
    """An instance in which every task has one stage of so many equal slices, near its source."""
    instance = sf.generate("fog", seed=seed, users=users, fog_nodes=50, utilisation=0.1)
    rng = np.random.default_rng(seed)
    tasks = []
    for task, owner in enumerate(instance.tasks):
        source = instance.node_index[owner.source or ""]
        blocks = blocks_of(instance, task)
        length, across = int(blocks.length[0]), int(blocks.across[0])
        ends = np.linspace(0, length, slices + 1).astype(int).tolist()
        near = [source, *(users + rng.permutation(50)[: slices - 1]).tolist()]
        parts = tuple(
            Slice(node, (begin, end), (0, across))
            for node, begin, end in zip(near, ends[:-1], ends[1:], strict=True)
        )
        placement = np.full(len(instance.model_of(owner).layers), source)
        stage = Stage(blocks.layers[0], source, parts)
        tasks.append(TaskDecision(frozen(placement), stages=(stage,)))
    return instance, MEAN, Decision(tuple(tasks))


def swaps(users: int = 1000, slices: int = 3, sample: int = 300) -> Iterator[list[Any]]:
    """All swaps of a round, of users x slices subtasks: at once, and one by one (extrapolated).

    One by one: the assignment with two subtasks exchanged is evaluated anew by
    `Assignments.cost` (numpy, O(K log K)), for a random sample of pairs.
    """
    instance, objective, decision = sliced(users, slices)
    game = ExchangeGame(subtasks_of(instance, decision, objective))
    places = game.subtasks.assignment()
    count = len(places)
    pairs = count * (count - 1) // 2
    game.state(places).swaps(False).total.sum()  # compile

    def together() -> Any:
        return game.state(places).swaps(False).total

    seconds = best_seconds(together, 5)
    rng = np.random.default_rng(0)
    chosen = rng.integers(0, count, (sample, 2))
    gains = together()
    now, wrong = game.assignments.cost(places).potential, 0
    started = time.perf_counter()
    for k, j in chosen.tolist():
        after = places.copy()
        after[[k, j]] = places[[j, k]]
        then = game.assignments.cost(after).potential
        gain = gains[k, j]
        wrong += np.isfinite(gain + then) and abs(gain - (then - now)) > 1e-9 * abs(now)
    each = (time.perf_counter() - started) / sample
    yield [count, pairs, seconds, each * 1e3, each * pairs, each * pairs / seconds, wrong == 0]


def main() -> None:
    """Print the tables."""
    rows = studied("dina", __doc__)
    print(machine())
    print("\nAll swaps of a round\n")
    header = ["subtasks", "swaps", "at once, s", "one, ms", "one by one, s", "times", "same"]
    print(table(header, list(swaps())))
    print("\n1,000 users, 50 fog nodes, one cloud\n")
    print(table(["radio", "s", "mean latency, s", "stopped by", "how"], list(at_scale())))
    print("\n100 users, 10 fog nodes, 3 seeds: mean latency in ms, saved by dina\n")
    header = ["setting", *dict.fromkeys(row.solver for row in rows)]
    print(table([*header, "saved, %", "least", "most"], list(gains(rows))))


if __name__ == "__main__":
    main()
