"""Families of generated instances: seeds, options, structure."""

from __future__ import annotations

import re
from contextlib import suppress
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from splitfog.instances import zoo
from splitfog.instances.files import parse_instance
from splitfog.instances.generators import FAMILIES, Option, generate
from splitfog.instances.generators.family import short
from splitfog.instances.generators.presets import NETWORKS, NODES
from splitfog.instances.generators.random_dag import draw_edges
from splitfog.instances.instance import Instance, encode_instance
from splitfog.instances.records import figure_in

RANDOM: dict[str, dict[str, Any]] = {
    "three-tier": {"model": "alexnet", "spread": 2.0},
    "line": {"layers": 8},
    "random-dag": {"layers": 30},
    "fog": {"users": 4, "models": "nin,alexnet"},
    "pipeline": {"model": "gpt2-124m", "spread": 2.0},
    "fleet": {"model": "gpt2-124m"},
}


def test_every_family_is_tried() -> None:
    """The table above names every family, under its own name."""
    assert set(RANDOM) == set(FAMILIES)
    assert all(family.name == name for name, family in FAMILIES.items())


@pytest.mark.parametrize("name", FAMILIES)
def test_defaults_are_allowed(name: str) -> None:
    """Every option's default passes its own check and has a line of help."""
    for option, declared in FAMILIES[name].options.items():
        assert declared.check(option, declared.default) == declared.default
        assert declared.help


@pytest.mark.parametrize("name", FAMILIES)
def test_instances_survive_writing(name: str) -> None:
    """A generated instance written and read is the same, and so are its bytes."""
    instance = generate(name, 3, **RANDOM[name])
    written = encode_instance(instance)
    read = parse_instance(written, "generated.json")
    assert read == instance
    assert encode_instance(read) == written


@pytest.mark.parametrize("name", FAMILIES)
def test_seeds(name: str) -> None:
    """One seed gives one instance; another seed another, not in its name only."""
    first, again, other = (generate(name, seed, **RANDOM[name]) for seed in (1, 1, 2))
    assert first == again
    assert first.name != other.name
    assert (first.nodes, first.links) != (other.nodes, other.links)


@pytest.mark.parametrize("name", FAMILIES)
def test_meta_says_how_to_make_it_again(name: str) -> None:
    """Family, seed and all options stand in `meta` and give the same instance again."""
    instance = generate(name, 5, **RANDOM[name])
    origin = instance.meta["generator"]
    assert generate(origin["family"], origin["seed"], **origin["options"]) == instance


def figures(instance: Instance) -> dict[tuple[str, str], tuple[float, float]]:
    """Bandwidth and latency of every directed pair of nodes."""
    names = [node.name for node in instance.nodes]
    return {
        (names[link.tail], names[link.head]): (link.bandwidth_bps, link.latency_s)
        for link in instance.directed_links
    }


def test_three_tier_default() -> None:
    """By default: presets as they stand, Wi-Fi with 2 ms and 4G with 20 ms in a line."""
    instance = generate("three-tier", 7)
    assert instance.tiers == ("device", "edge", "cloud")
    assert [(node.name, node.tier) for node in instance.nodes] == [
        ("device", "device"), ("edge0", "edge"), ("cloud", "cloud"),
    ]  # fmt: skip
    assert instance.nodes[0].speed_flops == NODES["raspberry-pi-4"].speed_flops
    assert all(node.memory_bytes is None for node in instance.nodes)
    assert figures(instance) == {
        ("device", "edge0"): (18.88e6, 0.002),
        ("edge0", "device"): (54.97e6, 0.002),
        ("edge0", "cloud"): (5.85e6, 0.02),
        ("cloud", "edge0"): (13.76e6, 0.02),
    }
    assert instance.models == (zoo.build("alexnet"),)
    assert (instance.tasks[0].source, instance.tasks[0].results_to) == ("device", None)


