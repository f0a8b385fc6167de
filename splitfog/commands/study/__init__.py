"""`splitfog study`: how far a comparison in a folder is, the rest of it, and its report."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

COMMANDS: Mapping[str, str] = MappingProxyType(
    {"status": "status", "resume": "resume", "export": "export"}
)
"""As `splitfog.commands.COMMANDS`, below `splitfog study`."""
