"""`splitfog solvers`: every solver and baseline, or everything about one."""

from __future__ import annotations

from textwrap import fill
from typing import TYPE_CHECKING, Annotated, Any

import typer

from splitfog.commands.completion import completed
from splitfog.commands.shell import DONE, put, put_json

if TYPE_CHECKING:
    from splitfog.solvers.declare import SolverInfo

WIDTH = 80
HEADINGS = {
    "exact": "Exact: they prove their plans optimal, under what each says of itself",
    "heuristic": "Heuristics",
    "baseline": "Baselines: published policies, and simple ones",
}
ANSWERS = {"placements": "whole layers on nodes", "slices": "slices of layers on nodes too"}

EXAMPLES = (
    "splitfog solvers",
    "splitfog solvers dina",
    "splitfog solvers dina --bibtex",
)


def run(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            help="only this one, with its options",
            autocompletion=completed.solver_names,
        ),
    ] = None,
    bibtex: Annotated[bool, typer.Option("--bibtex", help="BibTeX of the papers instead")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on standard output")] = False,
) -> int:
    """List every solver and baseline.

    What it solves, whether it is exact, its complexity and its paper; with a name, its options.
    With --bibtex what to cite: the papers of all, or of the one named, and splitfog itself.
    """
    from splitfog.solvers.registry import solver_info, solver_infos

    if bibtex and as_json:
        raise ValueError("--bibtex and --json are given, must be one of them")
    infos = [solver_info(name)] if name else list(solver_infos())
    if bibtex:
        from splitfog.solvers.references import bibtex as entries_of

        put(entries_of(name for info in infos for name in info.cites))
    elif as_json:
        records = [_record(info) for info in infos]
        put_json(records[0] if name else records)
    elif name:
        put("\n".join(_lines(infos[0])) + "\n")
    else:
        _print(infos)
    return DONE


def _record(info: SolverInfo) -> dict[str, Any]:
    return {
        "name": info.name,
        "summary": info.summary,
        "kind": info.kind,
        "objectives": info.objectives,
        "answers": info.answers,
        "exact_when": info.exact_when,
        "complexity": info.complexity or None,
        "reference": info.reference or None,
        "cites": info.cites,
        "start": info.start,
        "origin": info.origin,
        "options": [
            {"name": key, "default": option.default, "help": option.help, "choices": option.choices}
            for key, option in info.options.items()
        ],
    }


def _lines(info: SolverInfo) -> list[str]:
    from splitfog.instances.plugins.found import OURS

    fields = {
        "kind": info.kind,
        "objectives": ", ".join(info.objectives),
        "answers": ANSWERS[info.answers],
        "exact": info.exact_when,
        "complexity": info.complexity,
        "reference": info.reference,
        "start": "goes on from a start plan" if info.start else "",
        "from": "" if info.origin == OURS else info.origin,
    }
    lines = [f"{info.name}: {info.summary}"]
    lines += [f"{name:<11} {text}" for name, text in fields.items() if text]
    for key, option in info.options.items():
        choices = f" ({', '.join(option.choices)})" if option.choices else ""
        lines.append(f"option      {key}={option.default}: {option.help}{choices}")
    return lines


def _print(infos: list[SolverInfo]) -> None:
    """A line or more for each, by kind, within WIDTH columns."""
    width = max(len(info.name) for info in infos) + 2
    for kind in dict.fromkeys(info.kind for info in infos):
        put(f"{HEADINGS[kind]}\n")
        for info in infos:
            if info.kind == kind:
                name = f"  {info.name:<{width}}"
                put(
                    fill(
                        info.summary, WIDTH, initial_indent=name, subsequent_indent=" " * len(name)
                    )
                )
                put("\n")
        put("\n")
    put("splitfog solvers NAME says more: objectives, when it is exact, options, paper.\n")
