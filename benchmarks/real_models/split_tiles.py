"""Slices of real operators and blocks against the whole, bit for bit.

`python -m benchmarks.real_models.split_tiles`.

Weights and inputs are whole numbers, so that sums are exact in any order and every difference is a
mistake of geometry. Single operators: convolutions and both poolings of random kernel, stride,
dilation, pads or `auto_pad`, groups, `ceil_mode`, `count_include_pad` and operator set (9, 13, 21,
22), each at 2 x 2, 3 x 1 and cut at random. Blocks: VGG, ResNet, Inception, SqueezeNet, MobileNet,
at these and around a fifth rectangle. Untimed; exit code 1 where anything differs.

An operator whose output ONNX Runtime sizes otherwise than the layer's window does (before operator
set 22 it keeps a last window that starts in the padding) is in no stage, and counted apart.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.common import asked_for, machine, table
from splitfog.formulations.tiles.stage_shape import stage_shape_defects
from splitfog.instances.instance import Instance
from tests.cases.real.tiles import (
    BLOCKS,
    Rectangle,
    check_tiles,
    grid_of,
    imported_block,
    output_size,
    pinwheel,
    uneven,
    windowed,
)

OPERATORS = 420
SEEDS = 5

Cuts = Sequence[tuple[str, list[Rectangle]]]


def cuts_of(case: Instance, seed: int) -> Cuts:
    """The ways in which an output is cut."""
    size = output_size(case)
    return (
        ("2 x 2", grid_of(*size, 2, 2)),
        ("3 x 1", grid_of(*size, 3, 1)),
        ("uneven", uneven(*size, seed)),
    )


def compared(case: Instance, cuts: Cuts, folder: Path) -> Iterator[tuple[str, bool]]:
    """Of every way to cut, whether parts and whole agree in every bit."""
    for name, tiles in cuts:
        _, found = check_tiles(case, tiles, folder)
        yield name, found.exact and found.passed


def operators(folder: Path) -> list[tuple[str, str, int, int]]:
    """(operator, cut, checks, exact), and how many operators no stage takes."""
    tried: Counter[tuple[str, str]] = Counter()
    exact: Counter[tuple[str, str]] = Counter()
    for seed in range(OPERATORS):
        case = imported_block(windowed(seed), folder / "model")
        layer = case.models[0].layers[1]
        if stage_shape_defects(case.models[0], [1]):
            tried[layer.op, "in no stage"] += 1
            continue
        for name, same in compared(case, cuts_of(case, seed), folder / "parts"):
            tried[layer.op, name] += 1
            exact[layer.op, name] += same
    return [(*key, tried[key], exact[key]) for key in sorted(tried)]


def blocks(folder: Path) -> list[tuple[str, str, int, int]]:
    """(block, cut, checks, exact)."""
    tried: Counter[tuple[str, str]] = Counter()
    exact: Counter[tuple[str, str]] = Counter()
    for block, make in BLOCKS.items():
        for seed in range(SEEDS):
            case = imported_block(make(seed), folder / "model")
            cuts = (*cuts_of(case, seed), ("around a fifth", pinwheel(*output_size(case))))
            for name, same in compared(case, cuts, folder / "parts"):
                tried[block, name] += 1
                exact[block, name] += same
    return [(*key, tried[key], exact[key]) for key in sorted(tried)]


def main() -> int:
    """Print both tables."""
    print(f"{machine()}\n")
    with TemporaryDirectory() as scratch:
        rows = [*operators(Path(scratch)), *blocks(Path(scratch))]
    print(table(["operator or block", "cut", "checks", "exact"], rows))
    checked = [row for row in rows if row[1] != "in no stage"]
    checks, exact = sum(row[2] for row in checked), sum(row[3] for row in checked)
    print(f"\n{exact} of {checks} exact")
    return 0 if exact == checks else 1


if __name__ == "__main__":
    asked_for(__doc__)
    sys.exit(main())
