"""What a forward pass, CUDA graphs, adapters and the framework take: estimates, not exact.

The figures in here are fitted to what vLLM 0.32 reports; `docs/tasks/see-what-fits.md` says so.
"""

import math
from typing import Final

from vllm_manager.configs.fit.architecture import Architecture, AttentionLayer
from vllm_manager.configs.fit.engine_settings import EngineSettings

_MIB: Final = 1024**2
_GRAPH_BYTES_PER_LAYER: Final = _MIB // 4
_LARGEST_GRAPH: Final = 512

CUDA_CONTEXT_BYTES: Final = 512 * _MIB
"""Of a process that uses a GPU, before the engine counts."""
NCCL_BYTES: Final = 384 * _MIB
"""Buffers between GPUs, where there are several."""
GPU_FRAMEWORK_BYTES: Final = 160 * _MIB
"""Workspaces of kernels, beside the tensors."""
CPU_WORKER_BYTES: Final = 635 * _MIB
"""A worker on CPU without weights and cache, as vLLM 0.32 says; a test holds it within 15 %."""
CPU_PROCESS_BYTES: Final = 480 * _MIB
"""Each of the server and the engine's core beside the worker: what is theirs alone."""


def activations(
    architecture: Architecture,
    batch_tokens: int,
    batch_requests: int,
    element_bytes: int,
    tensor_parallel_size: int,
) -> int | None:
    """Return the peak of one forward pass on a device, or None where sizes are not known.

    It is the larger of a layer's temporaries for a full batch and of the logits of all requests,
    which are turned to 32 bit and sorted.
    """
    hidden, vocab = architecture.hidden_size, architecture.vocab_size
    if hidden is None or vocab is None:
        return None
    inner = architecture.intermediate_size or 4 * hidden
    attention = [x for x in architecture.layers or () if isinstance(x, AttentionLayer)]
    heads = architecture.attention_heads or 0
    widest = max((layer.head_size for layer in attention), default=0) * heads
    split = (3 * inner + 3 * widest) / tensor_parallel_size
    layer_bytes = batch_tokens * (4 * hidden + split) * element_bytes
    logit_bytes = batch_requests * vocab * (element_bytes + 3 * 4)
    return int(max(layer_bytes, logit_bytes))


def graphs(settings: EngineSettings, layers: int, batch_requests: int) -> int:
    """Return the memory of captured CUDA graphs on a device; 0 with `enforce_eager`."""
    if settings.enforce_eager:
        return 0
    largest = min(2 * batch_requests, _LARGEST_GRAPH)
    sizes = 3 + max(0, min(largest, 256) // 8) + max(0, (largest - 256) // 16)
    return sizes * layers * _GRAPH_BYTES_PER_LAYER


def adapters(architecture: Architecture, settings: EngineSettings, element_bytes: int) -> int:
    """Return the room for LoRA adapters on all devices together; 0 where they are off.

    The engine makes it for `max_loras` adapters of `max_lora_rank`, whether they are loaded or not.
    """
    if not settings.enable_lora:
        return 0
    hidden = architecture.hidden_size or 0
    inner = architecture.intermediate_size or 0
    heads = architecture.attention_heads or 0
    widths = 0
    for layer in architecture.layers or ():
        if isinstance(layer, AttentionLayer):
            query, key = heads * layer.head_size, layer.kv_heads * layer.head_size
            widths += 2 * (hidden + query) + 2 * (hidden + key)
        widths += 3 * (hidden + inner) * max(1, architecture.experts)
    return widths * settings.max_lora_rank * settings.max_loras * element_bytes


def cpu_overhead(workers: int) -> int:
    """Return what the processes of a replica on CPU take beside weights and cache."""
    return workers * CPU_WORKER_BYTES + 2 * CPU_PROCESS_BYTES


def gpu_overhead(world_size: int) -> int:
    """Return what a process on a GPU takes beside tensors."""
    between = NCCL_BYTES if world_size > 1 else 0
    return CUDA_CONTEXT_BYTES + between + GPU_FRAMEWORK_BYTES


def before_counting(world_size: int) -> int:
    """Return the part of the overhead that is taken before the engine looks what is free."""
    return gpu_overhead(world_size) - GPU_FRAMEWORK_BYTES


def percent_below(part: int, whole: int) -> float:
    """Return the largest hundredth that is not above `part / whole`."""
    return math.floor(100 * part / whole) / 100
