"""When tokens come and what stages do: figures by hand, in text, pictures and pages."""

from __future__ import annotations

import re
from pathlib import Path

from typer.testing import CliRunner

import splitfog as sf
from splitfog.cli import app
from splitfog.formulations.plan import Plan, decision_of
from splitfog.instances.instance import Instance
from splitfog.instances.records import Layer, Link, Model, Node, Pass, Task, changed
from splitfog.views import style
from splitfog.views.request_times import RequestTimes, request_lines, request_times, stage_rows
from splitfog.views.show import show

PASSES = (Pass(name="prefill"), Pass(name="decode-1", count=3), Pass(name="decode-2", count=1))


def request(passes: tuple[Pass, ...] = PASSES, overlap: bool = True) -> Instance:
    """A pipeline of three layers on a laptop and a box, 1 and 2 GFLOP/s, 8 Mbit/s between them."""
    layers = (
        Layer(name="input", op="input", output_bytes=4),
        Layer(name="embedding", op="embedding", inputs=("input",), output_bytes=(1e4, 1e3, 1e3)),
        Layer(
            name="block", op="attention", inputs=("embedding",), flops=(1e9, 4e7, 8e7),
            weight_bytes=5e6, state_bytes=1e6, output_bytes=(1e4, 1e3, 1e3),
        ),
        Layer(name="head", op="linear", inputs=("block",), flops=2e7, output_bytes=0),
    )  # fmt: skip
    return Instance(
        name="request",
        tiers=("machine",),
        nodes=(
            Node(name="laptop", tier="machine", speed_flops=1e9, overlap=overlap),
            Node(name="box", tier="machine", speed_flops=2e9, memory_bytes=8e6),
        ),
        links=(Link(tail="laptop", head="box", bandwidth_bps=8e6, latency_s=0.001),),
        models=(Model(name="net", layers=layers, passes=passes),),
        tasks=(Task(name="chat", model="net", source="laptop", results_to="laptop"),),
    )


def placed(instance: Instance, block: str = "box") -> Plan:
    """With all but the block on the laptop."""
    places = {"input": "laptop", "embedding": "laptop", "block": block, "head": "laptop"}
    return sf.plan(instance, {"chat": places})


def times_of(instance: Instance) -> RequestTimes:
    """Of the block on the box."""
    (times,) = request_times(instance, decision_of(instance, placed(instance)))
    return times


def test_tokens_and_stages_by_hand() -> None:
    """TTFT is the prefill's latency, TPOT and the pipelined time are means over all decodes."""
    # prefill: 1e9 / 2e9 = 500 ms, head 2e7 / 1e9 = 20 ms, twice 1 + 8 x 1e4 / 8e6 = 11 ms: 542 ms
    # decodes: block 20 ms three times and 40 ms once, in the mean 25 ms; head 20 ms; transfers
    # 2 x (1 + 1) ms: 49 ms; where they follow one another the box is busy longest, for 25 ms
    times = times_of(request())
    assert list(request_lines(times, style.in_seconds)) == [
        "TTFT 542 ms",
        "TPOT 49 ms (20.41 tokens/s)",
        "pipelined 40 tokens/s, limited by box",
    ]
    assert stage_rows(times, style.in_seconds) == [
        ["laptop", "embedding", "0 s", "0 s", "-"],
        ["box", "block", "500 ms", "25 ms", "40"],
        ["laptop", "head", "20 ms", "20 ms", "50"],
    ]


def test_who_cannot_send_while_computing_limits_the_pipeline() -> None:
    """A laptop without overlap is busy with the head and both tensors: 20 + 2 + 2 = 24 ms, of a
    box that takes 20 ms; with overlap the two are equally busy."""
    even = (Pass(name="prefill"), Pass(name="decode"), Pass(name="other"))
    assert "pipelined 41.67 tokens/s, limited by laptop" in list(
        request_lines(times_of(request(even, overlap=False)), style.in_seconds)
    )
    assert "pipelined 50 tokens/s, limited by laptop" in list(
        request_lines(times_of(request(even)), style.in_seconds)
    )


def test_other_passes_are_named() -> None:
    """What is neither prefill nor decode is told by its name, without tokens a second."""
    # warm: 500 + 20 + 2 x 11 ms; step: 20 + 20 + 2 x 2 ms; last: 20 ms more of the block
    named = (Pass(name="warm"), Pass(name="step", count=2), Pass(name="last"))
    times = times_of(request(named))
    assert list(request_lines(times, style.in_seconds)) == [
        "warm x 1: 542 ms each",
        "step x 2: 44 ms each",
        "last x 1: 64 ms each",
    ]
    assert len(stage_rows(times, style.in_seconds)[0]) == 2 + len(named)


