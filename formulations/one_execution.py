"""An instance whose requests are one execution each: of a pass, or of all passes together.

Whoever knows no passes can plan for it, `throughput` above all: it counts how often a node can do
what an execution takes there and how often a link can carry what it sends, and no latencies.
"""

from __future__ import annotations

from collections.abc import Sequence

from splitfog.formulations.costs.ledger import request_time
from splitfog.formulations.passes import restricted
from splitfog.instances.changes import lasting
from splitfog.instances.instance import Instance
from splitfog.instances.lookup import look_up
from splitfog.instances.records import Layer, Model, Node, changed, figure_in

ALL = "all"
"""All executions of a request together, unless a pass is called so."""


def one_execution(instance: Instance, which: str) -> Instance:
    """The instance whose models list no passes: a request is one execution of them.

    That of a pass takes and sends what it did. All together take the sum of their seconds, which
    then stand in `times_s` for every node, and send the sum of their bytes at once: the latency and
    the delay of a link count once, however often it was crossed. A layer that does not run takes no
    time and sends 0 bytes.

    Parameters
    ----------
    instance
        Any. Models without the pass stay as they are.
    which
        The name of a pass, or `ALL`.

    Returns
    -------
    Instance

    Raises
    ------
    LookupError
        For a name that no pass has.
    ValueError
        Where no model lists passes.
    """
    names = dict.fromkeys(one.name for model in instance.models for one in model.passes or ())
    if not names:
        raise ValueError(f"{instance.name} has no passes: a request is one execution already")
    look_up(dict.fromkeys((*names, ALL)), which, "pass")
    models = [_merged(model, which, which in names, instance.nodes) for model in instance.models]
    return changed(instance, models=tuple(models), meta=lasting(instance))


def _merged(model: Model, which: str, is_pass: bool, nodes: Sequence[Node]) -> Model:
    """The model without passes, whose one execution is all that are asked for."""
    asked = restricted(model, which)
    if model.passes is None or (is_pass and asked is model):
        return model
    layers = [_layer(asked, position, nodes) for position in range(len(model.layers))]
    return changed(model, layers=tuple(layers), passes=None)


def _layer(model: Model, position: int, nodes: Sequence[Node]) -> Layer:
    layer = model.layers[position]
    return changed(
        layer,
        flops=float(model.flops[position]),
        traffic_bytes=float(model.traffic_bytes[position]),
        output_bytes=float(model.output_bytes[position]),
        times_s=_seconds(model, position, nodes),
    )


def _seconds(model: Model, position: int, nodes: Sequence[Node]) -> dict[str, float]:
    """What the layer takes, where that is not what its FLOP and its traffic say."""
    layer = model.layers[position]
    if layer.op == "input":
        return {}
    if model.sends[position] == 1:
        at = int(model.runs[:, position].argmax())
        return {place: figure_in(own, at) for place, own in layer.times_s.items()}
    return {
        node.name: request_time(model, position, node) for node in nodes if layer.may_run_on(node)
    }
