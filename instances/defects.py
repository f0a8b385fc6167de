"""What is wrong with an instance: every defect named by path, value and what is allowed.

Two passes: `value_defects` walks plain JSON data along annotated types (the only place where a
range is written is `records`); `reference_defects` checks what spans several records. Where values
are wrong the second pass sees `mended` data, so that all defects are listed at once.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import msgspec
from msgspec import inspect

from splitfog.instances.arguments import SCALARS, brief
from splitfog.instances.kept import kept
from splitfog.instances.records import Link, Model, Node, Routing, Task

MAX_DEFECTS = 20

KINDS: Mapping[str, Any] = MappingProxyType(
    {"tiers": str, "nodes": Node, "links": Link, "models": Model, "tasks": Task}
)
"""The lists of an instance that refer to one another."""

_WRONG = "\0"
"""Stands for a text that is wrong or missing; no sentence that shows it is meant for people."""


class InstanceError(ValueError):
    """A file or instance is defective.

    Attributes
    ----------
    origin
        The file's or the instance's name.
    found
        One sentence for each defect: its path, the value and what is allowed.
    defects
        The first 20 of them, then one that counts the rest.
    """

    def __init__(self, origin: str, defects: list[str]) -> None:
        self.origin, self.found = origin, defects
        self.defects = defects[:MAX_DEFECTS]
        if (more := len(defects) - MAX_DEFECTS) > 0:
            self.defects.append(f"and {more} more defect{'s' * (more > 1)}")
        super().__init__("\n".join(f"{origin}: {defect}" for defect in self.defects))

    def __reduce__(self) -> tuple[type, tuple[str, list[str]]]:
        return InstanceError, (self.origin, self.found)


class RepeatedKeys(dict[str, Any]):
    """A JSON object in which a key stands twice; the walk reports it."""

    repeated: list[str]


def instance_defects(
    name: str, meta: Mapping[str, Any], routing: str, **records: tuple[Any, ...]
) -> list[str]:
    """What is wrong with the values and with the references of an instance.

    `records` are its `tiers`, `nodes`, `links`, `models` and `tasks`.
    """
    wrong = list(_record_defects(name, meta, records))
    wrong += value_defects(routing, Routing, "routing")
    if not wrong:
        return list(reference_defects(**records))
    return wrong + references_beside(wrong, records)


def _record_defects(
    name: str, meta: Mapping[str, Any], given: Mapping[str, tuple[Any, ...]]
) -> Iterator[str]:
    """Value defects of an instance made in memory (those of a file are found on reading)."""
    yield from value_defects(name, str, "name")
    yield from value_defects(meta, dict[str, Any], "meta")
    for field, kind in KINDS.items():
        records = given[field]
        if not isinstance(records, tuple):
            yield f"{field} = {brief(records)}, must be a list of {kind.__name__}"
            continue
        strangers = [i for i, record in enumerate(records) if not isinstance(record, kind)]
        for i in strangers:
            yield f"{field}[{i}] = {shown(records[i])}, must be a {kind.__name__}"
        if strangers:
            continue
        kinds_in_file = tuple[kind, ...]  # type: ignore[valid-type]
        if kind is Model:
            sound = all(map(_model_survives, records))
        else:
            sound = survives_writing(records, kinds_in_file)
        if not sound:
            yield from value_defects(as_data(records), kinds_in_file, field)


@kept()
def _model_survives(model: Model) -> bool:
    """Asked once for each model: most instances are made of others, with the same models."""
    return survives_writing(model, Model)


def survives_writing(record: Any, kind: Any) -> bool:
    """Whether a record, written and read, is the same: the fast way to say `no defect`."""
    try:
        return bool(msgspec.json.decode(msgspec.json.encode(record), type=kind) == record)
    except (ValueError, TypeError):
        return False


def as_data(value: Any) -> Any:
    """Records as the plain data of a file; what no file can hold stays as it is."""
    if isinstance(value, msgspec.Struct):
        names = zip(value.__struct_encode_fields__, value.__struct_fields__, strict=True)
        fields = {key: getattr(value, name) for key, name in names}
        return {key: as_data(own) for key, own in fields.items() if own is not msgspec.UNSET}
    if isinstance(value, tuple):
        return [as_data(entry) for entry in value]
    if isinstance(value, dict):
        return {key: as_data(entry) for key, entry in value.items()}
    return value


def value_defects(data: Any, kind: Any, path: str = "") -> list[str]:
    """Every place where plain JSON data breaks a type or a range, as sentences."""
    return list(_walk(data, inspect.type_info(kind), path))


def _walk(data: Any, kind: inspect.Type, path: str) -> Iterator[str]:
    if isinstance(data, RepeatedKeys):
        for key in data.repeated:
            yield f"{_join(path, key)} stands twice, must stand once"
    match kind:
        case inspect.UnionType():
            if data is not None or not any(map(_is_null, kind.types)):
                yield from _walk(data, _branch(data, kind), path)
        case inspect.StructType():
            yield from _walk_struct(data, kind, path)
        case inspect.VarTupleType() | inspect.ListType():
            if not isinstance(data, list | tuple):
                yield _wrong(path, data, "a list")
            elif len(data) < (kind.min_length or 0):
                yield _wrong(path, data, "a list with at least one entry")
            else:
                for position, entry in enumerate(data):
                    yield from _walk(entry, kind.item_type, f"{path}[{position}]")
        case inspect.TupleType():
            if not isinstance(data, list | tuple) or len(data) != len(kind.item_types):
                yield _wrong(path, data, f"a list of {len(kind.item_types)} entries")
            else:
                for position, (entry, item) in enumerate(zip(data, kind.item_types, strict=True)):
                    yield from _walk(entry, item, f"{path}[{position}]")
        case inspect.DictType():
            if not isinstance(data, dict):
                yield _wrong(path, data, "an object")
            else:
                for key, entry in data.items():
                    yield from _walk(entry, kind.value_type, _join(path, key))
        case inspect.AnyType():
            yield from _walk_any(data, path)
        case _:
            if not _allows(data, kind):
                yield _wrong(path, data, _allowed(kind))


def _walk_struct(data: Any, kind: inspect.StructType, path: str) -> Iterator[str]:
    if not isinstance(data, dict):
        yield _wrong(path, data, "an object")
        return
    fields = {field.encode_name: field for field in kind.fields}
    for key in data if kind.forbid_unknown_fields else ():
        if key not in fields:
            known = ", ".join(fields)
            yield f"{_join(path, key)} = {shown(data[key])}, unknown key, must be one of {known}"
    for key, field in fields.items():
        if key in data:
            yield from _walk(data[key], field.type, _join(path, key))
        elif field.required:
            yield f"{_join(path, key)} is missing, must be {_allowed(field.type)}"


def _walk_any(data: Any, path: str) -> Iterator[str]:
    """Free data holds what JSON does: no NaN, no infinity, no key but a text."""
    if isinstance(data, dict):
        for key in data:
            if not isinstance(key, str):
                yield f"{path or 'the file'} has the key {brief(key)}, must be a text"
        entries: Iterable[tuple[str, Any]] = ((_join(path, str(k)), v) for k, v in data.items())
    elif isinstance(data, list | tuple):
        entries = ((f"{path}[{i}]", v) for i, v in enumerate(data))
    else:
        if isinstance(data, float) and not math.isfinite(data):
            yield _wrong(path, data, "a finite number")
        elif type(data) not in SCALARS:
            yield _wrong(path, data, "what JSON holds: texts, numbers, lists, objects")
        return
    for inner, value in entries:
        yield from _walk(value, inspect.AnyType(), inner)


def _is_null(kind: inspect.Type) -> bool:
    return isinstance(kind, inspect.NoneType)


def _is_list(kind: inspect.Type) -> bool:
    return isinstance(kind, inspect.VarTupleType)


def _branch(data: Any, kind: inspect.UnionType) -> inspect.Type:
    """Which type of a union data are held to: a list to that of lists, where there is one."""
    types = [own for own in kind.types if not _is_null(own)]
    lists = [own for own in types if _is_list(own)] if isinstance(data, list | tuple) else []
    return next(iter(lists or types))


def _is_number(data: Any, whole: bool) -> bool:
    kinds = int if whole else (int, float)
    if isinstance(data, bool) or not isinstance(data, kinds):
        return False
    try:
        return math.isfinite(data) and -(2**63) <= data < 2**63 if whole else math.isfinite(data)
    except OverflowError:
        return False


def _allows(data: Any, kind: inspect.Type) -> bool:
    match kind:
        case inspect.FloatType() | inspect.IntType():
            return (
                _is_number(data, whole=isinstance(kind, inspect.IntType))
                and (kind.gt is None or data > kind.gt)
                and (kind.ge is None or data >= kind.ge)
                and (kind.le is None or data <= kind.le)
            )
        case inspect.StrType():
            return isinstance(data, str) and len(data) >= (kind.min_length or 0)
        case inspect.BoolType():
            return isinstance(data, bool)
        case inspect.LiteralType():
            return (
                type(data) in SCALARS and not isinstance(data, bool | float) and data in kind.values
            )
    raise TypeError(f"no check for {kind}")


def _allowed(kind: inspect.Type) -> str:
    """What a type allows, in words."""
    match kind:
        case inspect.FloatType(gt=gt, ge=ge, le=le) | inspect.IntType(gt=gt, ge=ge, le=le):
            number = "a whole number" if isinstance(kind, inspect.IntType) else "a finite number"
            limits = ((">", gt), (">=", ge), ("<=", le))
            told = [f"{sign} {limit:g}" for sign, limit in limits if limit is not None]
            return f"{number} {' and '.join(told)}".rstrip()
        case inspect.StrType():
            return "a text that is not empty" if kind.min_length else "a text"
        case inspect.BoolType():
            return "true or false"
        case inspect.LiteralType():
            values = ", ".join(json.dumps(value) for value in kind.values)
            return values if len(kind.values) == 1 else f"one of {values}"
        case inspect.UnionType(types=types):
            null = " or null" if any(map(_is_null, types)) else ""
            return f"{_allowed(next(t for t in types if not _is_null(t)))}{null}"
        case inspect.StructType() | inspect.DictType():
            return "an object"
    return "a list"


def shown(value: Any) -> str:
    """A value as JSON shows it, shortened."""
    try:
        text = json.dumps(value)
    except (TypeError, ValueError):
        return brief(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _wrong(path: str, data: Any, allowed: str) -> str:
    return f"{path or 'the file'} = {shown(data)}, must be {allowed}"


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def references_beside(wrong: Sequence[str], data: Mapping[str, Any]) -> list[str]:
    """Reference defects of an instance some of whose values are wrong, too.

    Parameters
    ----------
    wrong
        The sentences on its values.
    data
        Its lists by name, of plain data or of records. A name that is wrong itself says nothing of
        those that refer to it: what may follow from a wrong value is left out.
    """
    try:
        records = {field: _readable(data.get(field), kind) for field, kind in KINDS.items()}
        found = list(reference_defects(**records))
    except (ValueError, TypeError, RecursionError):  # mended data that is none: say nothing
        return []
    weights = ".weight_bytes"
    some_weights = any(sentence.split()[0].endswith(weights) for sentence in wrong)
    return [
        sentence
        for sentence in found
        if _WRONG not in sentence
        and shown(_WRONG)[1:-1] not in sentence
        and not (some_weights and sentence.split()[0].endswith(weights))
    ]


def _readable(given: Any, kind: Any) -> Any:
    """The records of a list of plain data or of records, its wrong values replaced."""
    if isinstance(given, list | tuple):
        given = [msgspec.to_builtins(r) if isinstance(r, msgspec.Struct) else r for r in given]
    listed = inspect.type_info(list[kind])  # an empty list is as good as a missing one
    return msgspec.convert(_mended(given or [None], listed), tuple[kind, ...])


def _mended(data: Any, kind: inspect.Type) -> Any:
    """Plain data with every wrong or missing value replaced by one that its type allows."""
    match kind:
        case inspect.UnionType():
            is_null = data is None and any(map(_is_null, kind.types))
            return None if is_null else _mended(data, _branch(data, kind))
        case inspect.StructType():
            given = data if isinstance(data, dict) else {}
            return {
                field.encode_name: _mended(given.get(field.encode_name), field.type)
                for field in kind.fields
                if field.required or field.encode_name in given
            }
        case inspect.VarTupleType() | inspect.ListType():
            usable = isinstance(data, list | tuple) and len(data) >= max(kind.min_length or 0, 0)
            return [_mended(entry, kind.item_type) for entry in (data if usable else [None])]
        case inspect.TupleType():
            usable = isinstance(data, list | tuple) and len(data) == len(kind.item_types)
            entries = data if usable else [None] * len(kind.item_types)
            return [_mended(entry, item) for entry, item in zip(entries, kind.item_types)]
        case inspect.DictType():
            given = data if isinstance(data, dict) else {}
            return {key: _mended(entry, kind.value_type) for key, entry in given.items()}
        case inspect.AnyType():
            return data
    return data if _allows(data, kind) else _stand_in(kind)


def _stand_in(kind: inspect.Type) -> Any:
    """A value that a simple type allows and that no reference is about."""
    match kind:
        case inspect.FloatType(gt=gt, ge=ge) | inspect.IntType(gt=gt, ge=ge):
            return max(0 if gt is None else gt + 1, 0 if ge is None else ge)
        case inspect.BoolType():
            return False
        case inspect.LiteralType(values=values):
            return values[0]
    return _WRONG


def reference_defects(
    tiers: Sequence[str],
    nodes: Sequence[Node],
    links: Sequence[Link],
    models: Sequence[Model],
    tasks: Sequence[Task],
) -> Iterator[str]:
    """Names that clash or point nowhere, links that double, cycles, tasks without a source."""
    named: dict[str, Sequence[Any]] = {"nodes": nodes, "models": models, "tasks": tasks}
    for field, records in {"tiers": tiers, **named}.items():
        if not records:
            yield f"{field} = [], must be a list with at least one entry"
    yield from _repeats(tiers, "tiers[{}]", "tier")
    for field, owners in named.items():
        names = [owner.name for owner in owners]
        yield from _repeats(names, f"{field}[{{}}].name", field.removesuffix("s"))
    ranks, hosts = set(tiers), {node.name for node in nodes}
    for i, node in enumerate(nodes):
        yield from _unknown(f"nodes[{i}].tier", node.tier, ranks, "a tier")
        if node.name in ranks and node.name != node.tier:
            yield (
                f"nodes[{i}].name = {shown(node.name)}, must not be the name of a tier that the "
                f"node is not in (its tier is {shown(node.tier)})"
            )
    yield from _link_defects(links, hosts)
    for m, model in enumerate(models):
        yield from _model_defects(model, f"models[{m}]", hosts | ranks)
    yield from _task_defects(tasks, {model.name: model for model in models}, hosts)


@kept()
def model_defects(model: Model) -> tuple[str, ...]:
    """What is wrong with a model by itself, wherever its layers may run."""
    fits = survives_writing(model, Model)
    if wrong := [] if fits else value_defects(as_data(model), Model, "model"):
        return tuple(wrong)
    places = {place for layer in model.layers for place in (*layer.times_s, *(layer.tiers or ()))}
    return tuple(_model_defects(model, "model", places))


def _link_defects(links: Sequence[Link], nodes: set[str]) -> Iterator[str]:
    seen: dict[tuple[str, str], int] = {}
    for i, link in enumerate(links):
        yield from _unknown(f"links[{i}].from", link.tail, nodes, "a node")
        yield from _unknown(f"links[{i}].to", link.head, nodes, "a node")
        if link.tail == link.head:
            yield f"links[{i}].to = {shown(link.head)}, must differ from its `from`"
            continue
        pairs = [(link.tail, link.head), (link.head, link.tail)][: 1 + link.duplex]
        for pair in pairs:
            if pair in seen:
                yield (
                    f"links[{i}] goes from {shown(pair[0])} to {shown(pair[1])} as links"
                    f"[{seen[pair]}] does, must be the only link of that pair of nodes"
                )
                break
        for pair in pairs:
            seen.setdefault(pair, i)


def _model_defects(model: Model, path: str, places: set[str]) -> Iterator[str]:
    names = [layer.name for layer in model.layers]
    known = set(names)
    defects = list(_repeats(names, f"{path}.layers[{{}}].name", "layer"))
    for i, layer in enumerate(model.layers):
        at = f"{path}.layers[{i}]"
        for j, name in enumerate(layer.inputs):
            if name not in known:
                defects += _unknown(f"{at}.inputs[{j}]", name, known, "a layer of the model")
        if layer.op == "input" and layer.inputs:
            defects.append(f"{at}.inputs = {shown(layer.inputs)}, must be [] for an input layer")
        for j, name in enumerate(layer.tiers or ()):
            defects += _unknown(f"{at}.tiers[{j}]", name, places, "a tier or a node")
        for name in layer.times_s:
            defects += _unknown(f"{at}.times_s", name, places, "a tier or a node", "key")
        owner = model.layers[int(model.weight_owner[i])]
        if layer.weight_bytes != owner.weight_bytes:
            defects.append(
                f"{at}.weight_bytes = {shown(layer.weight_bytes)}, must be "
                f"{shown(owner.weight_bytes)} as for layer {shown(owner.name)}, which has the same "
                f"weights {shown(layer.weights)}"
            )
    defects += _pass_defects(model, path, places)
    yield from defects
    if not defects and len(model.order) < len(model.layers):
        cycle = " -> ".join(model.layers[i].name for i in _cycle(model))
        yield f"{path}.layers has the cycle {cycle}, must be acyclic"


def _pass_defects(model: Model, path: str, places: set[str]) -> Iterator[str]:
    """Lists that do not have an entry for each pass, and groups whose layers run apart."""
    names = [one.name for one in model.passes or ()]
    yield from _repeats(names, f"{path}.passes[{{}}].name", "pass")
    for name in model.stage_rates:
        yield from _unknown(f"{path}.stage_rates", name, places, "a tier or a node", "key")
    wanted = f"a number, or a list for the passes {', '.join(names)}"
    sound = True
    for i, layer in enumerate(model.layers):
        figures = {"flops": layer.flops, "traffic_bytes": layer.traffic_bytes}
        figures |= {f"times_s.{place}": own for place, own in layer.times_s.items()}
        for field, figure in {**figures, "output_bytes": layer.output_bytes}.items():
            if isinstance(figure, tuple) and len(figure) != len(names):
                sound = False
                allowed = wanted if names else "a number, as the model lists no passes"
                yield f"{path}.layers[{i}].{field} = {shown(figure)}, must be {allowed}"
    yield from _divided_groups(model, path) if sound else ()


def _divided_groups(model: Model, path: str) -> Iterator[str]:
    """Groups with layers of which one runs in a pass in which another does not."""
    for name, (first, *others) in model.groups.items():
        for other in others:
            apart = (model.runs[:, first] != model.runs[:, other]).nonzero()[0].tolist()
            if apart:
                one, same = model.layers[first].name, (model.passes or ())[apart[0]].name
                yield (
                    f"{path}.layers[{other}].group = {shown(name)}, must be of layers that run in "
                    f"the same passes, but pass {shown(same)} runs only one of {shown(one)} and "
                    f"{shown(model.layers[other].name)}"
                )


def _cycle(model: Model) -> list[int]:
    """Some cycle of the layers that no topological order reaches, along the edges."""
    taken = set(model.order.tolist())
    layer = next(i for i in range(len(model.layers)) if i not in taken)
    walk: dict[int, None] = {}
    while layer not in walk:
        walk[layer] = None
        layer = next(i for i in model.inputs[layer] if i not in taken)
    trail = list(walk)
    loop = [*trail[trail.index(layer) :], layer]
    return loop[::-1]


def _task_defects(
    tasks: Sequence[Task], models: Mapping[str, Model], nodes: set[str]
) -> Iterator[str]:
    for i, task in enumerate(tasks):
        yield from _unknown(f"tasks[{i}].model", task.model, set(models), "a model")
        if task.source is not None:
            yield from _unknown(f"tasks[{i}].source", task.source, nodes, "a node")
        elif task.model in models and any(
            layer.op == "input" for layer in models[task.model].layers
        ):
            yield f"tasks[{i}].source = null, must be a node, as its model has an input layer"
        if task.results_to is not None:
            yield from _unknown(f"tasks[{i}].results_to", task.results_to, nodes, "a node")


def _repeats(names: Iterable[str], path: str, what: str) -> Iterator[str]:
    seen: set[str] = set()
    for i, name in enumerate(names):
        if name in seen:
            yield f"{path.format(i)} = {shown(name)}, must be unique, but an earlier {what} has it"
        seen.add(name)


def _unknown(path: str, name: str, known: set[str], what: str, noun: str = "") -> Iterator[str]:
    if name not in known:
        names = ", ".join(sorted(known)[:8]) + (", ..." if len(known) > 8 else "")
        yield f"{path}{f' {noun}' if noun else ''} = {shown(name)}, must be {what} ({names})"
