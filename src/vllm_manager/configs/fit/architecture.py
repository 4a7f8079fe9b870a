"""A model's layers as its `config.json` tells them: which keep a KV cache, which a state.

Follows vLLM 0.32: `transformers_utils/model_arch_config_convertor.py` for heads and sizes, and the
model classes for the kinds of their layers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from vllm_manager.configs.fit.members import mapping, number, texts
from vllm_manager.configs.fit.state_layers import StateLayer, state_layer

AttentionKind = Literal["full", "sliding", "chunked", "mla"]

_MLA_TYPES = (
    "axk1", "deepseek_v2", "deepseek_v3", "glm4_moe_lite", "kimi_k2", "kimi_linear",
    "longcat_flash", "pangu_ultra_moe",
)  # fmt: skip
# Their caches have parts that a config does not tell plainly (indexers, encoders, compression).
_UNTOLD_TYPES = (
    "deepseek_v32", "deepseek_v4", "deepseek_v41", "glm_moe_dsa", "glm5_next", "mllama", "whisper",
    "t5", "bart", "minimax_m1", "minimax_text_01", "nemotron_nas", "deci", "qwen4_exp", "zamba2",
    "plamo2", "phi4flash",
)  # fmt: skip
_ENCODERS = (
    "bert", "roberta", "xlm-roberta", "camembert", "distilbert", "modernbert", "nomic_bert",
)  # fmt: skip
_MISSING_STATE = (
    "compress_ratios", "index_topk", "ssm_cfg", "hybrid_override_pattern", "state_size",
    "mamba_d_state", "linear_attn_config", "block_configs",
)  # fmt: skip

_PLAIN_NAMES = {"attention": "full_attention"}

# What the config classes of transformers fill in where a published config.json says nothing.
_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "falcon": {"max_position_embeddings": 2048},
    "gemma": {"head_dim": 256},
    "gemma2": {"num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 256},
    "gemma3_text": {
        "num_attention_heads": 8,
        "num_key_value_heads": 4,
        "head_dim": 256,
        "sliding_window": 4096,
        "sliding_window_pattern": 6,
        "max_position_embeddings": 131_072,
    },
    "gemma3n_text": {"num_kv_shared_layers": 15, "head_dim": 256, "sliding_window": 512},
    "glm4": {"head_dim": 128},
    "cohere2": {"sliding_window": 4096, "sliding_window_pattern": 4},
    "gpt_oss": {"head_dim": 64, "sliding_window": 128},
    "llama4_text": {"attention_chunk_size": 8192},
    "jamba": {
        "attn_layer_period": 8,
        "attn_layer_offset": 4,
        "mamba_d_conv": 4,
        "mamba_d_state": 16,
        "mamba_expand": 2,
    },
    "qwen3_next": {"full_attention_interval": 4, "head_dim": 256},
    "starcoder2": {"num_key_value_heads": 2},
}


@dataclass(frozen=True, slots=True)
class AttentionLayer:
    """A layer that keeps keys and values. `window` is in tokens, for `sliding` and `chunked`.

    For `mla`, `head_size` is the one latent vector of a token and `kv_heads` is 1.
    """

    kind: AttentionKind
    kv_heads: int
    head_size: int
    window: int | None = None


Layer = AttentionLayer | StateLayer


@dataclass(frozen=True, slots=True)
class Architecture:
    """What an estimate needs of a model. Unknown is None; `unknowns` says why in sentences.

    The `plain` members are what a replica on CPU goes by when it chooses its KV cache: bytes of a
    token (0: not known) and the longest context, as the file says them.
    """

    model_type: str
    layers: tuple[Layer | None, ...] | None  # None in it: a layer without a cache of its own
    hidden_size: int | None
    intermediate_size: int | None
    vocab_size: int | None
    attention_heads: int | None
    dtype: str | None
    context_tokens: int | None
    experts: int
    tied_embeddings: bool
    is_multimodal: bool
    quantization: str | None
    plain_token_bytes: int
    plain_context_tokens: int | None
    unknowns: tuple[str, ...]

    @property
    def is_hybrid(self) -> bool:
        """Some layers keep a state, others keys and values."""
        kinds = {type(layer) for layer in self.layers or () if layer is not None}
        return len(kinds) > 1


def read(config: Mapping[str, Any]) -> Architecture:
    """Return the architecture that a `config.json` describes; it never raises."""
    plain = mapping(config.get("text_config")) or config
    text = _with_defaults(text_config(config))
    model_type = str(text.get("model_type") or config.get("model_type") or "")
    unknowns: list[str] = []
    layers = _layers(text, model_type, unknowns)
    return Architecture(
        model_type=model_type,
        layers=layers,
        hidden_size=number(text, "hidden_size", "n_embd", "d_model"),
        intermediate_size=number(
            text, "intermediate_size", "ffn_dim", "n_inner", "moe_intermediate_size"
        ),
        vocab_size=number(text, "vocab_size"),
        attention_heads=_heads(text),
        dtype=_dtype(config, text),
        context_tokens=_context(config, text),
        experts=number(text, "num_experts", "n_routed_experts", "num_local_experts") or 0,
        tied_embeddings=bool(config.get("tie_word_embeddings", text.get("tie_word_embeddings"))),
        is_multimodal="vision_config" in config or "audio_config" in config,
        quantization=_quantization(config, text),
        plain_token_bytes=_plain_token_bytes(plain),
        plain_context_tokens=number(plain, "max_position_embeddings"),
        unknowns=tuple(unknowns),
    )


def _plain_token_bytes(text: Mapping[str, Any]) -> int:
    """Return what `vllm_manager_engine.command.kv_cache_bytes` takes for a token's bytes."""
    heads = number(text, "num_attention_heads") or 1
    size = number(text, "head_dim") or (number(text, "hidden_size") or 0) // heads
    kept = number(text, "num_key_value_heads") or heads
    return 4 * (number(text, "num_hidden_layers") or 0) * kept * size


