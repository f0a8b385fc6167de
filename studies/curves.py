"""Other solvers beside a policy: their values at points of the range over which it is optimal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.parametric.policy_table import Policy
from splitfog.instances.instance import Instance
from splitfog.solvers.base import SolverDeclined
from splitfog.solvers.registry import own_infos, solver_info
from splitfog.solvers.solve import solve

SAMPLES = 41
"""Points at which curves are taken."""

AFTER_D3 = ("hpa", "hpa-plain")


@dataclass(frozen=True)
class Curve:
    """A solver's value at some bandwidths (or speeds); NaN where it has no plan."""

    name: str
    at: NDArray[np.float64]
    value_s: NDArray[np.float64]


def solver_curves(
    instance: Instance, policy: Policy, names: Sequence[str] | None = None, samples: int = SAMPLES
) -> list[Curve]:
    """The curves of solvers over a policy's range.

    Parameters
    ----------
    instance, policy
        The policy must be this instance's.
    names
        Each must apply somewhere; None: all baselines for the objective that do, and `hpa`.
    samples
        Points of a curve, both ends of the range among them; their logarithms are equally far
        apart. Each takes a solution by every solver.

    Returns
    -------
    list of Curve
        Without those that have no plan anywhere.

    Raises
    ------
    ValueError, LookupError
        For a policy of another instance, an unknown solver.
    SolverDeclined
        Where a named one applies nowhere.
    """
    if policy.instance_sha256 != instance.sha256:
        raise ValueError(f"the policy is for another instance, {policy.instance}")
    chosen = _baselines(policy.objective.name) if names is None else names
    for name in chosen:
        solver_info(name)
    at = np.geomspace(policy.low, policy.high, samples)
    curves = [Curve(name, at, np.full(samples, np.nan)) for name in chosen]
    declined: dict[str, SolverDeclined] = {}
    for position, value in enumerate(at.tolist()):
        changed = policy.parameter.at(instance, min(max(value, policy.low), policy.high))
        for curve in curves:
            try:
                plan = solve(changed, curve.name, policy.objective)
            except SolverDeclined as error:
                declined[curve.name] = error
                continue
            if plan.value is not None:
                curve.value_s[position] = plan.value
    if names and (unused := [n for n in declined if _empty(curves, n)]):
        raise declined[unused[0]]
    return [curve for curve in curves if not np.isnan(curve.value_s).all()]


def _empty(curves: Sequence[Curve], name: str) -> bool:
    return all(bool(np.isnan(c.value_s).all()) for c in curves if c.name == name)


def _baselines(objective: str) -> list[str]:
    """All baselines and what came from D3; a search would take its time at every point."""
    infos = [info for info in own_infos() if info.kind == "baseline" or info.name in AFTER_D3]
    return [info.name for info in infos if objective in info.objectives]
