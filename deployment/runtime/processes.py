"""Nodes as processes of this machine: started, watched, and ended whatever happens."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import Timer
from typing import IO

START_S = 120.0
"""Loading a node's parts takes at most so long."""

END_S = 0.5
"""A process that has been told to end has so long before it is killed."""


class NodeProcess:
    """A node on loopback; it ends when this process does, however that ends.

    Parameters
    ----------
    name
        Of the node.
    manifests
        Of the plans that it holds parts of.
    """

    def __init__(self, name: str, manifests: Sequence[Path]) -> None:
        self.name = name
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        self._process = subprocess.Popen(
            [sys.executable, "-m", "splitfog.deployment.runtime.node"],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            start_new_session=True,  # Ctrl-C is for the driver, which ends its nodes itself
        )
        served = {
            "manifests": [str(path.resolve()) for path in manifests],
            "node": name,
            "place": "127.0.0.1:*",
        }
        with suppress(BrokenPipeError):
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps(served).encode() + b"\n")
            self._process.stdin.flush()

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def endpoint(self) -> str:
        """Where it listens; waits until it does.

        Raises
        ------
        ValueError
            What is wrong with what it is to serve, or how it ended without a word.
        """
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        said = json.loads(line) if line.endswith(b"\n") else {}
        if "defect" in said:
            raise ValueError(said["defect"])
        if "endpoint" not in said:
            self._process.wait(END_S)
            raise ValueError(f"node {self.name} did not start: {self.death()}")
        return str(said["endpoint"])

    def death(self) -> str | None:
        """How it has ended, in words; None while it runs."""
        code = self._process.poll()
        if code is None:
            return None
        if code < 0:
            return f"was killed by signal {-code} ({signal.Signals(-code).name})"
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return f"ended with exit code {code}: {lines[-1] if lines else 'no message'}"

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()

    def end(self) -> None:
        """Tell it to end; does not wait."""
        with suppress(OSError):
            assert self._process.stdin is not None
            self._process.stdin.close()

    def wait(self, until_s: float) -> None:
        """Wait for its end until `time.monotonic` says `until_s`, then kill it."""
        try:
            self._process.wait(max(0.0, until_s - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        finally:
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._errors.close()


@contextmanager
def loopback_nodes(manifests: Mapping[str, Sequence[Path]]) -> Iterator[dict[str, NodeProcess]]:
    """A process for each node, with the manifests that it serves; none is left afterwards."""
    nodes: dict[str, NodeProcess] = {}
    with ExitStack() as stack:
        stack.callback(_end_all, nodes)
        for name, served in manifests.items():
            nodes[name] = NodeProcess(name, served)
        yield nodes


def endpoints(nodes: Mapping[str, NodeProcess]) -> dict[str, str]:
    """Where all of them listen; waits until they do."""
    timer = Timer(START_S, _kill_all, [nodes])
    timer.daemon = True
    timer.start()
    try:
        return {name: node.endpoint() for name, node in nodes.items()}
    finally:
        timer.cancel()


def _kill_all(nodes: Mapping[str, NodeProcess]) -> None:
    for node in nodes.values():
        node.kill()


def _end_all(nodes: Mapping[str, NodeProcess]) -> None:
    for node in nodes.values():
        node.end()
    until_s = time.monotonic() + END_S
    for node in nodes.values():
        node.wait(until_s)
