"""Nodes' processes as they start."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("onnxruntime")
pytest.importorskip("zmq")

from splitfog.deployment.runtime import processes
from splitfog.deployment.runtime.processes import endpoints, loopback_nodes


def test_a_node_that_is_killed_while_it_starts_is_named(split_branches: Path) -> None:
    """As bad surroundings, in a sentence; a bug of ours would end in a traceback."""
    with loopback_nodes({"pi": [split_branches], "box": [split_branches]}) as nodes:
        os.kill(nodes["box"].pid, signal.SIGKILL)
        with pytest.raises(ValueError, match=r"node box did not start: was killed by signal 9"):
            endpoints(nodes)


def test_a_node_that_hangs_while_it_starts_is_named(
    split_branches: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once it has been silent for too long, not when all loading must be over; and it is ended."""
    monkeypatch.setattr(processes, "SILENCE_S", 2.0)
    began_s = time.monotonic()
    with loopback_nodes({"box": [split_branches]}) as nodes:
        os.kill(nodes["box"].pid, signal.SIGSTOP)
        with pytest.raises(ValueError, match=r"box hangs as it starts: .* not say a word for 2 s"):
            endpoints(nodes)
    assert time.monotonic() - began_s < processes.START_S / 2
    assert nodes["box"].death() == "was killed by signal 9 (SIGKILL)"


def test_a_node_that_takes_its_time_is_waited_for(
    split_branches: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its signs of life are enough: `kept` holds it back for longer than silence is allowed."""
    monkeypatch.setattr(processes, "SILENCE_S", 4.0)
    slow = split_branches.parent / "slow.py"
    slow.write_text(
        "import time\n"
        "from splitfog.deployment.runtime import node\n"
        "hold = node.hold\n"
        "node.hold = lambda *given: (time.sleep(5), hold(*given))[1]\n"
        "node.main()\n"
    )
    popen: Any = subprocess.Popen

    def start(words: list[str], **how: Any) -> Any:
        return popen([words[0], str(slow)], **how)

    monkeypatch.setattr(subprocess, "Popen", start)
    with loopback_nodes({"box": [split_branches]}) as nodes:
        assert endpoints(nodes)["box"].startswith("tcp://127.0.0.1:")
