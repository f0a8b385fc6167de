"""TIMES files: every form that is allowed, every defect by its line."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

import splitfog as sf
from splitfog.instances.importers.measured import unmeasured, with_layer_times
from splitfog.instances.records import changed
from splitfog.instances.times import LayerTime, load_times
from tests.cases.small_networks import chain, network


def read(folder: Path, text: str | bytes) -> tuple[LayerTime, ...]:
    """The times in a file of this text."""
    path = folder / "times.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_times(path)


def test_seconds_and_milliseconds(tmp_path: Path) -> None:
    """31 ms are 0.031 s; columns may stand in any order."""
    seconds = read(tmp_path, "layer,node,seconds\nconv1,pi,0.031\n")
    milliseconds = read(tmp_path, "milliseconds,layer,tier\n31,conv1,pi\n")
    assert seconds == milliseconds == (LayerTime(line=2, layer="conv1", place="pi", seconds=0.031),)


def test_all_columns(tmp_path: Path) -> None:
    """Model, spread and reliable may stand there, and be empty where they are not known."""
    head = "model,layer,node,seconds,spread_s,reliable\n"
    full, bare = read(tmp_path, f"{head}m,a,pi,1,0.1,false\n,b,pi,2,,\n")
    assert (full.model, full.spread_s, full.reliable) == ("m", 0.1, False)
    assert (bare.model, bare.spread_s, bare.reliable) == (None, None, None)


def test_what_spreadsheets_write(tmp_path: Path) -> None:
    """A byte order mark, CR LF, quotes, empty lines and blanks around cells change nothing."""
    plain = read(tmp_path, "layer,node,seconds\nconv1,pi,1\n")
    assert (
        read(tmp_path, b'\xef\xbb\xbflayer,node,seconds\r\n"conv1", pi ,1\r\n\r\n,,\r\n') == plain
    )


def test_compressed(tmp_path: Path) -> None:
    """As any file that ends in .gz; one that only ends so is named."""
    path = tmp_path / "times.csv.gz"
    path.write_bytes(gzip.compress(b"layer,node,seconds\na,pi,1\n"))
    assert [time.layer for time in load_times(path)] == ["a"]
    path.write_bytes(b"layer,node,seconds\na,pi,1\n")
    with pytest.raises(sf.InstanceError, match="not a gzip file"):
        load_times(path)


HEAD = "layer,node,seconds\n"
DEFECTS = {
    "": "the file is empty, must begin with a header such as layer,node,seconds",
    "\n\n": "the file is empty, must begin with a header such as layer,node,seconds",
    HEAD: "line 1: no line follows the header, must be followed by times",
    "layer;node;seconds\na;pi;1\n": "line 1: the columns are parted by ';', must be parted by ','",
    "layer\tnode\tseconds\n": "line 1: the columns are parted by '\\t', must be parted by ','",
    "node,seconds\npi,1\n": "line 1: the column layer is missing, must stand there once",
    "layer,seconds\na,1\n": "line 1: the column node or tier is missing, must stand there once",
    "layer,node\na,pi\n": (
        "line 1: the column seconds or milliseconds is missing, must stand there once"
    ),
    "layer,node,tier,seconds\na,pi,b,1\n": (
        "line 1: the column node or tier stands there as node and tier, must stand there once"
    ),
    "layer,node,seconds,model,model\na,pi,1,m,m\n": (
        "line 1: the column model stands there 2 times, must once"
    ),
    "layer,node,seconds,secs\na,pi,1,2\n": (
        "line 1: unknown column 'secs', must be one of layer, node, tier, seconds, milliseconds, "
        "model, spread_s, reliable, group, kind, flops, bytes_in, bytes_out, weight_bytes"
    ),
    f"{HEAD}a,pi,-1\n": "line 2: seconds = '-1', must be a finite number >= 0",
    f"{HEAD}a,pi,nan\n": "line 2: seconds = 'nan', must be a finite number >= 0",
    f"{HEAD}a,pi,inf\n": "line 2: seconds = 'inf', must be a finite number >= 0",
    f"{HEAD}a,pi,\n": "line 2: seconds = '', must be a finite number >= 0",
    f'{HEAD}a,pi,"0,5"\n': "line 2: seconds = '0,5', must be a finite number >= 0",
    f"{HEAD}a,pi,1_0\n": "line 2: seconds = '1_0', must be a finite number >= 0",
    f"{HEAD}a,pi\n": "line 2 has 2 cells, must have 3",
    f"{HEAD}a,pi,1,\n": "line 2 has 4 cells, must have 3",
    f"{HEAD},pi,1\n": "line 2: a name is empty, must say which layer and where",
    f"{HEAD}a,,1\n": "line 2: a name is empty, must say which layer and where",
    f"{HEAD}a,pi,1\nb,pi,2\n\na,pi,1\n": (
        "line 5: layer a on pi stands in line 2 too, must stand once"
    ),
    f'{HEAD}a,pi,1\n"b,pi,2\n': "line 3: not CSV: unexpected end of data",
    "layer,node,seconds,spread_s\na,pi,1,-1\n": (
        "line 2: spread_s = '-1', must be a finite number >= 0"
    ),
    "layer,node,seconds,reliable\na,pi,1,perhaps\n": (
        "line 2: reliable = 'perhaps', must be true or false"
    ),
}


@pytest.mark.parametrize("text", DEFECTS)
def test_a_defect_is_one_sentence_with_its_line(text: str, tmp_path: Path) -> None:
    """And nothing else is complained of."""
    with pytest.raises(sf.InstanceError) as error:
        read(tmp_path, text)
    assert str(error.value) == f"times.csv: {DEFECTS[text]}"


def test_what_is_no_text(tmp_path: Path) -> None:
    """UTF-16, as some spreadsheets write it, is named, not guessed."""
    with pytest.raises(sf.InstanceError, match="not UTF-8 text"):
        read(tmp_path, HEAD.encode("utf-16"))


def test_all_defects_are_listed_by_line(tmp_path: Path) -> None:
    """In the order of the lines, whatever kind they are of."""
    with pytest.raises(sf.InstanceError) as error:
        read(tmp_path, f"{HEAD}a,pi,1\nb,pi,x\na,pi,2\nc\n")
    assert [defect.split(":")[0] for defect in error.value.defects] == [
        "line 3", "line 4", "line 5 has 1 cells, must have 3",
    ]  # fmt: skip


def instance() -> sf.Instance:
    """Layers in, a, b on the nodes d, e, c of the tiers device, edge, cloud."""
    return network(chain((0, 1), (1, 1), (1, 1)))


def two_models() -> sf.Instance:
    """Models m and n, both with layers in and a; b is in m only."""
    other = sf.Model(name="n", layers=tuple(chain((0, 1), (1, 1))))
    return changed(instance(), models=(*instance().models, other))


def time(
    layer: str, place: str, seconds: float = 1.0, line: int = 2, model: str | None = None
) -> LayerTime:
    """A line of a file."""
    return LayerTime(line=line, layer=layer, place=place, seconds=seconds, model=model)


def test_times_are_those_of_with_times() -> None:
    """By node and by tier, as `Instance.with_times` puts them in."""
    made = with_layer_times(instance(), [time("a", "d", 0.5), time("b", "cloud", 0.1)])
    assert made == instance().with_times({"a": {"d": 0.5}, "b": {"cloud": 0.1}})


def test_the_model_is_told_or_the_only_one_that_has_the_layer() -> None:
    """b is of m; a is of whichever the column or the argument says."""
    made = with_layer_times(two_models(), [time("b", "d"), time("a", "d", 2.0, model="n")])
    assert [own.layers[1].times_s for own in made.models] == [{}, {"d": 2.0}]
    assert made.models[0].layers[2].times_s == {"d": 1.0}
    made = with_layer_times(two_models(), [time("a", "d", 3.0)], model="m")
    assert [own.layers[1].times_s for own in made.models] == [{"d": 3.0}, {}]


def test_all_unknown_names_are_told_with_their_lines() -> None:
    """A sentence for each kind of name: layers, places, models, layers of two models."""
    times = [
        time("aa", "d"),
        time("x", "dd", line=3),
        time("aa", "e", line=4),
        time("a", "d", line=5, model="o"),
        time("a", "d", line=6),
        time("b", "d", line=7, model="n"),
    ]
    with pytest.raises(sf.InstanceError) as error:
        with_layer_times(two_models(), times, origin="times.csv")
    assert str(error.value).splitlines() == [
        "times.csv: unknown layer 'aa' (lines 2, 4, did you mean 'a'?), 'x' (line 3); "
        "known: in, a, b",
        "times.csv: unknown node or tier 'dd' (line 3, did you mean 'd'?); known: d, e, c, device, "
        "edge, cloud",
        "times.csv: unknown model 'o' (line 5); known: m, n",
        "times.csv: layer of several models 'a' (line 6), must be told apart by a column model or "
        "by --model",
        "times.csv: unknown layer of n 'b' (line 7); known: in, a",
    ]


def test_what_is_not_measured_is_counted() -> None:
    """Input layers do not count, nor does a layer where it may not run; a tier's time counts."""
    layers = chain((0, 1), (1, 1), (1, 1))
    layers[2] = sf.Layer(name="b", op="other", output_bytes=1, inputs=("a",), tiers=("cloud",))
    made = with_layer_times(network(layers), [time("a", "d"), time("a", "edge")])
    assert unmeasured(made) == {"d": (0, 1), "e": (0, 1), "c": (2, 2)}
