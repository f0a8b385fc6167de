"""Everything that is wrong with a trace, by its path or line, and with one for an instance."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import splitfog as sf
from splitfog.instances.records import changed
from splitfog.instances.traces.joined import joined, trace_defects

GOOD: dict[str, Any] = {
    "format": "splitfog/trace",
    "version": 1,
    "name": "t",
    "duration_s": 10,
    "series": [
        {
            "link": ["a", "b"],
            "quantity": "bandwidth_bps",
            "times_s": [0, 2.5, 5],
            "values": [1, 2, 3],
        },
        {"node": "n", "quantity": "load", "times_s": [0, 2], "values": [1, 2]},
    ],
}


def defects(folder: Path, text: str, name: str = "t.json") -> list[str]:
    """What is told of a file of this text."""
    path = folder / name
    path.write_text(text)
    with pytest.raises(sf.InstanceError) as caught:
        sf.load_trace(path)
    assert str(caught.value).startswith(f"{name}: ")
    return caught.value.defects


BROKEN: dict[str, tuple[list[Any], Any, str]] = {
    "one node": (
        ["series", 0, "link"],
        ["a", "a"],
        'series[0].link = ["a", "a"], must be of two nodes',
    ),
    "negative": (["series", 0, "values", 1], -3.1, "series[0].values[1] = -3.1, must be >= 0"),
    "no load": (["series", 1, "values", 1], 0, "series[1].values[1] = 0, must be > 0"),
    "gap": (
        ["series", 0, "values", 1],
        None,
        "series[0].values[1] = null, must be a finite number",
    ),
    "text": (["series", 0, "values", 1], "2", 'series[0].values[1] = "2", must be a finite number'),
    "late": (["series", 0, "times_s", 0], 1, "series[0].times_s[0] = 1, must be 0"),
    "back": (["series", 0, "times_s", 2], 2.5, "series[0].times_s[2] = 2.5, must be > 2.5"),
    "beyond": (
        ["series", 0, "times_s", 2],
        12,
        "series[0].times_s[2] = 12, must be < 10, the duration_s",
    ),
    "at the end": (
        ["series", 0, "times_s", 2],
        10,
        "series[0].times_s[2] = 10, must be < 10, the duration_s",
    ),
    "none": (
        ["series", 0, "times_s"],
        [],
        "series[0].times_s = [], must be a list with at least one entry",
    ),
    "fewer": (
        ["series", 0, "values"],
        [1, 2],
        "series[0].values has 2 entries, must have 3 as its times_s",
    ),
    "both": (["series", 0, "node"], "n", "series[0] has a link and a node, must have one of them"),
    "neither": (
        ["series", 0, "link"],
        None,
        "series[0] has neither a link nor a node, must have one of them",
    ),
    "quantity of a node": (
        ["series", 1, "quantity"],
        "latency_s",
        'series[1].quantity = "latency_s", must be "load" or "up" for a node',
    ),
    "quantity of a link": (
        ["series", 0, "quantity"],
        "load",
        'series[0].quantity = "load", must be "bandwidth_bps" or "latency_s" or "up" for a link',
    ),
    "unknown quantity": (
        ["series", 0, "quantity"],
        "speed",
        'series[0].quantity = "speed", must be one of "bandwidth_bps", "latency_s", "load", "up"',
    ),
    "directions": (
        ["series", 1, "directions"],
        "forward",
        'series[1].directions = "forward", must be left out for a node',
    ),
    "ends": (["series", 0, "link"], ["a"], 'series[0].link = ["a"], must be a list of 2 entries'),
    "duration": (["duration_s"], 0, "duration_s = 0, must be a finite number > 0"),
    "end": (["end"], "stop", 'end = "stop", must be one of "hold", "repeat"'),
    "key": (
        ["serie"],
        1,
        "serie = 1, unknown key, must be one of format, version, name, duration_s, end, series, "
        "meta, $schema",
    ),
    "format": (["format"], "splitfog/plan", 'format = "splitfog/plan", must be "splitfog/trace"'),
    "version": (["version"], 2, "version = 2, must be 1"),
    "name": (["name"], "", 'name = "", must be a text that is not empty'),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_defect_is_named(case: str, tmp_path: Path) -> None:
    """Its place, the value and what is allowed, and nothing else."""
    path, value, sentence = BROKEN[case]
    data = json.loads(json.dumps(GOOD))
    place = data
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    assert defects(tmp_path, json.dumps(data)) == [sentence]


def test_all_defects_are_told_at_once(tmp_path: Path) -> None:
    """Of several series, whether values are of a wrong kind or out of range; a figure twice."""
    data = json.loads(json.dumps(GOOD))
    data["series"][0]["values"] = [-1, None, 3]
    data["series"][1]["times_s"] = [0, -2]
    data["series"].append({**data["series"][0], "link": ["b", "a"], "values": [1, 2, 3]})
    assert sorted(defects(tmp_path, json.dumps(data))) == [
        "series[0].values[0] = -1, must be >= 0",
        "series[0].values[1] = null, must be a finite number",
        "series[1].times_s[1] = -2, must be > 0",
        "series[2] gives bandwidth_bps of b -> a as series[0] does, must be given once",
    ]


def test_twenty_are_listed_and_the_others_counted(tmp_path: Path) -> None:
    """Of 30 values below 0."""
    series = {
        "node": "n",
        "quantity": "load",
        "times_s": list(range(30)),
        "values": [-1.0] * 30,
    }
    text = json.dumps({**GOOD, "duration_s": 30, "series": [series]})
    told = defects(tmp_path, text)
    assert len(told) == 21 and told[-1] == "and 10 more defects"


HEAD = "time_s,from,to,node,quantity,value\n"
CSV_BROKEN = {
    f"{HEAD}0,a,b,,bandwidth_bps,1\n12.5,a,b,,bandwidth_bps,2\n12,a,b,,bandwidth_bps,3\n": (
        "line 4: time_s = 12, must be > 12.5"
    ),
    f"{HEAD}0,a,b,,bandwidth_bps,-1\n": "line 2: value = -1, must be >= 0",
    f"{HEAD}0,a,b,,bandwidth_bps,\n": "line 2: value = empty, a gap, must be a finite number",
    f"{HEAD}0,a,b,,bandwidth_bps,nan\n": 'line 2: value = "nan", must be a finite number',
    f"{HEAD}0,a,b,,bandwidth_bps,1_0\n": 'line 2: value = "1_0", must be a finite number',
    f"{HEAD}1,a,b,,bandwidth_bps,1\n": "line 2: time_s = 1, must be 0",
    f"{HEAD}0,a,b,n,up,1\n": "line 2 has a link and a node, must have one of them",
    f"{HEAD}0,,,,up,1\n": "line 2 has neither a link nor a node, must have one of them",
    f"{HEAD}0,a,,,up,1\n": "line 2: to = empty, must be a node",
    f"{HEAD}0,,,n,up,0.5\n": "line 2: value = 0.5, must be 0 or 1",
    f"{HEAD}0,,,n,bandwidth,1\n": (
        'line 2: quantity = "bandwidth", must be one of bandwidth_bps, latency_s, load, up '
        "(did you mean bandwidth_bps?)"
    ),
    f"{HEAD}0,,,n,up,1\n1,,,n,up\n": "line 3 has 5 cells, must have 6",
    f"{HEAD}0,,,n,up,1\n5,,,n,up,0\n4,,,,hold,\n": (
        "line 3: time_s = 5, must be < 4, the duration_s"
    ),
    f"{HEAD}0,,,n,up,1\n5,,,,hold,\n6,,,,hold,\n": "line 4: a second hold, must stand once",
    f"{HEAD}0,a,b,,up,1\n0,b,a,,up,1\n": (
        "line 3 gives up of b -> a as line 2 does, must be given once"
    ),
    HEAD: "line 1: no line follows the header, must be followed by values",
    "": "line 1: no header, must be time_s,from,to,node,quantity,value",
    "time_s;node;quantity;value\n0;n;up;1\n": (
        "line 1: the columns are parted by ';', must be parted by ','"
    ),
    "time_s,node,quantity\n0,n,up\n": "line 1: the column value is missing",
    "time_s,node,quantity,value,speed\n0,n,up,1,2\n": (
        "line 1: unknown column 'speed', must be one of time_s, from, to, node, quantity, value, "
        "directions"
    ),
    "time_s,time_s,node,quantity,value\n0,0,n,up,1\n": (
        "line 1: the column time_s stands there 2 times, must once"
    ),
    "time_s,from,to,quantity,value,directions\n0,a,b,up,1,back\n": (
        'line 2: directions = "back", must be both or forward'
    ),
}


@pytest.mark.parametrize("text", CSV_BROKEN, ids=range(len(CSV_BROKEN)))
def test_a_defect_of_a_csv_file_is_named_by_its_line(text: str, tmp_path: Path) -> None:
    """One sentence, and no other."""
    assert defects(tmp_path, text, "t.csv") == [CSV_BROKEN[text]]


def test_a_file_that_is_none(tmp_path: Path) -> None:
    """Missing, not compressed, not text, not JSON, not CSV."""
    with pytest.raises(sf.InstanceError, match=r"no such file$"):
        sf.load_trace(tmp_path / "none.json")
    (tmp_path / "t.csv.gz").write_text(HEAD)
    with pytest.raises(sf.InstanceError, match="not a gzip file"):
        sf.load_trace(tmp_path / "t.csv.gz")
    (tmp_path / "t.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(sf.InstanceError, match="not UTF-8 text"):
        sf.load_trace(tmp_path / "t.csv")
    assert defects(tmp_path, "[]") == ["the file = [], must be an object"]
    assert defects(tmp_path, '{"a"')[0].startswith("not JSON")
    assert defects(tmp_path, f'{HEAD}0,"a,b,,up,1\n', "t.csv")[0].startswith("line 2: not CSV")


def of_link(link: tuple[str, str], directions: Any = "both", name: str = "t") -> sf.Trace:
    series = sf.Series(
        link=link, quantity="bandwidth_bps", directions=directions, times_s=(0,), values=(1e6,)
    )
    return sf.Trace(name=name, duration_s=1, series=(series,))


def of_node(name: str) -> sf.Trace:
    series = sf.Series(node=name, quantity="load", times_s=(0,), values=(2,))
    return sf.Trace(name="t", duration_s=1, series=(series,))


@pytest.fixture(scope="module")
def instance() -> sf.Instance:
    """device <-> edge0 <-> cloud, and a link from device to cloud only."""
    made = sf.generate("three-tier", model="alexnet", device_edge=1e7, edge_cloud=1e7)
    return made.with_link("device", "cloud", directions="forward", bandwidth_bps=1e6)


def test_what_an_instance_has_not(instance: sf.Instance) -> None:
    """Nodes and links, with those that are most like them; both ways of a one-way link."""
    (link,) = trace_defects(of_link(("device", "egde0")), instance)
    assert link.startswith("series[0].link[1] = \"egde0\", must be a node (did you mean 'edge0'?")
    (node,) = trace_defects(of_node("clod"), instance)
    assert node.startswith("series[0].node = \"clod\", must be a node (did you mean 'cloud'?")
    (back,) = trace_defects(of_link(("cloud", "device"), "forward"), instance)
    assert back.startswith('series[0].link = ["cloud", "device"], must be a link (')
    assert trace_defects(of_link(("device", "cloud")), instance) == [
        'series[0].directions = "both", must be "forward": the link device -> cloud is one-way'
    ]
    assert trace_defects(of_link(("device", "cloud"), "forward"), instance) == []


def test_a_figure_that_several_traces_give(instance: sf.Instance) -> None:
    """Each direction of `both` is one; what different traces give of different links is joined."""
    first, back = of_link(("device", "edge0")), of_link(("edge0", "device"), "forward", "again")
    assert trace_defects([first, back], instance) == [
        "again: series[0] gives bandwidth_bps of edge0 -> device as series[0] of t does, "
        "must be given once"
    ]
    with pytest.raises(sf.InstanceError, match="must be given once"):
        joined([first, back], instance)
    both = joined([changed(first, duration_s=5.0), of_node("cloud")], instance)
    assert set(both) == {
        ("link", "device", "edge0", "bandwidth_bps"),
        ("link", "edge0", "device", "bandwidth_bps"),
        ("node", "cloud", "load"),
    }
    assert both["node", "cloud", "load"].duration_s == 1
    assert both["link", "device", "edge0", "bandwidth_bps"].duration_s == 5


def test_what_no_file_may_hold_is_refused_in_memory() -> None:
    """With the same sentences; NumPy's numbers and lists are fine."""
    with pytest.raises(sf.InstanceError, match=r"t: series\[0\].values\[1\] = -1, must be >= 0"):
        sf.Trace(
            name="t",
            duration_s=2,
            series=(
                sf.Series(link=("a", "b"), quantity="latency_s", times_s=(0, 1), values=(0, -1)),
            ),
        )
    with pytest.raises(sf.InstanceError, match=r"series\[0\] = 5, must be a Series"):
        sf.Trace(name="t", duration_s=2, series=(5,))  # type: ignore[arg-type]
