"""Parts as processes: the whole's outputs, figures, and what happens when something goes wrong."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Timer
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

pytest.importorskip("onnxruntime")
pytest.importorskip("zmq")

from splitfog.cli import app
from splitfog.deployment.driving.report import PlanReport, RunReport
from splitfog.deployment.driving.run import run
from splitfog.deployment.splitting.split import split
from tests.cases.onnx_models import (
    Kind,
    graph_model,
    helper,
    imported,
    packed,
    random_placement,
    scalars,
)
from tests.cases.real.tiles import grid_of, imported_block, stage_plan, whole_numbers

HANGS_S = 30.0
"""A run that takes longer hangs."""


def splitfog(*words: object) -> Result:
    """What a command line comes to."""
    return CliRunner().invoke(app, [str(word) for word in words])


def exists(pid: int) -> bool:
    """Whether there is such a process."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_processes_give_the_outputs_of_the_whole(split_branches: Path) -> None:
    """Bit for bit, over a relay and back home, and no process is left.

    x comes to the pi, `stem` goes to the box and through it to the server, `left` back to the box,
    y and `a` (an output, too) home; all of that in every request.
    """
    pids: dict[str, int] = {}
    report = run(split_branches, requests=3, started=pids.update)
    (plan,) = report.plans
    assert set(pids) == {"pi", "box", "server"}
    assert report.passed
    assert plan.agreement is not None
    assert plan.agreement.exact
    assert len(plan.latencies_s) == 3
    crossed = {(link.tail, link.head) for link in plan.links}
    assert crossed == {("pi", "box"), ("box", "server"), ("server", "box"), ("box", "pi")}
    assert not any(map(exists, pids.values()))


def test_links_and_parts_take_at_least_what_they_must(split_branches: Path) -> None:
    """No link is faster than its bandwidth and latency say, no request than its links are.

    How much slower they are depends on the machine, and is for benchmarks.
    """
    slow = {("pi", "box"): 4e5}  # 1 kB of `a` takes 20 ms
    (plan,) = run(split_branches, requests=3, bandwidths=slow).plans
    links = {(link.tail, link.head): link for link in plan.links}
    for link in links.values():
        assert link.measured_s is not None
        assert link.measured_s >= 0.999 * link.predicted_s
    assert links["pi", "box"].predicted_s == pytest.approx(0.001 + 8 * 1024 / 4e5)
    assert plan.median_s is not None
    assert plan.median_s > links["pi", "box"].predicted_s + links["server", "box"].predicted_s
    assert all((part.cpu_s or 0) > 0 for part in plan.parts)


def test_a_slower_node_sleeps_in_proportion(split_branches: Path) -> None:
    """At F = 50 a part takes at least 50 times its CPU time."""
    (plan,) = run(split_branches, requests=3, slow={"pi": 50}).plans
    stem = next(part for part in plan.parts if part.node == "pi")
    assert stem.measured_s is not None
    assert stem.cpu_s is not None
    assert stem.measured_s >= 49 * stem.cpu_s


def test_several_plans_take_turns_on_the_same_nodes(
    split_branches: Path, split_words: Path
) -> None:
    """Seven requests over three plans: 3, 2, 2; each with its own figures, all of them exact.

    Two of the plans are of one model, the third of another; the Pi holds parts of all.
    """
    folders = [split_branches, split_branches.parent / "at-home", split_words]
    report = run(folders, requests=7, concurrency=3)
    assert [plan.plan for plan in report.plans] == ["across", "at-home", "words"]
    assert [len(plan.latencies_s) for plan in report.plans] == [3, 2, 2]
    assert all(plan.agreement is not None and plan.agreement.exact for plan in report.plans)
    assert report.plans[1].links == ()


def test_whatever_crosses_arrives(tmp_path: Path) -> None:
    """A tensor without dimensions and one without values, one of four bits, one of half precision.

    And an input that no part reads but that is an output: it comes back as it was given.
    """
    folders = []
    for make in (scalars, packed, untouched):
        instance = imported(make(), tmp_path / make.__name__, results_to="server")
        folders.append(tmp_path / make.__name__)
        split(instance, random_placement(instance, seed=1), folders[-1])
    report = run(folders, requests=6, concurrency=2, paced=False)
    for plan in report.plans:
        assert plan.lost == ()
        assert plan.agreement is not None
        assert plan.agreement.exact


