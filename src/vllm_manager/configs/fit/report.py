"""Puts an estimate into words: the report, and the refusal of what can't fit."""

from collections.abc import Sequence

from vllm_manager.configs.fit.estimate import Estimate, Filled
from vllm_manager.configs.fit.schemas import (
    Confidence,
    FitDevice,
    FitReport,
    FitRequest,
    FitSuggestion,
)
from vllm_manager.configs.recipe import ArgumentValue
from vllm_manager.kit.errors import Cause, FieldError, Problem, Remedy

_GIB = 1024**3
_EXACT, _ROUGH = 0.06, 0.15


def report_of(
    question: FitRequest,
    commit: str | None,
    found: Estimate,
    suggestions: Sequence[FitSuggestion],
    smallest_gpus: int | None,
) -> FitReport:
    """Return what a client is told."""
    return FitReport(
        model=question.model,
        revision=question.revision,
        commit=commit,
        verdict=found.verdict,
        summary=_summary(found),
        confidence=_confidence(found),
        unknowns=list(found.unknowns),
        devices=[filled.device for filled in found.filled],
        replicas=question.replicas,
        kv_bytes_per_token=found.cache.bytes_per_token if found.cache else None,
        kv_bytes_per_request=found.cache.bytes_per_request if found.cache else None,
        kv_block_tokens=found.cache.block_tokens if found.cache else None,
        kv_tokens=found.kv_tokens,
        max_model_len=found.max_model_len,
        largest_max_model_len=found.longest,
        max_concurrency=None if found.concurrency is None else round(found.concurrency, 2),
        smallest_gpus=smallest_gpus,
        suggestions=list(suggestions),
        assumptions=list(found.assumptions),
    )


def unreadable(question: FitRequest, problem: Problem) -> FitReport:
    """Return the report on a model of which nothing can be read."""
    why = problem.details.detail
    return FitReport(
        model=question.model,
        revision=question.revision,
        commit=None,
        verdict="unknown",
        summary=f"Whether it fits can't be said: {why}",
        confidence="none",
        unknowns=[why],
        devices=[],
        replicas=question.replicas,
        kv_bytes_per_token=None,
        kv_bytes_per_request=None,
        kv_block_tokens=None,
        kv_tokens=None,
        max_model_len=None,
        largest_max_model_len=None,
        max_concurrency=None,
        smallest_gpus=None,
        suggestions=[],
        assumptions=[],
    )


def refusal_of(report: FitReport) -> Problem | None:
    """Return why it can't be deployed as it is, with the way out; None where it may be."""
    if report.verdict != "does_not_fit":
        return None
    ways = report.suggestions
    hint = f" Set {_plain(ways[0])} and it fits." if ways else _no_way(report)
    return Problem(
        "does_not_fit",
        f"{report.summary}{hint}",
        status=409,
        title="It does not fit",
        errors=[
            FieldError(field=way.field, message=way.gain, suggestion=_text(way.value))
            for way in ways
        ],
        causes=[cause for device in report.devices[:1] for cause in _causes(device)],
        remediation=[_remedy(way) for way in ways],
    )


def _no_way(report: FitReport) -> str:
    if report.smallest_gpus:
        return f" It fits {report.smallest_gpus} such GPUs (tensor_parallel_size)."
    return " Choose a smaller or a quantised model, or free memory."


def _remedy(way: FitSuggestion) -> Remedy:
    label = f"Set {_plain(way)}. {way.gain}"
    if not way.field.startswith("arguments.") or way.also:
        return Remedy(label=label)
    name = way.field.removeprefix("arguments.")
    arguments = {"name": name, "value": way.value}
    return Remedy(label=label, action="set_argument", arguments=arguments)


def _plain(way: FitSuggestion) -> str:
    settings = {**way.also, way.field: way.value}
    return " and ".join(f"{_short(field)} to {_text(value)}" for field, value in settings.items())


def _short(field: str) -> str:
    return field.removeprefix("arguments.").removeprefix("resources.")


def _text(value: ArgumentValue) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _summary(found: Estimate) -> str:
    tightest = found.tightest
    if found.verdict == "unknown" or tightest is None:
        why = " ".join(found.unknowns) or "Not every size is known."
        return f"Whether it fits can't be said. {why}"
    device = tightest.device
    where = _where(device)
    numbers = (
        f"{_gib(device.needed_bytes)} are needed for requests of {found.max_model_len} tokens, "
        f"{_gib(device.allowed_bytes)} of {where} can be had"
    )
    words = {"fits": "It fits", "tight": "It is tight", "does_not_fit": "It does not fit"}
    return f"{words[found.verdict]}: {numbers}{_reason(tightest)}.{_others(device)}"


def _reason(filled: Filled) -> str:
    return f"; {filled.refused}" if filled.refused else ""


def _where(device: FitDevice) -> str:
    total = f"{_gib(device.total_bytes)} "
    if device.kind == "cpu":
        return f"the machine's {total}memory"
    return f"the {total}of GPU {device.index}" if device.index is not None else f"{total}per GPU"


def _others(device: FitDevice) -> str:
    """Name who else holds memory of a GPU."""
    named = [p for p in device.other_processes if p.memory_used_bytes]
    if not named:
        return ""
    named.sort(key=lambda p: -(p.memory_used_bytes or 0))
    shown = ", ".join(
        f"{p.name or '?'} (pid {p.pid}) {_gib(p.memory_used_bytes)}" for p in named[:3]
    )
    return f" Others hold {_gib(device.other_processes_bytes)} of it: {shown}."


def _causes(device: FitDevice) -> list[Cause]:
    sizes = {
        "Weights": device.weights_bytes,
        "KV cache": device.kv_cache_bytes,
        "Activations": device.activations_bytes,
        "CUDA graphs": device.graphs_bytes,
        "Adapters": device.lora_bytes,
        "The framework": device.overhead_bytes,
        "Other processes": device.other_processes_bytes,
    }
    return [Cause(message=f"{name}: {_gib(size)}") for name, size in sizes.items() if size]


def _confidence(found: Estimate) -> Confidence:
    """Say how sure it is, by the share of the parts that are not computed exactly."""
    tightest = found.tightest
    if found.verdict == "unknown" or tightest is None or not tightest.device.needed_bytes:
        return "none"
    ratio = tightest.unsure_bytes / tightest.device.needed_bytes
    if ratio <= _EXACT:
        return "high"
    return "medium" if ratio <= _ROUGH else "low"


def _gib(size_bytes: int | None) -> str:
    if size_bytes is None:
        return "an unknown amount"
    if size_bytes < _GIB:
        return f"{size_bytes / 1024**2:.0f} MiB"
    return f"{size_bytes / _GIB:.1f} GiB"
