"""`splitfog split`: the parts of a plan as ONNX files, and whether they agree with the whole."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from splitfog.commands.shell import CHECK_FAILED, DONE, amount, put, put_json, seconds

if TYPE_CHECKING:
    from splitfog.deployment.splitting.check import Check
    from splitfog.deployment.splitting.split import Split
    from splitfog.formulations.parametric.plan_table import PlanTable

EXAMPLES = (
    "splitfog split net.json net-plan.json -o parts --check 3",
    "splitfog split net.json table.json -o plans",
)


def run(
    instance: Annotated[
        Path, typer.Argument(metavar="INSTANCE", help="instance file, made by import onnx")
    ],
    plans: Annotated[
        list[Path],
        typer.Argument(metavar="PLAN", help="plan files, one folder each; or a plan table"),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="folder to write")],
    check: Annotated[
        int, typer.Option(min=0, metavar="N", help="compare with the whole on N seeded inputs")
    ] = 0,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="of these inputs")] = 0,
    original: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="with --check: the model that was imported, compared too"
        ),
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="whose model is split, if there are several tasks"),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="the canonical model, if not beside the instance"),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="a list of what was written, on standard output")
    ] = False,
) -> int:
    """Cut a real model into parts as a plan says: one ONNX file a part, and a manifest.

    There are as few parts as can run one after another. With several plans every one has a folder
    of its name in DIR. A plan may say as little as for verify. Of a plan table each plan has a
    folder, plan-0, plan-1, ..., for run --table; the instance lies beside them.

    --check: all parts one after another against the whole model; exit code 1 where they disagree.
    """
    from splitfog.deployment.splitting.check import check_split, differences_from_original
    from splitfog.deployment.splitting.split import split, split_table
    from splitfog.instances.files import load_instance

    if original is not None and not check:
        raise ValueError(f"--original {original} needs --check")
    if original is not None and not original.is_file():
        raise ValueError(f"--original {original}: no such file")
    problem = load_instance(instance)
    failed, records = False, []
    how: dict[str, Any] = {"task": task, "model": model}
    if (table := _table(plans)) is not None:
        written = split_table(problem, table, output, **how)
    else:
        written = tuple(split(problem, *pair, **how) for pair in _folders(plans, output))
    for done in written:
        folder = done.folder
        found = check_split(folder, check, seed) if check else None
        failed |= found is not None and not found.passed
        optimised = None
        if original is not None:
            optimised = differences_from_original(folder, original, check, seed)
        if as_json:
            records.append(_record(done, found, optimised))
        else:
            put(_report(done, found) + _beside(original, optimised or {}))
    if as_json:
        put_json(records)
    return CHECK_FAILED if failed else DONE


def _table(plans: list[Path]) -> PlanTable | None:
    """The plan table, where that is what is given; None for plans."""
    from splitfog.formulations.parametric.plan_table import FORMAT, PlanTable
    from splitfog.formulations.parametric.policy_file import load_policy
    from splitfog.instances.json_files import parse_json, read_bytes

    for path in plans:
        data, _ = parse_json(read_bytes(path), path.name)
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            continue
        if len(plans) > 1:
            raise ValueError(f"{path} is a policy, must be given alone")
        table = load_policy(path)
        if not isinstance(table, PlanTable):
            raise ValueError(f"{path} is a policy over one figure, must be one of policy --vary")
        return table
    return None


def _folders(plans: list[Path], output: Path) -> list[tuple[Path, Path]]:
    """Every plan and its folder: DIR itself for a single one."""
    if len(plans) == 1:
        return [(plans[0], output)]
    names = [plan.name.removesuffix(".gz").removesuffix(".json") for plan in plans]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"two plans are called {name}, and so would be their folders")
    return [(plan, output / name) for plan, name in zip(plans, names, strict=True)]


def _record(done: Split, found: Check | None, optimised: dict[str, float] | None) -> dict[str, Any]:
    from splitfog.deployment.splitting.timeline import predicted_timeline

    return {
        "folder": str(done.folder),
        "parts": len(done.manifest.parts),
        "fewest": done.fewest,
        "predicted": {
            "latency_s": done.manifest.predicted.latency_s,
            "period_s": done.manifest.predicted.period_s,
            "parts_s": predicted_timeline(done.manifest).end_s,
        },
        "check": found,
        "original": optimised,
    }


def _report(done: Split, found: Check | None) -> str:
    from splitfog.deployment.splitting.timeline import predicted_timeline

    manifest = done.manifest
    sizes = [(done.folder / part.file).stat().st_size for part in manifest.parts]
    rows = [["part", "node", "layers", "file", "predicted"]]
    rows += [
        [part.name, part.node, str(len(part.layers)), amount(size), seconds(part.predicted_s)]
        for part, size in zip(manifest.parts, sizes, strict=True)
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows
    ]
    fewest = "the fewest there can be" if done.fewest else "perhaps not the fewest"
    lines.append(f"{done.folder}: {len(manifest.parts)} parts, {fewest}")
    whole, parts = manifest.predicted.latency_s, predicted_timeline(manifest).end_s
    lines.append(f"predicted: {seconds(whole)} by the plan, {seconds(parts)} part by part")
    if found is not None:
        lines += _verdict(found)
    return "\n".join(lines) + "\n"


def _verdict(found: Check) -> list[str]:
    if found.faults:
        return [f"check: {fault}" for fault in found.faults]
    what = f"{found.inputs} inputs, {found.tensors} tensors"
    if found.exact:
        lines = [f"check: {what}, all the same bit for bit"]
    else:
        name, most = max(found.differences.items(), key=lambda entry: entry[1])
        unlike = len(found.differences)
        lines = [f"check: {what}, {unlike} not the same: {name} differs by at most {most:.3g}"]
    return lines + [_stage(number, most) for number, most in found.stages.items()]


def _stage(number: int, difference: float | None) -> str:
    said = "all zeros, which proves nothing"
    if difference is not None:
        said = f"differs by at most {difference:.3g}" if difference else "the same bit for bit"
    return f"check: stage {number} on whole numbers: {said}"


def _beside(original: Path | None, differences: dict[str, float]) -> str:
    """What optimising changed."""
    return "".join(
        f"{original.name if original else ''}: output {name} differs by at most {most:.3g}\n"
        for name, most in differences.items()
    )
