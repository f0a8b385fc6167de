"""Split models that the tests of the runtime share."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def split_branches(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`branches` over all three nodes, its results back at the Pi; plan `across`, folder of it.

    The stem runs on the Pi, `left` at the server, to which its input passes the box, and `right`
    and `join` in the box. Beside it lies the plan `at-home`: everything on the Pi.
    """
    pytest.importorskip("zmq")
    from splitfog.deployment.splitting.split import split
    from tests.cases.onnx_models import branches, imported

    folder = tmp_path_factory.mktemp("branches")
    instance = imported(branches(), folder, results_to="pi")
    across = {"x": "pi", "stem": "pi", "left": "server", "right": "box", "join": "box"}
    for name, places in {"across": across, "at-home": dict.fromkeys(across, "pi")}.items():
        split(instance, {"cam": places}, folder / name)
    return folder / "across"


@pytest.fixture(scope="session")
def split_words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`words`, whose input is whole numbers, over Pi and server; plan `words`."""
    pytest.importorskip("zmq")
    from splitfog.deployment.splitting.split import split
    from tests.cases.onnx_models import imported, words

    folder = tmp_path_factory.mktemp("words")
    instance = imported(words(), folder)
    places = {layer.name: "server" for layer in instance.models[0].layers}
    split(instance, {"cam": places | {"ids": "pi", "embed": "pi"}}, folder / "words")
    return folder / "words"
