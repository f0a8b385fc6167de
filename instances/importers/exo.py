"""exo: a model card (TOML) and what its API says at /state (JSON).

github.com/exo-explore/exo. The card tells bytes of the whole model, the state which nodes there
are, how much memory is free and who is linked with whom. Neither tells speeds: those of Apple's
chips are data-sheet figures, others must be told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from splitfog.instances import zoo
from splitfog.instances.defects import InstanceError
from splitfog.instances.generators.machines import MACHINES, MachinePreset
from splitfog.instances.generators.presets import LANS
from splitfog.instances.importers.chain import (
    TIER,
    chain,
    prefill_and_decode,
    served,
)
from splitfog.instances.importers.reading import (
    Amount,
    AnyName,
    Blocks,
    Whole,
    read_json,
    read_toml,
    record_of,
    refuse,
    text_of,
)
from splitfog.instances.instance import Instance
from splitfog.instances.lookup import unknown_name
from splitfog.instances.records import Link, Model, Node
from splitfog.instances.zoo.language.decoder import Decoder
from splitfog.instances.zoo.language.models import DECODERS

REFERENCE = "model card and state of github.com/exo-explore/exo"

CHIPS = {
    "Apple M1": "mac-mini-m1",
    "Apple M2": "macbook-air-m2",
    "Apple M4": "mac-mini-m4",
    "Apple M4 Pro": "mac-mini-m4-pro",
    "Apple M4 Max": "macbook-pro-m4-max",
    "Apple M3 Ultra": "mac-studio-m3-ultra",
}
"""`chipId` of a node -> machine with its speeds."""

SAME_SHAPE = {
    "llama-3.1-8b": "llama-3-8b",
    "llama-3.1-70b": "llama-3-70b",
    "llama-3.3-70b": "llama-3-70b",
}
"""`base_model` -> language model of the zoo with the same layers."""

QUANTIZED_BITS = {"4bit": 4.5, "5bit": 5.5, "6bit": 6.5, "8bit": 8.5, "bf16": 16.0, "fp16": 16.0}
"""Of a weight: a scale and an offset of 16 bits for every 64 of the quantised ones."""


class Size(Struct, kw_only=True):
    """Bytes."""

    in_bytes: Amount


class Card(Struct, kw_only=True):
    """What is read of a model card."""

    model_id: AnyName = "model"
    n_layers: Blocks
    hidden_size: Whole
    num_key_value_heads: Whole | None = None
    quantization: str = ""
    base_model: str = ""
    context_length: Amount = 0
    storage_size: Size


class CamelSize(Struct, kw_only=True, rename="camel"):
    """Bytes."""

    in_bytes: Amount


class Memory(Struct, kw_only=True, rename="camel"):
    """Memory of a node."""

    ram_available: CamelSize


class Identity(Struct, kw_only=True, rename="camel"):
    """What a node is."""

    chip_id: str = "Unknown"


class Topology(Struct, kw_only=True):
    """Who is linked with whom, by nodes; nothing told of a link is read."""

    nodes: list[AnyName] = field(default_factory=list)
    connections: dict[str, dict[str, Any]] = field(default_factory=dict)


class State(Struct, kw_only=True, rename="camel"):
    """What is read of a state."""

    node_memory: dict[str, Memory]
    node_identities: dict[str, Identity] = field(default_factory=dict)
    topology: Topology | None = None


def read(files: Sequence[Path], options: Mapping[str, Any]) -> Instance:
    """A request to the card's model on the state's nodes, of which the first is the source.

    Where `base_model` is in the zoo, its layers are the zoo's, with so many bits a weight that the
    bytes are the card's. Else every block has an even share of them, as exo counts, and the cache
    of keys and values needs `head_dim`. Two nodes are linked where the state connects them in
    either direction (all are, where it connects none).

    Parameters
    ----------
    files
        Card and state, in any order.
    options
        Of the request: `prompt`, `new_tokens`, `batch`, `context`, `kv_bits`, `token`; of an
        unknown model `head_dim` and `weight_bits`; of machines `memory_bytes_per_s`,
        `speed_flops`, `speed_share`, `traffic_share`, `network`.

    Raises
    ------
    InstanceError
        Naming the file and what is wrong in it.
    """
    card_path, state_path = _told_apart(files)
    card = record_of(read_toml(card_path), Card, card_path)
    state = record_of(_camel(read_json(state_path)), State, state_path)
    if not state.node_memory:
        raise refuse(state_path, "nodeMemory", {}, "an object with at least one node")
    decoder = _decoder(card_path, card)
    if decoder is None:
        model = _even_shares(card_path, card, options)
    else:
        model = _of_zoo(card_path, card, decoder, options)
    nodes = [
        Node(
            name=name,
            tier=TIER,
            speed_flops=_speed("speed_flops", state_path, name, state, options),
            memory_bytes_per_s=_speed("memory_bytes_per_s", state_path, name, state, options),
            memory_bytes=memory.ram_available.in_bytes,
        )
        for name, memory in state.node_memory.items()
    ]
    links = list(_links(state_path, state, options["network"]))
    return served(state_path, nodes, links, model, REFERENCE)


def _told_apart(files: Sequence[Path]) -> tuple[Path, Path]:
    """Card and state: TOML does not begin as a JSON object does."""
    first, second = files
    json = [text_of(file).lstrip().startswith("{") for file in files]
    return (second, first) if json == [True, False] else (first, second)


def _camel(data: Any) -> Any:
    """Keys as the API writes them, where they are written as its code does."""
    if isinstance(data, list):
        return [_camel(entry) for entry in data]
    if not isinstance(data, dict):
        return data
    known = ("node_memory", "node_identities", "ram_available", "in_bytes", "chip_id")
    names = {name: re.sub(r"_(\w)", lambda match: match[1].upper(), name) for name in known}
    return {names.get(key, key): _camel(value) for key, value in data.items()}


def _decoder(path: Path, card: Card) -> Decoder | None:
    """The zoo's model that the card's is, if any; its shape must be the card's."""
    name = re.sub(r"[\s_]+", "-", card.base_model.strip().lower())
    decoder = DECODERS.get(SAME_SHAPE.get(name, name))
    if decoder is None:
        return None
    told = {"n_layers": decoder.blocks, "hidden_size": decoder.width}
    if card.num_key_value_heads is not None:
        told["num_key_value_heads"] = decoder.kv_heads
    for key, wanted in told.items():
        if getattr(card, key) != wanted:
            allowed = f"{wanted} as base_model is {card.base_model}"
            raise refuse(path, key, getattr(card, key), allowed)
    return decoder


