"""Pictures of instances and plans: what they hold, and that they are files that open."""

from __future__ import annotations

import re
import struct
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from splitfog import generate, solve
from splitfog.formulations.decision import Decision, Slice, Stage, TaskDecision, placed
from splitfog.formulations.evaluation.describe import describe
from splitfog.formulations.objective import Objective
from splitfog.formulations.plan import Plan, PlanError, decision_of
from splitfog.formulations.plan_file import PlanFile, PlanReplica, TaskEntry
from splitfog.instances import zoo
from splitfog.instances.instance import Instance
from splitfog.instances.records import Layer, Link, Model, Node, Task, Window, changed
from splitfog.views import style
from splitfog.views.dag.picture import WHITE, DagPicture
from splitfog.views.panels.progress import BOUND, VALUE, ProgressPanel
from splitfog.views.show import SUFFIXES, show
from tests.cases.golden import case

LATENCY = Objective("latency")


def instance_of(*models: Model, results_to: str | None = None) -> Instance:
    """A device, an edge node and a cloud in a line, with a task for each model."""
    return Instance(
        name="line",
        tiers=("device", "edge", "cloud"),
        nodes=(
            Node(name="pi", tier="device", speed_flops=1e9),
            Node(name="fog", tier="edge", speed_flops=1e10),
            Node(name="gpu", tier="cloud", speed_flops=1e12),
        ),
        links=(
            Link(tail="pi", head="fog", bandwidth_bps=8e6),
            Link(tail="fog", head="gpu", bandwidth_bps=80e6, latency_s=0.01),
        ),
        models=models,
        tasks=tuple(
            Task(name=f"cam{i}", model=model.name, source="pi", results_to=results_to)
            for i, model in enumerate(models)
        ),
    )


def small() -> Model:
    """Five layers; `conv` makes 250 kB, `pool` 50 kB, `fc` 4 kB."""
    return Model(
        name="small",
        layers=(
            Layer(name="image", op="input", output_bytes=600e3),
            Layer(name="conv", op="conv", inputs=("image",), flops=2e8, output_bytes=250e3),
            Layer(name="pool", op="max-pool", inputs=("conv",), flops=1e6, output_bytes=50e3),
            Layer(name="flat", op="flatten", inputs=("pool",), output_bytes=50e3),
            Layer(name="fc", op="linear", inputs=("flat",), flops=1e7, output_bytes=4e3),
        ),
    )


def split(instance: Instance, first: float, second: float) -> Plan:
    """The plan that runs these shares of every model on pi and fog, the rest on gpu."""
    placements = []
    for task in instance.tasks:
        order = instance.model_of(task).order.tolist()
        placement = [0] * len(order)
        for place, layer in enumerate(order):
            share = place / len(order)
            placement[layer] = 0 if share < first else 1 if share < first + second else 2
        placements.append(placement)
    return describe(instance, placed(*placements), LATENCY, solver="own", status="feasible")


def svg_of(instance: Instance, plan: PlanFile | None) -> tuple[ElementTree.Element, list[str]]:
    """The root of a picture, and the texts that are to be seen in it."""
    root = ElementTree.fromstring(show(instance, plan).encoded(".svg"))
    return root, [e.text or "" for e in root.iter("{http://www.w3.org/2000/svg}text")]


def hover_names(root: ElementTree.Element) -> list[str]:
    """Names of the layers in the titles of all boxes."""
    titles = [e.text or "" for e in root.iter("{http://www.w3.org/2000/svg}title")]
    lines = [line for title in titles for line in title.splitlines()]
    return [line.split(":")[0] for line in lines if ": " in line]


