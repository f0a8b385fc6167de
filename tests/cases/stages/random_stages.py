"""Random small stages and their slices, for hypothesis."""

from __future__ import annotations

from hypothesis import strategies as st

from splitfog.formulations.tiles.stage_shape import window_output
from splitfog.instances.records import Layer, Model, Window

Rectangle = tuple[int, int, int, int]


class _Builder:
    """Layers one after another; a tensor is its layer's position, its shape (C, H, W)."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        shape = (draw(st.integers(1, 3)), draw(st.integers(1, 9)), draw(st.integers(1, 9)))
        self.layers = [_layer("x", "input", (), shape)]

    def put(self, op: str, inputs: list[int], shape: tuple[int, ...], window: Window | None) -> int:
        names = tuple(self.layers[tensor].name for tensor in inputs)
        self.layers.append(_layer(f"l{len(self.layers)}", op, names, shape, window))
        return len(self.layers) - 1

    def shape(self, tensor: int) -> tuple[int, ...]:
        shape = self.layers[tensor].output_shape
        assert shape is not None
        return shape

    def windowed(self, op: str, trunk: int, window: Window, channels: int) -> int:
        size = window_output(window, *self.shape(trunk)[1:])
        return self.put(op, [trunk], (channels, *size), window)

    def conv(self, trunk: int, keep: bool = False) -> int:
        """A conv with any strides, dilations, groups and paddings that leave a map."""
        draw, shape = self.draw, self.shape(trunk)
        kernel, dilation = (draw(st.tuples(st.integers(1, 3), st.integers(1, 3))) for _ in "kd")
        spans = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
        if keep:
            before = [draw(st.integers(0, span - 1)) for span in spans]
            after = [span - 1 - first for span, first in zip(spans, before, strict=True)]
            stride = (1, 1)
        else:
            before = [draw(st.integers(0, 3)) for _ in spans]
            least = [
                max(0, span - size - first)
                for span, size, first in zip(spans, shape[1:], before, strict=True)
            ]
            after = [low + draw(st.integers(0, 3)) for low in least]
            stride = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
        groups = draw(st.sampled_from([1, shape[0]]))
        window = Window(
            kernel=kernel,
            stride=stride,
            dilation=dilation,
            padding=(before[0], before[1], after[0], after[1]),
            groups=groups,
        )
        return self.windowed("conv", trunk, window, groups * draw(st.integers(1, 2)))

    def pool(self, trunk: int) -> int:
        """A pool none of whose windows sees only padding (padding < kernel, no dilation)."""
        draw, shape = self.draw, self.shape(trunk)
        kernel = [draw(st.integers(1, min(3, size + 1))) for size in shape[1:]]
        before = [draw(st.integers(0, k - 1)) for k in kernel]
        after = [
            max(draw(st.integers(0, k - 1)), k - size - first)
            for k, size, first in zip(kernel, shape[1:], before, strict=True)
        ]
        window = Window(
            kernel=(kernel[0], kernel[1]),
            stride=draw(st.tuples(st.integers(1, 3), st.integers(1, 3))),
            padding=(before[0], before[1], after[0], after[1]),
            ceil=draw(st.booleans()),
            count_padding=draw(st.booleans()),
        )
        op = draw(st.sampled_from(["max-pool", "average-pool"]))
        return self.windowed(op, trunk, window, shape[0])

    def unary(self, trunk: int) -> int:
        op = self.draw(st.sampled_from(["norm", "activation", "identity"]))
        return self.put(op, [trunk], self.shape(trunk), None)

    def merge(self, trunk: int) -> int:
        """Branches that keep the map's size, joined again with each other or the trunk."""
        op = self.draw(st.sampled_from(["add", "multiply", "concat"]))
        branches = [self.conv(trunk, keep=True)]
        branches.append(self.draw(st.sampled_from([trunk, branches[0]])))
        if self.draw(st.booleans()):
            branches.append(self.unary(self.conv(trunk, keep=True)))
        same = [b for b in branches if self.shape(b) == self.shape(branches[0])]
        if op == "concat" or len(same) < len(branches):
            op, channels = "concat", sum(self.shape(b)[0] for b in branches)
        else:
            channels = self.shape(trunk)[0] if trunk in branches else self.shape(branches[0])[0]
        return self.put(op, branches, (channels, *self.shape(trunk)[1:]), None)


def _layer(
    name: str,
    op: str,
    inputs: tuple[str, ...],
    shape: tuple[int, ...],
    window: Window | None = None,
) -> Layer:
    num_bytes = float(shape[0] * shape[1] * shape[2])
    return Layer(
        name=name,
        op=op,  # type: ignore[arg-type]
        inputs=inputs,
        output_shape=shape,
        output_bytes=num_bytes,
        window=window,
    )


@st.composite
def stages(
    draw: st.DrawFn, max_blocks: int = 4, windows_only: bool = False
) -> tuple[Model, tuple[int, ...]]:
    """A model whose layers but the input `x` form a stage, in shuffled file order, and these.

    `windows_only`: a chain of convolutions and pools.
    """
    builder = _Builder(draw)
    trunk = 0
    for _ in range(draw(st.integers(1, max_blocks))):
        blocks = [builder.conv, builder.pool, builder.unary, builder.merge]
        trunk = draw(st.sampled_from(blocks[:2] if windows_only else blocks))(trunk)
    model = Model(name="m", layers=tuple(draw(st.permutations(builder.layers))))
    return model, tuple(i for i, layer in enumerate(model.layers) if layer.op != "input")


@st.composite
def coverings(draw: st.DrawFn, height: int, width: int) -> list[Rectangle]:
    """Rectangles that cover a map exactly once, down to one pixel each, in any order."""
    pieces: list[Rectangle] = []
    whole = [(0, height, 0, width)]
    depth = draw(st.integers(0, 7))
    while whole:
        r0, r1, c0, c1 = whole.pop()
        cuts = [("row", at) for at in range(r0 + 1, r1)] + [("col", at) for at in range(c0 + 1, c1)]
        if not cuts or len(pieces) + len(whole) >= depth:
            pieces.append((r0, r1, c0, c1))
            continue
        way, at = draw(st.sampled_from(cuts))
        whole += (
            [(r0, at, c0, c1), (at, r1, c0, c1)]
            if way == "row"
            else [(r0, r1, c0, at), (r0, r1, at, c1)]
        )
    return draw(st.permutations(pieces))
