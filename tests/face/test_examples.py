"""Every example in a docstring runs and prints what it says, wherever it stands."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from pathlib import Path

import pytest

import splitfog

ROOT = Path(splitfog.__file__).parent


def modules_with_examples() -> list[str]:
    """Names of the modules under `splitfog` whose text has a `>>>`, without importing any."""
    found = []
    for name in ["splitfog", *_below(ROOT, "splitfog")]:
        file = ROOT.joinpath(*name.split(".")[1:], "__init__.py")
        if not file.exists():
            file = file.parent.with_suffix(".py")
        if ">>> " in file.read_text(encoding="utf-8"):
            found.append(name)
    return found


def _below(folder: Path, package: str) -> list[str]:
    names = []
    for module in pkgutil.iter_modules([str(folder)], f"{package}."):
        names.append(module.name)
        if module.ispkg:
            names += _below(folder / module.name.rpartition(".")[2], module.name)
    return names


def test_there_are_examples() -> None:
    """The search sees into the packages: the faces, a solver and the batch cost have examples."""
    few = {"splitfog.matching", "splitfog.solvers.fronts.pareto"}
    assert few | {"splitfog.formulations.vectorised.batch_cost"} <= set(modules_with_examples())


@pytest.mark.parametrize("name", modules_with_examples())
def test_examples_say_what_happens(name: str) -> None:
    """A module's examples, as `python -m doctest` runs them."""
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted > 0
    assert result.failed == 0
