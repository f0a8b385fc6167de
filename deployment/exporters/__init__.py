"""Plans in other programs' formats, one format a file.

Such a file has an `export(asked)` that answers an `Export`; `EXPORTERS` names it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from splitfog.deployment.exporters.asked import Asked, Export

EXPORTERS: Mapping[str, str] = MappingProxyType(
    {
        "device-map": "splitfog.deployment.exporters.device_map",
        "ort-annotations": "splitfog.deployment.exporters.ort_annotations",
    }
)
"""Format -> module."""


def exporter(module: str) -> Callable[[Asked], Export]:
    """The function behind an entry of `EXPORTERS`."""
    export: Callable[[Asked], Export] = import_module(module).export
    return export
