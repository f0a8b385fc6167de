"""`splitfog study`: studies that come along; a comparison in a folder, its rest and its report."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

COMMANDS: Mapping[str, str] = MappingProxyType(
    {"list": "shipped", "status": "status", "resume": "resume", "export": "export"}
)
"""As `splitfog.commands.COMMANDS`, below `splitfog study`."""
