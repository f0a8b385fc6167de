"""Figures that are lists, one entry a pass: as they are given, read, written and summed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import splitfog as sf
from splitfog.formulations.costs.ledger import layer_time, request_time
from splitfog.formulations.passes import executed_once, of_pass
from splitfog.instances.files import load_instance, save_instance
from splitfog.instances.instance import encode_instance
from tests.cases.enumeration.passes import with_passes
from tests.cases.golden import PASSES, case


@pytest.mark.parametrize("name", PASSES)
def test_what_is_written_is_read(name: str, tmp_path: Path) -> None:
    """Lists, nulls, passes, routing and all: the same instance, the same bytes."""
    instance, _ = case(name)
    save_instance(instance, tmp_path / "copy.json")
    copy = load_instance(tmp_path / "copy.json")
    assert copy == instance
    assert encode_instance(copy) == encode_instance(instance)


def test_arrays_are_lists() -> None:
    """NumPy's figures of a layer are kept as tuples of numbers."""
    layer = sf.Layer(name="a", op="other", output_bytes=[1, None], flops=np.array([2.0, 3.0]))  # type: ignore[arg-type]
    assert layer.output_bytes == (1, None)
    assert layer.flops == (2.0, 3.0)


def test_what_a_request_takes() -> None:
    """A prefill and ten decodes, of which b does not run in a decode: sends, bytes and FLOP."""
    layers = (
        sf.Layer(name="a", op="input", output_bytes=(100.0, 1.0)),
        sf.Layer(name="b", op="other", inputs=("a",), flops=(5.0, 7.0), output_bytes=(20.0, None)),
        sf.Layer(name="c", op="other", inputs=("b",), flops=3.0, output_bytes=4.0),
    )
    passes = (sf.Pass(name="prefill"), sf.Pass(name="decode", count=10))
    model = sf.Model(name="m", layers=layers, passes=passes)
    assert model.sends.tolist() == [11, 1, 11]
    assert model.output_bytes.tolist() == [100 + 10 * 1, 20, 11 * 4]
    assert model.flops.tolist() == [0, 5, 11 * 3]  # what does not run does no work


def test_the_roofline() -> None:
    """4e9 FLOP at 2e9 FLOP/s take 2 s, 6 GB at 2 GB/s 3 s: the longer, after the overhead."""
    layer = sf.Layer(name="a", op="other", flops=4e9, traffic_bytes=6e9, output_bytes=0.0)
    slow = sf.Node(name="n", tier="t", speed_flops=2e9, overhead_s=0.5, memory_bytes_per_s=2e9)
    assert layer_time(layer, slow) == 3.5
    fast = sf.Node(name="n", tier="t", speed_flops=2e9, overhead_s=0.5, memory_bytes_per_s=1e10)
    assert layer_time(layer, fast) == 2.5
    assert layer_time(layer, sf.Node(name="n", tier="t", speed_flops=2e9)) == 2.0


def test_every_pass_has_its_own_maximum() -> None:
    """Prefill is held up by work (2 s), each of 3 decodes by memory (1 s): 5 s, not the maximum of
    sums 2 + 3 x 0.1 = 2.3 s and 0.2 + 3 = 3.2 s."""
    layer = sf.Layer(
        name="a", op="other", flops=(2e9, 1e8), traffic_bytes=(2e8, 1e9), output_bytes=0.0
    )
    passes = (sf.Pass(name="prefill"), sf.Pass(name="decode", count=3))
    model = sf.Model(name="m", layers=(layer,), passes=passes)
    node = sf.Node(name="n", tier="t", speed_flops=1e9, memory_bytes_per_s=1e9)
    assert request_time(model, 0, node) == pytest.approx(2 + 3 * 1.0)


def test_one_pass_in_which_all_runs_is_no_pass() -> None:
    """Then all that knows models executed once takes it, with the plans of the whole instance."""
    instance = with_passes(1, "mesh", idle=False)
    seen = of_pass(instance, "decode")
    assert seen.models[0].passes is None
    assert seen.sha256 == instance.sha256
    assert of_pass(instance) is instance
    assert of_pass(seen, "decode") is seen
    assert of_pass(instance, "decode") is seen


@pytest.mark.parametrize(
    ("call", "who"),
    [
        (lambda i: sf.plan_table(i, vary={"n1": (1, 2)}), "a plan table"),
        (lambda i: sf.policy(i, link=("n0", "n1"), low_bps=1e6, high_bps=1e7), "a policy"),
        (lambda i: sf.plan_bands(i), "plan_bands"),
        (lambda i: sf.HpaLocal(i), "hpa-local"),
        (lambda i: sf.simulate(i, {}), "simulate"),
        (lambda i: sf.split(i, {}, "/nowhere"), "split"),
        (lambda i: sf.repair(i, {}, []), "repair"),
    ],
)
def test_who_knows_one_execution_says_so(call, who: str) -> None:
    """With the passes of the model, and no wrong figure."""
    sentence = f"{who} knows models that are executed once, every layer of them, but model m has"
    with pytest.raises(ValueError, match=f"{sentence} .*; splitfog edit --one-pass makes one exec"):
        call(with_passes(1, "mesh"))


def test_state_that_is_not_counted_is_refused() -> None:
    """Where memory is limited, by what counts weights only; elsewhere it does not matter."""
    tight = of_pass(with_passes(1, "mesh", roomy=False, idle=False), "decode")
    with pytest.raises(
        ValueError, match=r"not count the state of layers .*; splitfog edit --memory"
    ):
        sf.plan_table(tight, vary={"n1": (1, 2)})
    roomy = of_pass(with_passes(1, "mesh", idle=False), "decode")
    assert executed_once(roomy, "a plan table", with_state=False) is roomy
