"""Distributions as an installer leaves them, for others to find by their entry points."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def install(site: Path, name: str, group: str, entry_points: Mapping[str, str]) -> None:
    """Write what tells that a distribution is in a folder, and what it offers in a group."""
    folder = site / f"{name.replace('-', '_')}-1.0.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = [f"{key} = {value}\n" for key, value in entry_points.items()]
    (folder / "entry_points.txt").write_text("".join([f"[{group}]\n", *lines]))
