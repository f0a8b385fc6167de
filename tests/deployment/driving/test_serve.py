"""Nodes that run on machines of their own: here four processes on 127.0.0.2 to 127.0.0.5."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from typing import Any

import pytest
from typer.testing import CliRunner, Result

pytest.importorskip("onnxruntime")
pytest.importorskip("zmq")

from splitfog.cli import app
from splitfog.deployment.driving import running
from splitfog.deployment.driving.report import PlanReport
from splitfog.deployment.driving.run import run
from splitfog.deployment.splitting.split import split
from splitfog.instances.records import Link, Node, changed
from tests.cases.onnx_models import branches, imported

NODES = {"pi": "127.0.0.2", "box": "127.0.0.3", "box2": "127.0.0.4", "server": "127.0.0.5"}


def splitfog(*words: object) -> Result:
    """What a command line comes to."""
    return CliRunner().invoke(app, [str(word) for word in words])


def one_line_of_error(*words: object) -> str:
    """What a command that must fail says, with exit code 2."""
    result = splitfog(*words)
    assert result.exit_code == 2, result.output
    assert len(result.stderr.splitlines()) == 1
    return result.stderr


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`branches` over a Pi, two boxes and a server, results back at the Pi.

    `left` runs at the server, which is behind the first box, and `right` in the second.
    """
    folder = tmp_path_factory.mktemp("four")
    three = imported(branches(), folder, results_to="pi")
    links = (
        *three.links,
        Link(tail="pi", head="box2", bandwidth_bps=1e8),
        Link(tail="box2", head="server", bandwidth_bps=1e8),
    )
    box2 = Node(name="box2", tier="edge", speed_flops=1e10)
    four = changed(three, nodes=(*three.nodes, box2), links=links)
    places = {"x": "pi", "stem": "pi", "left": "server", "right": "box", "join": "box2"}
    split(four, {"cam": places}, folder / "four", model=folder / "model.onnx")
    return folder / "four"


@dataclass(frozen=True)
class Fog:
    """Nodes that are served, each by its process, and how to drive them."""

    processes: dict[str, subprocess.Popen[str]]
    hosts: Path
    keys: Path

    def run(self, plan: Path, requests: int, **changes: Any) -> PlanReport:
        """The report of a run over them."""
        (report,) = run(plan, requests=requests, hosts=self.hosts, keys=self.keys, **changes).plans
        return report


@contextmanager
def served(plan: Path, folder: Path) -> Iterator[Fog]:
    """Every node with its own parts and its own secret only, as on machines of their own."""
    assert splitfog("serve", plan, "--make-keys", folder / "keys").exit_code == 0
    processes, lines = {}, ["[hosts]"]
    try:
        for node, host in NODES.items():
            own = _moved(plan, folder, node)
            words = [str(own / "four"), "--node", node, "--bind", f"{host}:*", "--keys", own]
            processes[node] = subprocess.Popen(
                [sys.executable, "-m", "splitfog", "serve", *map(str, words)],
                env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                stderr=subprocess.PIPE,
                text=True,
            )
        for node, process in processes.items():
            assert process.stderr is not None
            line = process.stderr.readline()
            assert line.startswith(f"node {node} listens: tcp://{NODES[node]}:"), line
            lines.append(f'{node} = "{line.strip().rpartition("//")[2]}"')
        (folder / "hosts.toml").write_text("\n".join(lines))
        yield Fog(processes, folder / "hosts.toml", folder / "keys")
    finally:
        for process in processes.values():
            process.kill()
            process.communicate()


def _moved(plan: Path, folder: Path, node: str) -> Path:
    """A folder with what one machine needs: all public keys, its secret one, its parts."""
    own = folder / node
    shutil.copytree(plan, own / "four", ignore=shutil.ignore_patterns("whole.onnx"))
    for file in (own / "four").glob("*.onnx"):
        if file.stem.partition("-")[2] != node:
            file.unlink()
    for file in (folder / "keys").glob("*.key"):
        shutil.copy(file, own)
    shutil.copy(folder / "keys" / f"{node}.key_secret", own)
    return own


@pytest.fixture(scope="module")
def fog(plan: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fog]:
    """Four nodes that serve all tests below that leave them alive."""
    try:
        with socket.socket() as probe:
            probe.bind(("127.0.0.5", 0))
    except OSError:
        pytest.skip("this system has only 127.0.0.1")
    with served(plan, tmp_path_factory.mktemp("fog")) as nodes:
        yield nodes


def test_four_machines_give_the_outputs_of_the_whole(fog: Fog, plan: Path) -> None:
    """Encrypted, with each machine's own clock; the second run finds them as the first did."""
    for _ in range(2):
        report = fog.run(plan, 3)
        assert report.lost == ()
        assert report.agreement is not None
        assert report.agreement.exact
        assert len(report.latencies_s) == 3


