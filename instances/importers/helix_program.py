"""The integer programs that Helix writes (`ilp_model.lp`), read back into the fleet they are for.

Y. Mei, Y. Zhuang, X. Miao, J. Yang, Z. Jia, R. Vinayak, "Helix: serving large language models over
heterogeneous GPUs and network via max-flow", ASPLOS 2025.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from splitfog.instances.defects import InstanceError
from splitfog.instances.importers.chain import made
from splitfog.instances.importers.reading import refuse, text_of
from splitfog.instances.instance import Instance
from splitfog.instances.records import Layer, Link, Model, Node, Task

MOST_LAYERS = 10_000

NOMINAL_SPEED_FLOPS = 1e12
"""Never used: `stage_rates` say what nodes do."""

_NUMBER = r"\d+(?:\.\d*)?(?:[eE][+-]?\d+)?"
_CONSTRAINT = re.compile(r"\s*(\w+)\s*:(.*?)(<=|>=|=)(.*)", re.S)
_TERM = re.compile(r"([+-]?)\s*(" + _NUMBER + r")?\s*([A-Za-z_]\w*)")
_RIGHT = re.compile(r"([+-]?)\s*(" + _NUMBER + r")")
_THROUGHPUT, _END = "node_throughput_constraint_", "end_constraint_"
_HOLD = re.compile(r"hold_(\w+)_(\d+)")
_FLOW = re.compile(r"flow_([^_\W]+)_([^_\W]+)")

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
    found = _read(path)
    rates = _rates(path, found)
    caps = _caps(found)
    layers = {right for name, (_, right) in found.items() if name.startswith(_END)}
    if not rates or not caps or len(layers) != 1:
        missing = f"{_THROUGHPUT}i" if not rates else "flow_i_j - CAP switch_i_j <= 0"
        raise _no_program(path, missing if not (rates and caps) else f"{_END}i")
    (count,) = layers
    if not count.is_integer() or not 1 <= count <= MOST_LAYERS:
        raise refuse(path, f"{_END}i", count, f"a whole number >= 1 and <= {MOST_LAYERS}")
    names = {name: f"node-{name}" for name in rates}
    unknown = sorted({end for pair in caps for end in pair} - {*names, "source", "sink"})
    if unknown:
        raise InstanceError(str(path), [f"flow of node {unknown[0]}, which has no hold_i_k"])
    return _instance(path, {names[n]: own for n, own in rates.items()}, caps, names, int(count))


def _no_program(path: Path, missing: str) -> InstanceError:
    return InstanceError(str(path), [f"it has no constraint {missing}, must be a program of Helix"])


def _read(path: Path) -> dict[str, tuple[Terms, float]]:
    """Coefficients and right side of the constraints that count, by name."""
    found: dict[str, tuple[Terms, float]] = {}
    for statement in _statements(path):
        name = statement.partition(":")[0].strip()
        if not name.startswith((_THROUGHPUT, _END)) and "switch_" not in statement:
            continue
        if name in found:
            raise InstanceError(str(path), [f"constraint {name} stands twice, must stand once"])
        found[name] = _parsed(path, name, statement)
    return found


def _statements(path: Path) -> list[str]:
    """The texts of all named constraints."""
    text = text_of(path)
    body = re.split(r"(?im)^\s*(?:subject to|such that|st|s\.t\.)\s*$", text, maxsplit=1)
    if len(body) != 2:
        raise _no_program(path, "under Subject To")
    rows = re.split(r"(?im)^\s*(?:bounds?|binar(?:y|ies)|generals?|integers?|end)\s*$", body[1])[0]
    return [own for own in re.split(r"\n(?=\s*\w+\s*:)", rows) if ":" in own]


def _parsed(path: Path, name: str, statement: str) -> tuple[Terms, float]:
    """A sum of numbers times variables, each once, and the number beside it."""
    match = _CONSTRAINT.fullmatch(statement)
    left, right = (match[2], _RIGHT.fullmatch(match[4].strip())) if match else ("", None)
    found = _TERM.findall(left)
    terms = {variable: float(f"{sign}{factor or 1}") for sign, factor, variable in found}
    if right is None or _TERM.sub("", left).strip() or len(terms) < len(found):
        shown = " ".join(statement.partition(":")[2].split())
        raise refuse(path, name, shown, "numbers times variables, each once, and a number beside")
    return terms, float(f"{right[1]}{right[2]}")


def _rates(path: Path, found: Mapping[str, tuple[Terms, float]]) -> dict[str, tuple[float, ...]]:
    """By node, tokens per second with 1, 2, ... layers."""
    rates: dict[str, tuple[float, ...]] = {}
    for name, (terms, _) in found.items():
        if not name.startswith(_THROUGHPUT):
            continue
        node = name.removeprefix(_THROUGHPUT)
        own = {
            int(held[2]): -factor
            for variable, factor in terms.items()
            if (held := _HOLD.fullmatch(variable)) and held[1] == node
        }
        if (most := max(own, default=0)) > MOST_LAYERS:
            raise refuse(path, f"{name}.hold_{node}_k", most, f"k <= {MOST_LAYERS}")
        rates[node] = tuple([own.get(count, 0.0) for count in range(1, most + 1)])
    return rates


def _caps(found: Mapping[str, tuple[Terms, float]]) -> dict[tuple[str, str], float]:
    """By link, tokens per second."""
    caps: dict[tuple[str, str], float] = {}
    for terms, _ in found.values():
        flows = [match for name in terms if (match := _FLOW.fullmatch(name))]
        switches = [name for name in terms if name.startswith("switch_")]
        if len(terms) == 2 and len(flows) == len(switches) == 1 and terms[switches[0]] < 0:
            caps[flows[0][1], flows[0][2]] = -terms[switches[0]]
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
    return made(
        path,
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
