"""The model zoo: published architectures, layer by layer, without weights."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from os import PathLike
from typing import Any

from splitfog.instances.arguments import choice, number, whole, wrong
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


def language_models() -> tuple[str, ...]:
    """Names of all language models in the zoo.

    Returns
    -------
    tuple of str
    """
    from splitfog.instances.zoo.language.models import DECODERS

    return tuple(DECODERS)


def transformer(
    config: str | PathLike[str] | Mapping[str, Any],
    *,
    prompt: int,
    new_tokens: int,
    batch: int = 1,
    weight_bits: float = 16,
    kv_bits: float = 16,
    decode_passes: int = 1,
    context: int | None = None,
    token: str = "source",
) -> Model:
    """A request to a decoder-only language model, as a chain with the passes prefill and decode.

    The layers are `input` (the tokens), `embedding`, `block0`, `block1`, ... and `head`, which
    gives a token. Prefill reads the prompt and makes the first token, every execution of decode
    another, so that decode is executed `new_tokens` - 1 times.

    Parameters
    ----------
    config
        One of `language_models()`, the path of a Hugging Face `config.json` (a text that ends in
        `.json` is a path), or the keys and values of one.
    prompt
        Tokens of the prompt.
    new_tokens
        Tokens that are made.
    batch
        Sequences at once; `prompt`, `new_tokens` and `context` are of each.
    weight_bits
        Bits of an entry of a matrix, a group's scales counted: 4 bits with a scale and an offset
        of 16 bits for every 64 entries are 4.5. Norms and biases have 16, or more if these do.
    kv_bits
        Bits of a value in the key-value cache.
    decode_passes
        In how many passes (`decode-1`, `decode-2`, ...) the decode executions are told, at most one
        for each. Work and traffic of a pass are those at its mean context: exact but where an
        execution changes from waiting for memory to computing within it.
    context
        Tokens of a sequence that the key-value cache has room for; None: `prompt` + `new_tokens`.
    token : "source" or "last"
        From where a new token comes to the embedding: from the task's source, to which the head's
        result goes (`results_to`), or straight from the last node: then the input runs in prefill
        only, and a layer `next`, on the embedding's node, takes the head's token.

    Returns
    -------
    Model
        Work in FLOP, weights, tensors, traffic and state in bytes. The experts that tokens touch
        are expected ones, each token choosing evenly and by itself. A tied table is held once on a
        node; both ends then count what either has beside it (positions, the last norm).

    Raises
    ------
    LookupError
        If there is no such language model.
    OSError
        If the file cannot be read.
    ValueError
        If an argument makes no sense, the configuration is not understood, or the request is longer
        than the model's positions or attention reach.

    Examples
    --------
    >>> from splitfog.instances import zoo
    >>> model = zoo.transformer("llama-3-8b", prompt=512, new_tokens=128, weight_bits=4.5)
    >>> len(model.layers), [(one.name, one.count) for one in model.passes]
    (35, [('prefill', 1), ('decode', 127)])
    """
    from splitfog.instances.zoo.language.transformer import Request, RequestModel

    prompt = whole("prompt", prompt, low=1)
    new_tokens = whole("new_tokens", new_tokens, low=1)
    tokens = prompt + new_tokens
    request = Request(
        prompt=prompt,
        new_tokens=new_tokens,
        batch=whole("batch", batch, low=1),
        context=tokens if context is None else whole("context", context, low=tokens),
        weight_bits=number("weight_bits", weight_bits, above=0),
        kv_bits=number("kv_bits", kv_bits, above=0),
        decode_passes=whole("decode_passes", decode_passes, low=1, high=max(1, new_tokens - 1)),
        from_last=choice("token", token, ("source", "last")) == "last",
    )
    decoder = _decoder(config)
    if decoder.longest is not None and tokens > decoder.longest:
        raise wrong(
            "prompt + new_tokens", tokens, f"<= {decoder.longest}, the reach of {decoder.name}"
        )
    return RequestModel(decoder, request).model()


def _decoder(config: Any) -> Any:
    """The shape of a language model that is named, in a file, or given as its keys."""
    from pathlib import Path

    from splitfog.instances.zoo.language.config import decoder_of, read_config
    from splitfog.instances.zoo.language.models import DECODERS

    if isinstance(config, str) and not config.endswith(".json"):
        return look_up(DECODERS, config, "language model")
    if isinstance(config, str | PathLike):
        return read_config(Path(config))
    if isinstance(config, Mapping):
        try:
            return decoder_of(config)
        except ValueError as error:
            raise ValueError(f"config: {error}") from None
    raise wrong("config", config, "a name, a path or a mapping")
