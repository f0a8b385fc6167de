"""Building a network layer by layer: shapes are inferred, work and weights counted.

Conventions, the same for every network (values are float32, 4 bytes each):

- `weight_bytes`: 4 per parameter; weights, biases, scales and shifts of norms. The running
  statistics of a batch norm are not parameters.
- `flops` of `conv`, `linear` and `attention`: 2 per multiply-accumulate of the products, nothing
  else (no bias, no softmax), so that `Model.macs` is half their sum.
- `flops` of other layers, none of which enters the MAC figure: batch norm 2 per value, layer norm
  7 (mean 1, centring 1, variance 2, scaling 1, affine 2), activation 1, `add` and `multiply` 1
  for each input after the first, pooling 1 for each value under each window (global: each input
  value), embedding 1 (adding the positions); `concat`, `flatten` and selections move data only
  and count 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from splitfog.instances.records import Layer, Model, Op, Window

BYTES_PER_VALUE = 4

Pair = int | tuple[int, int]
Padding = Pair | tuple[int, int, int, int]


class Builder:
    """A network under construction; every method adds a layer and returns its tensor's name.

    Parameters
    ----------
    name
        The model's name, also the start of every error.
    size
        Rows and columns of the input image.
    """

    def __init__(self, name: str, size: int) -> None:
        self.name = name
        self.size = size
        self._layers: list[Layer] = []
        self._shapes: dict[str, tuple[int, ...]] = {}

    def model(self) -> Model:
        """The network built so far."""
        return Model(name=self.name, layers=tuple(self._layers))

    def shape(self, tensor: str) -> tuple[int, ...]:
        """Shape of a tensor: [channels, rows, columns], [tokens, features] or [features]."""
        return self._shapes[tensor]

    def input(self, channels: int = 3) -> str:
        """The image, [channels, size, size]."""
        return self._add("input", "input", (), (channels, self.size, self.size))

    def conv(
        self,
        name: str,
        tensor: str,
        channels: int,
        kernel: Pair,
        stride: Pair = 1,
        padding: Padding = 0,
        dilation: Pair = 1,
        groups: int = 1,
        bias: bool = True,
    ) -> str:
        """A convolution to `channels` output channels."""
        depth = self._image(name, tensor)[0]
        if depth % groups or channels % groups:
            raise self._wrong(
                name, f"{groups} groups do not divide {depth} and {channels} channels"
            )
        window = Window(
            kernel=_pair(kernel),
            stride=_pair(stride),
            padding=_sides(padding),
            dilation=_pair(dilation),
            groups=groups,
        )
        rows, columns = self._slide(name, tensor, window)
        weights = channels * (depth // groups) * prod(window.kernel)
        return self._add(
            name,
            "conv",
            (tensor,),
            (channels, rows, columns),
            flops=2 * weights * rows * columns,
            weights=weights + bias * channels,
            window=window,
        )

    def max_pool(
        self,
        name: str,
        tensor: str,
        kernel: Pair,
        stride: Pair,
        padding: Padding = 0,
        ceil: bool = False,
    ) -> str:
        """A maximum over windows."""
        window = Window(
            kernel=_pair(kernel), stride=_pair(stride), padding=_sides(padding), ceil=ceil
        )
        return self._pool(name, "max-pool", tensor, window)

    def average_pool(
        self,
        name: str,
        tensor: str,
        kernel: Pair,
        stride: Pair,
        padding: Padding = 0,
        ceil: bool = False,
        count_padding: bool = False,
    ) -> str:
        """A mean over windows; `count_padding` lets padded zeros count in its divisor."""
        window = Window(
            kernel=_pair(kernel),
            stride=_pair(stride),
            padding=_sides(padding),
            ceil=ceil,
            count_padding=count_padding,
        )
        return self._pool(name, "average-pool", tensor, window)

    def adaptive_pool(self, name: str, tensor: str, size: int) -> str:
        """Means that leave `size` x `size` values; nothing is added where the map has that size.

        Raises
        ------
        ValueError
            If the map's size is not a multiple of `size`: such windows are not all alike.
        """
        _, rows, columns = self._image(name, tensor)
        if (rows, columns) == (size, size):
            return tensor
        if rows % size or columns % size:
            raise self._wrong(name, f"{rows} x {columns} is not a multiple of {size} x {size}")
        window = (rows // size, columns // size)
        return self.average_pool(name, tensor, window, window)

    def global_pool(self, name: str, tensor: str) -> str:
        """The mean of every channel, [channels, 1, 1]."""
        shape = self._image(name, tensor)
        return self._add(name, "global-pool", (tensor,), (shape[0], 1, 1), flops=prod(shape))

    def batch_norm(self, name: str, tensor: str) -> str:
        """A scale and a shift for every channel."""
        shape = self._image(name, tensor)
        return self._add(
            name, "norm", (tensor,), shape, flops=2 * prod(shape), weights=2 * shape[0]
        )

    def layer_norm(self, name: str, tensor: str) -> str:
        """Normalisation over the last axis, with a scale and a shift for every feature."""
        shape = self._shapes[tensor]
        return self._add(
            name, "norm", (tensor,), shape, flops=7 * prod(shape), weights=2 * shape[-1]
        )

    def activation(self, name: str, tensor: str) -> str:
        """A function of every value (the name says which)."""
        shape = self._shapes[tensor]
        return self._add(name, "activation", (tensor,), shape, flops=prod(shape))

    def add(self, name: str, tensors: Sequence[str]) -> str:
        """The sum of tensors of one shape."""
        return self._elementwise(name, "add", tensors)

    def multiply(self, name: str, tensors: Sequence[str]) -> str:
        """The product, value by value, of tensors of one shape."""
        return self._elementwise(name, "multiply", tensors)

    def concat(self, name: str, tensors: Sequence[str]) -> str:
        """Maps of one size, their channels one after another."""
        shapes = [self._image(name, tensor) for tensor in tensors]
        if len({shape[1:] for shape in shapes}) != 1:
            raise self._wrong(name, f"maps of different sizes {shapes}")
        channels = sum(shape[0] for shape in shapes)
        return self._add(name, "concat", tensors, (channels, *shapes[0][1:]))

    def flatten(self, name: str, tensor: str) -> str:
        """All values as one vector."""
        return self._add(name, "flatten", (tensor,), (prod(self._shapes[tensor]),))

    def linear(self, name: str, tensor: str, features: int, bias: bool = True) -> str:
        """A fully connected layer on the last axis."""
        *rows, depth = self._shapes[tensor]
        return self._add(
            name,
            "linear",
            (tensor,),
            (*rows, features),
            flops=2 * prod(rows) * depth * features,
            weights=depth * features + bias * features,
        )

    def tokens(self, name: str, tensor: str) -> str:
        """A map as tokens, [1 + rows x columns, channels]: a class token first, positions added."""
        channels, rows, columns = self._image(name, tensor)
        shape = (1 + rows * columns, channels)
        return self._add(
            name, "embedding", (tensor,), shape, flops=prod(shape), weights=channels + prod(shape)
        )

    def attention(self, name: str, tensor: str) -> str:
        """Self-attention's two products on [tokens, 3 x features] (query, key, value side by side).

        Their work is the same for any number of heads.
        """
        tokens, packed = self._shapes[tensor]
        features = packed // 3
        return self._add(
            name, "attention", (tensor,), (tokens, features), flops=4 * tokens * tokens * features
        )

    def first_token(self, name: str, tensor: str) -> str:
        """The class token alone, [features]."""
        return self._add(name, "other", (tensor,), (self._shapes[tensor][-1],))

    def _pool(self, name: str, op: Op, tensor: str, window: Window) -> str:
        shape = (self._image(name, tensor)[0], *self._slide(name, tensor, window))
        flops = prod(shape) * prod(window.kernel)
        return self._add(name, op, (tensor,), shape, flops=flops, window=window)

    def _elementwise(self, name: str, op: Op, tensors: Sequence[str]) -> str:
        shapes = [self._shapes[tensor] for tensor in tensors]
        if len(set(shapes)) != 1:
            raise self._wrong(name, f"tensors of different shapes {shapes}")
        return self._add(name, op, tensors, shapes[0], flops=prod(shapes[0]) * (len(tensors) - 1))

    def _slide(self, name: str, tensor: str, window: Window) -> tuple[int, int]:
        _, height, width = self._shapes[tensor]
        rows, columns = window_output(height, width, window)
        if min(rows, columns) < 1:
            kernel = " x ".join(map(str, window.kernel))
            raise self._wrong(
                name, f"a window of {kernel} does not fit a map of {height} x {width}"
            )
        return rows, columns

    def _image(self, name: str, tensor: str) -> tuple[int, int, int]:
        shape = self._shapes[tensor]
        if len(shape) != 3:
            raise self._wrong(name, f"{tensor} is {list(shape)}, not [channels, rows, columns]")
        return shape[0], shape[1], shape[2]

    def _wrong(self, layer: str, reason: str) -> ValueError:
        return ValueError(f"{self.name} at input size {self.size}: layer {layer!r}: {reason}")

    def _add(
        self,
        name: str,
        op: Op,
        inputs: Sequence[str],
        shape: tuple[int, ...],
        flops: int = 0,
        weights: int = 0,
        window: Window | None = None,
    ) -> str:
        layer = Layer(
            name=name,
            op=op,
            inputs=tuple(inputs),
            flops=float(flops),
            weight_bytes=float(BYTES_PER_VALUE * weights),
            output_shape=shape,
            output_bytes=float(BYTES_PER_VALUE * prod(shape)),
            window=window,
        )
        self._layers.append(layer)
        self._shapes[name] = shape
        return name


def _pair(value: Pair) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else value


def _sides(padding: Padding) -> tuple[int, int, int, int]:
    """Padding as [top, left, bottom, right]; a pair pads rows and columns, alike on both sides."""
    if isinstance(padding, tuple) and len(padding) == 4:
        return padding
    rows, columns = _pair(padding)
    return rows, columns, rows, columns


def window_output(height: int, width: int, window: Window) -> tuple[int, int]:
    """Rows and columns that a window yields on a map of `height` x `width` (ONNX's formula).

    With `ceil` a last window that would start behind the input and the padding before it is left
    out. A size below 1 means that the window does not fit.
    """
    top, left, bottom, right = window.padding
    return (
        _axis_output(height, window, 0, top, bottom),
        _axis_output(width, window, 1, left, right),
    )


def _axis_output(size: int, window: Window, axis: int, before: int, after: int) -> int:
    stride = window.stride[axis]
    room = size + before + after - (window.kernel[axis] - 1) * window.dilation[axis] - 1
    if room < 0:
        return 0
    if not window.ceil:
        return room // stride + 1
    windows = -(-room // stride) + 1
    return windows - 1 if (windows - 1) * stride >= size + before else windows
