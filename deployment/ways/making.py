"""Ways of adapting by name, for a replay."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from splitfog.deployment.adaptation.adapter import Adapter
from splitfog.deployment.adaptation.by_name import RULES
from splitfog.deployment.adaptation.learned import Learned
from splitfog.deployment.adaptation.way import Way
from splitfog.deployment.ways.planners import hpa, hpa_local, resolve
from splitfog.deployment.ways.rival import MakePlanner, Rival
from splitfog.formulations.parametric.plan_table import PlanTable
from splitfog.instances.arguments import wrong
from splitfog.instances.instance import Instance

RIVALS: Mapping[str, MakePlanner] = MappingProxyType(
    {"resolve": resolve, "hpa": hpa, "hpa-local": hpa_local}
)

FORMS = (*(kind.form for kind in RULES.values()), "learned", *RIVALS)
"""How ways are written."""


def make_way(
    name: str,
    instance: Instance,
    table: PlanTable,
    *,
    estimate: str = "ewma:0.7",
    switch_cost_s: Any = None,
    learned: Learned | None = None,
) -> Way:
    """A way of adapting, before anything is measured.

    Parameters
    ----------
    name
        One of `FORMS`.
    instance
        Whose own figures hold before something is measured.
    table
        Whose plans rules choose from, and whose figures are those that vary, within its box, for
        all ways.
    estimate, switch_cost_s
        As of `Adapter`; what solves again does not look at what changes cost.
    learned
        What `learn` found on another part of the trace: `learned` needs it.

    Returns
    -------
    Way

    Raises
    ------
    ValueError
        For another name, and `learned` without what was learned.
    """
    if name in RIVALS:
        return Rival(RIVALS[name], instance, table.figures, table.objective, estimate)
    if name == "learned":
        if learned is None:
            raise ValueError("learned needs another part of the trace to learn from")
        rule: Any = learned
    elif isinstance(name, str) and name.partition(":")[0] in RULES:
        rule = name
    else:
        raise wrong("adapt", name, f"one of {', '.join(FORMS)}")
    return Adapter(
        table,
        rule=rule,
        estimate=estimate,
        switch_cost_s=switch_cost_s,
        instance=instance,
        detours=True,
    )
