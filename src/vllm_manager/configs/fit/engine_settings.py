"""The engine arguments that matter for memory, with the engine's own defaults filled in."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from vllm_manager.configs.values import whole_number

GIB: Final = 1024**3
DEFAULT_UTILIZATION: Final = 0.92

_DRAFT: Final = "The memory of a draft model is not part of the estimate."
_OFFLOAD: Final = "Offloaded weights or caches are not part of the estimate."
_NOT_COUNTED: Final = {
    **dict.fromkeys(("speculative_config", "spec_method", "spec_model", "spec_tokens"), _DRAFT),
    **dict.fromkeys(
        (
            "cpu_offload_gb",
            "cpu_offload_params",
            "offload_backend",
            "offload_params",
            "kv_offloading_size",
            "kv_offloading_backend",
        ),
        _OFFLOAD,
    ),
    "mm_ipc_gpu_memory_gb": "Memory for passing pictures on is not part of the estimate.",
    "prefill_context_parallel_size": "Context parallelism is not part of the estimate.",
    "num_gpu_blocks_override": "A fixed number of blocks is not part of the estimate.",
    "hf_overrides": "Overrides of the model's configuration are not part of the estimate.",
    "data_parallel_size": "Data parallelism is not part of the estimate.",
    "decode_context_parallel_size": "Context parallelism is not part of the estimate.",
    "kv_transfer_config": "A connector's buffers are not part of the estimate.",
    "kv_cache_dtype_skip_layers": "A mix of cache dtypes is not part of the estimate.",
}
_TRUE: Final = ("true", "1", "yes", "on")


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """What was asked for. None: the engine decides; sizes in bytes, lengths in tokens."""

    tensor_parallel_size: int = 1
    pipeline_parallel_size: int = 1
    max_model_len: int | None = None
    gpu_memory_utilization: float = DEFAULT_UTILIZATION
    kv_cache_memory_bytes: int | None = None
    kv_cache_dtype: str = "auto"
    block_size: int | None = None
    dtype: str = "auto"
    quantization: str | None = None
    max_num_seqs: int | None = None
    max_num_batched_tokens: int | None = None
    enforce_eager: bool = False
    enable_prefix_caching: bool = True
    async_scheduling: bool = True
    enable_lora: bool = False
    max_loras: int = 1
    max_lora_rank: int = 16
    mamba_ssm_cache_dtype: str = "auto"
    unknowns: tuple[str, ...] = field(default=())


def read_settings(
    arguments: Mapping[str, Any],
    environment: Mapping[str, str],
    *,
    tensor_parallel_size: int = 1,
    pipeline_parallel_size: int = 1,
    lora_modules: int = 0,
) -> EngineSettings:
    """Return the settings in `arguments`, whose names may be written as on a command line."""
    given = {canonical(name): v for name, v in arguments.items() if v is not None}
    space = environment.get("VLLM_CPU_KVCACHE_SPACE")
    explicit = _whole(given, "kv_cache_memory_bytes")
    if space and space.isdigit():
        explicit = int(space) * GIB
    length = _whole(given, "max_model_len")
    utilization = _float(given, "gpu_memory_utilization")
    return EngineSettings(
        tensor_parallel_size=tensor_parallel_size,
        pipeline_parallel_size=pipeline_parallel_size,
        max_model_len=length if length and length > 0 else None,
        gpu_memory_utilization=utilization or DEFAULT_UTILIZATION,
        kv_cache_memory_bytes=explicit,
        kv_cache_dtype=str(given.get("kv_cache_dtype", "auto")),
        block_size=_whole(given, "block_size"),
        dtype=str(given.get("dtype", "auto")),
        quantization=_text(given.get("quantization")),
        max_num_seqs=_whole(given, "max_num_seqs"),
        max_num_batched_tokens=_whole(given, "max_num_batched_tokens"),
        enforce_eager=_bool(given, "enforce_eager", False),
        enable_prefix_caching=_bool(given, "enable_prefix_caching", True),
        async_scheduling=_bool(given, "async_scheduling", True),
        enable_lora=_bool(given, "enable_lora", False) or bool(lora_modules),
        max_loras=_whole(given, "max_loras") or max(1, lora_modules),
        max_lora_rank=_whole(given, "max_lora_rank") or 16,
        mamba_ssm_cache_dtype=str(given.get("mamba_ssm_cache_dtype", "auto")),
        unknowns=tuple(_NOT_COUNTED[n] for n in given if _is_untold(given, n)),
    )


def canonical(name: str) -> str:
    """Return `max_model_len` for `--max-model-len` and for `max-model-len`."""
    plain = name.strip().lstrip("-").replace("-", "_")
    return {"tp": "tensor_parallel_size", "q": "quantization"}.get(plain, plain)


def _is_untold(given: Mapping[str, Any], name: str) -> bool:
    if name not in _NOT_COUNTED:
        return False
    return given[name] not in (0, 1, "0", "1", False, "", [], {})


def _whole(given: Mapping[str, Any], name: str) -> int | None:
    value = given.get(name)
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, (int, float)):
        return int(value)
    return whole_number(str(value))


def _float(given: Mapping[str, Any], name: str) -> float | None:
    try:
        return float(given[name])
    except (KeyError, TypeError, ValueError):
        return None


def _bool(given: Mapping[str, Any], name: str, default: bool) -> bool:
    value = given.get(name)
    if value is None:
        return default
    return value.lower() in _TRUE if isinstance(value, str) else bool(value)


def _text(value: Any) -> str | None:
    return None if value in (None, "") else value if isinstance(value, str) else json.dumps(value)
