"""`device-map`: {module: device}, the form in which Hugging Face's libraries take a placement.

`--option NODE=DEVICE` says what a node is there; whole numbers are written as such: they are
indices of accelerators. Any placement is one.

Layers of a language model (a chain that begins with an embedding, then has blocks) are called as
the modules of Llama's form, or of GPT-2's where the model is called so; the last norm is with the
head, if it is no layer of its own. All other layers keep their names, which should be those of that
model's modules. Of a table that is tied over two devices Accelerate 1.14 warns, and keeps a copy on
each.
"""

from __future__ import annotations

from collections.abc import Iterator

from splitfog.deployment.exporters.asked import Asked, Export
from splitfog.deployment.exporters.pipeline import NO_WORK, parts_of
from splitfog.instances.json_files import encode
from splitfog.instances.records import Model

LLAMA = (("model.embed_tokens",), "model.layers", ("model.norm", "lm_head"))
GPT_2 = (("transformer.wte", "transformer.wpe"), "transformer.h", ("transformer.ln_f", "lm_head"))
"""Modules before the blocks, the list of blocks, and modules behind them."""


def export(asked: Asked) -> Export:
    """The placement as one JSON object, in the model's order."""
    modules = _modules(asked.given.alone.model_of(asked.given.task))
    found = {
        module: _device(asked.called(node))
        for layer, node in asked.placement().items()
        for module in modules.get(layer, (layer,))
    }
    return Export(encode(found), tuple(_copies(asked)))


def _copies(asked: Asked) -> Iterator[str]:
    """A line for all weights that several devices hold."""
    places: dict[str, dict[str, None]] = {}
    placement = asked.placement()
    for layer in asked.given.alone.model_of(asked.given.task).layers:
        if layer.weights is not None and layer.name in placement:
            places.setdefault(layer.weights, {})[asked.called(placement[layer.name])] = None
    for weights, devices in places.items():
        if len(devices) > 1:
            yield f"the weights {weights} are on {' and '.join(devices)}: each keeps a copy"


def _modules(model: Model) -> dict[str, tuple[str, ...]]:
    """The modules of every layer of a language model; of any other model none."""
    if any("." in layer.name for layer in model.layers):  # they are called as modules already
        return {}
    try:
        parts = parts_of(model)
    except ValueError:
        return {}
    behind = [layer for layer in parts.behind if layer.op != NO_WORK]
    apart = [layer.op for layer in behind[:-1]] == ["norm"]  # norm and head are two layers
    if [layer.op for layer in parts.before] != ["embedding"] or (len(behind) > 1 and not apart):
        return {}
    before, blocks, after = GPT_2 if model.name.lower().startswith("gpt2") else LLAMA
    ends = [(module,) for module in after] if apart else [after]
    return {
        parts.before[0].name: before,
        **{layer.name: (f"{blocks}.{at}",) for at, layer in enumerate(parts.blocks)},
        **{layer.name: end for layer, end in zip(behind, ends, strict=False)},
        **{layer.name: () for layer in parts.behind if layer.op == NO_WORK},
    }


def _device(name: str) -> str | int:
    return int(name) if name.isdecimal() else name
