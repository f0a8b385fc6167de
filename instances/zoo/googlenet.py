"""GoogLeNet (Szegedy et al., arXiv 1409.4842, 2014) with batch norms.

As in the widespread library definition, 3 x 3 convolutions stand in place of the 5 x 5 ones, and
there are no auxiliary heads.
"""

from __future__ import annotations

from splitfog.instances.zoo.blocks import branch, classifier, conv_norm
from splitfog.instances.zoo.builder import Builder

# 1x1; reduce, 3x3; reduce, 3x3 (for 5x5); pool's 1x1 -- a pool (kernel) between the groups
MODULES: dict[str, tuple[int, int, int, int, int, int]] = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}
POOL_BEFORE = {"4a": ("pool3", 3), "5a": ("pool4", 2)}


def googlenet(net: Builder) -> None:
    """Nine Inception modules."""
    tensor = conv_norm(net, "conv1", net.input(), 64, 7, 2, 3)
    tensor = net.max_pool("pool1", tensor, 3, 2, ceil=True)
    tensor = conv_norm(net, "conv2", tensor, 64, 1)
    tensor = conv_norm(net, "conv3", tensor, 192, 3, 1, 1)
    tensor = net.max_pool("pool2", tensor, 3, 2, ceil=True)
    for name, channels in MODULES.items():
        if name in POOL_BEFORE:
            pool, kernel = POOL_BEFORE[name]
            tensor = net.max_pool(pool, tensor, kernel, 2, ceil=True)
        tensor = _module(net, f"inception{name}", tensor, channels)
    classifier(net, tensor)


def _module(
    net: Builder, name: str, tensor: str, channels: tuple[int, int, int, int, int, int]
) -> str:
    single, reduce2, triple2, reduce3, triple3, after_pool = channels
    pooled = net.max_pool(f"{name}.pool", tensor, 3, 1, 1, ceil=True)
    branches = (
        branch(net, f"{name}.branch1", tensor, (single, 1)),
        branch(net, f"{name}.branch2", tensor, (reduce2, 1), (triple2, 3)),
        branch(net, f"{name}.branch3", tensor, (reduce3, 1), (triple3, 3)),
        branch(net, f"{name}.branch4", pooled, (after_pool, 1)),
    )
    return net.concat(f"{name}.concat", branches)
