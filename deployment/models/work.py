"""Floating-point operations of a node, with those of the graphs inside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from splitfog.deployment.models.flops import flops
from splitfog.deployment.models.graphs import (
    CONTROL_FLOW,
    Shape,
    constants_of,
    inner_graphs,
    known_shapes,
)
from splitfog.deployment.models.operators import attribute


@dataclass(frozen=True)
class Work:
    """What one run of a node takes.

    Attributes
    ----------
    flops : of all operators whose work is known.
    unknown : names of the others.
    needs_time : whether a loop runs as often as its values say, so that nobody knows beforehand.
    """

    flops: float = 0.0
    unknown: frozenset[str] = frozenset()
    needs_time: bool = False


@dataclass(frozen=True)
class Scope:
    """What a graph's nodes can read: shapes of tensors, and constants, by name."""

    shapes: Mapping[str, Shape]
    constants: Mapping[str, Any]

    def inside(self, graph: Any) -> Scope:
        """The same for the nodes of a graph inside it."""
        return Scope(
            {**self.shapes, **known_shapes(graph)}, {**self.constants, **constants_of(graph)}
        )


def work_of(node: Any, scope: Scope) -> Work:
    """The work of a node: of control flow, the larger branch, or the body as often as it runs.

    Parameters
    ----------
    node
        A `NodeProto`.
    scope
        Of its graph.
    """
    if node.op_type not in CONTROL_FLOW:
        counted = flops(node, scope.shapes.get)
        if counted is None:
            return Work(unknown=frozenset((node.op_type,)))
        return Work(counted)
    inside = [_graph_work(graph, scope.inside(graph)) for graph in inner_graphs(node)]
    rounds = _rounds(node, scope)
    most = max((work.flops for work in inside), default=0.0)
    return Work(
        most * (rounds or 0.0),
        frozenset().union(*(work.unknown for work in inside)),
        rounds is None or any(work.needs_time for work in inside),
    )


def _graph_work(graph: Any, scope: Scope) -> Work:
    found = [work_of(node, scope) for node in graph.node]
    return Work(
        sum(work.flops for work in found),
        frozenset().union(*(work.unknown for work in found)),
        any(work.needs_time for work in found),
    )


def _rounds(node: Any, scope: Scope) -> float | None:
    """How often control flow runs its body; None where only a run tells."""
    if node.op_type == "If":
        return 1.0
    if node.op_type == "Loop":
        most = _constant(node.input[0], scope)
        return most if _runs_to_its_end(node, scope) else None
    scanned = attribute(node, "num_scan_inputs", 0)
    axes = attribute(node, "scan_input_axes") or [0]
    shape = scope.shapes.get(node.input[len(node.input) - scanned]) if scanned else None
    return None if not shape else float(shape[axes[0]])


def _runs_to_its_end(node: Any, scope: Scope) -> bool:
    """Whether a loop's condition is true before the first round and after each."""
    first = node.input[1] if len(node.input) > 1 else ""
    if first and not _constant(first, scope):
        return False
    (body,) = inner_graphs(node)
    made = {name: inner for inner in body.node for name in inner.output}
    condition = body.output[0].name
    while condition in made and made[condition].op_type == "Identity":
        condition = made[condition].input[0]
    if condition == body.input[1].name:
        return True
    return bool(_constant(condition, scope.inside(body)))


def _constant(name: str, scope: Scope) -> float | None:
    """The value of a constant of one value."""
    from onnx import numpy_helper

    if name not in scope.constants:
        return None
    values = numpy_helper.to_array(scope.constants[name])
    return float(values.reshape(-1)[0]) if values.size == 1 else None
