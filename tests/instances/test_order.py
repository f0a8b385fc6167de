"""The heap that makes an order topological."""

from __future__ import annotations

import random

from splitfog.instances.order import topological

DIAMOND = ((1, 2), (3,), (3,), ())
"""0 -> 1, 2 -> 3."""


def test_the_first_that_is_ready_comes_first() -> None:
    """A file that lists a reader before what it reads: 2 waits for 3, so 0, 1, 3, 2."""
    assert list(topological([(1,), (), (), (2,)])) == [0, 1, 3, 2]


def test_the_least_key_of_those_that_are_ready() -> None:
    """Of the diamond's middle 2 where its key is less; of equal keys the first; 3 still last."""
    assert list(topological(DIAMOND, [5, 1, 0, -9])) == [0, 2, 1, 3]
    assert list(topological(DIAMOND, [0.0, 0.0, 0.0, 0.0])) == [0, 1, 2, 3]
    assert list(topological(DIAMOND, [(0, 1.0), (1, 0.0), (0, 7.0), (0, 0.0)])) == [0, 2, 1, 3]


def test_whoever_reads_twice_waits_no_longer() -> None:
    """Two edges of one pair are as one."""
    assert list(topological([(1, 1), (2,), ()])) == [0, 1, 2]


def test_a_cycle_and_what_is_behind_it_never_come() -> None:
    """1 and 2 wait for each other, 3 for them."""
    assert list(topological([(), (2,), (1, 3), ()])) == [0]


def test_random_orders_are_as_looking_for_the_least_each_time() -> None:
    """Held to the definition in so many words, on 300 random graphs without cycles."""
    rng = random.Random(0)
    for _ in range(300):
        count = rng.randrange(1, 9)
        names = rng.sample(range(count), count)
        edges = [(a, b) for i, a in enumerate(names) for b in names[:i] if rng.random() < 0.4]
        readers = [[b for a, b in edges if a == at] for at in range(count)]
        keys = [rng.randrange(3) for _ in names]
        taken: list[int] = []
        while len(taken) < count:
            waiting = {b for a, b in edges if a not in taken}
            ready = [at for at in range(count) if at not in waiting and at not in taken]
            taken.append(min(ready, key=lambda at: (keys[at], at)))
        assert list(topological(readers, keys)) == taken
