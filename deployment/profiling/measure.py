"""How long the layers of a real model take on this machine: `splitfog profile measure`."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from splitfog.deployment.models.child import LEVELS, ModelDefect, canonical_model
from splitfog.deployment.models.inputs import INTEGER_RANGES, drawn
from splitfog.deployment.models.mapping import Mapped, mapped
from splitfog.deployment.models.onnx_import import read_canonical, require_onnx
from splitfog.deployment.models.sessions import session, value_of
from splitfog.deployment.profiling.layer_work import layer_work
from splitfog.deployment.profiling.runtime_profile import (
    LEAST_RUN_S,
    LEAST_RUNS,
    RuntimeProfile,
    read_runtime_profile,
)
from splitfog.instances.arguments import number, whole
from splitfog.instances.arguments import path as path_of
from splitfog.instances.defects import InstanceError
from splitfog.instances.files import load_instance
from splitfog.instances.instance import Instance
from splitfog.instances.lookup import look_up
from splitfog.instances.records import Model
from splitfog.instances.times import LayerTime

USUAL_RUNS, MOST_RUNS, ENOUGH_S = 30, 200, 2.0
"""Without a number of runs: the first, but up to the second while they take less than the third."""

HERE = "here"
"""The place of times of a model without nodes."""


@dataclass(frozen=True)
class Profile:
    """What was measured of a model.

    Attributes
    ----------
    model
        Its name.
    times
        Of every layer but the inputs, in their order; they add up to `run_s`.
    runs
        How often it was run.
    run_s
        Median CPU seconds of a run.
    wall_s
        Median seconds of a run by the clock: far above `run_s` on a busy machine.
    """

    model: str
    times: tuple[LayerTime, ...]
    runs: int
    run_s: float
    wall_s: float

    @property
    def doubt(self) -> str:
        """Why its times are not reliable.

        Returns
        -------
        str
            "" where they are.
        """
        return _doubt(self.runs, self.run_s)


def measure_times(
    source: str | os.PathLike[str] | Instance,
    *,
    node: str | None = None,
    runs: int | None = None,
    seed: int = 0,
    inputs: Mapping[str, Sequence[int]] | None = None,
    level: str = "extended",
    model: str | os.PathLike[str] | None = None,
    pause_s: float = 0.0,
) -> Profile:
    """What each layer of a model takes on this machine, in CPU seconds of one thread.

    The canonical model is run on random inputs as parts of it are run later: by ONNX Runtime,
    without optimising. A layer's time is the least it took in a run, times what makes the layers
    add up to the median CPU time of a whole run, so that other programs disturb it little.

    Parameters
    ----------
    source
        An imported instance, its file, or an ONNX file, which is imported as by `import_onnx`.
    node
        The node or tier that this machine stands for; None: the source of the instance's first
        task, and "here" for an ONNX file.
    runs
        How many, at least 2; below 20 no time is reliable. None: 30, and up to 200 while they take
        less than 2 s.
    seed
        Of the inputs.
    inputs, level
        Of an ONNX file, as in `import_onnx`.
    model
        The canonical model's file; None: the one beside the instance's file.
    pause_s
        Seconds of rest before every run whose CPU time counts: after a pause many machines are
        slower, and a node that serves one request after another rests between them.

    Returns
    -------
    Profile
        Its times are marked `reliable` or not; `spread_s` is between the quartiles of all runs.

    Raises
    ------
    InstanceError
        Where a file is wrong, the canonical model is missing or not that of the instance, or it
        does not run.
    LookupError
        For a node that the instance lacks.
    ValueError
        For too few runs, an unknown level, and arguments that belong to the other kind of source.
    ModuleNotFoundError
        Without the extra `splitfog[onnx]`.
    """
    require_onnx()
    if runs is not None:
        runs = whole("runs", runs, low=2)
    seed = whole("seed", seed, low=0)
    pause_s = number("pause_s", pause_s, low=0)
    if not isinstance(source, Instance):
        source = path_of("source", source)
    if isinstance(source, Instance) or _is_instance(Path(source)):
        instance = source if isinstance(source, Instance) else load_instance(source)
        if inputs:
            raise ValueError("inputs belong to an ONNX file: an instance has its dimensions")
        content = read_canonical(instance, model)
        found, name = _of_instance(instance, content), instance.name
        place = _place(instance, node)
    else:
        path = Path(source)
        if model is not None:
            raise ValueError(f"model = {model} belongs to an instance, but {path.name} is a model")
        content, found = _of_model(path, inputs or {}, level)
        name, place = path.name, node or HERE
    return _profile(content, found, place, runs, pause_s, seed, name)


def _is_instance(path: Path) -> bool:
    return path.name.removesuffix(".gz").endswith(".json")


def _of_instance(instance: Instance, content: bytes) -> Mapped:
    """Where the layers of the instance's model are in the canonical model."""
    import onnx

    found = mapped(onnx.load_from_string(content), instance.name, instance.tiers)
    for own in instance.models:
        if own.index.keys() == found.model.index.keys():
            return replace(found, model=own)
    raise InstanceError(instance.name, ["none of its models has the layers of the canonical model"])