def test_a_plan_shows_layers_cut_tensors_loads_and_value() -> None:
    """Every number of a small plan, worked out by hand, stands in its picture."""
    # pi: 2e8 / 1e9 = 200 ms for conv; 1e6 / 1e10 = 100 us for pool; 1e7 / 1e12 = 10 us for fc
    # conv crosses to fog: 8 x 250e3 / 8e6 = 250 ms; flat to gpu: 10 ms + 8 x 50e3 / 80e6 = 15 ms
    # fc back to pi: 10 ms + 8 x 4e3 / 80e6 = 10.4 ms, and 8 x 4e3 / 8e6 = 4 ms: 14.4 ms
    # sum: 200 + 0.1 + 0.01 + 250 + 15 + 14.4 = 479.51 ms
    instance = instance_of(small(), results_to="pi")
    plan = describe(
        instance, placed([0, 0, 1, 1, 2]), LATENCY, solver="own", status="feasible",
        lower_bound=0.4, gap=0.166,
    )  # fmt: skip
    root, texts = svg_of(instance, plan)
    assert {"image", "conv", "pool", "flat", "fc"} <= set(texts)
    assert {"→ fog: 250 kB · 250 ms", "→ gpu: 50 kB · 15 ms", "result → pi: 4 kB · 14.4 ms"} <= set(
        texts
    )
    assert "own · latency · feasible · value 480 ms · bound 400 ms · gap 16.60 %" in texts
    assert {"pi (device)", "fog (edge)", "gpu (cloud)"} <= set(texts)
    assert {"pi → fog", "fog → gpu", "gpu → fog", "fog → pi"} <= set(texts)
    assert "Tensors that cross (3, 304 kB)" in texts
    # labels, loads of links, tensors that cross, rows of the timeline: no more arrows than these
    assert sum("→ " in text for text in texts) == 3 + 4 + 3 + 4
    assert {"250 ms · 250 kB", "15 ms · 50 kB", "200 ms"} <= set(texts)
    assert sorted(hover_names(root)) == sorted(["image", "conv", "pool", "flat", "fc"])


def test_boxes_have_the_colours_of_their_nodes() -> None:
    """Five boxes: two in the device's hue, two in the edge's, one in the cloud's."""
    instance = instance_of(small())
    content = show(instance, split(instance, 0.4, 0.4)).encoded(".svg").decode()
    boxes = re.findall(r'<g id="dag0-\d+"><title>on (\w+).*?fill: (#\w+)', content, re.DOTALL)
    nodes = style.Palette(instance).nodes
    shown = {"#" + "".join(f"{round(255 * part):02x}" for part in colour) for colour in nodes}
    assert [node for node, _ in boxes] == ["pi", "pi", "fog", "fog", "gpu"]
    assert {fill for _, fill in boxes} == shown and len(shown) == 3
    assert len(set(boxes)) == 3  # a colour for each node, a node for each colour


def test_a_box_shows_all_nodes_that_hold_its_replicas() -> None:
    """White, with a stripe for each; a layer of one replica has its node's colour."""
    instance, _ = case("throughput-1")
    ranges = {"g0": (0, 2), "g1": (1, 4), "g2": (0, 3)}
    held = tuple([PlanReplica(node=name, layers=own) for name, own in ranges.items()])
    entry = TaskEntry(task="job", replicas=held)
    objective = Objective("throughput", partial=True)
    plan = PlanFile(objective=objective, tasks=(entry,))
    decision = decision_of(instance, plan).tasks[0]
    model, task = instance.models[0], instance.tasks[0]
    drawn = DagPicture(instance=instance, model=model, task=task, decision=decision)
    nodes = dict(zip(instance.node_index, drawn.palette.nodes, strict=True))
    assert drawn.stripes([2]) == [nodes["g0"], nodes["g1"], nodes["g2"]]
    assert drawn.colour([2]) == WHITE
    assert (drawn.stripes([4]), drawn.colour([4])) == ([], nodes["g1"])
    texts = [line for lines in drawn.texts for line in lines]
    assert "on 3 nodes · 2 kB" in texts and "on 1 node · 0 B" in texts


def test_without_a_plan_operators_work_and_restrictions_are_shown() -> None:
    """Kinds of operators, FLOP and bytes, and where restricted layers may run."""
    layers = list(small().layers)
    layers[4] = Layer(
        name="fc", op="linear", inputs=("flat",), flops=1e7, output_bytes=4e3, tiers=("cloud",)
    )
    _, texts = svg_of(instance_of(Model(name="small", layers=tuple(layers))), None)
    assert {"convolution", "matrix product", "pooling", "input", "other"} <= set(texts)
    assert {"only on cloud (stripe)", "200 MFLOP · 250 kB", "Profile of small"} <= set(texts)
    assert "norm, activation" not in texts


