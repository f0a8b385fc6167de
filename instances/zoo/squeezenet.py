"""SqueezeNet (Iandola et al., arXiv 1602.07360, 2016)."""

from __future__ import annotations

from splitfog.instances.zoo.blocks import conv_activation
from splitfog.instances.zoo.builder import Builder

# channels of the squeezing and of each expanding convolution; None: a pool
FIRES = (
    (16, 64),
    (16, 64),
    (32, 128),
    None,
    (32, 128),
    (48, 192),
    (48, 192),
    (64, 256),
    None,
    (64, 256),
)


def squeezenet_1_0(net: Builder) -> None:
    """Version 1.0: eight fire modules between two convolutions, no fully connected layer."""
    tensor = conv_activation(net, "conv1", net.input(), 96, 7, 2)
    tensor = net.max_pool("pool1", tensor, 3, 2, ceil=True)
    number = 1
    for fire in FIRES:
        if fire is None:
            tensor = net.max_pool(f"pool{number}", tensor, 3, 2, ceil=True)
        else:
            number += 1
            tensor = _fire(net, f"fire{number}", tensor, *fire)
    tensor = conv_activation(net, "conv10", tensor, 1000, 1)
    net.flatten("flatten", net.global_pool("pool10", tensor))


def _fire(net: Builder, name: str, tensor: str, squeeze: int, expand: int) -> str:
    tensor = conv_activation(net, f"{name}.squeeze", tensor, squeeze, 1)
    small = conv_activation(net, f"{name}.expand1x1", tensor, expand, 1)
    large = conv_activation(net, f"{name}.expand3x3", tensor, expand, 3, 1, 1)
    return net.concat(f"{name}.concat", (small, large))
