"""What the engine decides where it is not told: dtypes, lengths, batches, blocks.

Follows vLLM 0.32: `engine/arg_utils.py` (`get_batch_defaults`), `config/model.py`
(`_resolve_auto_dtype`), `platforms/cpu.py`, `config/vllm.py` (`max_concurrent_batches`).
"""

from typing import Final

from vllm_manager.configs.fit.architecture import Architecture, AttentionLayer
from vllm_manager.configs.fit.engine_settings import GIB, EngineSettings
from vllm_manager.configs.fit.kv_cache import CacheRules
from vllm_manager.configs.fit.schemas import DeviceKind
from vllm_manager.configs.fit.weights import ELEMENT_BYTES

_CACHE_BYTES: Final = {
    "fp8": 1, "fp8_e4m3": 1, "fp8_e5m2": 1, "fp8_inc": 1,
    "bfloat16": 2, "float16": 2, "half": 2, "float32": 4, "float": 4,
}  # fmt: skip
_NO_CONFIG_LENGTH: Final = 2048
_BATCH_SMALL, _BATCH_LARGE, _BATCH_LARGEST = 2048, 8192, 16_384
_MIB: Final = 1024**2


def engine_dtype(architecture: Architecture, settings: EngineSettings) -> str:
    """Return the dtype that weights are loaded in; 32-bit checkpoints are loaded in 16 bit."""
    if settings.dtype != "auto":
        return settings.dtype
    told = architecture.dtype
    return "bfloat16" if told in (None, "float32", "float64") else told


def element_bytes(architecture: Architecture, settings: EngineSettings) -> int:
    """Return the bytes of one element of activations and of unquantised weights."""
    return ELEMENT_BYTES.get(engine_dtype(architecture, settings), 2)


def cache_element_bytes(architecture: Architecture, settings: EngineSettings) -> int | None:
    """Return the bytes of one element of the KV cache, or None for a dtype that packs them."""
    if settings.kv_cache_dtype == "auto":
        return element_bytes(architecture, settings)
    return _CACHE_BYTES.get(settings.kv_cache_dtype)


def max_model_len(architecture: Architecture, settings: EngineSettings) -> int:
    """Return the longest request in tokens, as asked or as the model was made for."""
    return settings.max_model_len or architecture.context_tokens or _NO_CONFIG_LENGTH


def batch(
    architecture: Architecture, settings: EngineSettings, kind: DeviceKind, memory_bytes: int | None
) -> tuple[int, int]:
    """Return the most tokens, and the most requests, of one batch of a server."""
    world = settings.tensor_parallel_size * settings.pipeline_parallel_size
    memory = memory_bytes or 0
    if kind == "cpu":
        tokens, requests = _BATCH_SMALL * world, 128 * world
    elif memory >= 160 * GIB:
        tokens, requests = _BATCH_LARGEST, 1024
    elif memory >= 70 * GIB:
        tokens, requests = _BATCH_LARGE, 1024
    else:
        tokens, requests = _BATCH_SMALL, 256
    if settings.max_num_batched_tokens is not None:
        return settings.max_num_batched_tokens, min(
            settings.max_num_seqs or requests, settings.max_num_batched_tokens
        )
    requests = settings.max_num_seqs or requests
    if kind == "cpu" and is_mla(architecture):  # Prefill in one piece.
        tokens = max(tokens, max_model_len(architecture, settings))
    tokens = min(tokens, requests * max_model_len(architecture, settings))
    return tokens, min(requests, tokens)


def cache_rules(
    architecture: Architecture,
    settings: EngineSettings,
    kind: DeviceKind,
    memory_bytes: int | None,
    *,
    wide_states: bool = False,
) -> CacheRules | None:
    """Return how the engine will cache, or None where the cache's dtype is not known.

    `wide_states` says that the processor makes recurrent states 32 bit wide (AVX-512 with
    bfloat16).
    """
    element = cache_element_bytes(architecture, settings)
    if element is None:
        return None
    base = element_bytes(architecture, settings)
    states = {"float32": 4, "bfloat16": 2, "float16": 2}.get(settings.mamba_ssm_cache_dtype, base)
    tokens, _ = batch(architecture, settings, kind, memory_bytes)
    overlapping = settings.pipeline_parallel_size
    if kind == "gpu" and settings.async_scheduling:
        overlapping += 1
    return CacheRules(
        tensor_parallel_size=settings.tensor_parallel_size,
        block_tokens=settings.block_size or _block_tokens(architecture, kind),
        kernel_tokens=32 if kind == "cpu" else 16,
        element_bytes=element,
        convolution_bytes=base,
        state_bytes=4 if wide_states else states,
        in_flight_tokens=overlapping * tokens,
        keeps_last_states=architecture.is_hybrid and settings.enable_prefix_caching,
    )


def is_mla(architecture: Architecture) -> bool:
    """Whether it keeps one latent vector of a token instead of keys and values."""
    layers = architecture.layers or ()
    return any(isinstance(layer, AttentionLayer) and layer.kind == "mla" for layer in layers)


def _block_tokens(architecture: Architecture, kind: DeviceKind) -> int:
    if kind == "cpu":
        return 16 if is_mla(architecture) else 128
    return 64 if is_mla(architecture) else 16


def cpu_kv_cache_bytes(architecture: Architecture, settings: EngineSettings) -> int:
    """Return the KV cache that a replica on CPU is given where nothing was said.

    It is what `vllm_manager_engine.command.kv_cache_bytes` passes on: two requests of full
    length, within bounds.
    """
    if settings.kv_cache_memory_bytes is not None:
        return settings.kv_cache_memory_bytes
    per_token = architecture.plain_token_bytes
    length = settings.max_model_len or architecture.plain_context_tokens
    if not per_token or not length:
        return 1024 * _MIB
    return min(max(2 * per_token * length, 256 * _MIB), 4096 * _MIB)
