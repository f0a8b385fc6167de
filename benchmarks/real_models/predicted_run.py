"""Predictions against the clock.

`python -m benchmarks.real_models.predicted_run [FOLDER...] [PICTURE.svg]`.

Every trained model that is found in the folders, and some graphs of the onnx package, each cut at
three places of its order over a Pi (4 times slower than this machine), a box (twice) and a server.
A shared machine changes its speed by half from one second to the next, so that measuring layers
and running requests take turns, `ROUNDS` times a plan, and both sides are medians over all turns.
Columns: seconds of all parts as predicted and in CPU time (slower nodes' times as many), of a
request as predicted part by part and by the clock. Models whose profile says itself that it is not
reliable (runs of under 2 ms) are starred, and left out of the second line of errors.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
import onnx
from matplotlib.figure import Figure

import splitfog as sf
from benchmarks.common import asked_for, machine, table
from splitfog.instances.changes import with_times
from splitfog.views.charts.figure_file import save_chart
from tests.cases.onnx_models import three_nodes
from tests.cases.real.networks import graph_path, trained, with_weights

GRAPHS = ("squeezenet", "shufflenet", "inception_v1")
SLOW = {"pi": 4.0, "box": 2.0, "server": 1.0}
LINKS = ({"pi": 1e9, "box": 1e9}, {"pi": 3e8, "box": 1e8})
"""Bandwidths to the next node, bit/s: of plans 0, 2, ..., bound by computing, and of 1, 3, ..."""

PLANS, ROUNDS, REQUESTS = 3, 2, 12
"""After a pause such a machine is slower by half for some requests: hence so many of them."""

PAUSE_S = 0.05
"""Before a measured run, about as long as a node rests between requests."""

Dims = dict[str, tuple[int, ...]]

Row = tuple[str, float, float, float, float]
"""Name, compute predicted and in CPU seconds, a request as predicted and by the clock."""


def models(
    scratch: Path, folders: list[Path]
) -> Iterator[tuple[str, Path, dict[str, tuple[int, ...]]]]:
    """(name, file, dimensions of inputs) of every model."""
    for path, inputs in trained(folders):
        yield path.stem, path, dict(inputs)
    for name in GRAPHS:
        onnx.save(with_weights(graph_path(name)), scratch / f"{name}.onnx")
        yield name, scratch / f"{name}.onnx", {}


def cut(instance: sf.Instance, seed: int) -> dict[str, dict[str, str]]:
    """The model's order cut at two random places; a group is where its first layer is."""
    (task,) = instance.tasks
    model = instance.model_of(task)
    ends = np.sort(np.random.default_rng(seed).integers(0, len(model.layers) + 1, 2))
    placement: dict[str, str] = {}
    groups: dict[str, str] = {}
    for position, i in enumerate(model.order.tolist()):
        layer = model.layers[i]
        node = list(SLOW)[int(np.searchsorted(ends, position, side="right"))]
        if layer.op == "input":
            node = "pi"
        elif layer.group is not None:
            node = groups.setdefault(layer.group, node)
        placement[layer.name] = node
    return {task.name: placement}


def rows(name: str, path: Path, inputs: Dims, scratch: Path) -> Iterator[Row]:
    """A model's plans, one after another."""
    file = scratch / "model.json"
    for seed in range(PLANS):
        speeds = LINKS[seed % len(LINKS)]
        fog = three_nodes().with_link("pi", "box", bandwidth_bps=speeds["pi"])
        fog = fog.with_link("box", "server", bandwidth_bps=speeds["box"])
        sf.import_onnx(path, file, inputs=inputs, nodes=fog)
        instance = sf.load_instance(file)
        whole, plan = file.with_suffix(".onnx"), cut(instance, seed)
        folder = sf.split(instance, plan, scratch / f"{name}-{seed}", model=whole).folder
        taken: dict[str, list[float]] = {}
        spent_s, request_s, doubts = [], [], 0
        for _ in range(ROUNDS):
            profile = sf.measure_times(file, pause_s=PAUSE_S)
            doubts += bool(profile.doubt)
            for time in profile.times:
                taken.setdefault(time.layer, []).append(time.seconds)
            ran = sf.run(folder, requests=REQUESTS, slow=SLOW).plans[0]
            assert ran.passed, ran.lost
            spent_s.append(sum((part.cpu_s or 0.0) * SLOW[part.node] for part in ran.parts))
            request_s.append(ran.median_s or 0.0)
        times = {x: {n: median(s) * f for n, f in SLOW.items()} for x, s in taken.items()}
        timed = with_times(instance, times)
        again = sf.split(timed, plan, scratch / f"{name}-{seed}-timed", model=whole).folder
        said = sf.run(again, requests=1).plans[0]
        said_s = sum(part.predicted_s for part in said.parts)
        label = f"{name} {seed}{'*' if doubts > ROUNDS / 2 else ''}"
        yield label, said_s, median(spent_s), said.predicted_parts_s, median(request_s)


def errors(pairs: Sequence[tuple[float, float]]) -> str:
    """Median, 90 % and worst of how far the measured one is from the predicted."""
    found = np.array([abs(measured / predicted - 1) for predicted, measured in pairs])
    return f"{median(found):.1%}, {np.percentile(found, 90):.1%}, {found.max():.1%}"


def draw(found: Sequence[Row], path: Path) -> None:
    """Every request's median by the clock over what was predicted, and the CPU seconds likewise."""

    def figure() -> Figure:
        drawn = Figure((6, 5), layout="constrained")
        axes = drawn.subplots()
        for label, x, y in (("parts, CPU seconds", 1, 2), ("a request, by the clock", 3, 4)):
            axes.loglog([row[x] for row in found], [row[y] for row in found], ".", label=label)
        ends = [min(row[1] for row in found) / 2, max(row[4] for row in found) * 2]
        axes.plot(ends, ends, color="#999999", linewidth=0.8)
        axes.set_xlabel("predicted, s")
        axes.set_ylabel("measured, s")
        axes.legend()
        return drawn

    save_chart(figure, path)


def main(arguments: list[str]) -> None:
    """Print the table."""
    words = [Path(word) for word in arguments]
    picture = next((word for word in words if word.suffix in (".png", ".svg")), None)
    folders = [word for word in words if word != picture]
    found: list[Row] = []
    with TemporaryDirectory() as folder:
        scratch = Path(folder)
        for name, path, inputs in models(scratch, folders):
            for row in rows(name, path, inputs, scratch):
                print(*row, file=sys.stderr, flush=True)
                found.append(row)
    print(machine(), "\n")
    print(table(["plan", "parts predicted", "CPU", "request predicted", "by the clock"], found))
    bound = sum(row[1] > row[3] / 2 for row in found)
    print(f"\n{len(found)} plans, {bound} bound by computing; errors (median, 90 %, worst):")
    for what, counted in (("all", found), ("reliable", [r for r in found if "*" not in r[0]])):
        print(f"{what}, {len(counted)} plans:")
        print("parts, CPU seconds:", errors([(row[1], row[2]) for row in counted]))
        print("a request, by the clock:", errors([(row[3], row[4]) for row in counted]))
    if picture is not None:
        draw(found, picture)


if __name__ == "__main__":
    main(asked_for(__doc__, "folders with models, and the picture to draw (.png or .svg)"))
