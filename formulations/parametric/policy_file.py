"""Policy files: version 1 over one figure, version 2 over several (docs/plan-file.md)."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Literal

from msgspec.structs import asdict

from splitfog.formulations.parametric.figure import Figure
from splitfog.formulations.parametric.plan_table import FailureTable, PlanTable
from splitfog.formulations.parametric.planes import Cell, Plane
from splitfog.formulations.parametric.policy_table import Policy
from splitfog.instances.arguments import path as path_of
from splitfog.instances.arguments import wrong
from splitfog.instances.defects import InstanceError, shown
from splitfog.instances.json_files import decode, parse_json, read_bytes, write_whole

FORMAT: Literal["splitfog/policy"] = "splitfog/policy"


class PolicyFile(Policy, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A policy over one figure on disk: format and version must be there."""

    format: Literal["splitfog/policy"]
    version: Literal[1]


class PlanTableFile(PlanTable, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A plan table on disk: format and version must be there."""

    format: Literal["splitfog/policy"]
    version: Literal[2]


def save_policy(policy: Policy | PlanTable, path: str | os.PathLike[str]) -> None:
    """Write a policy file, whole or not at all.

    Parameters
    ----------
    policy
        As `splitfog.policy` gives it (version 1 of the file), or `splitfog.plan_table` (2).
    path
        Of the file; compressed if it ends in `.gz`.

    Raises
    ------
    ValueError
        For what is neither.
    """
    if not isinstance(policy, Policy | PlanTable):
        raise wrong("policy", policy, "a Policy or a PlanTable")
    write_whole(path_of("path", path), policy.to_json())


def load_policy(path: str | os.PathLike[str]) -> Policy | PlanTable:
    """The policy in a file, or the plan table where its version is 2.

    Parameters
    ----------
    path
        Of the file, `.json` or `.json.gz`.

    Returns
    -------
    Policy or PlanTable

    Raises
    ------
    InstanceError
        Listing every defect of the file's form (at most 20), holes in a range among them.
    """
    path = path_of("path", path)
    origin, content = path.name, read_bytes(path)
    data, _ = parse_json(content, origin)
    version = data.get("version", 1) if isinstance(data, dict) else 1
    if version not in (1, 2) or isinstance(version, bool):
        raise InstanceError(origin, [f"version = {shown(version)}, must be 1 or 2"])
    if version == 1:
        policy: PolicyFile = decode(content, PolicyFile, origin)
        return Policy(**_sound(policy, _policy_defects(policy), origin))
    table: PlanTableFile = decode(content, PlanTableFile, origin)
    return PlanTable(**_sound(table, list(_table_defects(table)), origin))


def _sound(file: Policy | PlanTable, defects: Sequence[str], origin: str) -> dict[str, Any]:
    if defects:
        raise InstanceError(origin, list(defects))
    return asdict(file)


def _policy_defects(file: PolicyFile) -> list[str]:
    """What the types do not say: one thing varies, and the pieces fill the range."""
    defects = []
    if (file.link is None) == (file.node is None):
        defects.append("link and node: exactly one must be given")
    if not file.low < file.high:
        defects.append(f"low = {file.low!r}, must be < high = {file.high!r}")
    for at, (before, after) in enumerate(pairwise(file.pieces)):
        if before.high != after.low:
            defects.append(f"pieces[{at + 1}].low = {after.low!r}, must be {before.high!r}")
    for at, piece in enumerate(file.pieces):
        if not piece.low < piece.high:
            defects.append(f"pieces[{at}].low = {piece.low!r}, must be < high = {piece.high!r}")
    if file.pieces and (file.pieces[0].low, file.pieces[-1].high) != (file.low, file.high):
        defects.append(f"pieces: must go from {file.low!r} to {file.high!r}")
    return defects


def _table_defects(file: PlanTableFile) -> Iterator[str]:
    """What the types do not say: figures are ranges, and all lists go together."""
    yield from _figure_defects(file.figures)
    if not file.figures:
        yield "figures = [], must be at least one"
    if (file.status in ("infeasible", "unknown")) == bool(file.placements):
        there = "none" if file.placements else "at least one"
        yield f"placements: {len(file.placements)} with status {file.status}, must be {there}"
    yield from _placement_defects(file)
    for at, link in enumerate(file.links):
        for end, name in (("from", link.tail), ("to", link.head)):
            if name not in file.held:
                yield f"links[{at}].{end} = {shown(name)}, must be a node of held"
    yield from _cells_defects("", file, file)
    for name, failure in file.failures.items():
        if name not in file.held:
            yield f"failures.{name}: must be a node of held"
        yield from _cells_defects(f"failures.{name}.", failure, file)


def _figure_defects(figures: Sequence[Figure]) -> Iterator[str]:
    seen: set[object] = set()
    for at, figure in enumerate(figures):
        if (figure.link is None) == (figure.node is None):
            yield f"figures[{at}]: exactly one of link and node must be given"
            continue
        if not figure.low < figure.high:
            low, high = shown(figure.low), shown(figure.high)
            yield f"figures[{at}].low = {low}, must be < high = {high}"
        for key in (figure.key, *figure.directed()):
            if ("figure", key) in seen:
                yield f"figures[{at}]: {figure.label} varies already"
                break
        seen |= {("figure", key) for key in (figure.key, *figure.directed())}


def _placement_defects(file: PlanTableFile) -> Iterator[str]:
    form: list[tuple[str, list[str]]] | None = None
    for at, placement in enumerate(file.placements):
        own = [(task, list(layers)) for task, layers in placement.items()]
        form = own if form is None else form
        if own != form:
            yield f"placements[{at}]: must place the tasks and layers of placements[0] in its order"
        nodes = dict.fromkeys(node for layers in placement.values() for node in layers.values())
        for node in nodes:
            if node not in file.held:
                yield f"placements[{at}]: node {shown(node)}, must be a node of held"


def _cells_defects(
    path: str, table: PlanTableFile | FailureTable, file: PlanTableFile
) -> Iterator[str]:
    """The planes of one table, whole or of a failure: as many as plans, as long as figures."""
    solved = table.status not in ("infeasible", "unknown")
    if solved != bool(table.cells):
        there = "at least one" if solved else "none"
        yield f"{path}cells: {len(table.cells)} with status {table.status}, must be {there}"
    for at, cell in enumerate(table.cells):
        yield from _side_defects(f"{path}cells[{at}].", cell, len(file.figures))
        yield from _plane_defects(f"{path}cells[{at}].planes", cell.planes, file)
    if table.own is not None:
        yield from _plane_defects(f"{path}own", table.own, file)


def _side_defects(path: str, cell: Cell, figures: int) -> Iterator[str]:
    for at, side in enumerate(cell.sides):
        if len(side.normal) != figures:
            where = f"{path}sides[{at}].normal"
            yield f"{where} has {len(side.normal)} numbers, must have {figures}: one a figure"


def _plane_defects(path: str, planes: Sequence[Plane | None], file: PlanTableFile) -> Iterator[str]:
    if len(planes) != len(file.placements):
        plans = len(file.placements)
        yield f"{path} has {len(planes)} entries, must have {plans}: one a plan"
    if planes and all(plane is None for plane in planes):
        yield f"{path}: one at least must not be null"
    lengths: Mapping[str, tuple[int, str]] = {
        "slopes": (len(file.figures), "one a figure"),
        "crossings": (len(file.links), "one a link"),
    }
    for at, plane in enumerate(planes):
        for field, (most, why) in lengths.items() if plane is not None else ():
            count = len(getattr(plane, field))
            if count != most:
                yield f"{path}[{at}].{field} has {count} numbers, must have {most}: {why}"