def test_three_tier_options() -> None:
    """Model, size, presets, direct link, memory and results are taken from the options."""
    instance = generate(
        "three-tier",
        model="nin",
        size=227,
        device="jetson-nano",
        edge_cloud="fibre",
        direct_cloud="5g",
        direct_cloud_latency_s=0.5,
        memory=True,
        results_to="device",
    )
    assert instance.models == (zoo.build("nin", 227),)
    assert instance.nodes[0].speed_flops == NODES["jetson-nano"].speed_flops
    assert instance.nodes[0].memory_bytes == NODES["jetson-nano"].memory_bytes
    assert instance.tasks[0].results_to == "device"
    links = figures(instance)
    assert links["edge0", "cloud"] == links["cloud", "edge0"] == (100e6, 0.02)
    assert links["device", "cloud"] == (NETWORKS["5g"].uplink_bps, 0.5)
    assert links["cloud", "device"] == (NETWORKS["5g"].downlink_bps, 0.5)


def test_three_tier_of_numbers() -> None:
    """Wherever a preset may stand a number may: bit/s both ways, FLOP/s without overhead."""
    numbers: dict[str, Any] = {
        "device_edge": 10e6,
        "edge_cloud": 2e6,
        "direct_cloud": 1e6,
        "edge_edge": 5e8,
    }
    speeds: dict[str, Any] = {"device": np.float32(1e9), "edge": np.int64(2e9)}
    instance = generate("three-tier", edge_nodes=2, **speeds, **numbers)
    assert parse_instance(encode_instance(instance), "x") == instance
    assert [(node.speed_flops, node.overhead_s) for node in instance.nodes[:3]] == [
        (1e9, 0.0), (2e9, 0.0), (2e9, 0.0),
    ]  # fmt: skip
    links = figures(instance)
    assert links["device", "edge0"] == links["edge0", "device"] == (10e6, 0.002)
    assert links["edge0", "cloud"] == links["cloud", "edge0"] == (2e6, 0.02)
    assert links["device", "cloud"] == (1e6, 0.02)
    assert links["edge0", "edge1"] == (5e8, 0.0)
    assert "device-edge=1e7" in instance.name
    assert generate("three-tier", **numbers | {"device_edge": 11e6}).name != instance.name


def test_numbers_in_place_of_presets_are_read_from_texts() -> None:
    """As on the command line; another text is answered with the presets and the unit."""
    family = FAMILIES["three-tier"]
    assert family.parse({"device-edge": "10e6", "edge-cloud": "5g"}) == {
        "device_edge": 10e6, "edge_cloud": "5g",
    }  # fmt: skip
    for text in ("fast", "0", "-1", "nan", "inf"):
        with pytest.raises(ValueError, match=r"one of cat-1, .* or a finite number of bit/s > 0"):
            family.parse({"device-edge": text})
    with pytest.raises(ValueError, match="must be one of raspberry-pi-3"):
        generate("three-tier", device=True)


def test_memory_needs_presets() -> None:
    """A speed says nothing of memory, which is not made up."""
    with pytest.raises(ValueError, match=r"edge = 1000000000.0, must with memory be one of"):
        generate("three-tier", edge=1e9, memory=True)


def test_three_tier_edge_nodes() -> None:
    """Several edge nodes are linked to one another; only the first to device and cloud."""
    links = figures(generate("three-tier", edge_nodes=3, edge_edge="wi-fi"))
    edges = ("edge0", "edge1", "edge2")
    inside = {(a, b) for a in edges for b in edges if a != b}
    outside = {("device", "edge0"), ("edge0", "device"), ("edge0", "cloud"), ("cloud", "edge0")}
    assert set(links) == inside | outside
    assert links["edge1", "edge2"] == (18.88e6, NETWORKS["wi-fi"].latency_s)


def test_three_tier_spread() -> None:
    """Speeds and bandwidths stray from the presets within the spread; 1 leaves them."""
    exact, off = generate("three-tier", 1), generate("three-tier", 1, spread=2.0)
    ratios = [b.speed_flops / a.speed_flops for a, b in zip(exact.nodes, off.nodes, strict=True)]
    ratios += [
        b.bandwidth_bps / a.bandwidth_bps for a, b in zip(exact.links, off.links, strict=True)
    ]
    assert all(0.5 <= ratio <= 2 for ratio in ratios)
    # three nodes and two networks have a factor each, both directions of a network the same one
    assert len({round(ratio, 9) for ratio in ratios}) == 5


