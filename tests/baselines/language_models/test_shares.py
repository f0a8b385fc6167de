"""equal, memory-proportional, exo, greedy-fill, water-fill: each against its rule by hand."""

from __future__ import annotations

from typing import Any

import pytest

import splitfog as sf
from splitfog.baselines.language_models.equal import equal_counts
from splitfog.instances.instance import Instance
from splitfog.instances.records import changed
from tests.cases.enumeration.passes import with_passes
from tests.cases.language_models import blocks, counts, machines, serving
from tests.checks import check_plan

RULES = ("equal", "memory-proportional", "exo", "greedy-fill", "water-fill")

EXO = serving(
    blocks(40, weights=1e9),
    machines((264.4, 36e9), (344.0, 96e9), (308.7, 64e9), (351.2, 96e9), (177.6, 36e9)),
)
"""The fleet of exo's issue 957: blocks of 1 GB, which machines read at so many GB/s."""


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((8, 4), [2, 2, 2, 2]),
        ((9, 4), [2, 2, 3, 2]),
        ((10, 4), [2, 3, 3, 2]),
        ((11, 4), [3, 3, 3, 2]),
        ((2, 4), [0, 1, 1, 0]),
        ((5, 1), [5]),
    ],
)
def test_what_is_left_over_goes_to_those_before_the_last(
    given: tuple[int, int], expected: list[int]
) -> None:
    """As vLLM has it: backwards from the last but one, never to the last."""
    assert equal_counts(*given) == expected


def test_equal_takes_no_notice_of_anything() -> None:
    """8 blocks each for the five machines of exo's fleet: 8 / 177.6 s are the longest stage."""
    plan = sf.solve(EXO, "equal", "period")
    assert counts(EXO, plan) == [8, 8, 8, 8, 8]
    assert plan.value == pytest.approx(8 / 177.6)


@pytest.mark.parametrize("solver", ["memory-proportional", "exo"])
def test_the_plan_of_the_issue_about_exo(solver: str) -> None:
    """All five machines in proportion to memory: 40 x (36, 96, 64, 96, 36) / 328 is (4.4, 11.7,
    7.8, 11.7, 4.4), so (4, 12, 8, 12, 4): 12 / 344 s a stage, 132.62 ms in all."""
    options = {"machines": 5} if solver == "exo" else {}
    plan = sf.solve(EXO, solver, "period", options=options)
    assert counts(EXO, plan) == [4, 12, 8, 12, 4]
    assert plan.value == pytest.approx(0.0348837, rel=1e-5)
    latency = sf.solve(EXO, solver, options=options)
    assert latency.value == pytest.approx(0.132619, rel=1e-5)
    assert sf.solve(EXO, "pipeline", "period").value == pytest.approx(0.0290698, rel=1e-5)


def test_exo_takes_as_few_machines_as_hold_the_model() -> None:
    """40 GB fit in 96 GB, the first machine of two that have them; 100 GB need both, half each."""
    assert counts(EXO, sf.solve(EXO, "exo")) == [0, 40, 0, 0, 0]
    larger = changed(EXO, models=serving(blocks(40, 2.5e9), machines((1, None))).models)
    assert counts(larger, sf.solve(larger, "exo")) == [0, 20, 0, 20, 0]


def test_who_has_no_block_by_proportion_takes_one_from_who_has_most() -> None:
    """10 x (1, 1, 98) / 100 rounds to (0, 0, 10); each takes one."""
    instance = serving(blocks(10), machines((1, 1.0), (1, 1.0), (1, 98.0)))
    assert counts(instance, sf.solve(instance, "memory-proportional")) == [1, 1, 8]


@pytest.mark.parametrize(
    ("solver", "reason"),
    [
        ("memory-proportional", "node a holds 2 bytes, must be <= 1.9"),
        ("exo", "node a has 1.9 bytes for 2 blocks, which take 2"),
    ],
)
def test_shares_that_are_rounded_up_may_not_fit(solver: str, reason: str) -> None:
    """4 x (1.9, 3.05) / 4.95 is (1.54, 2.46), so 2 each, where (1, 3) fits; exo says it itself."""
    plan = sf.solve(serving(blocks(4), machines((1, 1.9), (1, 3.05))), solver)
    assert (plan.status, plan.value, plan.reason) == ("unknown", None, reason)


