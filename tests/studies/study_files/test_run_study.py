"""Studies run: their rows are those of `compare` and of `replay`, and a folder is of one study."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import splitfog as sf
from splitfog.cli import app
from splitfog.instances.defects import InstanceError
from splitfog.instances.records import changed
from splitfog.studies.row import Row
from splitfog.studies.study import resume_study, study_status

HEAD = 'format = "splitfog/study"\nversion = 1\nname = "own"\n'
SOLVERS = (
    'solvers = ["hpa", "evolution"]\nobjectives = ["latency"]\nbaseline = "hpa"\n'
    "options.evolution = { stagnation = [1, 2], warm = false }\n"
    '[[instances]]\nfamily = "line"\nlayers = 3\n'
)
REPLAYS = (
    '[[replays]]\nname = "late"\nadapt = ["argmin", "best-fixed"]\nmeasure = "all"\ndelay_s = 1.0\n'
    '[[replays]]\nname = "noisy"\nadapt = "argmin"\nmeasure = "all"\nnoise = 0.5\n'
    '[[replays]]\nname = "frozen"\nadapt = "argmin"\nmeasure = "all"\nclock = "frozen"\n'
    '[[traces]]\nfamily = "fading"\npreset = "lte"\nlink = "device,edge0"\nduration_s = 20\n'
    'directions = "forward"\nseed = 3\ncount = 2\nvary = { "device,edge0" = [1e3, 1e10] }\n'
    '[[instances]]\nfamily = "three-tier"\n'
)


def written(folder: Path, text: str, name: str = "own") -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.toml"
    path.write_text(HEAD.replace("own", name) + text)
    return path


def shell(*words: Any) -> Any:
    return CliRunner().invoke(app, [str(word) for word in words])


def test_rows_are_those_of_compare(tmp_path: Path) -> None:
    """By the values of the options, which rows tell apart where they are swept."""
    table = sf.run_study(written(tmp_path, SOLVERS))
    names = ["hpa", "evolution stagnation=1", "evolution stagnation=2"]
    assert [row.solver for row in table] == names
    assert json.loads(table.runs[1].options) == {
        "solver": "evolution",
        "options": {"stagnation": 1, "warm": False},
    }
    instance = sf.generate("line", layers=3)
    options = {"stagnation": 2, "warm": False}
    alone = sf.solve(instance, "evolution", "latency", options=options)
    assert table[2].value == alone.value
    own = sf.compare(
        instance,
        ["hpa", "evolution"],
        ["latency"],
        baseline="hpa",
        options={"evolution": {"stagnation": [1, 2], "warm": False}},
    )
    assert [changed_time(row) for row in own] == [changed_time(row) for row in table]


def changed_time(row: Row) -> Row:
    return changed(row, runtime_s=None)


@pytest.fixture(scope="module")
def halfway(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a study of replays that was stopped after three of eight."""
    home = tmp_path_factory.mktemp("replays")

    def stop(done: int, total: int, what: str) -> None:
        if done == 3:
            raise KeyboardInterrupt

    assert sf.run_study(written(home, REPLAYS), home, progress=stop).interrupted
    return home


def test_replays_go_on_without_the_file_and_are_those_of_replay(halfway: Path) -> None:
    """Means, and the clairvoyant's for a bound; the noise of the second trace is that of seed 1."""
    study = sf.load_study(halfway / "own.toml")
    (halfway / "own.toml").unlink()
    assert (study_status(halfway).name, study_status(halfway).finished) == ("own", 3)
    status = shell("study", "status", halfway)
    assert status.stdout.startswith("study own: 3 of 8 runs have ended\n")
    table = resume_study(halfway)
    assert not table.interrupted and len(table) == 8
    instance = sf.generate("three-tier")
    trace = study.courses[1].sources[0]()
    plans = sf.plan_table(instance, {("device", "edge0"): (1e3, 1e10)}, routes="keep")
    rows = {row.solver: row for row in table if row.seed == 1}
    late = sf.replay(
        instance, trace, adapt="argmin", seed=1, table=plans, measure="all", delay_s=1.0
    )
    noisy = sf.replay(
        instance, trace, adapt="argmin", seed=1, table=plans, measure="all", noise=0.5
    )
    assert rows["argmin, late"].value == late.ways[0].mean_s
    assert rows["argmin, noisy"].value == noisy.ways[0].mean_s
    gap, regret = rows["argmin, late"].gap, late.ways[0].regret
    assert gap is not None and regret is not None
    assert 1 / (1 - gap) - 1 == pytest.approx(regret, abs=1e-12)
    assert {run.trace for row, run in zip(table, table.runs) if row.seed == 1} == {trace.sha256}


