"""One task's model on an instance's nodes, as the arrays that solvers work on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from splitfog.formulations.costs.ledger import layer_time, request_time
from splitfog.instances.arrays import frozen
from splitfog.instances.instance import Instance
from splitfog.instances.kept import kept
from splitfog.instances.records import Model, Node, Task


@dataclass(frozen=True, eq=False)
class TaskArrays:
    """Arrays of one task; rows are layers in file order, columns nodes in file order.

    `given_s`, `given_allowed`: what `times_s` and `allowed` are, in place of the instance's.
    """

    instance: Instance
    task: Task
    model: Model
    given_s: NDArray[np.float64] | None = None
    given_allowed: NDArray[np.bool_] | None = None

    @cached_property
    def times_s(self) -> NDArray[np.float64]:
        """[layers, nodes]: `layer_time` of every pair, allowed or not."""
        if self.given_s is not None:
            return self.given_s
        if self.model is not self.instance.model_of(self.task):
            return _layer_times(self.instance, self.model)
        return model_times(self.instance, self.model.name)

    @cached_property
    def allowed(self) -> NDArray[np.bool_]:
        """[layers, nodes]: whether `tiers` admits the node, and inputs stay at the source."""
        if self.given_allowed is not None:
            return self.given_allowed
        layers, nodes = self.model.layers, self.instance.nodes
        allowed = np.ones((len(layers), len(nodes)), bool)
        for row, layer in enumerate(layers):
            if layer.tiers is not None:
                allowed[row] = [layer.may_run_on(node) for node in nodes]
            if layer.op == "input":
                allowed[row] &= np.arange(len(nodes)) == self.source
        return frozen(allowed)

    @cached_property
    def costs_s(self) -> NDArray[np.float64]:
        """[layers, nodes]: `times_s`, inf where the layer may not be."""
        return frozen(np.where(self.allowed, self.times_s, np.inf))

    @property
    def output_bytes(self) -> NDArray[np.float64]:
        """[layers]: size of every tensor, in all passes of a request together."""
        return self.model.output_bytes

    @property
    def sends(self) -> NDArray[np.float64]:
        """[layers]: how often a request sends every tensor, where anybody reads it elsewhere."""
        return self.model.sends

    @cached_property
    def weight_bytes(self) -> NDArray[np.float64]:
        """[layers]: size of every layer's weights."""
        layers = self.model.layers
        return frozen(np.fromiter((layer.weight_bytes for layer in layers), float, len(layers)))

    @property
    def state_bytes(self) -> NDArray[np.float64]:
        """[layers]: state that every layer keeps for the task."""
        return self.model.state_bytes

    @cached_property
    def is_input(self) -> NDArray[np.bool_]:
        """[layers]: whether the layer's op is `input`."""
        layers = self.model.layers
        return frozen(np.fromiter((layer.op == "input" for layer in layers), bool, len(layers)))

    @cached_property
    def groups(self) -> tuple[tuple[int, ...], ...]:
        """Layers of every group with at least two."""
        return tuple(group for group in self.model.groups.values() if len(group) > 1)

    def divides_group(self, layers: Iterable[int]) -> bool:
        """Whether some of a group, but not all, are among these: no stage of several nodes."""
        inside = set(layers)
        return any(0 < len(inside.intersection(group)) < len(group) for group in self.groups)

    def with_costs(
        self, times_s: NDArray[np.float64], allowed: NDArray[np.bool_] | None = None
    ) -> TaskArrays:
        """The same task as if its layers took these times, [layers, nodes], on the nodes allowed.

        By position, where times and `tiers` in the model's layers go by names that nodes may share
        with tiers.
        """
        allowed = self.allowed if allowed is None else frozen(allowed)
        return TaskArrays(self.instance, self.task, self.model, frozen(times_s), allowed)

    @property
    def source(self) -> int | None:
        """Position of the source node."""
        return None if self.task.source is None else self.instance.node_index[self.task.source]

    @property
    def results_to(self) -> int | None:
        """Position of the node that results go to."""
        target = self.task.results_to
        return None if target is None else self.instance.node_index[target]


def way_seconds(
    sends: ArrayLike, num_bytes: ArrayLike, lag_s: ArrayLike, per_byte: ArrayLike
) -> NDArray[np.float64]:
    """Seconds of tensors over ways, broadcast: 0 of what is never sent, inf without a way.

    Parameters
    ----------
    sends, num_bytes
        How often a request sends a tensor, and its bytes in all.
    lag_s, per_byte
        Of the ways; both inf where there is none.
    """
    with np.errstate(invalid="ignore"):
        seconds = np.multiply(sends, lag_s) + np.multiply(num_bytes, per_byte)
    seconds = np.where(np.isfinite(lag_s), seconds, np.inf)
    return np.where(np.asarray(sends) > 0, seconds, 0.0)


@kept()
def mean_weights(instance: Instance) -> NDArray[np.float64]:
    """[tasks]: of every task in the mean latency, of sum 1: by rate, equal if none has one."""
    rate = np.array([task.arrivals_per_s or 0.0 for task in instance.tasks])
    weight = rate if rate.any() else np.ones(len(rate))
    return frozen(weight / weight.sum())


@kept()
def task_arrays(instance: Instance, task: int = 0) -> TaskArrays:
    """The arrays of a task, kept with the instance."""
    owner = instance.tasks[task]
    return TaskArrays(instance, owner, instance.model_of(owner))


@kept()
def model_times(instance: Instance, model: str) -> NDArray[np.float64]:
    """One array for all tasks of a model: those of a thousand would fill a gigabyte."""
    return _layer_times(instance, instance.models[instance.model_index[model]])


def _layer_times(instance: Instance, model: Model) -> NDArray[np.float64]:
    layers, nodes = model.layers, instance.nodes
    if model.passes is not None:
        rows = range(len(layers))
        return frozen(
            np.array([[request_time(model, row, node) for node in nodes] for row in rows])
        )
    times = np.array([node.overhead_s for node in nodes]) + work_times(model, nodes)
    for row, layer in enumerate(layers):
        if layer.op == "input":
            times[row] = 0.0
        elif layer.times_s:
            times[row] = [layer_time(layer, node) for node in nodes]
    return frozen(times)


def work_times(model: Model, nodes: Sequence[Node]) -> NDArray[np.float64]:
    """[layers, nodes]: `work_time` of every pair, of a model without passes."""
    times: NDArray[np.float64] = model.flops[:, None] / np.array(
        [node.speed_flops for node in nodes]
    )
    if not any(layer.traffic_bytes for layer in model.layers):
        return times
    traffic = np.array([layer.traffic_bytes for layer in model.layers], np.float64)
    for column, node in enumerate(nodes):
        if node.memory_bytes_per_s is not None:
            times[:, column] = np.maximum(times[:, column], traffic / node.memory_bytes_per_s)
    return times
