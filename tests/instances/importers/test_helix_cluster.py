"""Helix's cluster files: what machines and links do, and nothing that is evaluated."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import splitfog as sf
from splitfog.instances.instance import Instance
from tests.instances.importers.foreign import imported

CLUSTER = """
# a comment
[NodeNames]
total_compute_nodes=2
[SourceNode]
connected_nodes=[0, 1]
[ComputeNode-0]
type=T4
connected_nodes=['source', 1, 'sink']
[ComputeNode-1]
type=A100
[Link-source-0]
bandwidth=10 * mbps
latency=2 * MilliSec
[Link-0-1]
bandwidth=12.5 * kbps
latency=53 * MilliSec
[Link-1-sink]
bandwidth=1 * gbps
latency=0 * Sec
"""
MACHINES = """
[SourceNode]
vram_size = -1
[T4]
inbound_nic_speed = 10 * gbps
outbound_nic_speed = 10 * gbps
vram_size = 7 * GB
[A100]
inbound_nic_speed = 10 * gbps
outbound_nic_speed = 1 * kbps
vram_size = 40 * GB
"""
PROMPT, DECODE = "0,0\n500,20\n1000,40\n", "0,0\n10,5\n20,7\n"
OPTIONS = {
    "layers": "5", "layer_bytes": "1e9", "width": "100", "batch": "15", "input": "750",
    "output": "240",
}  # fmt: skip


def written(
    folder: Path, cluster: str = CLUSTER, machines: str = MACHINES, decode: str = DECODE
) -> list[Path]:
    """The files of a cluster, in a folder."""
    texts = {"cluster.ini": cluster, "machines.ini": machines}
    for kind in ("t4", "a100"):
        texts |= {f"{kind}/prompt_bs2time.csv": PROMPT, f"{kind}/decode_bs2time.csv": decode}
    for name, text in texts.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return [folder / name for name in texts]


def fleet(paths: list[Path], **changed: str) -> Instance:
    """What they are, with other options."""
    return imported("helix", paths, **{**OPTIONS, **changed})


def test_rates_are_those_of_the_profiles(tmp_path: Path) -> None:
    """At 750 tokens 30 ms a layer, at 15 of them 6 ms; 3.5 GB have room for three layers."""
    found = fleet(written(tmp_path))
    rates = found.models[0].stage_rates
    # 990 tokens a request: 0.03 s of prompt, 16 times 0.006 s of decode
    alone = 990 / (0.03 + 16 * 0.006)
    assert rates["node-0"] == pytest.approx((alone, alone / 2, alone / 3))
    # its network sends 1000 bytes a second: five tensors of 100 values of two bytes
    assert rates["node-1"] == (5.0,) * 5
    assert [node.name for node in found.nodes] == ["source", "node-0", "node-1", "sink"]
    assert [node.memory_bytes for node in found.nodes] == [None, 3.5e9, 20e9, None]


def test_links_carry_what_helix_counts(tmp_path: Path) -> None:
    """12.5 kbps are 12500 bytes a second, both ways; the source only sends, the sink receives."""
    found = fleet(written(tmp_path))
    names = [node.name for node in found.nodes]
    there = {
        (names[link.tail], names[link.head]): (link.bandwidth_bps / 8, link.delay_s)
        for link in found.directed_links
    }
    assert there == {
        ("source", "node-0"): (1e7, 0.002),
        ("node-0", "node-1"): (12500, 0.053),
        ("node-1", "node-0"): (12500, 0.053),
        ("node-1", "sink"): (1e9, 0),
    }
    sizes = [layer.output_bytes for layer in found.models[0].layers]
    assert sizes == [2, 200, 200, 200, 200, 2]


BAD = {
    "an expression": ("cluster", "12.5 * kbps", "__import__('os').cpu_count()", "Link-0-1.bandw"),
    "a sum": ("cluster", "12.5 * kbps", "1 * kbps + 2 * kbps", "must be a number times a unit: 1"),
    "another unit": ("cluster", "12.5 * kbps", "12.5 * GB", "units: kbps, mbps, gbps"),
    "no number": ("machines", "7 * GB", "much * GB", 'T4.vram_size = "much * GB", must be'),
    "negative": ("machines", "7 * GB", "-7 * GB", 'T4.vram_size = "-7 * GB", must be a number'),
    "endless": ("machines", "7 * GB", "1e999 * GB", 'T4.vram_size = "1e999 * GB", must be'),
    "no type": ("cluster", "type=T4", "kind=T4", "ComputeNode-0.type is missing, must be there"),
    "a type unknown": ("machines", "[T4]", "[T5]", "T4 is missing, must be a section; known: "),
    "too few": ("cluster", "nodes=2", "nodes=1", "ComputeNode-1, must be of a machine below total"),
    "too many": ("cluster", "nodes=2", "nodes=3", "ComputeNode-2 is missing, must be there, as"),
    "endlessly many": ("cluster", "nodes=2", "nodes=9**9", "must be a whole number >= 1 and <= 10"),
    "a link astray": ("cluster", "Link-0-1", "Link-0-7", "Link-0-7, must be between source"),
    "another link": ("cluster", "Link-0-1", "link-0-1", "section link-0-1, must be Link-FROM-TO"),
    "a link of zero": ("cluster", "12.5 * kbps", "0 * kbps", "Link-0-1.bandwidth = 0, must be"),
    "twice": ("cluster", "[Link-1-sink]", "[Link-0-1]", "section 'Link-0-1' already exists"),
    "no section": ("cluster", "# a comment", "a = 1", "not an INI file: File contains no section"),
    "no numbers": ("decode", "10,5", "10;5", "line 2 = "),
    "falling": ("decode", "10,5", "30,5", "the tokens of its lines must rise"),
    "too short": ("decode", "20,7\n", "", "tells 0 to 10 tokens, must tell 15"),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD)
def test_what_is_wrong_is_told(what: str, tmp_path: Path) -> None:
    """In a sentence that names the file."""
    which, old, new, sentence = BAD[what]
    text = {"cluster": CLUSTER, "machines": MACHINES, "decode": DECODE}[which]
    assert old in text
    paths = written(tmp_path, **{which: text.replace(old, new, 1)})
    with pytest.raises(ValueError, match=re.escape(sentence)) as caught:
        fleet(paths)
    assert str(tmp_path) in str(caught.value)


def test_what_no_file_tells_must_be_told(tmp_path: Path) -> None:
    """The model's options, and the profiles of every type."""
    paths = written(tmp_path)
    with pytest.raises(ValueError, match="option width = None, must be told"):
        imported("helix", paths, layers="5", layer_bytes="1e9")
    with pytest.raises(
        ValueError, match=r"a100/decode_bs2time\.csv must be given once, is given 0"
    ):
        fleet(paths[:-1])
    with pytest.raises(ValueError, match="must be one file with NodeNames and one with mach"):
        fleet(paths[1:])


