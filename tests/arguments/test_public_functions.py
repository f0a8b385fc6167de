"""What does not make sense is refused in a sentence: every public function, every argument."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import splitfog as sf
from splitfog.instances.times import Work
from tests.cases.replays.two_nodes import SLOWS_DOWN, two_nodes
from tests.cases.small_tables import two_places, two_plans
from tests.instances.importers.foreign import written

WRONG: tuple[Any, ...] = (
    None,
    5,
    -1,
    1.5,
    float("nan"),
    True,
    "no-such-thing",
    b"bytes",
    (),
    [],
    [[1], [2, 3]],
    {},
    {"a": 1},
    {1: {"a": []}},
    [object()],
    object(),
    np.array(["x"]),
    np.zeros((2, 2, 2)),
    np.float32(0.5),
    sf.Task(name="t", model="m", source="s"),
    Path("no/such/file.json"),
)
"""Tried in the place of every argument. Some make sense in some: then nothing is raised."""

SENTENCES = (ValueError, LookupError, OSError, ModuleNotFoundError, AssertionError)
"""What may be raised; no subclass of `LookupError`, which Python raises by itself."""


Calls = Mapping[str, tuple[Callable[..., Any], dict[str, Any]]]


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> Calls:
    """Functions by name, each with arguments of which none is wrong."""
    return _calls(tmp_path_factory.mktemp("calls"))


def _calls(folder: Path) -> Calls:
    """By name every function that splitfog offers, with arguments that make sense."""
    instance = sf.generate("three-tier", model="alexnet")
    streams = sf.generate("fog", seed=1, users=2, models="nin")
    plan = sf.solve(instance, "device-only")
    local = sf.solve(streams, "local")
    front = sf.pareto(instance, "latency,bytes:device,edge0")
    way: dict[str, Any] = {"link": ("device", "edge0"), "low_bps": 1e5, "high_bps": 1e9}
    table = sf.policy(instance, **way)
    rows = sf.compare(instance, "device-only")
    events = sf.generate_events(streams, duration_s=9.0, link_change_s=2.0)
    sf.save_events(events, folder / "events.json")
    sf.save_plan(plan, folder / "plan.json")
    sf.save_front(front, folder / "front.json")
    sf.save_policy(table, folder / "policy.json")
    sf.save_instance(instance, folder / "instance.json")
    work = Work(kind="conv", flops=1e6, bytes_in=1e3, bytes_out=1e3, weight_bytes=1e3)
    times = [sf.LayerTime(layer=f"l{i}", place="pi", seconds=0.1, work=work) for i in range(3)]
    predictor = sf.fit_predictor(times)
    sf.save_predictor(predictor, folder / "predictor.json")
    sf.save_times(times, folder / "times.csv")
    model = _model()
    layers, halves = [1, 2], [[0, 4, 0, 8], [4, 8, 0, 8]]
    weights, x = sf.tiles.random_weights(model, layers, 0), np.zeros((1, 8, 8))
    geometry = sf.tiles.geometry(model, layers)
    market = {"preferences": [[0, 1], [0]], "priorities": [[1, 0], [0]], "quotas": [1, 1]}
    utilities = sf.matching.table_utilities(np.eye(2), np.eye(2))
    game = {"utilities": utilities, "assignment": [0, 1], "quotas": [1, 1], "consent": "four"}
    game |= {"potential": lambda _: 0.0}
    node = {"tier": "edge", "speed_flops": 1e9, "memory_bytes": 1.0, "quota": 1, "overlap": True}
    link = {"bandwidth_bps": 1e6, "latency_s": 0.1, "duplex": False, "shared": False}
    how = {"objective": "latency", "transfers": "once", "monotone": True}
    given = {"instance": instance, "plan": plan, **how}
    steps: dict[str, Any] = {"times_s": [0.0, 1.5], "values": [1e6, 2e6]}
    series = sf.Series(link=("device", "edge0"), quantity="bandwidth_bps", **steps)
    trace = sf.Trace(name="t", duration_s=2.0, series=(series,))
    sf.save_trace(trace, folder / "trace.json")
    (folder / "log.csv").write_text("time,rate,way\n0,1.5,down\n1,2,down\n")
    replayed = sf.replay(two_nodes(), SLOWS_DOWN, adapt="nominal")
    file = folder / "new.json"
    return {
        "BatchCost": (sf.BatchCost, {"instance": instance, "chunk": 8, **how}),
        "BatchCost.__call__": (sf.BatchCost(instance), {"placements": np.zeros((1, 20), int)}),
        "OffloadBatchCost": (sf.OffloadBatchCost, {"subtasks": sf.subtasks(streams), "chunk": 8}),
        "OffloadBatchCost.__call__": (
            sf.OffloadBatchCost(streams),
            {"assignments": np.zeros((1, 2), int)},
        ),
        "compare": (
            sf.compare,
            {
                "instances": [instance],
                "solvers": ["device-only"],
                "objectives": ["latency"],
                "seeds": [0],
                "baseline": "device-only",
                "time_limit_s": 1.0,
                "jobs": 1,
                "transfers": "once",
                "monotone": True,
                "progress": lambda *_: None,
                "options": {"device-only": {}},
                "scheduler": None,
            },
        ),
        "load_study": (sf.load_study, {"study": "hpa-gap", "quick": True}),
        "run_study": (
            sf.run_study,
            {"study": "hpa-gap", "store": None, "progress": lambda *_: None} | {"quick": True},
        ),
        "shipped_studies": (sf.shipped_studies, {}),
        "Adapter": (
            sf.Adapter,
            {
                "table": two_plans(),
                "rule": "switch",
                "estimate": "last",
                "switch_cost_s": 1.0,
                "instance": two_places(),
            },
        ),
        "Adapter.decide": (sf.Adapter(two_plans()).decide, {"time_s": 0.0}),
        "Adapter.observe": (
            sf.Adapter(two_plans(), instance=two_places()).observe,
            {"time_s": 0.0, "link": ("d", "e"), "bandwidth_bps": 1e6, "latency_s": 0.1, "up": True},
        ),
        "learn": (
            sf.learn,
            {"samples": np.ones((2, 1)), "latencies": np.ones((2, 3)), "states": 8},
        ),
        "offline_path": (sf.offline_path, {"costs": np.ones((3, 2)), "switch_cost": 1.0}),
        "evaluate": (sf.evaluate, given),
        "HpaLocal": (sf.HpaLocal, {"instance": instance, **how}),
        "HpaLocal.adapt": (
            sf.HpaLocal(instance).adapt,
            {"figures": {"edge0": 2.0}, "times": {"conv1": {"edge0": 0.1}}, "model": "alexnet"},
        ),
        "generate": (sf.generate, {"family": "three-tier", "seed": 0, "edge_nodes": 1}),
        "import_instance": (
            sf.import_instance,
            {"form": "mesh-llm", "files": written(folder, "mesh-llm"), "lanes": 1},
        ),
        "import_onnx": (sf.import_onnx, {"path": folder / "none.onnx", "output": None}),
        "json_schema": (sf.json_schema, {"kind": "instance"}),
        "load_front": (sf.load_front, {"path": folder / "front.json"}),
        "load_instance": (sf.load_instance, {"path": folder / "instance.json"}),
        "load_plan": (sf.load_plan, {"path": folder / "plan.json"}),
        "load_predictor": (sf.load_predictor, {"path": folder / "predictor.json"}),
        "load_times": (sf.load_times, {"path": folder / "times.csv"}),
        "load_trace": (sf.load_trace, {"path": folder / "trace.json"}),
        "load_policy": (sf.load_policy, {"path": folder / "policy.json"}),
        "pareto": (
            sf.pareto,
            {
                "instance": instance,
                "objectives": ["latency", "bytes:device,edge0"],
                "transfers": "once",
                "monotone": True,
                "kind": "supported",
                "time_limit_s": 1.0,
                "seed": 0,
            },
        ),
        "plan": (sf.plan, {"instance": instance, "placement": plan, **how}),
        "plan_bands": (sf.plan_bands, {"instance": instance, "layers": "conv1", **how}),
        "policy": (sf.policy, {"instance": instance, **way, **how, "oracle": "min-cut"}),
        "policy (node)": (
            sf.policy,
            {"instance": instance, "node": "edge0", "low_flops": 1e9, "high_flops": 2e9},
        ),
        "plan_table": (
            sf.plan_table,
            {
                "instance": instance,
                "vary": {("device", "edge0"): (1e5, 1e9), "edge0": (0.5, 20.0)},
                **how,
                "epsilon": 0.0,
                "failures": False,
                "routes": "follow",
                "oracle": "min-cut",
                "time_limit_s": 5.0,
            },
        ),
        "print_tables": (sf.print_tables, {"table": rows, "file": None}),
        "save_front": (sf.save_front, {"front": front, "path": file}),
        "save_instance": (sf.save_instance, {"instance": instance, "path": file}),
        "save_predictor": (sf.save_predictor, {"predictor": predictor, "path": file}),
        "save_times": (sf.save_times, {"times": times, "path": folder / "new.csv"}),
        "fit_predictor": (sf.fit_predictor, {"times": times, "node": "pi"}),
        "measure_times": (
            sf.measure_times,
            {"source": folder / "none.onnx", "node": None, "runs": 2, "seed": 0},
        ),
        "draw_timelines": (
            lambda report: sf.draw_timelines(report, folder / "run.svg"),
            {"report": None},
        ),
        "run": (
            sf.run,
            {
                "directories": [folder],
                "requests": 2,
                "concurrency": 1,
                "bandwidths": {("device", "edge0"): 1e6},
                "slow": {"device": 2.0},
                "timeout_s": 1.0,
                "seed": 0,
                "paced": False,
                "trace": None,
                "adapter": None,
                "every_s": 1.0,
                "notice": None,
            },
        ),
        "repair": (
            sf.repair,
            {
                "instance": streams,
                "plan": local,
                "changes": [{"node": "fog0", "up": False}],
                "full": False,
                "notable": 0.001,
                "bounded": False,
            },
        ),
        "generate_events": (
            sf.generate_events,
            {
                "instance": streams,
                "seed": 0,
                "duration_s": 9.0,
                "node_up_s": 9.0,
                "node_down_s": 9.0,
                "stay_s": 9.0,
                "away_s": 9.0,
                "link_change_s": 9.0,
                "link_spread": 0.5,
                "nodes": ["fog0"],
            },
        ),
        "load_events": (sf.load_events, {"path": folder / "events.json"}),
        "save_events": (sf.save_events, {"events": events, "path": file}),
        "replay_events": (
            sf.replay_events,
            {
                "instance": streams,
                "events": events,
                "plan": local,
                "ways": ["repair", "static"],
                "progress": None,
            },
        ),
        "EventReplay.to_csv": (
            sf.replay_events(streams, events, local, "static").to_csv,
            {"file": folder / "rows.csv"},
        ),
        "replay": (
            sf.replay,
            {
                "instance": two_nodes(),
                "trace": SLOWS_DOWN,
                "adapt": ["argmin", "best-fixed"],
                "clock": "integrated",
                "requests": "every:1",
                "queues": "none",
                "estimate": "last",
                "delay_s": 0.0,
                "noise": 0.0,
                "measure": "all",
                "probe": (1e3, 1.0),
                "switch_cost": 1.0,
                "detect_s": 1.0,
                "seed": 0,
                "table": None,
                "folder": folder / "replay",
                "progress": lambda *_: None,
            },
        ),
        "draw_replay": (
            sf.draw_replay,
            {"replay": replayed, "path": folder / "replay.svg", "seed": 0},
        ),
        "print_replay": (sf.print_replay, {"replay": replayed, "file": None}),
        "Replay.of": (replayed.of, {"adapt": "nominal", "seed": 0}),
        "Replay.way": (replayed.way, {"adapt": "nominal", "seed": 0}),
        "Replay.to_csv": (replayed.to_csv, {"path": folder / "requests.csv"}),
        "save_plan": (sf.save_plan, {"plan": plan, "path": file}),
        "save_policy": (sf.save_policy, {"policy": table, "path": file}),
        "bundled_traces": (sf.bundled_traces, {}),
        "draw_trace": (sf.draw_trace, {"trace": trace, "path": folder / "trace.svg"}),
        "generate_trace": (
            sf.generate_trace,
            {"family": "fading", "seed": 0, "preset": "lte", "link": "a,b", "duration_s": 2.0},
        ),
        "import_trace": (
            sf.import_trace,
            {
                "path": folder / "log.csv",
                "form": "columns",
                "link": ("device", "edge0"),
                "node": None,
                "quantity": "bandwidth_bps",
                "directions": "both",
                "unit": "kbit/s",
                "column": "rate",
                "time_column": "time",
                "time_unit": "ms",
                "group": {"way": "down"},
                "step_s": 1.0,
                "bin_s": 1.0,
                "max_step_s": 5.0,
                "gaps": "hold",
                "end": "repeat",
                "name": "log",
            },
        ),
        "Trace.on": (
            trace.on,
            {"link": ("edge0", "cloud"), "node": None, "directions": "forward"},
        ),
        "save_trace": (sf.save_trace, {"trace": trace, "path": file}),
        "save_report": (sf.save_report, {"table": rows, "folder": folder / "report"}),
        "show": (sf.show, {"instance": instance, "plan": plan, "tasks": None, "panel": None}),
        "simulate": (
            sf.simulate,
            {"instance": streams, "plan": local, "requests": 200, "seed": 0},
        ),
        "solve": (
            sf.solve,
            {
                "instance": instance,
                "solver": "ilp",
                **how,
                "time_limit_s": 5.0,
                "seed": 0,
                "start": plan,
                "options": {},
                "on_progress": lambda *_: None,
            },
        ),
        "split": (sf.split, {"instance": instance, "plan": plan, "directory": folder}),
        "split_table": (
            sf.split_table,
            {"instance": instance, "table": two_plans(), "directory": folder},
        ),
        "subtasks": (
            sf.subtasks,
            {"instance": streams, "plan": local, "transfers": "once", "monotone": True},
        ),
        "terms": (sf.terms, given),
        "violations": (sf.violations, given),
        "write_program": (
            sf.write_program,
            {"instance": instance, "path": folder / "program.lp", **how},
        ),
        "Front.plan": (front.plan, {"position": 0}),
        "Policy.kind_of": (table.kind_of, {"position": 0}),
        "Policy.plan_at": (table.plan_at, {"bandwidth_bps": 1.5e6}),
        "Policy.value_at": (table.value_at, {"bandwidth_bps": 1.5e6}),
        "Policy.piece_at": (table.piece_at, {"value": 1.5e6}),
        "Plan.placement": (plan.placement, {"task": "task0"}),
        "Instance": (_instance_with(sf.Instance), _fields(instance)),
        "Layer": (lambda **f: _of_layer(**f), _fields(instance.models[0].layers[1])),
        "Node": (lambda **f: _with(instance, nodes=sf.Node(**f)), _fields(instance.nodes[1])),
        "Link": (lambda **f: _with(instance, links=sf.Link(**f)), _fields(instance.links[0])),
        "Task": (lambda **f: _with(instance, tasks=sf.Task(**f)), _fields(instance.tasks[0])),
        "Objective": (sf.Objective, {"name": "latency", "transfers": "once", "monotone": True}),
        "Series": (lambda **f: _with_series(sf.Series(**f)), _fields(series)),
        "Trace": (_instance_with(sf.Trace), _fields(trace)),
        "Instance.with_link": (
            instance.with_link,
            {"tail": "device", "head": "edge0", "directions": "both", **link},
        ),
        "Instance.with_node": (instance.with_node, {"name": "edge0", **node}),
        "Instance.with_task": (
            instance.with_task,
            {"name": "task0", "deadline_s": 1.0, "arrivals_per_s": 1.0, "source": "device"},
        ),
        "Instance.with_times": (
            instance.with_times,
            {"times_s": {"conv1": {"edge": 1.0}}, "model": "alexnet"},
        ),
        "Instance.without_node": (_two_edges().without_node, {"name": "edge1"}),
        "matching.all_stable": (sf.matching.all_stable, {**market, **_form(), "limit": 100}),
        "matching.blocking_exchanges": (sf.matching.blocking_exchanges, game),
        "matching.blocking_pairs": (
            sf.matching.blocking_pairs,
            {"assignment": [1, 0], **market, **_form()},
        ),
        "matching.deferred_acceptance": (
            sf.matching.deferred_acceptance,
            {**market, **_form(), "side": "residents"},
        ),
        "matching.exchange_until_stable": (
            sf.matching.exchange_until_stable,
            {**game, "limit": 5},
        ),
        "matching.is_exchange_stable": (sf.matching.is_exchange_stable, game),
        "matching.is_stable": (
            sf.matching.is_stable,
            {"assignment": [1, 0], **market, **_form()},
        ),
        "matching.table_utilities": (
            sf.matching.table_utilities,
            {"of_residents": np.eye(2), "of_hospitals": np.eye(2)},
        ),
        "testing.check_solver": (_check_solver, {"solver": "device-only", "options": None}),
        "tiles.cover_defects": (
            sf.tiles.cover_defects,
            {"height": 8, "width": 8, "rectangles": halves},
        ),
        "tiles.geometry": (sf.tiles.geometry, {"model": model, "layers": layers}),
        "tiles.grid": (
            sf.tiles.grid,
            {"height": 8, "width": 8, "num_rows": 2, "num_columns": 1},
        ),
        "tiles.parts": (sf.tiles.parts, {"length": 8, "shares": [1.0, 2.0]}),
        "tiles.random_weights": (
            sf.tiles.random_weights,
            {"model": model, "layers": layers, "seed": 0},
        ),
        "tiles.rectangles_of": (
            sf.tiles.rectangles_of,
            {"rows": np.array([[0, 4]]), "columns": np.array([[0, 8]])},
        ),
        "tiles.regions": (sf.tiles.regions, {"geometry": geometry, "rectangles": halves}),
        "tiles.run": (
            sf.tiles.run,
            {"model": model, "layers": layers, "rectangles": halves, "weights": weights, "x": x},
        ),
        "tiles.run_whole": (
            sf.tiles.run_whole,
            {"model": model, "layers": layers, "weights": weights, "x": x},
        ),
        "tiles.stage_shape_defects": (
            sf.tiles.stage_shape_defects,
            {"model": model, "layers": layers},
        ),
        "zoo.build": (sf.zoo.build, {"name": "alexnet", "size": 224}),
        "zoo.default_size": (sf.zoo.default_size, {"name": "alexnet"}),
        "zoo.transformer": (
            sf.zoo.transformer,
            {
                "config": "llama-3-8b",
                "prompt": 8,
                "new_tokens": 4,
                "batch": 1,
                "weight_bits": 16,
                "kv_bits": 16,
                "decode_passes": 1,
                "context": 100,
                "token": "source",
            },
        ),
    }


def _form() -> dict[str, Any]:
    return {"priorities_as": "lists"}


def _fields(record: Any) -> dict[str, Any]:
    """What a record is made of, by the names of its arguments."""
    names = inspect.signature(type(record)).parameters
    return {name: getattr(record, name) for name in names}


def _instance_with(function: Callable[..., Any]) -> Callable[..., Any]:
    """An instance made and saved: what is taken can be written."""

    def run(**fields: Any) -> None:
        made = function(**fields)
        assert made.sha256

    return run


def _with(instance: sf.Instance, **records: Any) -> None:
    """The instance with a record in the place of the one of its kind that it is like."""
    ((name, record),) = records.items()
    position = 1 if name == "nodes" else 0
    others = list(getattr(instance, name))
    others[position] = record
    fields = {**_fields(instance), name: tuple(others)}
    assert sf.Instance(**fields).sha256


def _with_series(series: sf.Series) -> None:
    assert sf.Trace(name="t", duration_s=2.0, series=(series,)).sha256


def _of_layer(**fields: Any) -> None:
    instance = sf.generate("three-tier", model="alexnet")
    (model,) = instance.models
    layers = (model.layers[0], sf.Layer(**fields), *model.layers[2:])
    assert sf.Instance(
        **{**_fields(instance), "models": [sf.Model(name=model.name, layers=layers)]}
    ).sha256


def _two_edges() -> sf.Instance:
    return sf.generate("three-tier", model="alexnet", edge_nodes=2)


def _check_solver(solver: Any, options: Any) -> None:
    """Without its runs, which are others' tests: a wrong solver is refused before."""
    if not callable(solver):
        sf.testing.check_solver(solver, options=options)


