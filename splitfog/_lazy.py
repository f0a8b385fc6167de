"""A package's public names, read from its stub and loaded when they are first used."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any


def attach(package: str) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """`__getattr__`, `__dir__` and `__all__` of a package whose `__init__.pyi` holds its names.

    The stub has lines `from module import name as name`, as type checkers want them, and a `def`
    for each package inside that can be called.

    Parameters
    ----------
    package
        Name of the package, whose `__init__` is being run.

    Raises
    ------
    AttributeError
        By `__getattr__`, for a name that is not in the stub.
    """
    names = vars(sys.modules[package])
    homes = _homes(package, Path(names["__file__"]).with_suffix(".pyi"))

    def load(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        home = homes[name]
        if home == package:
            return import_module(f"{package}.{name}")
        names[name] = getattr(__import__(home, fromlist=[name]), name)
        return names[name]

    return load, lambda: sorted(homes), sorted(homes)


def _homes(package: str, stub: Path) -> dict[str, str]:
    """The module that each name of a stub comes from; a module's own is its package."""
    homes: dict[str, str] = {}
    for node in ast.parse(stub.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom) and node.module:
            homes |= dict.fromkeys((alias.name for alias in node.names), node.module)
        elif isinstance(node, ast.FunctionDef):
            homes[node.name] = package
    return homes
