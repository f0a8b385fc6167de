"""What a family, of instances or of traces, declares: its options and how it builds."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from splitfog.instances.arguments import whole
from splitfog.instances.lookup import look_up
from splitfog.instances.plugins.option import Option

Made = TypeVar("Made")

LONGEST_NAME = 150
"""Characters of an instance's name, at most: file systems take 255 bytes, endings included."""


@dataclass(frozen=True, kw_only=True)
class Family(Generic[Made]):
    """A seeded family of instances, or of traces.

    Attributes
    ----------
    name, summary
        What it is called and, in a line, what it makes.
    options
        By Python name (`edge_cloud`; on the command line `--edge-cloud`).
    build
        (a name, seed, a value for every option, its `meta`) -> an instance or a trace.
    head
        What a name says of an instance first, from a value for every option.
    in_head
        The options that it holds; a name adds every other one that is not the default.
    """

    name: str
    summary: str
    options: Mapping[str, Option]
    build: Callable[[str, int, Mapping[str, Any], dict[str, Any]], Made]
    head: Callable[[Mapping[str, Any]], str]
    in_head: tuple[str, ...]

    def generate(self, seed: int, options: Mapping[str, Any]) -> Made:
        """What a seed and options by Python name give; how it was made is in its `meta`."""
        values, seed = self._checked(seed, options), int(seed)
        origin = {"family": self.name, "seed": seed, "options": values}
        return self.build(self._name(seed, values), seed, values, {"generator": origin})

    def name_of(self, seed: int, options: Mapping[str, Any]) -> str:
        """The name of what `generate` makes of these, without making it.

        The family's head, every further option that is not the default, and the seed:
        `three-tier-alexnet-4g-edge-nodes=2-memory-seed7`. It is safe as a file's name; other
        options give another name. Of very many options the last are told by a hash.
        """
        return self._name(seed, self._checked(seed, options))

    def parse(self, texts: Mapping[str, str]) -> dict[str, Any]:
        """Options by Python name, from command-line names (with hyphens) and texts.

        Raises
        ------
        LookupError
            If there is no such option.
        ValueError
            If a text stands for no allowed value.
        """
        known = {name.replace("_", "-"): name for name in self.options}
        options = {}
        for text_name, text in texts.items():
            name = look_up(known, text_name.replace("_", "-"), f"option of family {self.name}")
            options[name] = self.options[name].parse(text_name, text)
        return options

    def _checked(self, seed: int, options: Mapping[str, Any]) -> dict[str, Any]:
        """A value for every option."""
        whole("seed", seed, low=0)
        for name in options:
            look_up(self.options, name, f"option of family {self.name}")
        return {
            name: option.check(name, options.get(name, option.default))
            for name, option in self.options.items()
        }

    def _name(self, seed: int, values: Mapping[str, Any]) -> str:
        changed = [
            _named(name, values[name])
            for name, option in self.options.items()
            if name not in self.in_head and values[name] != option.default
        ]
        kept = len(changed)
        while len(name := self._joined(seed, values, changed, kept)) > LONGEST_NAME and kept:
            kept -= 1
        return name

    def _joined(self, seed: int, values: Mapping[str, Any], changed: list[str], kept: int) -> str:
        """A name that tells the first `kept` changed options, and the others by their hash."""
        told, others = changed[:kept], changed[kept:]
        if others:
            digest = hashlib.sha256("-".join(others).encode()).hexdigest()[:12]
            told = [*told, f"{len(others)}-more={digest}"]
        return "-".join([self.name, self.head(values), *told, f"seed{seed}"])


def short(value: Any) -> str:
    """An option's value as names hold it: `4g`, `20`, `1e6`, `0.5`, `nin+alexnet`, `none`.

    Numbers that differ give texts that differ.
    """
    if isinstance(value, str):
        return re.sub(r"[^A-Za-z0-9.+-]", "+", value)
    if value is None or isinstance(value, bool):
        return str(value).lower()
    text = f"{value:g}"
    exact = text if float(text) == value else str(value)
    return re.sub(r"e\+?(-?)0*", r"e\1", exact)


def _named(name: str, value: Any) -> str:
    """An option that is not the default, in a name: `edge-nodes=2`, or a flag's `memory`."""
    name = name.replace("_", "-")
    return name if value is True else f"{name}={short(value)}"
