"""Instances and models at a glance."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pytest

from splitfog.instances.generators import generate
from splitfog.instances.instance import Instance
from splitfog.instances.readable import counted, html_table, in_bytes, in_flop, in_seconds, scaled
from splitfog.instances.records import Model, changed

INSTANCE = generate("three-tier", model="alexnet", edge_nodes=2)


def test_an_instance_is_one_line() -> None:
    """Name, tasks, layers, nodes; Wi-Fi and 4G are a link each way, Ethernet is one."""
    assert repr(INSTANCE) == (
        "<Instance three-tier-alexnet-4g-edge-nodes=2-seed0: 1 task, 1 model of 20 layers, "
        "4 nodes in 3 tiers, 5 links>"
    )


def test_a_model_is_one_line() -> None:
    """AlexNet: 61.1 million parameters, 714 M multiply-accumulates and a little beside."""
    assert repr(INSTANCE.models[0]) == ("<Model alexnet: 20 layers, 61.1 M parameters, 1.43 GFLOP>")


def test_the_page_of_an_instance_has_all_nodes_links_models_and_tasks() -> None:
    """Well-formed, with figures in units for readers."""
    cells = texts(INSTANCE)
    assert {"device", "edge0", "edge1", "cloud", "alexnet", "task0"} <= set(cells)
    assert {"8 GFLOP/s", "18.9 Mbit/s", "20 ms", "61.1 M"} <= set(cells)


def test_long_lists_are_counted() -> None:
    """Of 100 users' 111 nodes the first 20 stand there, and that there are 91 more."""
    cells = texts(generate("fog", models="nin"))
    assert "and 91 more" in cells and "user19" in cells and "user20" not in cells


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", "a & b", 'quote"', "line\nbreak\x00"]
)
def test_names_are_texts(name: str) -> None:
    """Mark-up and control letters in names are shown, not obeyed."""
    nodes = (*INSTANCE.nodes[:-1], changed(INSTANCE.nodes[-1], name=name))
    links = tuple(
        changed(
            link,
            tail=name if link.tail == "cloud" else link.tail,
            head=name if link.head == "cloud" else link.head,
        )
        for link in INSTANCE.links
    )
    odd = changed(INSTANCE, name=name, nodes=nodes, links=links)
    assert "<script" not in odd._repr_html_()
    assert "".join(c if c.isprintable() else "\ufffd" for c in name) in texts(odd)
    assert "\n" not in repr(odd)


def texts(instance: Instance) -> list[str]:
    """All texts in the page of an instance, read as XML."""
    return [text for text in ElementTree.fromstring(instance._repr_html_()).itertext()]


def test_a_table_of_no_rows_is_a_table() -> None:
    """Its head stands."""
    assert ElementTree.fromstring(html_table(("a", "b"), [])).findtext(".//th") == "a"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (in_bytes(602112), "602 kB"),
        (in_flop(1.429e9), "1.43 GFLOP"),
        (in_seconds(0.0312), "31.2 ms"),
        (scaled(18.88e6, "bit/s"), "18.9 Mbit/s"),
        (counted(1, "task"), "1 task"),
        (counted(0, "task"), "0 tasks"),
    ],
)
def test_figures_for_readers(text: str, shown: str) -> None:
    """Three digits, decimal prefixes."""
    assert text == shown


def test_a_model_without_weights() -> None:
    """0 parameters, 0 FLOP."""
    layers = (changed(INSTANCE.models[0].layers[0], name="x"),)
    assert repr(Model(name="m", layers=layers)) == "<Model m: 1 layer, 0 parameters, 0 FLOP>"
