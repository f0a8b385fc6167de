"""Instance files: `.json` and `.json.gz`, read strictly and written whole or not at all."""

from __future__ import annotations

import hashlib
import os
from typing import Any

from splitfog.instances.arguments import path as path_of
from splitfog.instances.arguments import record
from splitfog.instances.defects import InstanceError, references_beside
from splitfog.instances.instance import Instance, InstanceFile, encode_instance
from splitfog.instances.json_files import decode, read_bytes, write_whole
from splitfog.instances.records import changed

GivenInstance = Instance | str | os.PathLike[str]
"""What public functions take for an instance: one, or the path of its file."""


def instance_of(given: GivenInstance) -> Instance:
    """The instance itself, or the one in the file that a path names.

    Raises
    ------
    ValueError
        For anything else.
    InstanceError
        As `load_instance`.
    """
    if isinstance(given, str | os.PathLike):
        return load_instance(given)
    return record("instance", given, Instance, "an Instance or the path of its file")


def load_instance(path: str | os.PathLike[str]) -> Instance:
    """The instance in a file.

    Parameters
    ----------
    path
        Of the file, `.json` or `.json.gz`.

    Returns
    -------
    Instance

    Raises
    ------
    InstanceError
        Listing every defect of the file (at most 20).
    """
    path = path_of("path", path)
    content = read_bytes(path)
    instance = parse_instance(content, path.name)
    return as_read(instance, instance.sha256, str(path))


def as_read(instance: Instance, sha256: str, file: str | None) -> Instance:
    """The instance, just made, that says of which file it is; None: of none."""
    object.__setattr__(instance, "read_sha256", sha256)
    object.__setattr__(instance, "read_file", file)
    return instance


def parse_instance(content: bytes, origin: str) -> Instance:
    """The instance in the (decompressed) bytes of a file; `origin` names it in errors."""
    file = decode(content, InstanceFile, origin, references_beside)
    try:
        instance = Instance(
            name=file.name,
            tiers=file.tiers,
            nodes=file.nodes,
            links=file.links,
            models=file.models,
            tasks=file.tasks,
            meta=file.meta,
            routing=file.routing,
        )
    except InstanceError as error:
        raise InstanceError(origin, error.found) from None
    return as_read(instance, hashlib.sha256(content).hexdigest(), None)


def save_instance(instance: Instance, path: str | os.PathLike[str]) -> None:
    """Write an instance file, whole or not at all.

    Parameters
    ----------
    instance
        What is written.
    path
        Of the file; compressed if it ends in `.gz`.
    """
    instance = record("instance", instance, Instance, "an Instance")
    write_whole(path_of("path", path), encode_instance(instance))


def with_meta(instance: Instance, **entries: Any) -> Instance:
    """The same instance with entries added to its `meta`."""
    return changed(instance, meta={**instance.meta, **entries})
