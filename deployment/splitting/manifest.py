"""The manifest of a split model (docs/parts.md), and what may be wrong in it.

It says all that running the parts needs: which part runs where, who sends which tensor to whom, in
which order and over which links, and what is predicted of it. The model itself is not needed.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import Literal

from msgspec import Struct
from msgspec import field as renamed

from splitfog.deployment.models.sessions import ELEMENTS, array_bytes
from splitfog.instances.defects import InstanceError, shown
from splitfog.instances.json_files import decode, encode, read_bytes, write_whole
from splitfog.instances.read_only import seal
from splitfog.instances.records import Name, NonNegative, Positive, Size

FORMAT: Literal["splitfog/manifest"] = "splitfog/manifest"
VERSION: Literal[1] = 1
FILE_NAME = "manifest.json"

RESULTS = "results"
"""In a tensor's `to`: the node that the task's results go to. No part bears that name."""


class ModelFile(Struct, frozen=True, forbid_unknown_fields=True):
    """The canonical model, whole: its file and the hash of that."""

    file: Name
    sha256: Name


class Predicted(Struct, frozen=True, forbid_unknown_fields=True):
    """Seconds of the plan by docs/costs.md, of this task alone; None where it has no such cost."""

    latency_s: NonNegative | None
    period_s: NonNegative | None


class ManifestNode(Struct, frozen=True, forbid_unknown_fields=True):
    """A node that runs a part, gives the inputs or passes a tensor on."""

    name: Name
    speed_flops: Positive


class ManifestLink(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One direction of a link that some tensor crosses."""

    tail: Name = renamed(name="from")
    head: Name = renamed(name="to")
    bandwidth_bps: Positive
    latency_s: NonNegative
    delay_s: NonNegative = 0.0

    def seconds(self, num_bytes: float) -> float:
        """Seconds until `num_bytes` have crossed.

        Parameters
        ----------
        num_bytes
            Of one tensor.

        Returns
        -------
        float
        """
        return self.latency_s + self.delay_s + 8 * num_bytes / self.bandwidth_bps


class PartSlice(Struct, frozen=True, forbid_unknown_fields=True):
    """Which slice of which stage a part is, and the rectangle of the stage's output it makes."""

    stage: Size
    index: Size
    rows: tuple[Size, Size]
    columns: tuple[Size, Size]


