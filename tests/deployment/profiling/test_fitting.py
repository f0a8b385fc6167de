"""Latency predictors: a law that is there is found, and errors are those of models left out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import splitfog as sf
from splitfog.deployment.profiling.fitting import fit_files
from splitfog.instances.records import changed
from splitfog.instances.times import LayerTime, Work

LAW = {"conv kxk": (2e-11, 3e-10, 0.0, 1e-9, 5e-6), "add": (0.0, 4e-10, 1e-10, 0.0, 2e-6)}
"""Seconds per FLOP, byte in, byte out, byte of weights, and overhead."""


def by_law(work: Work) -> float:
    figures = (work.flops, work.bytes_in, work.bytes_out, work.weight_bytes, 1)
    return sum(map(float.__mul__, LAW[work.kind], map(float, figures)))


def times_of(
    model: str, layers: int, seed: int, law: Callable[[Work], float] = by_law
) -> list[LayerTime]:
    """Random layers of both kinds, and what they take by a law."""
    rng = np.random.default_rng(seed)
    times = []
    for position in range(layers):
        flops, read, made, weights = (10 ** rng.uniform(3, 7, 4)).tolist()
        work = Work(
            kind=list(LAW)[position % 2], flops=flops, bytes_in=read, bytes_out=made,
            weight_bytes=weights,
        )  # fmt: skip
        times.append(
            LayerTime(model=model, layer=f"l{position}", place="pi", seconds=law(work), work=work)
        )
    return times


def test_a_linear_law_is_found_exactly() -> None:
    """Every coefficient of both kinds, zeros included; the rest is the law of any layer."""
    found = sf.fit_predictor(times_of("m", 40, seed=1))
    assert [(law.kind, law.layers) for law in found.laws] == [
        ("add", 20),
        ("conv kxk", 20),
        ("any", 40),
    ]
    for law in found.laws[:2]:
        figures = (law.seconds_per_flop, law.seconds_per_byte_in, law.seconds_per_byte_out,
                   law.seconds_per_weight_byte, law.overhead_s)  # fmt: skip
        assert figures == pytest.approx(LAW[law.kind], rel=1e-6, abs=1e-18)
    assert (found.node, found.models, found.errors) == ("pi", ("m",), ())


def test_no_coefficient_is_negative() -> None:
    """Not even where times fall with the work."""
    found = sf.fit_predictor(times_of("m", 40, seed=2, law=lambda work: 1 / work.flops))
    for law in found.laws:
        assert law.seconds_per_flop >= 0
        assert law.overhead_s >= 0


def test_errors_are_of_models_left_out() -> None:
    """Two of the law and one twice as slow: that is predicted at half, whose error is 1/2."""
    times = [*times_of("a", 30, 1), *times_of("b", 30, 2)]
    slow = times_of("slow", 30, 3, law=lambda work: 2 * by_law(work))
    assert [error.error for error in sf.fit_predictor(times).errors] == pytest.approx([0, 0])
    errors = {error.model: error for error in sf.fit_predictor([*times, *slow]).errors}
    assert list(errors) == ["a", "b", "slow"]
    assert errors["slow"].error == pytest.approx(0.5)
    assert errors["slow"].measured_s == pytest.approx(sum(time.seconds for time in slow))
    assert errors["slow"].predicted_s == pytest.approx(errors["slow"].measured_s / 2)
    assert errors["slow"].layers == 30
    assert errors["a"].error > 0  # what is left is of two speeds


def test_a_kind_of_few_layers_follows_the_law_of_any() -> None:
    """Four of a kind are fewer than a law has figures."""
    times = times_of("m", 40, seed=1)
    assert times[0].work is not None
    few = [
        changed(each, work=changed(times[0].work, kind="softmax"), layer=f"s{i}")
        for i, each in enumerate(times[:4])
    ]
    found = sf.fit_predictor([*times, *few])
    assert "softmax" not in {law.kind for law in found.laws}
    work = few[0].work
    assert work is not None
    assert found.seconds(work) == found.laws[-1].seconds(work)


def test_times_of_zero_say_nothing() -> None:
    """The outputs of an operator with several."""
    times = times_of("m", 40, seed=1)
    free = [changed(time, seconds=0.0, layer=f"free{i}") for i, time in enumerate(times)]
    assert sf.fit_predictor([*times, *free]) == sf.fit_predictor(times)


def test_order_changes_nothing() -> None:
    """Of the lines of a model."""
    times = times_of("m", 20, seed=4)
    ahead, behind = sf.fit_predictor(times), sf.fit_predictor(times[::-1])
    for law, other in zip(ahead.laws, behind.laws, strict=True):
        assert law.overhead_s == pytest.approx(other.overhead_s, rel=1e-6, abs=1e-15)


def test_files_without_a_model_are_a_model_each(tmp_path: Path) -> None:
    """By the names of the files."""
    for name, seed in (("a", 1), ("b", 2)):
        own = [changed(time, model=None) for time in times_of("m", 12, seed)]
        sf.save_times(own, tmp_path / f"{name}.csv")
    found = fit_files([tmp_path / "a.csv", tmp_path / "b.csv"])
    assert found.models == ("a", "b")


def test_what_cannot_be_fitted_is_a_sentence(tmp_path: Path) -> None:
    """Times that say no work, of several nodes, of another node, or of nothing."""
    times = times_of("m", 12, seed=1)
    with pytest.raises(ValueError, match="the time of layer l0 lacks the columns kind, flops"):
        sf.fit_predictor([changed(times[0], work=None), *times[1:]])
    with pytest.raises(ValueError, match="the times are of pi, box: a predictor is of one"):
        sf.fit_predictor([*times, changed(times[0], place="box")])
    with pytest.raises(ValueError, match="node = 'bx', must be one of pi"):
        sf.fit_predictor(times, node="bx")
    with pytest.raises(ValueError, match="no time on pi is above 0 s"):
        sf.fit_predictor([changed(time, seconds=0.0) for time in times])
    with pytest.raises(ValueError, match="times = \\[\\], must be"):
        sf.fit_predictor([])
    (tmp_path / "bare.csv").write_text("layer,node,seconds\na,pi,1\n")
    with pytest.raises(sf.InstanceError, match=r"bare\.csv: line 2 lacks the columns kind"):
        fit_files([tmp_path / "bare.csv"])
