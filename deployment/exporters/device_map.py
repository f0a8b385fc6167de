"""`device-map`: {layer: device}, the form in which Hugging Face's libraries take a placement.

Layers must be called as that model's modules are. `--option NODE=DEVICE` says what a node is there;
whole numbers are written as such: they are indices of accelerators.
"""

from __future__ import annotations

from splitfog.deployment.exporters.asked import Asked, Export
from splitfog.instances.json_files import encode


def export(asked: Asked) -> Export:
    """The placement as one JSON object, in the model's order."""
    devices, placement = asked.of_nodes, asked.placement()
    return Export(encode({layer: _device(devices.get(x, x)) for layer, x in placement.items()}))


def _device(name: str) -> str | int:
    return int(name) if name.isdecimal() else name
