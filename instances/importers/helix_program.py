"""The integer programs that Helix writes (`ilp_model.lp`), read back into the fleet they are for.

Y. Mei, Y. Zhuang, X. Miao, J. Yang, Z. Jia, R. Vinayak, "Helix: serving large language models over
heterogeneous GPUs and network via max-flow", ASPLOS 2025.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from splitfog.instances.defects import InstanceError
from splitfog.instances.instance import Instance
from splitfog.instances.json_files import read_bytes
from splitfog.instances.records import Layer, Link, Model, Node, Task

NOMINAL_SPEED_FLOPS = 1e12
"""Never used: `stage_rates` say what nodes do."""

_NUMBER = r"\d+(?:\.\d*)?(?:[eE][+-]?\d+)?"
_CONSTRAINT = re.compile(
    r"^\s*(\w+)\s*:\s*(.*?)\s*(<=|>=|=)\s*([+-]?\s*" + _NUMBER + r")\s*$", re.S
)
_TERM = re.compile(r"([+-]?)\s*(" + _NUMBER + r")?\s*([A-Za-z_]\w*)")

Terms = dict[str, float]


def import_helix_program(path: str | os.PathLike[str]) -> Instance:
    """The instance of a program: maximise `throughput` without `partial`: ranges meet at ends.

    T(k), tokens per second of a node with k layers, are the coefficients of `hold_i_k` in
    `node_throughput_constraint_i`; a link carries the coefficient of its `switch`, in tensors of
    one byte; the right side of `end_constraint_i` is the number of layers. Only these are read, and
    as numbers: nothing is evaluated.

    Parameters
    ----------
    path
        Of the file, `.lp` or `.lp.gz`.

    Returns
    -------
    Instance
        With a node `source` and a node `sink` beside the machines, under direct routing.

    Raises
    ------
    InstanceError
        Where it is no such program.
    """
    path = Path(path)
    found = {name: (terms, right) for name, terms, right in _constraints(path)}
    rates = _rates(found)
    caps = _caps(found)
    layers = {right for name, (_, right) in found.items() if name.startswith("end_constraint_")}
    if not rates or not caps or len(layers) != 1:
        missing = "node_throughput_constraint_i" if not rates else "flow_i_j - CAP switch_i_j <= 0"
        raise _no_program(path, missing if not (rates and caps) else "end_constraint_i")
    names = {name: f"node-{name}" for name in rates}
    unknown = sorted({end for pair in caps for end in pair} - {*names, "source", "sink"})
    if unknown:
        raise InstanceError(path.name, [f"flow of node {unknown[0]}, which has no hold_i_k"])
    return _instance(path, {names[n]: own for n, own in rates.items()}, caps, names, int(*layers))


def _no_program(path: Path, missing: str) -> InstanceError:
    return InstanceError(path.name, [f"it has no constraint {missing}, must be a program of Helix"])


def _constraints(path: Path) -> Iterator[tuple[str, Terms, float]]:
    """Name, coefficients and right side of every named constraint."""
    try:
        text = read_bytes(path).decode()
    except UnicodeDecodeError:
        raise InstanceError(path.name, ["it is no text, must be a program in LP format"]) from None
    body = re.split(r"(?im)^\s*(?:subject to|such that|st|s\.t\.)\s*$", text, maxsplit=1)
    if len(body) != 2:
        raise _no_program(path, "under Subject To")
    rows = re.split(r"(?im)^\s*(?:bounds?|binar(?:y|ies)|generals?|integers?|end)\s*$", body[1])[0]
    for statement in re.split(r"\n(?=\s*\w+\s*:)", rows):
        match = _CONSTRAINT.match(statement)
        if match is None:
            continue
        name, left, _, right = match.groups()
        terms = {
            variable: float(f"{sign}{factor or 1}")
            for sign, factor, variable in _TERM.findall(left)
        }
        yield name, terms, float(right.replace(" ", ""))


def _rates(found: dict[str, tuple[Terms, float]]) -> dict[str, tuple[float, ...]]:
    """By node, tokens per second with 1, 2, ... layers."""
    rates: dict[str, tuple[float, ...]] = {}
    for name, (terms, _) in found.items():
        if not name.startswith("node_throughput_constraint_"):
            continue
        node = name.removeprefix("node_throughput_constraint_")
        own = {
            int(parts[2]): -factor
            for variable, factor in terms.items()
            if len(parts := variable.split("_")) == 3 and parts[:2] == ["hold", node]
        }
        rates[node] = tuple(own.get(count, 0.0) for count in range(1, max(own, default=0) + 1))
    return rates


def _caps(found: dict[str, tuple[Terms, float]]) -> dict[tuple[str, str], float]:
    """By link, tokens per second."""
    caps: dict[tuple[str, str], float] = {}
    for terms, _ in found.values():
        flows = [name for name in terms if name.startswith("flow_")]
        switches = [name for name in terms if name.startswith("switch_")]
        if len(terms) == 2 and len(flows) == len(switches) == 1 and terms[switches[0]] < 0:
            _, tail, head = flows[0].split("_")
            caps[tail, head] = -terms[switches[0]]
    return caps


def _instance(
    path: Path,
    rates: dict[str, tuple[float, ...]],
    caps: dict[tuple[str, str], float],
    names: dict[str, str],
    count: int,
) -> Instance:
    layers = [Layer(name="tokens", op="input", output_bytes=1)]
    for at in range(count):
        before = layers[-1].name
        layers.append(Layer(name=f"layer{at}", op="other", inputs=(before,), output_bytes=1))
    return Instance(
        name=path.name.removesuffix(".gz").removesuffix(".lp"),
        tiers=("fleet",),
        nodes=tuple(
            Node(name=name, tier="fleet", speed_flops=NOMINAL_SPEED_FLOPS)
            for name in ("source", *rates, "sink")
        ),
        links=tuple(
            Link(
                tail=names.get(tail, tail),
                head=names.get(head, head),
                bandwidth_bps=8 * cap,
                duplex=False,
            )
            for (tail, head), cap in caps.items()
        ),
        models=(Model(name="model", layers=tuple(layers), stage_rates=rates),),
        tasks=(Task(name="tokens", model="model", source="source", results_to="sink"),),
        routing="direct",
        meta={"reference": "a program of Helix (ASPLOS 2025), one tensor a token"},
    )
