"""Plans for the runtimes of language models: files written by hand, and what comes back of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import combinations, permutations
from pathlib import Path

import pytest
from typer.testing import CliRunner

import splitfog as sf
from splitfog.cli import app
from splitfog.deployment.exporters import EXPORTERS
from tests.deployment.exporters.blocks import chain, exported, request
from tests.deployment.exporters.readers import HOSTS, READERS, yaml
from tests.instances.importers.foreign import imported, written

FOUR = request(chain(4))
LINE, RING = "aaaabb", "aaaaba"
"""Three blocks on a, one on b; the embedding on a, the head on b or a."""
OPTIONS: dict[str, dict[str, str]] = {
    "cake": HOSTS,
    "dnet": {"model": "o/m"} | {node: f"10.0.0.{node}:8081:58081" for node in HOSTS},
    "exo": {},
    "llama-cpp": HOSTS,
    "mesh-llm": {"model": "hf://o/m@r", "manifest_sha256": "0" * 64},
    "parallax": {},
    "pipeedge": {},
    "prima-cpp": HOSTS,
    "vllm": {},
}
"""The formats of runtimes, with what they need."""
IN_LINE = ("exo", "mesh-llm", "parallax", "pipeedge", "vllm")
IN_RING = ("cake", "llama-cpp", "prima-cpp")


def text(name: str, places: str = LINE, **options: str) -> str:
    """The file of a plan of four blocks."""
    return exported(FOUR, places, name, **(OPTIONS[name] | options)).content.decode()


def test_every_format_of_a_runtime_is_tested() -> None:
    """All but those that take any model."""
    assert {each.name for each in EXPORTERS} == {*OPTIONS, "device-map", "ort-annotations"}


def test_a_topology_lock_of_mesh_llm() -> None:
    """Stages in order, half open, by the names of the options."""
    assert json.loads(text("mesh-llm", a="studio.local")) == {
        "version": 1,
        "model": "hf://o/m@r",
        "manifest_sha256": "0" * 64,
        "stages": [
            {"node": "studio.local", "layer_start": 0, "layer_end": 3},
            {"node": "b", "layer_start": 3, "layer_end": 4},
        ],
    }


def test_numbers_of_blocks_for_exo() -> None:
    """Without the nodes that have none."""
    assert json.loads(text("exo", a="id-a", b="id-b")) == {"node_layers": {"id-a": 3, "id-b": 1}}


def test_an_instance_of_exo(tmp_path: Path) -> None:
    """Every shard holds the card; a node knows its neighbours in the ring, and itself as any."""
    card = tmp_path / "card.toml"
    card.write_text('model_id = "o/m"\nn_layers = 4\n[storage_size]\nin_bytes = 4000\n')
    options = {"form": "instance", "card": str(card), "port": "5000"}
    options |= {node: f"{node.upper()}@10.0.0.{at}" for at, node in enumerate("abcd")}
    found = json.loads(text("exo", "aabcdd", **options))["instance"]["MlxRingInstance"]
    shards = found["shard_assignments"]
    runner = shards["node_to_runner"]["C"]
    assert shards["model_id"] == "o/m"
    assert shards["runner_to_shard"][runner]["PipelineShardMetadata"] == {
        "model_card": {"model_id": "o/m", "n_layers": 4, "storage_size": {"in_bytes": 4000}},
        "device_rank": 2,
        "world_size": 4,
        "start_layer": 2,
        "end_layer": 3,
        "n_layers": 4,
    }
    hosts = [(host["ip"], host["port"]) for host in found["hosts_by_node"]["C"]]
    nobody = ("198.51.100.1", 0)
    assert hosts == [nobody, ("10.0.0.1", 5000), ("0.0.0.0", 5000), ("10.0.0.3", 5000)]
    with pytest.raises(ValueError, match="B has no address: give one, as in --option NODE=B@"):
        text("exo", **options | {"b": "B"})
    card.write_text('model_id = "o/m"\nn_layers = 5\n')
    with pytest.raises(ValueError, match=r"card\.toml: n_layers = 5, must be 4 as here"):
        text("exo", **options)


def test_a_topology_of_cake() -> None:
    """Both ends of a range are in it, and one block is no range."""
    assert yaml.safe_load(text("cake", a="h:10128", b="h2:10128")) == {
        "a": {"host": "h:10128", "layers": ["model.layers.0-2"]},
        "b": {"host": "h2:10128", "layers": ["model.layers.3"]},
    }


def test_the_master_of_cake_has_what_no_worker_has() -> None:
    """The embedding's node is only a worker where an option says where it listens."""
    made = exported(FOUR, "aabbaa", "cake", b="h:1")
    assert yaml.safe_load(made.content) == {"b": {"host": "h:1", "layers": ["model.layers.1-2"]}}
    assert made.lines == ("start the master on a",)
    alone = exported(FOUR, "aaaaaa", "cake")
    assert yaml.safe_load(alone.content) == {}
    elsewhere = exported(FOUR, LINE, "cake", b="h:1")
    assert elsewhere.lines == ("start the master on a: it has the head, which the plan has on b",)


