"""Solvers of other distributions: found when needed, told apart, and never in the way."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import splitfog as sf
from splitfog.formulations.objective import Objective
from splitfog.solvers import plugins, registry
from splitfog.solvers.base import Request
from splitfog.solvers.plugins import GROUP
from splitfog.solvers.registry import own_infos, solver_info, solver_infos
from splitfog.solvers.starts.warm_starts import rivals, warm_starts
from splitfog.studies.curves import solver_curves
from splitfog.testing import check_solver
from tests.instances.plugins.distributions import install

DATA = Path(__file__).parents[1] / "data"
TINY = DATA / "tiny.json"
THEIRS = ("one-move", "all-on-one")
OUR_NAMES = [info.name for info in own_infos()]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the example package is installed."""
    folder = tmp_path_factory.mktemp("site")
    project = tomllib.loads((DATA / "plugin" / "pyproject.toml").read_text())["project"]
    shutil.copytree(DATA / "plugin" / "splitfog_example", folder / "splitfog_example")
    install(folder, project["name"], GROUP, project["entry-points"][GROUP])
    return folder


@pytest.fixture
def on_path(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Path], None]]:
    """Put a folder on the path as if the session had begun with it."""

    def put(folder: Path) -> None:
        monkeypatch.syspath_prepend(folder)
        registry._foreign_infos.cache_clear()

    yield put
    registry._foreign_infos.cache_clear()


