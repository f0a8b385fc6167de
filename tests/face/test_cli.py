"""The command line: exit codes, one-line reasons, clean JSON, files written whole."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from splitfog.cli import app
from splitfog.commands import COMMANDS
from splitfog.formulations.decision import placed
from splitfog.formulations.plan import load_plan
from splitfog.instances.files import load_instance, save_instance
from splitfog.instances.generators import generate
from splitfog.solvers.base import Answer, Request

DATA = Path(__file__).parents[1] / "data"
TINY = DATA / "tiny.json"
DEFECTIVE = DATA / "defective"

# tiny.json: input of 1000 B at pi (1e9 FLOP/s), conv 1e8 FLOP -> 500 B, fc 1e7 FLOP; server of
# 1e10 FLOP/s behind 8e6 bit/s = 1e6 B/s. All at pi: 0.1 + 0.01 = 0.11 s. Both at the server:
# 0.001 + 0.01 + 0.001 = 0.012 s. Only fc there: 0.1 + 0.0005 + 0.001 = 0.1015 s. Best: 0.012 s.
BEST_S = 0.012


@pytest.fixture(autouse=True)
def _strict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPLITFOG_STRICT", "1")


def splitfog(*words: object) -> Result:
    """What a command line comes to."""
    return CliRunner().invoke(app, [str(word) for word in words])


def lines(text: str) -> list[str]:
    return text.splitlines()


def changed(path: Path, folder: Path, **changes: Any) -> Path:
    """A copy of a JSON file with some keys of its top level changed."""
    copy = folder / f"changed-{path.name}"
    copy.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    return copy


@pytest.fixture
def plan_file(tmp_path: Path) -> Path:
    """A true and optimal plan of tiny.json."""
    path = tmp_path / "plan.json"
    assert splitfog("solve", TINY, "--solver", "min-cut", "-o", path).exit_code == 0
    return path


def fake_solver(monkeypatch: pytest.MonkeyPatch, solver: Any) -> None:
    """Let every solver name stand for a function."""
    monkeypatch.setattr("splitfog.solvers.solve.load_solver", lambda info: solver)


# bad input


REASONS = {
    "not-json.json": "not-json.json: not JSON: ",
    "empty.json": "empty.json: not JSON: ",
    "not-gzip.json.gz": "not a gzip file",
    "wrong-format.json": 'format = "splitfog/model", must be "splitfog/instance"',
    "wrong-version.json": "version = 2, must be 1",
    "unknown-key.json": "nodes[0].speed = 3, unknown key, must be one of name, tier, ",
    "missing-key.json": "nodes[0].speed_flops is missing",
    "repeated-key.json": "version stands twice, must stand once",
    "nan.json": "models[0].layers[1].output_bytes = NaN, must be a finite number >= 0",
    "infinity.json": "links[0].bandwidth_bps = Infinity, must be a finite number > 0",
    "negative-bandwidth.json": "links[0].bandwidth_bps = -4, must be a finite number > 0",
    "negative-weights.json": "models[0].layers[1].weight_bytes = -1, must be a finite number >= 0",
    "unequal-shared-weights.json": (
        'models[0].layers[2].weight_bytes = 8000.0, must be 4000.0 as for layer "conv", which '
        'has the same weights "tied"'
    ),
    "zero-speed.json": "nodes[1].speed_flops = 0, must be a finite number > 0",
    "duplicate-node.json": 'nodes[2].name = "pi", must be unique',
    "duplicate-layer.json": 'models[0].layers[3].name = "fc", must be unique',
    "unknown-node.json": 'links[0].to = "sever", must be a node (pi, server)',
    "unknown-input.json": 'models[0].layers[2].inputs[0] = "conv9", must be a layer',
    "unknown-model.json": 'tasks[0].model = "nit", must be a model (net)',
    "link-to-itself.json": 'links[0].to = "pi", must differ',
    "cycle.json": "models[0].layers has the cycle conv -> fc -> conv, must be acyclic",
    "input-without-source.json": "tasks[0].source = null, must be a node",
    "passes-of-wrong-length.json": "must be a number, or a list for the passes prefill, decode",
    "list-without-passes.json": (
        "models[0].layers[1].output_bytes = [500.0, 4.0], must be a number, as the model lists no "
        "passes"
    ),
    "null-where-a-layer-runs.json": (
        "models[0].layers[1].flops[1] = null, must be a finite number >= 0"
    ),
    "null-output-bytes.json": "models[0].layers[1].output_bytes = null, must be a finite number",
    "group-over-passes.json": (
        'models[0].layers[2].group = "ends", must be of layers that run in the same passes, but '
        'pass "decode" runs only one of "conv" and "fc"'
    ),
    "repeated-pass.json": 'models[0].passes[1].name = "prefill", must be unique',
    "pass-without-executions.json": "models[0].passes[1].count = 0, must be a whole number >= 1",
    "no-passes.json": "models[0].passes = [], must be a list with at least one entry",
    "unknown-routing.json": 'routing = "shortest", must be one of "direct", "relay"',
    "zero-memory-speed.json": "nodes[0].memory_bytes_per_s = 0, must be a finite number > 0",
    "unknown-rates.json": 'models[0].stage_rates key = "pie", must be a tier or a node',
}


@pytest.mark.parametrize("command", ["solve", "compare", "validate"])
@pytest.mark.parametrize("name", REASONS)
def test_a_defective_file_is_named_with_its_defect_in_one_line(command: str, name: str) -> None:
    """Exit code 2, nothing on standard output, one line with path, value and what is allowed."""
    result = splitfog(command, DEFECTIVE / name)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert len(lines(result.stderr)) == 1
    assert name in result.stderr
    assert REASONS[name] in result.stderr


def test_every_defective_file_has_its_reason() -> None:
    """No file of the folder goes untested; several-defects.json has a test of its own."""
    assert {path.name for path in DEFECTIVE.iterdir()} == {*REASONS, "several-defects.json"}


def test_all_defects_of_a_file_are_listed() -> None:
    """several-defects.json has three, one a line."""
    result = splitfog("solve", DEFECTIVE / "several-defects.json")
    paths = [line.split()[1] for line in lines(result.stderr)]
    assert result.exit_code == 2
    assert paths == ["nodes[0].tier", "links[0].bandwidth_bps", "models[0].layers[1].op"]


def test_validate_lists_the_defects_of_all_files() -> None:
    """A good file between two bad ones says OK; both bad ones have their lines; exit code 2."""
    bad = [DEFECTIVE / "several-defects.json", DEFECTIVE / "cycle.json"]
    result = splitfog("validate", bad[0], TINY, bad[1])
    assert result.exit_code == 2
    assert lines(result.stdout) == [f"{TINY}: OK"]
    assert [line.split(":")[0] for line in lines(result.stderr)] == [str(bad[0])] * 3 + [
        str(bad[1])
    ]


def test_validate_tells_plan_files_by_their_format(plan_file: Path, tmp_path: Path) -> None:
    """A plan file is checked as one: a right one is OK, one with a wrong status is not."""
    wrong = changed(plan_file, tmp_path, status="best")
    result = splitfog("validate", plan_file, wrong)
    assert result.exit_code == 2
    assert lines(result.stdout) == [f"{plan_file}: OK"]
    assert 'status = "best", must be one of' in result.stderr


def one_line_of_error(*words: object) -> str:
    """The only line on standard error of a command that must fail with exit code 2."""
    result = splitfog(*words)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert len(lines(result.stderr)) == 1
    assert "Traceback" not in result.stderr
    return result.stderr


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    """Exit code 2 with the path."""
    path = tmp_path / "nowhere.json"
    assert one_line_of_error("solve", path) == f"{path}: no such file\n"


def test_an_unknown_solver_is_one_line_with_the_nearest_and_the_known() -> None:
    """`mincut` is near `min-cut`."""
    reason = one_line_of_error("solve", TINY, "--solver", "mincut")
    assert "did you mean 'min-cut'" in reason
    assert "device-only" in reason
    assert "did you mean 'min-cut'" in one_line_of_error("compare", TINY, "--solvers", "mincut")
    assert "'mincut'" in one_line_of_error("solvers", "mincut")
    assert "'nobody'" in one_line_of_error("compare", TINY, "--baseline", "nobody")


def test_a_solver_that_does_not_apply_says_why_and_which_does(tmp_path: Path) -> None:
    """min-cut needs one usable node a tier: two servers in the cloud are too many."""
    instance = json.loads(TINY.read_text())
    second = {"name": "server2", "tier": "cloud", "speed_flops": 2e10}
    link = {"from": "pi", "to": "server2", "bandwidth_bps": 8e6}
    path = changed(
        TINY, tmp_path, nodes=[*instance["nodes"], second], links=[*instance["links"], link]
    )
    reason = one_line_of_error("solve", path, "--solver", "min-cut")
    assert reason.startswith("splitfog: min-cut does not apply: ")
    assert reason.endswith("ilp applies\n")
    reason = one_line_of_error("solve", TINY, "--solver", "min-cut", "--objective", "period")
    assert "min-cut does not apply: it minimises latency, not period" in reason


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--objective", "speed"], "objective = 'speed', must be one of latency, makespan"),
        (["--transfers", "twice"], "transfers = 'twice', must be one of once, per-edge"),
        (["--objective", "period", "--transfers", "per-edge"], "must be once for the objective"),
        (["--time-limit", "0"], "time_limit_s = 0.0, must be a number > 0"),
        (["--option", "engine"], "--option = 'engine', must be KEY=VALUE"),
        (["--solver", "min-cut", "--option", "engine=cbc"], "option engine is unknown to min-cut"),
        (["--solver", "ilp", "--option", "engine=abacus"], "must be one of cbc, highs"),
        (["--seed", "-1"], "--seed"),
        (["--seed", "one"], "--seed"),
        (["--sovler", "ilp"], "--sovler"),
        (["--start", "nowhere.json"], "nowhere.json: no such file"),
        (["--start", str(TINY)], 'format = "splitfog/instance", must be "splitfog/plan"'),
        (["-o", str(DATA)], "is a folder, must be a file"),
        (["-o", str(TINY / "plan.json")], "is not a writable folder"),
    ],
)
def test_wrong_arguments_of_solve_are_one_line(words: list[str], reason: str) -> None:
    """Each says what was given and what is allowed."""
    assert reason in one_line_of_error("solve", TINY, *words)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ([], "Missing command"),
        (["slove"], "'solve'"),
        (["solve"], "splitfog solve: Missing argument"),
        (["compare", TINY, "--jobs", "0"], "--jobs"),
        (["compare", TINY, "--seed", "1,x"], "--seed = 'x', must be a whole number >= 0"),
        (["compare", TINY, "--time-limit", "-3"], "time limit = -3.0 s, must be > 0"),
        (["compare", TINY, "--objective", "speed"], "objective = 'speed', must be one of"),
        (["compare", TINY, "-o", TINY], "is a file, must be a folder"),
        (["generate"], "FAMILY is missing, must be one of three-tier"),
        (["generate", "three-teir", "-o", "x"], "three-tier"),
        (["generate", "three-tier"], "-o DIR is missing"),
        (["generate", "three-tier", "-o", TINY], "is a file, must be a folder"),
        (["generate", "three-tier", "-o", "x", "--mdoel", "nin"], "did you mean 'model'"),
        (["generate", "three-tier", "-o", "x", "--model", "alexnot"], "must be one of alexnet"),
        (["generate", "three-tier", "-o", "x", "--model"], "option --model has no value"),
        (["generate", "three-tier", "stray", "-o", "x"], "'stray' belongs to no option"),
        (["generate", "three-tier", "-o", "x", "--memory", "--memory"], "stands twice"),
        (["generate", "--model", "nin", "three-tier", "-o", "x"], "must stand after it"),
        (["show", TINY], "-o FILE is missing"),
        (["show", TINY, "-o", "picture.doc"], "must end in one of .png, .svg, .pdf, .html"),
    ],
)
def test_wrong_usage_is_one_line(words: list[object], reason: str) -> None:
    """Exit code 2 and one line, also where typer finds the fault."""
    assert reason in one_line_of_error(*words)


def test_a_start_plan_for_another_instance_is_one_line(plan_file: Path, tmp_path: Path) -> None:
    """The hash of the instance differs."""
    other = changed(TINY, tmp_path, name="other")
    assert "for another instance" in one_line_of_error("solve", other, "--start", plan_file)


def test_a_start_plan_that_does_not_fit_names_its_file(plan_file: Path, tmp_path: Path) -> None:
    """A layer without a node is a defect of the plan's file."""
    tasks = json.loads(plan_file.read_text())["tasks"]
    del tasks[0]["placement"]["fc"]
    wrong = changed(plan_file, tmp_path, tasks=tasks)
    reason = one_line_of_error("solve", TINY, "--start", wrong)
    assert reason == f"{wrong.name}: task cam: layer fc has no node\n"


