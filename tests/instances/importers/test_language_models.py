"""Files of tools that run language models: every figure is theirs, in our units."""

from __future__ import annotations

from pathlib import Path

import pytest

import splitfog as sf
from splitfog.instances.instance import Instance
from splitfog.instances.records import figure_in
from tests.instances.importers.foreign import (
    DNET_MODEL,
    DNET_OTHER,
    EXO_STATE,
    MESH_SCENARIO,
    imported,
    with_entry,
    written,
)


def figures(instance: Instance, layer: str, at: int | None) -> tuple[float | None, ...]:
    """FLOP, traffic and tensor of a layer in a pass."""
    model = instance.models[0]
    own = model.layers[model.index[layer]]
    each = (own.flops, own.traffic_bytes, own.output_bytes)
    return tuple([figure_in(figure, at) for figure in each])


def test_a_profile_of_distilp_is_a_chain(tmp_path: Path) -> None:
    """Blocks as told; embedding and head of V x e_embed = 800 weights of 16 bits: 1600 bytes."""
    found = imported("dnet", written(tmp_path, "dnet"), new_tokens="5")
    model = found.models[0]
    assert [layer.name for layer in model.layers] == [
        "input", "embedding", "block0", "block1", "head",
    ]  # fmt: skip
    assert [(one.name, one.count) for one in model.passes or ()] == [("prefill", 1), ("decode", 4)]
    # traffic is the weights; b_o in prefill, e_embed x 2 bytes in decode
    assert figures(found, "block0", 0) == (300, 1000, 48)
    assert figures(found, "block1", 1) == (320, 3000, 16)
    # rows of 3 tokens, and of 1: 8 values of 2 bytes each
    assert figures(found, "embedding", 0) == (0, 48, 48)
    assert figures(found, "embedding", 1) == (0, 16, 16)
    # the head multiplies 800 weights with one token
    assert figures(found, "head", 0) == figures(found, "head", 1) == (1600, 1600, 4)
    assert figures(found, "input", 0)[2], figures(found, "input", 1)[2] == (12, 4)
    weights = [layer.weight_bytes for layer in model.layers]
    assert weights == [0, 1600, 1000, 3000, 1600]
    # (2 x 4 + 2 x 3) values of 2 bytes for 10 tokens
    assert model.state_bytes.tolist() == [0, 0, 280, 280, 0]


def test_a_device_of_distilp_is_a_node(tmp_path: Path) -> None:
    """Its GPU where it has one; the head is the source; a link takes t_comm of whom it leads to."""
    model, head, other = written(tmp_path, "dnet")
    found = imported("dnet", [other, model, head])
    first, second = found.nodes
    assert (first.name, first.speed_flops, first.memory_bytes_per_s, first.memory_bytes) == (
        "a", 2e11, 5e10, 8e9,
    )  # fmt: skip
    assert (second.name, second.speed_flops, second.memory_bytes_per_s, second.memory_bytes) == (
        "b", 9e11, 7e10, 6e9,
    )  # fmt: skip
    assert (found.tasks[0].source, found.tasks[0].results_to) == ("a", "a")
    ends = {(link.tail, link.head): link.latency_s for link in found.links}
    assert ends == {("a", "b"): 0.002, ("b", "a"): 0.001}
    # a gigabyte takes no more than that
    assert found.directed_links[0].seconds(1e9) == pytest.approx(0.002, abs=1e-7)


NEWER = {"b": "b_layers", "b_i": "b_i_layers", "b_o": "b_o_layers", "f_q": "f_q_layers"}


def test_both_generations_of_keys_say_the_same(tmp_path: Path) -> None:
    """Other names, and phases outside or inside: one instance."""
    expected = imported("dnet", written(tmp_path, "dnet"))
    renamed = {NEWER.get(key, key): value for key, value in DNET_MODEL.items()}
    renamed["Q"] = renamed.pop("quantization")
    work = renamed.pop("f_q_layers")
    phased = {phase: {**renamed, "f_q_layers": own} for phase, own in work.items()}
    for model in ({**renamed, "f_q_layers": work}, phased):
        assert imported("dnet", written(tmp_path, "dnet", model=model)) == expected


def test_what_a_profile_leaves_out_follows(tmp_path: Path) -> None:
    """Tokens of the prompt are those whose tensor is sent: 48 bytes are 3 x 8 values of 2 bytes."""
    expected = imported("dnet", written(tmp_path, "dnet"))
    model = with_entry(DNET_MODEL, "seq_len", value=...)
    assert imported("dnet", written(tmp_path, "dnet", model=model)) == expected


def test_a_batch_is_one_of_the_profile(tmp_path: Path) -> None:
    """Work is that of the batch, speeds are, too; tensors and state are as many times larger."""
    other = with_entry(DNET_OTHER, "sgpu_metal", "F16", "b_2", value=8e11)
    found = imported("dnet", written(tmp_path, "dnet", b=other), batch="2")
    assert figures(found, "block0", 1) == (200, 1000, 32)
    assert found.models[0].state_bytes[2] == 560
    assert [node.speed_flops for node in found.nodes] == [3e11, 8e11]


