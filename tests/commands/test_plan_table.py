"""`splitfog policy --vary`: exit codes, one-line reasons, clean JSON, files and look-ups."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from splitfog import PlanTable, evaluate, load_plan, load_policy, save_instance
from splitfog.cli import app
from splitfog.solvers.parametric import plan_table as door
from tests.cases.small_tables import LINK, two_places


def splitfog(*words: object) -> Result:
    """What a command line comes to."""
    return CliRunner().invoke(app, [str(word) for word in words])


VARY = ("--vary", "d,e=1e5..1e8", "--vary", "e=0.5..20")
AT = ("--at", "d,e=8e6", "--at", "e=1")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two layers, two nodes and a link, as a file."""
    path = tmp_path_factory.mktemp("tables") / "small.json"
    save_instance(two_places(), path)
    return path


@pytest.fixture(scope="module")
def table(small: Path) -> Path:
    """The plan table of it, as a file."""
    path = small.parent / "table.json"
    assert splitfog("policy", small, *VARY, "--failures", "-o", path).exit_code == 0
    return path


def test_json_is_the_table_file(small: Path, table: Path) -> None:
    """--json prints what -o writes but for the seconds it took, and nothing else."""
    result = splitfog("policy", small, *VARY, "--failures", "--json")
    assert result.exit_code == 0
    printed, written = json.loads(result.stdout), json.loads(table.read_text())
    assert {**printed, "runtime_s": 0} == {**written, "runtime_s": 0}
    assert (printed["format"], printed["version"]) == ("splitfog/policy", 2)
    found = load_policy(table)
    assert isinstance(found, PlanTable)
    assert len(found.plans) == 2
    assert splitfog("validate", table).stdout == f"{table}: OK\n"


def test_a_table_is_looked_up(small: Path, table: Path, tmp_path: Path) -> None:
    """In the file, or of an instance at once: 0.01 + 0.1 + 0.1 s; the plan as a file, too."""
    for words in ((table,), (small, *VARY)):
        shown = splitfog("policy", *words, *AT)
        assert shown.exit_code == 0
        assert "value    210 ms" in shown.stdout
        assert "best     d,e from 898876 to 1e+08 bit/s, the others as given" in shown.stdout
        assert "status   optimal over placements" in shown.stdout
    plan = tmp_path / "plan.json"
    assert splitfog("policy", table, *AT, "-o", plan).exit_code == 0
    assert float(evaluate(two_places(), load_plan(plan))) == pytest.approx(0.21)


def test_a_map_is_drawn(table: Path, tmp_path: Path) -> None:
    """Of the file as of the instance; baselines have no place in it."""
    picture = tmp_path / "map.png"
    assert splitfog("policy", table, "--picture", picture).exit_code == 0
    assert picture.read_bytes()[:4] == b"\x89PNG"
    wrong = splitfog("policy", table.parent / "small.json", *VARY, "--baselines", "none")
    assert "--baselines: --vary says what varies" in wrong.stderr


def test_what_is_down_is_done_without(table: Path) -> None:
    """With e, or the link, down all stays on d: 1 s; with d down no plan is left."""
    for down in ("e", "d,e"):
        shown = splitfog("policy", table, *AT, "--down", down)
        assert shown.exit_code == 0
        assert "value    1 s" in shown.stdout
    left = splitfog("policy", table, *AT, "--down", "d")
    assert left.exit_code == 2
    assert "no plan of the table of small does without d" in left.stderr


