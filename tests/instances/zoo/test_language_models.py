"""Language models: published counts, and what a request to one costs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from splitfog.instances import zoo
from splitfog.instances.records import Layer, Model, figure_in
from splitfog.instances.zoo.language.config import decoder_of
from splitfog.instances.zoo.language.models import DECODERS

# model: published parameters (None: none published), of a block, bytes of a token's cache
PUBLISHED: dict[str, tuple[int | None, int, int]] = {
    "gpt2-124m": (124_439_808, 7_087_872, 36_864),
    "tinyllama-1.1b": (1_100_048_384, 44_044_288, 22_528),
    "llama-2-7b": (6_738_415_616, 202_383_360, 524_288),
    "llama-2-13b": (13_015_864_320, 317_204_480, 819_200),
    "llama-2-70b": (68_976_648_192, 855_654_400, 327_680),
    "llama-3-8b": (8_030_261_248, 218_112_000, 131_072),
    "llama-3-70b": (70_553_706_496, 855_654_400, 327_680),
    "llama-3.2-1b": (1_235_814_400, 60_821_504, 32_768),
    "llama-3.2-3b": (None, 100_669_440, 114_688),
    "mistral-7b": (7_241_732_096, 218_112_000, 131_072),
    "qwen2.5-0.5b": (494_032_768, 14_912_384, 12_288),
    "qwen2.5-7b": (7_615_616_512, 233_057_792, 57_344),
    "qwen2.5-32b": (None, 487_605_248, 262_144),
    "qwen2.5-72b": (72_706_203_648, 877_684_736, 327_680),
    "qwen3-8b": (8_190_735_360, 192_946_432, 147_456),
    "qwen3-32b": (32_762_123_264, 487_598_336, 262_144),
    "qwen3-30b-a3b": (None, 623_120_640, 98_304),
    "mixtral-8x7b": (46_702_792_704, 1_451_270_144, 131_072),
}

LLAMA: dict[str, Any] = {
    "model_type": "llama",
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "vocab_size": 128256,
    "tie_word_embeddings": False,
    "attention_bias": False,
    "rope_theta": 500000.0,
    "rope_scaling": None,
    "max_position_embeddings": 8192,
    "torch_dtype": "bfloat16",
}


def request(name: Any = "llama-3-8b", **others: Any) -> Model:
    """A request of 512 tokens for 128, unless told otherwise."""
    return zoo.transformer(name, **{"prompt": 512, "new_tokens": 128, **others})


def layer(model: Model, name: str) -> Layer:
    """A layer by its name."""
    return model.layers[model.index[name]]


def test_every_model_is_held_to_its_figures() -> None:
    """None is without."""
    assert set(PUBLISHED) == set(zoo.language_models())


@pytest.mark.parametrize("name", PUBLISHED)
def test_counts_are_the_published_ones(name: str) -> None:
    """Parameters of the model and of a block, and bytes of a token's keys and values."""
    total, block, cache = PUBLISHED[name]
    decoder = DECODERS[name]
    assert total is None or decoder.parameters == total
    assert decoder.block_parameters == block
    assert decoder.kv_bytes() == cache


def test_active_parameters_of_a_mixture() -> None:
    """Mixtral: as published."""
    assert DECODERS["mixtral-8x7b"].active_parameters == 12_879_925_248


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_model_weighs_its_parameters(name: str) -> None:
    """At 32 bits `Model.parameters` is exact, a tied table counted once."""
    model = request(name, prompt=8, new_tokens=2, weight_bits=32)
    assert model.parameters == DECODERS[name].parameters


@pytest.mark.parametrize("name", PUBLISHED)
def test_state_is_the_cache_of_all_tokens(name: str) -> None:
    """Of 3 sequences of 8 + 2 tokens at 8 bits, half of 16; a context of 100 has room for more."""
    cache = PUBLISHED[name][2]
    settings: dict[str, Any] = {"prompt": 8, "new_tokens": 2, "batch": 3, "kv_bits": 8}
    assert request(name, **settings).state_bytes.sum() == 3 * 10 * cache / 2
    assert request(name, **settings, context=100).state_bytes.sum() == 3 * 100 * cache / 2


def test_work_of_a_block() -> None:
    """Llama-3-70B: the second token after 511 attends 512: 2 x 855,638,016 + 4 x 512 x 8192 FLOP.

    That is the figure of a published profile; its prefill counts the full square, here it is
    causal: 2 x 855,638,016 x 512 + 2 x 8192 x 512 x 513.
    """
    block = layer(request("llama-3-70b", prompt=511, new_tokens=2), "block7")
    assert figure_in(block.flops, 1) == 1_728_053_248
    block = layer(request("llama-3-70b"), "block7")
    assert figure_in(block.flops, 0) == 880_476_684_288


def test_bits_of_weights() -> None:
    """Llama-3-70B at 4.25 bits: matrices 454,557,696 bytes a block, two norms of 8192 x 16 bits."""
    block = layer(request("llama-3-70b", weight_bits=4.25), "block0")
    assert block.weight_bytes == 454_557_696 + 2 * 8192 * 2


