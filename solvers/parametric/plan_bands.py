"""`plan_bands`: how far each figure may move before another plan is optimal, by forced cuts."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from math import inf
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.arrays.nodes import limits_memory
from splitfog.formulations.arrays.task import task_arrays
from splitfog.formulations.costs.feasibility import decision_violations
from splitfog.formulations.decision import placed
from splitfog.formulations.objective import Objective, objective_for
from splitfog.formulations.parametric.figure import Key
from splitfog.formulations.parametric.plan_bands import FigureBand, LayerBand, PlanBands
from splitfog.formulations.passes import executed_once
from splitfog.instances.arguments import texts
from splitfog.instances.files import GivenInstance, instance_of
from splitfog.instances.instance import Instance
from splitfog.instances.lookup import unknown_name
from splitfog.solvers.base import SolverDeclined
from splitfog.solvers.exact.min_cut import least_cut, line_network
from splitfog.solvers.parametric.plan_table import plan_table

REACH = 1e6
"""How far a bandwidth or a load is followed, as a factor; beyond, it is said to have no end."""


def plan_bands(
    instance: GivenInstance,
    *,
    layers: str | Collection[str] | None = None,
    objective: str | Objective = "latency",
    transfers: str = "once",
    monotone: bool = True,
) -> PlanBands:
    """How far each figure alone may move before the optimal plan is another one.

    Parameters
    ----------
    instance
        Whose plan; or the path of its file.
    layers
        Names of those whose times are looked at; None: all.
    objective, transfers, monotone
        Only `latency` is linear in the figures; of several tasks it is the mean.

    Returns
    -------
    PlanBands
        Of every layer's time on every node where it may run, of every link's bandwidth and of
        every node's load. With status infeasible, and none, where there is no plan.

    Raises
    ------
    SolverDeclined
        For another objective, where `min-cut` does not apply, and where a plan that it needs
        breaks the memory that cuts ignore.
    ValueError, LookupError
        For arguments that make no sense, and for layers that no model has.

    Notes
    -----
    Exact. Of all plans that have a layer on a node the best one does not depend on how long the
    layer takes elsewhere, and the layer's time there is a summand of its value. So the optimal
    plan stays until its value, with the layer's other time, passes the least value V of the plans
    that have the layer elsewhere: until time + V - optimum. Likewise a layer moves to a node
    once its time there falls by that node's V - optimum. Each V is one minimum cut with the layer
    forced: K - 1 a layer for K tiers, 0.1 to 1 ms each up to 500 layers, and a tenth of a second
    each at 10,000 (name some `layers` there). Bandwidths and loads by a plan table over each
    (`splitfog.plan_table`).

    Examples
    --------
    >>> from splitfog.instances.generators import generate
    >>> bands = plan_bands(generate("three-tier"), layers="conv1")
    >>> bands.layers[0].node, bands.layers[0].used
    ('device', True)
    """
    started = time.perf_counter()
    instance = executed_once(instance_of(instance), "plan_bands")
    objective = objective_for(instance, objective, transfers, monotone)
    if objective.name != "latency":
        reason = f"{objective.name} is not linear in times and bandwidths, only latency is"
        raise SolverDeclined("plan_bands", reason)
    wanted = _wanted(instance, layers)
    try:
        cuts = _Cuts(instance, objective)
    except SolverDeclined as declined:
        instead = "a policy over one figure (splitfog policy)"
        raise SolverDeclined(declined.solver, declined.reason, instead) from None
    claims: dict[str, Any] = {"instance": instance.name, "objective": objective}
    if cuts.stuck is not None:
        claims |= {"status": "infeasible", "reason": cuts.stuck, "value": None}
        claims |= {"layers": (), "figures": ()}
    else:
        value = sum(cuts.values) / len(cuts.values)
        claims |= {"status": "optimal", "reason": None, "value": value}
        own = [_layer_bands(cuts, *at) for at in _positions(instance, wanted)]
        claims["layers"] = tuple(band for bands in own for band in bands)
        claims["figures"] = tuple(
            _figure_band(instance, objective, *each) for each in _figures(instance)
        )
    return PlanBands(**claims, cuts=cuts.asked, runtime_s=time.perf_counter() - started)


def _positions(instance: Instance, wanted: frozenset[str] | None) -> Iterator[tuple[int, int]]:
    """Task and layer, by position, of the layers asked for; inputs take no time."""
    for task, own in enumerate(instance.tasks):
        for position, layer in enumerate(instance.model_of(own).layers):
            if layer.op != "input" and (wanted is None or layer.name in wanted):
                yield task, position


def _wanted(instance: Instance, layers: str | Collection[str] | None) -> frozenset[str] | None:
    """The layers asked for, by name; None: all."""
    if layers is None:
        return None
    known = dict.fromkeys(layer.name for model in instance.models for layer in model.layers)
    for name in (names := texts("layers", layers)):
        if name not in known:
            raise LookupError(f"layers: {unknown_name(name, known, 'layer')}")
    return frozenset(names)


class _Cuts:
    """Every task's network and least cut, asked again with a layer forced."""

    def __init__(self, instance: Instance, objective: Objective) -> None:
        self.instance, self.objective = instance, objective
        self.limited = limits_memory(instance)
        self.arrays = [task_arrays(instance, task) for task in range(len(instance.tasks))]
        built = [line_network(own, objective) for own in self.arrays]
        self.lines = [line for line, _ in built]
        self.networks = [network for _, network in built]
        self.tiers: list[NDArray[np.int64]] = []
        self.values: list[float] = []
        self.asked = len(self.networks)
        self.stuck: str | None = None
        for task, network in zip(instance.tasks, self.networks, strict=True):
            cut = least_cut(network)
            if cut is None:
                stuck = f"task {task.name}: no placement respects tiers, groups, routes, monotone"
                self.stuck = stuck
                return
            self.tiers.append(cut.tiers)
            self.values.append(network.value(cut.tiers))
        self._check(self.tiers)

    def value_on(self, task: int, layer: int, tier: int) -> float:
        """The least latency of the task's plans that have a layer on a tier; inf: there is none."""
        network = self.networks[task].with_layer_on(layer, tier)
        self.asked += 1
        cut = least_cut(network)
        if cut is None:
            return inf
        self._check([*self.tiers[:task], cut.tiers, *self.tiers[task + 1 :]])
        return network.value(cut.tiers)

    def _check(self, tiers: list[NDArray[np.int64]]) -> None:
        """Decline where memory, which the cuts ignore, is not enough."""
        if self.limited:
            nodes = (line.nodes[own] for line, own in zip(self.lines, tiers, strict=True))
            faults = decision_violations(self.instance, placed(*nodes), self.objective)
            if faults:
                raise SolverDeclined("plan_bands", f"cuts ignore memory, and {faults[0]}")


