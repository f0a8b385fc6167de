"""What a family of instances declares: its options, their allowed values, and how it builds."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any, Literal

from splitfog.instances.lookup import look_up
from splitfog.instances.records import Instance

Kind = Literal["whole", "number", "flag", "choice", "choices"]


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
        text with commas (a list of names is allowed too, and becomes that text).
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

    @property
    def allowed(self) -> str:
        """The allowed values, in words."""
        if self.kind == "choice":
            words = f"one of {', '.join(self.choices)}"
        elif self.kind == "choices":
            words = f"one or more, with commas, of {', '.join(self.choices)}"
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
        if self.kind == "choices" and isinstance(value, list | tuple):
            value = ",".join(map(str, value))
        if (value is None and self.optional) or (value is not None and self._allows(value)):
            return value
        raise ValueError(f"{name} = {value!r}, must be {self.allowed}")

    def parse(self, name: str, text: str) -> Any:
        """The value that a text stands for, checked; `ValueError` as in `check`."""
        try:
            value = self._read(text.strip())
        except ValueError:
            value = text
        return self.check(name, value)

    def _allows(self, value: Any) -> bool:
        if self.kind == "choice":
            return value in self.choices
        if self.kind == "choices":
            return isinstance(value, str) and set(value.split(",")) <= set(self.choices)
        if self.kind == "flag" or isinstance(value, bool):
            return self.kind == "flag" and isinstance(value, bool)
        if not isinstance(value, int if self.kind == "whole" else (int, float)):
            return False
        low = -sys.float_info.max if self.low is None else self.low
        high = sys.float_info.max if self.high is None else self.high
        return low <= value <= high

    def _read(self, text: str) -> Any:
        if self.optional and text.lower() == "none":
            return None
        if self.kind == "flag":
            return {"true": True, "yes": True, "false": False, "no": False}.get(text.lower(), text)
        if self.kind in ("choice", "choices"):
            return text.replace(" ", "") if self.kind == "choices" else text
        number = float(text)
        return int(number) if self.kind == "whole" and number.is_integer() else number


@dataclass(frozen=True)
class Family:
    """A seeded family of instances.

    Attributes
    ----------
    name, summary
        What it is called and, in a line, what it makes.
    options
        By Python name (`edge_cloud`; on the command line `--edge-cloud`).
    build
        (seed, a value for every option, the instance's `meta`) -> instance.
    """

    name: str
    summary: str
    options: Mapping[str, Option]
    build: Callable[[int, Mapping[str, Any], dict[str, Any]], Instance]

    def generate(self, seed: int, options: Mapping[str, Any]) -> Instance:
        """The instance of a seed and of options by Python name; how it was made is in `meta`."""
        if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
            raise ValueError(f"seed = {seed!r}, must be a whole number >= 0")
        for name in options:
            look_up(self.options, name, f"option of family {self.name}")
        values = {
            name: option.check(name, options.get(name, option.default))
            for name, option in self.options.items()
        }
        origin = {"family": self.name, "seed": seed, "options": values}
        return self.build(seed, values, {"generator": origin})

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
