"""An ONNX model on nodes and links: `splitfog import onnx`."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from splitfog.deployment.models.child import (
    LEVELS,
    MEMORY_LIMIT_BYTES,
    TIME_LIMIT_S,
    ModelDefect,
    canonical_model,
)
from splitfog.instances.arguments import choice, entries, mapping, number, whole
from splitfog.instances.arguments import path as path_of
from splitfog.instances.changes import MODEL_FILE
from splitfog.instances.defects import InstanceError, shown
from splitfog.instances.files import parse_instance, save_instance
from splitfog.instances.generators import generate
from splitfog.instances.instance import Instance
from splitfog.instances.json_files import encode, parse_json, read_bytes, write_whole
from splitfog.instances.records import Model, Task, changed

if TYPE_CHECKING:
    from splitfog.deployment.models.mapping import Mapped


def import_onnx(
    path: str | os.PathLike[str],
    output: str | os.PathLike[str] | None = None,
    *,
    inputs: Mapping[str, Sequence[int]] | None = None,
    level: str = "extended",
    nodes: str | os.PathLike[str] | Instance | None = None,
    family: str = "three-tier",
    options: Mapping[str, Any] | None = None,
    seed: int = 0,
    memory_limit_bytes: float = MEMORY_LIMIT_BYTES,
    time_limit_s: float = TIME_LIMIT_S,
) -> Instance:
    """An instance whose model is that of an ONNX file.

    The model is optimised once by ONNX Runtime (in a child process); that *canonical* model is what
    is described here, and what is profiled, split and run later. Each of its operators becomes a
    layer. Nothing is executed but what folding constants needs, and one run on zeros of a model
    with control flow.

    Parameters
    ----------
    path
        The ONNX file.
    output
        The instance file to write; the canonical model is written beside it, under the same name
        with the ending `.onnx`. None: nothing is written.
    inputs
        Dimensions by name of the model's inputs, where the file leaves them open.
    level
        "basic", "extended" or "all" (for nodes of one kind only: it holds layouts of this machine).
    nodes
        An instance, or the file of one, whose tiers, nodes, links and tasks are taken; its models
        and tasks may be empty: then one task starts at the first node.
    family, options, seed
        Without `nodes`: the family of instances that gives nodes, links and tasks.
    memory_limit_bytes, time_limit_s
        Of the child process.

    Returns
    -------
    Instance
        `meta["onnx"]` holds the canonical model's file name, sha256, level and input dimensions.

    Raises
    ------
    InstanceError
        Naming the file and what is wrong with it, or with the nodes.
    ModuleNotFoundError
        Without the extra `splitfog[onnx]`.
    """
    require_onnx()
    path, target = path_of("path", path), None if output is None else path_of("output", output)
    choice("level", level, LEVELS)
    inputs = _checked_inputs({} if inputs is None else inputs)
    options = mapping("options", {} if options is None else options, "options by name")
    seed = whole("seed", seed, low=0)
    memory_limit_bytes = number("memory_limit_bytes", memory_limit_bytes, above=0)
    time_limit_s = number("time_limit_s", time_limit_s, above=0)
    original = read_bytes(path) if path.suffix != ".gz" else path.read_bytes()
    try:
        data, notes = canonical_model(
            path,
            inputs,
            level,
            memory_limit_bytes=memory_limit_bytes,
            time_limit_s=time_limit_s,
        )
        base = _base(path.stem, nodes, family, options, seed)
        found = _mapped(data, path.stem, base.tiers)
    except ModelDefect as defect:
        raise InstanceError(path.name, [str(defect)]) from None
    about = {
        "file": f"{path.stem}.onnx" if target is None else canonical_path(target).name,
        "sha256": hashlib.sha256(data).hexdigest(),
        "level": level,
        "inputs": {name: list(sizes) for name, sizes in _dims(found).items()},
        "original": path.name,
        "original_sha256": hashlib.sha256(original).hexdigest(),
        "notes": [*notes, *found.notes],
        "needs_time": list(found.needs_time),
    }
    instance = _with_model(base, found.model, about)
    if target is not None:
        write_whole(canonical_path(target), data)

        save_instance(instance, target)
    return instance


def _checked_inputs(inputs: Mapping[str, Sequence[int]]) -> dict[str, tuple[int, ...]]:
    allowed = "a list of whole numbers >= 1 by name of the input"
    checked = {}
    for name, sizes in mapping("inputs", inputs, allowed).items():
        at = f"inputs[{name!r}]"
        checked[name] = tuple(whole(at, size, low=1) for size in entries(at, sizes, allowed))
    return checked


def canonical_path(instance: Path) -> Path:
    """Where the canonical model of an instance file lies: beside it, ending in `.onnx`."""
    name = instance.name.removesuffix(".gz").removesuffix(".json")
    return instance.with_name(f"{name}.onnx")


def require_onnx() -> None:
    """Say what to install where onnx or ONNX Runtime is missing."""
    from importlib.util import find_spec

    missing = [name for name in ("onnx", "onnxruntime") if find_spec(name) is None]
    if missing:
        raise ModuleNotFoundError(f"{' and '.join(missing)} missing: pip install 'splitfog[onnx]'")


def _mapped(data: bytes, name: str, tiers: Sequence[str]) -> Mapped:
    import onnx

    from splitfog.deployment.models.mapping import mapped

    return mapped(onnx.load_from_string(data), name, tiers)


def _dims(found: Mapped) -> dict[str, tuple[int, ...]]:
    return {
        found.tensor_of[layer.name]: found.shapes[found.tensor_of[layer.name]]
        for layer in found.model.layers
        if layer.op == "input" and found.tensor_of[layer.name] in found.shapes
    }


def _base(
    stem: str,
    nodes: str | os.PathLike[str] | Instance | None,
    family: str,
    options: Mapping[str, Any],
    seed: int,
) -> Instance:
    """An instance with the nodes, links and tasks wanted, and any model."""
    if isinstance(nodes, Instance):
        return changed(nodes, name=f"{stem}-{nodes.name}", meta={})
    if nodes is not None:
        return _nodes_file(stem, path_of("nodes", nodes))
    if "model" in options:
        raise ValueError(f"model = {options['model']!r} is no option here: the model is imported")
    made = generate(family, seed, **options)
    return changed(made, name=f"{stem}-{made.name.replace(f'-{made.models[0].name}', '', 1)}")


def _nodes_file(stem: str, path: Path) -> Instance:
    """The instance of a file whose models and tasks may be empty."""
    data, _ = parse_json(read_bytes(path), path.name)
    if not isinstance(data, dict):
        raise InstanceError(path.name, [f"the file = {shown(data)}, must be an object"])
    model = {"name": stem, "layers": [{"name": "input", "op": "input", "output_bytes": 0}]}
    if not data.get("models"):
        data["models"] = [model]
    if not data.get("tasks"):
        first = (data.get("nodes") or [{}])[0]
        source = first.get("name") if isinstance(first, dict) else None
        data["tasks"] = [{"name": "task0", "model": data["models"][0]["name"], "source": source}]
    instance = parse_instance(encode(data), path.name)
    return changed(instance, name=f"{stem}-{instance.name}", meta={})


def _with_model(base: Instance, model: Model, about: Mapping[str, Any]) -> Instance:
    """The instance with one model, which all its tasks run."""
    tasks: tuple[Task, ...] = tuple(changed(task, model=model.name) for task in base.tasks)
    meta = {**base.meta, MODEL_FILE: about}
    return changed(base, models=(model,), tasks=tasks, meta=meta)