def test_variables_of_vllm() -> None:
    """Indices of accelerators are put into the order of the stages."""
    assert 'export VLLM_PP_LAYER_PARTITION="3,1"\n' in text("vllm")
    assert "CUDA_VISIBLE_DEVICES" not in text("vllm", a="here")
    assert "export CUDA_VISIBLE_DEVICES=1,0\n" in text("vllm", a="1", b="0")
    assert exported(FOUR, LINE, "vllm").lines == ("vllm serve ... --pipeline-parallel-size 2",)


def test_shares_of_llama_cpp_count_the_head() -> None:
    """It is one of L + 1 = 5 layers that are dealt, on its device; a ring begins behind a."""
    words = "--rpc {} --device RPC0,RPC1 --tensor-split {} -ngl 99"
    assert text("llama-cpp") == f"# on a\n{words.format('h1:50052,h2:50052', '3,2')}\n"
    assert text("llama-cpp", RING) == f"# on a\n{words.format('h2:50052,h1:50052', '1,4')}\n"
    moved = exported(FOUR, RING, "llama-cpp", **HOSTS).lines
    assert moved == ("a has the last blocks, not the first: all are alike",)
    line = text("llama-cpp", a="CUDA0")
    assert line.endswith("--rpc h2:50052 --device CUDA0,RPC0 --tensor-split 3,2 -ngl 99\n")


def test_the_processor_has_the_first_blocks_of_llama_cpp() -> None:
    """Of the 5 that are dealt, -ngl leaves the first 3 to it: the last 2 go to devices."""
    assert text("llama-cpp", a="CPU").endswith("--device RPC0 --tensor-split 2 -ngl 2\n")
    assert text("llama-cpp", "aaaaaa", a="CPU") == "# on a\n-ngl 0\n"
    for places, node in ((LINE, "b"), (RING, "a"), ("babbcc", "b")):
        with pytest.raises(ValueError, match=f"{node} = 'CPU': the processor can have the first"):
            text("llama-cpp", places, **{node: "CPU"})


def test_a_ring_of_prima_cpp() -> None:
    """Rank 0 has the last blocks of a round, 1 to 3, and is behind every other rank."""
    assert text("prima-cpp", RING, a="10.0.0.1", b="10.0.0.2") == (
        "# a: blocks 1-3\n"
        "--world 2 --rank 0 --master 10.0.0.1 --next 10.0.0.2 -lw 3,1 -k 1 -ngl 3\n"
        "# b: blocks 0\n"
        "--world 2 --rank 1 --master 10.0.0.1 --next 10.0.0.1 -ngl 1\n"
    )


def test_ranges_of_pipeedge() -> None:
    """From 1, both ends included; data begin at a node without blocks where that has the source."""
    assert text("pipeedge") == "-pt 1,3,4,4 -r 0,1\n"
    assert text("pipeedge", a="1", b="0") == "-pt 1,3,4,4 -r 1,0 -D 1\n"
    assert exported(FOUR, LINE, "pipeedge").lines == ("rank 0 is a, rank 1 is b",)
    assert text("pipeedge", layers="4") == "-pt 1,12,13,16 -r 0,1\n"
    assert text("pipeedge", "bbbbcc") == "-pt 1,3,4,4 -r 0,1 -D 2\n"
    with pytest.raises(ValueError, match=r"ranks = \{'a': 1, 'b': 1\}, must differ"):
        text("pipeedge", a="1")
    with pytest.raises(ValueError, match="but the task's source a has the blocks 3"):
        text("pipeedge", "bbbbaa")
    with pytest.raises(ValueError, match="results where inputs are, on a, but the task's go to b"):
        exported(request(chain(4), results_to="b"), LINE, "pipeedge")


def test_what_comes_from_pipeedge_goes_back(tmp_path: Path) -> None:
    """A layer of its files is a layer of its options; the fast node has the first of two."""
    instance = imported("pipeedge", written(tmp_path, "pipeedge"), batch="8")
    made = exported(instance, ["f-0", "s-0"], "pipeedge", **{"f-0": "2", "s-0": "0"})
    assert made.content == b"-pt 1,1,2,2 -r 2,0 -D 2\n"


