"""`splitfog profile`: measured times of layers."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

COMMANDS: Mapping[str, str] = MappingProxyType({"apply": "apply"})
"""As `splitfog.commands.COMMANDS`, below `splitfog profile`."""
