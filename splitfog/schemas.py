"""JSON Schema of every kind of file, made of the records that read it: for editors and others."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any, get_args

import msgspec
from msgspec import Struct

from splitfog.instances.arguments import choice

KINDS: Mapping[str, str] = MappingProxyType(
    {
        "instance": "splitfog.instances.instance:InstanceFile",
        "plan": "splitfog.formulations.plan_file:PlanFile",
        "policy": "splitfog.formulations.parametric.policy_file:PolicyFile",
        "plan-table": "splitfog.formulations.parametric.policy_file:PlanTableFile",
        "front": "splitfog.formulations.fronts.front:FrontFile",
        "trace": "splitfog.instances.traces.trace:TraceFile",
        "events": "splitfog.solvers.repair.events:Events",
        "manifest": "splitfog.deployment.splitting.manifest:Manifest",
        "predictor": "splitfog.deployment.profiling.predictor:Predictor",
        "study": "splitfog.studies.study_files.records:StudyContent",
    }
)
"""Kind of file -> `module:record` that reads it."""

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_ALWAYS_THERE = ("format", "version")


def json_schema(kind: str) -> dict[str, Any]:
    """What a file may say, as JSON Schema (draft 2020-12): names, types, ranges, meanings.

    Parameters
    ----------
    kind
        "instance", "plan", "policy", "plan-table", "front", "trace", "events", "manifest",
        "predictor" or "study" (a TOML file).

    Returns
    -------
    dict
        What the schema refuses a reader refuses, too. A reader also refuses references to what is
        not there, cycles and the like, which no schema can say.

    Raises
    ------
    ValueError
        For another kind.

    Examples
    --------
    >>> import splitfog as sf
    >>> sf.json_schema("instance")["$defs"]["Node"]["properties"]["speed_flops"]
    {'type': 'number', 'exclusiveMinimum': 0, 'description': 'FLOP per second.'}
    """
    module, _, name = KINDS[choice("kind", kind, tuple(KINDS))].partition(":")
    record = getattr(import_module(module), name)
    schema = msgspec.json.schema(record)
    for each in _records(record):
        _describe(schema["$defs"][each.__name__], each)
    top = schema["$defs"][name]
    top["required"] = list(dict.fromkeys((*_ALWAYS_THERE, *top["required"])))
    return {"$schema": _DIALECT, "title": f"splitfog {kind} file", **schema}


def _records(kind: Any) -> Iterator[type[Struct]]:
    """A record and all that its fields hold, whatever they stand in."""
    if isinstance(kind, type) and issubclass(kind, Struct):
        yield kind
        for field in msgspec.structs.fields(kind):
            yield from _records(field.type)
    else:
        for inner in get_args(kind):
            yield from _records(inner)


def _describe(schema: dict[str, Any], record: type[Struct]) -> None:
    """Put the sentences of a record's docstring where editors show them."""
    text = inspect.cleandoc(record.__doc__ or "")
    schema["description"] = text.partition("\n\n")[0]
    meanings = _attributes(text)
    for field in msgspec.structs.fields(record):
        if field.name in meanings:
            schema["properties"][field.encode_name]["description"] = meanings[field.name]


def _attributes(text: str) -> dict[str, str]:
    """Field -> meaning, of the section on attributes of a docstring."""
    section = re.split(r"^Attributes\n-+\n", text, flags=re.MULTILINE)[-1]
    entries = re.findall(r"^(\w[\w, ]*?)(?: : .*)?\n((?: +.*\n?|\n(?= ))+)", section, re.MULTILINE)
    return {
        name: " ".join(meaning.split()) for names, meaning in entries for name in names.split(", ")
    }
