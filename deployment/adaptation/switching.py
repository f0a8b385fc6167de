"""What changing from one plan to another costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.costs.routes import routes_of
from splitfog.formulations.plan import decision_of
from splitfog.formulations.plan_file import PlanFile
from splitfog.instances.arguments import numbers, wrong
from splitfog.instances.arrays import frozen
from splitfog.instances.instance import Instance
from splitfog.instances.lookup import unknown_name


def switch_matrix(name: str, value: Any, plans: int) -> NDArray[np.float64]:
    """[plans, plans]: seconds of changing from a row's plan to a column's.

    Parameters
    ----------
    name
        The argument, for the sentence.
    value
        One number for every change, or such a matrix; None: changes are free.
    plans
        How many.

    Raises
    ------
    ValueError
        For what is neither, negative, or not 0 on the diagonal.
    """
    what = f"a number >= 0, or an array [{plans}, {plans}] of them with 0 on its diagonal"
    given = numbers(name, 0.0 if value is None else value, what)
    if given.shape == ():
        given = np.where(np.eye(plans, dtype=bool), 0.0, given)
    if given.shape != (plans, plans) or not (given >= 0).all() or np.diagonal(given).any():
        raise wrong(name, value, what)
    return frozen(np.array(given, np.float64))


def weight_seconds(instance: Instance, plans: Sequence[PlanFile], node: str) -> NDArray[np.float64]:
    """Seconds in which the weights that a change needs travel from a node: `weights:NODE`.

    Parameters
    ----------
    instance
        Whose own figures hold for the links.
    plans
        Unsliced.
    node
        Where all weights lie.

    Returns
    -------
    array of float
        [plans, plans]: from a row's plan to a column's. What the row's plan has on a node need not
        come again; the others' weights come to one node after another. inf where there is no
        route.

    Raises
    ------
    LookupError
        For an unknown node.
    """
    if node not in instance.node_index:
        raise LookupError(unknown_name(node, instance.node_index, "node"))
    root, routes = instance.node_index[node], routes_of(instance)
    held = [_held(instance, plan) for plan in plans]
    seconds = np.zeros((len(plans), len(plans)))
    for row, before in enumerate(held):
        for column, after in enumerate(held):
            for place, owners in after.items():
                missing = owners.keys() - before.get(place, {}).keys()
                num_bytes = sum(owners[owner] for owner in missing)
                if num_bytes:
                    seconds[row, column] += routes.transfer(root, place, num_bytes)
    return frozen(seconds)


def _held(instance: Instance, plan: PlanFile) -> dict[int, dict[tuple[str, int], float]]:
    """{node: {(model, layer that owns weights): bytes}} of a plan."""
    held: dict[int, dict[tuple[str, int], float]] = {}
    decision = decision_of(instance, plan)
    for task, answer in zip(instance.tasks, decision.tasks, strict=True):
        model = instance.model_of(task)
        for place, owner in zip(answer.placement.tolist(), model.weight_owner.tolist()):
            held.setdefault(place, {})[model.name, owner] = model.layers[owner].weight_bytes
    return held
