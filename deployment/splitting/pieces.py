"""A plan as pieces: the fewest parts, and of every stage its slices, cut and joined."""

from __future__ import annotations

from collections.abc import Iterator

from splitfog.deployment.splitting.extraction import Whole
from splitfog.deployment.splitting.part_order import fewest_parts
from splitfog.deployment.splitting.piece import Piece
from splitfog.deployment.splitting.tiles import stage_pieces
from splitfog.formulations.costs.ledger import layer_time
from splitfog.formulations.decision import TaskDecision
from splitfog.instances.instance import Instance


def plan_pieces(
    instance: Instance, decision: TaskDecision, whole: Whole
) -> tuple[list[Piece], bool]:
    """The pieces of the only task's plan, in an order in which they can run.

    A stage counts as a machine of its own: all its layers run in one step, which is then taken
    apart. Within that the parts are the fewest; the second answer says whether that is proven.
    """
    (task,) = instance.tasks
    index = instance.model_of(task).index
    machines = {layer: int(decision.placement[index[layer]]) for layer in whole.layers}
    count = len(instance.nodes)
    for number, stage in enumerate(decision.stages):
        for position in stage.layers:
            machines[instance.model_of(task).layers[position].name] = count + number
    order = fewest_parts(_reads(whole), [machines[layer] for layer in whole.layers])
    pieces: list[Piece] = []
    for machine, own in order.parts:
        if machine >= count:
            pieces += stage_pieces(instance, decision, machine - count, whole)
        else:
            pieces.append(_placed(instance, whole, machine, [whole.layers[i] for i in own]))
    return pieces, order.fewest


def _reads(whole: Whole) -> list[list[int]]:
    """Of every operator those that it reads."""
    operators = [whole.operator(layer) for layer in whole.layers]
    maker = {out: i for i, operator in enumerate(operators) for out in operator.output if out}
    return [sorted({maker[t] for t in whole.read(own) if t in maker}) for own in operators]


def _placed(instance: Instance, whole: Whole, node: int, layers: list[str]) -> Piece:
    held = tuple(_with_identities(whole, layers))
    model, host = instance.model_of(instance.tasks[0]), instance.nodes[node]
    return Piece(
        node=node,
        layers=held,
        operators=[whole.operator(layer) for layer in layers],
        seconds=sum(layer_time(model.layers[model.index[name]], host) for name in held),
    )


def _with_identities(whole: Whole, layers: list[str]) -> Iterator[str]:
    for layer in layers:
        yield layer
        yield from whole.identities.get(layer, ())