def run(site: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command line in a process that sees the folder."""
    path = os.pathsep.join([str(site), str(Path(__file__).parents[2])])
    return subprocess.run(
        [sys.executable, "-m", "splitfog", *arguments],
        env={**os.environ, "PYTHONPATH": path, "SPLITFOG_STRICT": "1"},
        capture_output=True,
        text=True,
    )


def test_plugins_are_listed_after_ours(site: Path, on_path: Any) -> None:
    """With their distribution as origin; ours keep theirs and their order."""
    assert [info.name for info in solver_infos()] == OUR_NAMES
    on_path(site)
    infos = sf.solvers()
    assert [info.name for info in infos] == [*OUR_NAMES, *THEIRS]
    assert {info.origin for info in infos} == {"splitfog", "splitfog-example"}
    assert own_infos() == infos[: len(OUR_NAMES)]
    assert solver_info("one-move").entry == "splitfog_example.one_move:solve_one_move"


def test_nobody_writes_into_a_declaration() -> None:
    """All share the registry: options are read-only, also in a copy."""
    info = solver_info("ilp")
    for one in (info, info.settled("home", "x"), pickle.loads(pickle.dumps(info))):
        with pytest.raises(TypeError, match="read-only"):
            one.options["engine"] = one.options["engine"]  # type: ignore[index]


def test_commands_know_them(site: Path, tmp_path: Path) -> None:
    """`solvers`, `solve --solver`, `compare` by name (in processes too) and of all."""
    listed = json.loads(run(site, "solvers", "--json").stdout)
    assert [record["name"] for record in listed][-2:] == list(THEIRS)
    one = run(site, "solvers", "one-move").stdout
    assert "from        splitfog-example" in one
    assert "option      moves=20" in one
    plan = tmp_path / "plan.json"
    options = ["--solver", "one-move", "--option", "moves=3", "-o", str(plan)]
    solved = run(site, "solve", str(TINY), *options)
    assert solved.returncode == 0, solved.stderr
    assert sf.load_plan(plan).solver == "one-move"
    arguments = ["compare", str(TINY), "--solvers", "hpa,one-move,all-on-one", "--jobs", "2"]
    rows = json.loads(run(site, *arguments, "--json").stdout)
    assert [row["solver"] for row in rows] == ["hpa", *THEIRS]
    # tiny.json: both layers on the server cost 0.012 s, which no other plan does
    assert [row["value"] for row in rows] == pytest.approx([0.012] * 3)


def test_all_are_compared(site: Path, on_path: Any) -> None:
    """ "all" is every solver and baseline but `auto`, whoever's it is."""
    from splitfog.studies.comparison.contenders import solver_names

    on_path(site)
    assert solver_names("all") == [*OUR_NAMES[1:], *THEIRS]


def test_our_choices_do_not_see_them(site: Path, on_path: Any) -> None:
    """Searches, fronts and `auto` give the plans that they gave without."""

    instance = sf.load_instance(TINY)
    few = {"iterations": 5}

    def chosen() -> list[Any]:
        plans = [sf.solve(instance, "auto"), sf.solve(instance, "evolution", options=few)]
        front = sf.pareto(instance, "latency,period", kind="archive")
        curves = solver_curves(instance, policy, samples=2)
        found: list[Any] = [(plan.value, plan.tasks, plan.reason) for plan in plans]
        request = Request(instance, Objective("latency"))
        starts = [*warm_starts(request), *rivals(request)]
        found += [task.placement.tolist() for plan in starts for task in plan.tasks]
        return [found, front.points, front.method, front.reason, [c.name for c in curves]]

    link = (instance.links[0].tail, instance.links[0].head)
    policy = sf.policy(instance, link=link, low_bps=1e6, high_bps=1e8)
    before = chosen()
    on_path(site)
    assert [info.name for info in solver_infos()][-2:] == list(THEIRS)
    assert chosen() == before


@pytest.mark.parametrize("name", THEIRS)
def test_they_keep_the_contract(name: str, site: Path, on_path: Any) -> None:
    """As in their own tests: by the name, and by the declaration with its relative entry."""
    on_path(site)
    assert check_solver(name) >= 10
    import splitfog_example

    (info,) = (info for info in splitfog_example.SOLVERS if info.name == name)
    assert check_solver(info) >= 10


def test_nothing_is_read_before_it_is_needed(site: Path, on_path: Any, monkeypatch: Any) -> None:
    """Our own names, and importing splitfog, ask no other distribution."""
    on_path(site)
    monkeypatch.setattr(plugins, "declared_elsewhere", lambda *_: pytest.fail("were read"))
    assert solver_info("hpa").origin == "splitfog"
    sf.solve(sf.load_instance(TINY), "auto")
    sf.compare(sf.load_instance(TINY), ["hpa", "greedy"])


BROKEN = {
    "raises": ("raise RuntimeError('out of order')", "RuntimeError: out of order"),
    "leaves": ("raise SystemExit(3)", "SystemExit: 3"),
    "does not import": ("import no_such_module_at_all", "ModuleNotFoundError"),
    "declares nothing": ("", "has no SOLVERS"),
    "declares a text": ("SOLVERS = ('hpa',)", "'hpa' is declared, must be a SolverInfo"),
    "takes our name": ("SOLVERS = (make('hpa'),)", "solver hpa is the name of one of splitfog"),
    "takes a name twice": ("SOLVERS = (make('x'), make('x'))", "solver x is declared 2 times"),
    "of no objective": ("SOLVERS = (make('x', objectives=('speed',)),)", "objectives = ('speed',)"),
    "of no kind": ("SOLVERS = (make('x', kind='fast'),)", "kind = 'fast', must be one of exact"),
    "without entry": ("SOLVERS = (make('x', entry='here'),)", "must be module:function"),
}
MAKE = """
from splitfog.solvers.declare import SolverInfo
def make(name, **how):
    fields = dict(summary="", kind="baseline", objectives=("latency",), entry="m:f")
    return SolverInfo(name=name, **{**fields, **how})
"""


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_one_is_one_warning(
    fault: str, site: Path, tmp_path: Path, on_path: Any, monkeypatch: Any
) -> None:
    """It names the distribution; everybody else's solvers are there, and it is not said again."""
    module = "broken_" + fault.replace(" ", "_")
    (tmp_path / f"{module}.py").write_text(MAKE + BROKEN[fault][0])
    install(tmp_path, "broken-thing", GROUP, {"x": module})
    on_path(site)
    on_path(tmp_path)
    with pytest.warns(UserWarning, match="distribution broken-thing are left out") as caught:
        infos = solver_infos()
    assert len(caught) == 1
    assert BROKEN[fault][1] in str(caught[0].message)
    assert [info.name for info in infos] == [*OUR_NAMES, *THEIRS]
    assert solver_infos() == infos
    assert sf.solve(sf.load_instance(TINY), "one-move").value == pytest.approx(0.012)


def test_processes_do_not_repeat_it(site: Path, tmp_path: Path) -> None:
    """Two workers read the plug-ins, too; the warning is the caller's."""
    install(tmp_path, "broken-thing", GROUP, {"x": "no_such_module_at_all"})
    shutil.copytree(site, tmp_path, dirs_exist_ok=True)
    told = run(tmp_path, "compare", str(TINY), "--solvers", "one-move,all-on-one", "--jobs", "2")
    assert told.returncode == 0, told.stderr
    assert told.stderr.count("distribution broken-thing are left out") == 1


def test_code_that_is_not_there_is_a_sentence(tmp_path: Path, on_path: Any) -> None:
    """A declaration may promise what cannot be loaded; that names the distribution."""
    (tmp_path / "promises.py").write_text(MAKE + "SOLVERS = (make('x', entry='no_module:f'),)")
    install(tmp_path, "promising", GROUP, {"x": "promises"})
    on_path(tmp_path)
    with pytest.raises(LookupError, match="x of promising cannot be loaded from 'no_module:f'"):
        sf.solve(sf.load_instance(TINY), "x")