def test_the_timeline_of_a_makespan_is_its_schedule() -> None:
    """Rows for the nodes and links in use, with every layer that is long enough named."""
    instance = instance_of(small())
    plan = describe(instance, placed([0, 0, 1, 1, 1]), Objective("makespan"), status="feasible")
    _, texts = svg_of(instance, plan)
    assert "Timeline" in texts
    # conv is a box, the only long span on pi, and the only tensor on the link; named also among
    # the tensors that cross
    assert texts.count("conv") == 3 and "conv → fog" in texts
    assert not {"fog → pi", "gpu → fog", "fog → gpu"} & set(texts)


def test_what_a_plan_leaves_out_is_computed() -> None:
    """A plan of placements only gives the same panels as the full plan."""
    instance = instance_of(small())
    full = split(instance, 0.4, 0.4)
    bare = PlanFile(
        objective=LATENCY,
        solver="own",
        status="feasible",
        tasks=(TaskEntry(task="cam0", placement=full.placement("cam0")),),
    )
    assert show(instance, bare).encoded(".svg") == show(instance, full).encoded(".svg")


@pytest.mark.parametrize("name", ["alexnet", "vit-b-16", "inception-v4"])
def test_every_layer_of_a_network_is_in_the_picture(name: str) -> None:
    """Once, in a box of its own or in a block that bears first and last name and the count."""
    model = zoo.build(name)
    instance = instance_of(model)
    root, texts = svg_of(instance, split(instance, 0.3, 0.3))
    names = hover_names(root)
    assert sorted(names) == sorted(layer.name for layer in model.layers)
    counted = [int(m[1]) for text in texts if (m := re.match(r"(\d+) layers · ", text))]
    titles = root.iter("{http://www.w3.org/2000/svg}title")
    sizes = [len((title.text or "").splitlines()) - 1 for title in titles if title.text != "line"]
    assert sorted(counted) == sorted(size for size in sizes if size > 1)
    assert sum(text.startswith("→ ") for text in texts) > 0


def test_500_layers_with_shortcuts_are_drawn() -> None:
    """A DAG that no module divides is drawn in dots, each layer one, its cut listed beside."""
    rng = np.random.default_rng(0)
    layers = [Layer(name="l0", op="input", output_bytes=1e5)]
    for i in range(1, 500):
        tails = sorted({int(t) for t in rng.integers(max(0, i - 12), i, 2)})
        inputs = tuple(f"l{t}" for t in tails)
        layers.append(Layer(name=f"l{i}", op="conv", inputs=inputs, flops=1e6, output_bytes=1e4))
    instance = instance_of(Model(name="web", layers=tuple(layers)))
    root, texts = svg_of(instance, split(instance, 0.5, 0.2))
    assert sorted(hover_names(root)) == sorted(layer.name for layer in layers)
    assert any(text.startswith("Tensors that cross (") for text in texts)


def test_many_tasks_are_summed_up() -> None:
    """Of 1000 tasks the first are drawn and the 20 slowest listed, and the picture says so."""
    models = tuple(small() for _ in range(1))
    base = instance_of(*models)
    tasks = tuple(Task(name=f"cam{i}", model="small", source="pi") for i in range(1000))
    instance = Instance(
        name="many",
        tiers=base.tiers,
        nodes=base.nodes,
        links=base.links,
        models=models,
        tasks=tasks,
    )
    _, texts = svg_of(instance, split(instance, 0.4, 0.4))
    assert "the first 4 of 1000 tasks drawn; loads are of all" in texts
    assert {"task cam0, small", "task cam3, small", "and 980 more tasks"} <= set(texts)
    assert "task cam4, small" not in texts


