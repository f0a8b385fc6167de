"""halda: who reads from disk is guessed, the fastest are filled, who has one block is dropped."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

import splitfog as sf
from splitfog.baselines.language_models.halda import Cluster, settled
from splitfog.instances.records import changed
from tests.cases.language_models import blocks, counts, machines, serving
from tests.checks import check_plan


def test_the_fastest_are_filled() -> None:
    """10 blocks by memory (4, 4, 6) are (3, 3, 4), which all fit, so all are held to their memory:
    b, the fastest, is filled with 4, then a with 4, and c keeps 2."""
    instance = serving(blocks(10), machines((2, 4.0), (4, 4.0), (1, 6.0)))
    plan = sf.solve(instance, "halda")
    assert counts(instance, plan) == [4, 4, 2]
    assert plan.value == pytest.approx(4 / 2 + 4 / 4 + 2 / 1)


def test_who_has_one_block_is_dropped_but_for_the_first() -> None:
    """b and c are faster than the source, a, and hold 10 blocks: d is left with one, and goes, as
    a would, were it not the first; c is filled again, and b has the other four."""
    instance = serving(blocks(10), machines((1, 9.0), (4, 5.0), (5, 5.0), (2, 9.0)))
    plan = sf.solve(instance, "halda")
    assert counts(instance, plan) == [1, 4, 5, 0]


def test_dropping_may_leave_too_little_memory() -> None:
    """a and b hold 3 and 5 of 9 blocks, c one more, and is dropped: then b reads from disk, which
    is no plan here, though (3, 5, 1) is one."""
    instance = serving(blocks(9), machines((1, 3.0), (1, 5.0), (1, 1.0)))
    plan = sf.solve(instance, "halda")
    assert (plan.status, plan.value) == ("unknown", None)
    assert "holds" in str(plan.reason)
    assert sf.solve(instance, "pipeline").status == "optimal"


def test_both_ends_are_on_the_source_and_take_of_its_memory() -> None:
    """b is the source: with an embedding of 1 and a head of 2 there are 3 of its 6 left."""
    instance = serving(blocks(6, ends=(1, 2)), machines((1, 6.0), (9, 6.0)))
    task = changed(instance.tasks[0], source="b", results_to="b")
    from_b = changed(instance, tasks=(task,))
    plan = sf.solve(from_b, "halda", contiguous="ring")
    assert counts(from_b, plan) == [3, 3]
    placed = plan.placement("request")
    assert (placed["embedding"], placed["head"], placed["block0"]) == ("b", "b", "b")


def cluster(blocks: int, *figures: tuple[float, float], disk_s: float) -> Cluster:
    """Machines of (seconds a block, memory in blocks)."""
    seconds, memory = np.array(figures).T
    return Cluster(blocks=blocks, block_s=seconds, memory_bytes=memory, most=memory, disk_s=disk_s)


def test_who_stays_over_its_memory_reads_from_disk() -> None:
    """10 blocks by memory (3.4, 6.6) are (3, 7): b is over and must stay it, a takes the 3 that it
    holds, and nobody has room."""
    found = settled(cluster(10, (1, 3.4), (2, 6.6), disk_s=5.0))
    assert found is not None and found.tolist() == [3, 7]


def test_who_reads_from_disk_beside_free_memory_is_held_to_its_own() -> None:
    """20 blocks by memory (2.7, 18.5) are (2.55, 17.45), so (3, 17): a reads from disk, where b has
    room for one more; so a is held to 2."""
    found = settled(cluster(20, (1, 2.7), (2, 18.5), disk_s=5.0))
    assert found is not None and found.tolist() == [2, 18]


def test_equal_machines_are_dropped_until_the_rest_reads_from_disk() -> None:
    """12 blocks on five machines for 3.4 each: 2.4 rounds to 2 each, a gets the two left over and
    is over its memory; b and c are filled, d and e keep one each, and go. The three that stay take
    4 each, though all five together had room for 15."""
    instance = serving(blocks(12), machines(*[(1, 3.4)] * 5))
    plan = sf.solve(instance, "halda")
    assert plan.reason == "node a holds 4 bytes, must be <= 3.4"
    assert sf.solve(instance, "equal").status == "feasible"


def test_where_all_fit_in_the_first_guess_the_answer_is_the_best() -> None:
    """Over all numbers of blocks within memory, one each at least, by trying them all."""
    rng = np.random.default_rng(5)
    tried = 0
    while tried < 20:
        most = rng.integers(2, 7, 3)
        total = int(rng.integers(6, 11))
        guess = most / most.sum() * total
        if most.sum() < total or (np.floor(guess + 0.5) > most).any() or (guess < 1).any():
            continue
        seconds = rng.uniform(1, 5, 3)
        best = min(
            seconds @ np.array(own)
            for own in product(*(range(1, int(one) + 1) for one in most))
            if sum(own) == total
        )
        found = settled(cluster(total, *zip(seconds, most.astype(float), strict=True), disk_s=1.0))
        assert found is not None and seconds @ found == pytest.approx(best)
        tried += 1


def test_plans_are_feasible_or_refused() -> None:
    """On seeded fleets of four to six machines."""
    for seed in range(4):
        instance = sf.generate("fleet", seed=seed, machines=4 + seed % 3, memory_ratio=1.6)
        plan = sf.solve(instance, "halda", pass_name="decode")
        check_plan(instance, plan)
        assert plan.value is not None or plan.reason