def text_config(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the part that describes the language model."""
    for name in ("text_config", "llm_config", "language_config", "thinker_config"):
        inner = mapping(config.get(name))
        if inner:
            return text_config(inner)
    return config


def _with_defaults(text: Mapping[str, Any]) -> dict[str, Any]:
    defaults = _DEFAULTS.get(str(text.get("model_type")), {})
    return {**defaults, **text}


def _layers(
    text: Mapping[str, Any], model_type: str, unknowns: list[str]
) -> tuple[Layer | None, ...] | None:
    count = number(text, "num_hidden_layers", "n_layer", "n_layers", "num_layers")
    if count is None:
        unknowns.append("The model's configuration does not say how many layers it has.")
        return None
    if model_type in _ENCODERS:
        return (None,) * count
    if model_type in _UNTOLD_TYPES or text.get("is_encoder_decoder"):
        unknowns.append(f"How a model of type {model_type} caches is not known to the estimate.")
        return None
    kinds = _kinds(text, model_type, count)
    layers: list[Layer | None] = []
    for index, kind in enumerate(kinds):
        layer = _layer(text, model_type, index, kind)
        if layer is None:
            unknowns.append(_why(text, model_type, kind))
            return None
        layers.append(layer)
    shared = number(text, "num_kv_shared_layers") or 0
    return (*layers[: count - shared], *((None,) * shared))


def _why(text: Mapping[str, Any], model_type: str, kind: str) -> str:
    if kind in ("full_attention", "sliding_attention", "chunked_attention"):
        return "The model's configuration does not say how large its attention heads are."
    return f"What a layer “{kind}” of a model of type {model_type or '?'} keeps is not known."


def _layer(text: Mapping[str, Any], model_type: str, index: int, kind: str) -> Layer | None:
    if kind not in ("full_attention", "sliding_attention", "chunked_attention"):
        return state_layer(text, model_type, kind)
    if model_type in _MLA_TYPES and number(text, "kv_lora_rank") is not None:
        latent = number(text, "kv_lora_rank") or 0
        return AttentionLayer("mla", 1, latent + (number(text, "qk_rope_head_dim") or 0))
    heads, size = kv_heads(text), _head_size(text)
    if heads is None or size is None or not size:
        return None
    if kind == "chunked_attention":
        return AttentionLayer("chunked", heads, size, number(text, "attention_chunk_size"))
    window = _window(text, model_type) if kind == "sliding_attention" else None
    if window is None:
        return AttentionLayer("full", heads, size)
    return AttentionLayer("sliding", heads, size, window)


def _window(text: Mapping[str, Any], model_type: str) -> int | None:
    window = number(text, "sliding_window", "sliding_window_size")
    # Cohere's layers see the window and the token itself (vLLM `models/commandr.py`).
    return window + 1 if window and model_type == "cohere2" else window or None


def _kinds(text: Mapping[str, Any], model_type: str, count: int) -> Sequence[str]:
    """Return the kind of each layer, as `layer_types` names them."""
    if text.get("mamba_d_state") or text.get("linear_num_value_heads") or _is_state(model_type):
        return _hybrid_kinds(text, model_type, count)
    told = texts(text.get("layer_types"), count)
    if told is not None:
        return [_PLAIN_NAMES.get(kind, kind) for kind in told]
    if any(text.get(name) for name in _MISSING_STATE):
        return ["unknown"] * count
    return [_attention_kind(text, model_type, index) for index in range(count)]


def _attention_kind(text: Mapping[str, Any], model_type: str, index: int) -> str:
    """Return what transformers derives where `layer_types` is not written out."""
    if model_type == "llama4_text":
        rope = texts(text.get("no_rope_layers"), index + 1)
        uses_rope = rope[index] == "1" if rope else (index + 1) % 4 != 0
        return "chunked_attention" if uses_rope else "full_attention"
    if not number(text, "sliding_window"):
        return "full_attention"
    pattern = number(text, "sliding_window_pattern", "_sliding_window_pattern")
    if model_type in ("gemma2", "gpt_oss"):
        is_sliding = index % 2 == 0
    elif model_type in ("gemma3_text", "cohere2") and pattern:
        is_sliding = (index + 1) % pattern != 0
    elif model_type == "gemma3n_text":
        is_sliding = (index + 1) % 5 != 0
    elif model_type.startswith("qwen"):
        first = number(text, "max_window_layers") or 0
        is_sliding = bool(text.get("use_sliding_window")) and index >= first
    else:
        is_sliding = True
    return "sliding_attention" if is_sliding else "full_attention"


def _is_state(model_type: str) -> bool:
    return model_type in ("mamba", "mamba2", "falcon_mamba")


def _hybrid_kinds(text: Mapping[str, Any], model_type: str, count: int) -> Sequence[str]:
    if _is_state(model_type):
        return ["mamba"] * count
    told = texts(text.get("layer_types") or text.get("layers_block_type"), count)
    if told is not None:
        return [_PLAIN_NAMES.get(kind, kind) for kind in told]
    if model_type == "jamba":
        period, offset = number(text, "attn_layer_period"), number(text, "attn_layer_offset")
        kinds = ("full_attention", "mamba")
        return [kinds[i % (period or 8) != offset] for i in range(count)]
    interval = number(text, "full_attention_interval")
    if interval and text.get("linear_num_value_heads"):
        kinds = ("full_attention", "linear_attention")
        return [kinds[0] if (i + 1) % interval == 0 else kinds[1] for i in range(count)]
    return ["unknown"] * count


def kv_heads(text: Mapping[str, Any]) -> int | None:
    """Return the key-value heads of a layer, before they are split over GPUs."""
    if text.get("model_type") == "gpt_bigcode":
        return 1 if text.get("multi_query", True) else _heads(text)
    if text.get("model_type") == "falcon" and not text.get("new_decoder_architecture"):
        if text.get("multi_query", True):
            return 1
        return _heads(text)
    return (
        number(mapping(text.get("attn_config")), "kv_n_heads")
        or number(text, "n_head_kv", "num_kv_heads", "num_key_value_heads")
        or number(text, "multi_query_group_num", "num_attention_groups")
        or _heads(text)
    )


def _heads(text: Mapping[str, Any]) -> int | None:
    return number(text, "num_attention_heads", "n_head", "n_heads", "num_heads")


def _head_size(text: Mapping[str, Any]) -> int | None:
    if text.get("model_type") == "minicpm3":  # It is run as plain attention, not as MLA.
        nope, rope = number(text, "qk_nope_head_dim"), number(text, "qk_rope_head_dim")
        return nope + rope if nope and rope else None
    told = number(text, "head_dim", "hidden_size_per_head")
    if told:
        return told
    hidden, heads = number(text, "hidden_size", "n_embd", "d_model"), _heads(text)
    return hidden // heads if hidden and heads else None


def _dtype(config: Mapping[str, Any], text: Mapping[str, Any]) -> str | None:
    for source in (config, text, mapping(config.get("vision_config"))):
        told = source.get("dtype") or source.get("torch_dtype")
        if told:
            return str(told).removeprefix("torch.")
    return None


_LENGTHS = (
    "max_position_embeddings", "n_positions", "max_seq_len", "seq_length", "model_max_length",
    "max_target_positions", "max_sequence_length", "max_seq_length", "seq_len",
)  # fmt: skip
_SCALED_ALREADY = ("su", "longrope", "llama3", "yarn", "deepseek_yarn", "default")


def _context(config: Mapping[str, Any], text: Mapping[str, Any]) -> int | None:
    """Return the longest context; see vLLM's `_get_and_verify_max_len`."""
    lengths = [n for name in _LENGTHS if (n := number(text, name))]
    longest = number(text, "model_max_length") or (min(lengths) if lengths else None)
    if longest is None:
        return None
    scaling = mapping(text.get("rope_scaling") or text.get("rope_parameters"))
    kind = str(scaling.get("rope_type") or scaling.get("type") or "default")
    if kind == "longrope":
        return number(text, "original_max_position_embeddings") or longest
    gemma = "gemma3" in str(config.get("model_type"))
    if kind in _SCALED_ALREADY or gemma:
        return longest
    factor = scaling.get("factor")
    return int(longest * factor) if isinstance(factor, (int, float)) and factor > 0 else longest


def _quantization(config: Mapping[str, Any], text: Mapping[str, Any]) -> str | None:
    told = mapping(config.get("quantization_config") or text.get("quantization_config"))
    return str(told.get("quant_method") or "unknown") if told else None
