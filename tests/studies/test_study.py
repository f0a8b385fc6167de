"""A folder with a comparison: how far it is, its table, and the rest of it by itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import splitfog as sf
from splitfog.cli import app
from splitfog.studies.store import asked, key
from splitfog.studies.study import Standing, resume_study, study_status, study_table
from tests.studies.engine import wild_solvers as wild

TINY = Path(__file__).parents[1] / "data" / "tiny.json"
SOLVERS = ["device-only", "hpa", "dina"]


def shell(*words: Any) -> Any:
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture(scope="module")
def halfway(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose comparison was stopped after four of six runs, of which those that solvers
    decline come first; its instance file is gone."""
    home = tmp_path_factory.mktemp("study")
    (home / "tiny.json").write_bytes(TINY.read_bytes())

    def stop(done: int, total: int, what: str) -> None:
        if done == 4:
            raise KeyboardInterrupt

    table = sf.compare(
        home / "tiny.json", SOLVERS, seeds=(0, 1), time_limit_s=5, store=home, progress=stop
    )
    assert table.interrupted
    (home / "tiny.json").unlink()
    return home


def test_a_folder_says_how_far_it_is_and_goes_on(halfway: Path) -> None:
    """First dina, which declines twice, and two runs of the baseline, of which there is a table;
    then the rest: 0.11 s on the device, 0.012 s on the server."""
    before = study_status(halfway)
    assert (before.asked, before.finished) == (6, 4)
    assert before.solvers[:2] == (
        Standing(solver="device-only", asked=2, finished=2, declined=0, failed=0),
        Standing(solver="hpa", asked=2, finished=0, declined=0, failed=0),
    )
    partial = study_table(halfway)
    assert partial.interrupted and [row.solver for row in partial] == ["device-only"] * 2
    started = [run.started_at for run in partial.runs]

    whole = resume_study(halfway)
    assert not whole.interrupted
    assert [row.value for row in whole] == pytest.approx([0.11, 0.11, 0.012, 0.012])
    assert [run.started_at for run in whole.runs][:2] == started
    assert whole[0].file == str(halfway / "tiny.json")
    assert study_table(halfway) == whole
    again = sf.compare(TINY, SOLVERS, seeds=(0, 1), time_limit_s=5, store=halfway)
    assert [run.started_at for run in again.runs] == [run.started_at for run in whole.runs]
    (dina,) = (each for each in study_status(halfway).solvers if each.solver == "dina")
    assert (dina.finished, dina.declined) == (2, 2)


def test_its_commands(halfway: Path) -> None:
    """`resume` prints the rows, `export` writes the report, `status` counts: 0 all; where there is
    nothing it is a sentence."""
    resumed = shell("study", "resume", halfway, "--json")
    assert resumed.exit_code == 0
    names = [row["solver"] for row in json.loads(resumed.stdout)]
    assert names == ["device-only"] * 2 + ["hpa"] * 2
    assert shell("study", "export", halfway).exit_code == 0
    assert (halfway / "report.html").exists() and (halfway / "results.csv").exists()
    assert shell("study", "status", halfway).stdout.startswith("6 of 6 runs have ended\nsolver")
    assert json.loads(shell("study", "status", halfway, "--json").stdout)["finished"] == 6
    none = shell("study", "status", halfway / "nowhere")
    assert none.exit_code == 2 and "results.sqlite is not there" in none.stderr


def test_rows_of_another_version_are_shown_as_such(
    halfway: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To version 0.0.1 the four rows of this one are others; it has asked for nothing yet."""
    monkeypatch.setattr(asked, "__version__", "0.0.1")
    monkeypatch.setattr(key, "__version__", "0.0.1")
    with pytest.raises(ValueError, match=r"results.sqlite holds no runs of splitfog 0\.0\.1"):
        study_status(halfway)
    sf.compare(TINY, "device-only", store=halfway)
    found = study_status(halfway)
    assert (found.asked, found.finished) == (1, 1)
    assert found.others == {sf.__version__: 4}


def test_a_function_goes_on_in_its_script_only(tmp_path: Path) -> None:
    """Its name is all that the folder has."""
    sf.compare(TINY, [wild.tame], baseline="tame", store=tmp_path)
    assert study_status(tmp_path).finished == 1
    with pytest.raises(ValueError, match="is a function: the script that has it goes on"):
        resume_study(tmp_path)