def test_a_topology_of_dnet() -> None:
    """A list of layers for every time that the ring comes to a shard: any placement is one."""
    found = json.loads(text("dnet", "aababb"))
    assert found["devices"][0] == {
        "instance": "a",
        "local_ip": "10.0.0.a",
        "server_port": 8081,
        "shard_port": 58081,
    }
    a, b = found["assignments"]
    assert (a["layers"], a["next_instance"]) == ([[0], [2]], "b")
    assert (b["layers"], b["next_instance"]) == ([[1], [3]], "a")
    assert (found["num_layers"], found["kv_bits"]) == (4, "8bit")
    # a, b, a, c: from b to a past c, from a to c past b
    detours = exported(FOUR, "aabacc", "dnet", **OPTIONS["dnet"]).lines
    assert detours == ("tensors pass 2 shards on the ring beside those of the plan",)


def test_ranges_of_parallax() -> None:
    """Half open."""
    wanted = "# a\n--start-layer 0 --end-layer 3\n# b\n--start-layer 3 --end-layer 4\n"
    assert text("parallax") == wanted


def placements(blocks: int, nodes: str = "abc") -> Iterator[str]:
    """Blocks in all runs of all sequences of nodes."""
    for count in range(1, len(nodes) + 1):
        for order in permutations(nodes, count):
            for cuts in combinations(range(1, blocks), count - 1):
                ends = [0, *cuts, blocks]
                runs = zip(order, ends, ends[1:], strict=False)
                yield "".join(node * (end - start) for node, start, end in runs)


@pytest.mark.parametrize("name", [*IN_LINE, "cake", "dnet", "llama-cpp"])
def test_a_line_comes_back(name: str) -> None:
    """All 39 of four blocks on up to three nodes: every block is where the plan has it."""
    plans = list(placements(4))
    assert len(plans) == 3 + 6 * 3 + 6 * 3
    for blocks in plans:
        if name == "pipeedge" and "a" in blocks.lstrip("a"):
            continue  # the data would begin within
        places = blocks[0] + blocks + blocks[-1]
        found = READERS[name](exported(FOUR, places, name, **OPTIONS[name]).content.decode())
        if name == "pipeedge":
            found = "".join(list(dict.fromkeys(blocks))[int(rank)] for rank in found)
        assert found == (blocks + blocks[-1] if name == "llama-cpp" else blocks), places


@pytest.mark.parametrize("name", IN_RING)
def test_a_ring_comes_back(name: str) -> None:
    """With both ends on the node of the first or of the last block, and its blocks at the end."""
    for blocks in placements(4):
        for master in {blocks[0], blocks[-1]}:
            content = exported(FOUR, master + blocks + master, name, **OPTIONS[name]).content
            found = READERS[name](content.decode())
            rest = blocks.lstrip(master)
            moved = blocks if name == "cake" else rest + master * (len(blocks) - len(rest))
            assert found == (moved + master if name == "llama-cpp" else moved), (blocks, master)


REFUSED = [
    *[(name, "aababb", "one run of blocks, but a has the blocks 0, 2") for name in IN_LINE],
    *[(name, "caabbb", "embedding beside block 0, .* on c and block 0 on a") for name in IN_LINE],
    *[(name, "aaabbc", "head beside block 3, .* on c and block 3 on b") for name in IN_LINE],
    ("dnet", "caabbb", "dnet has the embedding beside block 0"),
    ("dnet", "aaabbc", "dnet has the head beside block 3"),
    ("cake", "aababa", "one run of blocks, but a has the blocks 0, 2"),
    ("cake", "aaabbc", "neither a, where the embedding is, nor b, where the last block is"),
    ("llama-cpp", "aababb", "one run of blocks, but a has the blocks 0, 2"),
    ("llama-cpp", "aaabbc", "where the last block or the embedding is, but .* on c"),
    ("llama-cpp", "babbcb", "beside an end, but b, which has the ends, has the blocks 1-2"),
    ("prima-cpp", LINE, "on one node, its master, but the plan has them on a and b"),
    ("prima-cpp", "aababa", "one run of blocks, but a has the blocks 0, 2"),
    ("prima-cpp", "caabbc", "every rank a block, but c, which has the embedding, has none"),
]


@pytest.mark.parametrize(("name", "places", "why"), REFUSED)
def test_what_a_runtime_cannot_execute_is_refused(name: str, places: str, why: str) -> None:
    """In a sentence that says what it needs and what the plan has."""
    with pytest.raises(ValueError, match=why):
        text(name, places)


@pytest.mark.parametrize("name", ["llama-cpp", "prima-cpp"])
def test_blocks_are_only_moved_where_all_are_alike(name: str) -> None:
    """Else the plan's costs would be others; at the end they need not be moved."""
    unlike = request(chain(4, unlike=0))
    with pytest.raises(ValueError, match="gives a the blocks 0-2, and not all blocks and tensors"):
        exported(unlike, RING, name, **HOSTS)
    assert exported(unlike, "abaaaa", name, **HOSTS).lines == ()
    large = request(chain(4, embedded_bytes=16.0))  # it would cross in the place of a block's 8
    with pytest.raises(ValueError, match="not all blocks and tensors are alike"):
        exported(large, RING, name, **HOSTS)


