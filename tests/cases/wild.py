"""Random instances of slices and streams with every feature there is, and often degenerate ones.

Groups, tiers that leave nothing, memory and quotas of 0, nodes named as their tier, both radios,
nodes without overlap, one-way and missing links, results on the way, tasks without source or rate,
zero work, zero bytes, layers that cannot be sliced, branches, and models of nothing but an input.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from splitfog.instances.instance import Instance
from splitfog.instances.records import Layer, Link, Model, Node, Task, Window

TIERS = ("device", "edge", "cloud")
Shape = tuple[int, ...]


def wild_instance(rng: np.random.Generator) -> Instance:
    """An instance of up to 5 nodes and 3 tasks that may have any feature, feasible or not."""
    idle = bool(rng.random() < 0.08)
    nodes = _nodes(rng, int(rng.integers(1, 6)), idle)
    names = [node.name for node in nodes]
    models = tuple(_Builder(rng, names, idle).model(f"m{i}") for i in range(rng.integers(1, 3)))
    return Instance(
        name="wild",
        tiers=TIERS,
        nodes=nodes,
        links=tuple(_links(rng, names, idle)),
        models=models,
        tasks=_tasks(rng, models, names),
    )


def _one(rng: np.random.Generator, choices: Sequence[Any]) -> Any:
    return choices[int(rng.integers(len(choices)))]


def _nodes(rng: np.random.Generator, count: int, idle: bool) -> tuple[Node, ...]:
    ranks = sorted(int(rank) for rank in rng.integers(0, 3, count))
    memory, quota = rng.random() < 0.3, rng.random() < 0.3
    nodes: list[Node] = []
    for i, rank in enumerate(ranks):
        tier = TIERS[rank]
        as_tier = rng.random() < 0.12 and all(node.name != tier for node in nodes)
        nodes.append(
            Node(
                name=tier if as_tier else f"n{i}",
                tier=tier,
                speed_flops=float(10 ** rng.uniform(8.5, 11)),
                overhead_s=0.0 if idle else float(_one(rng, [0, 0, 1e-4, 1e-3])),
                memory_bytes=float(_one(rng, [0, 3000, 8000, 20000]))
                if memory and rng.random() < 0.6
                else None,
                quota=int(rng.integers(0, 3)) if quota and rng.random() < 0.5 else None,
                overlap=bool(rng.random() < 0.75),
                radio=_one(rng, ["parallel", "parallel", "serial"]),
            )
        )
    return tuple(nodes)


def _links(rng: np.random.Generator, names: list[str], idle: bool) -> list[Link]:
    share, links = _one(rng, [0.3, 0.8, 1.0, 1.0]), []
    for i, first in enumerate(names):
        for second in names[i + 1 :]:
            if rng.random() >= share:
                continue
            tail, head = (first, second) if rng.random() < 0.7 else (second, first)
            duplex = bool(rng.random() < 0.85)
            links.append(_link(rng, tail, head, duplex, idle))
            if not duplex and rng.random() < 0.4:
                links.append(_link(rng, head, tail, False, idle))
    return links


def _link(rng: np.random.Generator, tail: str, head: str, duplex: bool, idle: bool) -> Link:
    return Link(
        tail=tail,
        head=head,
        bandwidth_bps=float(10 ** rng.uniform(6, 9)),
        latency_s=0.0 if idle else float(_one(rng, [0, 0, 1e-3, 1e-2])),
        delay_s=0.0 if idle else 4e-3 * (ord(tail[-1]) % 2),
        duplex=duplex,
        shared=bool(rng.random() < 0.2),
    )


def _tasks(
    rng: np.random.Generator, models: tuple[Model, ...], names: list[str]
) -> tuple[Task, ...]:
    rated, tasks = rng.random() < 0.7, []
    for i in range(int(_one(rng, [1, 1, 2, 3]))):
        model = _one(rng, models)
        has_input = any(layer.op == "input" for layer in model.layers)
        work = sum(layer.flops for layer in model.layers) + 1e5
        rate = float(rng.uniform(0.01, 0.6) * 1e9 / work)
        tasks.append(
            Task(
                name=f"t{i}",
                model=model.name,
                source=_one(rng, names[:2]) if has_input or rng.random() < 0.6 else None,
                results_to=_one(rng, names) if rng.random() < 0.35 else None,
                arrivals_per_s=rate if rated and rng.random() < 0.8 else None,
            )
        )
    return tuple(tasks)


class _Builder:
    """A model layer by layer; a tensor is its layer's position."""

    def __init__(self, rng: np.random.Generator, names: list[str], idle: bool) -> None:
        self.rng, self.idle = rng, idle
        self.places = [*names, *TIERS]
        self.limits = rng.random() < 0.5
        self.layers: list[Layer] = []

    def model(self, name: str) -> Model:
        """A chain with branches, sometimes in another order than the topological one."""
        rng = self.rng
        shape: Shape = (3, *(int(_one(rng, [1, 2, 3, 4, 6, 9])) for _ in range(2)))
        last = self._add("input" if rng.random() < 0.9 else "other", (), shape)
        for _ in range(int(rng.integers(0, 7))):
            last, shape = self._extended(last, shape)
        if rng.random() < 0.05 and len(self.layers) > 1:
            self._add("linear", (0,), (5,))
        order = rng.permutation(len(self.layers)) if rng.random() < 0.2 else range(len(self.layers))
        return Model(name=name, layers=tuple(self.layers[i] for i in order))

    def _extended(self, last: int, shape: Shape) -> tuple[int, Shape]:
        """One layer more, or a branch; nothing where the map is too small for it."""
        rng = self.rng
        kinds = ["conv", "conv", "max-pool", "average-pool", "add", "concat"]
        op = _one(rng, [*kinds, "activation", "norm", "identity", "linear", "other"])
        if op in kinds and len(shape) != 3:
            return last, shape
        if op in kinds[:4]:
            size, stride = int(_one(rng, [1, 2, 3])), int(_one(rng, [1, 1, 2]))
            padding = int(_one(rng, [0, 1, 1])) if size > 1 else 0
            made = (4, *((side + 2 * padding - size) // stride + 1 for side in shape[1:]))
            if min(made) < 1:
                return last, shape
            window = Window(kernel=(size, size), stride=(stride, stride), padding=(padding,) * 4)
            return self._add(op, (last,), made, window), made
        if op in kinds[4:]:
            wide = Window(kernel=(3, 3), padding=(1, 1, 1, 1))
            left = self._add("conv", (last,), (4, *shape[1:]), wide)
            right = last
            if rng.random() < 0.6:
                right = self._add("conv", (last,), (4, *shape[1:]), Window(kernel=(1, 1)))
            made = (4 if op == "add" else 8, *shape[1:])
            twice = (right,) if rng.random() < 0.1 else ()
            return self._add(op, (right, left, *twice), made), made
        made = shape if op in ("activation", "norm", "identity") else (10,)
        return self._add(op, (last,), made), made

    def _add(
        self, op: Any, inputs: tuple[int, ...], shape: Shape, window: Window | None = None
    ) -> int:
        rng, idle = self.rng, self.idle
        self.layers.append(
            Layer(
                name=f"l{len(self.layers)}",
                op=op,
                inputs=tuple(self.layers[tensor].name for tensor in inputs),
                output_shape=shape,
                window=window,
                flops=0.0 if idle or rng.random() < 0.15 else float(10 ** rng.uniform(4, 8)),
                weight_bytes=float(_one(rng, [0, 0, 1000, 2500])),
                output_bytes=float(_one(rng, [0, 1]))
                if idle or rng.random() < 0.12
                else float(10 ** rng.uniform(1, 6)),
                times_s=self._times() if rng.random() < 0.15 else {},
                tiers=self._tiers() if self.limits and rng.random() < 0.2 else None,
                group=_one(rng, ["g", "h"]) if self.limits and rng.random() < 0.15 else None,
                result=bool(rng.random() < 0.07),
            )
        )
        return len(self.layers) - 1

    def _times(self) -> dict[str, float]:
        seconds = [0.0] if self.idle else [0.0, 0.001, 0.02]
        return {_one(self.rng, self.places): _one(self.rng, seconds) for _ in range(2)}

    def _tiers(self) -> tuple[str, ...]:
        if self.rng.random() < 0.03:
            return ()
        count = int(_one(self.rng, [1, 2, 2, 3]))
        return tuple(dict.fromkeys(_one(self.rng, self.places) for _ in range(count)))
