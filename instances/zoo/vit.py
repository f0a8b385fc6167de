"""Vision Transformer (Dosovitskiy et al., arXiv 2010.11929, 2020)."""

from __future__ import annotations

from splitfog.instances.zoo.builder import Builder

WIDTH, HIDDEN, DEPTH, PATCH = 768, 3072, 12, 16


def vit_b_16(net: Builder) -> None:
    """The base model with patches of 16 x 16: twelve encoder blocks on [197, 768] (input 224).

    Raises
    ------
    ValueError
        If the input size is not a multiple of 16.
    """
    if net.size % PATCH:
        raise ValueError(f"{net.name}: input size {net.size} must be a multiple of {PATCH}")
    tensor = net.conv("patches", net.input(), WIDTH, PATCH, PATCH)
    tensor = net.tokens("tokens", tensor)
    for block in range(1, DEPTH + 1):
        tensor = _attend(net, f"block{block}", tensor)
        tensor = _transform(net, f"block{block}", tensor)
    tensor = net.layer_norm("norm", tensor)
    net.linear("head", net.first_token("class_token", tensor), 1000)


def _attend(net: Builder, name: str, tensor: str) -> str:
    branch = net.layer_norm(f"{name}.norm1", tensor)
    branch = net.linear(f"{name}.qkv", branch, 3 * WIDTH)
    branch = net.attention(f"{name}.attention", branch)
    branch = net.linear(f"{name}.projection", branch, WIDTH)
    return net.add(f"{name}.add1", (tensor, branch))


def _transform(net: Builder, name: str, tensor: str) -> str:
    branch = net.layer_norm(f"{name}.norm2", tensor)
    branch = net.linear(f"{name}.mlp1", branch, HIDDEN)
    branch = net.activation(f"{name}.gelu", branch)
    branch = net.linear(f"{name}.mlp2", branch, WIDTH)
    return net.add(f"{name}.add2", (tensor, branch))