def untouched() -> Any:
    """u goes in and comes out, and nothing is done with it."""
    nodes = [helper.make_node("Exp", ["x"], ["y"], name="exp")]
    inputs = {"x": (Kind.FLOAT, (4, 9)), "u": (Kind.FLOAT, (2,))}
    return graph_model(nodes, inputs, {"y": Kind.FLOAT, "u": Kind.FLOAT})


def test_slices_run_as_processes(tmp_path: Path) -> None:
    """2 x 2 slices of a block over three nodes: with whole numbers bit for bit the whole's output.

    Sums of whole numbers are exact in whatever order the slices add them up; the inputs of `run`
    are real numbers, so the model rounds them first.
    """
    nodes = [
        helper.make_node("Round", ["x"], ["whole"], name="round"),
        helper.make_node("Conv", ["whole", "w0"], ["a"], name="first", pads=[1, 1, 1, 1]),
        helper.make_node("Conv", ["a", "w1"], ["b"], name="second", strides=[2, 2]),
        helper.make_node("Flatten", ["b"], ["y"], name="after"),
    ]
    rng = np.random.default_rng(0)
    weights = {"w0": whole_numbers(rng, 4, 3, 3, 3), "w1": whole_numbers(rng, 4, 4, 3, 3)}
    model = graph_model(nodes, {"x": (Kind.FLOAT, (1, 3, 13, 15))}, {"y": Kind.FLOAT}, weights)
    case = imported_block(model, tmp_path / "model")
    # [13, 15] stays so with the first, and is [(13 - 3) // 2 + 1, (15 - 3) // 2 + 1] then
    plan = stage_plan(case, ["first", "second"], grid_of(6, 7, 2, 2))
    split(case, plan, tmp_path / "parts")
    (report,) = run(tmp_path / "parts", requests=4, concurrency=2).plans
    sliced = [part for part in report.program.manifest.parts if part.slice is not None]
    assert [part.node for part in sliced] == ["box", "server", "pi", "box"]
    assert report.lost == ()
    assert report.agreement is not None
    assert report.agreement.exact


def test_a_part_that_reads_nothing_runs(tmp_path: Path) -> None:
    """A constant output is made by a node of its own, on another node than all else, in each
    request; so are random numbers, of which the outputs are not compared and that is said."""
    nodes = [
        helper.make_node("Exp", ["x"], ["y"], name="exp"),
        helper.make_node("RandomNormal", [], ["r"], name="dice", shape=[4], seed=1.0),
        helper.make_node("Add", ["y", "r"], ["z"], name="add"),
    ]
    weights = {"c": np.arange(3, dtype=np.float32)}
    given = {"x": (Kind.FLOAT, (4,))}
    outputs = {"y": Kind.FLOAT, "c": Kind.FLOAT}
    constant = graph_model(nodes[:1], given, outputs, weights)
    random = graph_model(nodes, given, {"z": Kind.FLOAT})
    for name, model, exact in (("constant", constant, True), ("random", random, None)):
        instance = imported(model, tmp_path / name, results_to="pi")
        apart = [layer.name for layer in instance.models[0].layers if not layer.inputs]
        places = {layer.name: "pi" for layer in instance.models[0].layers}
        places |= {layer: "server" for layer in apart if layer != "x"}
        split(instance, {"cam": places}, tmp_path / name / "parts")
        said: list[str] = []
        report = run(tmp_path / name / "parts", requests=5, concurrency=2, notice=said.append)
        (plan,) = report.plans
        assert any(not part.inputs for part in plan.program.manifest.parts)
        assert report.passed
        assert len(plan.latencies_s) == 5
        assert (plan.agreement and plan.agreement.exact) is exact
        assert ["random numbers are drawn anew" in word for word in said] == [True] * (not exact)


def test_a_model_that_is_given_nothing_runs(tmp_path: Path) -> None:
    """Then a request begins with the word of the driver, at the only part."""
    nodes = [helper.make_node("RandomNormal", [], ["r"], name="dice", shape=[4])]
    instance = imported(graph_model(nodes, {}, {"r": Kind.FLOAT}), tmp_path / "model")
    split(instance, {"cam": {"dice": "box"}}, tmp_path / "parts")
    report = run(tmp_path / "parts", requests=3)
    assert report.passed
    assert len(report.plans[0].latencies_s) == 3


