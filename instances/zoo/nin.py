"""Network in Network for ImageNet (Lin et al., arXiv 1312.4400, 2013)."""

from __future__ import annotations

from splitfog.instances.zoo.blocks import conv_activation
from splitfog.instances.zoo.builder import Builder

# channels, kernel, stride, padding of a block's first convolution; channels of its two 1x1 ones
BLOCKS = (
    (96, 11, 4, 0, (96, 96)),
    (256, 5, 1, 2, (256, 256)),
    (384, 3, 1, 1, (384, 384)),
    (1024, 3, 1, 1, (1024, 1000)),
)


def nin(net: Builder) -> None:
    """Four blocks, each a convolution and two 1 x 1 convolutions; global mean at the end."""
    tensor = net.input()
    for block, (channels, kernel, stride, padding, pointwise) in enumerate(BLOCKS, start=1):
        if block > 1:
            tensor = net.max_pool(f"pool{block - 1}", tensor, 3, 2, ceil=True)
        tensor = conv_activation(net, f"conv{block}", tensor, channels, kernel, stride, padding)
        for number, width in enumerate(pointwise, start=1):
            tensor = conv_activation(net, f"conv{block}.pointwise{number}", tensor, width, 1)
    net.flatten("flatten", net.global_pool("pool4", tensor))