def test_what_does_not_fit_for_other_reasons() -> None:
    """Half of 4 bytes on b, who has 1.1; a head of 3 where greedy-fill has used a's 3 for blocks;
    3.4 and 2.6 bytes with the ends of 1.6 and 0.4 taken off them hold 1 and 2 blocks, where b with
    the embedding and one, and a with the head and three, do; and more machines than there are."""
    cases: list[tuple[str, Instance, dict[str, int], str]] = [
        (
            "equal",
            serving(blocks(4), machines((1, 9.0), (1, 1.1))),
            {},
            "node b holds 2 bytes, must be <= 1.1",
        ),
        (
            "greedy-fill",
            serving(blocks(2, ends=(0, 3)), machines((1, 3.0), (1, 2.0))),
            {},
            "layer head does not fit on b any more, which is the last",
        ),
        (
            "water-fill",
            serving(blocks(4, ends=(1.6, 0.4)), machines((1, 3.4), (1, 2.6))),
            {},
            "the machines have room for 3 blocks in all, not for 4",
        ),
        ("exo", EXO, {"machines": 6}, "it shall use 6 machines at least, and there are 5"),
    ]
    for solver, instance, options, reason in cases:
        plan = sf.solve(instance, solver, options=options)
        assert (plan.status, plan.value, plan.reason) == ("unknown", None, reason)


def test_greedy_fill_leaves_room_for_nothing() -> None:
    """Embedding of 1 and blocks of 2 + 1 with their cache in 7 bytes: two of them. Then two more in
    6.5, and on the last machine what is left, and the head."""
    layers = blocks(5, weights=2, state=1, ends=(1, 3))
    instance = serving(layers, machines((1, 7.0), (1, 6.5), (1, 9.0)))
    plan = sf.solve(instance, "greedy-fill")
    assert counts(instance, plan) == [2, 2, 1]
    assert plan.placement("request")["head"] == "c"


def test_greedy_fill_counts_a_tied_table_once() -> None:
    """Embedding and head are one table of 4 bytes: with a block of 1 they fit in 5."""
    layers = [
        changed(layer, weights="table") if layer.weight_bytes == 4 else layer
        for layer in blocks(1, ends=(4, 4))
    ]
    plan = sf.solve(serving(layers, machines((1, 5.0), (1, 9.0))), "greedy-fill")
    assert set(plan.placement("request").values()) == {"a"}


def test_water_fill_rounds_as_parallax_does() -> None:
    """Speeds (1, 7) and 4 blocks: shares (0.5, 3.5), a tie for the one that is left over, which the
    first gets: 1 s, where (0, 4) takes 4 / 7 s."""
    instance = serving(blocks(4), machines((1, None), (7, None)))
    plan = sf.solve(instance, "water-fill", "period")
    assert counts(instance, plan) == [1, 3]
    assert plan.value == pytest.approx(1.0)
    assert sf.solve(instance, "pipeline", "period").value == pytest.approx(4 / 7)


def test_water_fill_caps_what_memory_does_not_hold() -> None:
    """8 blocks by speeds (2, 1, 1): 4, 2, 2; but a holds 3 beside the embedding, so b and c, by
    capacity the last, share 5: 2.5 each, and b, which comes first, gets the third."""
    instance = serving(blocks(8, ends=(2, 0)), machines((2, 5.0), (1, 4.0), (1, 4.0)))
    plan = sf.solve(instance, "water-fill")
    assert counts(instance, plan) == [3, 3, 2]


def test_water_fill_has_the_machines_of_most_capacity_first() -> None:
    """4 blocks of 1 byte: b holds them all, a 2. The head, 2 bytes, is a's, who has room for one
    block beside it, though its share by speed is 2."""
    instance = serving(blocks(4, ends=(1, 2)), machines((1, 3.0), (1, 9.0)))
    plan = sf.solve(instance, "water-fill")
    assert counts(instance, plan) == [1, 3]
    placed = plan.placement("request")
    assert (placed["embedding"], placed["head"]) == ("b", "a")


def test_water_fill_leaves_out_who_gets_no_block() -> None:
    """4 x (9, 9, 1) / 19 is (1.9, 1.9, 0.2), so (2, 2, 0); then b is the last, and of its 3 bytes
    the head takes 2: a gets three."""
    instance = serving(blocks(4, ends=(0, 2)), machines((9, 9.0), (9, 3.0), (1, 3.0)))
    assert counts(instance, sf.solve(instance, "water-fill")) == [3, 1, 0]


def test_water_fill_by_blocks_sees_how_fast_memory_is() -> None:
    """a makes 10 FLOP/s, but reads a block's byte in a second, as b does in a third: (1, 3)."""
    layers = [
        changed(layer, traffic_bytes=1.0) if layer.weight_bytes else layer for layer in blocks(4)
    ]
    fleet = machines((10, None), (5, None))
    speeds = zip(fleet["nodes"], (1.0, 3.0), strict=True)
    fleet["nodes"] = tuple([changed(node, memory_bytes_per_s=speed) for node, speed in speeds])
    instance = serving(layers, fleet)
    by_flops = sf.solve(instance, "water-fill")
    assert counts(instance, by_flops) == [3, 1]  # 4 x (10, 5) / 15 = (2.67, 1.33)
    by_block = sf.solve(instance, "water-fill", options={"speed": "block"})
    assert counts(instance, by_block) == [1, 3]


