"""An ONNX model on nodes and links: `splitfog import onnx`."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from splitfog.deployment.models.child import (
    LEVELS,
    MEMORY_LIMIT_BYTES,
    TIME_LIMIT_S,
    ModelDefect,
    canonical_model,
)
from splitfog.deployment.models.sessions import require_installed
from splitfog.instances.arguments import choice, entries, mapping, number, whole
from splitfog.instances.arguments import path as path_of
from splitfog.instances.changes import MODEL_FILE
from splitfog.instances.defects import InstanceError, shown
from splitfog.instances.files import parse_instance, save_instance
from splitfog.instances.generators import generate
from splitfog.instances.importers.measured import with_layer_times
from splitfog.instances.instance import Instance
from splitfog.instances.json_files import encode, parse_json, read_bytes, write_whole
from splitfog.instances.records import Model, Task, changed
from splitfog.instances.times import load_times

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
    times: str | os.PathLike[str] | None = None,
    memory_limit_bytes: float = MEMORY_LIMIT_BYTES,
    time_limit_s: float = TIME_LIMIT_S,
) -> Instance:
    """An instance whose model is that of an ONNX file.

    The model is optimised once by ONNX Runtime (in a child process); that *canonical* model is what
    is described here, and what is profiled, split and run later. Each of its operators becomes a
    layer. Nothing is executed but what folding constants needs, and one run on zeros of a model
    with control flow or sequences.

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
    times
        A CSV file of measured times, as `splitfog profile measure` writes it. A loop that runs as
        often as its values say needs them: nobody can count its work.
    memory_limit_bytes, time_limit_s
        Of the child process.

    Returns
    -------
    Instance
        `meta["onnx"]` holds the canonical model's file name, sha256, level and input dimensions.

    Raises
    ------
    InstanceError
        Naming the file and what is wrong with it, or with the nodes or the times.
    ValueError
        For an unknown level, family or option, or an output whose model would replace `path`.
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
    _check_target(target, path)
    base = _base(path.stem, nodes, family, options, seed)
    measured = [] if times is None else load_times(path_of("times", times))
    with path.open("rb") as file:
        original_sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    try:
        data, notes = canonical_model(
            path,
            inputs,
            level,
            memory_limit_bytes=memory_limit_bytes,
            time_limit_s=time_limit_s,
        )
        found = _mapped(data, path.stem, base.tiers)
    except ModelDefect as defect:
        raise InstanceError(path.name, [str(defect)]) from None
    about = {
        "file": f"{path.stem}.onnx" if target is None else canonical_path(target).name,
        "sha256": hashlib.sha256(data).hexdigest(),
        "level": level,
        "inputs": {name: list(sizes) for name, sizes in _dims(found).items()},
        "original": path.name,
        "original_sha256": original_sha256,
        "notes": [*notes, *found.notes],
        "needs_time": list(found.needs_time),
        "excess_bytes": found.excess_bytes,
    }
    instance = _with_model(base, found.model, about)
    if times is not None:
        timed = with_layer_times(instance, measured, origin=Path(times).name)
        instance = changed(timed, meta=instance.meta)
    if missing := list(_without_time(instance, found.needs_time)):
        raise InstanceError(path.name, missing)
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


def read_canonical(instance: Instance, model: str | os.PathLike[str] | None = None) -> bytes:
    """The canonical model of an instance that was imported.

    Parameters
    ----------
    instance
        What `import_onnx` made.
    model
        The model's file; None: the one beside the file that the instance was read from.

    Raises
    ------
    InstanceError
        Where the instance was not imported, or the file is missing or another model's.
    ValueError
        Where nothing says which file it is.
    """
    about = instance.meta.get(MODEL_FILE)
    if not isinstance(about, Mapping) or "sha256" not in about:
        raise InstanceError(
            instance.name, ["meta.onnx is missing: splitfog import onnx makes such an instance"]
        )
    if model is not None:
        path = Path(model)
    elif instance.read_file is not None:
        path = canonical_path(Path(instance.read_file)).with_name(str(about["file"]))
    else:
        raise ValueError("model = None, must be the canonical model's file: none lies beside")
    if not path.exists():
        said = f"no such file: it is the canonical model of {instance.name}, made by its import"
        raise InstanceError(str(path), [said])
    content = read_bytes(path)
    found = hashlib.sha256(content).hexdigest()
    if found != about["sha256"]:
        raise InstanceError(
            str(path), [f"sha256 = {found}, must be {about['sha256']} as {instance.name} says"]
        )
    return content


def require_onnx() -> None:
    """Say what to install where onnx or ONNX Runtime is missing."""
    require_installed("onnx", "onnxruntime")


def _check_target(target: Path | None, path: Path) -> None:
    """Nothing that is written may replace the model."""
    if target is not None and path.resolve() in map(Path.resolve, (target, canonical_path(target))):
        raise ValueError(f"output = {target}, must have another name: it would replace {path}")


def _without_time(instance: Instance, needs_time: Sequence[str]) -> Iterator[str]:
    """A sentence for every layer whose time on some node can be neither computed nor looked up."""
    (model,) = instance.models
    for name in needs_time:
        layer = model.layers[model.index[name]]
        missing = [
            node.name
            for node in instance.nodes
            if layer.may_run_on(node) and not {node.name, node.tier} & set(layer.times_s)
        ]
        if missing:
            yield (
                f"layer {name!r} holds a loop that runs as often as its values say, so its time on "
                f"{', '.join(missing)} must be measured and given: --times"
            )


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
    if not data.get("models") or not data.get("tasks"):  # the model is imported, whatever it is
        layer = {"name": "input", "op": "input", "output_bytes": 0}
        data["models"] = [{"name": stem, "layers": [layer]}]
    if not data.get("tasks"):
        nodes = data.get("nodes")
        first = nodes[0] if isinstance(nodes, list) and nodes else None
        source = first.get("name") if isinstance(first, dict) else None
        data["tasks"] = [{"name": "task0", "model": stem, "source": source}]
    instance = parse_instance(encode(data), path.name)
    return changed(instance, name=f"{stem}-{instance.name}", meta={})


def _with_model(base: Instance, model: Model, about: Mapping[str, Any]) -> Instance:
    """The instance with one model, which all its tasks run."""
    tasks: tuple[Task, ...] = tuple(changed(task, model=model.name) for task in base.tasks)
    meta = {**base.meta, MODEL_FILE: about}
    return changed(base, models=(model,), tasks=tasks, meta=meta)
