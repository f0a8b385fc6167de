"""What rules and estimators are called: a name and its numbers, `quantile:0.2,5`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, Generic, TypeVar

from splitfog.instances.arguments import wrong

Made = TypeVar("Made", covariant=True)


@dataclass(frozen=True, kw_only=True)
class Kind(Generic[Made]):
    """What a name makes of the numbers behind it.

    Attributes
    ----------
    make
        Of the numbers.
    form
        How it is written, with letters for the numbers: `ewma:A`.
    where
        What the numbers must be, in words; and `fits` tests it.
    count, defaults
        How many numbers there are, and those that stand for none at all.
    """

    make: Callable[..., Made]
    form: str
    where: str = ""
    fits: Callable[..., bool] = lambda *_: True
    count: int = 0
    defaults: tuple[float, ...] | None = None


def named(what: str, value: Any, kinds: Mapping[str, Kind[Made]]) -> Made:
    """What a text of the form `name` or `name:number,number` stands for.

    Parameters
    ----------
    what
        The argument, for the sentence.
    value
        The text.
    kinds
        By name.

    Raises
    ------
    ValueError
        With the forms that are allowed.
    """
    name = value.partition(":")[0] if isinstance(value, str) else ""
    if name not in kinds:
        raise wrong(what, value, f"one of {', '.join(kind.form for kind in kinds.values())}")
    kind = kinds[name]
    numbers = _numbers(value[len(name) :]) if value != name else (kind.defaults or ())
    if numbers is None or len(numbers) != kind.count or not kind.fits(*numbers):
        raise wrong(what, value, kind.form + (f" with {kind.where}" if kind.where else ""))
    return kind.make(*numbers)


def _numbers(text: str) -> tuple[float, ...] | None:
    """The numbers of `:0.2,5`; None where it is something else."""
    try:
        numbers = tuple(float(part) for part in text.removeprefix(":").split(","))
    except ValueError:
        return None
    return numbers if all(isfinite(number) for number in numbers) else None
