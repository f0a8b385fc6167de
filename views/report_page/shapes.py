"""Many records of JSON with the same few sets of names: the names once, then nothing but values.

An object becomes a list of the number of its shape (its names, in order) and its values, a list one
of -1 and its entries, and what is neither stays. Nothing is lost.
"""

from __future__ import annotations

from typing import Any


class Shapes:
    """The shapes met so far."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, ...], int] = {}

    @property
    def names(self) -> list[tuple[str, ...]]:
        """The names of every shape, by its number."""
        return list(self._numbers)

    def shaped(self, value: Any) -> Any:
        """A value of JSON without its names.

        Parameters
        ----------
        value
            As a reader of JSON gives it.
        """
        if isinstance(value, dict):
            return [self.number(tuple(value)), *map(self.shaped, value.values())]
        if isinstance(value, list):
            return [-1, *map(self.shaped, value)]
        return value

    def number(self, names: tuple[str, ...]) -> int:
        """The number of a shape, a new one where it has not been met."""
        return self._numbers.setdefault(names, len(self._numbers))
