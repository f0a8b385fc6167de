"""Tiny YOLOv2 for the 20 classes of Pascal VOC (Redmon and Farhadi, arXiv 1612.08242, 2016)."""

from __future__ import annotations

from splitfog.instances.zoo.blocks import conv_norm
from splitfog.instances.zoo.builder import Builder


def tiny_yolov2(net: Builder) -> None:
    """Nine convolutions; the result is a map of 5 boxes x (20 classes + 5) = 125 channels."""
    tensor = net.input()
    for number, channels in enumerate((16, 32, 64, 128, 256, 512), start=1):
        tensor = conv_norm(net, f"conv{number}", tensor, channels, 3, 1, 1, activation="leaky")
        if number < 6:
            tensor = net.max_pool(f"pool{number}", tensor, 2, 2)
    tensor = net.max_pool("pool6", tensor, 2, 1, (0, 0, 1, 1))
    tensor = conv_norm(net, "conv7", tensor, 1024, 3, 1, 1, activation="leaky")
    tensor = conv_norm(net, "conv8", tensor, 1024, 3, 1, 1, activation="leaky")
    net.conv("conv9", tensor, 125, 1)
