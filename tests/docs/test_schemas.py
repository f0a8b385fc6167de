"""The JSON Schemas say what the readers do."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest

import splitfog as sf
from splitfog.schemas import KINDS
from tests.docs.pages import PAGES, blocks

FILES = [json.loads(block.text) for page in PAGES for block in blocks(page) if block.kind == "json"]
BY_KIND = {
    kind: [
        file
        for file in FILES
        if file["format"] == f"splitfog/{kind.replace('plan-table', 'policy')}"
        and (file["version"] == 2) == (kind == "plan-table")
    ]
    for kind in KINDS
}


def refused(kind: str, file: Any) -> bool:
    return not jsonschema.Draft202012Validator(sf.json_schema(kind)).is_valid(file)


@pytest.mark.parametrize("kind", [kind for kind, files in BY_KIND.items() if files])
def test_every_file_on_the_pages_is_allowed(kind: str) -> None:
    """All of them are read by splitfog, in other tests."""
    assert not any(refused(kind, file) for file in BY_KIND[kind])


def test_most_kinds_have_a_file_on_the_pages() -> None:
    """So the test above says something."""
    assert {"instance", "plan", "policy", "plan-table", "front", "trace"} <= {
        kind for kind, files in BY_KIND.items() if files
    }


CHANGES: dict[str, Callable[[Any], Any]] = {
    "another format": lambda file: file.update(format="splitfog/plan"),
    "no version": lambda file: file.pop("version"),
    "no nodes": lambda file: file.update(nodes=[]),
    "an unknown key": lambda file: file["nodes"][0].update(colour="red"),
    "a speed of 0": lambda file: file["nodes"][0].update(speed_flops=0),
    "a text for a number": lambda file: file["links"][0].update(bandwidth_bps="fast"),
    "an unknown operator": lambda file: file["models"][0]["layers"][0].update(op="magic"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_a_reader_refuses_is_refused(change: str) -> None:
    """A mistake of each kind in an instance that is allowed without it."""
    file = json.loads(json.dumps(BY_KIND["instance"][0]))
    assert not refused("instance", file)
    CHANGES[change](file)
    assert refused("instance", file)


def test_an_instance_may_name_its_schema() -> None:
    """As editors want it."""
    assert not refused("instance", {"$schema": "instance.schema.json", **BY_KIND["instance"][0]})


def test_every_field_of_an_instance_says_what_it_means() -> None:
    """All but those whose one value says it."""
    records = sf.json_schema("instance")["$defs"].values()
    fields = [field for record in records for field in record["properties"].items()]
    assert {name for name, field in fields if "description" not in field} == {"format", "version"}


def test_a_field_of_another_name_in_files_is_described() -> None:
    """`tail` is called `from` in files: `Link` says of `tail, head`: the two nodes."""
    link = sf.json_schema("instance")["$defs"]["Link"]["properties"]
    assert link["from"]["description"] == link["to"]["description"]


@pytest.mark.parametrize("key", ["format", "version"])
@pytest.mark.parametrize("kind", [kind for kind, files in BY_KIND.items() if files])
def test_a_file_says_what_it_is(kind: str, key: str) -> None:
    """Readers refuse one without format or version, also where a record in memory has both."""
    file = dict(BY_KIND[kind][0])
    del file[key]
    assert refused(kind, file)
