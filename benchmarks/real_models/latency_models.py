"""Latency predictors on models left out: `-m benchmarks.real_models.latency_models [FOLDER...]`.

Measured on this machine: the graphs of the onnx package but the three largest, the trained models
found in the folders, and networks of the zoo with random weights on small images. Each model is
predicted by what is fitted to all others. Beside it the simplest predictor there is: one speed and
one overhead for all layers. Columns: layers, CPU time of a run, how much longer a run took by the
clock, predicted time and the error of both predictors; then the medians, over all models and over
those that are float convolutional networks.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import onnx

from benchmarks.common import asked_for, machine, table
from splitfog import LayerTime, Profile, fit_predictor, measure_times, zoo
from splitfog.instances.records import changed
from tests.cases.real.networks import GRAPHS, LARGE_GRAPHS, graph_path, trained, with_weights
from tests.cases.real.zoo_onnx import zoo_onnx

Dims = Mapping[str, tuple[int, ...]]

SIZES = {
    "alexnet": 224, "resnet-18": 160, "resnet-34": 128, "resnet-50": 128, "mobilenet-v2": 224,
    "squeezenet-1.0": 224, "googlenet": 160, "inception-v3": 160, "darknet-53": 128, "nin": 160,
    "tiny-yolov2": 160,
}  # fmt: skip
"""Networks of the zoo and the rows and columns of their images."""

NO_FLOAT_CNN = ("ch_PP-OCRv4_rec_infer", "model", "smart-turn-v3.2-cpu", "silero_vad_16k_op15",
                "silero_vad_16k_sequence")  # fmt: skip
"""Attention, text, 8-bit integers, recurrent."""


def models(scratch: Path, folders: list[Path]) -> Iterator[tuple[str, Path, Dims]]:
    """(name, file, dimensions of inputs) of every model."""
    for path, inputs in trained(folders):
        yield path.stem, path, inputs
    for name in GRAPHS:
        if name not in LARGE_GRAPHS:
            yield name, _saved(with_weights(graph_path(name)), scratch / f"{name}.onnx"), {}
    for name, size in SIZES.items():
        path = scratch / f"{name}-{size}.onnx"
        yield path.stem, _saved(zoo_onnx(zoo.build(name, size), seed=0), path), {}


def _saved(model: onnx.ModelProto, path: Path) -> Path:
    onnx.save(model, path)
    return path


def of_one_speed(time: LayerTime) -> LayerTime:
    """The time of a layer of which only the FLOP are known."""
    assert time.work is not None
    work = changed(time.work, kind="layer", bytes_in=0.0, bytes_out=0.0, weight_bytes=0.0)
    return changed(time, work=work)


def rows(profiles: Mapping[str, Profile]) -> list[list[object]]:
    """One row a model, and the medians."""
    times = [changed(t, model=name) for name, own in profiles.items() for t in own.times]
    by_kind = {error.model: error for error in fit_predictor(times).errors}
    simple = {e.model: e.error for e in fit_predictor([*map(of_one_speed, times)]).errors}
    made: list[list[object]] = [
        [name, len(own.times), own.run_s * 1e3, own.wall_s / own.run_s,
         by_kind[name].predicted_s * 1e3, by_kind[name].error, simple[name]]
        for name, own in profiles.items()
    ]  # fmt: skip
    float_cnns = [name for name in profiles if name not in NO_FLOAT_CNN]
    for what, names in (("all", list(profiles)), ("float CNNs", float_cnns)):
        errors = [by_kind[name].error for name in names]
        others = [simple[name] for name in names]
        made.append(_summary(f"median of {what} ({len(names)})", median(errors), median(others)))
        made.append(_summary(f"worst of {what}", max(errors), max(others)))
    return made


def _summary(name: str, *errors: float) -> list[object]:
    return [name, "", "", "", "", *errors]


def main(folders: Sequence[str]) -> None:
    """Measure every model, then print the table."""
    profiles = {}
    with TemporaryDirectory() as scratch:
        for name, path, inputs in models(Path(scratch), [Path(folder) for folder in folders]):
            profiles[name] = measure_times(path, inputs=inputs)
            print(f"{name} measured", file=sys.stderr, flush=True)
    header = ("model", "layers", "CPU ms", "wall/CPU", "predicted ms", "error", "one speed")
    print(machine(), "\n")
    print(table(header, rows(profiles)))


if __name__ == "__main__":
    main(asked_for(__doc__, "folders with models"))
