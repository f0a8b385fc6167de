"""Groups of layers that several architectures share."""

from __future__ import annotations

from splitfog.instances.zoo.builder import Builder, Padding, Pair


def conv_activation(
    net: Builder,
    name: str,
    tensor: str,
    channels: int,
    kernel: Pair,
    stride: Pair = 1,
    padding: Padding = 0,
) -> str:
    """A convolution with bias and its rectifier."""
    tensor = net.conv(name, tensor, channels, kernel, stride, padding)
    return net.activation(f"{name}.relu", tensor)


def conv_norm(
    net: Builder,
    name: str,
    tensor: str,
    channels: int,
    kernel: Pair,
    stride: Pair = 1,
    padding: Padding = 0,
    groups: int = 1,
    activation: str | None = "relu",
) -> str:
    """A convolution without bias, its batch norm and, if named, its activation."""
    tensor = net.conv(name, tensor, channels, kernel, stride, padding, groups=groups, bias=False)
    tensor = net.batch_norm(f"{name}.norm", tensor)
    return tensor if activation is None else net.activation(f"{name}.{activation}", tensor)


def classifier(net: Builder, tensor: str, classes: int = 1000) -> str:
    """Global mean, flattening and one fully connected layer."""
    tensor = net.flatten("flatten", net.global_pool("pool", tensor))
    return net.linear("fc", tensor, classes)


Step = tuple[int, Pair] | tuple[int, Pair, int]


def branch(net: Builder, name: str, tensor: str, *steps: Step) -> str:
    """Convolutions with norm and rectifier, one after another, as in the Inception networks.

    A step is (channels, kernel), which keeps the map's size, or (channels, kernel, stride), which
    is not padded.
    """
    for number, (channels, kernel, *strides) in enumerate(steps, start=1):
        stride = strides[0] if strides else 1
        padding = 0 if strides else same_padding(kernel)
        tensor = conv_norm(net, f"{name}.conv{number}", tensor, channels, kernel, stride, padding)
    return tensor


def same_padding(kernel: Pair) -> Pair:
    """The padding on each side that keeps a map's size at stride 1 (odd kernels)."""
    return kernel // 2 if isinstance(kernel, int) else (kernel[0] // 2, kernel[1] // 2)
