"""plan_bands: within every band the plan is optimal, beyond it another one is."""

from __future__ import annotations

from math import inf
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from splitfog import Instance, Layer, Link, Model, Node, SolverDeclined, Task, plan_bands, solve
from splitfog.formulations.parametric.plan_bands import LayerBand, PlanBands
from splitfog.instances.records import figure_in
from tests.cases.figures import with_figures
from tests.cases.strategies import random_instance


def optimum(instance: Instance, **how: Any) -> float:
    """The least latency, by min-cut."""
    value = solve(instance, "min-cut", "latency", **how).value
    assert value is not None
    return value


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["once", "per-edge"]), st.booleans())
def test_layers(seed: int, transfers: str, monotone: bool) -> None:
    """At a band's end, found by min-cut: half way there the value moves with the time of a used
    layer and not with that of another; a tenth beyond it no longer, or at last.
    """
    rng = np.random.default_rng(seed)
    instance = random_instance(rng, line=True, num_layers=5)
    how: dict[str, Any] = {"transfers": transfers, "monotone": monotone}
    try:
        bands = plan_bands(instance, **how)
    except SolverDeclined:
        return
    for band in bands.layers:
        check(instance, bands, band, how)


def check(instance: Instance, bands: PlanBands, band: LayerBand, how: dict[str, Any]) -> None:
    """A band against the optimum at other times."""

    def more(time_s: float) -> float:
        """By how much the optimum is above the plan's value, other times of the layer."""
        named = {band.layer: {band.node: time_s}}
        return optimum(instance.with_times(named, instance.tasks[0].model), **how) - value

    value = bands.value or 0.0
    near = 1e-9 * (value + band.time_s)
    if band.used:
        assert band.low_s == 0
        assert more(0) == pytest.approx(-band.time_s, abs=near)
        if band.high_s == inf:
            assert more(1e3) == pytest.approx(1e3 - band.time_s, rel=1e-6)
            return
        spare = band.high_s - band.time_s
        assert more(band.time_s + spare / 2) == pytest.approx(spare / 2, abs=near)
        assert more(band.high_s + 1) == pytest.approx(spare, abs=near)
    else:
        assert band.high_s == inf
        assert more(band.low_s) == pytest.approx(0, abs=near)
        assert more(band.low_s * 0.9) == pytest.approx(-0.1 * band.low_s, abs=near)


def chain() -> Instance:
    """in -> a -> b on two tiers; a second per 1000 bytes over the link, no latency.

    Times (device, cloud): a 4, 1; b 4, 1 s. Tensors: in 5000, a 1000, b 0 bytes. Plans: all on the
    device 8 s; a there, b on the cloud 4 + 1 + 1 = 6 s; both on the cloud 5 + 2 = 7 s.
    """
    return Instance(
        name="chain",
        tiers=("device", "cloud"),
        nodes=(
            Node(name="pi", tier="device", speed_flops=1),
            Node(name="gpu", tier="cloud", speed_flops=4),
        ),
        links=(Link(tail="pi", head="gpu", bandwidth_bps=8000),),
        models=(
            Model(
                name="chain",
                layers=(
                    Layer(name="in", op="input", output_bytes=5000),
                    Layer(name="a", op="other", inputs=("in",), flops=4, output_bytes=1000),
                    Layer(name="b", op="other", inputs=("a",), flops=4, output_bytes=0),
                ),
            ),
        ),
        tasks=(Task(name="task", model="chain", source="pi"),),
    )


def test_by_hand() -> None:
    """a may take 1 s longer until both go to the cloud; b 2 s, until both stay.

    a on the cloud would have to be 1 s faster, none at all; b on the device 2 s, 2 in place of 4.
    The link: at b bit/s a crosses in 8000 / b, so the plan is worth 5 + 8000 / b; on the cloud 2 +
    40,000 / b, less from b = 32,000 / 3 on; on the device 8, less up to 8000 / 3. The pi's load f:
    4 f + 2 against 7, so 5 / 4, and against 8 f, so 1 / 2. The gpu's: 5 + f against 8 and 5 + 2 f.
    """
    bands = plan_bands(chain())
    found = {(band.layer, band.node): band for band in bands.layers}
    ends = {key: (band.low_s, band.high_s, band.moves_to) for key, band in found.items()}
    assert ends == {
        ("a", "pi"): (0.0, pytest.approx(5), "gpu"),
        ("a", "gpu"): (pytest.approx(0, abs=1e-9), inf, "gpu"),
        ("b", "pi"): (pytest.approx(2), inf, "pi"),
        ("b", "gpu"): (0.0, pytest.approx(3), "pi"),
    }
    assert [band.used for band in bands.layers] == [True, False, False, True]
    assert {band.figure: (band.low, band.high) for band in bands.figures} == {
        ("pi", "gpu"): (pytest.approx(8000 / 3), pytest.approx(32_000 / 3)),
        "pi": (pytest.approx(0.5), pytest.approx(1.25)),
        "gpu": (0.0, pytest.approx(3)),
    }
    tightest = bands.tightest
    assert tightest is not None
    assert (tightest.layer, tightest.factor) == ("a", pytest.approx(1.25))
    assert bands.value == pytest.approx(6)
    assert repr(bands) == (
        "<PlanBands for chain: latency 6 s, 2 layers; a may take up to 1.25 times as long>"
    )


