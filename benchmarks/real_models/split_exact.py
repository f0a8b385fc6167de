"""Parts of real networks against the whole, bit for bit.

`python -m benchmarks.real_models.split_exact [FOLDER...]`.

Every graph in the onnx package (weights random, see `tests/cases/real/networks.py`) and every
trained model that is found in the folders, each at 20 random plans over three nodes (2 for the
three largest). Of every second plan the layers are anywhere, of the others in runs. Columns:
layers, parts of the plans, which were proven to be the fewest, and plans of which all outputs and
all tensors between parts are the same in every bit; seconds to import, and of one split and one
check on two inputs.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx

from benchmarks.common import asked_for, machine, table
from splitfog.deployment.models.onnx_import import import_onnx
from splitfog.deployment.splitting.check import check_split
from splitfog.deployment.splitting.split import split
from splitfog.instances.files import load_instance
from splitfog.instances.instance import Instance
from tests.cases.onnx_models import random_placement, three_nodes
from tests.cases.real.networks import GRAPHS, LARGE_GRAPHS, graph_path, trained, with_weights

PLANS, PLANS_OF_LARGE = 20, 2

Shapes = Mapping[str, tuple[int, ...]]


def models(scratch: Path, folders: list[Path]) -> Iterator[tuple[str, Path, Shapes]]:
    """(name, file, dimensions of inputs) of every model."""
    for path, inputs in trained(folders):
        yield path.stem, path, inputs
    for name in GRAPHS:
        path = scratch / f"{name}.onnx"
        onnx.save(with_weights(graph_path(name)), path)
        yield name, path, {}
        path.unlink()


def in_runs(instance: Instance, seed: int) -> dict[str, dict[str, str]]:
    """A random placement in which each layer is, nine times of ten, where the one before it is."""
    rng = np.random.default_rng(seed)
    (task,) = instance.tasks
    placement, groups = random_placement(instance, seed)[task.name], dict[str, str]()
    node = task.source or ""
    for layer in instance.model_of(task).layers:
        if layer.op == "input":
            continue
        if rng.random() < 0.1:
            node = instance.nodes[int(rng.integers(len(instance.nodes)))].name
        placement[layer.name] = (
            node if layer.group is None else groups.setdefault(layer.group, node)
        )
    return {task.name: placement}


def row(name: str, path: Path, inputs: Shapes, scratch: Path) -> list[object]:
    """One model's line of the table."""
    started = time.perf_counter()
    import_onnx(path, scratch / "model.json", inputs=inputs, nodes=three_nodes())
    imported_s = time.perf_counter() - started
    case = load_instance(scratch / "model.json")
    plans = PLANS_OF_LARGE if name in LARGE_GRAPHS else PLANS
    counts, fewest, exact, splits_s, checks_s = [], 0, 0, [], []
    for seed in range(plans):
        placement = random_placement(case, seed) if seed % 2 else in_runs(case, seed)
        started = time.perf_counter()
        done = split(case, placement, scratch / "parts")
        splits_s.append(time.perf_counter() - started)
        started = time.perf_counter()
        found = check_split(done.folder, inputs=2, seed=seed)
        checks_s.append(time.perf_counter() - started)
        counts.append(len(done.manifest.parts))
        fewest += done.fewest
        exact += found.exact and found.passed
        for fault in found.faults:
            print(f"{name}, plan {seed}: {fault}", flush=True)
        for part in done.manifest.parts:
            (done.folder / part.file).unlink()
    return [
        name,
        len(case.models[0].layers),
        f"{min(counts)} to {max(counts)}",
        f"{fewest} of {plans}",
        f"{exact} of {plans}",
        imported_s,
        min(splits_s),
        min(checks_s),
    ]


def main(folders: list[Path]) -> int:
    """Print the table, line by line as it comes; exit code 1 where anything differs."""
    print(f"{machine()}, onnx {onnx.__version__}\n")
    header = ["model", "layers", "parts", "fewest", "exact", "import", "split", "check"]
    print(table(header, []), flush=True)
    failed = False
    with TemporaryDirectory() as scratch:
        for name, path, inputs in models(Path(scratch), folders):
            line = row(name, path, inputs, Path(scratch))
            exact, plans = str(line[4]).split(" of ")
            failed |= exact != plans
            print(table(line, []).splitlines()[0], flush=True)  # type: ignore[arg-type]
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main([Path(name) for name in asked_for(__doc__, "folders with models")]))