@given(seed=st.integers(0, 1000), tiers=st.integers(2, 6), layers=st.integers(1, 9))
def test_line_is_a_chain_on_a_line(seed: int, tiers: int, layers: int) -> None:
    """Layers form a chain, nodes a line of ever faster tiers with bandwidths in the spread."""
    instance = generate("line", seed, tiers=tiers, layers=layers, speed_ratio=4.0)
    assert len(instance.nodes) == tiers
    assert [node.tier for node in instance.nodes] == list(instance.tiers)
    assert instance.node_rank.tolist() == list(range(tiers))
    speeds = np.array([node.speed_flops for node in instance.nodes])
    assert speeds[0] == 5e9
    assert np.all((speeds[1:] / speeds[:-1] > 1.99) & (speeds[1:] / speeds[:-1] < 4.01))
    assert [(link.tail, link.head) for link in instance.links] == list(
        zip(instance.tiers, instance.tiers[1:])
    )
    assert all(5e6 <= link.bandwidth_bps <= 80e6 for link in instance.links)
    model = instance.models[0]
    assert model.edges.tolist() == [[i, i + 1] for i in range(layers)]


def test_line_with_a_zoo_model() -> None:
    """A named model takes the place of the random chain."""
    assert generate("line", model="vgg-16").models == (zoo.build("vgg-16"),)


def test_line_means() -> None:
    """Work and bytes of 20,000 random layers have the means asked for, within 5 %.

    Standard errors: an exponential's is 1 / sqrt(20,000) = 0.7 % of its mean, a log-normal's
    (sigma 1) sqrt(e - 1) = 1.31 times that, 0.9 %.
    """
    layers = generate("line", layers=20_000, mean_work=3e7, mean_bytes=1e5).models[0].layers
    assert np.mean([layer.flops for layer in layers[1:]]) == pytest.approx(3e7, rel=0.05)
    assert np.mean([layer.output_bytes for layer in layers]) == pytest.approx(1e5, rel=0.05)


@given(
    seed=st.integers(0, 10_000),
    layers=st.integers(1, 60),
    width=st.integers(1, 9),
    max_inputs=st.integers(1, 5),
)
def test_edges_of_a_random_dag(seed: int, layers: int, width: int, max_inputs: int) -> None:
    """Edges are sorted and distinct and go forwards; all layers read, all but the last are read."""
    edges = draw_edges(np.random.default_rng(seed), layers, width, max_inputs)
    pairs = [tuple(edge) for edge in edges.tolist()]
    assert pairs == sorted(set(pairs))
    assert all(tail < head for head, tail in pairs)
    assert {head for head, _ in pairs} == set(range(1, layers + 1))
    assert {tail for _, tail in pairs} == set(range(layers))


@pytest.mark.parametrize("ccr", [0.0, 0.2, 1.0, 20.0])
@pytest.mark.parametrize("heterogeneity", [0.0, 0.8])
def test_ccr(ccr: float, heterogeneity: float) -> None:
    """Mean transfer over tensors and links / mean time over layers and nodes is the ratio."""
    instance = generate("random-dag", 4, ccr=ccr, heterogeneity=heterogeneity, tiers=4)
    layers = instance.models[0].layers
    transfers = [
        link.latency_s + 8 * size / link.bandwidth_bps
        for size in instance.models[0].output_bytes.tolist()
        for link in instance.links
    ]
    times = [
        layer.times_s.get(node.name, figure_in(layer.flops, None) / node.speed_flops)
        for layer in layers
        for node in instance.nodes
        if layer.op != "input"
    ]
    assert np.mean(transfers) / np.mean(times) == pytest.approx(ccr, rel=1e-9)
    # a tenth of the mean transfer is latency
    for link in instance.links:
        assert link.latency_s == pytest.approx(0.1 * np.mean(transfers), rel=1e-9)


def test_heterogeneity() -> None:
    """Given times stray from work / speed by at most the heterogeneity, some by most of it."""
    instance = generate("random-dag", 1, layers=500, heterogeneity=0.6)
    factors = [
        figure_in(layer.times_s[node.name], None)
        / (figure_in(layer.flops, None) / node.speed_flops)
        for layer in instance.models[0].layers[1:]
        for node in instance.nodes
    ]
    assert 0.4 - 1e-9 <= min(factors) < 0.45
    assert 1.55 < max(factors) <= 1.6 + 1e-9
    homogeneous = generate("random-dag", 1, layers=500, heterogeneity=0)
    assert not any(layer.times_s for layer in homogeneous.models[0].layers)


