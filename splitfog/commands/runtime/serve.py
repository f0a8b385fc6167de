"""`splitfog serve`: one node of a plan, on its own machine."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from splitfog.commands.shell import DONE, put, say

EXAMPLES = ("splitfog serve parts --node edge0 --bind 127.0.0.1:5555",)


def run(
    manifests: Annotated[
        list[Path],
        typer.Argument(metavar="MANIFEST", help="manifests of plans, or their folders"),
    ],
    node: Annotated[str | None, typer.Option(metavar="NAME", help="which node this is")] = None,
    bind: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="where to listen; port * is a free one")
    ] = None,
    keys: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="certificates; needed but on loopback"),
    ] = None,
    make_keys: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="write certificates of all nodes instead, and end"),
    ] = None,
) -> int:
    """Run one node's parts for splitfog run --hosts, until interrupted.

    The node takes one run after another. It needs the manifests and the files of its own parts
    only. Off loopback everything is encrypted, and only those whose certificates lie in --keys are
    listened to.

    --make-keys DIR writes NAME.key and NAME.key_secret for every node and for `driver`, who runs
    splitfog run. Each machine then gets all NAME.key, and of NAME.key_secret its own alone.
    """
    from splitfog.deployment.models.sessions import require_installed

    require_installed("onnxruntime", "zmq")
    if make_keys is not None:
        put("".join(f"{path}\n" for path in _make(manifests, make_keys)))
        return DONE
    from splitfog.deployment.runtime.node import serve

    if node is None:
        raise ValueError("--node NAME is missing")
    if bind is None:
        raise ValueError("--bind HOST:PORT is missing")
    with suppress(KeyboardInterrupt):
        serve(manifests, node, bind, keys, lambda endpoint: say(f"node {node} listens: {endpoint}"))
    return DONE


def _make(manifests: list[Path], folder: Path) -> list[Path]:
    from splitfog.deployment.splitting.manifest import load_manifest
    from splitfog.deployment.wire.keys import DRIVER, make_keys

    nodes = [node.name for path in manifests for node in load_manifest(path).nodes]
    return make_keys(folder, dict.fromkeys([DRIVER, *nodes]))
