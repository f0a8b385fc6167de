"""VGG (Simonyan and Zisserman, arXiv 1409.1556, 2014)."""

from __future__ import annotations

from splitfog.instances.zoo.blocks import conv_activation
from splitfog.instances.zoo.builder import Builder


def vgg_16(net: Builder) -> None:
    """Thirteen 3 x 3 convolutions in five blocks and three fully connected layers."""
    tensor = net.input()
    blocks = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
    for block, (channels, convs) in enumerate(blocks, start=1):
        for conv in range(1, convs + 1):
            tensor = conv_activation(net, f"conv{block}_{conv}", tensor, channels, 3, 1, 1)
        tensor = net.max_pool(f"pool{block}", tensor, 2, 2)
    tensor = net.flatten("flatten", net.adaptive_pool("average", tensor, 7))
    for name in ("fc6", "fc7"):
        tensor = net.activation(f"{name}.relu", net.linear(name, tensor, 4096))
    net.linear("fc8", tensor, 1000)