# solve


def test_solve_says_over_which_plans_it_is_optimal(tmp_path: Path) -> None:
    """Where slices may be cheaper: in the status, and in what verify and show say of the file."""
    instance, plan, drawing = (tmp_path / name for name in ("i.json", "plan.json", "plan.svg"))
    save_instance(generate("three-tier", model="resnet-18"), instance)
    text = splitfog("solve", instance, "--solver", "min-cut", "-o", plan).stdout
    assert "status   optimal over placements\n" in text
    assert "reason   optimal over placements: a plan with slices may be cheaper (vsm" in text
    assert "(optimal over placements, value = " in splitfog("verify", instance, plan).stdout
    assert splitfog("show", instance, plan, "-o", drawing).exit_code == 0
    assert "latency · optimal over placements · value" in drawing.read_text()


def test_solve_prints_the_plan_for_people() -> None:
    """Status, value, who solved it and the placement as runs; nothing on standard error."""
    result = splitfog("solve", TINY, "--solver", "min-cut")
    assert result.exit_code == 0
    assert result.stderr == ""
    text = result.stdout
    assert "status   optimal\n" in text
    assert "value    12 ms" in text
    assert "solver   min-cut" in text
    assert "task cam: 12 ms (compute 11 ms, transfer 1 ms, wait 0 s)" in text
    assert "server  conv .. fc (2 layers)" in text
    assert "\x1b" not in text


