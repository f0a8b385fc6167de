"""How long an import takes: `python -m benchmarks.real_models.onnx_import [FOLDER...]`.

First a chain of 2,000 operators, then every graph in the onnx package and every trained model of
packages that are installed or unpacked in the folders. Each is imported once, child process and
all, for nothing is kept between imports; a model that is refused has its reason in its line.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

from benchmarks.common import asked_for, machine, table
from splitfog.deployment.models.onnx_import import import_onnx
from splitfog.instances.defects import InstanceError
from tests.cases.real.networks import GRAPHS, graph_path, installed, trained

OPERATORS = 2000
CHANNELS = 16

Shapes = Mapping[str, tuple[int, ...]]


def chain(operators: int) -> onnx.ModelProto:
    """Convolutions of 3 x 3 and sines in turn, which nothing fuses."""
    rng = np.random.default_rng(0)
    nodes, weights = [], []
    for number in range(operators):
        before, made = f"t{number}", f"t{number + 1}"
        if number % 2:
            nodes.append(helper.make_node("Sin", [before], [made]))
            continue
        values = rng.standard_normal((CHANNELS, CHANNELS, 3, 3)).astype(np.float32)
        weights.append(numpy_helper.from_array(values, f"w{number}"))
        nodes.append(helper.make_node("Conv", [before, f"w{number}"], [made], pads=[1, 1, 1, 1]))
    graph = helper.make_graph(
        nodes,
        "chain",
        [helper.make_tensor_value_info("t0", onnx.TensorProto.FLOAT, (1, CHANNELS, 32, 32))],
        [helper.make_tensor_value_info(f"t{operators}", onnx.TensorProto.FLOAT, None)],
        weights,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


def models(scratch: Path, folders: list[Path]) -> Iterator[tuple[str, Path, Shapes]]:
    """(name, file, dimensions of inputs) of every model."""
    path = scratch / "chain.onnx"
    onnx.save(chain(OPERATORS), path)
    yield f"{OPERATORS} operators in a chain", path, {}
    for name in GRAPHS:
        yield f"light_{name}", graph_path(name), {}
    for path, inputs in trained([*installed(), *folders]):
        yield path.stem, path, inputs
    for folder in folders:
        for path in list(folder.rglob("silero_vad.onnx"))[:1]:
            yield path.stem, path, {"input": (1, 576), "state": (2, 1, 128), "sr": ()}


def row(name: str, path: Path, inputs: Shapes) -> list[object]:
    """A model's line of the table."""
    started = time.perf_counter()
    megabytes = round(path.stat().st_size / 1e6, 1)
    try:
        instance = import_onnx(path, inputs=inputs)
    except InstanceError as error:
        return [name, megabytes, time.perf_counter() - started, "", "", f"{error.defects[0]:.100}"]
    seconds = time.perf_counter() - started
    (model,) = instance.models
    return [name, megabytes, seconds, len(model.layers), model.macs / 1e6, ""]


def main(folders: list[Path]) -> None:
    """Print the table, line by line as it comes."""
    print(f"{machine()}, onnx {onnx.__version__}, ONNX Runtime {onnxruntime.__version__}\n")
    header = ["model", "MB", "seconds", "layers", "million MAC", "refused"]
    print(table(header, []), flush=True)
    with TemporaryDirectory() as scratch:
        for name, path, inputs in models(Path(scratch), folders):
            print(table(row(name, path, inputs), []).splitlines()[0], flush=True)  # type: ignore[arg-type]


if __name__ == "__main__":
    main([Path(name) for name in asked_for(__doc__, "folders with models")])