def killed_with(
    name: signal.Signals, node: str, folders: list[Path], requests: int = 10_000, **changes: Any
) -> tuple[RunReport, list[str], float]:
    """A long run of which a node gets a signal half a second after it began.

    Also what is said meanwhile, and seconds from the signal until the first word.
    """
    said: list[str] = []
    moments: list[float] = []

    def notice(sentence: str) -> None:
        moments.append(time.perf_counter())
        said.append(sentence)

    def started(pids: Mapping[str, int]) -> None:
        def strike() -> None:
            moments.append(time.perf_counter())
            os.kill(pids[node], name)

        Timer(0.5, strike).start()

    began_s = time.perf_counter()
    report = run(
        folders, requests=requests, concurrency=3, started=started, notice=notice, **changes
    )
    assert time.perf_counter() - began_s < HANGS_S
    return report, said, moments[1] - moments[0]


def accounted(plan: PlanReport, requests: int) -> None:
    """Every request has ended or is reported lost."""
    assert len(plan.latencies_s) + len(plan.lost) == requests
    assert plan.agreement is None or plan.agreement.exact


@pytest.mark.parametrize("node", ["pi", "box"])
def test_a_killed_node_is_named_at_once(split_branches: Path, node: str) -> None:
    """With the signal; what has ended stays exact, the rest is lost for that reason."""
    report, said, after_s = killed_with(signal.SIGKILL, node, [split_branches])
    (plan,) = report.plans
    accounted(plan, 10_000)
    assert not report.passed
    assert said == [f"node {node} was killed by signal 9 (SIGKILL)"]
    assert {reason.removeprefix("not sent: ") for _, reason in plan.lost} == set(said)
    assert after_s < 5


def test_a_node_that_hangs_is_named_within_a_second(split_branches: Path) -> None:
    """After 0.6 s of silence; the margin here is for a busy machine."""
    report, said, after_s = killed_with(signal.SIGSTOP, "box", [split_branches])
    accounted(report.plans[0], 10_000)
    assert said[0] == "node box does not answer any more: it hangs, or is cut off"
    assert after_s < 5


def test_plans_that_do_without_a_dead_node_go_on(split_branches: Path) -> None:
    """The server's death loses requests of the plan across, and none of that at home.

    1 kB takes 40 ms from the pi to the box, so that 150 requests there take longer than half a
    second; when they are lost the other 150 take next to nothing.
    """
    home = split_branches.parent / "at-home"
    folders, slow = [split_branches, home], {("pi", "box"): 2e5}
    report, _, _ = killed_with(signal.SIGKILL, "server", folders, requests=300, bandwidths=slow)
    across, at_home = report.plans
    accounted(across, 150)
    assert across.lost
    assert at_home.lost == ()
    assert len(at_home.latencies_s) == 150


def test_a_link_that_stalls_is_named_by_what_waits_for_it(split_branches: Path) -> None:
    """At 100 bit/s 1 kB takes 80 s; after the time-out nothing more is sent that way."""
    said: list[str] = []
    slow = {("pi", "box"): 100.0}
    report = run(split_branches, requests=3, bandwidths=slow, timeout_s=0.3, notice=said.append)
    (plan,) = report.plans
    assert len(plan.lost) == 3
    assert not report.passed
    assert said[0].startswith("across: after 0.3 s it waits for tensor ")
    assert "from pi to box" in said[0]


# the command line


def test_json_is_what_the_specification_says(split_words: Path) -> None:
    """One document; a changed bandwidth changes the prediction, and nothing else says anything.

    12 rows of 6 float32 are 288 bytes: by the Pi's link to the box 0.001 + 2304 / 1e6 s, by the
    box's to the server 0.005 + 2304 / 1e7.
    """
    result = splitfog("run", split_words, "--requests", 2, "--bandwidth", "pi,box=1e6", "--json")
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    found = json.loads(result.stdout)
    assert set(found) == {"measured", "predicted", "links", "parts"}
    first, second = found["links"]
    assert (first["from"], first["to"], first["bytes"]) == ("pi", "box", 288)
    assert first["predicted_s"] == pytest.approx(0.001 + 2304 / 1e6)
    assert second["predicted_s"] == pytest.approx(0.005 + 2304 / 1e7)
    assert [part["name"] for part in found["parts"]] == ["0-pi", "1-server"]
    links_s = sum(link["predicted_s"] for link in found["links"])
    parts_s = sum(part["predicted_s"] for part in found["parts"])
    assert found["predicted"]["latency_s"] == pytest.approx(links_s + parts_s)


