"""Files of exporters, read as their runtimes read them: the node of every block, in letters."""

from __future__ import annotations

import json
import re
import shlex
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import pytest

yaml: Any = pytest.importorskip("yaml")

HOSTS = {"a": "h1:50052", "b": "h2:50052", "c": "h3:50052"}
"""Where nodes are, in what is read here."""


def _mesh_llm(content: str) -> str:
    stages = json.loads(content)["stages"]
    return _runs((x["node"], x["layer_end"] - x["layer_start"]) for x in stages)


def _exo(content: str) -> str:
    return _runs(json.loads(content)["node_layers"].items())


def _vllm(content: str) -> str:
    nodes = re.findall(r"^# stage \d+: (\w),", content, re.MULTILINE)
    counts = re.findall(r'PARTITION="(.*)"', content)[0].split(",")
    return _runs(zip(nodes, map(int, counts), strict=True))


def _pipeedge(content: str) -> str:
    """By ranks, not by nodes."""
    ends, ranks = (shlex.split(content)[at].split(",") for at in (1, 3))
    lengths = [int(end) - int(start) + 1 for start, end in zip(ends[::2], ends[1::2], strict=True)]
    return _runs(zip(ranks, lengths, strict=True))


def _cake(content: str) -> str:
    held: dict[int, str] = {}
    for node, worker in yaml.safe_load(content).items():
        for run in worker["layers"]:
            first, _, last = run.removeprefix("model.layers.").partition("-")
            held |= dict.fromkeys(range(int(first), int(last or first) + 1), node)
    return _in_order(held)


def _dnet(content: str) -> str:
    assignments = json.loads(content)["assignments"]
    return _in_order(
        {block: x["instance"] for x in assignments for run in x["layers"] for block in run}
    )


def _parallax(content: str) -> str:
    lines = re.findall(r"^# (\w)\n--start-layer (\d+) --end-layer (\d+)$", content, re.MULTILINE)
    return _runs((node, int(end) - int(start)) for node, start, end in lines)


def _prima_cpp(content: str) -> str:
    """In a round the ranks from 1 have their windows, then rank 0."""
    nodes = re.findall(r"^# (\w)", content, re.MULTILINE)
    windows = [int(count) for count in re.findall(r"-lw (\S+)", content)[0].split(",")]
    return _runs((nodes[rank], windows[rank]) for rank in [*range(1, len(nodes)), 0])


def _llama_cpp(content: str) -> str:
    """With the head's: layer i of L + 1 is the device's in whose share i / (L + 1) falls."""
    words = shlex.split(content.splitlines()[1])
    given = dict(zip(words[::2], words[1::2], strict=True))
    node_of = {host: node for node, host in HOSTS.items()}
    servers = given["--rpc"].split(",")
    devices = [node_of[servers[int(x.removeprefix("RPC"))]] for x in given["--device"].split(",")]
    sums = np.cumsum([np.float32(share) for share in given["--tensor-split"].split(",")])
    shares = (sums / sums[-1]).tolist()
    parts = np.arange(FOUR + 1, dtype=np.float32) / np.float32(FOUR + 1)
    return "".join(devices[bisect_right(shares, part)] for part in parts.tolist())


FOUR = 4
"""Blocks of the model, which llama.cpp reads elsewhere."""
READERS: Mapping[str, Callable[[str], str]] = {
    "cake": _cake,
    "dnet": _dnet,
    "exo": _exo,
    "llama-cpp": _llama_cpp,
    "mesh-llm": _mesh_llm,
    "parallax": _parallax,
    "pipeedge": _pipeedge,
    "prima-cpp": _prima_cpp,
    "vllm": _vllm,
}


def _runs(runs: Iterable[tuple[str, int]]) -> str:
    return "".join(node * count for node, count in runs)


def _in_order(held: Mapping[int, str]) -> str:
    return "".join(held[block] for block in range(len(held)))
