"""`splitfog profile`: times of layers, measured here, put into instances and predicted."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

COMMANDS: Mapping[str, str] = MappingProxyType(
    {"measure": "measure", "apply": "apply", "fit": "fit", "predict": "predict"}
)
"""As `splitfog.commands.COMMANDS`, below `splitfog profile`."""