def _model() -> sf.Model:
    """Two convolutions after an input."""
    window = sf.Window(kernel=(3, 3), padding=(1, 1, 1, 1))
    return sf.Model(
        name="two",
        layers=(
            sf.Layer(name="x", op="input", output_bytes=256, output_shape=(1, 8, 8)),
            *(
                sf.Layer(
                    name=name,
                    op="conv",
                    inputs=(before,),
                    output_bytes=256,
                    output_shape=(1, 8, 8),
                    window=window,
                )
                for name, before in (("a", "x"), ("b", "a"))
            ),
        ),
    )


ALIASES = {
    "instances": "instance = ",
    "solvers": "solver",
    "objectives": "objective",
    "tasks": "task",
    "bandwidth_bps": "bandwidth of",
    "value": "bandwidth of",
    "name": "objective",
    "preferences": "resident",
    "priorities": "hospital",
    "quotas": "hospital",
    "of_residents": "residents",
    "of_hospitals": "hospitals",
    "rectangles": "slices",
    "path": "must end in",
}
"""How sentences name some arguments."""

LISTED = (sf.InstanceError, sf.PlanError, sf.SolverDeclined)
"""Errors that list places in files and records, with names of their own."""

CONSTANTS = {"InstanceError", "PlanError", "SolverDeclined", "WrongAnswer", "__version__"}
MADE = {
    "AdjustmentReport",
    "PlanBands",
    "Exchange",
    "ExchangeRun",
    "Matching",
    "Regions",
    "StageGeometry",
}
MADE |= {
    "Choice",
    "Front",
    "Plan",
    "PlanFile",
    "Policy",
    "PlanTable",
    "SolverInfo",
    "StudyFile",
    "Term",
    "LayerTime",
    "Predictor",
    "Profile",
    "PlanReport",
    "RepairReport",
    "EventReplay",
    "Events",
    "Replay",
    "RunReport",
}
"""What functions give back: records whose fields nobody gives by hand, but for tests."""