def _layer_bands(cuts: _Cuts, task: int, layer: int) -> Iterator[LayerBand]:
    """The bands of a layer on the nodes where it may run, tier after tier."""
    nodes, home = cuts.lines[task].nodes.tolist(), int(cuts.tiers[task][layer])
    times_s, optimum = cuts.arrays[task].costs_s[layer], cuts.values[task]
    tiers = [tier for tier, node in enumerate(nodes) if times_s[node] < inf]
    spare = {
        tier: max(cuts.value_on(task, layer, tier) - optimum, 0.0) for tier in tiers if tier != home
    }
    names = {tier: cuts.instance.nodes[nodes[tier]].name for tier in tiers}
    for tier in tiers:
        time_s = float(times_s[nodes[tier]])
        low_s, high_s, moves_to = 0.0, inf, None
        if tier != home and spare[tier] <= time_s:
            low_s, moves_to = time_s - spare[tier], names[tier]
        elif tier == home and spare:
            nearest = min(spare, key=lambda other: spare[other])
            if spare[nearest] < inf:
                high_s, moves_to = time_s + spare[nearest], names[nearest]
        yield LayerBand(
            task=cuts.instance.tasks[task].name,
            layer=cuts.arrays[task].model.layers[layer].name,
            node=names[tier],
            used=tier == home,
            time_s=time_s,
            low_s=low_s,
            high_s=high_s,
            moves_to=moves_to,
        )


def _figures(instance: Instance) -> Iterator[tuple[Key, float]]:
    """Every link with its bandwidth, and every node with its load."""
    for link in instance.links:
        yield (link.tail, link.head), link.bandwidth_bps
    for node in instance.nodes:
        yield node.name, 1.0


def _figure_band(instance: Instance, objective: Objective, key: Key, value: float) -> FigureBand:
    """The band of a bandwidth or a load, by a plan table over it alone."""
    limits = value / REACH, value * REACH
    table = plan_table(instance, {key: limits}, objective=objective, oracle="min-cut")
    if not table.plans:
        raise SolverDeclined("plan_bands", table.reason or table.status)
    low, high = table.bands({key: value})[key]
    unit: Literal["bit/s", "load"] = "load" if isinstance(key, str) else "bit/s"
    low, high = 0.0 if low <= limits[0] else low, inf if high >= limits[1] else high
    return FigureBand(key, unit, value, low, high)
