"""Hugging Face's `config.json` of a decoder-only language model, read as plain JSON.

Nothing is guessed: a key that is not known here, and not switched off (null, false, 0 or empty),
may change the architecture, and is refused by its name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from splitfog.instances.arguments import brief, entries, whole, wrong
from splitfog.instances.defects import value_defects
from splitfog.instances.json_files import parse_json
from splitfog.instances.zoo.language.decoder import Decoder

HARMLESS = frozenset(
    {
        "_attn_implementation", "_name_or_path", "activation_function", "architectures",
        "attention_dropout", "attn_implementation", "attn_pdrop", "auto_map", "bos_token_id",
        "dtype", "embd_pdrop", "embedding_dropout", "eos_token_id", "hidden_act",
        "hidden_activation", "hidden_dropout", "id2label", "initializer_range", "is_llama_config",
        "label2id", "layer_norm_epsilon", "max_length", "max_position_embeddings",
        "max_window_layers", "model_max_length", "model_type", "n_ctx", "norm_topk_prob",
        "original_max_position_embeddings", "output_router_logits", "pad_token_id",
        "partial_rotary_factor", "pretraining_tp", "quantization", "quantization_config",
        "reorder_and_upcast_attn", "resid_pdrop", "return_dict", "rms_norm_eps", "rope_parameters",
        "rope_scaling", "rope_theta", "router_aux_loss_coef", "router_jitter_noise",
        "scale_attn_by_inverse_layer_idx", "scale_attn_weights", "summary_activation",
        "summary_first_dropout", "summary_proj_to_labels", "summary_type", "summary_use_proj",
        "task_specific_params", "tokenizer_class", "torch_dtype", "transformers_version",
        "unsloth_fixed", "use_cache", "use_sliding_window",
    }
)  # fmt: skip
"""Keys that leave parameters, work and traffic of a request as they are."""


@dataclass(frozen=True, kw_only=True)
class Form:
    """How a `model_type` is written and what it fixes.

    Attributes
    ----------
    fixed
        Fields of `Decoder`.
    head_width
        Whether the file must name it; else it is the width over the heads.
    tied, hidden, experts
        Tied unless told otherwise; the keys of the feed-forward part's width and of the experts.
    needs_kv_heads
        Whether the file must tell the heads of keys and values; else they are those of queries.
    """

    fixed: Mapping[str, Any]
    head_width: bool = False
    tied: bool = False
    hidden: str = "intermediate_size"
    experts: str | None = None
    needs_kv_heads: bool = True


FORMS: Mapping[str, Form] = {
    "llama": Form(fixed={}, needs_kv_heads=False),
    "mistral": Form(fixed={}),
    "mixtral": Form(fixed={}, experts="num_local_experts"),
    "qwen2": Form(fixed={"qkv_bias": True}),
    "qwen3": Form(fixed={"qk_norm": True}, head_width=True),
    "qwen3_moe": Form(
        fixed={"qk_norm": True},
        head_width=True,
        hidden="moe_intermediate_size",
        experts="num_experts",
    ),
    "gemma": Form(fixed={}, head_width=True, tied=True),
    "phi3": Form(fixed={}, needs_kv_heads=False),
}
"""Kinds of models of Llama's form, by `model_type`; GPT-2 has keys of its own."""


def read_config(path: Path) -> Decoder:
    """The model of a `config.json`.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    Decoder

    Raises
    ------
    OSError
        If it cannot be read.
    ValueError
        If it is no JSON object, lacks a key, or says what is not known here; the sentence starts
        with the path.
    """
    try:
        data, clean = parse_json(path.read_bytes(), str(path))
        if not clean and (defects := value_defects(data, Any)):
            raise ValueError(defects[0])
        if not isinstance(data, dict):
            raise ValueError(f"the file = {brief(data)}, must be a JSON object")
        return decoder_of(data)
    except ValueError as error:
        message = str(error)
        raise ValueError(
            message if message.startswith(str(path)) else f"{path}: {message}"
        ) from None


def decoder_of(config: Mapping[str, Any]) -> Decoder:
    """The model that a configuration describes.

    Parameters
    ----------
    config
        Keys and values of a `config.json`.

    Returns
    -------
    Decoder
        Named by its `model_type`, blocks and width: `llama-32x4096`.

    Raises
    ------
    ValueError
        If a key is missing, wrong, or not known here and may change the architecture.
    """
    keys = _Keys(config)
    kind = config.get("model_type")
    if kind == "gpt2":
        decoder = _gpt_2(keys)
    elif isinstance(kind, str) and kind in FORMS:
        decoder = _llama_form(keys, kind, FORMS[kind])
    else:
        raise wrong("model_type", kind, f"one of gpt2, {', '.join(FORMS)}")
    keys.refuse_others()
    return decoder


