"""Requests while links and nodes change: what is measured of them, and whose plan each gets."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from typer.testing import CliRunner, Result

pytest.importorskip("onnxruntime")
pytest.importorskip("zmq")

import splitfog as sf
from splitfog.cli import app
from splitfog.deployment.driving.live import figures_of, measurements, runs
from splitfog.deployment.splitting.manifest import load_manifest
from splitfog.instances.records import changed
from tests.cases.onnx_models import Kind, graph_model, helper, imported, normal
from tests.deployment.driving.relayed import played, relayed


def splitfog(*words: object) -> Result:
    """What a command line comes to."""
    return CliRunner().invoke(app, [str(word) for word in words])


def series(quantity: str, *steps: tuple[float, float], **of: Any) -> sf.Series:
    """A series of (time, value)."""
    times, values = zip(*steps, strict=True)
    return sf.Series(quantity=quantity, times_s=times, values=values, **of)  # type: ignore[arg-type]


def test_links_and_nodes_are_measured_by_what_crossed_and_ran() -> None:
    """Seven steps of 0.02 s. 8,000 bits of a cross from the pi to the box in 0.02 - 0.0015 s, and
    to the server in 0.02 - 0.002 s. The pi's part was predicted to take 0.01 s: its load is 2.
    """
    found = list(measurements(played(1, 5.0, 0.02)))
    at = {what.get("link") or what["node"]: (at_s, what) for at_s, what in found}
    assert at["pi", "box"][0] == pytest.approx(5.04)
    assert at["pi", "box"][1]["bandwidth_bps"] == pytest.approx(8000 / 0.0185)
    assert at["box", "server"][1]["bandwidth_bps"] == pytest.approx(8000 / 0.018)
    loads = {name: at[name][1]["load"] for name in ("pi", "box", "server")}
    assert loads == pytest.approx({"pi": 2.0, "box": 2 / 3, "server": 1.0})
    assert at["box"][0] == pytest.approx(5.12)


def test_what_took_no_longer_than_its_latency_measures_nothing() -> None:
    """At 1 ms a step the hops to the box (1.5 ms) and to the server (2 ms) say nothing."""
    links = {what.get("link") for _, what in measurements(played(1, 5.0, 0.001))}
    assert links == {None, ("server", "box"), ("box", "pi")}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([series("up", (0, 1), node="pi")], "a node goes down, which only a replay can show"),
        ([series("load", (0, 2), node="moon")], "must be of what the plans use: box -> pi"),
        ([series("load", (0, 2), node="pi")] * 2, "another series gives"),
    ],
)
def test_traces_that_cannot_be_had_are_named(given: Sequence[sf.Series], said: str) -> None:
    """By name of the trace and place of the series."""
    traces = [sf.Trace(name=f"t{i}", duration_s=5, series=(each,)) for i, each in enumerate(given)]
    with pytest.raises(ValueError, match=said):
        figures_of(traces, [relayed()])


class Case(NamedTuple):
    """An instance, its plan table, and a folder with both and with the parts of all plans."""

    instance: sf.Instance
    table: sf.PlanTable
    folder: Path


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """A stem that makes 49 kB to 1 kB, then a head, both slow on the pi.

    Where the link is fast all goes away at once; where it is slow the stem stays on the pi, or all.
    """
    folder = tmp_path_factory.mktemp("live")
    nodes = [
        helper.make_node("Conv", ["x", "w0"], ["a"], name="stem", strides=[4, 4]),
        helper.make_node("Conv", ["a", "w1"], ["y"], name="head", pads=[1, 1, 1, 1]),
    ]
    weights = {"w0": normal(1, 3, 4, 4), "w1": normal(4, 1, 3, 3, seed=1)}
    model = graph_model(nodes, {"x": (Kind.FLOAT, (1, 3, 64, 64))}, {"y": Kind.FLOAT}, weights)
    times = {
        "stem": {"pi": 0.03, "box": 0.001, "server": 0.001},
        "head": {"pi": 0.2, "box": 0.01, "server": 0.001},
    }
    sf.save_instance(imported(model, folder).with_times(times), folder / "model.json")
    instance = sf.load_instance(folder / "model.json")
    table = sf.plan_table(instance, vary={("pi", "box"): (1e5, 1e9)})
    sf.save_policy(table, folder / "table.json")
    result = splitfog("split", folder / "model.json", folder / "table.json", "-o", folder / "plans")
    assert result.exit_code == 0, result.output
    return Case(instance, table, folder)


def test_a_table_is_split_into_a_folder_a_plan(case: Case) -> None:
    """In the table's order, each with its own parts; the instance lies beside, byte for byte."""
    assert len(case.table.plans) >= 2
    plans = case.folder / "plans"
    names = sorted(path.name for path in plans.iterdir())
    assert names == ["instance.json", *(f"plan-{i}" for i in range(len(case.table.plans)))]
    assert (plans / "instance.json").read_bytes() == (case.folder / "model.json").read_bytes()
    for i, plan in enumerate(case.table.plans):
        fits = [runs(load_manifest(plans / f"plan-{j}"), plan) for j in range(len(names) - 1)]
        assert fits == [j == i for j in range(len(names) - 1)]