def test_what_is_left_out_is_counted_in_words() -> None:
    """21 nodes, of which 20 have a bar: one is left out, and the word for one has no s."""
    instance = generate("fog", users=17, fog_nodes=3)  # and a cloud
    drawn = show(instance, solve(instance, "local"), panel="nodes")._repr_svg_()
    assert "and 1 more node<" in drawn


def test_a_sliced_stage_shows_tiles_halo_and_timeline() -> None:
    """Two halves of a 3x3 convolution on 8 rows read 5 rows each: the halo is 2 of 8 rows."""
    model = Model(
        name="conv",
        layers=(
            Layer(name="image", op="input", output_shape=(1, 8, 8), output_bytes=6400),
            Layer(
                name="conv", op="conv", inputs=("image",), flops=1e9, output_shape=(1, 8, 8),
                output_bytes=6400, window=Window(kernel=(3, 3), padding=(1, 1, 1, 1)),
            ),
        ),
    )  # fmt: skip
    instance = instance_of(model)
    halves = (Slice(1, (0, 4), (0, 8)), Slice(2, (4, 8), (0, 8)))
    stage = Stage((1,), 0, halves)
    decision = Decision((TaskDecision(np.array([0, 0]), None, (stage,)),))
    plan = describe(instance, decision, LATENCY, status="feasible")
    _, texts = svg_of(instance, plan)
    # 2 rows too many of 8 that make 6400 bytes: 1.6 kB
    assert "Stage 0: … conv, 1 layers in 2 slices, halo 1.6 kB" in texts
    assert {"reads of image: 1 x 8 x 8", "output of conv: 1 x 8 x 8"} <= set(texts)
    assert {"in 2 slices · 6.4 kB", "fog (edge)", "gpu (cloud)"} <= set(texts)
    assert any(text.startswith("Timeline of stage 0") for text in texts)


def test_a_plan_without_placement_gives_its_reason() -> None:
    """An infeasible plan is shown as the instance, with status and reason."""
    plan = PlanFile(
        objective=LATENCY, solver="ilp", status="infeasible", tasks=(), reason="too small"
    )
    _, texts = svg_of(instance_of(small()), plan)
    assert {"ilp · latency · infeasible", "too small", "conv"} <= set(texts)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_same_input_gives_the_same_bytes(suffix: str) -> None:
    """Twice in a row, and whatever the user's matplotlib settings are, which stay as they were."""
    import matplotlib

    instance = instance_of(small())
    plan = split(instance, 0.4, 0.4)
    before = show(instance, plan).encoded(suffix)
    with matplotlib.rc_context({"axes.facecolor": "red", "savefig.dpi": 30, "font.size": 20}):
        assert show(instance, plan).encoded(suffix) == before
        assert matplotlib.rcParams["font.size"] == 20


def test_files_are_of_their_kind(tmp_path: Path) -> None:
    """PNG with a size, SVG and HTML that parse; the ending decides, in either case."""
    instance = instance_of(small())
    plan = split(instance, 0.4, 0.4)
    for name in ("a.PNG", "a.svg", "a.pdf", "a.html"):
        show(instance, plan).save(tmp_path / name)
    png = (tmp_path / "a.PNG").read_bytes()
    assert png[:8] == b"\x89PNG\r\n\x1a\n" and min(struct.unpack(">II", png[16:24])) > 500
    assert ElementTree.parse(tmp_path / "a.svg").getroot().tag.endswith("svg")
    page = (tmp_path / "a.html").read_text("utf-8")
    assert page.startswith("<!DOCTYPE html>") and page.count("<svg") == 1
    assert "src=" not in page and "<link" not in page and "<script" not in page
    for row in ("<td>conv</td><td>pi</td><td>fog</td><td>250 kB</td><td>250 ms</td>",):
        assert row in page
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.PNG", "a.html", "a.pdf", "a.svg"]
    assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF-")


