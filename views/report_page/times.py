"""What a timeline of the page is put together from: seconds of layers, tensors and ways."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import permutations
from math import inf
from typing import Any

from splitfog.formulations.costs.ledger import request_time
from splitfog.formulations.costs.routes import routes_of
from splitfog.formulations.passes import of_pass
from splitfog.instances.instance import Instance
from splitfog.instances.records import DirectedLink, Model

DIGITS = 7
"""That a drawing needs of a figure."""


def times_of(whole: Instance, pass_name: str | None, names: Iterable[str]) -> dict[str, Any]:
    """The seconds of everything that a plan's layers and tensors may do between some nodes.

    Parameters
    ----------
    whole, pass_name
        With one task; of the pass alone, if one is named.
    names
        Of the n nodes where layers run or results go.

    Returns
    -------
    dict
        `nodes`, by name the seconds of every layer; `ways`, by tail and head the numbers of the
        links between them; `links`, by number tail, head and the seconds of every tensor;
        `results`, which tensors are results. None for what never ends.

    Notes
    -----
    O(L n^2) for L layers and routes of a few links.
    """
    instance = of_pass(whole, pass_name)
    (task,) = instance.tasks
    model, routes = instance.model_of(task), routes_of(instance)
    chosen = {name: instance.node_index[name] for name in sorted(names)}
    ways: dict[str, dict[str, tuple[int, ...] | None]] = {name: {} for name in chosen}
    for tail, head in permutations(chosen, 2):
        ways[tail][head] = routes.path(chosen[tail], chosen[head])
    used = {link for own in ways.values() for way in own.values() for link in way or ()}
    return {
        "nodes": {
            name: [
                _rounded(request_time(model, layer, instance.nodes[node]))
                for layer in range(len(model.layers))
            ]
            for name, node in chosen.items()
        },
        "ways": ways,
        "links": {
            number: _link(instance, model, instance.directed_links[number])
            for number in sorted(used)
        },
        "results": [layer for layer, is_result in enumerate(model.results) if is_result],
    }


def _link(instance: Instance, model: Model, link: DirectedLink) -> list[Any]:
    seconds = [
        _rounded(link.seconds(float(size), float(sends)) if sends else 0.0)
        for size, sends in zip(model.output_bytes, model.sends, strict=True)
    ]
    return [instance.nodes[link.tail].name, instance.nodes[link.head].name, seconds]


def _rounded(seconds: float) -> float | None:
    return float(f"{seconds:.{DIGITS}g}") if seconds < inf else None