def test_the_table_is_printed(table: Path) -> None:
    """For people: what varies, how it was found, what nodes hold, and a row a plan."""
    shown = splitfog("policy", table).stdout
    assert "bandwidth of d -> e, from 100000 to 1e+08 bit/s" in shown
    assert "memory   e 8 MB for all plans" in shown
    assert "down     e: optimal" in shown
    assert "d 1, e 1" in shown


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--vary", "d,e=9..1"), "range of d,e = 9 to 1, must have low < high"),
        (("--vary", "d,e=1..1"), "must have low < high"),
        (("--vary", "d,e=1..x"), "--vary d,e = 'x', must be FROM,TO=LOW..HIGH"),
        (("--vary", "d,e"), "--vary = 'd,e', must be FROM,TO=LOW..HIGH"),
        (("--vary", "d,e=1"), "--vary = 'd,e=1', must be FROM,TO=LOW..HIGH"),
        (("--vary", "d,e=1..inf"), "high of d,e = inf, must be a number > 0"),
        (("--vary", "d,e=0..1"), "low of d,e = 0.0, must be a number > 0"),
        (("--vary", "e=1..2", "--vary", "e=1..3"), "--vary = 'e=1..3': e varies already"),
        (("--vary", "moon=1..2"), "unknown node 'moon'"),
        (("--vary", "d,moon=1..2"), "unknown node 'moon'"),
        (("--vary", "d,d=1..2"), "no link d,d; links: d,e, e,d"),
        (("--vary", "e=1..2", "--node", "e"), "--node: --vary says what varies"),
        (("--vary", "e=1..2", "--epsilon", "-1"), "epsilon = -1.0, must be a number >= 0"),
        (("--vary", "e=1..2", "--time-limit", "-1"), "time_limit_s = -1.0, must be a number > 0"),
        (("--vary", "e=1..2", "--objective", "period"), "only latency is"),
        (("--vary", "e=1..2", "--at", "e=3"), "load of e = 3.0, must be between 1 and 2"),
        (("--vary", "e=1..2", "--at", "d,e=3"), "the table is over e, not over d,e"),
        (("--vary", "e=1..2", "--at", "e"), "--at = 'e', must be FROM,TO=BIT/S or NODE=LOAD"),
        (("--vary", "e=1..2", "--at", "e=1", "--at", "e=2"), "e is given already"),
        (("--vary", "e=1..2", "--at", "e=1", "--down", "moon"), "unknown node 'moon'"),
        (("--epsilon", "0.1"), "--epsilon: --vary is missing"),
        (("--failures", "--link", "d,e", "--range", "1,2"), "--failures: --vary is missing"),
    ],
)
def test_bad_input_is_one_sentence(small: Path, words: tuple[str, ...], message: str) -> None:
    """Exit 2, one line on standard error, nothing on standard output."""
    result = splitfog("policy", small, *words)
    assert result.exit_code == 2
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert message in line


def test_figures_of_a_file_must_all_be_given(table: Path) -> None:
    """And a policy's file takes no options of an instance."""
    assert (
        "e is missing, must be all of d,e, e" in splitfog("policy", table, "--at", "d,e=1e6").stderr
    )
    wrong = splitfog("policy", table, *VARY)
    assert wrong.exit_code == 2
    assert "--vary: table.json is a policy, must be an instance" in wrong.stderr


def test_a_table_over_one_figure_is_not_the_old_policy(small: Path) -> None:
    """Two figures asked of a policy over one, or what is down, is said to be too much."""
    one = ("policy", small, "--link", "d,e", "--range", "1e5,1e8")
    assert "--at is given 2 times, must be once" in splitfog(*one, *AT).stderr
    assert "must be a plan table" in splitfog(*one, "--at", "d,e=1e6", "--down", "e").stderr


def test_an_interrupted_search_is_written(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C: exit 130, and the file holds the plans found until then."""
    original = door.plan_table

    def interrupted(*args: object, **named: object) -> PlanTable:
        from splitfog.solvers.exact.min_cut import solve_min_cut

        left = iter(range(2))

        def oracle(request: object) -> object:
            if next(left, None) is None:
                raise KeyboardInterrupt
            return solve_min_cut(request)  # type: ignore[arg-type]

        named["oracle"] = oracle
        return original(*args, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(door, "plan_table", interrupted)
    out = tmp_path / "part.json"
    result = splitfog("policy", small, *VARY, "-o", out)
    assert result.exit_code == 130
    found = load_policy(out)
    assert isinstance(found, PlanTable)
    assert (found.status, found.stopped_by, found.asked) == ("feasible", "interrupted", 2)
    assert found.plan_at({LINK: 1e6, "e": 1.0}) in found.plans


def test_an_infeasible_instance_exits_3(tmp_path: Path) -> None:
    """A layer that may run nowhere."""
    path = tmp_path / "nowhere.json"
    save_instance(two_places(), path)
    data = json.loads(path.read_text())
    data["models"][0]["layers"][1]["tiers"] = []
    path.write_text(json.dumps(data))
    result = splitfog("policy", path, *VARY)
    assert result.exit_code == 3
    assert "infeasible" in result.stderr