def _of_zoo(path: Path, card: Card, decoder: Decoder, options: Mapping[str, Any]) -> Model:
    """The zoo's chain with the card's bytes: norms and biases have 16 bits."""
    for key in ("head_dim", "weight_bits"):
        if options[key] is not None:
            why = f"left out: {path} names a model of the zoo, which has its own"
            raise ValueError(f"option {key} = {options[key]}, must be {why}")
    vectors = decoder.blocks * decoder.block_vectors + decoder.norm
    matrices = decoder.parameters - vectors
    bits = (8 * card.storage_size.in_bytes - 16 * vectors) / matrices
    if not 0 < bits <= 64:
        allowed = f"bytes of the {decoder.parameters} parameters of {card.base_model}"
        raise refuse(path, "storage_size.in_bytes", card.storage_size.in_bytes, allowed)
    return zoo.transformer(
        decoder.name,
        weight_bits=bits,
        **{
            key: options[key]
            for key in ("prompt", "new_tokens", "batch", "context", "kv_bits", "token")
        },
    )


def _even_shares(path: Path, card: Card, options: Mapping[str, Any]) -> Model:
    """Blocks of equal bytes, which are all read for a token, each weight in one multiply-add."""
    if options["token"] != "source":
        raise ValueError(f"option token = {options['token']!r}, must be 'source': see base_model")
    bits = options["weight_bits"] or QUANTIZED_BITS.get(card.quantization.lower())
    if bits is None:
        what = f"{path}: quantization = {card.quantization!r} tells no bits of a weight"
        raise ValueError(f"{what}, must be told by --option weight_bits=BITS")
    heads, width = card.num_key_value_heads, options["head_dim"]
    if heads is None or width is None:
        missing = "num_key_value_heads" if heads is None else "the width of a head"
        how = "added to the card" if heads is None else "told by --option head_dim=VALUES"
        raise ValueError(
            f"{path}: base_model = {card.base_model!r} is not in the zoo and the card lacks "
            f"{missing}, which the cache of keys and values needs: it must be {how}"
        )
    batch, prompt = options["batch"], options["prompt"]
    steps = prefill_and_decode(prompt, options["new_tokens"], batch)
    least = prompt + options["new_tokens"]
    context = options["context"] or least
    if context < least:
        raise ValueError(f"option context = {context}, must be >= {least}: prompt and new tokens")
    share = card.storage_size.in_bytes / card.n_layers
    macs = share * 8 / bits
    block = {
        "weight_bytes": share,
        "traffic_bytes": share,
        "flops": tuple([2.0 * macs * step.tokens for step in steps]),
        "state_bytes": 2.0 * heads * width * options["kv_bits"] / 8 * context * batch,
    }
    return chain(
        card.model_id,
        steps,
        card.hidden_size,
        embedding={},
        blocks=[block] * card.n_layers,
        head={},
    )


SHARES = {"memory_bytes_per_s": "traffic_share", "speed_flops": "speed_share"}
"""Speed -> option that says how much of a data sheet's is reached."""


def _speed(key: str, path: Path, name: str, state: State, options: Mapping[str, Any]) -> float:
    """A speed of a node: that of the options, else its chip's, less what is not reached."""
    if options[key] is not None:
        return float(options[key])
    identity = state.node_identities.get(name)
    chip = None if identity is None else identity.chip_id
    machine = _machine(chip)
    if machine is None:
        allowed = f"one of {', '.join(CHIPS)}, or else --option {key}=... must be given"
        raise refuse(path, f"nodeIdentities.{name}.chipId", chip, allowed)
    return float(getattr(machine, key) * options[SHARES[key]])


def _machine(chip: str | None) -> MachinePreset | None:
    return MACHINES[CHIPS[chip]] if chip in CHIPS else None


def _links(path: Path, state: State, network: str) -> Iterator[Link]:
    """Those whom the topology connects, or all."""
    names = list(state.node_memory)
    told = {} if state.topology is None else state.topology.connections
    pairs = {frozenset((tail, head)) for tail, heads in told.items() for head in heads}
    for name in sorted({name for pair in pairs for name in pair}):
        if name not in state.node_memory:
            sentence = unknown_name(name, names, "node")
            raise InstanceError(str(path), [f"topology.connections: {sentence}"])
    lan = LANS[network]
    for tail, head in combinations(names, 2):
        if not pairs or frozenset((tail, head)) in pairs:
            yield Link(tail=tail, head=head, bandwidth_bps=lan.uplink_bps, delay_s=lan.delay_s)
