"""Properties of the records themselves."""

from __future__ import annotations

import pytest

from splitfog.instances.records import Layer, Node


@pytest.mark.parametrize(
    ("tiers", "allowed"),
    [
        (None, True),  # anywhere
        (("edge",), True),  # its tier
        (("cloud", "e1"), True),  # itself, beside a tier that it is not in
        (("e2", "cloud"), False),
        ((), False),  # nowhere
    ],
)
def test_a_layer_may_run_on_the_nodes_and_in_the_tiers_it_lists(
    tiers: tuple[str, ...] | None, allowed: bool
) -> None:
    """`tiers` lists tiers or nodes; None is anywhere, and none at all is nowhere."""
    layer = Layer(name="conv", op="conv", output_bytes=1.0, tiers=tiers)
    node = Node(name="e1", tier="edge", speed_flops=1e9)
    assert layer.may_run_on(node) is allowed