def test_a_table_of_another_instance_is_refused(case: Case, tmp_path: Path) -> None:
    """It says of which; as is one over a single figure, and one beside other plans."""
    other = changed(case.instance, name="other")
    with pytest.raises(sf.InstanceError, match=r"table: is of three .* must be of other"):
        sf.split_table(other, case.table, tmp_path / "plans")
    table = case.folder / "table.json"
    result = splitfog("split", case.folder / "model.json", table, table, "-o", tmp_path / "plans")
    assert result.exit_code == 2
    assert "is a policy, must be given alone" in result.stderr


class Recorder:
    """Takes plans in turn, and writes down what it is told and asked."""

    def __init__(self, plans: Sequence[sf.PlanFile]) -> None:
        self.plans, self.told, self.asked = plans, list[tuple[float, Any]](), list[float]()

    def observe(self, time_s: float, **measured: Any) -> None:
        """Write down a measurement."""
        self.told.append((time_s, measured))

    def decide(self, time_s: float) -> Any:
        """The next plan."""
        self.asked.append(time_s)
        return sf.Choice(self.plans[len(self.asked) % len(self.plans)], None, 0.0)


def test_links_follow_the_trace_and_are_measured(case: Case) -> None:
    """From 0.5 s on the link from the pi to the box is slow: 49,152 bytes take 0.39 s at 1 Mbit/s.

    Whichever moment a request begins at, it takes at least the integral; what was measured before
    a request is told before it, with times of the trace.
    """
    trace = sf.Trace(
        name="drop",
        duration_s=4,
        series=(series("bandwidth_bps", (0, 1e8), (0.5, 1e6), link=("pi", "box")),),
    )
    whole = next(p for p in case.table.plans if p.tasks[0].placement["stem"] != "pi")
    adapter = Recorder([whole])
    folders = sorted((case.folder / "plans").glob("plan-*"))
    report = sf.run(folders, trace=trace, adapter=adapter, requests=3, every_s=0.6)
    assert report.passed
    live = report.live
    assert live is not None
    assert [request.arrival_s for request in live.requests] == [0.0, 0.6, 1.2]
    assert live.requests[0].latency_s is not None
    assert all(r.latency_s is not None and r.latency_s > 0.39 for r in live.requests[1:])
    assert live.switches == 0
    assert len(adapter.asked) == 3
    assert all(0 <= at - due < 1 for at, due in zip(adapter.asked, (0, 0.6, 1.2), strict=True))
    links = [what for _, what in adapter.told if what.get("link") == ("pi", "box")]
    assert len(links) == 2  # of the first two requests; the last one's nobody asks for
    assert links[0]["bandwidth_bps"] < 1.01e8
    assert links[1]["bandwidth_bps"] < 1.01e6
    assert all(at_s <= adapter.asked[-1] for at_s, _ in adapter.told)


def test_a_load_makes_parts_slower(case: Case) -> None:
    """At 300 times the load a part takes at least 299 times its CPU time."""
    trace = sf.Trace(name="busy", duration_s=9, series=(series("load", (0, 300.0), node="box"),))
    whole = next(
        f
        for f in sorted((case.folder / "plans").glob("plan-*"))
        if any(part.node == "box" for part in load_manifest(f).parts)
    )
    (plan,) = sf.run(whole, trace=trace, requests=2, every_s=0.0).plans
    part = next(part for part in plan.parts if part.node == "box")
    assert part.measured_s is not None
    assert part.cpu_s is not None
    assert part.measured_s >= 298 * part.cpu_s


