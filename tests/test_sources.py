"""What holds for the text of every source file."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDERS = (
    *("instances", "formulations", "solvers", "baselines", "deployment", "studies", "views"),
    *("splitfog", "tests", "benchmarks", "notebooks"),
)

MOST_BY_POSITION = 5
"""Values that a reader of a call can still match with the fields of the class."""

BY_POSITION = {"Instance"}
"""Records of more fields that users have always been free to build by position."""


@cache
def trees() -> dict[str, ast.Module]:
    """The syntax of every source file, by its path; links to other folders are not followed."""
    files = [file for folder in FOLDERS for file in (ROOT / folder).rglob("*.py")]
    own = {file.resolve() for file in files}
    return {str(file.relative_to(ROOT)): ast.parse(file.read_text()) for file in sorted(own)}


@cache
def classes() -> list[tuple[str, ast.ClassDef]]:
    """Every class and the file it stands in."""
    return [
        (file, node)
        for file, tree in trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    ]


def given_fields(record: ast.ClassDef) -> list[str]:
    """The annotated fields of a class that its constructor takes."""
    return [
        node.target.id
        for node in record.body
        if isinstance(node, ast.AnnAssign)
        and isinstance(node.target, ast.Name)
        and node.target.id != "_"
        and not (node.value and "init=False" in ast.unparse(node.value))
    ]


def by_position(record: ast.ClassDef) -> int:
    """How many fields of a dataclass a call may give by position; 0 where it is none."""
    how = [ast.unparse(decorator) for decorator in record.decorator_list]
    if not any(each.startswith("dataclass") for each in how) or "kw_only=True" in "".join(how):
        return 0
    fields = [ast.unparse(node) for node in record.body if isinstance(node, ast.AnnAssign)]
    end = fields.index("_: KW_ONLY") if "_: KW_ONLY" in fields else len(fields)
    return len([each for each in fields[:end] if "init=False" not in each])


def constructed(call: ast.Call, inside: str | None) -> str | None:
    """The name of the class that a call seems to build: `cls` is the one it stands in."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else None
    name = call.func.id if isinstance(call.func, ast.Name) else name
    return inside if name == "cls" else name


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """Every call of a file, with the name of what it builds."""
    waiting: list[tuple[ast.AST, str | None]] = [(tree, None)]
    while waiting:
        node, inside = waiting.pop()
        if isinstance(node, ast.ClassDef):
            inside = node.name
        if isinstance(node, ast.Call) and (name := constructed(node, inside)) is not None:
            yield name, node
        waiting += [(child, inside) for child in ast.iter_child_nodes(node)]


def test_no_record_is_built_of_many_values_by_position() -> None:
    """Five at most; and no `*values` where the class has more fields than that.

    Two values that change places are seen by nobody: most fields are arrays or seconds.
    """
    sizes: dict[str, int] = {}
    for _, record in classes():
        sizes[record.name] = max(sizes.get(record.name, 0), len(given_fields(record)))
    found = []
    for file, tree in trees().items():
        for name, call in calls(tree):
            starred = any(isinstance(each, ast.Starred) for each in call.args)
            unseen = starred and sizes.get(name, 0) > MOST_BY_POSITION
            if name in sizes and (len(call.args) > MOST_BY_POSITION or unseen):
                found.append(f"{file}:{call.lineno}: {name}")
    assert found == []


def test_records_of_many_fields_want_names() -> None:
    """A dataclass takes five by position at most: with `kw_only=True`, or `KW_ONLY` within."""
    found = [
        f"{file}:{record.lineno}: {record.name}"
        for file, record in classes()
        if by_position(record) > MOST_BY_POSITION and record.name not in BY_POSITION
    ]
    assert found == []