def test_traffic_of_a_block() -> None:
    """Weights, keys and values read of the context, and written of the new tokens.

    Llama-3-8B, 2 sequences: a token of a block has 2 x 1024 x 2 = 4096 bytes in the cache; a
    prompt of 512 reads and writes 512; the decode executions attend 513 to 639, 576 on average,
    and write 1.
    """
    block = layer(request(batch=2), "block0")
    weights = 2 * 218_112_000
    assert figure_in(block.traffic_bytes, 0) == weights + 2 * (512 + 512) * 4096
    assert figure_in(block.traffic_bytes, 1) == weights + 2 * (576 + 1) * 4096


def test_traffic_of_experts() -> None:
    """Mixtral: a token touches 2 of 8 experts; two, choosing evenly, 8 (1 - (3/4)^2) = 3.5."""
    expert = 3 * 4096 * 14336 * 2
    idle = [
        block.weight_bytes - (figure_in(block.traffic_bytes, 1) - cached)
        for batch, cached in ((1, 9 + 1), (2, 2 * (9 + 1)))
        for block in [layer(request("mixtral-8x7b", prompt=8, new_tokens=2, batch=batch), "block0")]
        for cached in [cached * 4096]
    ]
    assert idle == [6 * expert, 4.5 * expert]


def test_the_ends() -> None:
    """The embedding reads rows only; the head works on one token, and reads its table and norm."""
    model = request()
    embedding, head = layer(model, "embedding"), layer(model, "head")
    assert embedding.traffic_bytes == (512 * 4096 * 2, 4096 * 2)
    assert embedding.weight_bytes == 128256 * 4096 * 2
    assert head.flops == 2 * 128256 * 4096
    assert head.traffic_bytes == head.weight_bytes == (128256 + 1) * 4096 * 2


def test_tied_ends_share_a_table() -> None:
    """A node holds it once, and the head still reads it all."""
    model = request("qwen2.5-0.5b")
    embedding, head = layer(model, "embedding"), layer(model, "head")
    assert embedding.weights == head.weights is not None
    assert embedding.weight_bytes == head.weight_bytes
    assert head.traffic_bytes == (151936 + 1) * 896 * 2


def test_the_token_loop() -> None:
    """Tokens are 4 bytes, values between blocks 16 bits; the input has the prompt, then a token."""
    model = request(batch=2)
    assert [one.name for one in model.layers[:3]] == ["input", "embedding", "block0"]
    assert [one.name for one in model.layers[-2:]] == ["block31", "head"]
    assert layer(model, "input").output_bytes == (2 * 512 * 4, 2 * 4)
    assert layer(model, "block0").output_bytes == (2 * 512 * 4096 * 2, 2 * 4096 * 2)
    assert layer(model, "head").output_bytes == 2 * 4


def test_a_token_straight_from_the_last_node() -> None:
    """The input runs in prefill only, and `next` is where the embedding is."""
    model = request(token="last")
    assert layer(model, "input").output_bytes == (512 * 4, None)
    after = layer(model, "next")
    assert (after.inputs, after.output_bytes) == (("head",), 4)
    assert after.group == layer(model, "embedding").group is not None


def test_decode_in_several_passes() -> None:
    """10 executions in 3 passes are 4, 3, 3; the contexts 9..12, 13..15, 16..18 have these means.

    Work is linear in the context, so that all passes together have that of one.
    """
    model = request(prompt=8, new_tokens=11, decode_passes=3)
    assert model.passes is not None
    names = [(one.name, one.count) for one in model.passes]
    assert names == [("prefill", 1), ("decode-1", 4), ("decode-2", 3), ("decode-3", 3)]
    base = 2 * DECODERS["llama-3-8b"].macs
    work = layer(model, "block0").flops
    assert [(figure_in(work, at) - base) / (4 * 4096) for at in (1, 2, 3)] == [10.5, 14, 17]
    one = request(prompt=8, new_tokens=11)
    assert model.flops.tolist() == pytest.approx(one.flops.tolist(), rel=1e-12)


def test_one_new_token_needs_no_decode() -> None:
    """Prefill makes it."""
    passes = request(new_tokens=1).passes
    assert passes is not None
    assert [one.name for one in passes] == ["prefill"]


def test_a_configuration_is_its_model(tmp_path: Path) -> None:
    """Keys, and a file of them, give the layers of the model by name."""
    (tmp_path / "config.json").write_text(json.dumps(LLAMA))
    layers = request().layers
    assert request(LLAMA).layers == layers
    assert request(str(tmp_path / "config.json")).layers == layers
    assert request(tmp_path / "config.json").layers == layers


