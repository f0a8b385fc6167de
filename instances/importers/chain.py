"""A request to a language model as other tools tell it: a chain of blocks on linked machines.

Layers, tier and task are named as those of the zoo's language models.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from typing import Any

from splitfog.instances.defects import InstanceError
from splitfog.instances.instance import Instance
from splitfog.instances.records import Layer, Link, Model, Node, Pass, Task

TIER = "machine"
TOKEN_BYTES = 4
ACTIVATION_BYTES = 2

NO_BANDWIDTH_BPS = 1e18
"""Of a link of which only seconds are told: bytes take none."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """A pass: how often a request makes it, and new tokens (of all sequences) in each execution."""

    name: str
    count: int
    tokens: float


def chain(
    name: str,
    steps: Sequence[Step],
    width: float,
    *,
    embedding: Mapping[str, Any],
    blocks: Sequence[Mapping[str, Any]],
    head: Mapping[str, Any],
) -> Model:
    """The chain input, embedding, blocks, head.

    Parameters
    ----------
    name
        Of the model.
    steps
        Its passes.
    width
        Values of a token between blocks, of 16 bits.
    embedding, blocks, head
        Fields of their layers: work, weights, traffic and state; a block's tensor, if it is another
        than `width` says.

    Returns
    -------
    Model
    """
    tokens = tuple([float(TOKEN_BYTES * step.tokens) for step in steps])
    hidden = tuple([float(ACTIVATION_BYTES * width * step.tokens) for step in steps])
    ends: dict[str, Any] = {"op": "embedding", "output_bytes": hidden, **embedding}
    layers = [
        Layer(name="input", op="input", output_bytes=tokens),
        Layer(name="embedding", inputs=("input",), **ends),
    ]
    for position, fields in enumerate(blocks):
        last = layers[-1].name
        own: dict[str, Any] = {"op": "attention", "output_bytes": hidden, **fields}
        layers.append(Layer(name=f"block{position}", inputs=(last,), **own))
    answer = float(TOKEN_BYTES * sequences(steps))
    layers.append(
        Layer(name="head", op="linear", inputs=(layers[-1].name,), output_bytes=answer, **head)
    )
    passes = tuple([Pass(name=step.name, count=step.count) for step in steps])
    return Model(name=name, layers=tuple(layers), passes=passes)


def sequences(steps: Sequence[Step]) -> float:
    """New tokens of a decode execution: one a sequence."""
    return min(step.tokens for step in steps)


def prefill_and_decode(prompt: float, new_tokens: int, batch: int) -> tuple[Step, ...]:
    """The passes of a request: the prompt, and each further new token."""
    steps = [Step(name="prefill", count=1, tokens=prompt * batch)]
    if new_tokens > 1:
        steps.append(Step(name="decode", count=new_tokens - 1, tokens=batch))
    return tuple(steps)


def served(
    path: Path,
    nodes: Sequence[Node],
    links: Iterable[Link],
    model: Model,
    reference: str,
) -> Instance:
    """The request, born at the first node and answered there; no node passes data on.

    Parameters
    ----------
    path
        Of the file to blame.
    nodes, links, model
        Of the instance, which is called as its model.
    reference
        Whose format it was.

    Returns
    -------
    Instance

    Raises
    ------
    InstanceError
        Naming the file, where two names are the same.
    """
    first = nodes[0].name
    return made(
        path,
        name=model.name,
        tiers=(TIER,),
        nodes=tuple(nodes),
        links=tuple(links),
        models=(model,),
        tasks=(Task(name="request", model=model.name, source=first, results_to=first),),
        meta={"reference": reference},
        routing="direct",
    )


def made(path: Path, **fields: Any) -> Instance:
    """An instance; what is wrong with it names the file.

    Parameters
    ----------
    path
        Of the file.
    **fields
        Of the instance.

    Raises
    ------
    InstanceError
        As `Instance`.
    """
    try:
        return Instance(**fields)
    except InstanceError as error:
        raise InstanceError(str(path), error.found) from None


def one_way_each(names: Sequence[str]) -> Iterable[tuple[str, str]]:
    """Every ordered pair of machines."""
    return permutations(names, 2)
