"""`splitfog edit`: other figures in one line, wrong ones named, nothing lost in silence."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import splitfog as sf
from tests.face.test_cli import TINY, changed, lines, one_line_of_error, splitfog


def edited(folder: Path, *words: object, source: Path = TINY) -> sf.Instance:
    """The instance that `edit` writes."""
    path = folder / "new.json"
    result = splitfog("edit", source, *words, "-o", path)
    assert result.exit_code == 0, result.output
    assert lines(result.stdout) == [str(path)]
    return sf.load_instance(path)


def test_every_option_changes_its_field(tmp_path: Path) -> None:
    """What is named has the new figure, `none` lifts a limit, the rest is as it was."""
    made = edited(
        tmp_path,
        *("--link", "pi,server=4e6,0.002,0.05"),
        *("--speed", "server=5e10", "--overhead", "pi=1e-3"),
        *("--memory", "pi=1000", "--memory", "server=none", "--quota", "server=2"),
        *("--deadline", "cam=0.5", "--rate", "2", "--results-to", "pi"),
    )
    link, (pi, server), task = made.links[0], made.nodes, made.tasks[0]
    assert (link.bandwidth_bps, link.latency_s, link.delay_s) == (4e6, 0.002, 0.05)
    assert link.duplex
    assert (server.speed_flops, pi.overhead_s) == (5e10, 1e-3)
    assert (pi.memory_bytes, server.memory_bytes, server.quota) == (1000.0, None, 2)
    assert (task.deadline_s, task.arrivals_per_s, task.results_to) == (0.5, 2.0, "pi")
    assert made.models == sf.load_instance(TINY).models


@pytest.mark.parametrize(
    "words", [["--speed", "pi=1e9"], ["--deadline", "1"], ["--link", "pi,server=1e6"]]
)
def test_where_the_model_came_from_is_kept(words: list[str], tmp_path: Path) -> None:
    """`split` finds the model of an instance that was edited; what is no longer true goes."""
    about = {"file": "tiny.onnx", "sha256": "0" * 64}
    source = tmp_path / "imported.json"
    instance = sf.load_instance(TINY)
    sf.save_instance(replace(instance, meta={"onnx": about, "optimum": {"latency": 1}}), source)
    made = edited(tmp_path, *words, source=source)
    assert made.meta["onnx"] == about
    assert "optimum" not in made.meta


def test_a_node_goes_with_all_that_names_it(tmp_path: Path) -> None:
    """After the other changes: the source moves first, then pi may go."""
    made = edited(tmp_path, "--without", "pi", "--source", "server")
    assert [node.name for node in made.nodes] == ["server"]
    assert (made.links, made.tasks[0].source) == ((), "server")


def test_the_new_instance_says_what_it_is(tmp_path: Path) -> None:
    """It is called as its file, or as --name says; `meta` holds what was changed in what."""
    made = edited(tmp_path, "--speed", "pi=2e9")
    assert made.name == "new"
    assert made.meta["edited"] == {
        "instance": "tiny",
        "instance_sha256": sf.load_instance(TINY).sha256,
        "changes": ["--speed pi=2e9"],
    }
    assert edited(tmp_path, "--speed", "pi=2e9", "--name", "fast").name == "fast"


def test_one_way_of_two_links_is_said_to_be_one(tmp_path: Path) -> None:
    """wi-fi is two one-way links: the way back stays and is named; a preset changes both."""
    source = tmp_path / "three-tier.json"
    sf.save_instance(sf.generate("three-tier"), source)
    result = splitfog("edit", source, "--link", "device,edge0=8e6", "-o", tmp_path / "new.json")
    assert lines(result.stderr) == ["edge0 -> device is a link of its own, which stays as it is"]
    words = ("--link", "device,edge0=5g", "-o", tmp_path / "new.json")
    assert splitfog("edit", source, *words).stderr == ""
    made = sf.load_instance(tmp_path / "new.json")
    figures = {(way.tail, way.head): way for way in made.links}
    up, down = figures["device", "edge0"], figures["edge0", "device"]
    assert (up.bandwidth_bps, down.bandwidth_bps) == (50e6, 200e6)
    assert (up.latency_s, down.latency_s) == (0.01, 0.01)


def test_one_pass_in_place_of_all(tmp_path: Path) -> None:
    """After the other changes, as `throughput` wants it; `meta` says so."""
    source = tmp_path / "passes.json"
    sf.save_instance(sf.generate("pipeline", model="gpt2-124m", machines="t4,t4"), source)
    made = edited(tmp_path, "--one-pass", "decode", "--source", "t4-1", source=source)
    assert (made.models[0].passes, made.tasks[0].source) == (None, "t4-1")
    assert made.meta["edited"]["changes"] == ["--source t4-1", "--one-pass decode"]


def test_layers_are_kept_together(tmp_path: Path) -> None:
    """On one node; inputs are where they are."""
    made = edited(tmp_path, "--group", "conv,fc")
    groups = {layer.name: layer.group for layer in made.models[0].layers}
    assert groups == {"input": None, "conv": "conv,fc", "fc": "conv,fc"}


@pytest.mark.parametrize(
    ("group", "why"),
    [
        ("conv", "--group = 'conv', must be A,B: two layers or more"),
        ("conv,fcc", "unknown layer 'fcc', did you mean 'fc'?"),
        ("input,conv", "--group = 'input,conv': input is an input, which is at its source"),
    ],
)
def test_groups_that_make_no_sense(group: str, why: str, tmp_path: Path) -> None:
    """Of one layer, of layers that are not there, of inputs."""
    assert why in one_line_of_error("edit", TINY, "--group", group, "-o", tmp_path / "none.json")


def test_networks_of_fleets_are_presets_too(tmp_path: Path) -> None:
    """wi-fi-6 has a delay in place of a latency; what is told beside it counts."""
    (way, back) = edited(tmp_path, "--link", "pi,server=wi-fi-6").links
    assert (way.bandwidth_bps, way.latency_s, way.delay_s) == (600e6, 0, 0.0015)
    assert (back.tail, back.head, back.bandwidth_bps) == ("server", "pi", 600e6)
    way, _ = edited(tmp_path, "--link", "pi,server=wi-fi-6,0.001,0.5").links
    assert (way.latency_s, way.delay_s) == (0.001, 0.5)


def test_a_link_that_is_added_is_named(tmp_path: Path) -> None:
    """device and cloud have none of their own; a new one is duplex."""
    source, new = tmp_path / "three-tier.json", tmp_path / "new.json"
    sf.save_instance(sf.generate("three-tier"), source)
    result = splitfog("edit", source, "--link", "device,cloud=1e6", "-o", new)
    assert lines(result.stderr) == ["device -> cloud: there was no link, one is added"]
    added = sf.load_instance(new).links[-1]
    assert (added.tail, added.head, added.bandwidth_bps, added.duplex) == (
        "device",
        "cloud",
        1e6,
        True,
    )


def test_measured_times_stay_whatever_the_speed_is(tmp_path: Path) -> None:
    """One of three layers has a time at pi: the speed does not change it, which is said."""
    measured = tmp_path / "measured.json"
    sf.save_instance(sf.load_instance(TINY).with_times({"conv": {"pi": 0.5}}), measured)
    result = splitfog("edit", measured, "--speed", "pi=9e9", "-o", tmp_path / "new.json")
    assert lines(result.stderr) == ["pi: 1 of 3 layers have measured times there, which stay"]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ([], "nothing to change, must be told by --link, --speed"),
        (["--link", "pi,server"], "--link = 'pi,server', must be FROM,TO=BIT/S[,LATENCY_S[,DEL"),
        (["--link", "pi,server=fast"], "--link pi,server = 'fast', must be FROM,TO=BIT/S"),
        (["--link", "pi,server=1e6,x"], "--link pi,server = 'x', must be"),
        (["--link", "pi,servr=1e6"], "unknown node 'servr', did you mean 'server'?"),
        (["--link", "pi=1e6"], "--link = 'pi', must be FROM,TO: the names of two nodes"),
        (["--link", "pi,server=0"], "links[0].bandwidth_bps = 0, must be a finite number > 0"),
        (["--link", "pi,server=1,-1"], "links[0].latency_s = -1, must be a finite number >= 0"),
        (["--speed", "pi"], "--speed = 'pi', must be NODE=a number"),
        (["--speed", "fog=1"], "unknown node 'fog'; known: pi, server"),
        (["--speed", "pi=none"], "nodes[0].speed_flops = null, must be a finite number > 0"),
        (["--speed", "pi=1_0"], "--speed = '1_0', must be NODE=a number"),
        (["--speed", "pi=1", "--speed", "pi=2"], "--speed says of pi twice, must say it once"),
        (["--memory", "pi=nan"], "nodes[0].memory_bytes = NaN, must be a finite number >= 0"),
        (["--quota", "pi=1.5"], "nodes[0].quota = 1.5, must be a whole number >= 0"),
        (["--deadline", "cat=1"], "unknown task 'cat', did you mean 'cam'?"),
        (["--rate", "0"], "tasks[0].arrivals_per_s = 0, must be a finite number > 0"),
        (["--source", "fog"], 'tasks[0].source = "fog", must be a node (pi, server)'),
        (["--without", "fog"], "node 'fog', must be one of pi, server"),
        (["--without", "pi"], "node pi is the source of task cam, must stay"),
    ],
)
def test_wrong_changes_are_one_line(words: list[str], reason: str, tmp_path: Path) -> None:
    """Exit code 2; nothing is written."""
    new = tmp_path / "new.json"
    assert reason in one_line_of_error("edit", TINY, *words, "-o", new)
    assert not new.exists()


def test_what_holds_for_one_task_wins_over_what_holds_for_all(tmp_path: Path) -> None:
    """In whatever order they stand."""
    task: dict[str, Any] = {"model": "net", "source": "pi"}
    two = changed(TINY, tmp_path, tasks=[{"name": "a", **task}, {"name": "b", **task}])
    made = edited(tmp_path, "--rate", "b=3", "--rate", "2", source=two)
    assert [own.arrivals_per_s for own in made.tasks] == [2.0, 3.0]


def test_a_comma_in_a_name(tmp_path: Path) -> None:
    """Names may hold commas: the two that are nodes are meant."""
    nodes = [
        {"name": "pi,1", "tier": "device", "speed_flops": 1e9},
        {"name": "server", "tier": "cloud", "speed_flops": 1e10},
    ]
    links = [{"from": "pi,1", "to": "server", "bandwidth_bps": 8e6}]
    tasks = [{"name": "cam", "model": "net", "source": "pi,1"}]
    source = changed(TINY, tmp_path, nodes=nodes, links=links, tasks=tasks)
    assert (
        edited(tmp_path, "--link", "pi,1,server=1e6", source=source).links[0].bandwidth_bps == 1e6
    )
