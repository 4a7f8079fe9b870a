"""An estimate beside what the engine said after it started. Pure."""

from vllm_manager.configs.fit import activations as parts
from vllm_manager.configs.fit.schemas import FitComparison, FitReport, MemoryActual


def compare(report: FitReport, actual: MemoryActual, workers: int = 1) -> FitComparison:
    """Return how far the estimate was off; None where either side does not know.

    The engine speaks of one worker. On CPU the report has all `workers` (tensor x pipeline
    parallel) of all replicas in one memory, so it is split again.
    """
    device = report.devices[0] if report.devices else None
    if device is None:
        nothing = None
        return FitComparison(
            weights_error_ratio=nothing,
            kv_cache_error_ratio=nothing,
            kv_tokens_error_ratio=nothing,
            other_error_ratio=nothing,
        )
    share = workers * report.replicas if device.kind == "cpu" else 1
    return FitComparison(
        weights_error_ratio=_error(_split(device.weights_bytes, share), actual.weights_bytes),
        kv_cache_error_ratio=_error(_split(device.kv_cache_bytes, share), actual.kv_cache_bytes),
        kv_tokens_error_ratio=_error(report.kv_tokens, actual.kv_tokens),
        other_error_ratio=_error(_other(report, share), actual.other_bytes),
    )


def _other(report: FitReport, share: int) -> int | None:
    """Return what one worker on CPU holds beside the cache; it has not worked yet when it says."""
    device = report.devices[0]
    weights = _split(device.weights_bytes, share)
    if device.kind != "cpu" or weights is None:
        return None
    return weights + parts.CPU_WORKER_BYTES + (_split(device.lora_bytes, share) or 0)


def _split(size_bytes: int | None, share: int) -> int | None:
    return None if size_bytes is None else size_bytes // share


def _error(estimated: int | None, said: int | None) -> float | None:
    if estimated is None or not said:
        return None
    return round((estimated - said) / said, 4)