def test_odd_names_are_shown_as_they_stand() -> None:
    """Formulae, mark-up, control and unknown letters in names break neither SVG nor page."""
    names = ("$x$", "<b>&amp;", "tab\x01", "畳み込み", "n" * 300)
    layers = [Layer(name=names[0], op="input", output_bytes=1e3)]
    layers += [
        Layer(name=name, op="conv", inputs=(before,), flops=1, output_bytes=1e3)
        for before, name in pairwise(names)
    ]
    instance = instance_of(Model(name="</svg>", layers=tuple(layers)))
    _, texts = svg_of(instance, split(instance, 0.4, 0.4))
    assert {"$x$", "<b>&amp;", "tab\ufffd", "畳み込み"} <= set(texts)
    assert any(re.fullmatch("n+…n+", text) for text in texts)
    page = show(instance, split(instance, 0.4, 0.4)).encoded(".html").decode()
    assert "<b>" not in page and page.count("</svg>") == 1
    assert show(instance, None).encoded(".png")


def test_an_unknown_ending_is_refused_and_named(tmp_path: Path) -> None:
    """The message has the file's name and the endings allowed; nothing is written."""
    with pytest.raises(
        ValueError, match=r"plan\.gif: must end in one of \.png, \.svg, \.pdf, \.html"
    ):
        show(instance_of(small()), None).save(tmp_path / "plan.gif")
    assert list(tmp_path.iterdir()) == []


def test_a_plan_of_another_instance_is_refused_and_leaves_the_old_file(tmp_path: Path) -> None:
    """What does not fit is named; a picture that was there stays, and nothing else is left."""
    path = tmp_path / "plan.svg"
    path.write_text("old")
    plan = PlanFile(objective=LATENCY, tasks=(TaskEntry(task="cam0", placement={"conv": "mars"}),))
    with pytest.raises(PlanError, match="layer conv is on mars"):
        show(instance_of(small()), plan).save(path)
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_matplotlib_is_not_imported_before_a_picture_is_drawn() -> None:
    """Importing the door of `show` costs no plotting library."""
    code = "import sys, splitfog.views.show; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0 B"), (999.4, "999 B"), (999.6, "1 kB"), (602112, "602 kB"), (1.234e9, "1.23 GB")],
)
def test_bytes_for_a_reader(value: float, text: str) -> None:
    """Three digits, decimal prefixes, rounding before the prefix is chosen."""
    assert style.in_bytes(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0 s"), (0.0312, "31.2 ms"), (0.9996, "1 s"), (4e-6, "4 µs"), (2e-10, "0.2 ns")],
)
def test_seconds_for_a_reader(value: float, text: str) -> None:
    """Three digits, rounding before the unit is chosen."""
    assert style.in_seconds(value) == text


def test_nodes_differ_in_colour_and_tiers_in_hue() -> None:
    """Up to seven tiers and many nodes: no two nodes of ten look the same."""
    nodes = tuple(Node(name=f"n{i}", tier=("a", "b")[i % 2], speed_flops=1.0) for i in range(10))
    instance = Instance(
        name="x", tiers=("a", "b"), nodes=nodes, links=(), models=(small(),),
        tasks=(Task(name="t", model="small", source="n0"),),
    )  # fmt: skip
    assert len(set(style.Palette(instance).nodes)) == 10


def test_nodes_of_a_tier_differ_under_black_text() -> None:
    """Six shades of every hue: black is readable on each, and neighbours differ to the eye."""
    tiers = ("a", "b", "c", "d", "e", "f", "g")
    nodes = tuple(
        Node(name=f"{tier}{i}", tier=tier, speed_flops=1.0) for tier in tiers for i in range(6)
    )
    instance = Instance(
        name="x", tiers=tiers, nodes=nodes, links=(), models=(small(),),
        tasks=(Task(name="t", model="small", source="a0"),),
    )  # fmt: skip
    colours = style.Palette(instance).nodes
    assert {style.ink_on(colour) for colour in colours} == {"#111111"}
    for tier in range(len(tiers)):
        # L* of CIE 1976 is 116 Y^(1/3) - 16; a difference of some 2 is just seen
        light = [116 * style.luminance(c) ** (1 / 3) - 16 for c in colours[6 * tier :][:6]]
        assert all(before - after >= 4 for before, after in pairwise(light))


