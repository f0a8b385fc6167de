"""`splitfog import helix`: an integer program of Helix, or the files that it is made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from splitfog.instances.importers.helix_cluster import import_helix_cluster
from splitfog.instances.importers.helix_program import import_helix_program
from splitfog.instances.instance import Instance


def read(files: Sequence[Path], options: Mapping[str, Any]) -> Instance:
    """The fleet: maximise its `throughput`.

    Parameters
    ----------
    files
        One program, `.lp` or `.lp.gz`; or a cluster, its machines and their profiles.
    options
        Of a cluster: see `import_helix_cluster`. A program tells all.

    Raises
    ------
    InstanceError
        Naming the file and what is wrong in it.
    """
    if len(files) == 1 and files[0].name.removesuffix(".gz").endswith(".lp"):
        for key in ("layers", "layer_bytes", "width"):
            if options[key] is not None:
                why = f"left out: {files[0]} is a program, which tells all"
                raise ValueError(f"option {key} = {options[key]}, must be {why}")
        return import_helix_program(files[0])
    return import_helix_cluster(files, options)
