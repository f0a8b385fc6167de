"""Other formats read into instances."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from splitfog.instances.instance import Instance

IMPORTERS = {"msr": "splitfog.instances.importers.msr:import_msr"}
"""Format -> `module:function` that reads a file of it."""


def importer(entry: str) -> Callable[[Path], Instance]:
    """The function behind an entry of `IMPORTERS`."""
    module, function = entry.split(":")
    read: Callable[[Path], Instance] = getattr(import_module(module), function)
    return read
