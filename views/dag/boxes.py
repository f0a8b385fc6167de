"""Which layers a picture draws as one box, so that 500 layers stay readable.

Small models are drawn layer by layer. Larger ones are condensed step by step, as little as gets
them under a limit: an operator with its norm and activation; chains; whole branched modules
between two layers that every path passes; runs of these. A box never mixes classes (the nodes
of a plan), so what crosses between nodes always runs between boxes. Where that would leave next
to nothing, as in a random DAG, the chains stay. The steps are ours.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass

from splitfog.instances.records import PRODUCT_OPS, Model

LIMIT = 80
FEWEST = 12  # boxes that modules must leave, unless there are far too many chains
MOST = 1500

Groups = list[Hashable]


@dataclass(frozen=True)
class Boxes:
    """A model condensed to a smaller DAG.

    `members` are the layers of every box, boxes and layers in topological order; `edges` are
    the distinct pairs of boxes between which a tensor goes; `owner` is the box of every layer.
    """

    members: tuple[tuple[int, ...], ...]
    edges: tuple[tuple[int, int], ...]
    owner: tuple[int, ...]


def boxes_of(model: Model, classes: Sequence[Hashable], limit: int = LIMIT) -> Boxes:
    """The least condensed boxes of a model that number at most `limit`.

    Parameters
    ----------
    model
        With L layers and E edges.
    classes
        Of every layer; a box holds layers of one class only. Input layers stay by themselves.
    limit
        Where no step gets under it, the step with the fewest boxes is taken.

    Notes
    -----
    O((L + E) log L).
    """
    kinds = [(c, layer.op == "input") for c, layer in zip(classes, model.layers, strict=True)]
    chains = _least(_chain_steps(model, kinds), limit)
    if len(set(chains)) <= limit:
        return _quotient(model, chains)
    modules = _least(_module_steps(model, kinds), limit)
    fine = FEWEST <= len(set(modules)) < len(set(chains)) or len(set(chains)) > MOST
    return _quotient(model, modules if fine else chains)


def _least(steps: Iterator[Groups], limit: int) -> Groups:
    """The first of some groupings with at most `limit` groups, else the one with the fewest."""
    best: Groups = []
    for groups in steps:
        if not best or len(set(groups)) < len(set(best)):
            best = groups
        if len(set(best)) <= limit:
            break
    return best


def _chain_steps(model: Model, classes: Sequence[Hashable]) -> Iterator[Groups]:
    """A group for every layer, step by step coarser; contracting them never makes a cycle."""
    count = len(model.layers)
    yield list(range(count))
    yield _chains(model, classes, count, at_operators=True)
    size = 4
    while size < 2 * count:
        yield _chains(model, classes, size)
        size *= 2


def _module_steps(model: Model, classes: Sequence[Hashable]) -> Iterator[Groups]:
    """Coarser still; a cycle is as impossible."""
    size = 1
    while size < 2 * len(model.layers):
        yield _trunk(model, classes, size)
        size *= 2
    yield _epochs(model, classes)


def _chains(
    model: Model, classes: Sequence[Hashable], longest: int, at_operators: bool = False
) -> Groups:
    """Each layer with its only input where it is that input's only reader."""
    groups = list(range(len(model.layers)))
    sizes = [1] * len(groups)
    for layer in model.order.tolist():
        tails = set(model.inputs[layer])
        if len(tails) != 1:
            continue
        (tail,) = tails
        if (
            model.consumers[tail] == (layer,)
            and classes[tail] == classes[layer]
            and sizes[groups[tail]] < longest
            and not (at_operators and model.layers[layer].op in PRODUCT_OPS)
        ):
            groups[layer] = groups[tail]
            sizes[groups[tail]] += 1
    return list(groups)


def _trunk(model: Model, classes: Sequence[Hashable], most: int) -> Groups:
    """Up to `most` branched modules of one class and the layers between them; elsewhere chains.

    A group is an interval of the topological order, or a chain within one.
    """
    groups = _chains(model, classes, len(model.layers))
    kind: Hashable = None  # class of the group being filled
    held = 0  # modules in it
    for number, module in enumerate(_modules(model)):
        kinds = {classes[layer] for layer in module}
        if len(kinds) > 1:
            kind = None
            for layer in module:
                groups[layer] = (number, groups[layer])
            continue
        branched = len(module) > 1
        if kinds != {kind} or (branched and held >= most):
            kind, held, first = *kinds, 0, module[0]
        held += branched or module[0] == first
        for layer in module:
            groups[layer] = ("trunk", first)
    return groups


def _modules(model: Model) -> Iterator[list[int]]:
    """Intervals of the topological order, each ending in a layer that no edge jumps over."""
    order = model.order.tolist()
    position = {layer: i for i, layer in enumerate(order)}
    reach = 0
    module = []
    for i, layer in enumerate(order):
        module.append(layer)
        if reach <= i:
            yield module
            module = []
        reach = max([reach, *(position[reader] for reader in model.consumers[layer])])
    if module:
        yield module


def _epochs(model: Model, classes: Sequence[Hashable]) -> Groups:
    """Layers of one class that as many changes of class precede.

    The number of changes never falls along an edge and rises with every change: no cycle.
    """
    changes = [0] * len(model.layers)
    for layer in model.order.tolist():
        before = [changes[t] + (classes[t] != classes[layer]) for t in model.inputs[layer]]
        changes[layer] = max(before, default=0)
    return [(kind, epoch) for kind, epoch in zip(classes, changes, strict=True)]


def _quotient(model: Model, groups: Groups) -> Boxes:
    """The DAG between groups, its boxes in topological order (Kahn, first layer first)."""
    members: dict[Hashable, list[int]] = {}
    for layer in model.order.tolist():
        members.setdefault(groups[layer], []).append(layer)
    pairs = {
        (groups[t], groups[h]): None for t, h in model.edges.tolist() if groups[t] != groups[h]
    }
    missing = dict.fromkeys(members, 0)
    readers: dict[Hashable, list[Hashable]] = {group: [] for group in members}
    for tail, head in pairs:
        missing[head] += 1
        readers[tail].append(head)
    ready = [group for group in members if missing[group] == 0]
    taken: dict[Hashable, int] = {}
    for group in ready:  # grows as we go
        taken[group] = len(taken)
        for reader in readers[group]:
            missing[reader] -= 1
            if missing[reader] == 0:
                ready.append(reader)
    return Boxes(
        tuple(tuple(members[group]) for group in ready),
        tuple(sorted((taken[tail], taken[head]) for tail, head in pairs)),
        tuple(taken[group] for group in groups),
    )