def test_width_of_a_random_dag() -> None:
    """Width 1 with one input is a chain; the depth of a wide network is about layers / width."""
    chain = generate("random-dag", layers=40, width=1, max_inputs=1).models[0]
    assert chain.edges.tolist() == [[i, i + 1] for i in range(40)]
    wide = generate("random-dag", layers=2000, width=50).models[0]
    level = np.zeros(len(wide.layers), int)
    for tail, head in wide.edges.tolist():
        level[head] = max(level[head], level[tail] + 1)
    # 40 levels on average, standard deviation about 0.58 x sqrt(40) = 3.7; then input and last
    assert 25 <= level.max() <= 60


def test_a_hundred_thousand_layers() -> None:
    """Large networks are made, with one result."""
    model = generate("random-dag", layers=100_000).models[0]
    assert len(model.layers) == 100_001
    assert model.results.sum() == 1


def test_unknown_family_and_option() -> None:
    """Unknown names are answered with the nearest and all known ones."""
    with pytest.raises(LookupError, match=r"family 'threetier', did you mean 'three-tier'.*line"):
        generate("threetier")
    with pytest.raises(LookupError, match="option of family line 'tier', did you mean 'tiers'"):
        generate("line", tier=3)
    with pytest.raises(LookupError, match="did you mean 'edge-cloud'"):
        FAMILIES["three-tier"].parse({"edge-clod": "4g"})


@pytest.mark.parametrize(
    ("family", "option", "value", "words"),
    [
        ("line", "tiers", 1, "tiers = 1, must be a whole number >= 2 and <= 100"),
        ("line", "tiers", 3.0, "tiers = 3.0, must be a whole number"),
        ("line", "tiers", True, "tiers = True, must be a whole number"),
        ("line", "tiers", None, "tiers = None, must be a whole number >= 2 and <= 100$"),
        ("line", "latency_s", -0.1, "latency_s = -0.1, must be a finite number >= 0"),
        ("line", "latency_s", float("nan"), "latency_s = nan, must be a finite number >= 0"),
        ("random-dag", "ccr", float("inf"), "ccr = inf"),
        ("random-dag", "heterogeneity", 1, "must be a finite number >= 0 and <= 0.99"),
        ("random-dag", "ccr", "1", "ccr = '1'"),
        ("line", "latency_s", 10**400, "latency_s = 1000.*, must be a finite number >= 0"),
        ("three-tier", "model", "lenet", "model = 'lenet', must be one of alexnet, "),
        ("three-tier", "results_to", "cloud", "must be one of device or none"),
        ("three-tier", "memory", 1, "memory = 1, must be true or false"),
        ("three-tier", "size", 3, "does not fit"),
        ("line", "size", 10**300, "must be a whole number >= 1 and <= 100000 or none"),
    ],
)  # fmt: skip
def test_values_out_of_range(family: str, option: str, value: Any, words: str) -> None:
    """A value that is not allowed is refused with option, value and what is allowed."""
    with pytest.raises(ValueError, match=words):
        generate(family, **{option: value})


@pytest.mark.parametrize("seed", [-1, 1.0, True, None])
def test_seeds_are_whole_numbers(seed: Any) -> None:
    """A seed is a whole number from 0."""
    with pytest.raises(ValueError, match=r"seed = .*, must be a whole number >= 0"):
        generate("line", seed)


def test_parse() -> None:
    """Command-line names and texts become Python names and values."""
    parse = FAMILIES["three-tier"].parse
    assert parse({"edge-nodes": "4", "edge_cloud": "fibre", "memory": "true"}) == {
        "edge_nodes": 4, "edge_cloud": "fibre", "memory": True,
    }  # fmt: skip
    assert parse({"results-to": "none", "size": "None"}) == {"results_to": None, "size": None}
    assert FAMILIES["random-dag"].parse({"layers": "1e5", "ccr": "2"}) == {
        "layers": 100_000,
        "ccr": 2,
    }
    assert isinstance(FAMILIES["random-dag"].parse({"layers": "1e5"})["layers"], int)


