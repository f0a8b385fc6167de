"""Whatever the prices of nodes and links, no plan is below the bounds: good ones come nearer."""

from __future__ import annotations

from math import inf
from typing import Any

import numpy as np
import pytest

from splitfog.formulations.objective import Objective
from splitfog.formulations.priced_bounds import rounds
from splitfog.formulations.priced_bounds.prices import Prices, price_of
from splitfog.formulations.priced_bounds.without_stages import bound_without_stages
from splitfog.formulations.stage_bounds.all_plans import bound_over_all_plans
from splitfog.instances.instance import Instance
from splitfog.instances.records import Layer, Link, Model, Node, Task, Window, changed
from tests.cases.enumeration.least import least_plan

LOOSE = Objective("mean-latency", monotone=False)


def in_a_line(rng: np.random.Generator) -> Instance:
    """One or two devices and a fog node in a line, with one or two windows over a few pixels; what
    a tensor takes to cross a link, and what all layers take on a node, is of one size."""
    size, devices = int(rng.integers(2, 5)), int(rng.integers(1, 3))
    nodes = [
        Node(
            name=f"n{at}",
            tier="t",
            speed_flops=float(rng.uniform(1, 10)) * 1e9,
            radio="parallel" if rng.random() < 0.7 else "serial",
            quota=0 if at < devices and rng.random() < 0.8 else None,
        )
        for at in range(devices + 1)
    ]
    ways = [(at, at + 1) for at in range(devices)] + [(at + 1, at) for at in range(devices)]
    links = [
        Link(
            tail=f"n{tail}",
            head=f"n{head}",
            bandwidth_bps=float(rng.choice([3, 10, 30])) * 1e6,
            latency_s=float(rng.choice([0, 0.01, 0.03])),
            delay_s=float(rng.choice([0, 0, 0.03])),
            duplex=False,
        )
        for tail, head in ways
    ]
    layers = [Layer(name="x", op="input", output_shape=(1, size, 1), output_bytes=_bytes(rng))]
    for at in range(int(rng.integers(1, 3))):
        reach = int(rng.choice([0, 0, 1]))
        layers.append(
            Layer(
                name=f"c{at}",
                op="conv",
                inputs=(layers[-1].name,),
                output_shape=(1, size, 1),
                output_bytes=_bytes(rng),
                flops=float(rng.uniform(0, 1)) * 1e9,
                window=Window(kernel=(2 * reach + 1, 1), padding=(reach, 0, reach, 0)),
            )
        )
    tasks = [
        Task(name=f"t{at}", model="m", source=f"n{at}", arrivals_per_s=float(rng.uniform(0.1, 3)))
        for at in range(devices)
    ]
    return Instance(
        name="line",
        tiers=("t",),
        nodes=tuple(nodes),
        links=tuple(links),
        models=(Model(name="m", layers=tuple(layers)),),
        tasks=tuple(tasks),
    )


def _bytes(rng: np.random.Generator) -> float:
    return float(rng.choice([0, 1e3, 1e5]))


@pytest.mark.parametrize("seed", range(30))
def test_no_plan_is_below_at_any_prices(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """In place of the best prices some at random: none at half of the nodes and links, else such
    that some hundredth to about all of what is paid would be taken back."""
    rng = np.random.default_rng(seed)

    def some(seconds: Any, _: Any, low: Prices, __: Any) -> tuple[Prices, float]:
        parts = rng.random(len(low.nodes) + len(low.links))
        parts *= rng.random(len(parts)) < 0.5
        parts *= seconds.min(axis=0).sum() * rng.uniform(0.01, 1) / max(parts.sum(), 1e-9)
        nodes, links = parts[: len(low.nodes)], parts[len(low.nodes) :]
        return Prices(price_of(np.sqrt(2 * nodes)), links), inf

    monkeypatch.setattr(rounds, "best_prices", some)
    instance = in_a_line(rng)
    least, _ = least_plan(instance, LOOSE)
    unsliced, _ = least_plan(instance, LOOSE, sliced=False)
    over_all, without_stages = bound_over_all_plans(instance), bound_without_stages(instance)
    assert over_all is not None
    assert over_all <= least < inf
    assert without_stages is not None
    assert without_stages <= unsliced


def test_loads_far_too_large_have_prices_without_a_warning() -> None:
    """1e10 times as many requests as the nodes can do: no plan is feasible, but the bounds are
    numbers, not below those for few requests, which wait less."""
    few = in_a_line(np.random.default_rng(0))
    often = tuple(changed(task, arrivals_per_s=1e10) for task in few.tasks)
    many = changed(few, tasks=often)
    assert (bound_over_all_plans(few) or inf) <= (bound_over_all_plans(many) or 0.0) < inf
