"""The estimate: a model, its settings and a machine become bytes on each device. Pure."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from vllm_manager.configs.fit import activations as parts
from vllm_manager.configs.fit import defaults
from vllm_manager.configs.fit.engine_settings import EngineSettings
from vllm_manager.configs.fit.kv_cache import Cache
from vllm_manager.configs.fit.machine import Device, Machine
from vllm_manager.configs.fit.schemas import FitDevice, Verdict
from vllm_manager.configs.fit.stages import Model, Stage, stages_of, weights_of

_Number = TypeVar("_Number", int, float)

_UNSURE_OF_WEIGHTS = 0.02
_UNSURE_OF_THE_REST = 0.25


@dataclass(frozen=True, slots=True)
class Filled:
    """A device with what a replica puts there, and how far off (bytes) its parts may be.

    `pool_bytes` is the KV cache of one worker, `needs_bytes` what one request of full length
    takes of it, `refused` why the engine would not even begin.
    """

    device: FitDevice
    cache: Cache | None
    pool_bytes: int | None
    needs_bytes: int | None
    unsure_bytes: int
    refused: str | None = None


@dataclass(frozen=True, slots=True)
class Estimate:
    """The answer, before it is put into words. Unknown is None."""

    filled: tuple[Filled, ...]
    verdict: Verdict
    cache: Cache | None
    max_model_len: int
    kv_tokens: int | None
    longest: int | None
    concurrency: float | None
    unknowns: tuple[str, ...]
    assumptions: tuple[str, ...]

    @property
    def tightest(self) -> Filled | None:
        """The device that has the least to spare, as far as that is known."""
        known = [f for f in self.filled if f.device.needed_bytes is not None]
        return max(known, key=_lack, default=None)


def _lack(filled: Filled) -> int:
    return (filled.device.needed_bytes or 0) - (filled.device.allowed_bytes or 0)


def estimate(
    model: Model, settings: EngineSettings, machine: Machine, replicas: int = 1
) -> Estimate:
    """Return what the model takes on the machine with these settings, and whether it fits."""
    architecture = model.architecture
    length = defaults.max_model_len(architecture, settings)
    memory = machine.devices[0].total_bytes if machine.devices else None
    stages = stages_of(model, settings, machine.kind, memory, wide_states=machine.wide_states)
    unknowns = [*architecture.unknowns, *settings.unknowns, *_unknown_sizes(model, settings)]
    filled: list[Filled] = []
    if machine.kind == "cpu":
        filled = [_fill_memory(machine.devices[0], model, stages, settings, length, replicas)]
    else:
        filled, missing = _fill_gpus(machine, stages, settings, length, replicas)
        unknowns += [missing] if missing and not machine.imagined else []
    unknowns += _unread(filled)
    verdict = _verdict(filled, bool(settings.unknowns), bool(unknowns))
    pools = [(f.cache, f.pool_bytes) for f in filled]
    known = [(c, size) for c, size in pools if c is not None and size is not None]
    complete = known if len(known) == len(pools) else []
    most = architecture.context_tokens or length
    return Estimate(
        filled=tuple(filled),
        verdict=verdict,
        cache=max((c for c, _ in pools if c), key=lambda c: c.block_bytes, default=None),
        max_model_len=length,
        kv_tokens=_least(c.tokens(size, length) for c, size in complete),
        longest=_least(c.longest(size, most) for c, size in complete),
        concurrency=_least(c.concurrency(size, length) for c, size in complete),
        unknowns=tuple(dict.fromkeys(unknowns)),
        assumptions=tuple(_assumptions(model, settings)),
    )


def _fill_memory(
    device: Device,
    model: Model,
    stages: Sequence[Stage],
    settings: EngineSettings,
    length: int,
    replicas: int,
) -> Filled:
    """Return the machine's memory with every worker of every replica in it."""
    per_stage, workers = settings.tensor_parallel_size, settings.tensor_parallel_size * len(stages)
    pool = defaults.cpu_kv_cache_bytes(model.architecture, settings)
    cache = max((s.cache for s in stages if s.cache), key=lambda c: c.block_bytes, default=None)
    least = _one_request(cache, length)
    pool = pool if cache is None or cache.groups else 0
    sizes = {
        "weights_bytes": _sum(s.weights for s in stages),
        "activations_bytes": _sum(s.activations for s in stages),
        "lora_bytes": _sum(s.lora for s in stages),
    }
    each = {n: None if v is None else v * per_stage * replicas for n, v in sizes.items()}
    each["kv_cache_bytes"] = pool * workers * replicas
    each["overhead_bytes"] = parts.cpu_overhead(workers) * replicas
    each["graphs_bytes"] = 0
    refused = None
    if least is not None and least > pool:
        refused = "the KV cache is too small for one request of full length"
    return _filled(device, each, device.free_bytes, cache, pool, least, refused)


def _fill_gpus(
    machine: Machine,
    stages: Sequence[Stage],
    settings: EngineSettings,
    length: int,
    replicas: int,
) -> tuple[list[Filled], str | None]:
    """Return one replica's GPUs, those with the least free where there are several replicas."""
    world = settings.tensor_parallel_size * len(stages)
    chosen = machine.devices[world * (replicas - 1) : world * replicas]
    if len(chosen) < world:
        there = len(machine.devices)
        reason = f"{world * replicas} GPUs are needed, and this machine has {there}."
        chosen = machine.devices[:1] * world if machine.imagined else ()
        filled = [_on_gpu(d, stages[0], settings, world, length, reason) for d in chosen[:1]]
        return filled, reason
    workers = [s for s in stages for _ in range(settings.tensor_parallel_size)]
    pairs = zip(chosen, workers, strict=True)
    return [_on_gpu(d, stage, settings, world, length) for d, stage in pairs], None


