"""Over what a replay's own plan table goes."""

from __future__ import annotations

from typing import Any

from splitfog.deployment.contest.ranges import STILL, ranges_of
from splitfog.instances.generators import generate
from splitfog.instances.traces.records import Series
from tests.cases.replays.two_nodes import bandwidth, edge_up, held, two_nodes

LINK = ("device", "edge")
DUPLEX = two_nodes()  # 8 Mbit/s


def test_from_the_least_to_the_most_and_the_own_figure() -> None:
    """The instance has 8 Mbit/s, and load 1; a bandwidth of 0 does not count."""
    load = Series(node="edge", quantity="load", times_s=(0.0, 3.0), values=(2.0, 5.0))
    trace = held(bandwidth((0, 2e6), (3, 0), (5, 4e6)), load, edge_up((0, 0)))
    assert ranges_of(DUPLEX, [trace]) == {LINK: (2e6, 8e6), "edge": (1.0, 5.0)}


def test_what_does_not_vary_has_no_range() -> None:
    """The instance's own figure; then the first node's load stands for nothing."""
    assert ranges_of(DUPLEX, [held(bandwidth((0, 8e6)))]) == {"device": (1.0, 1 + STILL)}


def test_one_way_of_a_duplex_link_varies_alone() -> None:
    """The other is named as well, else the table would take both for one; it stays where it is."""
    how: dict[str, Any] = {"quantity": "bandwidth_bps", "directions": "forward", "times_s": (0.0,)}
    there = Series(link=LINK, values=(2e6,), **how)
    back = Series(link=LINK[::-1], values=(9e6,), **how)
    still = {LINK: (2e6, 8e6), LINK[::-1]: (8e6, 8e6 * (1 + STILL))}
    assert ranges_of(DUPLEX, [held(there)]) == still
    assert ranges_of(DUPLEX, [held(there), held(back)]) == {**still, LINK[::-1]: (8e6, 9e6)}


def test_a_one_way_link_needs_no_other() -> None:
    """Three tiers by Wi-Fi have a link up and another down: the table knows them apart."""
    instance = generate("three-tier")
    up = Series(
        link=("device", "edge0"),
        quantity="bandwidth_bps",
        directions="forward",
        times_s=(0.0,),
        values=(1e6,),
    )
    own = instance.links[0].bandwidth_bps
    assert ranges_of(instance, [held(up)]) == {("device", "edge0"): (1e6, own)}