def test_solve_json_is_the_plan_file(tmp_path: Path) -> None:
    """--json prints exactly one document, the same as -o writes."""
    path = tmp_path / "deep" / "plan.json"
    result = splitfog("solve", TINY, "--solver", "min-cut", "--json", "-o", path)
    assert result.exit_code == 0
    assert result.stdout == path.read_text()
    plan = json.loads(result.stdout)
    assert plan["format"] == "splitfog/plan"
    assert plan["value"] == pytest.approx(BEST_S, rel=1e-12)
    assert plan["status"] == "optimal"


def test_what_a_solver_prints_stays_off_standard_output(monkeypatch: pytest.MonkeyPatch) -> None:
    """With --json nothing but the document is there."""

    def chatty(request: Request) -> Answer:
        print("Welcome to the solver")
        return Answer(placed([0, 0, 0]))

    fake_solver(monkeypatch, chatty)
    result = splitfog("solve", TINY, "--solver", "hpa", "--json")
    assert json.loads(result.stdout)["value"] == pytest.approx(0.11)
    assert "Welcome" in result.stderr


def test_no_monotone_and_transfers_reach_the_solver() -> None:
    """The plan's objective is what the options say."""
    words = ["--no-monotone", "--transfers", "per-edge", "--json"]
    plan = json.loads(splitfog("solve", TINY, "--solver", "min-cut", *words).stdout)
    assert plan["objective"] == {"name": "latency", "transfers": "per-edge", "monotone": False}