def test_other_forms_of_configurations() -> None:
    """Biases, norms within heads, experts and learned positions are read.

    The counts are the published ones of Qwen2.5-7B, of a block of Qwen3-30B-A3B and of GPT-2.
    """
    small = {"hidden_size": 3584, "intermediate_size": 18944, "num_hidden_layers": 28}
    heads = {"num_attention_heads": 28, "num_key_value_heads": 4, "vocab_size": 152064}
    window: dict[str, Any] = {
        "use_sliding_window": False,
        "sliding_window": 131072,
        "max_window_layers": 28,
    }
    window["layer_types"] = ["full_attention"] * 28
    assert decoder_of({"model_type": "qwen2", **small, **heads, **window}).parameters == (
        7_615_616_512
    )
    experts = {
        "model_type": "qwen3_moe",
        "hidden_size": 2048,
        "intermediate_size": 6144,
        "moe_intermediate_size": 768,
        "num_hidden_layers": 48,
        "num_attention_heads": 32,
        "num_key_value_heads": 4,
        "head_dim": 128,
        "num_experts": 128,
        "num_experts_per_tok": 8,
        "decoder_sparse_step": 1,
        "mlp_only_layers": [],
        "vocab_size": 151936,
    }
    assert decoder_of(experts).block_parameters == 623_120_640
    table = {"n_layer": 12, "n_embd": 768, "n_head": 12, "n_positions": 1024, "vocab_size": 50257}
    assert decoder_of({"model_type": "gpt2", **table}).parameters == 124_439_808


GEMMA: dict[str, Any] = {
    "model_type": "gemma",
    "hidden_size": 2048,
    "intermediate_size": 16384,
    "num_hidden_layers": 18,
    "num_attention_heads": 8,
    "num_key_value_heads": 1,
    "head_dim": 256,
    "vocab_size": 256000,
}
PHI: dict[str, Any] = {
    "model_type": "phi3",
    "hidden_size": 3072,
    "intermediate_size": 8192,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "vocab_size": 32064,
    "sliding_window": 2047,
}


@pytest.mark.parametrize(
    ("config", "parameters"), [(GEMMA, 2_506_172_416), (PHI, 3_821_079_552)], ids=["2b", "mini"]
)
def test_models_that_have_no_name_here(config: dict[str, Any], parameters: int) -> None:
    """The published totals: heads wider than their share and a tied table; no grouped heads."""
    assert decoder_of(config).parameters == parameters


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"q_lora_rank": 1536}, "q_lora_rank = 1536 may change the architecture"),
        ({"num_nextn_predict_layers": 1}, "num_nextn_predict_layers = 1 may change"),
        ({"model_type": "mamba"}, "model_type = 'mamba', must be one of gpt2, llama"),
        ({"hidden_size": None}, "hidden_size is missing"),
        ({"num_hidden_layers": -3}, "num_hidden_layers = -3, must be a whole number >= 1"),
        ({"num_hidden_layers": 10**9}, "num_hidden_layers = 1000000000, must be a whole number"),
        ({"num_key_value_heads": 7}, "num_key_value_heads = 7, must be a divisor of 32"),
        ({"layer_types": ["full_attention", "mamba"]}, "layer_types = 'mamba', must be"),
        ({"layer_types": 3}, "layer_types = 3, must be"),
        ({"mlp_bias": "no"}, "mlp_bias = 'no', must be true or false"),
    ],
)
def test_what_changes_the_architecture_is_refused(changes: dict[str, Any], words: str) -> None:
    """By its name."""
    with pytest.raises(ValueError, match="^" + words):
        decoder_of({**LLAMA, **changes})


def test_the_path_of_a_wrong_file_is_named(tmp_path: Path) -> None:
    """Of one that is no JSON, too; of one that says something twice, what that is."""
    path = tmp_path / "config.json"
    for text, words in (
        ("{", "not JSON"),
        ("[1]", r"the file = \[1\], must be a JSON object"),
        (json.dumps({**LLAMA, "vocab_size": 0}), "vocab_size = 0"),
        (json.dumps({**LLAMA, "vocab_size": float("nan")}), "vocab_size = NaN, must be a finite"),
        ('{"vocab_size": 1, "vocab_size": 2}', "vocab_size stands twice, must stand once"),
    ):
        path.write_text(text)
        with pytest.raises(ValueError, match=rf"config\.json: {words}"):
            request(path)


@pytest.mark.parametrize(
    ("name", "settings", "words"),
    [
        ("llama-3-8b", {"prompt": 0}, "prompt = 0, must be a whole number >= 1"),
        ("llama-3-8b", {"weight_bits": 0}, "weight_bits = 0, must be a number > 0"),
        ("llama-3-8b", {"context": 600}, "context = 600, must be a whole number >= 640"),
        ("llama-3-8b", {"decode_passes": 128}, "decode_passes = 128, must be .* <= 127"),
        ("llama-3-8b", {"token": "first"}, "token = 'first', must be one of source, last"),
        ("gpt2-124m", {"prompt": 1024}, "prompt \\+ new_tokens = 1152, must be <= 1024"),
        ({**LLAMA, "sliding_window": 600}, {}, "prompt \\+ new_tokens = 640, must be <= 600"),
    ],
)
def test_requests_that_make_no_sense(name: Any, settings: dict[str, Any], words: str) -> None:
    """The sentence says what is allowed."""
    with pytest.raises(ValueError, match=words):
        request(name, **settings)


def test_an_unknown_name() -> None:
    """The nearest is suggested."""
    with pytest.raises(LookupError, match="did you mean 'llama-3-8b'"):
        request("llama3-8b")
