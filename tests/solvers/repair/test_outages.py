"""What goes out for a while comes back as it was."""

from __future__ import annotations

from pathlib import Path

import pytest

import splitfog as sf
from splitfog.instances.changes import DOWN
from splitfog.instances.records import changed
from splitfog.solvers.repair.outages import (
    with_link_down,
    with_link_up,
    with_node_down,
    with_node_up,
)


def fog() -> sf.Instance:
    """Four users and three fog nodes, a layer measured on fog1 and one that may run there only."""
    made = sf.generate("fog", seed=3, users=4, fog_nodes=3, models="nin")
    (model,) = made.models
    layers = list(model.layers)
    layers[2] = changed(layers[2], times_s={"fog1": 0.01, "fog": 0.02})
    layers[3] = changed(layers[3], tiers=("device", "fog1", "fog2"))
    return changed(made, models=(changed(model, layers=tuple(layers)),), meta={})


def test_a_node_comes_back_as_it_was():
    """Node, links, measured times and `tiers` at their places, and nothing left in `meta`."""
    given = fog()
    without = with_node_down(given, "fog1")
    layers = without.models[0].layers
    assert "fog1" not in without.node_index
    assert not any("fog1" in (link.tail, link.head) for link in without.links)
    assert dict(layers[2].times_s) == {"fog": 0.02}
    assert layers[3].tiers == ("device", "fog2")
    assert with_node_up(without, "fog1") == given


def test_nodes_come_back_in_any_order():
    """The last one out is the first one in: the same. In another order: the same but for order."""
    given = fog()
    both = with_node_down(with_node_down(given, "fog1"), "fog0")
    assert with_node_up(with_node_up(both, "fog0"), "fog1") == given
    other = with_node_up(with_node_up(both, "fog1"), "fog0")
    assert set(other.links) == set(given.links)
    assert set(other.nodes) == set(given.nodes)
    assert not other.meta


def test_a_link_between_two_nodes_that_are_down_returns_with_the_second():
    """fog0 - fog1 is not there while either is down."""
    given = fog().with_link("fog0", "fog1", bandwidth_bps=1e9)
    pair = {"fog0", "fog1"}

    def has_link(instance: sf.Instance) -> bool:
        return any({link.tail, link.head} == pair for link in instance.links)

    both = with_node_down(with_node_down(given, "fog0"), "fog1")
    first = with_node_up(both, "fog0")
    assert not has_link(first)
    assert has_link(with_node_up(first, "fog1"))


def test_what_is_out_lasts_in_files_and_through_other_changes(tmp_path: Path):
    """A node comes back after the instance was saved, read and changed."""
    given = fog()
    file = tmp_path / "out.json"
    sf.save_instance(with_node_down(given, "fog1"), file)
    slower = sf.load_instance(file).with_link("fog0", "cloud", bandwidth_bps=1e6)
    back = with_node_up(slower, "fog1")
    assert back == given.with_link("fog0", "cloud", bandwidth_bps=1e6)


def test_a_link_comes_back_as_it_was():
    """A duplex link is gone both ways, and returns to its place."""
    given = fog()
    link = given.links[2]
    without = with_link_down(given, link.head, link.tail)
    assert link not in without.links
    assert with_link_up(without, link.tail, link.head) == given


@pytest.mark.parametrize(
    ("steps", "sentence"),
    [
        ([(with_node_down, "fog9")], "unknown node 'fog9'"),
        ([(with_node_down, "user0")], "node user0 is the source of task task0, must stay"),
        ([(with_node_down, "fog0"), (with_node_down, "fog0")], "node fog0 is down already"),
        ([(with_node_up, "fog0")], "node fog0 is up already"),
        ([(with_node_up, "fog9")], "unknown node that is down 'fog9'"),
        ([(with_link_down, "fog0", "user9")], "unknown node 'user9'"),
        ([(with_link_up, "fog0", "cloud")], "link fog0 -> cloud is up already"),
        ([(with_link_up, "user0", "user1")], "link user0 -> user1 never went down"),
        ([(with_link_down, "user0", "user1")], "there is no link user0 -> user1"),
        ([(with_link_down, "fog0", "cloud")] * 2, "link fog0 -> cloud is down already"),
    ],
)
def test_what_cannot_be_is_said(steps, sentence):
    """Unknown names, and what is up or down already, each in a sentence."""
    instance = fog()
    with pytest.raises((ValueError, LookupError), match=sentence):
        for change, *names in steps:
            instance = change(instance, *names)


def test_outages_that_nobody_wrote_are_a_defect():
    """A `meta` whose entry says something else is named by its path."""
    given = changed(fog(), meta={DOWN: {"nodes": [{"position": -1}]}})
    with pytest.raises(sf.InstanceError, match=r"meta\.down\.nodes\[0\]\.node is missing"):
        with_node_up(given, "fog9")