def _on_gpu(
    device: Device,
    stage: Stage,
    settings: EngineSettings,
    world: int,
    length: int,
    refused: str | None = None,
) -> Filled:
    sizes = {
        "weights_bytes": stage.weights,
        "activations_bytes": stage.activations,
        "graphs_bytes": stage.graphs,
        "overhead_bytes": parts.gpu_overhead(world),
        "lora_bytes": stage.lora,
    }
    fixed, least = _sum(sizes.values()), _one_request(stage.cache, length)
    explicit, before = settings.kv_cache_memory_bytes, parts.before_counting(world)
    allowed, total = device.free_bytes, device.total_bytes
    if explicit is not None:
        pool: int | None = explicit
        if least is not None and least > explicit:
            refused = refused or "the KV cache is too small for one request of full length"
    else:
        if allowed is not None and total is not None:
            asked = math.ceil(total * settings.gpu_memory_utilization) + before
            if asked > allowed:
                refused = refused or (
                    f"gpu_memory_utilization {settings.gpu_memory_utilization:g} asks for more "
                    "than is free"
                )
            allowed = min(asked, allowed)
        pool = None if fixed is None or allowed is None else max(0, allowed - fixed)
    sizes["kv_cache_bytes"] = pool
    needed_cache = explicit if explicit is not None else least
    return _filled(device, sizes, allowed, stage.cache, pool, needed_cache, refused, least)


def _filled(
    device: Device,
    sizes: dict[str, int | None],
    allowed: int | None,
    cache: Cache | None,
    pool: int | None,
    needed_cache: int | None,
    refused: str | None,
    least: int | None = None,
) -> Filled:
    fixed = {name: size for name, size in sizes.items() if name != "kv_cache_bytes"}
    cached = sizes["kv_cache_bytes"] if device.kind == "cpu" else needed_cache
    needed = _sum((*fixed.values(), cached))
    weights = fixed["weights_bytes"] or 0
    rest = sum(size or 0 for size in fixed.values()) - weights
    unsure = int(_UNSURE_OF_WEIGHTS * weights + _UNSURE_OF_THE_REST * rest)
    lower = sum(size or 0 for size in (*fixed.values(), cached))
    shown = FitDevice(
        kind=device.kind,
        index=device.index,
        name=device.name,
        verdict=_device_verdict(needed, lower, allowed, unsure, refused),
        needed_bytes=needed,
        allowed_bytes=allowed,
        other_processes_bytes=device.others_bytes,
        other_processes=list(device.others),
        free_bytes=device.free_bytes,
        total_bytes=device.total_bytes,
        **sizes,  # pyright: ignore[reportArgumentType]
    )
    return Filled(shown, cache, pool, least or needed_cache, unsure, refused)


def _device_verdict(
    needed: int | None, lower: int, allowed: int | None, unsure: int, refused: str | None
) -> Verdict:
    if refused or (allowed is not None and lower > allowed):
        return "does_not_fit"
    if needed is None or allowed is None:
        return "unknown"
    return "tight" if needed + unsure > allowed else "fits"


def _verdict(filled: Sequence[Filled], untold: bool, unknown: bool) -> Verdict:
    """Return the worst of all devices; what no part stands for can't be judged at all."""
    verdicts = {f.device.verdict for f in filled}
    if untold or not filled:
        return "unknown"
    if "does_not_fit" in verdicts:
        return "does_not_fit"
    if unknown or "unknown" in verdicts:
        return "unknown"
    return "tight" if "tight" in verdicts else "fits"


def _unknown_sizes(model: Model, settings: EngineSettings) -> list[str]:
    found: list[str] = []
    unknown = weights_of(model, settings).unknown
    if unknown:
        found.append(unknown)
    if defaults.cache_element_bytes(model.architecture, settings) is None:
        found.append(f"How large a cache of dtype {settings.kv_cache_dtype} is, is not known.")
    if model.architecture.hidden_size is None or model.architecture.vocab_size is None:
        found.append("The model's configuration does not say how wide it is.")
    if settings.quantization not in (None, model.architecture.quantization, "fp8", "bitsandbytes"):
        found.append(f"What {settings.quantization} makes of the weights is not known.")
    return found


def _unread(filled: Sequence[Filled]) -> list[str]:
    if any(f.device.free_bytes is None for f in filled):
        return ["How much memory is free can't be read on this machine."]
    return []


def _assumptions(model: Model, settings: EngineSettings) -> Iterable[str]:
    told = weights_of(model, settings).assumption
    if told:
        yield told
    dtype = defaults.engine_dtype(model.architecture, settings)
    cached = dtype if settings.kv_cache_dtype == "auto" else settings.kv_cache_dtype
    yield f"Weights that are not quantised are loaded as {dtype}; the KV cache is {cached}."
    if model.architecture.is_multimodal:
        yield "The encoder of pictures or sound is counted with its weights alone."
    if model.architecture.context_tokens is None and settings.max_model_len is None:
        yield "The model does not say how long its context is: 2048 tokens, as the engine does."


def _one_request(cache: Cache | None, length: int) -> int | None:
    return None if cache is None else cache.bytes_for(length)


def _sum(sizes: Iterable[int | None]) -> int | None:
    found = list(sizes)
    return None if any(size is None for size in found) else sum(size or 0 for size in found)


def _least(values: Iterable[_Number | None]) -> _Number | None:
    found = [value for value in values if value is not None]
    return min(found) if found else None
