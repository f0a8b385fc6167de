"""`hosts.toml`."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("zmq")

from splitfog.deployment.driving.hosts import load_hosts


def test_hosts_are_read_for_the_nodes_that_are_asked_for(tmp_path: Path) -> None:
    """Others may stand there, for other plans."""
    path = tmp_path / "hosts.toml"
    path.write_text('[hosts]\npi = "10.0.0.2:5000"\nbox = "fog.local:5001"\nother = "h:1"\n')
    assert load_hosts(path, ["pi", "box"]) == {"pi": "10.0.0.2:5000", "box": "fog.local:5001"}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "no such file"),
        ("[hosts", "not TOML"),
        ("pi = 'h:1'", "has no table"),
        ("[hosts]\nbox = 'h:1'", "hosts.pi is missing"),
        ("[hosts]\npi = 'h'", "hosts.pi = 'h', must be HOST:PORT"),
        ("[hosts]\npi = 5", "hosts.pi = '5', must be HOST:PORT"),
    ],
)
def test_defects_name_the_file_and_the_node(
    tmp_path: Path, content: str | None, reason: str
) -> None:
    """One sentence each."""
    path = tmp_path / "hosts.toml"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ValueError, match=reason) as caught:
        load_hosts(path, ["pi"])
    assert str(caught.value).startswith(str(path))
