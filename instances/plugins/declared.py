"""What every declaration can: options that nobody changes, and an entry found from anywhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Self

from splitfog.instances.read_only import ReadOnly


class Declared:
    """Base of a frozen dataclass that declares a function, where it is and its options."""

    entry: str | Callable[..., Any]
    options: Mapping[str, Any]

    def __post_init__(self) -> None:
        if isinstance(self.options, Mapping):  # what a plug-in declares is looked at later
            object.__setattr__(self, "options", ReadOnly(self.options))

    def settled(self, home: str, origin: str) -> Self:
        """The declaration with its entry found from anywhere.

        Parameters
        ----------
        home
            The package that declares it.
        origin
            The distribution that it came with.

        Returns
        -------
        Self
        """
        entry = self.entry
        if isinstance(entry, str) and entry.startswith("."):
            entry = home + entry
        changed: Self = replace(self, entry=entry, origin=origin)  # type: ignore[type-var]
        return changed