def test_rows_and_faces() -> None:
    """Every band a row; no end is None; a notebook shows figures and the tightest layers."""
    bands = plan_bands(chain(), layers=["b"])
    rows = bands.rows()
    assert [(row["kind"], row["figure"], row["layer"]) for row in rows] == [
        ("link", "pi,gpu", None),
        ("node", "pi", None),
        ("node", "gpu", None),
        ("layer", "pi", "b"),
        ("layer", "gpu", "b"),
    ]
    assert (rows[2]["low"], rows[3]["high"], rows[4]["low"]) == (None, None, None)
    page = bands._repr_html_()
    assert "bandwidth of pi -&gt; gpu" in page
    assert "<td>b</td><td>gpu</td><td>1 s</td><td>3 s</td><td>3</td><td>pi</td>" in page


def test_at_other_figures_the_plan_is_as_good_as_the_optimum() -> None:
    """Both ends of a figure's band, approached from within: the plan's value is the optimum."""
    bands = plan_bands(chain())
    plan = solve(chain(), "min-cut")
    for band in bands.figures:
        for end in (band.low * 1.001, band.high * 0.999):
            if 0 < end < inf:
                moved = with_figures(chain(), {band.figure: end})
                own = solve(moved, "min-cut")
                assert own.placement("task") == plan.placement("task")


def test_two_tasks_have_their_own_bands() -> None:
    """The mean over tasks moves by half of what a task's latency does; the bands stay."""
    one = chain()
    fields = {name: getattr(one, name) for name in ("name", "tiers", "nodes", "links", "models")}
    tasks = (one.tasks[0], Task(name="other", model="chain", source="gpu"))
    both = plan_bands(Instance(**fields, tasks=tasks), layers="a")
    assert [(band.task, band.node, band.used) for band in both.layers] == [
        ("task", "pi", True),
        ("task", "gpu", False),
        ("other", "pi", False),
        ("other", "gpu", True),
    ]
    assert both.layers[0].high_s == pytest.approx(5)
    for band in both.layers[2:]:  # from the gpu nothing goes back
        assert (band.low_s, band.high_s, band.moves_to) == (0, inf, None)


def test_nothing_feasible() -> None:
    """a on the cloud only, b on the device only, and data never goes back."""
    layers = list(chain().models[0].layers)
    layers[1] = Layer(name="a", op="other", inputs=("in",), output_bytes=1, tiers=("cloud",))
    layers[2] = Layer(name="b", op="other", inputs=("a",), output_bytes=1, tiers=("device",))
    fields = {name: getattr(chain(), name) for name in ("name", "tiers", "nodes", "links", "tasks")}
    bands = plan_bands(Instance(**fields, models=(Model(name="chain", layers=tuple(layers)),)))
    assert (bands.status, bands.value, bands.layers, bands.tightest) == (
        "infeasible",
        None,
        (),
        None,
    )
    assert "no placement" in bands._repr_html_()
    assert repr(bands) == "<PlanBands for chain: infeasible>"


def test_declined() -> None:
    """Another objective, several nodes a tier, memory that is not enough: with the reason."""
    with pytest.raises(SolverDeclined, match="period is not linear"):
        plan_bands(chain(), objective="period")
    with pytest.raises(SolverDeclined, match="several usable nodes share a tier"):
        plan_bands(chain().with_node("gpu2", tier="cloud", speed_flops=1e9))
    heavy = chain().with_node("gpu", memory_bytes=0.5)
    layers = tuple(
        Layer(
            name=own.name,
            op=own.op,
            inputs=own.inputs,
            flops=own.flops,
            weight_bytes=figure_in(own.flops, None),
            output_bytes=own.output_bytes,
        )
        for own in heavy.models[0].layers
    )
    fields = {name: getattr(heavy, name) for name in ("name", "tiers", "nodes", "links", "tasks")}
    with pytest.raises(SolverDeclined, match="cuts ignore memory, and node gpu"):
        plan_bands(Instance(**fields, models=(Model(name="chain", layers=layers),)))


def test_unknown_layer() -> None:
    """Named with the one that may be meant."""
    with pytest.raises(LookupError, match="layers: unknown layer 'aa', did you mean 'a'"):
        plan_bands(chain(), layers="aa")
    with pytest.raises(ValueError, match="layers = 5, must be"):
        plan_bands(chain(), layers=5)  # type: ignore[arg-type]