def test_replays_by_another_clock_are_another_case(halfway: Path) -> None:
    """Its rows bear it, and are not held against the others: they have no speed-up over them."""
    table = resume_study(halfway)
    frozen = [row for row in table if row.solver == "argmin, frozen"]
    assert [row.instance.split()[-1] for row in frozen] == ["clock=frozen"] * 2
    assert all(row.speedup is None for row in frozen)
    assert all(row.speedup is not None for row in table if row.solver != "argmin, frozen")


def test_a_folder_is_of_one_study(tmp_path: Path) -> None:
    """Another study is refused, and a comparison without one; the same one changed goes on."""
    line = '[[instances]]\nfamily = "line"\nlayers = 3\n'
    own = written(tmp_path, f'solvers = ["hpa"]\n{line}')
    first = sf.run_study(own, tmp_path)
    other = written(tmp_path, f'solvers = ["hpa"]\n{line}', name="other")
    with pytest.raises(ValueError, match="holds the study own, not the study other: another fold"):
        sf.run_study(other, tmp_path)
    with pytest.raises(ValueError, match="holds the study own, not a comparison that is of no"):
        sf.compare(sf.generate("line", layers=3), "hpa", store=tmp_path)
    more = sf.run_study(written(tmp_path, f'solvers = ["hpa"]\nseeds = [0, 1]\n{line}'), tmp_path)
    assert [row.seed for row in more] == [0, 1]
    assert more.runs[0] == first.runs[0]


def test_what_only_solvers_and_ways_can_tell_names_the_file(tmp_path: Path) -> None:
    """Options that a solver has not, ways that there are not, another baseline."""
    line = '[[instances]]\nfamily = "line"\n'
    for text, sentence in (
        (f'solvers = ["hpa"]\noptions.dina = {{}}\n{line}', "own.toml: options.dina = "),
        (f'solvers = ["hpa"]\noptions.hpa = {{ x = 1 }}\n{line}', "own.toml: option x is unknown"),
        (
            f'solvers = ["evolution"]\noptions.evolution = {{ stagnation = [] }}\n{line}',
            r"own.toml: options.evolution.stagnation = \[\], must be a value or a list of",
        ),
        (REPLAYS.replace('"argmin", ', '"argmax", '), r"own.toml: replays\[0\].adapt = 'argmax'"),
        (
            REPLAYS.replace("noise = 0.5", "switch_cost = 'weights:edge7'"),
            r"own.toml: replays\[1\].switch_cost = 'weights:edge7': unknown node 'edge7', did you",
        ),
        (REPLAYS.replace('vary = { "device,edge0"', 'vary = { "edge7"'), "own.toml: vary: unknown"),
        (f'baseline = "hpa"\n{REPLAYS}', "own.toml: baseline = 'hpa', must be one of argmin, late"),
    ):
        with pytest.raises(InstanceError, match=sentence):
            sf.run_study(written(tmp_path, text))


def test_the_command_line_runs_a_study_and_nothing_beside_it(tmp_path: Path) -> None:
    """What stands in the file is refused on the command line; a study's quick slice needs one."""
    path = written(tmp_path, 'solvers = ["hpa"]\n[[instances]]\nfamily = "line"\nlayers = 3\n')
    done = shell("compare", "--study", path, "--json")
    assert done.exit_code == 0
    assert [row["solver"] for row in json.loads(done.stdout)] == ["hpa"]
    for words, sentence in (
        (("--study", path, "--seed", 3), "--seed is given beside --study"),
        (("--study", path, "x.json"), "INSTANCE is given beside --study"),
        (("--study", path, "--quick"), "quick is missing"),
        (("--quick",), "must be with --study"),
        ((), "no INSTANCE is given"),
    ):
        refused = shell("compare", *words)
        assert (refused.exit_code, refused.stdout) == (2, "")
        assert sentence in refused.stderr
