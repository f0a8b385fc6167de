"""What a family, of instances or of traces, declares: its options and how it builds."""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any, Generic, Literal, TypeVar

from splitfog.instances.arguments import plain, whole, wrong
from splitfog.instances.lookup import look_up

Kind = Literal["whole", "number", "flag", "choice", "choices", "preset", "name", "pair", "numbers"]

Made = TypeVar("Made")

LONGEST_NAME = 150
"""Characters of an instance's name, at most: file systems take 255 bytes, endings included."""


@dataclass(frozen=True)
class Option:
    """A family's option.

    Attributes
    ----------
    default
        Value where none is given.
    help
        One line, with the unit.
    kind
        `whole` and `number` lie between `low` and `high` (both allowed, None: no limit);
        `flag` is true or false; `choice` is one of `choices`; `choices` one or more of them, as a
        text with commas (a list of names is allowed too, and becomes that text); `preset` is one of
        `choices` or a number > 0 in `unit`; `name` is a text that is not empty; `pair` two of them
        as a text with a comma, `numbers` one or more numbers > 0 with commas (lists are allowed
        too, and become those texts).
    optional
        Whether None (`none` in text) is a value too.
    """

    default: Any
    help: str
    kind: Kind
    low: float | None = None
    high: float | None = None
    _: KW_ONLY
    choices: tuple[str, ...] = ()
    optional: bool = False
    unit: str = ""

    @property
    def allowed(self) -> str:
        """The allowed values, in words."""
        if self.kind == "choice":
            words = f"one of {', '.join(self.choices)}"
        elif self.kind == "choices":
            words = f"one or more, with commas, of {', '.join(self.choices)}"
        elif self.kind == "preset":
            words = f"one of {', '.join(self.choices)}, or a finite number of {self.unit} > 0"
        elif self.kind in _TEXTS:
            words = _TEXTS[self.kind]
        elif self.kind == "flag":
            words = "true or false"
        else:
            words = "a whole number" if self.kind == "whole" else "a finite number"
            limits = ((">=", self.low), ("<=", self.high))
            bounds = [f"{sign} {limit:g}" for sign, limit in limits if limit is not None]
            words = " ".join([words, " and ".join(bounds)]).rstrip()
        return f"{words} or none" if self.optional else words

    def check(self, name: str, value: Any) -> Any:
        """The value, if it is allowed; else `ValueError` with option, value and what is."""
        value = plain(value)
        if self.kind in ("choices", "pair", "numbers") and isinstance(value, list | tuple):
            value = ",".join(map(str, value))
        if (value is None and self.optional) or (value is not None and self._allows(value)):
            return value
        raise wrong(name, value, self.allowed)

    def parse(self, name: str, text: str) -> Any:
        """The value that a text stands for, checked; `ValueError` as in `check`."""
        try:
            value = self._read(text.strip())
        except ValueError:
            value = text
        return self.check(name, value)

    def _allows(self, value: Any) -> bool:
        if self.kind == "choice":
            return isinstance(value, str) and value in self.choices
        if self.kind == "choices":
            return isinstance(value, str) and set(value.split(",")) <= set(self.choices)
        if self.kind in _TEXTS:
            return isinstance(value, str) and _is_text(value, self.kind)
        if self.kind == "flag" or isinstance(value, bool):
            return self.kind == "flag" and isinstance(value, bool)
        if self.kind == "preset" and isinstance(value, str):
            return value in self.choices
        if not isinstance(value, int if self.kind == "whole" else (int, float)):
            return False
        if self.kind == "preset":
            return 0 < value <= sys.float_info.max
        low = -sys.float_info.max if self.low is None else self.low
        high = sys.float_info.max if self.high is None else self.high
        return low <= value <= high

    def _read(self, text: str) -> Any:
        if self.optional and text.lower() == "none":
            return None
        if self.kind == "flag":
            return {"true": True, "yes": True, "false": False, "no": False}.get(text.lower(), text)
        if self.kind in ("choice", "choices", *_TEXTS):
            return text.replace(" ", "") if self.kind in ("choices", "numbers") else text
        if self.kind == "preset" and text in self.choices:
            return text
        number = float(text)
        return int(number) if self.kind == "whole" and number.is_integer() else number


_TEXTS = {
    "name": "a name",
    "pair": "two names with a comma: FROM,TO",
    "numbers": "finite numbers > 0 with commas",
}
"""Kinds of options whose values are texts of a form, in words."""


def _is_text(value: str, kind: Kind) -> bool:
    parts = value.split(",")
    if kind != "numbers":
        return bool(value) if kind == "name" else len(parts) == 2 and all(parts)
    try:
        return all(0 < float(part) <= sys.float_info.max and "_" not in part for part in parts)
    except ValueError:
        return False


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