def _offered() -> Iterator[str]:
    """The names of all functions and classes that `splitfog` and its modules offer."""
    for name in dir(sf):
        offered = getattr(sf, name)
        if name in ("matching", "tiles"):
            yield from (f"{name}.{inner}" for inner in offered.__all__)
        elif name not in ("solvers", "testing", "zoo"):
            yield name


REAL_MODELS = ("draw_timelines", "import_onnx", "measure_times", "run", "split", "split_table")
"""Here are none, so that these refuse what is right, too: see their own tests."""


def test_every_function_is_here(calls: Calls) -> None:
    """What splitfog offers and takes arguments has its line above."""
    left = CONSTANTS | MADE | {"Model", "Pass", "Window"}  # in Layer and Instance
    missing = {name for name in _offered() if name.split(".")[-1] not in left} - set(calls)
    missing.discard("tiles.run_sliced")  # another name of tiles.run
    assert not missing


def test_every_function_takes_what_makes_sense(calls: Calls) -> None:
    """The arguments above are right ones, so that below each wrong one is the only one."""
    for name, (function, arguments) in calls.items():
        if name in REAL_MODELS:
            continue
        function(**arguments)


@pytest.mark.filterwarnings("error")
def test_what_makes_no_sense_is_refused_in_a_sentence(
    calls: Calls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every argument of every function with every wrong value: done, or refused in words.

    Never an error of Python's own from inside, and never a value that is half understood.
    """
    monkeypatch.chdir(tmp_path)  # for what takes any path to write to
    faults = []
    for name, (function, arguments) in calls.items():
        for argument in arguments:
            for value in WRONG:
                fault = _fault(function, {**arguments, argument: value}, argument)
                if fault is not None:
                    faults.append(f"{name}({argument}={value!r:.40}): {fault}")
    assert not faults, "\n".join(faults)


def _fault(function: Callable[..., Any], arguments: dict[str, Any], name: str) -> str | None:
    """What is wrong with the way in which a call with one wrong argument fails."""
    try:
        function(**arguments)
    except SENTENCES as error:
        if type(error) in (KeyError, IndexError):
            return f"{type(error).__name__}: {error}"
        vague = isinstance(error, ValueError | LookupError) and not isinstance(error, LISTED)
        value = arguments[name]
        spoken = (ALIASES.get(name, name), name, str(value), repr(value))
        if vague and not any(word in str(error) for word in spoken):
            return f"it names neither argument nor value: {error}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None


def test_numbers_of_numpy_are_numbers(tmp_path: Path) -> None:
    """An instance of numpy's numbers, flags and arrays is that of Python's, and so is its file."""
    usual = sf.generate("three-tier", model="alexnet")
    array: dict[type, Callable[[Any], Any]] = {
        float: np.float64,
        int: np.int32,
        bool: np.bool_,
        tuple: np.array,
    }

    def in_numpy(record: Any, **others: Any) -> Any:
        fields = _fields(record) | others
        return type(record)(
            **{name: array.get(type(value), lambda v: v)(value) for name, value in fields.items()}
        )

    def layer(own: sf.Layer) -> sf.Layer:
        window = None if own.window is None else in_numpy(own.window)
        times = {"edge": np.float32(0.5)} if own.name == "conv1" else {}
        return in_numpy(own, window=window, times_s=times) if own.inputs else own

    model = usual.models[0]
    with_times = usual.with_times({"conv1": {"edge": 0.5}})
    made = sf.Instance(
        name=usual.name,
        tiers=np.array(usual.tiers),  # type: ignore[arg-type]
        nodes=[in_numpy(node) for node in usual.nodes],  # type: ignore[arg-type]
        links=[in_numpy(link) for link in usual.links],  # type: ignore[arg-type]
        models=[sf.Model(name=model.name, layers=tuple(map(layer, model.layers)))],  # type: ignore[arg-type]
        tasks=[in_numpy(task) for task in usual.tasks],  # type: ignore[arg-type]
        meta={"optimum": np.float64(0.5), "sizes": np.arange(3)},
    )
    assert made.nodes == usual.nodes
    assert made.links == usual.links
    assert made.models == with_times.models
    sf.save_instance(made, tmp_path / "made.json")
    loaded = sf.load_instance(tmp_path / "made.json")
    assert loaded == made
    assert loaded.meta == {"optimum": 0.5, "sizes": [0, 1, 2]}


def test_options_and_seeds_of_numpy_are_saved(tmp_path: Path) -> None:
    """A plan asked for with numpy's numbers is written, read and equal to that of Python's."""
    usual_seed: Any = np.int64(0)
    instance = sf.generate("three-tier", usual_seed, model="alexnet", spread=np.float64(1))
    plan = sf.solve(
        instance,
        "random",
        monotone=np.bool_(True),  # type: ignore[arg-type]
        seed=np.int64(3),  # type: ignore[arg-type]
        time_limit_s=np.float32(9),  # type: ignore[arg-type]
        options={"samples": np.int16(20)},
    )
    sf.save_plan(plan, tmp_path / "plan.json")
    assert sf.load_plan(tmp_path / "plan.json").seed == 3
    usual = sf.solve(instance, "random", seed=3, time_limit_s=9, options={"samples": 20})
    assert plan.placement("task0") == usual.placement("task0")


def test_a_path_stands_for_what_its_file_holds(calls: Calls, tmp_path: Path) -> None:
    """Wherever an instance or a plan is wanted, the path of its file does as well."""
    places = {"instance", "instances", "plan", "start", "placement"}
    asked = 0
    for name, (function, arguments) in calls.items():
        for place in places & set(arguments):
            given = arguments[place]
            if name.startswith("save_") or name in REAL_MODELS:
                continue
            file = tmp_path / f"{name}-{place}.json"
            if isinstance(given, list):
                (given,) = given
            save = sf.save_instance if isinstance(given, sf.Instance) else sf.save_plan
            save(given, file)
            for path in (file, str(file)):
                function(**{**arguments, place: path})
                asked += 1
    assert asked > 20


def test_a_schema_in_a_file_is_ignored(tmp_path: Path) -> None:
    """A top-level `$schema` is for editors: read over, and not written again."""
    instance = sf.generate("three-tier", model="alexnet")
    file = tmp_path / "a.json"
    sf.save_instance(instance, file)
    text = file.read_text(encoding="utf-8")
    file.write_text('{"$schema": "https://example.org/s.json",' + text[1:], encoding="utf-8")
    loaded = sf.load_instance(file)
    assert loaded == instance
    sf.save_instance(loaded, file)
    assert file.read_text(encoding="utf-8") == text


def test_python_names_what_is_missing_and_what_is_half_right() -> None:
    """The cases that users met, word for word."""
    instance = sf.generate("three-tier", model="alexnet")
    fields = _fields(instance)
    with pytest.raises(ValueError, match=r"^monotone = 'no', must be True or False$"):
        sf.solve(instance, monotone="no")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"^seed = 1\.5, must be a whole number >= 0$"):
        sf.solve(instance, seed=1.5)  # type: ignore[arg-type]
    with pytest.raises(sf.InstanceError, match=r"no-such\.json: no such file$"):
        sf.solve("no-such.json")
    with pytest.raises(ValueError, match=r"^time_limit_s = '10', must be a number > 0$"):
        sf.solve(instance, time_limit_s="10")  # type: ignore[arg-type]
    with pytest.raises(sf.InstanceError, match=r"tasks = Task\(.*, must be a list of Task$"):
        sf.Instance(**{**fields, "tasks": instance.tasks[0]})
    with pytest.raises(sf.InstanceError, match="tiers = 'device', must be a list"):
        sf.Instance(**{**fields, "tiers": "device"})
