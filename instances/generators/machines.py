"""Home and lab machines that run language models.

Figures are those of data sheets: dense 16-bit multiply-adds of matrices, the whole memory and its
bandwidth. What a runtime reaches is less (`speed_share`, `traffic_share` and `memory_share` of the
families). `nominal` means: a round figure of the usual order of magnitude, chosen by us.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, kw_only=True)
class MachinePreset:
    """A kind of machine.

    Attributes
    ----------
    place : "home" or "lab"
        Where such a machine is usual.
    speed_flops
        FLOP per second of matrix products in 16 bits.
    memory_bytes, memory_bytes_per_s
        Memory for weights and state, and how fast it is read and written.
    source
        Where the figures come from.
    """

    name: str
    place: str
    speed_flops: float
    memory_bytes: float
    memory_bytes_per_s: float
    source: str


NVIDIA = "NVIDIA data sheet"
APPLE = "memory, bandwidth: Apple technical specifications; speed: nominal"
APPLE_ALL = "Apple technical specifications and announcement"

_MACHINES = (
    ("raspberry-pi-5", "home", 60e9, 8e9, 17e9, "memory: Raspberry Pi product brief; else nominal"),
    ("laptop", "home", 1e12, 16e9, 68e9, "nominal"),
    ("desktop", "home", 1.5e12, 64e9, 76.8e9, "bandwidth: two channels of DDR5-4800; else nominal"),
    ("mac-mini-m1", "home", 2.6e12, 16e9, 68.25e9, APPLE_ALL),
    ("macbook-air-m2", "home", 3.6e12, 16e9, 100e9, APPLE_ALL),
    ("mac-mini-m4", "home", 4.3e12, 24e9, 120e9, APPLE),
    ("mac-mini-m4-pro", "home", 8.5e12, 48e9, 273e9, APPLE),
    ("macbook-pro-m4-max", "home", 17e12, 64e9, 546e9, APPLE),
    ("mac-studio-m3-ultra", "lab", 28e12, 96e9, 819e9, APPLE),
    ("jetson-orin-64gb", "lab", 10e12, 64e9, 204.8e9, f"memory, bandwidth: {NVIDIA}; else nominal"),
    ("rtx-3060", "home", 25e12, 12e9, 360e9, f"memory, bandwidth: {NVIDIA}; speed: nominal"),
    ("rtx-3090", "home", 71e12, 24e9, 936e9, "NVIDIA GA102 white paper"),
    ("rtx-4090", "home", 165.2e12, 24e9, 1008e9, "NVIDIA Ada white paper"),
    ("t4", "lab", 65e12, 16e9, 320e9, NVIDIA),
    ("l4", "lab", 121e12, 24e9, 300e9, NVIDIA),
    ("v100", "lab", 125e12, 32e9, 900e9, NVIDIA),
    ("a100-40gb", "lab", 312e12, 40e9, 1555e9, NVIDIA),
)

MACHINES: Mapping[str, MachinePreset] = MappingProxyType(
    {
        name: MachinePreset(
            name=name,
            place=place,
            speed_flops=speed,
            memory_bytes=memory,
            memory_bytes_per_s=traffic,
            source=source,
        )
        for name, place, speed, memory, traffic, source in _MACHINES
    }
)
"""Kinds of machines."""
