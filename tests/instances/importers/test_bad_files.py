"""Files of other tools that are wrong: one sentence with file, path, value and what is allowed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from splitfog.cli import app
from splitfog.instances.importers import FORMATS
from tests.instances.importers.foreign import (
    DNET_HEAD,
    DNET_MODEL,
    EXO_CARD,
    EXO_STATE,
    FILES,
    MESH_SCENARIO,
    OPTIONS,
    PIPEEDGE_DEVICES,
    PIPEEDGE_MODELS,
    PIPEEDGE_TYPES,
    imported,
    with_entry,
    written,
)

MEMORY = ("nodeMemory", "id-a", "ramAvailable", "inBytes")
BATCH = {"pipeedge": {"batch": "8"}}


def dnet(*path: Any, value: Any) -> tuple[str, dict[str, Any]]:
    """A model's profile with another entry."""
    return "dnet", {"model": with_entry(DNET_MODEL, *path, value=value)}


def device(*path: Any, value: Any) -> tuple[str, dict[str, Any]]:
    """A device's profile with another entry."""
    return "dnet", {"a": with_entry(DNET_HEAD, *path, value=value)}


def models(old: str, new: str) -> tuple[str, dict[str, Any]]:
    """PipeEdge's models with another text."""
    return "pipeedge", {"models": replaced(PIPEEDGE_MODELS, old, new)}


def types(old: str, new: str) -> tuple[str, dict[str, Any]]:
    """PipeEdge's device types with another text."""
    return "pipeedge", {"device_types": replaced(PIPEEDGE_TYPES, old, new)}


def devices(old: str, new: str) -> tuple[str, dict[str, Any]]:
    """PipeEdge's devices with another text."""
    return "pipeedge", {"devices": replaced(PIPEEDGE_DEVICES, old, new)}


def card(old: str, new: str) -> tuple[str, dict[str, Any]]:
    """exo's card with another text."""
    return "exo", {"card": replaced(EXO_CARD, old, new)}


def state(*path: Any, value: Any) -> tuple[str, dict[str, Any]]:
    """exo's state with another entry."""
    return "exo", {"state": with_entry(EXO_STATE, *path, value=value)}


def scenario(old: str, new: str) -> tuple[str, dict[str, Any]]:
    """Mesh-LLM's scenario with another text."""
    return "mesh-llm", {"scenario": replaced(MESH_SCENARIO, old, new)}


def replaced(text: str, old: str, new: str) -> str:
    """The text with a part of it changed, which is there."""
    assert old in text
    return text.replace(old, new, 1)