class Part(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A piece of the model in a file of its own, which one node runs.

    Attributes
    ----------
    name : unique.
    node : who runs it.
    file, sha256 : where it is, relative to the manifest, and the hash of that file.
    layers : of the model; none where it only cuts a tensor into rectangles or joins them.
    inputs, outputs : names of tensors; outputs are sent in this order.
    predicted_s : of one run.
    slice : None for all but slices.
    """

    name: Name
    node: Name
    file: Name
    sha256: Name
    layers: tuple[str, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    predicted_s: NonNegative
    slice: PartSlice | None = None


class Tensor(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What one part hands to others, or what the model is given.

    Attributes
    ----------
    name : unique; what the part files call it.
    dtype, shape, bytes : of the array, as it is sent: packed, in C order.
    maker : the part that makes it (`from` in the file); None: the model is given it.
    to : the parts that read it, and `RESULTS` where it goes to who wants the results.
    routes : by each of `to`, the nodes that it passes, from its own to the reader's.
    predicted_s : by each of `to`, seconds on the way, store and forward.
    region : of a rectangle [r0, r1) x [c0, c1) of a whole tensor, (r0, r1, c0, c1); else None.
    """

    name: Name
    dtype: str
    shape: tuple[Size, ...]
    bytes: Size
    maker: str | None = renamed(name="from")
    to: tuple[str, ...]
    routes: Mapping[str, tuple[str, ...]]
    predicted_s: Mapping[str, NonNegative]
    region: tuple[Size, Size, Size, Size] | None = None

    def __post_init__(self) -> None:
        seal(self, "routes", "predicted_s")


class Manifest(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything about a split model but the parts themselves.

    Attributes
    ----------
    format, version : of the file.
    instance, instance_sha256, plan_sha256, task : what was split, and by which plan.
    level : how far the canonical model was optimised.
    model : the canonical model.
    inputs, outputs : names of tensors, in the model's order.
    predicted : of the plan.
    nodes, links : those that take part, in the instance's order.
    parts : in an order in which they can run one after another.
    tensors : the inputs first, then by the part that makes them.
    """

    format: Literal["splitfog/manifest"] = FORMAT
    version: Literal[1] = VERSION
    instance: str
    instance_sha256: Name
    plan_sha256: Name
    task: str
    level: str
    model: ModelFile
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    predicted: Predicted
    nodes: tuple[ManifestNode, ...]
    links: tuple[ManifestLink, ...]
    parts: tuple[Part, ...]
    tensors: tuple[Tensor, ...]

    def tensor(self, name: str) -> Tensor:
        """The tensor of a name.

        Parameters
        ----------
        name
            One of `tensors`.

        Returns
        -------
        Tensor

        Raises
        ------
        LookupError
            Where there is none.
        """
        for tensor in self.tensors:
            if tensor.name == name:
                return tensor
        raise LookupError(f"no tensor {name!r} in the manifest")


def load_manifest(path: str | os.PathLike[str]) -> Manifest:
    """The manifest in a file, or in a folder that `split` wrote.

    Parameters
    ----------
    path
        Of `manifest.json` or of its folder.

    Returns
    -------
    Manifest

    Raises
    ------
    InstanceError
        Listing every defect of the file (at most 20). The parts' files are not looked at.
    """
    path = manifest_path(path)
    found: Manifest = decode(read_bytes(path), Manifest, path.name)
    if defects := list(manifest_defects(found)):
        raise InstanceError(path.name, defects)
    return found


def save_manifest(manifest: Manifest, path: str | os.PathLike[str]) -> None:
    """Write a manifest file, whole or not at all.

    Parameters
    ----------
    manifest
        As `split` gives it.
    path
        Of the file.
    """
    write_whole(path, encode(manifest))


def manifest_path(path: str | os.PathLike[str]) -> Path:
    """The manifest's file, given it or its folder."""
    path = Path(path)
    return path / FILE_NAME if path.is_dir() else path


def checked_file(folder: Path, file: str, sha256: str) -> bytes:
    """The bytes of a file that a manifest names, which must still be those of its hash.

    Raises
    ------
    InstanceError
        Naming the file, where it is missing or has changed.
    """
    content = read_bytes(folder / file)
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise InstanceError(
            file, [f"sha256 = {found}, must be {sha256}: it was changed after the manifest"]
        )
    return content


def manifest_defects(manifest: Manifest) -> Iterator[str]:
    """What is wrong between the records of a manifest, each with its path, as sentences."""
    yield from _names(manifest)
    parts = {part.name: position for position, part in enumerate(manifest.parts)}
    tensors = {tensor.name: tensor for tensor in manifest.tensors}
    yield from _files(manifest)
    for position, part in enumerate(manifest.parts):
        yield from _part(manifest, position, part, parts, tensors)
    for position, tensor in enumerate(manifest.tensors):
        yield from _tensor(manifest, f"tensors[{position}]", tensor, parts)
    for kind in ("inputs", "outputs"):
        for position, name in enumerate(getattr(manifest, kind)):
            at = f"{kind}[{position}] = {shown(name)}"
            if name not in tensors:
                yield f"{at}, must be the name of a tensor"
            elif kind == "inputs" and tensors[name].maker is not None:
                yield f"{at}, must be a tensor that no part makes"
    for position, tensor in enumerate(manifest.tensors):
        if tensor.maker is None and tensor.name not in manifest.inputs:
            yield f"tensors[{position}].from = null, must be a part: it is not among the inputs"


def _names(manifest: Manifest) -> Iterator[str]:
    for kind in ("nodes", "parts", "tensors"):
        seen: set[str] = set()
        for position, entry in enumerate(getattr(manifest, kind)):
            if entry.name in seen:
                yield f"{kind}[{position}].name = {shown(entry.name)} stands twice"
            seen.add(entry.name)
    nodes = {node.name for node in manifest.nodes}
    pairs: set[tuple[str, str]] = set()
    for position, link in enumerate(manifest.links):
        for end, name in (("from", link.tail), ("to", link.head)):
            if name not in nodes:
                yield f"links[{position}].{end} = {shown(name)}, must be one of the nodes"
        if (link.tail, link.head) in pairs:
            yield f"links[{position}] from {link.tail} to {link.head} stands twice"
        pairs.add((link.tail, link.head))


def _files(manifest: Manifest) -> Iterator[str]:
    """All lie beside the manifest, so that none can name a file elsewhere."""
    files = {f"parts[{position}]": part.file for position, part in enumerate(manifest.parts)}
    for at, file in {"model": manifest.model.file, **files}.items():
        if PurePosixPath(file).name != file or "\\" in file or ":" in file:
            yield f"{at}.file = {shown(file)}, must be a file beside the manifest"


def _part(
    manifest: Manifest,
    position: int,
    part: Part,
    parts: Mapping[str, int],
    tensors: Mapping[str, Tensor],
) -> Iterator[str]:
    at = f"parts[{position}]"
    if part.node not in {node.name for node in manifest.nodes}:
        yield f"{at}.node = {shown(part.node)}, must be one of the nodes"
    if part.name == RESULTS:
        yield f"{at}.name = {shown(part.name)}, which is kept for where results go"
    for kind in ("inputs", "outputs"):
        names = getattr(part, kind)
        for number, name in enumerate(names):
            said = f"{at}.{kind}[{number}] = {shown(name)}"
            tensor = tensors.get(name)
            if tensor is None:
                yield f"{said}, must be the name of a tensor"
            elif name in names[:number]:
                yield f"{said} stands twice"
            elif kind == "outputs" and tensor.maker != part.name:
                yield f"{said}, which is from {shown(tensor.maker)}"
            elif kind == "inputs" and part.name not in tensor.to:
                yield f"{said}, which does not go to this part"
            elif kind == "inputs" and parts.get(tensor.maker or "", -1) >= position:
                yield f"{said}, must be made by an earlier part"


def _tensor(manifest: Manifest, at: str, tensor: Tensor, parts: Mapping[str, int]) -> Iterator[str]:
    if tensor.dtype not in ELEMENTS:
        yield f"{at}.dtype = {shown(tensor.dtype)}, must be one of {', '.join(ELEMENTS)}"
    elif tensor.bytes != (size := array_bytes(tensor.dtype, tensor.shape)):
        yield f"{at}.bytes = {tensor.bytes}, must be {size} by dtype and shape"
    maker = None if tensor.maker is None else parts.get(tensor.maker)
    if tensor.maker is not None:
        if maker is None:
            yield f"{at}.from = {shown(tensor.maker)}, must be the name of a part"
        elif tensor.name not in manifest.parts[maker].outputs:
            yield f"{at}.from = {shown(tensor.maker)}, which has no such output"
    for number, reader in enumerate(tensor.to):
        if reader in tensor.to[:number]:
            yield f"{at}.to[{number}] = {shown(reader)} stands twice"
        elif reader == RESULTS:
            if tensor.name not in manifest.outputs:
                yield f"{at}.to[{number}] = {shown(reader)}, but it is not among the outputs"
        elif reader not in parts:
            yield f"{at}.to[{number}] = {shown(reader)}, must be the name of a part"
        elif tensor.name not in manifest.parts[parts[reader]].inputs:
            yield f"{at}.to[{number}] = {shown(reader)}, which has no such input"
    for kind in ("routes", "predicted_s"):
        if set(getattr(tensor, kind)) != set(tensor.to):
            yield f"{at}.{kind} must have one entry for each of {at}.to"
    start = None if maker is None else manifest.parts[maker].node
    for reader, route in tensor.routes.items():
        end = manifest.parts[parts[reader]].node if reader in parts else None
        yield from _route(manifest, f"{at}.routes.{reader}", route, start, end)


def _route(
    manifest: Manifest, at: str, route: tuple[str, ...], start: str | None, end: str | None
) -> Iterator[str]:
    nodes = {node.name for node in manifest.nodes}
    pairs = {(link.tail, link.head) for link in manifest.links}
    said = f"{at} = {shown(list(route))}"
    if not route or not nodes.issuperset(route):
        yield f"{said}, must be a list of nodes"
    elif start is not None and route[0] != start:
        yield f"{said}, must begin at {start}, where it is made"
    elif end is not None and route[-1] != end:
        yield f"{said}, must end at {end}, where it is read"
    else:
        for tail, head in pairwise(route):
            if (tail, head) not in pairs:
                yield f"{said}, but there is no link from {tail} to {head}"
