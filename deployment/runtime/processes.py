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
from queue import Empty, SimpleQueue
from threading import Thread
from typing import IO

START_S = 120.0
"""Loading a node's parts takes at most so long."""

SILENCE_S = 10.0
"""A node that starts says so every half second; after so long without a word it hangs. (Loading
2 GB keeps it from speaking for 5 s.)"""

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
        self._lines: SimpleQueue[bytes] = SimpleQueue()
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def endpoint(self) -> str:
        """Where it listens; waits until it does.

        Raises
        ------
        ValueError
            What is wrong with what it is to serve, how it ended without a word, or that it hangs.
        """
        until_s = time.monotonic() + START_S
        while time.monotonic() < until_s:
            try:
                line = self._lines.get(timeout=SILENCE_S)
            except Empty:
                said = f"does not say a word for {SILENCE_S:g} s"
                raise ValueError(f"node {self.name} hangs as it starts: it {said}") from None
            if not line.endswith(b"\n"):  # the end of what it says
                with suppress(subprocess.TimeoutExpired):
                    self._process.wait(END_S)
                raise ValueError(f"node {self.name} did not start: {self.death()}")
            said = json.loads(line)
            if "defect" in said:
                raise ValueError(said["defect"])
            if "endpoint" in said:
                return str(said["endpoint"])
        raise ValueError(f"node {self.name} did not start within {START_S:g} s")

    def _read(self) -> None:
        """Take in what it says, line by line; the last one is empty."""
        assert self._process.stdout is not None
        line = b"\n"
        while line.endswith(b"\n"):
            line = self._process.stdout.readline()
            self._lines.put(line)

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
            self._reader.join()
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
    return {name: node.endpoint() for name, node in nodes.items()}


def _end_all(nodes: Mapping[str, NodeProcess]) -> None:
    for node in nodes.values():
        node.end()
    until_s = time.monotonic() + END_S
    for node in nodes.values():
        node.wait(until_s)
