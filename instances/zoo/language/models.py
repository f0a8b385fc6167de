"""Language models by name, as their published configurations describe them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from splitfog.instances.zoo.language.decoder import Decoder


def _llama(name: str, blocks: int, width: int, heads: tuple[int, int], **others: Any) -> Decoder:
    """A model of Llama's form, whose heads share the width unless told otherwise."""
    queries, keys = heads
    shape = {"head_width": width // queries, **others}
    return Decoder(name=name, blocks=blocks, width=width, heads=queries, kv_heads=keys, **shape)


_GPT_2 = Decoder(
    name="gpt2-124m",
    blocks=12,
    width=768,
    heads=12,
    kv_heads=12,
    head_width=64,
    hidden=3072,
    vocabulary=50257,
    tied=True,
    qkv_bias=True,
    output_bias=True,
    mlp_bias=True,
    gated=False,
    norm_shift=True,
    positions=1024,
    longest=1024,
)
_QWEN_2 = {"vocabulary": 152064, "qkv_bias": True}
_QWEN_3 = {"vocabulary": 151936, "qk_norm": True, "head_width": 128}

DECODERS: Mapping[str, Decoder] = MappingProxyType(
    {
        model.name: model
        for model in (
            _GPT_2,
            _llama("tinyllama-1.1b", 22, 2048, (32, 4), hidden=5632, vocabulary=32000),
            _llama("llama-2-7b", 32, 4096, (32, 32), hidden=11008, vocabulary=32000),
            _llama("llama-2-13b", 40, 5120, (40, 40), hidden=13824, vocabulary=32000),
            _llama("llama-2-70b", 80, 8192, (64, 8), hidden=28672, vocabulary=32000),
            _llama("llama-3-8b", 32, 4096, (32, 8), hidden=14336, vocabulary=128256),
            _llama("llama-3-70b", 80, 8192, (64, 8), hidden=28672, vocabulary=128256),
            _llama("llama-3.2-1b", 16, 2048, (32, 8), hidden=8192, vocabulary=128256, tied=True),
            _llama("llama-3.2-3b", 28, 3072, (24, 8), hidden=8192, vocabulary=128256, tied=True),
            _llama("mistral-7b", 32, 4096, (32, 8), hidden=14336, vocabulary=32000),
            _llama(
                "qwen2.5-0.5b", 24, 896, (14, 2), hidden=4864, vocabulary=151936, qkv_bias=True,
                tied=True,
            ),
            _llama("qwen2.5-7b", 28, 3584, (28, 4), hidden=18944, **_QWEN_2),
            _llama("qwen2.5-32b", 64, 5120, (40, 8), hidden=27648, **_QWEN_2),
            _llama("qwen2.5-72b", 80, 8192, (64, 8), hidden=29568, **_QWEN_2),
            _llama("qwen3-8b", 36, 4096, (32, 8), hidden=12288, **_QWEN_3),
            _llama("qwen3-32b", 64, 5120, (64, 8), hidden=25600, **_QWEN_3),
            _llama(
                "qwen3-30b-a3b", 48, 2048, (32, 4), hidden=768, experts=128, active=8, **_QWEN_3
            ),
            _llama(
                "mixtral-8x7b", 32, 4096, (32, 8), hidden=14336, vocabulary=32000, experts=8,
                active=2,
            ),
        )
    }
)  # fmt: skip
"""Every language model of the zoo."""