PROGRAM = (
    "Maximize\n  flow_source_0\nSubject To\n"
    " node_throughput_constraint_0: - 8 hold_0_1 - 3 hold_0_2 + flow_source_0 <= 0\n"
    " edge_flow_constr_source_0: flow_source_0 - 50 switch_source_0 <= 0\n"
    " edge_flow_constr_0_sink: flow_0_sink - 50 switch_0_sink <= 0\n"
    " end_constraint_0: start_0 + hold_0_1 + 2 hold_0_2 <= 2\nBounds\nEnd\n"
)


def test_a_program_is_read_by_the_same_name(tmp_path: Path) -> None:
    """With no options: one machine, two layers."""
    path = tmp_path / "ilp_model.lp"
    path.write_text(PROGRAM)
    found = imported("helix", [path])
    assert found.models[0].stage_rates == {"node-0": (8.0, 3.0)}
    with pytest.raises(ValueError, match="option layers = 2, must be left out"):
        imported("helix", [path], layers="2")
    with pytest.raises(sf.InstanceError, match="must be a program"):
        path.write_text("Maximize\n x\nEnd\n")
        imported("helix", [path])


NUMBERS = "must be numbers times variables, each once, and a number beside"
BAD_PROGRAMS = {
    "an expression": ("- 3 hold_0_2", "- 3 * 2 hold_0_2", NUMBERS),
    "a call": ("- 3 hold_0_2", '- eval("3") hold_0_2', NUMBERS),
    "a variable twice": ("- 3 hold_0_2", "- 3 hold_0_2 - 4 hold_0_2", NUMBERS),
    "no number beside": ("<= 2\n", "<= two\n", NUMBERS),
    "no relation": ("flow_source_0 <= 0", "flow_source_0", NUMBERS),
    "half a layer": ("<= 2\n", "<= 2.5\n", "end_constraint_i = 2.5, must be a whole number >= 1"),
    "endless layers": ("<= 2\n", "<= 1e99\n", "must be a whole number >= 1 and <= 10000"),
    "an endless range": ("hold_0_2 +", "hold_0_999999999 +", "must be k <= 10000"),
    "an endless rate": ("- 8 hold", "- 1e999 hold", "stage_rates.node-0[0] = Infinity, must be"),
    "a name twice": (
        "edge_flow_constr_0_sink",
        "end_constraint_0",
        "end_constraint_0 stands twice",
    ),
}


@pytest.mark.parametrize("what", BAD_PROGRAMS)
def test_what_is_wrong_in_a_program_is_told(what: str, tmp_path: Path) -> None:
    """In a sentence that names the file; what counts is read in full or refused."""
    old, new, sentence = BAD_PROGRAMS[what]
    assert old in PROGRAM
    path = tmp_path / "ilp_model.lp"
    path.write_text(PROGRAM.replace(old, new, 1))
    with pytest.raises(sf.InstanceError, match=re.escape(sentence)) as caught:
        imported("helix", [path])
    assert str(path) in str(caught.value)
