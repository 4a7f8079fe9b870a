"""What the fake engine says: start-up lines as vLLM prints them, answers as its API gives them."""

import json
import time
from typing import Any, cast

WORDS = (
    "The", "quick", "brown", "fox", "jumps", "over", "the", "lazy", "dog",
    "and", "then", "sleeps", "under", "an", "old", "oak", "tree",
)  # fmt: skip

STARTING = [
    "(APIServer pid={pid}) INFO 11-23 10:00:00 [api_utils.py:286] non-default args: {{'model': "
    "'{model}'}}",
    "(APIServer pid={pid}) INFO 11-23 10:00:00 [model.py:733] Resolved architecture: "
    "FakeForCausalLM",
    "(EngineCore pid={core}) INFO 11-23 10:00:00 [core.py:133] Initializing a V1 LLM engine "
    "(v0.32.0) with config: model='{model}'",
]
FETCHING = "Fetching 4 files: {percent:3d}%|####      | 2/4 [00:01<00:01,  1.9it/s]"
LOADING_STARTS = (
    "(Worker pid={core}) INFO 11-23 10:00:01 [gpu_model_runner.py:68] Starting to load model "
    "{model}..."
)
LOADING = (
    "Loading safetensors checkpoint shards: {percent:3d}% Completed | {done}/4 [00:00<00:00, 9it/s]"
)
LOADING_ENDS = (
    "(Worker pid={core}) INFO 11-23 10:00:02 [default_loader.py:501] Loading weights took 0.01 "
    "seconds"
)
COMPILING = (
    "(Worker pid={core}) INFO 11-23 10:00:03 [monitor.py:34] torch.compile takes 1.23 s in total"
)
WARMING = [
    "(EngineCore pid={core}) INFO 11-23 10:00:04 [kv_cache_utils.py:2327] GPU KV cache size: "
    "2,097,152 tokens, Maximum concurrency for 1,024 tokens per request: 2048.00x",
    "(EngineCore pid={core}) INFO 11-23 10:00:04 [core.py:402] init engine (profile, create kv "
    "cache, warmup model) took 0.05 s",
]
READY = [
    "(APIServer pid={pid}) INFO 11-23 10:00:05 [entry.py:140] Starting vLLM server on "
    "http://{host}:{port}",
    "INFO:     Application startup complete.",
]
OUT_OF_MEMORY = [
    "(Worker pid={core}) ERROR 11-23 10:00:02 [multiproc_executor.py:750] "
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.50 GiB. GPU 0 has a total "
    "capacity of 79.10 GiB of which 1.25 GiB is free.",
    "(APIServer pid={pid}) RuntimeError: Engine core initialization failed. See root cause above. "
    "Failed core proc(s): {{}}",
]
KV_CACHE_TOO_SMALL = [
    "(EngineCore pid={core}) ERROR 11-23 10:00:04 [core.py:843] ValueError: To serve at least one "
    "request with the model's max seq len (131072), (16.00 GiB KV cache is needed, which is larger "
    "than the available KV cache memory (5.21 GiB). Based on the available memory, the estimated "
    "maximum model length is 42672. Try increasing `gpu_memory_utilization`.",
    OUT_OF_MEMORY[1],
]
PORT_TAKEN = "OSError: [Errno 98] Address already in use"


def word(index: int) -> str:
    """Return the token at `index` of every answer."""
    return ("" if index == 0 else " ") + WORDS[index % len(WORDS)]


def text(tokens: int) -> str:
    """Return a whole answer of `tokens` tokens."""
    return "".join(map(word, range(tokens)))


def usage(prompt: int, completion: int) -> dict[str, Any]:
    return {
        "prompt_tokens": prompt,
        "total_tokens": prompt + completion,
        "completion_tokens": completion,
    }


def count_tokens(value: Any) -> int:
    """Count words anywhere in a request's input, at least one."""
    if isinstance(value, str):
        return max(1, len(value.split()))
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        return count_tokens(fields.get("content", fields.get("text", "")))
    if isinstance(value, list):
        return max(1, sum(map(count_tokens, cast("list[Any]", value))))
    return 1


def event(data: dict[str, Any] | str, name: str | None = None) -> bytes:
    """Return one server-sent event."""
    body = data if isinstance(data, str) else json.dumps(data, separators=(",", ":"))
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {body}\n\n".encode()


def error(status: int, message: str, kind: str = "BadRequestError") -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": None, "code": status}}


def now() -> int:
    return int(time.time())