def test_the_table_names_every_part_and_link_and_the_picture_is_written(
    split_branches: Path, tmp_path: Path
) -> None:
    """With what was measured beside what was predicted, and whether the outputs agree."""
    picture = tmp_path / "request.svg"
    result = splitfog("run", split_branches, "--requests", 2, "-o", picture)
    assert result.exit_code == 0, result.output
    assert "across: 2 requests, outputs the same bit for bit as the whole model's" in result.stdout
    for word in ("0-pi", "box -> server", "latency, median", "throughput"):
        assert word in result.stdout
    drawn = picture.read_text()
    assert "one request as predicted" in drawn
    assert drawn.index("as predicted") < drawn.index("as measured")


def test_lost_requests_are_an_exit_code_of_their_own(split_branches: Path) -> None:
    """1, and a line that counts them by reason."""
    words = ("--requests", 3, "--bandwidth", "pi,box=100", "--timeout-s", 0.3)
    result = splitfog("run", split_branches, *words)
    assert result.exit_code == 1
    assert "lost requests 1-3: not sent: after 0.3 s it waits for tensor" in result.stderr
    assert "across: 0 requests, 3 lost" in result.stdout


def spoiled(folder: Path, target: Path, spoil: Callable[[Path], object]) -> Path:
    """A copy of a plan's folder in which something is wrong."""
    shutil.copytree(folder, target)
    spoil(target)
    return target


def append(name: str) -> Callable[[Path], object]:
    """Change a file by a byte."""
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes() + b"0")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("0-pi.onnx", "0-pi.onnx: sha256 = "),
        ("1-server.onnx", "it was changed after the manifest"),
        ("whole.onnx", "whole.onnx: sha256 = "),
        ("manifest.json", "manifest.json: not JSON"),
    ],
)
def test_a_file_that_was_changed_is_named(
    split_words: Path, tmp_path: Path, name: str, reason: str
) -> None:
    """Exit code 2, a sentence, and no process is left to wait for."""
    folder = spoiled(split_words, tmp_path / "words", append(name))
    result = splitfog("run", folder)
    assert result.exit_code == 2
    assert reason in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_missing_file_is_named(split_words: Path, tmp_path: Path) -> None:
    """A part's, the whole model's, and the manifest's own."""
    for name in ("1-server.onnx", "whole.onnx", "manifest.json"):
        folder = tmp_path / name / "words"
        spoiled(split_words, folder, lambda copy, name=name: (copy / name).unlink())  # type: ignore[misc]
        result = splitfog("run", folder)
        assert result.exit_code == 2
        assert f"{name}: no such file" in result.stderr


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--bandwidth", "pi,box"], "must be FROM,TO=BPS"),
        (["--bandwidth", "pi=1e6"], "must be FROM,TO=BPS"),
        (["--bandwidth", "pi,box=fast"], "'fast', must be a finite number > 0"),
        (["--bandwidth", "pi,server=1e6"], "no tensor crosses a link pi,server; those crossed are"),
        (["--slow", "pi"], "must be NODE=F"),
        (["--slow", "pi=0.5"], "slow['pi'] = 0.5, must be a number >= 1"),
        (["--slow", "moon=2"], "node 'moon' is unknown, must be one of pi, box, server"),
        (["--timeout-s", "0"], "timeout_s = 0.0, must be a number > 0"),
        (["--requests", "0"], "--requests"),
        (["--keys", "keys"], "keys and listen are for other machines"),
        (["-o", "request.txt"], "must end in .png or .svg"),
        (["--hosts", "nowhere.toml"], "nowhere.toml: no such file"),
    ],
)
def test_wrong_options_are_one_line(split_words: Path, words: list[str], reason: str) -> None:
    """Exit code 2 before any process is started."""
    result = splitfog("run", split_words, *words)
    assert result.exit_code == 2
    assert reason in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_two_plans_of_one_name_are_refused(split_words: Path, tmp_path: Path) -> None:
    """A request would not know whose it is."""
    shutil.copytree(split_words, tmp_path / "words")
    result = splitfog("run", split_words, tmp_path / "words")
    assert result.exit_code == 2
    assert "two folders are called words" in result.stderr
