"""`exo`: the numbers of blocks of exo's nodes, or an instance of exo with their shards.

`--option NODE=ID` says the node's id in exo's GET /state. What is written by default,
`{"node_layers": {ID: BLOCKS}}`, is what pull request 2253 of exo proposes for placements; nodes
without blocks are left out.

`--option form=instance` writes the body of POST /instance: a ring of shards with half open ranges,
ranked in their order (`CreateInstanceParams`, June 2026). It needs `--option card=FILE`, the
model's card as exo has it (TOML), and, where there are several nodes, `--option NODE=ID@ADDRESS`;
`--option port=...` (by default 50000) is where they listen.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from splitfog.deployment.exporters.asked import Asked, Export
from splitfog.deployment.exporters.pipeline import Run, pipeline_of
from splitfog.instances.importers.reading import read_toml
from splitfog.instances.json_files import encode

NOBODY: Mapping[str, str | int] = {"ip": "198.51.100.1", "port": 0}
"""Stands for a node that is no neighbour: an address that exists nowhere."""


def export(asked: Asked) -> Export:
    """The form that is asked for, as JSON."""
    runs = pipeline_of(asked).line("exo")
    called = [asked.called(run.node) for run in runs]
    ids = _ids(called)
    if asked.options["form"] == "node_layers":
        layers = {name: len(run) for name, run in zip(ids, runs, strict=True)}
        return Export(encode({"node_layers": layers}))
    return Export(encode({"instance": {"MlxRingInstance": _instance(asked, runs, called, ids)}}))


def _instance(
    asked: Asked, runs: tuple[Run, ...], called: list[str], ids: list[str]
) -> dict[str, Any]:
    """A ring of the nodes in the order of their blocks."""
    card = _card(Path(asked.needed("card", "FILE")), runs[-1].end)
    port = asked.options["port"]
    name = f"splitfog-{asked.given.plan_sha256[:16]}"
    runners = [f"{name}-{rank}" for rank in range(len(runs))]
    return {
        "instance_id": name,
        "shard_assignments": {
            "model_id": card["model_id"],
            "runner_to_shard": {
                runner: {"PipelineShardMetadata": _shard(card, rank, runs)}
                for rank, runner in enumerate(runners)
            },
            "node_to_runner": dict(zip(ids, runners, strict=True)),
        },
        "hosts_by_node": {own: _hosts(called, rank, port) for rank, own in enumerate(ids)},
        "ephemeral_port": port,
    }


def _ids(called: list[str]) -> list[str]:
    """What stands before `@` in every name; each is another."""
    ids = [name.partition("@")[0] for name in called]
    for own in ids:
        if ids.count(own) > 1:
            raise ValueError(f"id {own!r} stands for {ids.count(own)} nodes, must stand for one")
    return ids


def _shard(card: Mapping[str, Any], rank: int, runs: tuple[Run, ...]) -> dict[str, Any]:
    return {
        "model_card": card,
        "device_rank": rank,
        "world_size": len(runs),
        "start_layer": runs[rank].start,
        "end_layer": runs[rank].end,
        "n_layers": runs[-1].end,
    }


def _hosts(called: list[str], rank: int, port: int) -> list[Mapping[str, str | int]]:
    """Where a node finds its two neighbours in the ring."""
    count = len(called)
    hosts: list[Mapping[str, str | int]] = [NOBODY] * count
    for other in {(rank - 1) % count, (rank + 1) % count} - {rank}:
        own, _, address = called[other].partition("@")
        if not address:
            raise ValueError(f"{own} has no address: give one, as in --option NODE={own}@ADDRESS")
        hosts[other] = {"ip": address, "port": port}
    hosts[rank] = {"ip": "0.0.0.0", "port": port}
    return hosts


def _card(path: Path, blocks: int) -> dict[str, Any]:
    """A model's card, which must be of a model with as many blocks."""
    card = read_toml(path)
    if not isinstance(card.get("model_id"), str):
        raise ValueError(f"{path}: model_id is missing, must be a name")
    if card.get("n_layers") != blocks:
        raise ValueError(f"{path}: n_layers = {card.get('n_layers')!r}, must be {blocks} as here")
    return card
