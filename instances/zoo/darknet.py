"""Darknet-53 (Redmon and Farhadi, arXiv 1804.02767, 2018)."""

from __future__ import annotations

from splitfog.instances.zoo.blocks import conv_norm
from splitfog.instances.zoo.builder import Builder


def darknet_53(net: Builder) -> None:
    """Twenty-three residual blocks in five stages; the head is a 1 x 1 convolution with bias."""
    tensor = conv_norm(net, "conv1", net.input(), 32, 3, 1, 1, activation="leaky")
    for stage, blocks in enumerate((1, 2, 8, 8, 4), start=1):
        width = 32 * 2**stage
        tensor = conv_norm(net, f"stage{stage}.down", tensor, width, 3, 2, 1, activation="leaky")
        for block in range(1, blocks + 1):
            tensor = _block(net, f"stage{stage}.block{block}", tensor, width)
    tensor = net.global_pool("pool", tensor)
    net.flatten("flatten", net.conv("head", tensor, 1000, 1))


def _block(net: Builder, name: str, tensor: str, width: int) -> str:
    branch = conv_norm(net, f"{name}.conv1", tensor, width // 2, 1, activation="leaky")
    branch = conv_norm(net, f"{name}.conv2", branch, width, 3, 1, 1, activation="leaky")
    return net.add(f"{name}.add", (tensor, branch))