def _of_model(path: Path, inputs: Mapping[str, Sequence[int]], level: str) -> tuple[bytes, Mapped]:
    import onnx

    if level not in LEVELS:
        raise ValueError(f"level = {level!r}, must be one of {', '.join(LEVELS)}")
    if not path.exists():
        raise InstanceError(str(path), ["no such file"])
    try:
        content, _ = canonical_model(path, inputs, level)
        return content, mapped(onnx.load_from_string(content), path.stem)
    except ModelDefect as defect:
        raise InstanceError(path.name, [str(defect)]) from None


def _place(instance: Instance, node: str | None) -> str:
    if node is None:
        return instance.tasks[0].source or instance.nodes[0].name
    places = {name: name for name in (*instance.node_index, *instance.tiers)}
    return look_up(places, node, "node or tier")


def _profile(
    content: bytes,
    found: Mapped,
    place: str,
    runs: int | None,
    pause_s: float,
    seed: int,
    origin: str,
) -> Profile:
    with tempfile.TemporaryDirectory(prefix="splitfog-") as folder:
        plain, watched = session(content), session(content, profile=Path(folder) / "profile")
        feeds = _feeds(plain, found, seed, origin)
        cpu, wall = _runs(plain, watched, feeds, runs, pause_s)
        events = read_runtime_profile(Path(watched.end_profiling()).read_bytes(), origin)
    run_s = median(cpu)
    return Profile(
        model=found.model.name,
        times=_times(found, events, run_s, len(cpu), place),
        runs=len(cpu),
        run_s=run_s,
        wall_s=median(wall),
    )


def _feeds(opened: Any, found: Mapped, seed: int, origin: str) -> dict[str, Any]:
    """Seeded inputs on which the model runs."""
    for high in INTEGER_RANGES:
        rng = np.random.default_rng(seed)
        feeds = {}
        for given in opened.get_inputs():
            dtype, shape = _dtype(given.type), found.shapes[given.name]
            feeds[given.name] = value_of(drawn(dtype, shape, rng, high), dtype, shape)
        try:
            opened.run_with_ort_values(None, feeds)
            return feeds
        except Exception as error:  # ONNX Runtime raises a class of its own for every status
            refused = error
    raise InstanceError(origin, [f"does not run: {' '.join(str(refused).split())[:300]}"])


def _dtype(kind: str) -> str:
    """The type in `tensor(float)`, by its name in `sessions.ELEMENTS`."""
    own = kind.partition("(")[2].rstrip(")")
    return {"float": "float32", "double": "float64"}.get(own, own)


def _runs(
    plain: Any, watched: Any, feeds: Mapping[str, Any], runs: int | None, pause_s: float
) -> tuple[list[float], list[float]]:
    """CPU and wall seconds of every run; the profiled ones go in between, in the same weather."""
    cpu: list[float] = []
    wall: list[float] = []
    watched.run_with_ort_values(None, feeds)
    most = MOST_RUNS if runs is None else runs
    least = USUAL_RUNS if runs is None else runs
    began = time.perf_counter()
    while len(cpu) < least or (len(cpu) < most and time.perf_counter() - began < ENOUGH_S):
        watched.run_with_ort_values(None, feeds)
        time.sleep(pause_s)
        started, worked = time.perf_counter_ns(), time.thread_time_ns()
        plain.run_with_ort_values(None, feeds)
        cpu.append((time.thread_time_ns() - worked) / 1e9)
        wall.append((time.perf_counter_ns() - started) / 1e9)
    return cpu, wall


def _times(
    found: Mapped, events: RuntimeProfile, run_s: float, runs: int, place: str
) -> tuple[LayerTime, ...]:
    """A time of every layer but the inputs; those that run nothing take none."""
    missing = [name for name in found.node_of if name not in events.seconds]
    if missing:
        raise InstanceError(found.model.name, [f"layer {missing[0]} is in no run of the profile"])
    least = {name: min(events.seconds[name]) for name in found.node_of}
    factor = run_s / sum(least.values())
    work = layer_work(found.model)
    times = []
    for layer in _computed(found.model):
        own = events.seconds[layer] if layer in found.node_of else [0.0]
        low, high = np.percentile(own, (25, 75))
        times.append(
            LayerTime(
                layer=layer,
                place=place,
                seconds=least.get(layer, 0.0) * factor,
                model=found.model.name,
                spread_s=float(high - low) * factor,
                reliable=not _doubt(runs, run_s),
                work=work[layer],
            )
        )
    return tuple(times)


def _doubt(runs: int, run_s: float) -> str:
    if runs < LEAST_RUNS:
        return f"{runs} runs are fewer than {LEAST_RUNS}"
    if run_s < LEAST_RUN_S:
        return (
            f"a run takes less than {LEAST_RUN_S:g} s, and layers are timed in whole microseconds"
        )
    return ""


def _computed(model: Model) -> list[str]:
    return [layer.name for layer in model.layers if layer.op != "input"]
