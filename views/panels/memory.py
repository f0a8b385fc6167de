"""The memory of every node: weights, state (key-value caches), and what is free."""

from __future__ import annotations

from splitfog.formulations.plan_file import NodeEntry, PlanFile
from splitfog.instances.instance import Instance
from splitfog.views import style
from splitfog.views.panels.panel import MOST_BARS, Bar, BarPanel, omitted

_WEIGHTS, _STATE, _FREE = "#56B4E9", "#E69F00", style.RULE


def memory_panel(instance: Instance, plan: PlanFile) -> BarPanel:
    """A bar for every node, in the file's order, as long as its memory."""
    limits = [instance.nodes[instance.node_index[name]].memory_bytes for name in plan.nodes]
    pairs = list(zip(plan.nodes.items(), limits, strict=True))
    bars = [_bar(name, load, limit) for (name, load), limit in pairs[:MOST_BARS]]
    title = "Memory: weights (blue), state (orange), free (grey)"
    more = omitted(len(bars), len(pairs), "node")
    return BarPanel(title=title, bars=bars, omitted=more, shown=lambda _: "")


def _bar(name: str, load: NodeEntry, limit: float | None) -> Bar:
    state = load.state_bytes or 0.0
    weights = (load.memory_bytes or 0.0) - state
    free = 0.0 if limit is None else limit - weights - state
    parts = ((weights, _WEIGHTS), (state, _STATE), (max(free, 0.0), _FREE))
    words = f"{style.in_bytes(weights)} + {style.in_bytes(state)}"
    if limit is None:
        return Bar(name, parts, f"{words}, no limit")
    rest = f" + {style.in_bytes(free)}" if free >= 0 else f", {style.in_bytes(-free)} too much"
    return Bar(name, parts, words + rest)
