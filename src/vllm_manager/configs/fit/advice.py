"""What to change where a model does not fit: each change is tried on the estimate first.

Pure.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from vllm_manager.configs.fit import activations as parts
from vllm_manager.configs.fit.engine_settings import EngineSettings
from vllm_manager.configs.fit.estimate import Estimate, estimate
from vllm_manager.configs.fit.machine import Machine
from vllm_manager.configs.fit.schemas import FitSuggestion, Verdict
from vllm_manager.configs.fit.stages import Model
from vllm_manager.configs.recipe import ArgumentValue

_RANK: Final[dict[Verdict, int]] = {"does_not_fit": 0, "unknown": 0, "tight": 1, "fits": 2}
_SHORTEST = 128
_STEP_TOKENS = 256
_STEP_BYTES = 64 * 1024**2
_MOST_GPUS = 64


@dataclass(frozen=True, slots=True)
class Question:
    """Everything that an estimate depends on."""

    model: Model
    settings: EngineSettings
    machine: Machine
    replicas: int = 1

    def answer(self) -> Estimate:
        """Return the estimate."""
        return estimate(self.model, self.settings, self.machine, self.replicas)

    def verdict_with(self, **changes: ArgumentValue) -> Verdict:
        """Return the verdict with other settings."""
        changed = replace(self.settings, **changes)  # pyright: ignore[reportArgumentType]
        return replace(self, settings=changed).answer().verdict


@dataclass(frozen=True, slots=True)
class _Change:
    field: str
    value: ArgumentValue
    gain: str
    question: Question


def suggestions(question: Question, found: Estimate) -> list[FitSuggestion]:
    """Return changes that make it fit better, those first that cost the least.

    Where the engine is told to take more of a GPU than is free, changes are offered together with
    the share that is free, if they do not suffice alone.
    """
    if found.verdict not in ("does_not_fit", "tight"):
        return []
    told = list(_better(_changes(question, found), found, {}))
    free_share = next(_utilization(question, found), None)
    if told or free_share is None:
        return told
    also = {free_share.field: free_share.value}
    return list(_better(_changes(free_share.question, found), found, also))


def _better(
    changes: Iterator[_Change], found: Estimate, also: dict[str, ArgumentValue]
) -> Iterator[FitSuggestion]:
    for change in changes:
        verdict = change.question.answer().verdict
        if _RANK[verdict] > _RANK[found.verdict]:
            yield FitSuggestion(
                field=change.field,
                value=change.value,
                also=also,
                gain=change.gain,
                verdict=verdict,
            )


def smallest_gpus(question: Question) -> int | None:
    """Return the fewest of such GPUs that it fits by tensor parallelism; None: unknown, or > 64."""
    machine = question.machine
    heads = question.model.architecture.attention_heads
    if machine.kind != "gpu" or not machine.devices or not heads:
        return None
    count = 1
    while count <= (1 if machine.is_split else _MOST_GPUS):  # slices can't work together
        verdict = "does_not_fit" if heads % count else _on_gpus(question, count)
        if verdict in ("fits", "tight"):
            return count
        if verdict == "unknown":
            return None
        count *= 2
    return None


def _on_gpus(question: Question, count: int) -> Verdict:
    settings = replace(question.settings, tensor_parallel_size=count, pipeline_parallel_size=1)
    devices = question.machine.devices[:1] * count
    machine = replace(question.machine, devices=devices, imagined=True)
    asked = replace(question, settings=settings, machine=machine, replicas=1)
    found = asked.answer()
    free_share = next(_utilization(asked, found), None)
    if found.verdict == "does_not_fit" and free_share is not None:
        return free_share.question.answer().verdict
    return found.verdict


def _changes(question: Question, found: Estimate) -> Iterator[_Change]:
    yield from _utilization(question, found)
    yield from _cache_size(question, found)
    yield from _length(question, found)
    settings = question.settings
    is_gpu = question.machine.kind == "gpu"
    if settings.kv_cache_dtype == "auto" and is_gpu:
        yield _set(question, "kv_cache_dtype", "fp8", "The KV cache takes half as much.")
    if is_gpu and not settings.enforce_eager:
        yield _set(
            question, "enforce_eager", True, "No memory for CUDA graphs; answers become slower."
        )
    if is_gpu and settings.max_num_seqs is None:
        yield _set(
            question, "max_num_seqs", 64, "Fewer requests at the same time need less beside them."
        )
    unquantized = settings.quantization is None and not question.model.architecture.quantization
    if is_gpu and unquantized:
        yield _set(question, "quantization", "fp8", "The weights take about half as much.")
    yield from _gpus(question)
    if question.replicas > 1:
        fewer = replace(question, replicas=1)
        yield _Change("replicas", 1, "One copy needs the memory once.", fewer)


def _set(question: Question, name: str, value: ArgumentValue, gain: str) -> _Change:
    settings = replace(question.settings, **{name: value})  # pyright: ignore[reportArgumentType]
    return _Change(f"arguments.{name}", value, gain, replace(question, settings=settings))


def _utilization(question: Question, found: Estimate) -> Iterator[_Change]:
    """Offer the share of the GPU that is free."""
    tightest = found.tightest
    settings = question.settings
    if question.machine.kind != "gpu" or tightest is None:
        return
    free, total = tightest.device.free_bytes, tightest.device.total_bytes
    if settings.kv_cache_memory_bytes is not None or not free or not total:
        return
    world = settings.tensor_parallel_size * settings.pipeline_parallel_size
    share = parts.percent_below(max(0, free - parts.before_counting(world)), total)
    if 0.01 <= share != settings.gpu_memory_utilization:
        gain = "As much as is free; the engine refuses to start where it is told to take more."
        yield _set(question, "gpu_memory_utilization", min(share, 0.99), gain)


def _cache_size(question: Question, found: Estimate) -> Iterator[_Change]:
    """Offer a KV cache as large as one request needs, where its size is set."""
    tightest = found.tightest
    is_set = question.machine.kind == "cpu" or question.settings.kv_cache_memory_bytes is not None
    if not is_set or tightest is None or tightest.needs_bytes is None:
        return
    size = -(-tightest.needs_bytes // _STEP_BYTES) * _STEP_BYTES
    if size and size != tightest.pool_bytes:
        gain = f"Exactly enough for one request of {found.max_model_len} tokens."
        yield _set(question, "kv_cache_memory_bytes", size, gain)


def _length(question: Question, found: Estimate) -> Iterator[_Change]:
    """Offer the longest context that fits."""
    low, high = 0, found.max_model_len // _STEP_TOKENS
    while low < high:
        middle = (low + high + 1) // 2
        if _RANK[question.verdict_with(max_model_len=middle * _STEP_TOKENS)] > _RANK[found.verdict]:
            low = middle
        else:
            high = middle - 1
    length = low * _STEP_TOKENS or _SHORTEST
    if length < found.max_model_len:
        gain = "The longest context that fits; longer requests are refused."
        yield _set(question, "max_model_len", length, gain)


def _gpus(question: Question) -> Iterator[_Change]:
    """Offer more GPUs, where this machine has them."""
    count = smallest_gpus(question)
    settings, there = question.settings, len(question.machine.devices)
    now = settings.tensor_parallel_size * settings.pipeline_parallel_size
    if count is not None and now < count <= there:
        wider = replace(settings, tensor_parallel_size=count, pipeline_parallel_size=1)
        gain = f"The weights and the cache are split over {count} GPUs."
        field = "resources.tensor_parallel_size"
        yield _Change(field, count, gain, replace(question, settings=wider))
