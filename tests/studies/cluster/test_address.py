"""A scheduler that is named wrongly or is not there: a sentence, and nothing is written."""

from __future__ import annotations

import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from typer.testing import CliRunner

import splitfog as sf
from splitfog.cli import app
from splitfog.studies.engine import cluster
from tests.studies.engine import wild_solvers as wild
from tests.studies.engine.test_processes import TINY


@pytest.mark.parametrize("address", ["there:8786", "http://there:8786", "tcp://there", "tcp://a:b"])
def test_an_address_has_a_form(address: str) -> None:
    """Said before Dask is asked for, so that it is said without it too."""
    with pytest.raises(ValueError, match=f"'{address}', must be tcp://HOST:PORT or tls://HOST:P"):
        sf.compare(TINY, "device-only", scheduler=address)


def test_commands_take_it(tmp_path: Path) -> None:
    """Where they compare, run a study and go on with one: 2 and a line, before anything runs."""
    sf.compare(TINY, "device-only", store=tmp_path)
    tiny = str(Path(__file__).parents[2] / "data" / "tiny.json")
    for words in (
        ["compare", tiny, "--solvers", "device-only"],
        ["compare", "--study", "hpa-gap", "--quick"],
        ["study", "resume", str(tmp_path)],
    ):
        done = CliRunner().invoke(app, [*words, "--scheduler", "there"])
        assert done.exit_code == 2
        assert done.stderr == (
            "splitfog: scheduler = 'there', must be tcp://HOST:PORT or tls://HOST:PORT\n"
        )


def test_without_dask_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """As every extra is that is not installed."""
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'splitfog\[dask\]'"):
        sf.compare(TINY, "device-only", scheduler="tcp://127.0.0.1:9")


def test_a_scheduler_that_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A port where nobody listens; the folder is not made."""
    pytest.importorskip("distributed")
    monkeypatch.setattr(cluster, "ANSWER_S", 0.2)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{nobody.getsockname()[1]}"
        with pytest.raises(ValueError, match=f"'{address}': no Dask scheduler has answered there"):
            sf.compare(TINY, "device-only", scheduler=address, store=tmp_path / "results")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.0 400 Bad request\r\n\r\n"])
def test_something_else_answers(answer: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that only listens, and one that speaks another language: both in the time given."""
    pytest.importorskip("distributed")
    monkeypatch.setattr(cluster, "ANSWER_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as other:

        def speak() -> None:
            caller, _ = other.accept()
            with caller:
                caller.sendall(answer)
                caller.recv(1 << 16)
                while not answer and caller.recv(1 << 16):
                    pass

        with ThreadPoolExecutor(1) as apart:
            apart.submit(speak)
            address = f"tcp://127.0.0.1:{other.getsockname()[1]}"
            with pytest.raises(ValueError, match="no Dask scheduler has answered there within"):
                sf.compare(TINY, "device-only", scheduler=address)


def test_a_function_must_be_of_a_module(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers cannot read the script that is running."""
    monkeypatch.setattr(wild.tame, "__module__", "__main__")
    monkeypatch.setattr("__main__.tame", wild.tame, raising=False)
    monkeypatch.setattr("__main__.__file__", wild.__file__, raising=False)
    with pytest.raises(ValueError, match="solver tame is a function of the script that is running"):
        sf.compare(TINY, [wild.tame], baseline="tame", scheduler="tcp://127.0.0.1:9")
