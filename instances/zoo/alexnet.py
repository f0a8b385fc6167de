"""AlexNet, the single-tower form (Krizhevsky, arXiv 1404.5997, 2014)."""

from __future__ import annotations

from splitfog.instances.zoo.blocks import conv_activation
from splitfog.instances.zoo.builder import Builder


def alexnet(net: Builder) -> None:
    """Five convolutions and three fully connected layers; 61.1 M parameters."""
    tensor = conv_activation(net, "conv1", net.input(), 64, 11, 4, 2)
    tensor = net.max_pool("pool1", tensor, 3, 2)
    tensor = conv_activation(net, "conv2", tensor, 192, 5, 1, 2)
    tensor = net.max_pool("pool2", tensor, 3, 2)
    tensor = conv_activation(net, "conv3", tensor, 384, 3, 1, 1)
    tensor = conv_activation(net, "conv4", tensor, 256, 3, 1, 1)
    tensor = conv_activation(net, "conv5", tensor, 256, 3, 1, 1)
    tensor = net.max_pool("pool5", tensor, 3, 2)
    tensor = net.flatten("flatten", net.adaptive_pool("average", tensor, 6))
    for name in ("fc6", "fc7"):
        tensor = net.activation(f"{name}.relu", net.linear(name, tensor, 4096))
    net.linear("fc8", tensor, 1000)