def test_pipeedge_files_are_times_on_types(tmp_path: Path) -> None:
    """Megabytes are 2^20 bytes, megabits 2^20 bits; tensors are of a batch of 8 in 4 bytes."""
    models, types, devices = written(tmp_path, "pipeedge")
    found = imported("pipeedge", [devices, models, types], batch="8")
    assert found.tiers == ("slow", "fast")
    assert [node.name for node in found.nodes] == ["s-0", "s-1", "f-0"]
    first, second = found.models[0].layers
    assert (first.weight_bytes, first.output_bytes) == (2**20, 20 * 8 * 4)
    assert (second.weight_bytes, second.output_bytes) == (2**21, 5 * 8 * 4)
    assert (first.times_s, second.times_s) == (
        {"slow": 1.0, "fast": 0.5},
        {"slow": 0.2, "fast": 0.1},
    )
    bandwidths = {(link.tail, link.head): link.bandwidth_bps for link in found.links}
    assert set(bandwidths.values()) == {100 * 2**20}  # s-0 to s-1, and each to f-0
    assert len(bandwidths) == 3
    # In values: the first layer alone 10 + 3 x 20 = 70, both 10 + 3 x 5 = 25, the second alone
    # 3 x 20 + 3 x 5 = 75, which is the most; 32 bytes each.
    assert [node.memory_bytes for node in found.nodes] == [
        4 * 2**20 - 75 * 32, 4 * 2**20 - 75 * 32, 8 * 2**20 - 75 * 32,
    ]  # fmt: skip
    free = imported("pipeedge", [devices, models, types], batch="8", buffers="none")
    assert [node.memory_bytes for node in free.nodes] == [2**22, 2**22, 2**23]


def test_pipeedge_plans_cost_what_they_cost_there(tmp_path: Path) -> None:
    """The period: the slowest stage or transfer; input and result are not counted."""
    found = imported("pipeedge", written(tmp_path, "pipeedge"), batch="8")
    plan = sf.solve(found, objective="period", monotone=False, contiguous="line")
    # layer1 on the fast one 0.5 s, layer2 on a slow one 0.2 s, the tensor 640 B: 4.9e-5 s; all on
    # the fast one 0.6 s
    assert plan.status == "optimal"
    assert plan.value == pytest.approx(0.5)


def test_a_card_of_exo_is_shared_out_evenly(tmp_path: Path) -> None:
    """Where the zoo lacks the model: in_bytes / n_layers, and 2 FLOP for each 8.5-bit weight."""
    found = imported("exo", written(tmp_path, "exo"), prompt="3", new_tokens="2")
    model = found.models[0]
    assert [layer.weight_bytes for layer in model.layers] == [0, 0, 1000, 1000, 1000, 1000, 0]
    macs = 1000 * 8 / 8.5
    assert figures(found, "block0", 0) == (pytest.approx(2 * macs * 3), 1000, 3 * 64 * 2)
    assert figures(found, "block3", 1) == (pytest.approx(2 * macs), 1000, 64 * 2)
    # keys and values of 2 heads of 16 values in 2 bytes, for 3 + 2 tokens
    assert model.state_bytes[2] == 2 * 2 * 16 * 2 * 5


def test_a_state_of_exo_is_nodes_and_links(tmp_path: Path) -> None:
    """Free memory; speeds of the chips' data sheets, less what is not reached; told connections."""
    card, state = written(tmp_path, "exo")
    found = imported("exo", [state, card], network="ethernet-10g")
    assert [(node.name, node.memory_bytes) for node in found.nodes] == [
        ("id-a", 3000), ("id-b", 2000), ("id-c", 5000),
    ]  # fmt: skip
    assert [node.memory_bytes_per_s for node in found.nodes] == pytest.approx(
        [0.8 * 273e9, 0.8 * 68.25e9, 0.8 * 68.25e9]
    )
    assert [(x.tail, x.head, x.bandwidth_bps) for x in found.links] == [
        ("id-a", "id-b", 1e10), ("id-b", "id-c", 1e10),
    ]  # fmt: skip
    told = imported("exo", written(tmp_path, "exo"), memory_bytes_per_s="5e9", speed_flops="7e9")
    assert {(node.memory_bytes_per_s, node.speed_flops) for node in told.nodes} == {(5e9, 7e9)}


def test_a_state_may_be_written_as_in_the_code(tmp_path: Path) -> None:
    """`node_memory` is `nodeMemory`; without connections all are linked."""
    state = {
        "node_memory": {
            name: {"ram_available": {"in_bytes": own["ramAvailable"]["inBytes"]}}
            for name, own in EXO_STATE["nodeMemory"].items()
        },
        "node_identities": {
            name: {"chip_id": own["chipId"]} for name, own in EXO_STATE["nodeIdentities"].items()
        },
    }
    found = imported("exo", written(tmp_path, "exo", state=state))
    assert found.nodes == imported("exo", written(tmp_path, "exo")).nodes
    assert len(found.links) == 3