BAD: list[tuple[tuple[str, dict[str, Any]], str]] = [
    (dnet("L", value=3), "b_o has 3 entries, must be a list of 4 numbers, as L = 3 and the embed"),
    (dnet("L", value=2.5), "L = 2.5, must be a whole number >= 1 and <= 10000"),
    (dnet("L", value=10**9), "L = 1000000000, must be a whole number >= 1 and <= 10000"),
    (dnet("b", value=...), "b is missing, must be a list"),
    (dnet("b", value="many"), 'b = "many", must be a list'),
    (dnet("b", 1, value=-4), "b[1] = -4, must be a finite number >= 0"),
    (dnet("b", 1, value=1e300), "b[1] = 1e+300, must be a finite number >= 0 and <= 1e+18"),
    (dnet("b", 1, value=float("nan")), "b[1] = NaN, must be a finite number"),
    (dnet("b", 1, value=True), "b[1] = true, must be a finite number"),
    (dnet("e_embed", value=...), "model.json: e_embed is missing, must be a whole number >= 1"),
    (dnet("hk", value=...), "hk is missing, must be a finite number >= 0"),
    (
        dnet("f_q", "decode", "b_1", value=...),
        "f_q.decode.b_1 is missing, must be there for a",
    ),
    (
        dnet("f_q", "decode", value=[1, 2, 3]),
        "f_q.decode.b_1 is missing, must be there for a",
    ),
    (dnet("quantization", value="Q3_S"), 'quantization = "Q3_S", must be one of Q4_K, '),
    (dnet("quantization", value="Q4_K"), "scpu.Q4_K.b_1 is missing, must be there as the model's"),
    (device("scpu", "F16", "b_1", value=0), "scpu.F16.b_1 = 0.0, must be a finite number > 0"),
    (device("T_cpu", value=0), "T_cpu = 0.0, must be a finite number > 0"),
    (device("t_comm", value=...), "t_comm is missing, must be a finite number >= 0"),
    (device("d_avail_ram", value=None), "d_avail_ram = null, must be a finite number >= 0"),
    (device("name", value="b"), 'b.json: name = "b", must be unique, but '),
    (device("name", value=""), 'name = "", must be a text that is not empty'),
    (device("scpu", value=[]), "scpu = [], must be an object"),
    (models("[1.0, 2.0]", "[1.0]"), "tiny.mem_MB has 1 entries, must have 2 as layers says"),
    (models("[20, 5]", "[20, .inf]"), "tiny.parameters_out[1] = Infinity, must be a finite number"),
    (models("[20, 5]", "[20, five]"), 'tiny.parameters_out[1] = "five", must be a finite number'),
    (models("layers: 2", "layers: two"), 'tiny.layers = "two", must be a whole number >= 0'),
    (models("tiny", "other"), "slow.model_profiles has no 'other', must have the model's profile"),
    (models("tiny", "empty"), "not YAML in line 3: key 'empty', must be a text that stands once"),
    (models("[20, 5]", "&a [20, 5]"), "not YAML in line 3: anchor or alias a, must be written out"),
    (models("[20, 5]", "!!python/name:os.system x"), "not YAML in line 3: could not determine"),
    (models("[20, 5]", "[20, 5"), "not YAML in line 3: expected ',' or ']'"),
    (types("[1.0, 2e-1]", "[1.0]"), "slow.model_profiles.tiny.time_s has 1 entries, must have 2"),
    (
        types("[1.0, 2e-1]", "[1.0, -1]"),
        "slow.model_profiles.tiny[0].time_s[1] = -1, must be",
    ),
    (types("bw_Mbps: 100\n", "bw_Mbps: 0\n"), "slow.bw_Mbps = 0.0, must be a finite number > 0"),
    (types("  mem_MB: 4\n", ""), "slow.mem_MB is missing, must be a finite number >= 0"),
    (types("torch.float32", "torch.int4"), 'dtype = "torch.int4", must be one of torch.float64'),
    (devices("fast", "faster"), "unknown device type (of "),
    (devices("f-0", "7"), "fast[0] = 7, must be a text that is not empty"),
    (devices("f-0", "s-0"), 'nodes[2].name = "s-0", must be unique'),
    (devices("[s-0, s-1]", "{s-0: 1}"), "it holds models, as "),
    (
        card("n_layers = 4", "n_layers = 0"),
        "n_layers = 0, must be a whole number >= 1 and",
    ),
    (card("n_layers = 4", 'n_layers = "4"'), 'n_layers = "4", must be a whole number >= 1'),
    (card("n_layers = 4\n", ""), "n_layers is missing, must be a whole number >= 1"),
    (card("= 4000", "= inf"), "storage_size.in_bytes = Infinity, must be a finite number >= 0"),
    (card("= 4000", "= -1"), "storage_size.in_bytes = -1, must be a finite number >= 0"),
    (card("= 4000", "= 4000\nin_bytes = 5"), "not TOML: Cannot overwrite a value"),
    (card("= 4000", "= 2 * 2000"), "not TOML: "),
    (card("num_key_value_heads = 2\n", ""), "lacks num_key_value_heads, which the cache of keys"),
    (card('"8bit"', '"odd"'), "quantization = 'odd' tells no bits of a weight, must be told by"),
    (
        state(*MEMORY, value=-1),
        "nodeMemory.id-a.ramAvailable.inBytes = -1, must be a finite",
    ),
    (state("nodeMemory", value={}), "nodeMemory = {}, must be an object with at least one node"),
    (state("nodeMemory", value=...), "nodeMemory is missing, must be an object"),
    (
        state("nodeIdentities", "id-a", "chipId", value="8086"),
        'nodeIdentities.id-a.chipId = "8086", must be one of Apple M1, ',
    ),
    (
        state("topology", "connections", "id-a", value={"id-x": []}),
        "topology.connections: unknown node 'id-x', did you mean 'id-c'?",
    ),
    (scenario("[nodes.big]", "[knots.big]"), "knots = {"),
    (
        scenario("vram_bytes = 500000\n", ""),
        "nodes.small.vram_bytes is missing, must be a",
    ),
    (
        scenario("= 100\n", "= 0\n"),
        "nodes.big.sustained_mem_bandwidth_mib_per_s = 0, must be a",
    ),
    (scenario("big -> small", "big -> smal"), "unknown node 'smal', did you mean 'small'?"),
    (scenario("big -> small", "big"), "links.big = "),
    (scenario("rtt_ms = 3", "rtt_s = 3"), "links.big -> small.rtt_s = 3, unknown key, must be one"),
    (scenario("fraction = 0.5", "fraction = 1.5"), "model.active_weight_fraction = 1.5, must be a"),
    (
        scenario("sustained_mem_bandwidth_mib_per_s = 100\n", ""),
        "nodes.big.sustained_mem_bandwidth_mib_per_s is missing, must be there, or observed_decode",
    ),
    (("dnet", {"a": b'{"name": "a", "name": "b"}'}), "name stands twice, must stand once"),
]


