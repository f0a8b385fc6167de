"""An option that is declared: its kind, its default and what it allows."""

from __future__ import annotations

import sys
from dataclasses import KW_ONLY, dataclass
from typing import Any, Literal

from splitfog.instances.arguments import plain, wrong

Kind = Literal["whole", "number", "flag", "choice", "choices", "preset", "name", "pair", "numbers"]


@dataclass(frozen=True)
class Option:
    """An option of a family, of instances or of traces, or of a format.

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
