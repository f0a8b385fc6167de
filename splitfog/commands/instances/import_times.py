"""`splitfog import times`: other programs' profiles as times of layers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from splitfog.commands.shell import put, say, seconds

if TYPE_CHECKING:
    from splitfog.instances.records import Model

MOST_NAMES = 10


def import_times(
    file: Path,
    output: Path,
    form: str | None,
    node: str | None,
    instance: Path | None,
    model: str | None,
) -> None:
    """Write the times in a profile as a CSV file, and say which names are no layers."""
    from splitfog.deployment.profiling.other_profiles import FORMS, read_profile
    from splitfog.instances.json_files import read_bytes
    from splitfog.instances.times import save_times

    if form is None:
        raise ValueError(f"--form = None, must be one of {', '.join(FORMS)}")
    if not node:
        raise ValueError("--node = None, must be the node or tier that was measured")
    own = None if instance is None else _model(instance, model, node)
    found = read_profile(read_bytes(file), file.name, form, node, own)
    save_times(found.times, output)
    put(f"{output}\n")
    unknown = sorted(found.unknown.items(), key=lambda item: -item[1])
    if unknown:
        told = ", ".join(f"{name!r} ({seconds(own)})" for name, own in unknown[:MOST_NAMES])
        more = f" and {len(unknown) - MOST_NAMES} more" if len(unknown) > MOST_NAMES else ""
        say(f"no layers, left out: {told}{more}")
    doubtful = sum(time.reliable is False for time in found.times)
    if doubtful:
        say(f"{doubtful} of {len(found.times)} times are marked as not reliable")


def _model(path: Path, name: str | None, node: str) -> Model:
    from splitfog.instances.files import load_instance
    from splitfog.instances.lookup import look_up

    instance = load_instance(path)
    look_up(dict.fromkeys((*instance.node_index, *instance.tiers)), node, "node or tier")
    if name is not None:
        return instance.models[look_up(instance.model_index, name, "model")]
    if len(instance.models) > 1:
        names = ", ".join(instance.model_index)
        raise ValueError(f"--model = None, must be one of {names}: there are several")
    return instance.models[0]
