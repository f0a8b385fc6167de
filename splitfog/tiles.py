"""Spatial slices of stages on plain numbers and arrays: `sf.tiles`, of use without any solver.

A stage is a set of layers of a model, given by position; a slice is a rectangle (r0, r1, c0, c1)
of its output, half open. `regions` says what every slice reads and computes, `run` executes slices
on real arrays, each from its own piece of the input alone.

Examples
--------
>>> import numpy as np
>>> import splitfog as sf
>>> from splitfog import Layer, Model, Window
>>> model = Model(
...     name="two convolutions",
...     layers=(
...         Layer(name="x", op="input", output_bytes=256, output_shape=(1, 8, 8)),
...         *(
...             Layer(
...                 name=name,
...                 op="conv",
...                 inputs=(before,),
...                 output_bytes=256,
...                 output_shape=(1, 8, 8),
...                 window=Window(kernel=(3, 3), padding=(1, 1, 1, 1)),
...             )
...             for name, before in (("a", "x"), ("b", "a"))
...         ),
...     ),
... )
>>> stage = [model.index["a"], model.index["b"]]
>>> halves = sf.tiles.grid(8, 8, 2, 1)
>>> sf.tiles.regions(sf.tiles.geometry(model, stage), halves).input.tolist()
[[0, 6, 0, 8], [2, 8, 0, 8]]
>>> weights = sf.tiles.random_weights(model, stage, seed=0)
>>> x = np.arange(64.0).reshape(1, 8, 8)
>>> sliced = sf.tiles.run(model, stage, halves, weights, x)
>>> bool(np.array_equal(sliced, sf.tiles.run_whole(model, stage, weights, x)))
True
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from splitfog.formulations.tiles import execution, stage_shape
from splitfog.formulations.tiles.regions import Regions as Regions
from splitfog.formulations.tiles.regions import cover_defects as cover_defects
from splitfog.formulations.tiles.regions import grid as grid
from splitfog.formulations.tiles.regions import parts as parts
from splitfog.formulations.tiles.regions import rectangles_of as rectangles_of
from splitfog.formulations.tiles.regions import regions as regions
from splitfog.formulations.tiles.stage_shape import StageGeometry as StageGeometry
from splitfog.instances.arguments import entries, record, whole
from splitfog.instances.defects import model_defects
from splitfog.instances.records import Model

Function = TypeVar("Function", bound=Callable[..., Any])


def _of_stage(function: Function) -> Function:
    """The function, called only with a sound model and positions of its layers."""

    @wraps(function)
    def checked(model: Any, layers: Any, *others: Any, **more: Any) -> Any:
        return function(*_stage(model, layers), *others, **more)

    return cast("Function", checked)


def _stage(model: Any, layers: Any) -> tuple[Model, tuple[int, ...]]:
    sound = record("model", model, Model, "a Model")
    if wrong := model_defects(sound):
        raise ValueError(f"model has defects: {wrong[0]}")
    last = len(sound.layers) - 1
    given = entries("layers", layers, f"positions of layers, 0 to {last}")
    return sound, tuple(whole("layers", layer, low=0, high=last) for layer in given)


geometry = _of_stage(stage_shape.geometry_of)
stage_shape_defects = _of_stage(stage_shape.stage_shape_defects)
random_weights = _of_stage(execution.random_weights)
run = run_sliced = _of_stage(execution.run_sliced)
run_whole = _of_stage(execution.run_whole)

__all__ = [
    "Regions",
    "StageGeometry",
    "cover_defects",
    "geometry",
    "grid",
    "parts",
    "random_weights",
    "rectangles_of",
    "regions",
    "run",
    "run_sliced",
    "run_whole",
    "stage_shape_defects",
]