def test_the_legend_lists_every_colour_of_a_node() -> None:
    """A node that only forwards sends in its colour in the timeline: it is in the legend, too."""
    instance = instance_of(small(), results_to="pi")
    plan = split(instance, 0.4, 0.4)
    far = describe(instance, placed([0, 0, 0, 0, 2]), LATENCY, solver="own", status="feasible")
    for given in (plan, far):
        sheet = next(show(instance, given).contents.sheets(many=False))
        figure = sheet.figure()
        named = {colour for _, colour in sheet.swatches}
        for node, colour in zip(instance.nodes, style.Palette(instance).nodes, strict=True):
            patches = [patch for axes in figure.axes for patch in axes.patches]
            assert any(patch.get_facecolor()[:3] == colour for patch in patches) == (
                colour in named
            ), node.name
    assert "fog (edge)" in svg_of(instance, far)[1]


def test_a_gap_that_counts_as_none_is_none() -> None:
    """2.3e-13 relative is proven: 0 %, as everywhere else."""
    instance = instance_of(small())
    plan = changed(split(instance, 0.4, 0.4), lower_bound=0.4, gap=2.3e-13)
    line = next(text for text in svg_of(instance, plan)[1] if "bound" in text)
    assert line.endswith("gap 0 %")


def staged(count: int, tasks: int = 1) -> tuple[Instance, Plan]:
    """A chain of 3x3 convolutions, each a stage of its own in two halves, in one task or more."""
    layers = [Layer(name="image", op="input", output_shape=(1, 8, 8), output_bytes=6400)]
    for i in range(count):
        layers.append(
            Layer(
                name=f"conv{i}", op="conv", inputs=(layers[-1].name,), flops=1e9,
                output_shape=(1, 8, 8), output_bytes=6400,
                window=Window(kernel=(3, 3), padding=(1, 1, 1, 1)),
            )
        )  # fmt: skip
    one = instance_of(Model(name="convs", layers=tuple(layers)))
    names = tuple(Task(name=f"cam{i}", model="convs", source="pi") for i in range(tasks))
    instance = changed(one, tasks=names)
    halves = (Slice(1, (0, 4), (0, 8)), Slice(2, (4, 8), (0, 8)))
    stages = tuple(Stage((i + 1,), 0, halves) for i in range(count))
    own = TaskDecision(np.zeros(count + 1, np.int64), None, stages)
    return instance, describe(instance, Decision((own,) * tasks), LATENCY, status="feasible")


def drawn_stages(text: str) -> list[str]:
    """Which stages have tiles in a text of SVG."""
    return re.findall(r">Stage ([^:<]+):", text)


def drawn_tasks(text: str) -> list[int]:
    """Which tasks have a first box in a text of SVG, by position."""
    return [int(task) for task in re.findall(r'<g id="dag(\d+)-0">', text)]


def pages(content: bytes) -> int:
    """The number of pages of a PDF."""
    (count,) = re.findall(rb"/Count (\d+)", content)
    return int(count)


def test_a_sheet_says_how_many_stages_it_leaves_out() -> None:
    """Of seven stages three are drawn on a sheet, with that sentence; of three all, without."""
    instance, plan = staged(7)
    picture = show(instance, plan)
    svg = picture.encoded(".svg").decode()
    assert drawn_stages(svg) == ["0", "1", "2"]
    assert ">3 of 7 stages drawn<" in svg
    assert picture.left_out(".png") == ("3 of 7 stages drawn",)
    assert "stages drawn" not in show(*staged(3)).encoded(".svg").decode()


def test_a_page_and_a_pdf_hold_all_stages() -> None:
    """All of 20 stages, once, in HTML; a PDF has pages for them."""
    picture = show(*staged(20))
    page = picture.encoded(".html").decode()
    assert drawn_stages(page) == [str(i) for i in range(20)]
    assert "3 of 20 stages drawn here" in page
    assert picture.left_out(".html") == picture.left_out(".pdf") == ()
    # 17 further stages of TITLE 0.27 + 0.55 + MAP 2.1 inches and a timeline of 0.27 + 6 rows of
    # 0.26 + 0.35: 5.1 inches each, so that 11 fit in 60 inches: two sheets and the first
    assert pages(picture.encoded(".pdf")) == 3


