"""What a solver decides, by positions: placements, orders, stages and queues."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from splitfog.instances.arrays import frozen


@dataclass(frozen=True)
class Slice:
    """A rectangle of a stage's output, rows [r0, r1) and columns [c0, c1), on one node."""

    node: int
    rows: tuple[int, int]
    columns: tuple[int, int]


@dataclass(frozen=True)
class Stage:
    """Layers run as spatial slices at the same time; input and output are at `home`."""

    layers: tuple[int, ...]
    home: int
    slices: tuple[Slice, ...]


@dataclass(frozen=True)
class Replica:
    """Consecutive layers of a chain, by position in the model, on a node that may not be alone."""

    node: int
    layers: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class TaskDecision:
    """One task's answer.

    `placement` holds a node position for every layer of the model, in file order (a stage's
    layers are at its home); `order` is a topological order of layer positions (None: the file's
    order made topological), which only `makespan` reads. `replicas` are for
    `throughput` alone, which reads nothing else of a decision that has some; then `placement` names
    for every layer the first node that holds it, or the source.
    """

    placement: NDArray[np.int64]
    order: tuple[int, ...] | None = None
    stages: tuple[Stage, ...] = ()
    replicas: tuple[Replica, ...] | None = None


Subtask = tuple[int, int | None, int | None]
"""(task, stage, slice) by position; (task, None, None) for a task run whole."""


@dataclass(frozen=True, eq=False)
class Decision:
    """One answer to an instance: a `TaskDecision` per task, and for `batch` a queue per node."""

    tasks: tuple[TaskDecision, ...]
    queues: tuple[tuple[Subtask, ...], ...] | None = None


def placed(*placements: Sequence[int] | NDArray[np.int64]) -> Decision:
    """The decision that places every task's layers as given, unsliced and in file order."""
    arrays = [frozen(np.array(placement, np.int64)) for placement in placements]
    return Decision(tuple(TaskDecision(array) for array in arrays))