def test_the_text_of_a_plan_tells_tokens_stages_and_memory(tmp_path: Path) -> None:
    """`evaluate` lists stages in order of visit, and weights, state and what is free, or missing;
    without passes nothing of that."""
    instance = request()
    sf.save_instance(instance, tmp_path / "request.json")
    sf.save_plan(placed(instance), tmp_path / "plan.json")
    words = ["evaluate", str(tmp_path / "request.json"), str(tmp_path / "plan.json")]
    said = CliRunner().invoke(app, words).stdout
    assert "  TPOT 49 ms (20.41 tokens/s)\n" in said
    rows = [line.split() for line in said.splitlines()]
    assert ["box", "block", "500", "ms", "25", "ms", "40"] in rows
    # 8 MB less 5 MB of weights and 1 MB of state
    assert any(row[-6:] == ["5", "MB", "1", "MB", "2", "MB"] for row in rows)
    small = changed(instance.nodes[1], memory_bytes=5.5e6)
    sf.save_instance(changed(instance, nodes=(instance.nodes[0], small)), tmp_path / "request.json")
    assert "500 kB too much" in CliRunner().invoke(app, words).stdout
    plain = sf.generate("three-tier", model="alexnet")
    sf.save_instance(plain, tmp_path / "request.json")
    sf.save_plan(sf.solve(plain, "device-only"), tmp_path / "plan.json")
    said = CliRunner().invoke(app, words).stdout
    assert "tokens" not in said and "free" not in said


def test_pictures_and_pages_tell_tokens_stages_and_memory() -> None:
    """In the head of the sheet, in two panels, and in tables of the page."""
    instance = request()
    picture = show(instance, placed(instance))
    assert {"memory", "pipeline"} <= set(picture.panels)
    svg = picture.encoded(".svg").decode()
    texts = re.findall(r">([^<>]+)</text>", svg)
    line = "TTFT 542 ms · TPOT 49 ms (20.41 tokens/s) · pipelined 40 tokens/s, limited by box"
    assert line in texts
    assert {"5 MB + 1 MB + 2 MB", "0 B + 0 B, no limit", "tokens/s", "25 ms"} <= set(texts)
    page = picture.encoded(".html").decode()
    assert line in page and "Stages of chat in order of visit (3)" in page
    assert "<th>weights</th><th>state</th><th>free</th>" in page
    html = placed(instance)._repr_html_()
    assert "<th>TTFT</th><th>TPOT</th>" in html
    assert "<td>542 ms</td><td>49 ms</td>" in html


def test_a_picture_of_a_pass_shows_that_pass() -> None:
    """Under `pass decode-1` the block takes 20 ms in its box, not the 640 ms of the request."""
    instance = request()
    plan = sf.plan(instance, placed(instance), "latency", pass_name="decode-1")
    texts = re.findall(r">([^<>]+)</text>", show(instance, plan).encoded(".svg").decode())
    assert "20 ms · 1 kB" in texts
    assert "→ box: 1 kB · 2 ms" in texts


def test_nodes_of_the_only_tier_have_hues_of_their_own() -> None:
    """Ten machines: no two look the same, and black is readable on all."""
    instance = sf.generate("fleet", machines=10)
    colours = style.Palette(instance).nodes
    assert len(set(colours)) == 10
    assert {style.ink_on(colour) for colour in colours} == {"#111111"}


def test_fronts_of_passes_are_in_seconds(tmp_path: Path) -> None:
    """Costs of a pass are no bytes, in the table and in the picture, which names what they are."""
    sf.save_instance(request(), tmp_path / "request.json")
    picture = tmp_path / "front.svg"
    words = ["pareto", str(tmp_path / "request.json"), "--objectives"]
    words += ["latency:prefill,period:decode-1,memory:box", "--picture", str(picture)]
    said = CliRunner().invoke(app, words).stdout
    # all on the laptop: 1 s + 20 ms of prefill, 40 + 20 ms of decode, nothing on the box
    cells = [line.split() for line in said.splitlines()]
    assert any(row[1:7] == ["1.02", "s", "60", "ms", "0", "B"] for row in cells)
    drawn = picture.read_text()
    assert "latency of prefill (TTFT)" in drawn and "layers, in order of visit" in drawn
    assert not re.search(r">0\.\d+ B<", drawn)