def test_a_page_and_a_pdf_hold_all_tasks() -> None:
    """Six tasks of one stage: four DAGs on the first sheet, two on the next; each stage once."""
    instance, plan = staged(1, tasks=6)
    page = show(instance, plan).encoded(".html").decode()
    assert drawn_tasks(page) == [0, 1, 2, 3, 4, 5]
    assert "the first 4 of 6 tasks drawn here; loads are of all" in page
    assert ">tasks 5 to 6 of 6<" in page
    assert drawn_stages(page) == [f"0 of cam{i}" for i in range(6)]
    roots = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert len(roots) == 3 and all(
        ElementTree.fromstring(root).tag.endswith("svg") for root in roots
    )


def test_the_chosen_tasks_are_drawn() -> None:
    """Of six tasks the two that are named, and their stages; in the file's order."""
    instance, plan = staged(1, tasks=6)
    svg = show(instance, plan, tasks=["cam5", "cam2", "cam5"]).encoded(".svg").decode()
    assert drawn_tasks(svg) == [2, 5]
    assert drawn_stages(svg) == ["0 of cam2", "0 of cam5"]
    assert drawn_tasks(show(instance, plan, tasks="cam1")._repr_svg_()) == [1]


def test_all_chosen_tasks_are_on_the_first_sheet() -> None:
    """Six named ones, though a sheet holds four of those that are not."""
    instance, plan = staged(1, tasks=6)
    picture = show(instance, plan, tasks=[task.name for task in instance.tasks])
    assert drawn_tasks(picture._repr_svg_()) == [0, 1, 2, 3, 4, 5]
    assert not any("tasks drawn" in line for line in picture.left_out(".svg"))


def test_models_of_chosen_tasks_are_drawn_without_a_plan() -> None:
    """The second of two models."""
    other = Model(name="other", layers=small().layers)
    svg = show(instance_of(small(), other), tasks="cam1").encoded(".svg").decode()
    assert ">model other<" in svg and ">model small<" not in svg


def test_unknown_tasks_and_panels_are_named() -> None:
    """With those that there are."""
    instance, plan = staged(1)
    with pytest.raises(LookupError, match="task 'cam', did you mean 'cam0'"):
        show(instance, plan, tasks=["cam"])
    with pytest.raises(LookupError, match="panel 'timelin', did you mean 'timeline'"):
        show(instance_of(small()), split(instance_of(small()), 0.4, 0.4), panel="timelin")
    with pytest.raises(ValueError, match="must name at least one"):
        show(instance, plan, tasks=[])


def test_a_panel_stands_alone() -> None:
    """Each has its own title and none of the others'; the DAG has all boxes."""
    instance = instance_of(small())
    picture = show(instance, split(instance, 0.4, 0.4))
    titles = {
        "nodes": "Nodes: busy", "links": "Links: busy", "tasks": "Tasks: compute",
        "crossings": "Tensors that cross", "timeline": "Timeline: layers", "profile": "Profile of",
    }  # fmt: skip
    assert list(picture.panels) == ["dag", *titles]
    for name, panel in picture.panels.items():
        svg = panel.encoded(".svg").decode()
        assert {t for t, words in titles.items() if f">{words}" in svg} == {name} - {"dag"}
        assert (svg.count('<g id="dag0-') == 5) == (name == "dag")
        assert svg == show(instance, split(instance, 0.4, 0.4), panel=name).encoded(".svg").decode()


def test_a_panel_of_stages_holds_all_of_them() -> None:
    """Seven, and the legend of their nodes."""
    svg = show(*staged(7), panel="stages").encoded(".svg").decode()
    assert drawn_stages(svg) == [str(i) for i in range(7)]
    assert {"fog (edge)", "gpu (cloud)"} <= set(re.findall(r">([^<>]+)</text>", svg))