LLAMA_CARD = """
model_id = "mlx-community/Llama-3.3-70B-Instruct-4bit"
n_layers = 80
hidden_size = 8192
num_key_value_heads = 8
quantization = "4bit"
base_model = "Llama 3.3 70B"
[storage_size]
in_bytes = 40652242944
"""


def test_a_card_of_a_model_in_the_zoo_has_its_layers_and_the_cards_bytes(tmp_path: Path) -> None:
    """Llama 3.3 70B is Llama-3-70B; all weights together are in_bytes."""
    paths = written(tmp_path, "exo", card=LLAMA_CARD)
    with pytest.raises(ValueError, match="option head_dim = 16, must be left out"):
        imported("exo", paths)
    found = imported("exo", paths, head_dim="none")
    model = found.models[0]
    assert model.name == "llama-3-70b"
    assert sum(layer.weight_bytes for layer in model.layers) == pytest.approx(
        40652242944, rel=1e-12
    )
    # 8 x 128 keys and as many values in 2 bytes, for 512 + 128 tokens
    assert model.state_bytes[2] == 2 * 8 * 128 * 2 * 640


def test_a_scenario_of_mesh_llm_costs_what_its_planner_counts(tmp_path: Path) -> None:
    """A layer streams half a MiB: 5 ms on big, 10 ms on small, where 40 ms were observed."""
    found = imported("mesh-llm", written(tmp_path, "mesh-llm"))
    model = found.models[0]
    block = model.layers[model.index["block0"]]
    assert block.times_s == {"big": pytest.approx(0.005), "small": 0.04}
    assert [node.memory_bytes for node in found.nodes] == [900000, 450000]
    # 34 / 4 bytes a layer for 1000 tokens, of which only 85 % of the memory are for
    assert block.state_bytes == pytest.approx(10000)
    names = [layer.name for layer in model.layers]
    halves = {name: "small" if name in ("block2", "block3", "head") else "big" for name in names}
    cost = sf.evaluate(found, {"request": halves}, contiguous="ring")
    # Two layers each, 0.01 + 0.08 s. Two hops of 3 ms and 3.5 ms of overheads, the first with 8192
    # bytes and the way back with 4, at 30 MiB/s.
    hops = 2 * 0.0065 + (8192 + 4) / (30 * 2**20)
    assert cost.value == pytest.approx(0.09 + hops)
    assert found.meta["target_decode_tpot_ms"] == 33


def test_a_link_that_is_told_one_way_is_as_slow_the_other(tmp_path: Path) -> None:
    """Two that are told both ways keep their figures; without a bandwidth bytes take no time."""
    both = MESH_SCENARIO + '[links."small->big"]\nrtt_ms = 9\n'
    found = imported("mesh-llm", written(tmp_path, "mesh-llm", scenario=both))
    there, back = found.directed_links
    assert (there.delay_s, back.delay_s) == pytest.approx((0.0065, 0.0125))
    assert back.busy_seconds(1e9) == pytest.approx(0, abs=1e-7)


def test_one_model_for_each_card(tmp_path: Path) -> None:
    """A card whose numbers are those of another model than it names is refused."""
    card = LLAMA_CARD.replace("n_layers = 80", "n_layers = 32")
    with pytest.raises(sf.InstanceError, match=r"card\.toml: n_layers = 32, must be 80 as base_mo"):
        imported("exo", written(tmp_path, "exo", card=card))


def test_it_is_read_back_as_it_was_made(tmp_path: Path) -> None:
    """The files that are written are valid."""
    for name in ("dnet", "pipeedge", "exo", "mesh-llm"):
        options = {"batch": "8"} if name == "pipeedge" else {}
        made = imported(name, written(tmp_path, name), **options)
        sf.save_instance(made, tmp_path / "made.json")
        assert sf.load_instance(tmp_path / "made.json") == made


def test_python_reads_what_the_command_reads(tmp_path: Path) -> None:
    """With options as Python has them, which are checked."""
    paths = written(tmp_path, "pipeedge")
    found = sf.import_instance("pipeedge", paths, batch=8)
    assert found == imported("pipeedge", paths, batch="8")
    with pytest.raises(ValueError, match="option batch = 0, must be a whole number >= 1"):
        sf.import_instance("pipeedge", paths, batch=0)
    with pytest.raises(LookupError, match="unknown option of pipeedge 'batches', did you mean"):
        sf.import_instance("pipeedge", paths, batches=8)
    with pytest.raises(ValueError, match="files = 5, must be a path or a list of paths"):
        sf.import_instance("msr", 5)  # type: ignore[arg-type]
