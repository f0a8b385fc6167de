"""Rules by name, for a table and what changes between its plans cost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from splitfog.deployment.adaptation.backlog import Backlog
from splitfog.deployment.adaptation.learned import Learned
from splitfog.deployment.adaptation.names import Kind, named
from splitfog.deployment.adaptation.rules import Argmin, Fixed, Hysteresis, Switch
from splitfog.deployment.adaptation.situation import Rule
from splitfog.deployment.adaptation.steps import plan_steps
from splitfog.deployment.adaptation.work_function import WorkFunction
from splitfog.formulations.parametric.plan_table import PlanTable
from splitfog.instances.instance import Instance
from splitfog.instances.readable import counted


@dataclass(frozen=True, eq=False)
class Given:
    """What rules are made of.

    Attributes
    ----------
    table, instance
        The plans, and whose they are, if that is known.
    switch_s
        [plans, plans]: seconds of changing from a row's plan to a column's.
    nominal
        Position of the plan that is fastest at the instance's own figures.
    """

    table: PlanTable
    instance: Instance | None
    switch_s: NDArray[np.float64]
    nominal: int


Maker = Callable[[Given], Rule]


def _backlog(given: Given) -> Rule:
    if given.instance is None:
        raise ValueError("rule = 'backlog' needs instance=, for what nodes and links have to do")
    return Backlog(steps=plan_steps(given.instance, given.table.plans, given.table.objective))


RULES: dict[str, Kind[Maker]] = {
    "argmin": Kind(make=lambda: lambda _: Argmin(), form="argmin"),
    "hysteresis": Kind(
        make=lambda share: lambda _: Hysteresis(share),
        form="hysteresis:H",
        where="0 <= H < 1",
        fits=lambda share: 0 <= share < 1,
        count=1,
    ),
    "switch": Kind(make=lambda: lambda given: Switch(given.switch_s), form="switch"),
    "work-function": Kind(
        make=lambda: lambda given: WorkFunction(given.switch_s), form="work-function"
    ),
    "backlog": Kind(make=lambda: _backlog, form="backlog"),
    "nominal": Kind(make=lambda: lambda given: Fixed(given.nominal), form="nominal"),
}


def rule_of(value: Any, given: Given) -> Rule:
    """The rule of a name, before its first decision; a rule itself, as `learn` gives it, stays.

    Raises
    ------
    ValueError
        With the forms that are allowed.
    """
    if not isinstance(value, str) and callable(getattr(value, "after", None)):
        if isinstance(value, Learned):
            _require_fit(value, given.table)
        rule: Rule = value
        return rule
    if isinstance(value, str) and value == "learned":
        raise ValueError("rule = 'learned' must be trained: give what splitfog.learn returns")
    return named("rule", value, RULES)(given)


def _require_fit(rule: Learned, table: PlanTable) -> None:
    """Refuse what was learned of more plans or figures than a table has."""
    plans, figures = int(rule.plans.max()) + 1, rule.figure + 1
    if plans > len(table.plans) or figures > len(table.figures):
        has = f"{counted(len(table.plans), 'plan')} and {counted(len(table.figures), 'figure')}"
        raise ValueError(f"rule was learned of another table: this one has {has}")
