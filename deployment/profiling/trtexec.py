"""What `trtexec --exportProfile` writes (JSON): times of fused layers, and which layers those are.

A name there joins those of its parts by ` + ` (one after another) or ` || ` (side by side),
`PWN(...)` is pointwise, `{ForeignNode[a...b]}` all from a to b; what is copied into another layout
for a layer is named for it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from splitfog.instances.defects import InstanceError, shown
from splitfog.instances.json_files import parse_json
from splitfog.instances.records import Model

COPY = re.compile(r"^Reformatting CopyNode for (?:Input|Output) Tensor \d+ to (.+)$")
FOREIGN = re.compile(r"^\{?ForeignNode\[(.+)\]\}?$")
POINTWISE = re.compile(r"^PWN\((.+)\)$")
FIGURES = ("medianMs", "averageMs")
"""Of a run, the better first; older versions have only the second."""


@dataclass(frozen=True)
class Fused:
    """Layers that run as one: their name there, and seconds of a run."""

    name: str
    seconds: float


def read_trtexec(content: bytes, origin: str) -> tuple[Fused, ...]:
    """The fused layers of a profile.

    Parameters
    ----------
    content
        Of the file.
    origin
        What errors call it.

    Raises
    ------
    InstanceError
        Listing what is wrong in it.
    """
    entries, _ = parse_json(content, origin)
    if not isinstance(entries, list):
        raise InstanceError(origin, [f"the file = {shown(entries)}, must be a list of layers"])
    defects: list[str] = []
    found = [fused for fused in _layers(entries, defects) if fused is not None]
    if not found and not defects:
        defects.append("it holds no layer, must be what trtexec --exportProfile writes")
    if defects:
        raise InstanceError(origin, defects)
    return tuple(found)


def _layers(entries: Sequence[Any], defects: list[str]) -> Iterator[Fused | None]:
    for position, entry in enumerate(entries):
        if isinstance(entry, dict) and set(entry) == {"count"}:  # how often it was run
            continue
        name = entry.get("name") if isinstance(entry, dict) else None
        if not isinstance(name, str) or not name:
            defects.append(f"[{position}] = {shown(entry)}, must be an object with a name")
            continue
        key = next((key for key in FIGURES if key in entry), FIGURES[-1])
        value = entry.get(key)
        if type(value) not in (int, float) or not isfinite(value) or value < 0:
            told = shown(value) if key in entry else "missing"
            defects.append(f"[{position}].{key} = {told}, must be a finite number >= 0")
            continue
        yield Fused(name, value / 1e3)


def parts_of(name: str, known: Collection[str] = ()) -> list[str]:
    """Names of the layers that a fused one is made of; of a range, its ends.

    Parameters
    ----------
    name
        Of the fused layer.
    known
        Names of layers; one that is known is not taken apart.
    """
    if name in known:
        return [name]
    if copied := COPY.match(name):
        return parts_of(copied[1], known)
    if pointwise := POINTWISE.match(name):
        inner = _parted(pointwise[1], (",", "+", "||"))
        return [part for text in inner for part in parts_of(text, known)]
    if foreign := FOREIGN.match(name):
        return [part for text in foreign[1].split("...") for part in parts_of(text, known)]
    pieces = _parted(name, ("+", "||"))
    if len(pieces) == 1:
        return pieces
    return [part for piece in pieces for part in parts_of(piece, known)]


def _parted(text: str, signs: Sequence[str]) -> list[str]:
    """The pieces between signs that stand outside brackets, a space after each."""
    pieces, depth, start, position = [], 0, 0, 0
    while position < len(text):
        depth += (text[position] in "([{") - (text[position] in ")]}")
        sign = next((s for s in signs if text.startswith(f"{s} ", position)), None)
        if sign and not depth:
            pieces.append(text[start:position].strip())
            start = position + len(sign)
        position += 1
    return [piece for piece in (*pieces, text[start:].strip()) if piece]


def layers_of(fused: Sequence[Fused], model: Model) -> Mapping[str, list[str]]:
    """The layers of a model that every fused layer is made of, by its name; [] for a stranger.

    A range holds what lies between its ends and is named nowhere else; where a model does not have
    its begin, all that leads to its end.

    Parameters
    ----------
    fused
        Of a profile.
    model
        Whose layers they are.
    """
    known = model.index
    named = {
        each.name: [part for part in parts_of(each.name, known) if part in known] for each in fused
    }
    elsewhere = {part for name, parts in named.items() if not _range(name) for part in parts}
    for each in fused:
        if ends := _range(each.name):
            begin, end = (parts_of(text, known) for text in ends)
            between = _between(model, begin, end) - elsewhere
            wanted = between | set(named[each.name])
            named[each.name] = [layer.name for layer in model.layers if layer.name in wanted]
    return named


def is_one(name: str) -> bool:
    """Whether a name is that of layers that run as one, each of them named.

    Parameters
    ----------
    name
        Of a fused layer, not of a copy for one, and not of a range (which may be a whole model).

    Returns
    -------
    bool
    """
    return COPY.match(name) is None and _range(name) is None


def _range(name: str) -> tuple[str, str] | None:
    """The ends of a range of layers."""
    copied = COPY.match(name)
    foreign = FOREIGN.match(copied[1] if copied else name)
    if foreign is None or "..." not in foreign[1]:
        return None
    begin, _, end = foreign[1].partition("...")
    return begin, end


def _between(model: Model, begin: Sequence[str], end: Sequence[str]) -> set[str]:
    """Layers from some of `begin` (anywhere, if the model has none of them) to some of `end`."""
    ends = [model.index[name] for name in end if name in model.index]
    before = _reached(ends, model.inputs)
    begins = [model.index[name] for name in begin if name in model.index]
    if begins:
        before &= _reached(begins, model.consumers)
    return {model.layers[position].name for position in before}


def _reached(starts: Sequence[int], following: Sequence[Sequence[int]]) -> set[int]:
    found, waiting = set(starts), list(starts)
    while waiting:
        for position in following[waiting.pop()]:
            if position not in found:
                found.add(position)
                waiting.append(position)
    return found
