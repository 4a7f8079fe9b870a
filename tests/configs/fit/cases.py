"""The questions that both vLLM and the estimate answer: published configurations and settings."""

import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
MEMORY_BYTES = 512 * 1024**3
MODELS = sorted(path.stem for path in (HERE / "models").glob("*.json"))

# What depends on the processor (MLA's blocks, the dtype of states) is set, so that every machine
# gives the same answers.
_MLA = {"block_size": 16}
_STATES = {"mamba_ssm_cache_dtype": "float32"}
_ALWAYS: dict[str, dict[str, Any]] = {
    "deepseek-v2-lite": _MLA,
    "deepseek-v3": _MLA,
    "falcon-mamba-7b": _STATES,
    "granite-4.0-h-small": _STATES,
    "jamba-v0.1": _STATES,
    "qwen3-next-80b-a3b": _STATES,
}
_NARROWED: dict[str, dict[str, Any]] = {
    "gemma-3n-e4b": {
        "hidden_size": 64,
        "hidden_size_per_layer_input": 64,
        "intermediate_size": [64] * 35,
        "vocab_size": 256,
        "vocab_size_per_layer_input": 256,
    }
}
_VARIATIONS: tuple[tuple[str, int, dict[str, Any]], ...] = (
    ("llama-3-8b", 2, {}),
    ("llama-3-8b", 8, {}),
    ("llama-3-8b", 16, {}),
    ("glm-4-9b", 4, {}),
    ("gemma-3-27b", 4, {}),
    ("gpt-oss-120b", 2, {"max_model_len": 8192}),
    ("deepseek-v2-lite", 4, {}),
    ("granite-4.0-h-small", 2, {}),
    ("granite-4.0-h-small", 1, {"enable_prefix_caching": False}),
    ("qwen3-next-80b-a3b", 2, {"max_model_len": 32_768}),
    ("jamba-v0.1", 4, {"max_model_len": 4096}),
    ("llama-3-8b", 1, {"kv_cache_dtype": "fp8", "max_model_len": 1024}),
    ("llama-3-8b", 1, {"dtype": "float32", "max_model_len": 1000}),
    ("qwen3-0.6b", 1, {"block_size": 32, "max_model_len": 100}),
    ("gemma-2-9b", 1, {"block_size": 32, "max_num_batched_tokens": 8192}),
    ("mistral-7b-v0.1", 1, {"max_model_len": 2000}),
    ("opt-6.7b", 2, {"max_num_seqs": 4, "max_model_len": 256}),
)


def cases() -> list[dict[str, Any]]:
    """Return every case, as `vllm_truth.py` reads them, each with a `name` of its own."""
    plain = [(name, 1, dict[str, Any]()) for name in MODELS]
    return [_case(*case) for case in (*plain, *_VARIATIONS)]


def _case(model: str, tensor_parallel_size: int, arguments: dict[str, Any]) -> dict[str, Any]:
    words = [f"{name}={value}" for name, value in arguments.items()]
    case: dict[str, Any] = {
        "name": " ".join((model, f"tp={tensor_parallel_size}", *words)),
        "model": model,
        "config": json.loads((HERE / "models" / f"{model}.json").read_text()),
        "tensor_parallel_size": tensor_parallel_size,
        "arguments": _ALWAYS.get(model, {}) | arguments,
        "memory_bytes": MEMORY_BYTES,
    }
    return case | ({"narrowed": _NARROWED[model]} if model in _NARROWED else {})
