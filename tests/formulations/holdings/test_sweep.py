"""Sets of units by load: equal to trying them all."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from splitfog.formulations.holdings import sweep as sweeps
from splitfog.formulations.holdings.crossing import ELSEWHERE, Crossing, Toll
from splitfog.formulations.holdings.sweep import Grid, Sweep, elimination_order
from splitfog.instances.arrays import Floats

CAPACITY = 40


def random_crossings(rng: np.random.Generator, units: int) -> list[Crossing]:
    """Tensors of all kinds, whole seconds, producers before and after their readers."""
    found = []
    for _ in range(int(rng.integers(0, units + 2))):
        producer = int(rng.integers(ELSEWHERE, units))
        others = [unit for unit in range(units) if unit != producer]
        least = producer == ELSEWHERE
        readers = rng.permutation(others)[: int(rng.integers(least, 3))]
        leave, come = rng.integers(0, 4, (2, 2)).tolist()
        here, there, elsewhere = (rng.random(3) < 0.2).tolist()
        found.append(
            Crossing(
                producer=producer,
                readers=tuple(readers.tolist()),
                read_here=here,
                read_there=there and not here,
                read_elsewhere=elsewhere,
                leave=Toll(leave[0], leave[1]),
                come=Toll(come[0], come[1]),
            )
        )
    return found


def cost(crossing: Crossing, here: tuple[bool, ...]) -> tuple[float, float]:
    """What both sides pay for a tensor, from the words of `Crossing` alone."""
    wants = [here[reader] for reader in crossing.readers]
    sides = {
        "here": crossing.read_here or any(wants),
        "there": crossing.read_there or not all(wants),
        "elsewhere": crossing.read_elsewhere,
    }
    home = "elsewhere"
    if crossing.producer != ELSEWHERE:
        home = "here" if here[crossing.producer] else "there"
    goes = any(wanted for side, wanted in sides.items() if side != home)
    paid = []
    for side, leave, come in (
        ("here", crossing.leave.here_s, crossing.come.here_s),
        ("there", crossing.leave.there_s, crossing.come.there_s),
    ):
        paid.append(leave * goes if side == home else come * sides[side])
    return paid[0], paid[1]


def tried(times: Floats, crossings: list[Crossing], here: Floats, there: Floats) -> Floats:
    """[loads]: the greatest value of all sets."""
    best = np.full(CAPACITY + 1, -np.inf)
    for chosen in product((False, True), repeat=len(times)):
        flags = np.array(chosen)
        paid = [cost(crossing, chosen) for crossing in crossings]
        load = times[flags].sum() + sum(mine for mine, _ in paid)
        value = here[flags].sum() + there[~flags].sum() - sum(theirs for _, theirs in paid)
        if load <= CAPACITY:
            best[int(load)] = max(best[int(load)], value)
    return best


@pytest.mark.parametrize("seed", range(60))
def test_equals_trying_all_sets(seed: int) -> None:
    """At every load the value is the greatest of all sets with that load, and is that set's."""
    rng = np.random.default_rng(seed)
    units = int(rng.integers(1, 8))
    times = rng.integers(0, 9, units).astype(float)
    times[rng.random(units) < 0.1] = np.inf
    here, there = rng.integers(-5, 10, (2, units)).astype(float)
    crossings = random_crossings(rng, units)
    grid = Grid(scale=1.0, capacity=CAPACITY)
    found = Sweep(times, crossings).best(here, there, grid)
    expected = tried(times, crossings, here, there)
    np.testing.assert_allclose(found.values, expected)
    for load in np.flatnonzero(np.isfinite(expected)).tolist():
        flags = found.units(load)
        paid = [cost(crossing, tuple(flags.tolist())) for crossing in crossings]
        assert times[flags].sum() + sum(mine for mine, _ in paid) == load
        value = here[flags].sum() + there[~flags].sum() - sum(theirs for _, theirs in paid)
        assert value == pytest.approx(expected[load])


def test_giving_tensors_up_makes_loads_smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    """With few states some set of the same value has no greater load: bounds stay valid."""
    monkeypatch.setattr(sweeps, "MOST_STATES", 2)
    inexact = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        times = rng.integers(1, 9, 7).astype(float)
        here = rng.integers(1, 10, 7).astype(float)
        crossings = [c for c in random_crossings(rng, 7) if not c.leave.there_s + c.come.there_s]
        crossings += [
            Crossing(producer=i, readers=(i + 2, i + 3), leave=Toll(2, 0), come=Toll(1, 0))
            for i in range(4)
        ]
        sweep = Sweep(times, crossings)
        inexact += not sweep.is_exact
        found = sweep.values(here, np.zeros(7), Grid(scale=1.0, capacity=CAPACITY))
        expected = tried(times, crossings, here, np.zeros(7))
        most = np.maximum.accumulate(found)
        assert (most >= np.maximum.accumulate(expected)).all()
    assert inexact == 40  # 4 tensors are open in the middle of the chain, with 4 states each


def test_a_chain_is_taken_along() -> None:
    """In the order found for a chain in any numbering, at most one tensor is open at a time."""
    numbers = np.random.default_rng(3).permutation(30).tolist()
    tensors = [(numbers[i], numbers[i + 1]) for i in range(29)]
    order = elimination_order(30, tensors)
    assert sorted(order) == list(range(30))
    place = {unit: moment for moment, unit in enumerate(order)}
    moments = [sorted(place[unit] for unit in tensor) for tensor in tensors]
    most_open = max(sum(first <= m < last for first, last in moments) for m in range(30))
    assert most_open <= 2  # from the middle, the chain is open on both sides


def test_times_are_rounded_down_once() -> None:
    """A unit of 0.7 s with a tensor of 0.7 s is 1 tick of 1 s; to the nearest it is also 1."""
    crossing = Crossing(
        producer=0, readers=(), read_elsewhere=True, leave=Toll(0.7, 0), come=Toll(9, 0)
    )
    sweep = Sweep(np.array([0.7]), [crossing])
    for offset in (0.0, 0.5):
        grid = Grid(scale=1.0, capacity=3, offset=offset)
        assert sweep.values(np.ones(1), np.zeros(1), grid).tolist() == [0.0, 1.0, -np.inf, -np.inf]
