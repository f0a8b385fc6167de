"""Presets of nodes and networks."""

from __future__ import annotations

import dataclasses

import pytest

from splitfog.instances.generators.presets import LANS, NETWORKS, NODES, network_preset, node_preset


def test_names_and_figures() -> None:
    """The presets asked for are there, under their own names, with positive figures."""
    assert set(NODES) == {
        "raspberry-pi-3", "raspberry-pi-4", "jetson-nano", "desktop-i7", "gpu-server",
    }  # fmt: skip
    assert set(NETWORKS) - set(LANS) == {"cat-1", "3g", "4g", "5g", "wi-fi", "ethernet", "fibre"}
    for name, node in NODES.items():
        assert node.name == name
        assert min(node.speed_flops, node.memory_bytes, node.overhead_s) > 0
        assert node.source
    for name, network in NETWORKS.items():
        assert network.name == name
        assert min(network.uplink_bps, network.downlink_bps) > 0
        assert (network.latency_s > 0) != (network.delay_s > 0)
        assert network.source


def test_published_bandwidths() -> None:
    """Uplinks and downlinks in Mbit/s are those that DADS and JointDNN use."""
    uplinks = {name: NETWORKS[name].uplink_bps / 1e6 for name in ("cat-1", "3g", "4g", "wi-fi")}
    assert uplinks == pytest.approx({"cat-1": 0.13, "3g": 1.1, "4g": 5.85, "wi-fi": 18.88})
    downlinks = {name: NETWORKS[name].downlink_bps / 1e6 for name in ("3g", "4g", "wi-fi")}
    assert downlinks == pytest.approx({"3g": 2.0275, "4g": 13.76, "wi-fi": 54.97})
    assert NETWORKS["fibre"].uplink_bps == 100e6
    assert (NETWORKS["wi-fi"].latency_s, NETWORKS["fibre"].latency_s) == (0.002, 0.02)


def test_presets_cannot_be_changed() -> None:
    """Neither a preset nor the mapping that holds it can be changed."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        NODES["jetson-nano"].speed_flops = 1.0  # type: ignore[misc]
    with pytest.raises(TypeError):
        NODES["mine"] = NODES["jetson-nano"]  # type: ignore[index]


def test_node_of_a_preset() -> None:
    """A preset's node takes its figures; memory limits it only where asked."""
    preset = NODES["raspberry-pi-4"]
    node = preset.node("pi", "device", factor=2)
    assert (node.name, node.tier, node.overhead_s) == ("pi", "device", preset.overhead_s)
    assert node.speed_flops == 2 * preset.speed_flops
    assert node.memory_bytes == preset.memory_bytes
    assert preset.node("pi", "device", memory=False).memory_bytes is None


def test_links_of_a_preset() -> None:
    """Unequal directions are two links, equal ones a single duplex link."""
    up, down = NETWORKS["4g"].links("low", "high", factor=0.5)
    assert (up.tail, up.head, up.bandwidth_bps, up.duplex) == ("low", "high", 2.925e6, False)
    assert (down.tail, down.head, down.bandwidth_bps, down.duplex) == ("high", "low", 6.88e6, False)
    assert up.latency_s == down.latency_s == NETWORKS["4g"].latency_s
    (both,) = NETWORKS["fibre"].links("low", "high", latency_s=0.5)
    assert (both.duplex, both.latency_s, both.bandwidth_bps) == (True, 0.5, 100e6)
    (lan,) = NETWORKS["wi-fi-6"].links("low", "high")
    assert (lan.bandwidth_bps, lan.latency_s, lan.delay_s) == (600e6, 0, 0.0015)


def test_unknown_presets() -> None:
    """An unknown name is answered with the nearest and all known ones."""
    assert node_preset("jetson-nano") is NODES["jetson-nano"]
    assert network_preset("5g") is NETWORKS["5g"]
    with pytest.raises(LookupError, match=r"node preset 'jetson', did you mean 'jetson-nano'\?"):
        node_preset("jetson")
    with pytest.raises(LookupError, match=r"network preset 'wifi', did you mean 'wi-fi'.*fibre"):
        network_preset("wifi")