@pytest.mark.parametrize(("case", "sentence"), BAD, ids=[sentence for _, sentence in BAD])
def test_what_is_wrong_is_told(
    case: tuple[str, dict[str, Any]], sentence: str, tmp_path: Path
) -> None:
    """In one error that has the sentence in it, and begins with a file that was given."""
    name, changed = case
    paths = written(tmp_path, name, **changed)
    with pytest.raises((ValueError, LookupError)) as caught:
        imported(name, paths, **BATCH.get(name, {}))
    assert sentence in str(caught.value)
    assert any(str(path) in str(caught.value) for path in paths)


DAMAGE = {
    "no UTF-8": (b'"\xff"', "not UTF-8 text"),
    "empty": (b"", "the file is empty"),
    "deep": (b"[" * 3_000, "nested too deeply"),
    "quite deep": (b'{"a": ' + b"[" * 30 + b"]" * 30 + b"}", "nested too deeply"),
    "cut short": (b'{"a": [1,', "not "),
    "a list": (b"[1]", "must be a"),
}
ENDINGS = {"dnet": "json", "pipeedge": "yml", "exo": "toml", "mesh-llm": "toml"}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("name", ENDINGS)
def test_a_damaged_file_is_told_with_exit_code_2(name: str, damage: str, tmp_path: Path) -> None:
    """Whatever the form of the file: no traceback, and nothing is written."""
    content, sentence = DAMAGE[damage]
    first = next(iter(FILES[name])).partition(".")[0]
    paths = written(tmp_path, name, **{first: content})
    options = [f"--option={key}={own}" for key, own in OPTIONS.get(name, {}).items()]
    words = ["import", name, *map(str, paths), "-o", str(tmp_path / "made.json"), *options]
    done = CliRunner().invoke(app, words, prog_name="splitfog")
    assert done.exit_code == 2, done.output
    assert all(str(paths[0]) in line for line in done.output.splitlines())
    if ENDINGS[name] != "toml" or damage in ("no UTF-8", "empty"):
        assert sentence in done.output
    assert done.output
    assert not (tmp_path / "made.json").exists()


@pytest.mark.parametrize("name", ENDINGS)
def test_windows_editors_change_nothing(name: str, tmp_path: Path) -> None:
    """A byte order mark, and lines that end in CR LF."""
    paths = written(tmp_path, name)
    plain = imported(name, paths, **BATCH.get(name, {}))
    for path in paths:
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert imported(name, paths, **BATCH.get(name, {})) == plain


@pytest.mark.parametrize("name", ["dnet", "exo", "pipeedge"])
def test_files_are_told_apart_by_what_they_hold(name: str, tmp_path: Path) -> None:
    """The first one last, and the others after one another as before."""
    first, *others = written(tmp_path, name)
    how = BATCH.get(name, {})
    assert imported(name, [*others, first], **how) == imported(name, [first, *others], **how)


def test_files_are_as_many_as_the_format_has(tmp_path: Path) -> None:
    """Each once, and each of its kind."""
    model, first, second = written(tmp_path, "dnet")
    for given, sentence in (
        ([model], "dnet is read from MODEL.json DEVICE.json..., but 1 file is given"),
        ([model, first, first], "a.json is given 2 times, must be given once"),
        ([first, second], "must be a model's profile (with L or e_embed), but none is"),
        ([model, tmp_path / "none.json"], "none.json: no such file"),
        ([model, tmp_path], "cannot be read"),
    ):
        with pytest.raises(ValueError, match=re.escape(sentence)):
            imported("dnet", list(given))


def test_a_choice_among_several_must_be_made(tmp_path: Path) -> None:
    """PipeEdge's batch sizes; a wrong one is told with those there are."""
    paths = written(tmp_path, "pipeedge", devices="fast: [f-0]\n")
    with pytest.raises(ValueError, match=r"option batch = None, must be told where .*: 8, 4"):
        imported("pipeedge", paths)
    with pytest.raises(LookupError, match="unknown batch '5'; known: 8, 4"):
        imported("pipeedge", paths, batch="5")
    with pytest.raises(LookupError, match="unknown model 'tin', did you mean 'tiny'"):
        imported("pipeedge", paths, batch="8", model="tin")
    assert imported("pipeedge", paths, batch="4").models[0].layers[0].times_s == {"fast": 0.3}


def test_without_a_yaml_library_it_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That says what to install."""
    import sys

    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'splitfog\[yaml\]'"):
        imported("pipeedge", written(tmp_path, "pipeedge"))


def test_every_format_has_a_case() -> None:
    """Of ours, but those that have tests of their own."""
    assert {each.name for each in FORMATS.declared} - {"msr", "helix"} == set(FILES)
