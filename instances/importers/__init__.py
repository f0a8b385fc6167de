"""Other formats read into instances, one a file.

A format's function takes the paths of the files and a value for every option of its declaration.
"""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import Any

from splitfog.instances.arguments import entries, record, text
from splitfog.instances.arguments import path as path_of
from splitfog.instances.generators.presets import LANS
from splitfog.instances.instance import Instance
from splitfog.instances.plugins.format import Format, Formats
from splitfog.instances.plugins.option import Option
from splitfog.instances.zoo.language.options import REACHED, REQUEST

PATHS = "a path or a list of paths"

IMPORTERS = (
    Format(
        name="msr",
        summary="workloads of github.com/msr-fiddle/dnn-partitioning, layers or operators, "
        "inference or training (solve them with --objective period --no-monotone)",
        entry=".msr:read",
        files=("WORKLOAD.json",),
    ),
    Format(
        name="dnet",
        summary="profiles of distilp, which dnet plans with: a model's and its devices'",
        entry=".dnet:read",
        files=("MODEL.json", "DEVICE.json..."),
        options={
            "new_tokens": REQUEST["new_tokens"],
            "batch": REQUEST["batch"],
            "bandwidth_bps": Option(
                None, "of all links, bit/s; none: t_comm is all that a transfer takes", "number",
                low=1, high=1e18, optional=True,
            ),
        },
    ),
    Format(
        name="pipeedge",
        summary="scheduler files of PipeEdge (solve with --objective period --contiguous line)",
        entry=".pipeedge:read",
        files=("MODELS.yml", "DEVICE_TYPES.yml", "DEVICES.yml"),
        options={
            "model": Option(None, "which of the models", "name", optional=True),
            "batch": Option(None, "which batch size", "whole", low=1, high=1e12, optional=True),
            "dtype": Option(None, "which type of values", "name", optional=True),
            "buffers": Option(
                2, "of a stage's input and output each, beside those at work, to be kept free; "
                "none: no memory is", "whole", low=0, high=1e6, optional=True,
            ),
        },
    ),
    Format(
        name="exo",
        summary="a model card of exo, and its state (GET /state)",
        entry=".exo:read",
        files=("CARD.toml", "STATE.json"),
        options={
            **REQUEST,
            "head_dim": Option(
                None, "values of a head's keys, where the zoo does not have the model", "whole",
                low=1, high=1e6, optional=True,
            ),
            "weight_bits": Option(
                None, "bits of a weight, where the zoo does not have the model; none: as its "
                "quantization says", "number", low=0.01, high=64, optional=True,
            ),
            "memory_bytes_per_s": Option(
                None, "of every node's memory; none: as its chip's data sheet says", "number",
                low=1, high=1e18, optional=True,
            ),
            "speed_flops": Option(
                None, "of every node; none: as its chip's data sheet says", "number",
                low=1, high=1e24, optional=True,
            ),
            **REACHED,
            "network": Option(
                "gigabit", "network of the nodes, as in fleets", "choice", choices=tuple(LANS)
            ),
        },
    ),
    Format(
        name="helix",
        summary="an integer program that Helix writes (ilp_model.lp), or its cluster, machines and "
        "profiles (solve with --objective throughput, --partial as it plans)",
        entry=".helix_files:read",
        files=("FILE...",),
        options={
            "layers": Option(
                None, "of the model", "whole", low=1, high=10_000, optional=True
            ),
            "layer_bytes": Option(
                None, "of a layer's weights", "number", low=1, high=1e18, optional=True
            ),
            "width": Option(
                None, "values of 16 bits of a token between layers", "whole", low=1, high=1e9,
                optional=True,
            ),
            "batch": Option(
                32, "tokens that a machine makes at a time (nominal)", "whole", low=1, high=1e6
            ),
            "input": Option(750, "tokens that a request reads", "whole", low=1, high=1e6),
            "output": Option(240, "tokens that a request makes", "whole", low=1, high=1e6),
        },
    ),
    Format(
        name="mesh-llm",
        summary="scenarios of Mesh-LLM's planner (solve with --objective latency "
        "--contiguous ring)",
        entry=".mesh_llm:read",
        files=("SCENARIO.toml",),
        options={
            "context": Option(
                None, "tokens that a lane has room for; none: the native context", "whole",
                low=1, high=1e9, optional=True,
            ),
            "lanes": Option(1, "sequences that have room at once", "whole", low=1, high=1e6),
            "new_tokens": Option(1, "executions of decode in a request", "whole", low=1, high=1e9),
        },
    ),
)  # fmt: skip

FORMATS = Formats("importer", __name__, IMPORTERS)
"""What `splitfog import` reads; the group of entry points is `splitfog.importers`."""


def import_instance(
    form: str, files: str | PathLike[str] | Sequence[str | PathLike[str]], **options: Any
) -> Instance:
    """The instance that another tool's files describe.

    Parameters
    ----------
    form
        The format: one of ours, or of a distribution that offers some.
    files
        One path or several, in any order.
    **options
        The format's own, see `splitfog import --list`.

    Returns
    -------
    Instance

    Raises
    ------
    InstanceError
        Naming the file, where in it, the value and what is allowed.
    LookupError
        If there is no such format or option.
    ValueError
        For an option that is not allowed, or files that are too few or too many.
    """
    chosen = FORMATS.named(text("form", form))
    several = (files,) if isinstance(files, str | PathLike) else entries("files", files, PATHS)
    paths = [path_of("files", file) for file in several]
    chosen.require_files(paths)
    made = chosen.load()(paths, chosen.check(options))
    return record(f"what {chosen.name} returns", made, Instance, "an Instance")
