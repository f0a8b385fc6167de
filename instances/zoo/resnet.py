"""ResNet (He et al., arXiv 1512.03385, 2015), ResNet-50 with the stride in its 3 x 3 layers."""

from __future__ import annotations

from collections.abc import Callable

from splitfog.instances.zoo.blocks import classifier, conv_norm
from splitfog.instances.zoo.builder import Builder

Residual = Callable[[Builder, str, str, int, int], str]


def resnet_18(net: Builder) -> None:
    """Eight blocks of two 3 x 3 convolutions."""
    _resnet(net, (2, 2, 2, 2), _basic, expansion=1)


def resnet_34(net: Builder) -> None:
    """Sixteen blocks of two 3 x 3 convolutions."""
    _resnet(net, (3, 4, 6, 3), _basic, expansion=1)


def resnet_50(net: Builder) -> None:
    """Sixteen bottleneck blocks (1 x 1, 3 x 3, 1 x 1)."""
    _resnet(net, (3, 4, 6, 3), _bottleneck, expansion=4)


def _resnet(net: Builder, depths: tuple[int, ...], residual: Residual, expansion: int) -> None:
    tensor = conv_norm(net, "conv1", net.input(), 64, 7, 2, 3)
    tensor = net.max_pool("pool1", tensor, 3, 2, 1)
    for stage, depth in enumerate(depths, start=1):
        width = 64 * 2 ** (stage - 1)
        for block in range(1, depth + 1):
            name = f"stage{stage}.block{block}"
            stride = 2 if stage > 1 and block == 1 else 1
            tensor = _block(net, name, tensor, width, stride, residual, expansion)
    classifier(net, tensor)


def _block(
    net: Builder,
    name: str,
    tensor: str,
    width: int,
    stride: int,
    residual: Residual,
    expansion: int,
) -> str:
    """A residual branch and its shortcut, projected where the shape changes."""
    branch = residual(net, name, tensor, width, stride)
    shortcut = tensor
    if stride > 1 or net.shape(tensor)[0] != width * expansion:
        shortcut = conv_norm(
            net, f"{name}.shortcut", tensor, width * expansion, 1, stride, activation=None
        )
    return net.activation(f"{name}.relu", net.add(f"{name}.add", (branch, shortcut)))


def _basic(net: Builder, name: str, tensor: str, width: int, stride: int) -> str:
    tensor = conv_norm(net, f"{name}.conv1", tensor, width, 3, stride, 1)
    return conv_norm(net, f"{name}.conv2", tensor, width, 3, 1, 1, activation=None)


def _bottleneck(net: Builder, name: str, tensor: str, width: int, stride: int) -> str:
    tensor = conv_norm(net, f"{name}.conv1", tensor, width, 1)
    tensor = conv_norm(net, f"{name}.conv2", tensor, width, 3, stride, 1)
    return conv_norm(net, f"{name}.conv3", tensor, 4 * width, 1, activation=None)
