"""`mesh-llm`: the file of `mesh-llm serve --split-topology-lock`, which pins a split.

Needs `--option model=hf://OWNER/NAME@REVISION`, the package of layers, and
`--option manifest_sha256=...` of its `model-package.json`. `--option NODE=NAME` says a node's host
name or endpoint there. Ranges are half open, no node has two, the first stage has the embedding
and the last one the head (the page SKIPPY_SPLITS in Mesh-LLM's repository, September 2026).
"""

from __future__ import annotations

import re

from splitfog.deployment.exporters.asked import Asked, Export
from splitfog.deployment.exporters.pipeline import pipeline_of
from splitfog.instances.json_files import encode

MANIFEST = re.compile(r"[0-9a-f]{64}")
REVISION = re.compile(r"[^@\s]+@[^@\s]+")


def export(asked: Asked) -> Export:
    """The stages in order."""
    runs = pipeline_of(asked).line("Mesh-LLM")
    called = asked.unlike(run.node for run in runs)
    model = asked.needed("model", "hf://OWNER/NAME@REVISION").removeprefix("hf://")
    if not REVISION.fullmatch(model):
        raise ValueError(f"model = {model!r}, must be hf://OWNER/NAME@REVISION")
    manifest = asked.needed("manifest_sha256", "SHA256").lower()
    if not MANIFEST.fullmatch(manifest):
        raise ValueError(f"manifest_sha256 = {manifest!r}, must be 64 hexadecimal digits")
    stages = [
        {"node": name, "layer_start": run.start, "layer_end": run.end}
        for name, run in zip(called, runs, strict=True)
    ]
    lock = {"version": 1, "model": f"hf://{model}", "manifest_sha256": manifest, "stages": stages}
    return Export(encode(lock))
