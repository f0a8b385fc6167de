"""Inception-v4 (Szegedy et al., arXiv 1602.07261, 2016)."""

from __future__ import annotations

from splitfog.instances.zoo.blocks import branch, classifier, conv_norm
from splitfog.instances.zoo.builder import Builder

ROW, COLUMN = (1, 7), (7, 1)


def inception_v4(net: Builder) -> None:
    """Four modules at 35 x 35, seven at 17 x 17 and three at 8 x 8 (input 299)."""
    tensor = _stem(net)
    for number in range(1, 5):
        tensor = _module_35(net, f"inception_a{number}", tensor)
    tensor = _reduction_35(net, "reduction_a", tensor)
    for number in range(1, 8):
        tensor = _module_17(net, f"inception_b{number}", tensor)
    tensor = _reduction_17(net, "reduction_b", tensor)
    for number in range(1, 4):
        tensor = _module_8(net, f"inception_c{number}", tensor)
    classifier(net, tensor)


def _stem(net: Builder) -> str:
    tensor = conv_norm(net, "conv1", net.input(), 32, 3, 2)
    tensor = conv_norm(net, "conv2", tensor, 32, 3)
    tensor = conv_norm(net, "conv3", tensor, 64, 3, 1, 1)
    pooled = net.max_pool("stem1.pool", tensor, 3, 2)
    tensor = net.concat("stem1.concat", (pooled, branch(net, "stem1", tensor, (96, 3, 2))))
    short = branch(net, "stem2.branch1", tensor, (64, 1), (96, 3, 1))
    long = branch(net, "stem2.branch2", tensor, (64, 1), (64, ROW), (64, COLUMN), (96, 3, 1))
    tensor = net.concat("stem2.concat", (short, long))
    conv = branch(net, "stem3", tensor, (192, 3, 2))
    return net.concat("stem3.concat", (conv, net.max_pool("stem3.pool", tensor, 3, 2)))


def _module_35(net: Builder, name: str, tensor: str) -> str:
    branches = (
        branch(net, f"{name}.branch1", tensor, (96, 1)),
        branch(net, f"{name}.branch2", tensor, (64, 1), (96, 3)),
        branch(net, f"{name}.branch3", tensor, (64, 1), (96, 3), (96, 3)),
        _pooled(net, name, tensor, 96),
    )
    return net.concat(f"{name}.concat", branches)


def _reduction_35(net: Builder, name: str, tensor: str) -> str:
    branches = (
        branch(net, f"{name}.branch1", tensor, (384, 3, 2)),
        branch(net, f"{name}.branch2", tensor, (192, 1), (224, 3), (256, 3, 2)),
        net.max_pool(f"{name}.pool", tensor, 3, 2),
    )
    return net.concat(f"{name}.concat", branches)


def _module_17(net: Builder, name: str, tensor: str) -> str:
    long = ((192, 1), (192, COLUMN), (224, ROW), (224, COLUMN), (256, ROW))
    branches = (
        branch(net, f"{name}.branch1", tensor, (384, 1)),
        branch(net, f"{name}.branch2", tensor, (192, 1), (224, ROW), (256, COLUMN)),
        branch(net, f"{name}.branch3", tensor, *long),
        _pooled(net, name, tensor, 128),
    )
    return net.concat(f"{name}.concat", branches)


def _reduction_17(net: Builder, name: str, tensor: str) -> str:
    branches = (
        branch(net, f"{name}.branch1", tensor, (192, 1), (192, 3, 2)),
        branch(net, f"{name}.branch2", tensor, (256, 1), (256, ROW), (320, COLUMN), (320, 3, 2)),
        net.max_pool(f"{name}.pool", tensor, 3, 2),
    )
    return net.concat(f"{name}.concat", branches)


def _module_8(net: Builder, name: str, tensor: str) -> str:
    row, column = (1, 3), (3, 1)
    fork2 = branch(net, f"{name}.branch2", tensor, (384, 1))
    fork3 = branch(net, f"{name}.branch3", tensor, (384, 1), (448, column), (512, row))
    branches = (
        branch(net, f"{name}.branch1", tensor, (256, 1)),
        branch(net, f"{name}.branch2.row", fork2, (256, row)),
        branch(net, f"{name}.branch2.column", fork2, (256, column)),
        branch(net, f"{name}.branch3.row", fork3, (256, row)),
        branch(net, f"{name}.branch3.column", fork3, (256, column)),
        _pooled(net, name, tensor, 256),
    )
    return net.concat(f"{name}.concat", branches)


def _pooled(net: Builder, name: str, tensor: str, channels: int) -> str:
    pooled = net.average_pool(f"{name}.average", tensor, 3, 1, 1)
    return branch(net, f"{name}.branch4", pooled, (channels, 1))
