"""`splitfog import`: a file of another format becomes an instance file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from splitfog import load_instance
from splitfog.cli import app
from tests.instances.importers.test_msr import SMALL, written

PUBLISHED = Path(__file__).parents[3] / "shared" / "data" / "msr-dnn-partitioning"


def test_import_writes_a_valid_instance(tmp_path: Path) -> None:
    """The file written is read back as an instance."""
    target = tmp_path / "small-instance.json"
    arguments = ["import", "msr", str(written(tmp_path, SMALL)), "-o", str(target)]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    assert [node.name for node in load_instance(target).nodes] == [
        "host",
        "accelerator0",
        "accelerator1",
    ]


def test_missing_keys_exit_2_and_write_nothing(tmp_path: Path) -> None:
    """One sentence per missing key."""
    target = tmp_path / "never.json"
    broken = {key: value for key, value in SMALL.items() if key not in ("maxFPGAs", "edges")}
    arguments = ["import", "msr", str(written(tmp_path, broken)), "-o", str(target)]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert "maxFPGAs is missing" in result.stderr
    assert "edges is missing" in result.stderr
    assert not target.exists()


def test_unknown_format_is_named(tmp_path: Path) -> None:
    """The known formats are listed."""
    result = CliRunner().invoke(app, ["import", "mrs", "x.json", "-o", str(tmp_path / "y.json")])
    assert result.exit_code == 2
    assert "msr" in result.stderr


@pytest.mark.skipif(not PUBLISHED.is_dir(), reason="the published workloads are not here")
@pytest.mark.parametrize("name", ["throughput-bert24", "throughput-resnet50"])
def test_published_workloads_are_read(name: str, tmp_path: Path) -> None:
    """Every operator becomes a layer, every accelerator a node."""
    published = json.loads((PUBLISHED / f"{name}.json").read_text())
    target = tmp_path / "instance.json.gz"
    arguments = ["import", "msr", str(PUBLISHED / f"{name}.json"), "-o", str(target)]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    instance = load_instance(target)
    assert len(instance.models[0].layers) == len(published["nodes"])
    assert len(instance.nodes) == 1 + published["maxFPGAs"]