MISSING = [
    ("mesh-llm", {"model": "o/m@r"}, "manifest_sha256 is missing: give it, as in --option"),
    ("mesh-llm", OPTIONS["mesh-llm"] | {"manifest_sha256": "0g"}, "must be 64 hexadecimal digits"),
    ("mesh-llm", {"manifest_sha256": "0"}, "model is missing: give it, as in --option model=hf:"),
    ("mesh-llm", {"manifest_sha256": "0", "model": "o/m"}, "must be hf://OWNER/NAME@REVISION"),
    ("mesh-llm", OPTIONS["mesh-llm"] | {"a": "b"}, "nodes a and b are both called 'b'"),
    ("exo", {"form": "instance"}, "card is missing: give it"),
    ("cake", {"a": "h:1"}, "node b has no address: give one, as in --option b=HOST:10128"),
    ("cake", {"a": "h:1", "b": "h"}, "b = 'h', must be HOST:PORT, with ports from 1 to 65535"),
    ("llama-cpp", {"b": "h:1"}, "node a has no device: give one, as in --option a=HOST:50052"),
    ("llama-cpp", HOSTS | {"b": "h:abc"}, "b = 'h:abc', must be HOST:PORT, with ports from"),
    ("dnet", OPTIONS["dnet"] | {"b": "10.0.0.1:80"}, "must be HOST:HTTP_PORT:GRPC_PORT"),
    ("dnet", OPTIONS["dnet"] | {"b": "h:80:99999"}, "with ports from 1 to 65535"),
    ("dnet", {"a": "h:1:2", "b": "h:3:4"}, "model is missing: give it"),
    ("dnet", {"model": "m", "a": "h:1:2", "b": "h:1:2"}, "a and b are both called 'h:1:2'"),
    ("cake", {"a": "h:1", "b": "h:1"}, "a and b are both called 'h:1'"),
    ("exo", {"a": "X@10.0.0.1", "b": "X@10.0.0.2"}, "id 'X' stands for 2 nodes"),
    ("llama-cpp", {"a": "h:1,h:2"}, "option a = 'h:1,h:2', must be a text without blanks and com"),
    ("mesh-llm", OPTIONS["mesh-llm"] | {"a": ""}, "option a = '', must be a text"),
    ("vllm", {"a": "1"}, "node b has no index, as others have: give one, as in --option b=0"),
    ("vllm", {"a": "1", "b": "gpu"}, "b = 'gpu', must be an accelerator's index, as others have"),
    ("pipeedge", {"a": "first"}, "a = 'first', must be a rank: a whole number >= 0"),
]


@pytest.mark.parametrize(("name", "options", "why"), MISSING)
def test_what_must_be_said_is_asked_for(name: str, options: dict[str, str], why: str) -> None:
    """With an example of the option."""
    with pytest.raises(ValueError, match=why):
        exported(FOUR, LINE, name, **options)


def test_a_command_refuses_in_one_line(tmp_path: Path) -> None:
    """And writes nothing; what it can write comes with the names of the options."""
    instance, plan, file = (tmp_path / name for name in ("four.json", "plan.json", "exo.json"))
    sf.save_instance(FOUR, instance)
    words = ["export", "exo", str(instance), str(plan), "-o", str(file)]
    for places, code in (("aababb", 2), (LINE, 0)):
        layers = ["embedding", *[f"block{at}" for at in range(4)], "head"]
        placed = {"request": {"input": "a"} | dict(zip(layers, places, strict=True))}
        sf.save_plan(sf.plan(FOUR, placed), plan)
        done = CliRunner().invoke(app, [*words, "--option", "b=id-b"], prog_name="splitfog")
        assert (done.exit_code, file.exists()) == (code, not code), done.output
        assert len(done.output.splitlines()) == 1
    assert json.loads(file.read_text()) == {"node_layers": {"a": 3, "id-b": 1}}


def test_prima_cpp_asks_for_addresses_of_several_ranks() -> None:
    """One alone needs none."""
    with pytest.raises(ValueError, match="node b has no address"):
        exported(FOUR, RING, "prima-cpp", a="h")
    alone = exported(FOUR, "aaaaaa", "prima-cpp").content
    assert alone == b"# a: blocks 0-3\n--world 1 --rank 0 -lw 4 -k 1 -ngl 4\n"
    nodes = "abcdefghijklmnopqrstuvwxyzABCDEFG"
    many = request(chain(33), nodes=nodes)
    with pytest.raises(ValueError, match="at most 32 ranks, but the plan has 33 nodes"):
        exported(many, f"a{nodes[1:]}aa", "prima-cpp")
