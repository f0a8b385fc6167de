"""Routes are those of label setting on (seconds per byte, latency, links, node positions)."""

from __future__ import annotations

import heapq

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from splitfog import Instance, Layer, Link, Model, Node, Task
from splitfog.formulations.costs.routes import MOST_TREES, Routes, routes_of
from splitfog.instances.records import changed


def meshed(seed: int) -> Instance:
    """Up to eight nodes with few different bandwidths and latencies: ties abound."""
    rng = np.random.default_rng(seed)
    names = [f"n{i}" for i in range(int(rng.integers(2, 9)))]
    links = [
        Link(
            tail=tail,
            head=head,
            bandwidth_bps=float(rng.choice([8.0, 16.0, 24.0])),
            latency_s=float(rng.choice([0.0, 0.1, 0.3])),
            delay_s=float(rng.choice([0.0, 0.2])),
            duplex=False,
        )
        for tail in names
        for head in names
        if tail != head and rng.random() < 0.45
    ]
    return Instance(
        name="mesh",
        tiers=("t",),
        nodes=tuple(Node(name=name, tier="t", speed_flops=1.0) for name in names),
        links=tuple(links),
        models=(Model(name="m", layers=(Layer(name="a", op="conv", output_bytes=1),)),),
        tasks=(Task(name="t", model="m", source=None),),
    )


def label_setting(instance: Instance, root: int) -> dict[int, tuple[float, float, int, list[int]]]:
    """Dijkstra on the tuples of docs/costs.md, as it stands there."""
    labels: dict[int, tuple[float, float, int, list[int]]] = {}
    queue: list[tuple[float, float, int, list[int]]] = [(0.0, 0.0, 0, [root])]
    while queue:
        label = heapq.heappop(queue)
        node = label[3][-1]
        if node in labels:
            continue
        labels[node] = label
        for link in instance.directed_links:
            if link.tail == node:
                per_byte = label[0] + 8 / link.bandwidth_bps
                nodes, lag_s = [*label[3], link.head], link.latency_s + link.delay_s
                heapq.heappush(queue, (per_byte, label[1] + lag_s, label[2] + 1, nodes))
    return labels


@given(st.integers(0, 2**32 - 1))
def test_every_route_is_the_one_of_label_setting(seed: int) -> None:
    """Same nodes, same sums to the last bit, and no route where there is none."""
    instance = meshed(seed)
    routes = Routes(instance)
    for root in range(len(instance.nodes)):
        labels = label_setting(instance, root)
        for node in range(len(instance.nodes)):
            path = routes.path(root, node)
            if node not in labels:
                assert path is None
                assert routes.seconds_per_byte[root, node] == np.inf
                continue
            per_byte, latency, _, nodes = labels[node]
            assert path is not None
            assert [root, *(routes.links[link].head for link in path)] == nodes
            assert routes.seconds_per_byte[root, node] == per_byte
            assert routes.latency_s[root, node] == latency


def test_store_and_forward_and_tree() -> None:
    """Two hops add up, a tree shares its trunk: a -> b (8 bit/s), b -> c and b -> d (16 bit/s)."""
    names = ["a", "b", "c", "d"]
    ways = [("a", "b", 8.0), ("b", "d", 16.0), ("b", "c", 16.0)]
    instance = Instance(
        name="tree",
        tiers=("t",),
        nodes=tuple(Node(name=name, tier="t", speed_flops=1.0) for name in names),
        links=tuple(
            Link(tail=t, head=h, bandwidth_bps=b, latency_s=0.5, duplex=False) for t, h, b in ways
        ),
        models=(Model(name="m", layers=(Layer(name="a", op="conv", output_bytes=1),)),),
        tasks=(Task(name="t", model="m", source=None),),
    )
    routes = routes_of(instance)
    assert routes.transfer(0, 2, 4.0) == pytest.approx((0.5 + 4) + (0.5 + 2))
    assert routes.transfer(0, 0, 4.0) == 0
    assert routes.transfer(2, 0, 4.0) == float("inf")
    assert routes.tree(0, {2, 3, 0}) == (0, 2, 1)  # c before d, the trunk once
    assert routes.tree(2, {0}) is None


@pytest.mark.parametrize("most", [1, 3, MOST_TREES])
def test_trees_that_are_kept_are_those_asked_for(monkeypatch, most):
    """Asked for again, in any order and however few are kept, every tree is the one made anew."""
    monkeypatch.setattr("splitfog.formulations.costs.routes.MOST_TREES", most)
    instance = meshed(1)
    nodes = range(len(instance.nodes))
    asked = [(root, {one, other}) for root in nodes for one in nodes for other in nodes]
    kept = Routes(instance)
    found = {kept.tree(root, leaves) for root, leaves in asked}
    assert len(found) > 5
    for root, leaves in [*asked, *asked[::-1]]:
        assert kept.tree(root, leaves) == kept._tree(root, frozenset(leaves))


@given(st.integers(0, 2**32 - 1))
def test_paths_at_once_are_those_one_by_one(seed):
    """`paths` of all pairs lists the links of `path`, last first."""
    instance = meshed(seed)
    routes, count = routes_of(instance), len(instance.nodes)
    pairs = [(u, v) for u in range(count) for v in range(count)]
    found = routes.paths(*zip(*pairs, strict=True))
    for (tail, head), links in zip(pairs, found.tolist(), strict=True):
        assert [link for link in links if link >= 0] == list(routes.path(tail, head) or ())[::-1]


@given(st.integers(0, 2**32 - 1))
def test_direct_routes_are_the_pairs_own_links(seed):
    """No node relays: a pair's route is its link, with its figures, and else there is none."""
    instance = changed(meshed(seed), routing="direct")
    routes, links = routes_of(instance), instance.directed_links
    own = {(link.tail, link.head): at for at, link in enumerate(links)}
    for tail in range(len(instance.nodes)):
        for head in range(len(instance.nodes)):
            if tail == head:
                continue
            at = own.get((tail, head))
            assert routes.path(tail, head) == (None if at is None else (at,))
            expected = float("inf") if at is None else links[at].seconds(1000.0)
            assert routes.transfer(tail, head, 1000.0) == expected
            lag = float("inf") if at is None else links[at].lag_s
            assert routes.latency_s[tail, head] == lag
