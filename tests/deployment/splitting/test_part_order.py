"""The fewest parts that can run one after another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from splitfog.deployment.splitting import part_order
from splitfog.deployment.splitting.part_order import PartOrder, fewest_parts


def random_graph(seed: int, operators: int = 9) -> tuple[list[list[int]], list[int]]:
    """Operators that read some earlier ones, on two or three machines."""
    rng = np.random.default_rng(seed)
    reads = [
        np.flatnonzero(rng.random(operator) < 1.5 / max(operator, 1)).tolist()
        for operator in range(operators)
    ]
    return reads, rng.integers(0, 2 + seed % 2, operators).tolist()


def fewest_by_trying(reads: Sequence[Sequence[int]], machines: Sequence[int]) -> int:
    """Every sequence of machines, one longer each time, until one runs everything."""
    states = {frozenset[int]()}
    for count in range(len(reads) + 1):
        if any(len(done) == len(reads) for done in states):
            return count
        following = set()
        for done in states:
            for machine in set(machines):
                after = set(done)
                for operator, own in enumerate(reads):
                    if machines[operator] == machine and after.issuperset(own):
                        after.add(operator)
                following.add(frozenset(after))
        states = following
    raise AssertionError("a graph that cannot run")


def runs(order: PartOrder, reads: Sequence[Sequence[int]], machines: Sequence[int]) -> bool:
    """Whether every operator is in one part of its machine, after all that it reads."""
    done: list[int] = []
    for machine, own in order.parts:
        for operator in own:
            if machines[operator] != machine or not set(done).issuperset(reads[operator]):
                return False
            done.append(operator)
    return sorted(done) == list(range(len(reads)))


def test_one_part_a_machine_is_not_enough() -> None:
    """A1 -> B1 and B2 -> A2: whoever is first must wait for the other, and comes again."""
    order = fewest_parts([[], [0], [], [2]], [0, 1, 1, 0])
    # A1; B1 and B2; A2 (or B2; A1 and A2; B1)
    assert len(order.parts) == 3
    assert order.fewest


@pytest.mark.parametrize("seed", range(40))
def test_none_does_with_fewer(seed: int) -> None:
    """As many parts as the shortest of all sequences of machines has."""
    reads, machines = random_graph(seed)
    order = fewest_parts(reads, machines)
    assert runs(order, reads, machines)
    assert order.fewest
    assert len(order.parts) == fewest_by_trying(reads, machines)


def test_a_monotone_plan_needs_one_part_a_machine() -> None:
    """A chain over machines 0, 0, 1, 1, 2: as many parts as machines."""
    assert len(fewest_parts([[], [0], [1], [2], [3]], [0, 0, 1, 1, 2]).parts) == 3


@pytest.mark.parametrize("seed", range(10))
def test_a_beam_still_runs_and_says_that_it_proves_nothing(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With room for one state, the order is one, but perhaps not the shortest."""
    monkeypatch.setattr(part_order, "MAX_STATES", 1)
    monkeypatch.setattr(part_order, "BEAM", 1)
    reads, machines = random_graph(seed, operators=30)
    order = fewest_parts(reads, machines)
    assert runs(order, reads, machines)
    assert not order.fewest
