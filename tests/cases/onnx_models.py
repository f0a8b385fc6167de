"""Small ONNX models, one for each thing that splitting may trip over, and nodes to put them on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest

from splitfog.deployment.models.canonical import canonical_bytes
from splitfog.deployment.models.mapping import mapped
from splitfog.instances.changes import MODEL_FILE
from splitfog.instances.files import load_instance, save_instance
from splitfog.instances.instance import Instance
from splitfog.instances.records import Layer, Link, Model, Node, Task, changed

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
helper, Kind = onnx.helper, onnx.TensorProto

OPSET = 21


def graph_model(
    nodes: Sequence[Any],
    inputs: Mapping[str, tuple[int, Sequence[int]]],
    outputs: Mapping[str, int],
    weights: Mapping[str, np.ndarray] | None = None,
    opset: int = OPSET,
) -> Any:
    """A model of nodes; inputs by (type, shape), outputs by type, weights as arrays."""
    graph = helper.make_graph(
        nodes,
        "small",
        [
            helper.make_tensor_value_info(name, kind, shape)
            for name, (kind, shape) in inputs.items()
        ],
        [helper.make_tensor_value_info(name, kind, None) for name, kind in outputs.items()],
        [onnx.numpy_helper.from_array(array, name) for name, array in (weights or {}).items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    """Seeded standard normal float32."""
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def branches() -> Any:
    """Two convolutions of one tensor, added up; what both read is an output, too."""
    nodes = [
        helper.make_node("Conv", ["x", "w0"], ["a"], name="stem", pads=[1, 1, 1, 1]),
        helper.make_node("Conv", ["a", "w1"], ["left"], name="left", pads=[1, 1, 1, 1]),
        helper.make_node("Sigmoid", ["a"], ["right"], name="right"),
        helper.make_node("Mul", ["left", "right"], ["y"], name="join"),
    ]
    weights = {"w0": normal(4, 3, 3, 3), "w1": normal(4, 4, 3, 3, seed=1)}
    return graph_model(
        nodes, {"x": (Kind.FLOAT, (1, 3, 8, 8))}, {"a": Kind.FLOAT, "y": Kind.FLOAT}, weights
    )


def scalars() -> Any:
    """A tensor of no dimensions and one of no elements cross."""
    nodes = [
        helper.make_node("ReduceSum", ["x"], ["total"], name="sum", keepdims=0),
        helper.make_node("Div", ["x", "total"], ["y"], name="share"),
        helper.make_node("Slice", ["x", "zero", "zero"], ["none"], name="cut"),
        helper.make_node("Concat", ["none", "y"], ["z"], name="glue", axis=0),
    ]
    return graph_model(
        nodes,
        {"x": (Kind.FLOAT, (33, 7))},
        {"z": Kind.FLOAT},
        {"zero": np.zeros(1, np.int64)},
    )


def pieces() -> Any:
    """One operator with three outputs of which two are read, all nodes without names."""
    nodes = [
        helper.make_node("Split", ["x"], ["a", "b", "c"], axis=1, num_outputs=3),
        helper.make_node("Exp", ["a"], ["e"]),
        helper.make_node("Mul", ["e", "c"], ["y"]),
    ]
    return graph_model(nodes, {"x": (Kind.FLOAT, (4, 9))}, {"y": Kind.FLOAT})


def conditional() -> Any:
    """An If whose branches capture a tensor and weights of the outer graph."""
    then = helper.make_graph(
        [helper.make_node("MatMul", ["h", "w"], ["then_out"])],
        "then",
        [],
        [helper.make_tensor_value_info("then_out", Kind.FLOAT, None)],
    )
    other = helper.make_graph(
        [helper.make_node("Neg", ["h"], ["else_out"])],
        "else",
        [],
        [helper.make_tensor_value_info("else_out", Kind.FLOAT, None)],
    )
    nodes = [
        helper.make_node("Tanh", ["x"], ["h"], name="tanh"),
        helper.make_node("ReduceSum", ["x"], ["total"], name="sum", keepdims=0),
        helper.make_node("Greater", ["total", "zero"], ["positive"], name="greater"),
        helper.make_node("If", ["positive"], ["y"], name="if", then_branch=then, else_branch=other),
        helper.make_node("Sub", ["y", "h"], ["z"], name="difference"),
    ]
    weights = {"w": normal(5, 5), "zero": np.zeros((), np.float32)}
    return graph_model(nodes, {"x": (Kind.FLOAT, (3, 5))}, {"z": Kind.FLOAT}, weights)


def recurrent() -> Any:
    """An LSTM of which two outputs are read, over a shared state input that is an output, too."""
    nodes = [
        helper.make_node("LSTM", ["x", "w", "r", "", "", "h"], ["y", "", "c"], hidden_size=4),
        helper.make_node("Tanh", ["y"], ["t"], name="tanh"),
        helper.make_node("Exp", ["c"], ["e"], name="exp"),
    ]
    weights = {"w": normal(1, 16, 3), "r": normal(1, 16, 4, seed=1)}
    return graph_model(
        nodes,
        {"x": (Kind.FLOAT, (5, 1, 3)), "h": (Kind.FLOAT, (1, 1, 4))},
        {"t": Kind.FLOAT, "e": Kind.FLOAT, "h": Kind.FLOAT},
        weights,
    )


def packed() -> Any:
    """Values of four bits, of half precision and whole numbers cross."""
    nodes = [
        helper.make_node("Mul", ["x", "four"], ["m"], name="scale"),
        helper.make_node("QuantizeLinear", ["m", "one"], ["q"], name="q", output_dtype=Kind.INT4),
        helper.make_node("DequantizeLinear", ["q", "one"], ["d"], name="dq"),
        helper.make_node("Cast", ["d"], ["half"], name="half", to=Kind.FLOAT16),
        helper.make_node("ArgMax", ["half"], ["most"], name="most", axis=1),
        helper.make_node("Cast", ["most"], ["y"], name="float", to=Kind.FLOAT),
    ]
    weights = {"four": np.full((), 4, np.float32), "one": np.ones((), np.float32)}
    return graph_model(
        nodes, {"x": (Kind.FLOAT, (5, 5))}, {"y": Kind.FLOAT, "half": Kind.FLOAT16}, weights
    )


def words() -> Any:
    """Whole numbers choose rows of a table of seven, so that inputs of 7 or more are refused."""
    nodes = [
        helper.make_node("Gather", ["table", "ids"], ["e"], name="embed"),
        helper.make_node("MatMul", ["e", "w"], ["y"], name="project"),
        helper.make_node("Softmax", ["y"], ["z"], name="softmax"),
    ]
    weights = {"table": normal(7, 6), "w": normal(6, 6, seed=1)}
    return graph_model(nodes, {"ids": (Kind.INT64, (1, 12))}, {"z": Kind.FLOAT}, weights)


MODELS: Mapping[str, Callable[[], Any]] = {
    make.__name__: make
    for make in (branches, scalars, pieces, conditional, recurrent, packed, words)
}


def three_nodes(results_to: str | None = None) -> Instance:
    """A Pi, a box and a server, each linked to the next, for models that take their place."""
    model = Model(name="any", layers=(Layer(name="input", op="input", output_bytes=0),))
    return Instance(
        name="three",
        tiers=("device", "edge", "cloud"),
        nodes=(
            Node(name="pi", tier="device", speed_flops=1e9, overhead_s=1e-4),
            Node(name="box", tier="edge", speed_flops=1e10, overhead_s=1e-5),
            Node(name="server", tier="cloud", speed_flops=1e11),
        ),
        links=(
            Link(tail="pi", head="box", bandwidth_bps=1e8, latency_s=1e-3),
            Link(tail="box", head="server", bandwidth_bps=1e7, latency_s=5e-3),
        ),
        models=(model,),
        tasks=(Task(name="cam", model="any", source="pi", results_to=results_to),),
    )


def imported(
    model: Any, folder: Path, results_to: str | None = None, level: str = "extended"
) -> Instance:
    """The model on the three nodes; its instance and canonical model are written into a folder.

    As `import onnx` does it, but in this process, which saves a second.
    """
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(model, folder / "given.onnx")
    with TemporaryDirectory() as scratch:
        content, _ = canonical_bytes(folder / "given.onnx", {}, level, Path(scratch))
    (folder / "model.onnx").write_bytes(content)
    found = mapped(onnx.load_from_string(content), "model", ("device", "edge", "cloud")).model
    about = {
        "file": "model.onnx",
        "sha256": hashlib.sha256(content).hexdigest(),
        "level": level,
    }
    base = three_nodes(results_to)
    tasks = tuple(changed(task, model="model") for task in base.tasks)
    case = changed(base, models=(found,), tasks=tasks, meta={MODEL_FILE: about})
    save_instance(case, folder / "model.json")
    return load_instance(folder / "model.json")


def random_placement(instance: Instance, seed: int) -> dict[str, dict[str, str]]:
    """Every layer (or group) of the only task on any node, the inputs at the source."""
    rng = np.random.default_rng(seed)
    (task,) = instance.tasks
    assert task.source is not None
    groups: dict[str, str] = {}
    placement = {}
    for layer in instance.model_of(task).layers:
        node = instance.nodes[int(rng.integers(len(instance.nodes)))].name
        if layer.op == "input":
            node = task.source
        elif layer.group is not None:
            node = groups.setdefault(layer.group, node)
        placement[layer.name] = node
    return {task.name: placement}
