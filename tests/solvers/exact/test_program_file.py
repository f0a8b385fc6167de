"""The exact program as a file: others read it, and their optimum is ours."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import highspy
import numpy as np
import pulp
import pytest
from typer.testing import CliRunner

import splitfog as sf
from splitfog.cli import app
from splitfog.instances.instance import Instance
from splitfog.instances.records import changed
from tests.cases.strategies import random_instance

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of PuLP, about PuLP 4

DATA = Path(__file__).parents[3] / "instances" / "data"
TINY = Path(__file__).parents[2] / "data" / "tiny.json"


def _by_highs(path: Path) -> float:
    """The optimum of a file, read by HiGHS."""
    highs = highspy.Highs()
    highs.setOptionValue("output_flag", False)
    assert highs.readModel(str(path)) == highspy.HighsStatus.kOk
    highs.run()
    assert highs.getModelStatus() == highspy.HighsModelStatus.kOptimal
    return float(highs.getInfo().objective_function_value)


def _by_cbc(path: Path) -> float:
    """The optimum of a file, read by CBC by itself, which must find whole columns in it."""
    command = [pulp.PULP_CBC_CMD().path, str(path), "-solve", "-quit"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "does not appear" not in said
    assert re.search(r"^Result - Optimal solution found", said, re.MULTILINE), said
    return float(re.findall(r"^Objective value: +(\S+)", said, re.MULTILINE)[0])


def _by_pulp(path: Path) -> float:
    """The optimum of an MPS file, read by PuLP."""
    _, problem = pulp.LpProblem.fromMPS(str(path))
    problem.solve(pulp.PULP_CBC_CMD(msg=False))
    return float(pulp.value(problem.objective))


READERS = [(".lp", _by_highs), (".mps", _by_highs), (".lp", _by_cbc), (".mps", _by_pulp)]


@pytest.mark.parametrize(("suffix", "optimum"), READERS)
@pytest.mark.parametrize(
    ("name", "objective"), [("squeezenet-two-edges", "latency"), ("dag-small", "period")]
)
def test_others_find_the_same_optimum(
    name: str, objective: str, suffix: str, optimum: Any, tmp_path: Path
) -> None:
    """LP and MPS, read by three readers: the file's optimum times its unit is `ilp`'s value."""
    instance = sf.load_instance(DATA / f"{name}.json.gz")
    path = tmp_path / f"program{suffix}"
    unit_s = sf.write_program(instance, path, objective)
    value = sf.solve(instance, "ilp", objective).value
    assert optimum(path) * unit_s == pytest.approx(value, rel=1e-6)


@pytest.mark.parametrize("seed", range(12))
def test_small_programs_have_our_optimum(seed: int, tmp_path: Path) -> None:
    """Any links, memory, groups, tiers, several tasks: the optimum, or that there is none."""
    instance, objective = (
        random_instance(np.random.default_rng(seed)),
        ("latency", "period")[seed % 2],
    )
    path = tmp_path / "program.mps"
    plan = sf.solve(instance, "ilp", objective)
    try:
        unit_s = sf.write_program(instance, path, objective)
    except ValueError as error:
        assert "no node may have layer" in str(error)
        assert plan.status == "infeasible"
        return
    _, problem = pulp.LpProblem.fromMPS(str(path))
    problem.solve(pulp.PULP_CBC_CMD(msg=False))
    feasible = problem.sol_status == pulp.LpSolutionOptimal
    assert feasible == (plan.status == "optimal")
    if feasible:
        value = pulp.value(problem.objective) or 0.0  # an objective of nothing has none
        assert value * unit_s == pytest.approx(plan.value, rel=1e-5, abs=1e-6 * unit_s)


def _named(**names: str) -> Instance:
    """tiny.json with other names of layers or nodes."""
    instance = sf.load_instance(TINY)
    model = instance.models[0]
    layers = tuple(
        changed(
            layer,
            name=names.get(layer.name, layer.name),
            inputs=tuple(names.get(name, name) for name in layer.inputs),
        )
        for layer in model.layers
    )
    return changed(instance, models=(changed(model, layers=layers),))


def test_names_say_what_they_are_about(tmp_path: Path) -> None:
    """Layer, node and link of tiny.json, and in the first line the unit: 0.0115 s are ms."""
    unit_s = sf.write_program(sf.load_instance(TINY), tmp_path / "tiny.lp")
    text = (tmp_path / "tiny.lp").read_text()
    assert text.startswith("\\ tiny: latency in ms; layer@node is 1 if it is there\n")
    assert unit_s == 1e-3
    for name in ("conv@pi", "conv@server", "fc@server", "conv_over_pi_to_server"):
        assert re.search(rf"\s{name}\s", text), name
    assert "one_node_for_conv:" in text


@pytest.mark.parametrize("suffix", [".lp", ".mps"])
def test_any_names_can_be_read(suffix: str, tmp_path: Path) -> None:
    """Signs, blanks, numbers and what reads as one, and two that are written alike."""
    plain = sf.load_instance(TINY)
    odd = _named(input="e1", conv="a/b c", fc="a-b c")
    path = tmp_path / f"odd{suffix}"
    unit_s = sf.write_program(odd, path)
    value = sf.solve(plain, "ilp").value
    assert _by_highs(path) * unit_s == pytest.approx(value)
    assert _by_cbc(path) * unit_s == pytest.approx(value)
    assert {"_e1@pi", "a_b_c@server", "a_b_c@server_2"} <= set(path.read_text().split())


def test_several_tasks_are_named_before_their_layers(tmp_path: Path) -> None:
    """`cam0.conv1@fog1`, whosever layer it is."""
    sf.write_program(sf.generate("fog", users=2, seed=1), tmp_path / "fog.lp", "latency")
    found = re.findall(r" one_node_for_(\w+)\.", (tmp_path / "fog.lp").read_text())
    assert len(set(found)) == 2


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    """Another objective, another ending."""
    instance = sf.load_instance(TINY)
    with pytest.raises(sf.SolverDeclined, match="latency and period as a program, not makespan"):
        sf.write_program(instance, tmp_path / "x.lp", "makespan")
    with pytest.raises(ValueError, match=r"x\.txt: must end in one of \.lp, \.mps"):
        sf.write_program(instance, tmp_path / "x.txt")
    assert list(tmp_path.iterdir()) == []


def test_the_command_writes_it_beside_the_plan(tmp_path: Path) -> None:
    """`solve --write-lp FILE` solves, too; a wrong objective is a sentence and exit code 2."""
    path = tmp_path / "tiny.mps"
    words = ["solve", str(TINY), "--write-lp", str(path), "--json"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0
    assert '"status": "optimal"' in result.stdout
    assert _by_highs(path) > 0
    result = CliRunner().invoke(app, [*words, "--objective", "makespan"])
    assert result.exit_code == 2
    assert "not makespan" in result.stderr
