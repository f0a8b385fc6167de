"""What is kept with the thing it was made from: made once, never pickled, never compared.

A function that is `kept` runs once for its owner, the first argument (an instance, a model, a
stage's geometry), and each key of the others. The results lie in the owner itself: they go when it
goes, and nothing else knows of them.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import wraps
from inspect import signature
from typing import Any, TypeVar, cast

from msgspec import Struct

Function = TypeVar("Function", bound=Callable[..., Any])


class Keeper:
    """A dataclass of which pickles and copies hold the fields, and nothing that is kept with it.

    Cached properties are not held either: they can be made again. (Of msgspec's structs pickles
    and copies hold the fields only, anyway.)
    """

    def __getstate__(self) -> dict[str, Any]:
        fields: dict[str, Any] = getattr(self, "__dataclass_fields__")  # noqa: B009
        return {name: value for name, value in self.__dict__.items() if name in fields}


def kept(
    by: Callable[..., Hashable] | None = None, most: int | None = None
) -> Callable[[Function], Function]:
    """Keep a function's results with its first argument.

    Parameters
    ----------
    by
        The key of a result, given all arguments; None: all but the first, which then are hashable.
    most
        Of so many results all are dropped before another is made. None: no limit.
    """

    def keeping(function: Function) -> Function:
        name, form = _name(function), signature(function)
        others = len(form.parameters) - 1

        @wraps(function)
        def result(owner: Any, *args: Any, **named: Any) -> Any:
            key: Hashable = args
            if by is not None:
                key = by(owner, *args, **named)
            elif named or len(args) < others:  # f(owner, 0), f(owner, task=0) and f(owner) are one
                bound = form.bind(owner, *args, **named)
                bound.apply_defaults()
                key = bound.args[1:]
            try:
                return owner.__dict__[name][key]
            except KeyError:
                results = _results(owner, name)
            made = function(owner, *args, **named)
            if most is not None and len(results) >= most:
                results.clear()
            results[key] = made
            return made

        return cast("Function", result)

    return keeping


def share(function: Callable[..., Any], giver: object, taker: object) -> None:
    """Let `taker` keep what `giver` keeps of a function, where it would be the same for both."""
    name = _name(function)
    _results(taker, name).update(_results(giver, name))


def give(function: Callable[..., Any], taker: object, made: Any) -> None:
    """Let `taker` keep a result of a function of nothing else, as if the function had made it."""
    _results(taker, _name(function))[()] = made


def _name(function: Callable[..., Any]) -> str:
    """Under which name the owner keeps a function's results; a dot, as no attribute has one."""
    return f"{function.__module__}.{function.__qualname__}"


def _results(owner: object, name: str) -> dict[Hashable, Any]:
    if not isinstance(owner, Keeper | Struct):
        raise TypeError(f"a {type(owner).__name__} is no Keeper: what it keeps would be pickled")
    results: dict[Hashable, Any] = owner.__dict__.setdefault(name, {})
    return results
