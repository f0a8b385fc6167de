"""The page on real models names the operators that there are."""

from __future__ import annotations

from splitfog.deployment.models.child import MEMORY_LIMIT_BYTES, TIME_LIMIT_S
from splitfog.deployment.models.operators import _OPS
from tests.docs.pages import FOLDER, table


def test_kinds_of_layers_have_their_operators() -> None:
    """All of each, and no others."""
    said = {
        op: {name.strip("`") for name in names.split(", ")}
        for op, (names,) in table("real-models.md", "The kinds of layers").items()
    }
    assert said == _OPS


def test_limits_are_those_of_the_code() -> None:
    """Of memory in GB, and of time in seconds."""
    text = " ".join((FOLDER / "real-models.md").read_text().split())
    assert f"`--memory-limit`, {MEMORY_LIMIT_BYTES / 1e9:g} GB;" in text
    assert f"`--time-limit`, {TIME_LIMIT_S:g} s)" in text
