"""What a Pareto front weighs against each other: costs, a node's memory, bytes over a link."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf

from splitfog.formulations.costs.feasibility import memory_bytes
from splitfog.formulations.costs.reference import decision_cost
from splitfog.formulations.decision import Decision
from splitfog.formulations.objective import Objective, objective_for
from splitfog.instances.arguments import texts
from splitfog.instances.instance import Instance
from splitfog.instances.lookup import unknown_name
from splitfog.instances.records import changed

COSTS = ("latency", "makespan", "period")
OF_A_PASS = ("latency", "period")
KINDS = "latency, makespan, period, latency:PASS, period:PASS, memory:NODE, bytes:FROM,TO"


def unit_of(objective: str) -> str:
    """`s` of a front's costs, those of a pass among them; `B` of memory and bytes."""
    return "s" if objective.partition(":")[0] in COSTS else "B"


@dataclass(frozen=True)
class Criterion:
    """One thing to keep small: `at` is the node of `memory`, the directed link of `bytes`.

    `pass_name`: of one execution of a pass; None: of a whole request.
    """

    name: str
    kind: str
    at: int = -1
    pass_name: str | None = None

    @property
    def unit(self) -> str:
        """Of its values."""
        return unit_of(self.kind)


@dataclass(frozen=True)
class Criteria:
    """Two criteria or more of an instance, and how transfers are counted and placements limited."""

    instance: Instance
    each: tuple[Criterion, ...]
    objective: Objective
    """Of `latency`: its way of counting holds for bytes, too."""

    def __post_init__(self) -> None:
        if len(self.each) < 2:
            raise ValueError(f"objectives: {len(self.each)} given, must be two or more ({KINDS})")
        names = [criterion.name for criterion in self.each]
        if len(set(names)) < len(names):
            raise ValueError(f"objectives: {', '.join(names)}, must be different ones")
        for criterion in self.each:
            if criterion.kind in COSTS:
                objective_for(self.instance, self.objective_of(criterion))

    def objective_of(self, criterion: Criterion) -> Objective:
        """The objective that a cost among the criteria is."""
        return changed(self.objective, name=criterion.kind, pass_name=criterion.pass_name)

    @property
    def of_passes(self) -> bool:
        """Whether some cost is that of one execution of a pass."""
        return any(criterion.pass_name is not None for criterion in self.each)

    @property
    def with_order(self) -> bool:
        """Whether the order of the layers matters."""
        return any(criterion.kind == "makespan" for criterion in self.each)

    def values(self, decision: Decision) -> tuple[float, ...]:
        """The reference values of a decision, inf where it is impossible."""
        cost = decision_cost(self.instance, decision, self.objective)
        memory = memory_bytes(self.instance, decision)
        values = []
        for criterion in self.each:
            own = self.objective_of(criterion) if criterion.kind in COSTS else self.objective
            if own == self.objective and criterion.kind in COSTS:
                values.append(float(cost))
            elif criterion.kind in COSTS:
                values.append(float(decision_cost(self.instance, decision, own)))
            elif cost == inf:
                values.append(inf)
            else:
                source = memory if criterion.kind == "memory" else cost.ledger.link_bytes
                values.append(float(source[criterion.at]))
        return tuple(values)


def criteria_of(
    instance: Instance,
    objectives: str | tuple[str, ...] | list[str],
    transfers: str = "once",
    monotone: bool = True,
    contiguous: str | None = None,
) -> Criteria:
    """The criteria asked for, as one text with commas or one by one.

    Raises
    ------
    ValueError, LookupError
        For an unknown kind, node or link, for fewer than two, and where one stands twice.
    """
    given = texts("objectives", objectives, f"two or more of {KINDS}")
    each = tuple(criterion for text in given for criterion in _parsed(instance, text))
    how = objective_for(instance, "latency", transfers, monotone, None, contiguous)
    return Criteria(instance, each, how)


def _parsed(instance: Instance, text: str) -> Iterator[Criterion]:
    """The criteria in a text; the comma of `bytes:FROM,TO` and those in names belong to them."""
    rest = text.strip()
    while rest:
        kind, colon, tail = rest.partition(":")
        if colon and kind == "memory":
            node, rest = _node(instance, tail)
            yield Criterion(f"memory:{node}", kind, instance.node_index[node])
        elif colon and kind == "bytes":
            criterion, rest = _link(instance, tail)
            yield criterion
        elif colon and kind in OF_A_PASS:
            name, rest = _pass(instance, tail)
            yield Criterion(f"{kind}:{name}", kind, pass_name=name)
        else:
            name, _, rest = rest.partition(",")
            if name.strip() not in COSTS:
                raise ValueError(f"objective {name.strip()!r}, must be one of {KINDS}")
            yield Criterion(name.strip(), name.strip())
        rest = rest.strip()


def _pass(instance: Instance, text: str) -> tuple[str, str]:
    """The longest name of a pass that a text begins with, and what follows its comma."""
    models = [instance.model_of(task) for task in instance.tasks]
    names = {one.name for model in models for one in model.passes or ()}
    for name in sorted(names, key=len, reverse=True):
        if text == name or text.startswith(f"{name},"):
            return name, text[len(name) + 1 :]
    known = ", ".join(sorted(names)) or "none: its models list no passes"
    raise LookupError(f"unknown pass {text.split(',')[0]!r}; known: {known}")


def _node(instance: Instance, text: str) -> tuple[str, str]:
    """The longest name of a node that a text begins with, and what follows its comma."""
    for name in sorted(instance.node_index, key=len, reverse=True):
        if text == name or text.startswith(f"{name},"):
            return name, text[len(name) + 1 :]
    raise LookupError(unknown_name(text.split(",")[0], instance.node_index, "node"))


def _link(instance: Instance, text: str) -> tuple[Criterion, str]:
    tail, after = _node(instance, text)
    if not after:
        raise ValueError(f"objective 'bytes:{text}', must be bytes:FROM,TO")
    head, rest = _node(instance, after)
    ends = (instance.node_index[tail], instance.node_index[head])
    for position, link in enumerate(instance.directed_links):
        if (link.tail, link.head) == ends:
            return Criterion(f"bytes:{tail},{head}", "bytes", position), rest
    raise LookupError(f"objective bytes:{tail},{head}: no link leads from {tail} to {head}")
