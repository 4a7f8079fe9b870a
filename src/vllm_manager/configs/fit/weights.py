"""How much memory a model's weights take on each device."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from vllm_manager.configs.fit.architecture import Architecture, AttentionLayer

_FLOATS: Final = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2}
_STORED: Final = {
    "F8_E4M3": 1, "F8_E5M2": 1, "F8_E8M0": 1, "I64": 8, "I32": 4, "I16": 2, "I8": 1,
    "U64": 8, "U32": 4, "U16": 2, "U8": 1, "BOOL": 1, "F4": 0.5, "F6_E2M3": 0.75, "F6_E3M2": 0.75,
}  # fmt: skip
_ONLINE: Final = {"fp8": 1.0, "bitsandbytes": 0.53}
"""Bytes of a linear layer's weight where the engine quantises while it loads."""

ELEMENT_BYTES: Final[Mapping[str, int]] = {
    "float32": 4, "float": 4, "float16": 2, "half": 2, "bfloat16": 2,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Weights:
    """What the weights take, all devices together; None where it can't be known."""

    total_bytes: int | None
    assumption: str | None = None
    unknown: str | None = None


def loaded(
    architecture: Architecture,
    parameters: Mapping[str, int] | None,
    stored_bytes: int | None,
    element_bytes: int,
    quantization: str | None,
) -> Weights:
    """Return the weights as loaded: floats become the engine's dtype, quantised stay as stored."""
    if parameters:
        unknown = [dtype for dtype in parameters if dtype not in _FLOATS and dtype not in _STORED]
        if unknown:
            return Weights(None, unknown=f"How large {unknown[0]} is, is not known.")
        floats = sum(n for dtype, n in parameters.items() if dtype in _FLOATS)
        others = sum(n * _STORED[dtype] for dtype, n in parameters.items() if dtype in _STORED)
        whole = int(floats * element_bytes + others)
        if quantization in _ONLINE and architecture.quantization is None:
            return _quantized(architecture, floats, element_bytes, quantization)
        return Weights(whole)
    if stored_bytes is None:
        return Weights(None, unknown="The size of the model's weights is not known.")
    share = element_bytes / ELEMENT_BYTES.get(architecture.dtype or "", element_bytes)
    share = 1.0 if architecture.quantization else share
    return Weights(
        int(stored_bytes * share),
        assumption="The weights are as large as their files: their dtypes are not known.",
    )


def _quantized(
    architecture: Architecture, count: int, element_bytes: int, quantization: str
) -> Weights:
    tables = 1 if architecture.tied_embeddings else 2
    embedded = tables * (architecture.vocab_size or 0) * (architecture.hidden_size or 0)
    embedded = min(embedded, count)
    linear = (count - embedded) * _ONLINE[quantization]
    return Weights(
        int(embedded * element_bytes + linear),
        assumption=f"{quantization} makes every weight but embeddings smaller while loading.",
    )


def stages(layers: int, pipeline_parallel_size: int) -> list[int]:
    """Return how many layers each stage has (vLLM `distributed/utils.py`, `get_pp_indices`)."""
    each, rest = divmod(layers, pipeline_parallel_size)
    parts = [each] * pipeline_parallel_size
    for place in range(2, rest + 2):
        parts[-place] += 1
    return parts


def on_device(
    architecture: Architecture,
    total_bytes: int,
    element_bytes: int,
    tensor_parallel_size: int,
    share_of_layers: float,
    ends: int,
) -> int:
    """Return the weights on one device of a stage.

    `share_of_layers` of all layers are there, and `ends` of the two tables (embeddings, head).
    What tensor parallelism can't split (keys and values of few heads, MLA's latents) is whole.
    """
    hidden, vocab = architecture.hidden_size or 0, architecture.vocab_size or 0
    tables = 1 if architecture.tied_embeddings else 2
    table = min(vocab * hidden * element_bytes, total_bytes // tables)
    layers = total_bytes - tables * table
    placed = ends if not architecture.tied_embeddings or ends < 2 else 1
    copied = _copied(architecture, tensor_parallel_size) * element_bytes
    split = (layers * share_of_layers + placed * table) / tensor_parallel_size
    return int(split + copied * share_of_layers)


def _copied(architecture: Architecture, tensor_parallel_size: int) -> float:
    """Return the parameters on each device that a plain split would not have put there."""
    hidden = architecture.hidden_size or 0
    extra = 0.0
    for layer in architecture.layers or ():
        if not isinstance(layer, AttentionLayer):
            continue
        if layer.kind == "mla":
            extra += hidden * layer.head_size * (1 - 1 / tensor_parallel_size)
            continue
        held = max(1, layer.kv_heads // tensor_parallel_size)
        spare = held - layer.kv_heads / tensor_parallel_size
        extra += 2 * hidden * layer.head_size * max(0.0, spare)
    return extra
