"""Inception-v3 (Szegedy et al., arXiv 1512.00567, 2015), without the auxiliary head."""

from __future__ import annotations

from splitfog.instances.zoo.blocks import branch, classifier, conv_norm
from splitfog.instances.zoo.builder import Builder


def inception_v3(net: Builder) -> None:
    """Eleven modules: three at 35 x 35, five at 17 x 17, three at 8 x 8 (input 299)."""
    tensor = _stem(net)
    for name, pooled in (("5b", 32), ("5c", 64), ("5d", 64)):
        tensor = _module_35(net, f"mixed{name}", tensor, pooled)
    tensor = _reduction_35(net, "mixed6a", tensor)
    for name, width in (("6b", 128), ("6c", 160), ("6d", 160), ("6e", 192)):
        tensor = _module_17(net, f"mixed{name}", tensor, width)
    tensor = _reduction_17(net, "mixed7a", tensor)
    for name in ("7b", "7c"):
        tensor = _module_8(net, f"mixed{name}", tensor)
    classifier(net, tensor)


def _stem(net: Builder) -> str:
    tensor = conv_norm(net, "conv1a", net.input(), 32, 3, 2)
    tensor = conv_norm(net, "conv2a", tensor, 32, 3)
    tensor = conv_norm(net, "conv2b", tensor, 64, 3, 1, 1)
    tensor = net.max_pool("pool2", tensor, 3, 2)
    tensor = conv_norm(net, "conv3b", tensor, 80, 1)
    tensor = conv_norm(net, "conv4a", tensor, 192, 3)
    return net.max_pool("pool4", tensor, 3, 2)


def _module_35(net: Builder, name: str, tensor: str, pooled: int) -> str:
    branches = (
        branch(net, f"{name}.branch1", tensor, (64, 1)),
        branch(net, f"{name}.branch2", tensor, (48, 1), (64, 5)),
        branch(net, f"{name}.branch3", tensor, (64, 1), (96, 3), (96, 3)),
        _pooled(net, name, tensor, pooled),
    )
    return net.concat(f"{name}.concat", branches)


def _reduction_35(net: Builder, name: str, tensor: str) -> str:
    branches = (
        branch(net, f"{name}.branch1", tensor, (384, 3, 2)),
        branch(net, f"{name}.branch2", tensor, (64, 1), (96, 3), (96, 3, 2)),
        net.max_pool(f"{name}.pool", tensor, 3, 2),
    )
    return net.concat(f"{name}.concat", branches)


def _module_17(net: Builder, name: str, tensor: str, width: int) -> str:
    row, column = (1, 7), (7, 1)
    branches = (
        branch(net, f"{name}.branch1", tensor, (192, 1)),
        branch(net, f"{name}.branch2", tensor, (width, 1), (width, row), (192, column)),
        branch(
            net,
            f"{name}.branch3",
            tensor,
            (width, 1),
            (width, column),
            (width, row),
            (width, column),
            (192, row),
        ),
        _pooled(net, name, tensor, 192),
    )
    return net.concat(f"{name}.concat", branches)


def _reduction_17(net: Builder, name: str, tensor: str) -> str:
    branches = (
        branch(net, f"{name}.branch1", tensor, (192, 1), (320, 3, 2)),
        branch(net, f"{name}.branch2", tensor, (192, 1), (192, (1, 7)), (192, (7, 1)), (192, 3, 2)),
        net.max_pool(f"{name}.pool", tensor, 3, 2),
    )
    return net.concat(f"{name}.concat", branches)


def _module_8(net: Builder, name: str, tensor: str) -> str:
    fork2 = branch(net, f"{name}.branch2", tensor, (384, 1))
    fork3 = branch(net, f"{name}.branch3", tensor, (448, 1), (384, 3))
    branches = (
        branch(net, f"{name}.branch1", tensor, (320, 1)),
        branch(net, f"{name}.branch2.row", fork2, (384, (1, 3))),
        branch(net, f"{name}.branch2.column", fork2, (384, (3, 1))),
        branch(net, f"{name}.branch3.row", fork3, (384, (1, 3))),
        branch(net, f"{name}.branch3.column", fork3, (384, (3, 1))),
        _pooled(net, name, tensor, 192),
    )
    return net.concat(f"{name}.concat", branches)


def _pooled(net: Builder, name: str, tensor: str, channels: int) -> str:
    pooled = net.average_pool(f"{name}.average", tensor, 3, 1, 1, count_padding=True)
    return branch(net, f"{name}.branch4", pooled, (channels, 1))
