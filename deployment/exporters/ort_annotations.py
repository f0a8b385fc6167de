"""`ort-annotations`: a model whose operators carry ONNX Runtime's layering annotations.

One machine with several execution providers runs the whole model: every operator has a metadata
entry `layer_ann`, and the session option `session.layer_assignment_settings` says which annotation
goes to which device, as in `cpu(=pi); gpu(=box)` (`=`: exactly this one). The annotation here is
the plan's node; `--option NODE=DEVICE` says which device (cpu, gpu, npu, ...) that is. The form is
that of docs/annotated_partitioning in ONNX Runtime's repository; 1.32 reads it.
"""

from __future__ import annotations

import re

from splitfog.deployment.exporters.asked import Asked, Export
from splitfog.deployment.models.onnx_import import read_canonical
from splitfog.deployment.splitting.given import whole_model

KEY = "layer_ann"
SETTING = "session.layer_assignment_settings"
DEVICES = ("cpu", "gpu", "npu")
"""Names that a node may bear instead of having an option."""


def export(asked: Asked) -> Export:
    """The annotated canonical model; the setting is in its metadata, too, and is the line shown."""
    placement = asked.placement()
    whole = whole_model(asked.given.alone, read_canonical(asked.given.instance, asked.model))
    setting = _setting(asked, list(dict.fromkeys(placement[layer] for layer in whole.layers)))
    for layer in whole.layers:
        whole.operator(layer).metadata_props.add(key=KEY, value=placement[layer])
    whole.model.metadata_props.add(key=SETTING, value=setting)
    content: bytes = whole.model.SerializeToString(deterministic=True)
    return Export(content, (f"{SETTING}: {setting}",))


def _setting(asked: Asked, nodes: list[str]) -> str:
    """Every device once, with the nodes that are it."""
    groups: dict[str, list[str]] = {}
    for node in nodes:
        device = asked.called(node) if node in DEVICES else asked.told(node, "device", "cpu")
        for text in (node, device):
            if not text or re.search(r"[(),;=\s]", text):
                raise ValueError(f"{text!r} cannot stand in {SETTING}: it has one of '(),;= '")
        groups.setdefault(device, []).append(f"={node}")
    return "; ".join(f"{device}({', '.join(names)})" for device, names in groups.items())