LAYER_KEYS = ("num_hidden_layers", "n_layer")
MOST_LAYERS = 10_000


class _Keys:
    """A configuration that knows which of its keys were read."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._config = config
        self._read: set[str] = set()

    def count(self, key: str, default: int | None = None) -> int:
        """A whole number >= 1 (of layers `MOST_LAYERS` at most); needed where it has no default."""
        value = self._get(key, default)
        if value is None:
            raise ValueError(f"{key} is missing, must be a whole number >= 1")
        return whole(key, value, low=1, high=MOST_LAYERS if key in LAYER_KEYS else None)

    def flag(self, key: str, default: bool = False) -> bool:
        """True or false."""
        value = self._get(key, default)
        if not isinstance(value, bool):
            raise wrong(key, value, "true or false")
        return value

    def window(self) -> int | None:
        """Tokens that attention reaches back over; None: all."""
        slides = self.flag("use_sliding_window", default=True)
        value = self._get("sliding_window", None)
        return whole("sliding_window", value, low=1) if slides and value is not None else None

    def must_be(self, key: str, allowed: Any) -> None:
        """What only has one value that is known here."""
        if (value := self._get(key, allowed)) != allowed:
            raise wrong(key, value, f"{allowed!r} (others change the architecture)")

    def must_attend_all(self) -> None:
        """Blocks may be told one by one, if all of them attend everything."""
        for kind in entries("layer_types", self._get("layer_types", ())):
            if kind != "full_attention":
                wanted = "'full_attention' (others change the architecture)"
                raise wrong("layer_types", kind, wanted)

    def refuse_others(self) -> None:
        """`ValueError` for the first key that was not read, is on, and is not harmless."""
        for key, value in self._config.items():
            if value and key not in self._read and key not in HARMLESS:
                raise ValueError(
                    f"{key} = {brief(value)} may change the architecture, and is not known; "
                    "take it out of the configuration if it does not"
                )

    def _get(self, key: str, default: Any) -> Any:
        self._read.add(key)
        value = self._config.get(key)
        return default if value is None else value


def _llama_form(keys: _Keys, kind: str, form: Form) -> Decoder:
    heads, width = keys.count("num_attention_heads"), keys.count("hidden_size")
    blocks = keys.count("num_hidden_layers")
    keys.must_attend_all()
    fields = dict(form.fixed)
    if keys.flag("attention_bias"):
        fields |= {"qkv_bias": True, "output_bias": True}
    if form.experts is not None:
        keys.must_be("decoder_sparse_step", 1)
        fields["experts"] = keys.count(form.experts)
        fields["active"] = whole(
            "num_experts_per_tok", keys.count("num_experts_per_tok"), high=fields["experts"]
        )
        if form.hidden != "intermediate_size":
            keys.count("intermediate_size", 1)  # of blocks without experts: there are none
    return Decoder(
        name=f"{kind}-{blocks}x{width}",
        blocks=blocks,
        width=width,
        heads=heads,
        kv_heads=_kv_heads(keys.count("num_key_value_heads", _or_none(heads, form)), heads),
        head_width=_head_width(keys, width, heads, form.head_width),
        hidden=keys.count(form.hidden),
        vocabulary=keys.count("vocab_size"),
        tied=keys.flag("tie_word_embeddings", form.tied),
        mlp_bias=keys.flag("mlp_bias"),
        longest=keys.window(),
        **fields,
    )


def _or_none(heads: int, form: Form) -> int | None:
    return None if form.needs_kv_heads else heads


def _kv_heads(kv_heads: int, heads: int) -> int:
    if heads % kv_heads:
        raise wrong("num_key_value_heads", kv_heads, f"a divisor of {heads} attention heads")
    return kv_heads


def _head_width(keys: _Keys, width: int, heads: int, named: bool) -> int:
    if not named and width % heads == 0:
        return keys.count("head_dim", width // heads)
    return keys.count("head_dim")


def _gpt_2(keys: _Keys) -> Decoder:
    blocks, width, heads = (keys.count(key) for key in ("n_layer", "n_embd", "n_head"))
    if width % heads:
        raise wrong("n_embd", width, f"a multiple of {heads} heads")
    positions = keys.count("n_positions")
    return Decoder(
        name=f"gpt2-{blocks}x{width}",
        blocks=blocks,
        width=width,
        heads=heads,
        kv_heads=heads,
        head_width=width // heads,
        hidden=keys.count("n_inner", 4 * width),
        vocabulary=keys.count("vocab_size"),
        tied=keys.flag("tie_word_embeddings", default=True),
        qkv_bias=True,
        output_bias=True,
        mlp_bias=True,
        gated=False,
        norm_shift=True,
        positions=positions,
        longest=positions,
    )