@pytest.mark.parametrize("solver", RULES)
def test_the_ends_are_on_the_first_and_the_last_machine(solver: str) -> None:
    """In the order of the file; a hub without memory has nothing."""
    fleet = machines((1, 9.0), (1, 9.0), (1, 9.0), (1, 0.0))
    instance = serving(blocks(18, ends=(1, 1)), fleet)
    placed = sf.solve(instance, solver).placement("request")
    assert (placed["embedding"], placed["head"]) == ("a", "c")
    assert "d" not in placed.values()


@pytest.mark.parametrize("solver", RULES)
def test_the_next_token_is_beside_the_embedding(solver: str) -> None:
    """A last layer in the embedding's group is on its machine: the plan is a ring."""
    layers = blocks(4, ends=(1, 1))
    layers[1] = changed(layers[1], group="ends")
    layers.append(
        changed(
            layers[-1], name="next", inputs=("head",), op="identity", group="ends", weight_bytes=0.0
        )
    )
    instance = serving(layers, machines((1, 4.0), (1, 4.0)))
    plan = sf.solve(instance, solver, contiguous="ring")
    placed = plan.placement("request")
    assert (placed["embedding"], placed["head"], placed["next"]) == ("a", "b", "a")
    assert sf.solve(instance, solver, contiguous="line").value is None


def test_greedy_fill_has_the_next_token_wherever_the_embedding_is() -> None:
    """On b, where a has no room for the embedding."""
    layers = blocks(2, ends=(3, 1))
    layers[1] = changed(layers[1], group="ends")
    layers.append(changed(layers[-1], name="next", inputs=("head",), group="ends"))
    plan = sf.solve(serving(layers, machines((1, 2.0), (1, 9.0))), "greedy-fill")
    assert plan.placement("request")["next"] == "b"


@pytest.mark.parametrize(
    ("ops", "weights", "expected"),
    [
        ("oaaoo", (1, 2, 3, 4, 5), ["a", "a", "b", "b", "b"]),  # 2 blocks are 1 and 1
        ("oooooo", (1, 2, 2, 2, 2, 3), ["a", "a", "a", "b", "b", "b"]),  # 4 alike are 2 and 2
        ("oooooo", (1, 2, 3, 4, 5, 6), ["a", "a", "a", "b", "b", "b"]),  # 6 are 3 and 3
        ("ooooaoo", (1, 2, 3, 4, 4, 5, 6), ["a", "a", "a", "a", "b", "b", "b"]),  # 7 are 4 and 3
        ("aoaoo", (1, 2, 3, 4, 5), ["a", "a", "a", "b", "b"]),  # 5 are 3 and 2
        ("ooo", (1, 2, 3), ["a", "a", "b"]),  # 3 are 2 and 1
        ("ossoo", (1, 2, 3, 4, 5), ["a", "a", "b", "b", "b"]),  # 2 with state are 1 and 1
    ],
)
def test_what_blocks_are(ops: str, weights: tuple[float, ...], expected: list[str]) -> None:
    """A run of attention or of what keeps state, or of layers that are alike, with at most two
    others at either end; else all layers."""
    layers = blocks(len(ops))
    for position, (op, own) in enumerate(zip(ops, weights, strict=True), 1):
        figures = {"weight_bytes": float(own), "state_bytes": float(op == "s")}
        kind = "attention" if op == "a" else "other"
        layers[position] = changed(layers[position], op=kind, **figures)
    plan = sf.solve(serving(layers, machines((1, None), (1, None))), "equal")
    assert list(plan.placement("request").values())[1:] == expected


@pytest.mark.parametrize("solver", RULES)
def test_who_cannot_declines_with_a_sentence(solver: str) -> None:
    """Branches, several tasks, and for shares of memory a machine without a limit."""
    with pytest.raises(sf.SolverDeclined, match=f"{solver} does not apply: model m is no chain"):
        sf.solve(with_passes(1, "direct", chain=False), solver)
    instance = serving(blocks(3), machines((1, None), (1, 2.0)))
    second = changed(instance.tasks[0], name="other")
    both = changed(instance, tasks=(*instance.tasks, second))
    with pytest.raises(sf.SolverDeclined, match="one task's model, and there are 2 tasks"):
        sf.solve(both, solver, "latency")
    if solver in ("memory-proportional", "exo"):
        with pytest.raises(sf.SolverDeclined, match="node a has no memory_bytes"):
            sf.solve(instance, solver)


@pytest.mark.parametrize("solver", RULES)
def test_whatever_memory_allows_is_a_plan(solver: str) -> None:
    """On chains with passes, where layers differ: feasible, no better than the optimum, or refused
    with a sentence; both happen."""
    fits = 0
    for seed in range(8):
        instance = with_passes(seed, "direct", roomy=False)
        asked: dict[str, Any] = {"pass_name": "decode"} if seed % 2 else {}
        plan = sf.solve(instance, solver, **asked)
        check_plan(instance, plan)
        if plan.value is None:
            assert plan.reason
            continue
        best = sf.solve(instance, "ilp", **asked).value
        assert best is not None and plan.value >= best * (1 - 1e-9)
        fits += 1
    assert 0 < fits < 8
