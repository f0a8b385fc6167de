"""The family `fog`: layout, radio, work, and what each option changes."""

from __future__ import annotations

from math import log2, log10
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from splitfog.instances import zoo
from splitfog.instances.generators import generate
from splitfog.instances.generators.fog import usual_layout
from splitfog.instances.instance import Instance

SMALL: dict[str, Any] = {"users": 6, "models": "nin"}


def radio(instance: Instance) -> dict[tuple[str, str], float]:
    """Bandwidth of every radio link, by (user, fog node)."""
    return {(x.tail, x.head): x.bandwidth_bps for x in instance.links if x.head != "cloud"}


@pytest.mark.parametrize(("users", "fog_nodes"), [(10, 3), (100, 10), (1000, 50)])
def test_presets(users: int, fog_nodes: int) -> None:
    """10, 100 and 1,000 users have 3, 10 and 50 fog nodes, one cloud behind them, a task each."""
    instance = generate("fog", 1, users=users)
    tiers = [node.tier for node in instance.nodes]
    assert tiers == ["device"] * users + ["fog"] * fog_nodes + ["cloud"]
    assert [task.source for task in instance.tasks] == [f"user{i}" for i in range(users)]
    assert all(task.results_to is None for task in instance.tasks)
    wires = [link for link in instance.links if link.head == "cloud"]
    assert [link.tail for link in wires] == [f"fog{i}" for i in range(fog_nodes)]
    assert {(link.bandwidth_bps, link.latency_s, link.duplex) for link in wires} == {
        (50e6, 0.022, True)
    }
    assert instance.nodes[-1].speed_flops == 2e12


def test_layout_between_and_beyond_presets() -> None:
    """Other numbers of users lie on log-log lines through the presets."""
    # sqrt(10 * 100) users: sqrt(3 * 10) = 5.5 -> 5 nodes, sqrt(300 * 500) = 387.3 m
    nodes, side = usual_layout(32)
    assert nodes in (5, 6)
    assert side == pytest.approx(387.3, rel=0.01)
    # ten times more than the last: again a factor 50 / 10 and 1000 / 500
    assert usual_layout(10_000) == (250, 2000.0)
    assert usual_layout(1)[0] == 1


def test_rates_of_the_radio() -> None:
    """With 100 users all pairs have about 0.4, 10 and 37 Mbit/s at 5, 50 and 95 %."""
    kept = [
        bandwidth
        for seed in range(10)
        for bandwidth in radio(generate("fog", seed, models="nin", min_link_bps=1.0)).values()
    ]
    assert len(kept) == 10 * 100 * 10
    low, middle, high = np.percentile(kept, [5, 50, 95]) / 1e6
    assert 0.3 < low < 0.5
    assert 9 < middle < 11.5
    assert high == pytest.approx(37)  # 5 MHz x 7.4 bit/s/Hz


def test_path_loss_worked_by_hand() -> None:
    """Without shadowing, on one square metre, every link has the rate at 8.5 to 8.62 m."""

    # 22.4 + 21.3 log10(3.5) + 35.3 log10(d) dB of loss; noise -174 + 7 + 10 log10(5e6) = -100 dBm;
    # with -60 dBm sent the signal-to-noise ratio is about -60 - 66.8 + 100 = -26.8 dB
    def rate(distance: float) -> float:
        loss = 22.4 + 21.3 * log10(3.5) + 35.3 * log10(distance)
        snr_db = -60 - loss - (-174 + 7 + 10 * log10(5e6))
        return 5e6 * log2(1 + 10 ** (snr_db / 10))

    instance = generate(
        "fog", 3, **SMALL, area_m=1.0, shadowing_db=0.0, power_dbm=-60.0, min_link_bps=1.0
    )
    found = radio(instance)
    assert len(found) == 6 * len([n for n in instance.nodes if n.tier == "fog"])
    near, far = rate(8.5), rate((8.5**2 + 2) ** 0.5)
    assert all(far <= bandwidth <= near for bandwidth in found.values())


def test_slow_links_are_dropped() -> None:
    """No link is slower than the threshold; with a high one users are left without any."""
    whole, cut = (
        generate("fog", 2, **SMALL, min_link_bps=least, max_bps_per_hz=7.4) for least in (1.0, 37e6)
    )
    assert radio(cut) == {ends: bps for ends, bps in radio(whole).items() if bps >= 37e6}
    assert len(radio(cut)) < len(radio(whole))
    none = generate("fog", 2, **SMALL, min_link_bps=38e6)
    assert radio(none) == {}
    assert len(none.tasks) == 6


