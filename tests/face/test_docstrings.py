"""What splitfog exports is documented: parameters by name, what comes back, what is raised."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from functools import cached_property
from types import ModuleType
from typing import Any

import pytest

import splitfog

SECTION = re.compile(r"^(\w+)\n-+$", re.MULTILINE)
DESCRIBED = (classmethod, staticmethod, property, cached_property)
ENTRY = re.compile(r"^(\S.*?)(?: : .*)?$", re.MULTILINE)


def exported() -> Iterator[tuple[str, Any]]:
    """Every function, class and public method that `splitfog` or a module it offers exports."""
    for name in dir(splitfog):
        found = getattr(splitfog, name)
        if isinstance(found, ModuleType):
            inside = getattr(found, "__all__", [n for n, v in vars(found).items() if own(found, v)])
            for inner in inside:
                yield from with_methods(f"{name}.{inner}", getattr(found, inner))
        elif callable(found):
            yield from with_methods(name, found)


def own(module: ModuleType, value: Any) -> bool:
    """Whether a public function or class is defined in a module, not imported by it."""
    named = getattr(value, "__name__", "_")
    return getattr(value, "__module__", "") == module.__name__ and not named.startswith("_")


def with_methods(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """A function, or a class with its public methods, properties and `__call__`."""
    yield name, value
    for inner, member in vars(value).items() if inspect.isclass(value) else ():
        public = inner == "__call__" or not inner.startswith("_")
        if public and (inspect.isfunction(member) or isinstance(member, DESCRIBED)):
            yield f"{name}.{inner}", member


FOUND = dict(exported())
FUNCTIONS = {
    name: getattr(value, "__func__", value)
    for name, value in FOUND.items()
    if not inspect.isclass(value) and not isinstance(value, property | cached_property)
}
CLASSES = {name: value for name, value in FOUND.items() if inspect.isclass(value)}


def sections(value: Any) -> dict[str, str]:
    """The text of every section of a docstring, by its title."""
    _, *parts = SECTION.split(inspect.getdoc(value) or "")
    return dict(zip(parts[::2], parts[1::2], strict=True))


def entries(text: str) -> set[str]:
    """The names that a section describes: `a, b` or `a : kind` on a line that is not indented."""
    return {
        name.lstrip("*") for line in ENTRY.findall(text) for name in re.split(r",\s*", line) if name
    }


def parameters(function: Callable[..., Any]) -> set[str]:
    """Of a signature, without the object itself."""
    return set(inspect.signature(function).parameters) - {"self", "cls"}


@pytest.mark.parametrize("name", FOUND)
def test_all_that_is_exported_says_what_it_is(name: str) -> None:
    """A docstring of its own, not one that a base class or a data class makes."""
    doc = FOUND[name].__doc__
    assert doc and not doc.startswith(name.split(".")[-1] + "(")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_parameters_are_described_by_their_names(name: str) -> None:
    """Each one of the signature, and none that is not there."""
    function = FUNCTIONS[name]
    assert entries(sections(function).get("Parameters", "")) == parameters(function)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_comes_back_is_described(name: str) -> None:
    """There is a section on it unless the function returns nothing."""
    function = FUNCTIONS[name]
    silent = inspect.signature(function).return_annotation in (None, "None")
    assert silent != bool({"Returns", "Yields"} & set(sections(function)))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_a_function_raises_itself_is_described(name: str) -> None:
    """Where its own body raises there is a section on it."""
    function = FUNCTIONS[name]
    body = ast.parse(textwrap.dedent(inspect.getsource(function)))
    raises = any(isinstance(node, ast.Raise) for node in ast.walk(body))
    assert not raises or "Raises" in sections(function)


@pytest.mark.parametrize("name", CLASSES)
def test_fields_are_described_by_their_names(name: str) -> None:
    """Whatever a class is made of is one of its parameters or attributes."""
    made, found = CLASSES[name], sections(CLASSES[name])
    described = entries(found.get("Parameters", "")) | entries(found.get("Attributes", ""))
    plain = made.__init__ is RuntimeError.__init__  # an exception with a sentence and no more
    assert plain or parameters(made) <= described
