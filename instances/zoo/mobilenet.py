"""MobileNet-V2 (Sandler et al., arXiv 1801.04381, 2018)."""

from __future__ import annotations

from splitfog.instances.zoo.blocks import classifier, conv_norm
from splitfog.instances.zoo.builder import Builder

# the paper's table 2: expansion, channels, repeats, stride of the first
STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


def mobilenet_v2(net: Builder) -> None:
    """Seventeen inverted residuals with depthwise convolutions."""
    tensor = conv_norm(net, "conv1", net.input(), 32, 3, 2, 1, activation="relu6")
    block = 0
    for expansion, channels, repeats, stride in STAGES:
        for repeat in range(repeats):
            block += 1
            first_stride = stride if repeat == 0 else 1
            tensor = _block(net, f"block{block}", tensor, expansion, channels, first_stride)
    classifier(net, conv_norm(net, "conv2", tensor, 1280, 1, activation="relu6"))


def _block(net: Builder, name: str, tensor: str, expansion: int, channels: int, stride: int) -> str:
    """Expand, filter every channel by itself, project; add the input where the shape is kept."""
    depth = net.shape(tensor)[0]
    wide, branch = expansion * depth, tensor
    if expansion > 1:
        branch = conv_norm(net, f"{name}.expand", branch, wide, 1, activation="relu6")
    branch = conv_norm(
        net, f"{name}.depthwise", branch, wide, 3, stride, 1, groups=wide, activation="relu6"
    )
    branch = conv_norm(net, f"{name}.project", branch, channels, 1, activation=None)
    keeps_shape = stride == 1 and depth == channels
    return net.add(f"{name}.add", (tensor, branch)) if keeps_shape else branch