def test_a_panel_too_long_for_a_sheet_says_so() -> None:
    """Of 20 stages of 5.1 inches, 11 stand on a sheet of 60; a PDF has a page for the others."""
    panel = show(*staged(20)).panels["stages"]
    assert ">stages: 1 to 11 of 20<" in panel.encoded(".svg").decode()
    assert panel.left_out(".svg") == ("stages: 1 to 11 of 20 drawn",)
    assert panel.left_out(".pdf") == ()
    assert pages(panel.encoded(".pdf")) == 2


def _stairs(panel: ProgressPanel, colour: str) -> list[tuple[float, float]]:
    """The corners of a line of a panel, in inches, y downwards."""
    axes = Figure((8, 2)).add_axes((0, 0, 1, 1))
    panel.draw(axes, 8.0)
    (line,) = [x for x in axes.lines if x.get_color() == colour and x.get_linestyle() == "-"]
    return [(x, y) for x, y in np.asarray(line.get_xydata()).tolist()]


def test_progress_is_drawn_to_one_scale() -> None:
    """Values 4, then 2 s; a bound of 1 s from half of the 8 s on: each from its step to the next,
    the value going down to a third of the heights from 1 to 4 s, the bound at the bottom."""
    panel = ProgressPanel(((0.0, 4.0, None), (4.0, 4.0, 1.0), (6.0, 2.0, 1.0)), 8.0)
    value, bound = _stairs(panel, VALUE), _stairs(panel, BOUND)
    left, right = value[0][0], value[-1][0]
    assert [(x - left) / (right - left) for x, _ in value] == pytest.approx(
        [0, 0.5, 0.5, 0.75, 0.75, 1]
    )
    top, bottom = value[0][1], bound[0][1]
    assert [(bottom - y) / (bottom - top) for _, y in value] == pytest.approx(
        [1, 1, 1, 1, 1 / 3, 1 / 3]
    )
    assert bound[0] == pytest.approx((left + 0.5 * (right - left), bottom))
    assert {y for _, y in bound} == {bottom}


def test_a_search_has_a_panel_of_its_progress() -> None:
    """With its last figures; a plan that says nothing but its end has none."""
    instance = instance_of(small())
    plan = solve(instance, "evolution")
    assert len(plan.progress) > 1
    picture = show(instance, plan)
    assert "progress" in picture.panels
    svg = picture.panels["progress"].encoded(".svg").decode()
    assert ">Progress of the search: value (blue), bound (orange)<" in svg
    assert "progress" not in show(instance, plan.without_times()).panels


def test_an_instance_has_the_panels_of_an_instance() -> None:
    """Without a plan: the DAG and the profile."""
    assert list(show(instance_of(small())).panels) == ["dag", "profile"]
    assert repr(show(instance_of(small()))) == "<Picture of line: dag, profile>"


def test_notebooks_display_the_svg() -> None:
    """The file's drawing, from its first tag on; nothing is drawn before."""
    instance = instance_of(small())
    picture = show(instance)
    svg = picture._repr_svg_()
    assert svg.startswith("<svg") and picture.encoded(".svg").decode().endswith(svg)
    assert ElementTree.fromstring(svg).tag.endswith("svg")


def test_a_plan_in_a_notebook_is_escaped() -> None:
    """A model, a layer and a node named <script> are texts in the drawing and in the page."""
    name = "<script>alert(1)</script>"
    layers = (
        Layer(name=name, op="input", output_bytes=1e3),
        Layer(name="fc", op="linear", inputs=(name,), flops=1e6, output_bytes=1e3),
    )
    plain = instance_of(Model(name=name, layers=layers))
    nodes = (*plain.nodes[:2], Node(name=name, tier="cloud", speed_flops=1e12))
    links = (plain.links[0], Link(tail="fog", head=name, bandwidth_bps=80e6))
    instance = changed(plain, name=name, nodes=nodes, links=links)
    picture = show(instance, split(instance, 0.5, 0.0))
    assert "<script" not in picture._repr_svg_()
    assert "<script" not in picture.encoded(".html").decode()