@given(seed=st.integers(0, 1000), utilisation=st.sampled_from([0.3, 0.5, 0.95]))
def test_rates_of_the_tasks(seed: int, utilisation: float) -> None:
    """A rate is U(.5, 1.5) x utilisation x fog speed / (users x work), a device's rho <= .8."""
    instance = generate("fog", seed, users=8, models="nin,alexnet", utilisation=utilisation)
    fog_flops = sum(node.speed_flops for node in instance.nodes if node.tier == "fog")
    for task, device in zip(instance.tasks, instance.nodes):
        work = sum(instance.model_of(task).flops.tolist())
        assert task.arrivals_per_s is not None
        factor = task.arrivals_per_s * 8 * work / (utilisation * fog_flops)
        rho = task.arrivals_per_s * work / device.speed_flops
        assert factor <= 1.5 * (1 + 1e-12)
        assert rho <= 0.8 * (1 + 1e-12)
        assert factor >= 0.5 * (1 - 1e-12) or rho == pytest.approx(0.8)
        assert 8e9 <= device.speed_flops <= 60e9


def test_models() -> None:
    """By default five networks of the zoo; images have one byte a value, other tensors four."""
    instance = generate("fog", 0)
    names = ["nin", "tiny-yolov2", "vgg-16", "alexnet", "resnet-34"]
    assert [model.name for model in instance.models] == names
    assert {task.model for task in instance.tasks} == set(names)
    for model, name in zip(instance.models, names):
        mine, usual = model.layers, zoo.build(name).layers
        assert mine[0].output_bytes * 4 == usual[0].output_bytes
        assert mine[1:] == usual[1:]
    vgg = next(model for model in instance.models if model.name == "vgg-16")
    assert vgg.layers[0].output_bytes == 224 * 224 * 3  # 150 kB


def test_options_change_nothing_else() -> None:
    """With one seed, utilisation changes the rates only, and the scale the radio only."""
    plain = generate("fog", 4, **SMALL, min_link_bps=1.0)
    busy = generate("fog", 4, **SMALL, min_link_bps=1.0, utilisation=0.25)
    fast = generate("fog", 4, **SMALL, min_link_bps=1.0, bandwidth_scale=3.0)
    assert (busy.nodes, busy.links) == (plain.nodes, plain.links)
    assert busy.tasks != plain.tasks
    assert (fast.nodes, fast.tasks) == (plain.nodes, plain.tasks)
    scaled = {ends: 3 * bandwidth for ends, bandwidth in radio(plain).items()}
    assert radio(fast) == pytest.approx(scaled)


def test_figures_are_options() -> None:
    """Speeds, wires, radio, limits and the number of nodes are taken from the options."""
    instance = generate(
        "fog",
        users=3,
        models=["nin"],
        fog_nodes=4,
        device_flops_low=5e9,
        device_flops_high=5e9,
        fog_flops_low=7e9,
        fog_flops_high=7e9,
        cloud_flops=9e9,
        cloud_bps=1e6,
        cloud_latency_s=0.5,
        radio="parallel",
        radio_latency_s=0.001,
        fog_quota=2,
        fog_memory_bytes=1e6,
        bytes_per_value=2.0,
    )
    assert [node.speed_flops for node in instance.nodes] == [5e9] * 3 + [7e9] * 4 + [9e9]
    assert {node.radio for node in instance.nodes} == {"parallel"}
    assert [(n.quota, n.memory_bytes) for n in instance.nodes] == (
        [(0, None)] * 3 + [(2, 1e6)] * 4 + [(None, None)]
    )
    assert {link.latency_s for link in instance.links if link.head != "cloud"} == {0.001}
    assert {
        (link.bandwidth_bps, link.latency_s) for link in instance.links if link.head == "cloud"
    } == {(1e6, 0.5)}
    assert instance.models[0].layers[0].output_bytes == 2 * 224 * 224 * 3
    assert generate("fog", **SMALL).nodes[0].radio == "serial"


def test_devices_work_for_others_only_if_shared() -> None:
    """Quota 0 of every device, lifted by the option, and nothing else changes."""
    own, shared = generate("fog", **SMALL), generate("fog", **SMALL, share_devices=True)
    devices = [node for node in own.nodes if node.tier == "device"]
    assert {node.quota for node in devices} == {0}
    assert {node.quota for node in shared.nodes} == {None}
    assert (own.links, own.tasks) == (shared.links, shared.tasks)
    assert "share-devices" in shared.name
    fog = [node for node in own.nodes if node.tier != "device"]
    assert fog == [node for node in shared.nodes if node.tier != "device"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"users": 0}, "users = 0, must be a whole number >= 1"),
        ({"models": "nin,lenet"}, "models = 'nin,lenet', must be one or more, with commas, of"),
        ({"models": ""}, "models = '', must be one or more"),
        ({"device_flops_low": 1e12}, "device_flops_low = 1000000000000.0, must be <= "),
        ({"rate_low": 2.0}, "rate_low = 2.0, must be <= rate_high, which is 1.5"),
        ({"max_device_rho": 1.0}, "max_device_rho = 1.0, must be a finite number >= 1e-06"),
    ],
)
def test_bad_options(options: dict[str, Any], sentence: str) -> None:
    """A value that is not allowed is named with what is."""
    with pytest.raises(ValueError, match=r"must be") as failure:
        generate("fog", **options)
    assert str(failure.value).startswith(sentence)
