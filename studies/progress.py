"""How those who wait are told how far many runs are."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[int, int, str], None]
"""Called with (runs done, runs in all, what has just ended)."""
