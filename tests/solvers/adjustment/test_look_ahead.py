"""The look-ahead by policy iteration is that of the recursion over the levels."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from splitfog import generate
from splitfog.formulations.arrays.task import task_arrays
from splitfog.formulations.arrays.tiers import TierGraph
from splitfog.instances.records import changed
from splitfog.solvers.adjustment import look_ahead as module
from splitfog.solvers.adjustment.look_ahead import LookAhead
from splitfog.solvers.d3.hpa import look_ahead
from tests.cases.figures import random_change, with_figures
from tests.cases.strategies import random_instance


@pytest.mark.usefixtures("small_is_large")
@given(st.integers(0, 2**32 - 1), st.booleans())
def test_any_instance(seed: int, once: bool) -> None:
    """Also where a tier, a route or a result's way is missing, and where nodes change."""
    rng = np.random.default_rng(seed)
    instance = random_instance(rng)
    graph = TierGraph(task_arrays(instance))
    found = LookAhead(graph.model, once)
    for _ in range(4):
        np.testing.assert_allclose(found.at(graph), look_ahead(graph, once), rtol=1e-12)
        other = with_figures(instance, *random_change(rng, instance), instance.tasks[0].model)
        graph = TierGraph(task_arrays(other))


@pytest.fixture(scope="module")
def small_is_large() -> Iterator[None]:
    """Policy iteration from the first layer on."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "LARGE", 1)
        yield


@pytest.mark.usefixtures("small_is_large")
def test_layers_in_any_order() -> None:
    """Rows are in topological order inside, in the file's outside."""
    instance = generate("random-dag", layers=40, width=4)
    (model,) = instance.models
    turned = changed(instance, models=(changed(model, layers=model.layers[::-1]),))
    found = LookAhead(turned.models[0], True)
    for speed in (1e9, 1e10, 1e11):
        graph = TierGraph(task_arrays(turned.with_node("edge", speed_flops=speed)))
        np.testing.assert_allclose(found.at(graph), look_ahead(graph, True), rtol=1e-12)


@pytest.mark.usefixtures("small_is_large")
def test_too_many_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the choices do not settle soon, the recursion answers, and the choices are its own."""
    monkeypatch.setattr(module, "MOST_ROUNDS", 0)
    instance = generate("random-dag", layers=40, width=4)
    found = LookAhead(instance.models[0], True)
    for speed in (1e9, 1e10, 1e11):
        graph = TierGraph(task_arrays(instance.with_node("edge", speed_flops=speed)))
        assert found.at(graph).tolist() == look_ahead(graph, True)