def test_a_start_plan_is_never_made_worse(plan_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A solver that finds the worst placement still ends with the start plan's value."""
    fake_solver(monkeypatch, lambda request: Answer(placed([0, 0, 0])))
    result = splitfog("solve", TINY, "--solver", "hpa", "--start", plan_file, "--json")
    assert json.loads(result.stdout)["value"] == pytest.approx(BEST_S)


def test_infeasible_exits_3_with_a_plan_file(tmp_path: Path) -> None:
    """conv only in the cloud, fc only on the device: monotone forbids it; the file says so."""
    layers = json.loads(TINY.read_text())["models"][0]["layers"]
    layers[1]["tiers"], layers[2]["tiers"] = ["cloud"], ["device"]
    path = changed(TINY, tmp_path, models=[{"name": "net", "layers": layers}])
    output = tmp_path / "plan.json"
    result = splitfog("solve", path, "--solver", "min-cut", "-o", output)
    assert result.exit_code == 3
    assert "infeasible" in result.stderr
    plan = load_plan(output)
    assert (plan.status, plan.value, plan.tasks) == ("infeasible", None, ())
    assert splitfog("verify", path, output).exit_code == 0


def test_no_plan_found_exits_4(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason is on standard error."""
    fake_solver(monkeypatch, lambda request: Answer(None, reason="out of ideas"))
    result = splitfog("solve", TINY, "--solver", "hpa")
    assert result.exit_code == 4
    assert result.stderr == "splitfog: tiny: unknown: out of ideas\n"


def test_a_wrong_answer_exits_5(monkeypatch: pytest.MonkeyPatch) -> None:
    """An input layer away from its source is caught; the plan holds no value."""
    monkeypatch.delenv("SPLITFOG_STRICT")
    fake_solver(monkeypatch, lambda request: Answer(placed([1, 1, 1])))
    result = splitfog("solve", TINY, "--solver", "hpa", "--json")
    assert result.exit_code == 5
    assert json.loads(result.stdout)["value"] is None
    assert "input layer input is on server" in result.stderr


def test_a_bug_exits_5_and_shows_where(monkeypatch: pytest.MonkeyPatch) -> None:
    """A KeyError is no reason to blame the input."""

    def broken(request: Request) -> Answer:
        raise KeyError("edge7")

    fake_solver(monkeypatch, broken)
    result = splitfog("solve", TINY, "--solver", "hpa")
    assert result.exit_code == 5
    assert "Traceback" in result.stderr
    assert "bug in splitfog" in result.stderr


def test_ctrl_c_in_a_solver_writes_the_best_so_far(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Two plans were offered; the better is written; exit code 130."""

    def interrupted(request: Request) -> Answer:
        for placement in ([0, 0, 0], [0, 1, 1], [0, 0, 1]):
            request.offer(placed(placement))
        raise KeyboardInterrupt

    fake_solver(monkeypatch, interrupted)
    path = tmp_path / "plan.json"
    result = splitfog("solve", TINY, "--solver", "hpa", "-o", path)
    plan = load_plan(path)
    assert result.exit_code == 130
    assert plan.stopped_by == "interrupted"
    assert plan.value == pytest.approx(BEST_S)


def test_ctrl_c_after_the_solver_loses_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An interrupt while the answer is being checked still ends in a plan file."""
    from splitfog.solvers import solve

    check, calls = solve.finished_plan, []

    def interrupted_once(*arguments: Any) -> Any:
        calls.append(arguments)
        if len(calls) == 1:
            raise KeyboardInterrupt
        return check(*arguments)

    monkeypatch.setattr(solve, "finished_plan", interrupted_once)
    path = tmp_path / "plan.json"
    result = splitfog("solve", TINY, "--solver", "min-cut", "-o", path)
    assert result.exit_code == 130
    assert load_plan(path).value == pytest.approx(BEST_S)


def test_ctrl_c_elsewhere_exits_130_without_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    """While the file is read there is nothing to keep."""

    def interrupted(path: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("splitfog.instances.files.load_instance", interrupted)
    result = splitfog("solve", TINY)
    assert result.exit_code == 130
    assert result.stderr == "splitfog: interrupted\n"


WAITING_SOLVER = """
import sys, time
from splitfog.formulations.decision import placed
from splitfog.solvers import solve

def wait(request):
    request.offer(placed([0, 1, 1]))
    print("waiting", file=sys.stderr, flush=True)
    time.sleep(60)

solve.load_solver = lambda info: wait
from splitfog.__main__ import main
main()
"""


def test_a_signal_stops_a_process_with_its_best_plan(tmp_path: Path) -> None:
    """SIGINT while the solver, which has offered a plan, works: 130, the plan, no traceback."""
    path = tmp_path / "plan.json"
    command = ["solve", str(TINY), "--solver", "hpa", "-o", str(path)]
    process = subprocess.Popen(
        [sys.executable, "-c", WAITING_SOLVER, *command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    assert process.stderr.readline() == "waiting\n"
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (130, "splitfog: interrupted\n")
    assert load_plan(path).stopped_by == "interrupted"
    assert load_plan(path).value == pytest.approx(BEST_S)


def test_a_file_that_cannot_be_finished_is_not_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A full disk: the old file stays as it was and no other is left; exit code 2."""
    path = tmp_path / "plan.json"
    path.write_text("old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    result = splitfog("solve", TINY, "--solver", "min-cut", "-o", path)
    assert result.exit_code == 2
    assert "No space left on device" in result.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["plan.json"]
    assert path.read_text() == "old"


# verify


def test_verify_accepts_a_true_plan(plan_file: Path) -> None:
    """Exit code 0 and one line."""
    result = splitfog("verify", TINY, plan_file)
    assert result.exit_code == 0
    assert len(lines(result.stdout)) == 1
    assert "all claims are true" in result.stdout


def test_verify_names_the_false_claim(plan_file: Path, tmp_path: Path) -> None:
    """A value that is 0.2 instead of 0.012 is named with what it must be; exit code 1."""
    wrong = changed(plan_file, tmp_path, value=0.2)
    result = splitfog("verify", TINY, wrong)
    assert result.exit_code == 1
    value = load_plan(plan_file).value
    assert f"{wrong.name}: value = 0.2, must be {value!r}" in lines(result.stdout)
    document = json.loads(splitfog("verify", TINY, wrong, "--json").stdout)
    assert document["ok"] is False
    assert f"value = 0.2, must be {value!r}" in document["false"]


def test_verify_refuses_a_malformed_plan(plan_file: Path, tmp_path: Path) -> None:
    """The form is wrong, not a claim: exit code 2."""
    wrong = changed(plan_file, tmp_path, value="0.2")
    assert 'value = "0.2", must be a finite number' in one_line_of_error("verify", TINY, wrong)


# compare


def test_compare_prints_a_table_with_gaps_and_speedups(plan_file: Path) -> None:
    """neurosurgeon reaches the optimum that min-cut proves: gap 0; over itself it is 1x."""
    result = splitfog(
        "compare", TINY, "--solvers", "min-cut,neurosurgeon", "--baseline", "neurosurgeon"
    )
    assert result.exit_code == 0
    title, header, _, *rows = lines(result.stdout)
    assert title.strip() == "latency (speed-up over neurosurgeon)"
    assert " ".join(header.split()) == "instance solver value s gap speed-up seconds status"
    cells = [row.split() for row in rows if row]
    assert [row[:6] for row in cells] == [
        ["tiny", name, "0.012", "0", "%", "1x"] for name in ("min-cut", "neurosurgeon")
    ]


def test_compare_sums_up_in_a_line_a_solver(tmp_path: Path) -> None:
    """One table an objective: min-cut's mean gap is 0, all of its plans are optimal; the device
    alone takes 0.11 s, of which the optimum 0.012 s is a gap of 89.09 %. Below, statistics:
    the speed-up is 0.11 / 0.012 = 9.17. The folder has rows."""
    words = ["--solvers", "min-cut,device-only", "--seed", "0,1", "-o", tmp_path / "out"]
    result = splitfog("compare", TINY, *words, "--summary")
    assert result.exit_code == 0
    (title, header, _, *rows, caption), (other_title, *statistics) = (
        part.splitlines() for part in result.stdout.split("\n\n")
    )
    assert title == other_title == "latency"
    assert header.split()[0] == "solver"
    counted = "latency, transfers once, monotone (speed-up over device-only); 1 instance, 2 seeds; "
    assert caption.startswith(counted)
    assert statistics[2].split()[:8] == ["min-cut", "1", "of", "1", "0", "of", "2", "9.17x"]
    cells = [row.split("  ") for row in rows]
    cells = [[cell.strip() for cell in row if cell.strip()] for row in cells]
    assert [(row[0], row[3], row[4]) for row in cells] == [
        ("min-cut", "100 %", "0 %"),
        ("device-only", "0 %", "89.09 %"),
    ]
    assert len((tmp_path / "out" / "results.csv").read_text().splitlines()) == 1 + 2 * 2


def test_compare_json_is_a_list_of_rows() -> None:
    """Each row has these fields, in this order."""
    result = splitfog("compare", TINY, "--solvers", "min-cut", "--seed", "0,1", "--json")
    rows = json.loads(result.stdout)
    assert [row["seed"] for row in rows] == [0, 1]
    assert list(rows[0]) == [
        "instance",
        "objective",
        "solver",
        "seed",
        "status",
        "stopped_by",
        "value",
        "lower_bound",
        "upper_bound",
        "gap",
        "speedup",
        "runtime_s",
        "reason",
        "proven_over",
        "instance_sha256",
        "file",
    ]


def test_compare_names_what_is_left_out(tmp_path: Path) -> None:
    """A named solver that applies nowhere: its reason, exit code 2, yet the others' rows."""
    words = ["--solvers", "min-cut,random", "--objective", "period", "--json"]
    result = splitfog("compare", TINY, *words)
    assert result.exit_code == 2
    assert [row["solver"] for row in json.loads(result.stdout)] == ["random"]
    reason = "min-cut does not apply: it minimises latency, not period"
    assert lines(result.stderr)[0].startswith(f"left out: tiny, period: {reason}")
    assert lines(result.stderr)[1].startswith(f"splitfog: {reason}")
    alone = one_line_of_error("compare", TINY, "--solvers", "dina")
    assert alone.startswith("splitfog: dina does not apply: it minimises mean-latency")
    assert "--objective mean-latency" in alone


def test_compare_with_a_failing_solver_exits_5(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its row has status error; the reason is on standard error."""

    def broken(request: Request) -> Answer:
        raise ZeroDivisionError("division by zero")

    fake_solver(monkeypatch, broken)
    result = splitfog("compare", TINY, "--solvers", "hpa", "--json")
    assert result.exit_code == 5
    assert [row["status"] for row in json.loads(result.stdout)] == ["error"]
    assert "ZeroDivisionError: division by zero" in result.stderr


def test_compare_writes_its_report(tmp_path: Path) -> None:
    """-o DIR holds the database, the CSV, the page and a picture."""
    result = splitfog("compare", TINY, "--solvers", "min-cut", "-o", tmp_path / "out")
    assert result.exit_code == 0
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {
        *("results.sqlite", "results.csv", "summary.csv", "statistics.csv"),
        *("tables.md", "tables.tex", "report.html"),
        *("gaps-latency.png", "profiles-latency.png", "times-latency.png"),
    }


def test_compare_goes_on_in_a_folder(tmp_path: Path) -> None:
    """What has ended there is not run again, which is said; the rows are the same, with another
    solver's beside them."""
    words = ["compare", TINY, "-o", tmp_path / "out", "--json", "--solvers"]
    first = splitfog(*words, "device-only")
    again = splitfog(*words, "device-only,random")
    assert "not run again" not in first.stderr and "not run again" in again.stderr
    assert json.loads(again.stdout)[0]["runtime_s"] == json.loads(first.stdout)[0]["runtime_s"]
    assert [row["solver"] for row in json.loads(again.stdout)] == ["device-only", "random"]


# generate, solvers, show, help


def test_generate_writes_instances_with_consecutive_seeds(tmp_path: Path) -> None:
    """--count 2 --seed 5: seeds 5 and 6, and the family's options in their meta."""
    words = ["--seed", 5, "--count", 2, "--model", "nin", "--edge-cloud=5g", "--memory"]
    result = splitfog("generate", "three-tier", *words, "-o", tmp_path)
    assert result.exit_code == 0
    files = [Path(line) for line in lines(result.stdout)]
    origins = [load_instance(file).meta["generator"] for file in files]
    assert [origin["seed"] for origin in origins] == [5, 6]
    chosen = origins[0]["options"]
    assert (chosen["model"], chosen["edge_cloud"], chosen["memory"]) == ("nin", "5g", True)
    assert splitfog("validate", *files).exit_code == 0


def test_a_sweep_of_60_gives_60_files(tmp_path: Path) -> None:
    """5 ratios x 4 results x 3 seeds of one family in one folder: none overwrites another."""
    for ratio, size in product((2, 4, 8, 16, 32), (3, 4, 5, 6)):
        words = ["--speed-ratio", ratio, "--layers", size, "--count", 3]
        assert splitfog("generate", "line", *words, "-o", tmp_path).exit_code == 0
    assert len(list(tmp_path.iterdir())) == 60


def test_generate_overwrites_only_by_force(tmp_path: Path) -> None:
    """Files that exist are named, and no other one of the call is written either."""
    words = ["generate", "line", "--layers", 3, "-o", tmp_path]
    assert splitfog(*words, "--seed", 2, "--count", 2).exit_code == 0
    old = {path: path.read_bytes() for path in tmp_path.iterdir()}
    for path in old:
        path.write_text("kept")
    error = one_line_of_error(*words, "--count", 5)
    assert all(str(path) in error for path in old)
    assert "exist already; nothing is written, --force overwrites" in error
    assert {path: path.read_text() for path in tmp_path.iterdir()} == dict.fromkeys(old, "kept")
    assert splitfog(*words, "--count", 5, "--force").exit_code == 0
    assert len(list(tmp_path.iterdir())) == 5
    assert all(path.read_bytes() == content for path, content in old.items())


def test_generate_names_at_most_ten_files_in_the_way(tmp_path: Path) -> None:
    """Of twelve: the first ten, and how many more."""
    words = ["generate", "line", "--layers", 1, "--count", 12, "-o", tmp_path]
    assert splitfog(*words).exit_code == 0
    error = one_line_of_error(*words)
    assert error.count(".json") == 10 and "and 2 more exist already" in error


def test_generate_lists_families_and_options() -> None:
    """Every family with its options as they are typed."""
    result = splitfog("generate", "--list")
    assert result.exit_code == 0
    for family in json.loads(splitfog("generate", "--list", "--json").stdout):
        assert f"{family['name']}: " in result.stdout
        for option in family["options"]:
            assert f"  {option['name']} " in result.stdout


def test_presets_are_listed_with_their_figures_and_sources() -> None:
    """Every kind of node, machine and network has a row; JSON holds the figures in SI units."""
    from splitfog.instances.generators.machines import MACHINES
    from splitfog.instances.generators.presets import NETWORKS, NODES

    document = json.loads(splitfog("presets", "--json").stdout)
    assert [kind["name"] for kind in document["nodes"]] == list(NODES)
    assert [kind["name"] for kind in document["networks"]] == list(NETWORKS)
    assert [kind["name"] for kind in document["machines"]] == list(MACHINES)
    fields = {"name", "uplink_bps", "downlink_bps", "latency_s", "delay_s", "source"}
    assert all(set(kind) == fields and kind["source"] for kind in document["networks"])
    rows = [line.split() for line in lines(splitfog("presets").stdout)]
    assert ["5g", "5e+07", "2e+08", "10", "ms", "0", "s", "nominal"] in rows
    assert ["jetson-nano", "1e+11", "4", "GB", "100", "us", "nominal"] in rows
    assert ["laptop", "1e+12", "16", "GB", "6.8e+10", "nominal"] in rows
    assert ["wi-fi-5", "2e+08", "2e+08", "0", "s", "3", "ms", "nominal"] in rows


def test_solvers_lists_all_and_describes_one() -> None:
    """The table names all; one alone comes with its options."""
    names = [info["name"] for info in json.loads(splitfog("solvers", "--json").stdout)]
    table = splitfog("solvers").stdout
    assert "min-cut" in names
    assert all(f" {name} " in table for name in names)
    described = splitfog("solvers", "ilp").stdout
    assert "engine=highs" in described
    assert "cbc" in described


def test_show_draws_a_plan(plan_file: Path, tmp_path: Path) -> None:
    """A PNG starts with its signature."""
    path = tmp_path / "plan.png"
    result = splitfog("show", TINY, plan_file, "-o", path)
    assert result.exit_code == 0, result.output
    assert path.read_bytes().startswith(b"\x89PNG")


def test_show_draws_a_task_and_a_panel(plan_file: Path, tmp_path: Path) -> None:
    """--task and --panel choose; what there is not is one line, with what there is."""
    path = tmp_path / "plan.pdf"
    words = ["show", TINY, plan_file, "-o", path]
    assert splitfog(*words, "--task", "cam", "--panel", "timeline").exit_code == 0
    assert path.read_bytes().startswith(b"%PDF")
    assert "task 'cams', did you mean 'cam'" in one_line_of_error(*words, "--task", "cams")
    assert "dag, nodes, links" in one_line_of_error(*words, "--panel", "lines")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str) -> None:
    """--help shows its usage."""
    result = splitfog(command, "--help")
    assert result.exit_code == 0
    assert f"splitfog {command}" in result.stdout or f"{command} [OPTIONS]" in result.stdout


def test_help_loads_nothing_heavy() -> None:
    """A whole process of `splitfog --help` imports no numpy, rich, msgspec or solver."""
    code = (
        "import sys\n"
        "sys.argv = ['splitfog', '--help']\n"
        "from splitfog.__main__ import main\n"
        "try:\n    main()\n"
        "except SystemExit as end:\n    assert end.code == 0\n"
        "heavy = {'numpy', 'rich', 'msgspec', 'jax', 'ortools', 'matplotlib', 'pulp', 'scipy'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "Usage: splitfog" in process.stdout
    assert process.stderr.strip() == "[]"


def test_show_refuses_a_plan_of_another_instance(plan_file: Path, tmp_path: Path) -> None:
    """As `verify` and `simulate` do; one that breaks a rule is drawn, and said to."""
    other = changed(plan_file, tmp_path, instance_sha256="0" * 64)
    picture = tmp_path / "p.svg"
    assert "is for another instance" in one_line_of_error("show", TINY, other, "-o", picture)
    assert not picture.exists()


def test_compare_says_that_names_are_shared(tmp_path: Path) -> None:
    """Two files of one instance: their rows cannot be told apart."""
    copy = tmp_path / "copy.json"
    copy.write_bytes(Path(TINY).read_bytes())
    result = splitfog("compare", TINY, copy, "--solvers", "min-cut")
    assert "2 files hold an instance named" in result.stderr


def test_wrong_values_and_wrong_references_are_listed_at_once(tmp_path: Path) -> None:
    """A speed, a link's end, an input, a task's model; only the speed is a wrong value."""
    data = json.loads(TINY.read_text())
    data["nodes"][0]["speed_flops"] = -4
    data["links"][0]["to"] = "nowhere"
    data["models"][0]["layers"][1]["inputs"] = ["image"]
    data["tasks"][0]["model"] = "other"
    path = tmp_path / "wrong.json"
    path.write_text(json.dumps(data))
    result = splitfog("validate", path)
    assert result.exit_code == 2
    assert [line.split(" = ")[0] for line in lines(result.stderr)] == [
        f"{path}: {place}"
        for place in (
            "nodes[0].speed_flops",
            "links[0].to",
            "models[0].layers[1].inputs[0]",
            "tasks[0].model",
        )
    ]