@pytest.mark.parametrize(
    ("option", "text", "words"),
    [
        ("edge-nodes", "0", "edge-nodes = 0, must be a whole number >= 1"),
        ("edge-nodes", "2.5", "edge-nodes = 2.5, must be a whole number"),
        ("edge-nodes", "many", "edge-nodes = 'many', must be a whole number"),
        ("edge-nodes", "none", "edge-nodes = 'none', must be a whole number"),
        ("spread", "nan", "spread = nan, must be a finite number"),
        ("memory", "perhaps", "memory = 'perhaps', must be true or false"),
        ("edge-cloud", "6g", "edge-cloud = '6g', must be one of cat-1, 3g"),
    ],
)
def test_parse_refuses(option: str, text: str, words: str) -> None:
    """A text that stands for no allowed value is refused, by the option's command-line name."""
    with pytest.raises(ValueError, match=words):
        FAMILIES["three-tier"].parse({option: text})


def test_every_option_shows_in_the_name() -> None:
    """In every family, one changed option gives another name, with the seed at its end."""
    for family in FAMILIES.values():
        plain = family.name_of(3, {})
        assert re.fullmatch(rf"{family.name}-.*-seed3", plain)
        for name, option in family.options.items():
            for value in other_values(option):
                assert family.name_of(3, {name: value}) != plain, (family.name, name, value)


def other_values(option: Option) -> list[Any]:
    """Some allowed values that are not the default."""
    tried: dict[str, list[Any]] = {
        "flag": [True, False],
        "choice": [*option.choices],
        "name": ["a/config.json", "b.json"],
        "choices": [option.choices[0], ",".join(option.choices[:2])] if option.choices else [],
        "preset": [*option.choices, 0.25, 0.2500001, 1e7, 18_880_000],
        "whole": [1, 2, 3, 7, 70, 1_000_000],
        "number": [0.25, 0.2500001, 1, 1.5, 2, 3e9, -180],
    }
    allowed = []
    for value in [*tried[option.kind], None]:
        with suppress(ValueError):
            allowed.append(option.check("x", value))
    return [value for value in allowed if value != option.default]


def test_a_sweep_has_a_name_for_every_instance() -> None:
    """5 models x 4 networks x 3 numbers of edge nodes: 60 instances, 60 names as files can bear."""
    sweep = product(
        ("alexnet", "nin", "vgg-16", "resnet-18", "squeezenet-1.0"),
        ("3g", "4g", "wi-fi", "fibre"),
        (1, 2, 4),
    )
    names = {
        FAMILIES["three-tier"].name_of(0, {"model": m, "device_edge": d, "edge_nodes": n})
        for m, d, n in sweep
    }
    assert len(names) == 60
    assert all(re.fullmatch(r"[A-Za-z0-9.=+-]{1,150}", name) for name in names)


def test_the_name_is_that_of_the_instance() -> None:
    """Head, then what is not the default in the order of the options, then the seed."""
    options = {"results_to": "device", "edge_nodes": 2, "memory": True, "spread": 1.25}
    name = "three-tier-alexnet-4g-edge-nodes=2-results-to=device-memory-spread=1.25-seed7"
    assert FAMILIES["three-tier"].name_of(7, options) == name
    assert generate("three-tier", 7, **options).name == name


def test_a_name_of_many_options_is_short_and_its_own() -> None:
    """All 20 and more numbers of `fog` changed: at most 150 characters, other numbers another."""
    family = FAMILIES["fog"]
    many = {
        name: option.default * 1.5 + 0.125
        for name, option in family.options.items()
        if option.kind == "number" and option.default is not None and option.high is None
    }
    assert len(many) > 8
    last = list(many)[-1]
    names = [family.name_of(0, many), family.name_of(0, {**many, last: many[last] + 0.125})]
    assert len(set(names)) == 2
    assert all(len(name) <= 150 and name.endswith("-seed0") for name in names)


@pytest.mark.parametrize(
    ("value", "text"),
    [(1e6, "1e6"), (2.5e-7, "2.5e-7"), (1234567, "1234567"), (0.1 + 0.2, "0.30000000000000004"),
     (2.0, "2"), (None, "none"), (False, "false"),
     ("nin,alexnet", "nin+alexnet"), ("a/b c", "a+b+c")],
)  # fmt: skip
def test_values_in_names_are_short_and_exact(value: Any, text: str) -> None:
    """No digit that matters is lost, no character that a file system dislikes stays."""
    assert short(value) == text