def test_the_command_drives_them(fog: Fog, plan: Path) -> None:
    """With a picture's worth of figures: here only that all went well."""
    words = ("--hosts", fog.hosts, "--keys", fog.keys, "--requests", 2, "--pace")
    result = splitfog("run", plan, *words)
    assert result.exit_code == 0, result.output
    assert "four: 2 requests, outputs the same bit for bit" in result.stdout


def test_who_has_no_key_is_refused(fog: Fog, plan: Path, tmp_path: Path) -> None:
    """A driver with keys of its own making, and one without any."""
    shutil.copytree(fog.keys, tmp_path / "keys")
    for file in (tmp_path / "keys").glob("driver.*"):
        file.unlink()
    assert splitfog("serve", plan, "--make-keys", tmp_path / "keys").exit_code == 0
    said = one_line_of_error("run", plan, "--hosts", fog.hosts, "--keys", tmp_path / "keys")
    assert "does not take this process's key" in said
    said = one_line_of_error("run", plan, "--hosts", fog.hosts)
    assert "splitfog: node " in said


def test_another_manifest_is_refused(fog: Fog, plan: Path, tmp_path: Path) -> None:
    """The driver's folder was split again since: all must hold the same manifest, byte for byte."""
    shutil.copytree(plan, tmp_path / "four")
    path = tmp_path / "four" / "manifest.json"
    path.write_bytes(path.read_bytes() + b"\n")
    words = ("--hosts", fog.hosts, "--keys", fog.keys)
    assert "does not hold the plan four" in one_line_of_error("run", path.parent, *words)


def test_a_port_in_use_is_named(fog: Fog, plan: Path) -> None:
    """That of a node which is served already."""
    place = next(line for line in fog.hosts.read_text().splitlines() if "box2" in line)
    place = place.partition('"')[2].rstrip('"')
    said = one_line_of_error("serve", plan, "--node", "box2", "--bind", place)
    assert f"cannot listen at {place}: Address already in use" in said


def test_a_host_that_does_not_answer_is_named(
    plan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is nobody at port 9 of this machine; five seconds of patience are shortened here."""
    monkeypatch.setattr(running, "ANSWER_S", 0.3)
    hosts = tmp_path / "hosts.toml"
    hosts.write_text("\n".join(["[hosts]", *(f'{node} = "127.0.0.1:9"' for node in NODES)]))
    said = one_line_of_error("run", plan, "--hosts", hosts)
    assert "node pi at tcp://127.0.0.1:9 does not answer within 0.3 s" in said


def test_keys_are_needed_off_loopback(plan: Path, tmp_path: Path) -> None:
    """By who serves and by who drives; a missing file is named."""
    said = one_line_of_error("serve", plan, "--node", "pi", "--bind", "0.0.0.0:5555")
    assert "0.0.0.0:5555 can be reached from other machines, so it needs --keys" in said
    hosts = tmp_path / "hosts.toml"
    hosts.write_text("\n".join(["[hosts]", *(f'{node} = "192.0.2.1:5555"' for node in NODES)]))
    words = ("run", plan, "--hosts", hosts, "--listen", "127.0.0.1:*")
    assert "192.0.2.1:5555 is not on this machine, so --keys are" in one_line_of_error(*words)
    said = one_line_of_error(*words, "--keys", tmp_path)
    assert "driver.key_secret is missing" in said


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--bind", "127.0.0.1:*"], "--node NAME is missing"),
        (["--node", "pi"], "--bind HOST:PORT is missing"),
        (["--node", "moon", "--bind", "127.0.0.1:*"], "node 'moon' is unknown, must be one of pi"),
        (["--node", "pi", "--bind", "127.0.0.1"], "must be HOST:PORT"),
        (["--node", "pi", "--bind", "127.0.0.1:x"], "must be HOST:PORT"),
    ],
)
def test_wrong_options_are_one_line(plan: Path, words: list[str], reason: str) -> None:
    """Exit code 2 before anything is served."""
    assert reason in one_line_of_error("serve", plan, *words)


def test_a_machine_that_falls_silent_is_named(fog: Fog, plan: Path) -> None:
    """Killed or hung, all that the driver sees is silence; the last test, as it costs a node."""
    said: list[str] = []
    Timer(0.5, fog.processes["box2"].send_signal, [signal.SIGKILL]).start()
    report = fog.run(plan, 100_000, notice=said.append)
    assert said == ["node box2 does not answer any more: it hangs, or is cut off"]
    assert len(report.latencies_s) + len(report.lost) == 100_000
    assert report.lost