def test_a_request_without_a_plan_is_lost_and_the_others_go_on(case: Case) -> None:
    """The adapter has none, or one that no folder holds; each is lost for that reason."""
    known = case.table.plans[0]
    (task,) = known.tasks
    strange = changed(task, placement=dict.fromkeys(task.placement, "nowhere"))
    adapter = Recorder([known, changed(known, tasks=(strange,)), None])  # type: ignore[list-item]
    adapter.decide = _with_reason(adapter.decide)  # type: ignore[method-assign]
    report = sf.run(case.folder / "plans" / "plan-0", adapter=adapter, requests=3, every_s=0.0)
    assert report.live is not None
    assert [request.plan for request in report.live.requests] == ["", "", "plan-0"]
    assert report.live.lost == 2
    assert not report.passed


def _with_reason(decide: Any) -> Any:
    def asked(time_s: float) -> Any:
        choice = decide(time_s)
        return choice if choice.plan else sf.Choice(None, None, np.inf, (), ("all are down",))

    return asked


def test_the_command_prints_the_replay_beside(case: Case, tmp_path: Path) -> None:
    """With the same trace and rule; a request each, all of which end; JSON has both."""
    trace = sf.Trace(
        name="drop",
        duration_s=2,
        series=(series("bandwidth_bps", (0, 1e8), (0.5, 2e6), link=("pi", "box")),),
    )
    sf.save_trace(trace, tmp_path / "trace.json")
    words = ("--table", case.folder / "table.json", "--trace", tmp_path / "trace.json")
    run = ("run", case.folder / "plans", *words, "--adapt", "argmin", "--every", 0.5)
    result = splitfog(*run, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert [request["arrival_s"] for request in found["requests"]] == [0, 0.5, 1.0, 1.5]
    assert found["measured"]["lost"] == 0
    replayed = sf.replay(
        case.instance,
        trace,
        adapt="argmin",
        requests="every:0.5",
        table=case.table,
        estimate="ewma:0.7",
        delay_s=0.5,
    )
    assert found["replay"]["mean_s"] == pytest.approx(replayed.way("argmin").mean_s)
    assert [plan["plan"] for plan in found["plans"]] == [
        f"plan-{i}" for i in range(len(case.table.plans))
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--adapt", "switch"], "--adapt = 'switch' needs --table or --trace"),
        (["--every", 2], "--every = '2.0' needs --table or --trace"),
        (["--table", "TABLE", "--adapt", "best"], "must be one of argmin"),
        (["--table", "TRACE"], 'format = "splitfog/trace", must be'),
        (["--trace", "TABLE"], 'format = "splitfog/policy", must be'),
        (["--trace", "TRACE", "--adapt", "switch"], "needs --table, whose plans it chooses from"),
        (["--trace", "TRACE", "--requests", 50], "--requests = 50, must be <= 2: one every 1 s"),
        (["--trace", "MOON"], 'series[0].node = "moon", must be a node'),
        (["--trace", "TRACE", "--instance", "OTHER"], "is not the instance that"),
        (["--table", "nowhere.json"], "nowhere.json: no such file"),
    ],
)
def test_wrong_options_are_one_line(
    case: Case, tmp_path: Path, words: list[Any], said: str
) -> None:
    """Exit code 2, before any process is started."""
    load = sf.Trace(name="t", duration_s=2, series=(series("load", (0, 2.0), node="box"),))
    moon = sf.Trace(name="t", duration_s=2, series=(series("load", (0, 2.0), node="moon"),))
    sf.save_trace(load, tmp_path / "trace.json")
    sf.save_trace(moon, tmp_path / "moon.json")
    sf.save_instance(changed(case.instance, name="other"), tmp_path / "other.json")
    files = {
        "TABLE": case.folder / "table.json",
        "TRACE": tmp_path / "trace.json",
        "MOON": tmp_path / "moon.json",
        "OTHER": tmp_path / "other.json",
    }
    result = splitfog("run", case.folder / "plans", *(files.get(word, word) for word in words))
    assert result.exit_code == 2
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_plan_without_a_folder_is_named(case: Case) -> None:
    """With what makes them all."""
    table = case.folder / "table.json"
    result = splitfog("run", case.folder / "plans" / "plan-0", "--table", table)
    assert result.exit_code == 2
    assert "plan 1 of " in result.stderr
    assert "splitfog split INSTANCE table.json -o DIR writes them all" in result.stderr
