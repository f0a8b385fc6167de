"""The model zoo: published architectures, layer by layer, without weights."""

from __future__ import annotations

from importlib import import_module

from splitfog.instances.arguments import whole
from splitfog.instances.lookup import look_up
from splitfog.instances.records import Model

# name: module and usual input size; the module has a function of the same name
_NETWORKS = {
    "alexnet": ("alexnet", 224),
    "vgg-16": ("vgg", 224),
    "resnet-18": ("resnet", 224),
    "resnet-34": ("resnet", 224),
    "resnet-50": ("resnet", 224),
    "mobilenet-v2": ("mobilenet", 224),
    "squeezenet-1.0": ("squeezenet", 224),
    "googlenet": ("googlenet", 224),
    "inception-v3": ("inception_v3", 299),
    "inception-v4": ("inception_v4", 299),
    "darknet-53": ("darknet", 256),
    "nin": ("nin", 224),
    "tiny-yolov2": ("yolo", 416),
    "vit-b-16": ("vit", 224),
}


def names() -> tuple[str, ...]:
    """Names of all networks in the zoo.

    Returns
    -------
    tuple of str
    """
    return tuple(_NETWORKS)


def default_size(name: str) -> int:
    """Usual rows and columns of a network's input.

    Parameters
    ----------
    name
        One of `names()`.

    Returns
    -------
    int
        In pixels.

    Raises
    ------
    LookupError
        If there is no such network.
    """
    return look_up(_NETWORKS, name, "model")[1]


def build(name: str, size: int | None = None) -> Model:
    """A network with the work, weights, shapes and windows of every layer.

    Parameters
    ----------
    name
        One of `names()`.
    size
        Rows and columns of the input image; None: the network's usual one. The model is called
        `name`, at another size than the usual one `name-size`.

    Returns
    -------
    Model
        Work in FLOP, tensors and weights in bytes of float32.

    Raises
    ------
    LookupError
        If there is no such network.
    ValueError
        If the architecture does not allow the size.

    Examples
    --------
    >>> from splitfog.instances import zoo
    >>> model = zoo.build("resnet-18", size=224)
    >>> model.parameters, model.macs
    (11689512, 1814073344)
    """
    from splitfog.instances.zoo.builder import Builder

    module, usual = look_up(_NETWORKS, name, "model")
    size = usual if size is None else size
    size = whole(f"{name}: input size", size, low=1)
    net = Builder(name if size == usual else f"{name}-{size}", size)
    function = name.replace("-", "_").replace(".", "_")
    getattr(import_module(f"splitfog.instances.zoo.{module}"), function)(net)
    return net.model()
