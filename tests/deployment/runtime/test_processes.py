"""Nodes' processes as they start."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("onnxruntime")
pytest.importorskip("zmq")

from splitfog.deployment.runtime.processes import endpoints, loopback_nodes


def test_a_node_that_is_killed_while_it_starts_is_named(split_branches: Path) -> None:
    """As bad surroundings, in a sentence; a bug of ours would end in a traceback."""
    with loopback_nodes({"pi": [split_branches], "box": [split_branches]}) as nodes:
        nodes["box"].kill()
        with pytest.raises(ValueError, match=r"node box did not start: was killed by signal 9"):
            endpoints(nodes)
