"""Which settings are offered for a failure: what the engine named, as far as it can work, and what
was estimated (pure)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from vllm_manager.configs.fit import FitReport
from vllm_manager.deployments.circumstances import Circumstances
from vllm_manager.deployments.known_failures import Way
from vllm_manager.deployments.observed import Failure, SettingValue

_OF_MEMORY: Final = ("context", "memory")
_PARALLEL: Final = ("tensor_parallel_size", "pipeline_parallel_size")
_ROUND_TOKENS: Final = 16
_MOST: Final = 4


@dataclass(frozen=True, slots=True)
class Offer:
    """A setting, and others that must go with it. A value of None takes it out."""

    name: str
    value: SettingValue
    also: Mapping[str, SettingValue] = field(default_factory=dict[str, SettingValue])

    @property
    def label(self) -> str:
        if self.value is None:
            return f"Take out {self.name} and retry"
        words = [f"{name} to {_text(value)}" for name, value in self._all().items()]
        return f"Set {' and '.join(words)} and retry"

    def _all(self) -> Mapping[str, SettingValue]:
        return {self.name: self.value, **self.also}


def offers(failure: Failure, way: Way, around: Circumstances) -> list[Offer]:
    """Return the settings to offer, the likeliest first."""
    first = [] if failure.suggestion is None else [failure.suggestion]
    named = [Offer(name, value) for name, value in (*first, *failure.alternatives)]
    if way in _OF_MEMORY and around.estimate is not None:
        named += _estimated(around.estimate, around)
    found: dict[str, Offer] = {}
    for offer in named:
        possible = _possible(offer, around)
        if possible is not None:
            found.setdefault(offer.name, possible)
    return list(found.values())[:_MOST]


def _estimated(estimate: FitReport, around: Circumstances) -> list[Offer]:
    """Return what the estimate says would fit."""
    found: list[Offer] = []
    longest = (estimate.largest_max_model_len or 0) // _ROUND_TOKENS * _ROUND_TOKENS
    if longest and (estimate.max_model_len is None or longest < estimate.max_model_len):
        found.append(Offer("max_model_len", longest))
    for way in estimate.suggestions:
        if way.verdict in ("fits", "tight") and isinstance(way.value, bool | int | float | str):
            also = {_short(n): v for n, v in way.also.items() if not isinstance(v, dict | list)}
            found.append(Offer(_short(way.field), way.value, also))
    if (estimate.smallest_gpus or 0) > around.resources.tensor_parallel_size:
        found.append(Offer("tensor_parallel_size", estimate.smallest_gpus))
    return found


def _possible(offer: Offer, around: Circumstances) -> Offer | None:
    """Return an offer with all that must go with it; None where it can't work here."""
    if offer.name in _PARALLEL and isinstance(offer.value, int):
        return _on_gpus(offer, offer.value, around)
    if offer.name == "gpu_memory_utilization" and isinstance(offer.value, float):
        return offer if _holds_weights(offer.value, around) else None
    return offer


def _on_gpus(offer: Offer, value: int, around: Circumstances) -> Offer | None:
    """More workers need as many GPUs on one node, and `gpus` set to that where it was set."""
    resources = around.resources
    now = {name: getattr(resources, name) for name in _PARALLEL}
    told = {name: n for name, n in offer.also.items() if isinstance(n, int)}
    sizes = {**now, **told, offer.name: value}
    needed = sizes[_PARALLEL[0]] * sizes[_PARALLEL[1]]
    grows = value > now[offer.name]
    if grows and around.most_gpus is not None and needed > around.most_gpus:
        return None
    if not resources.gpus or (resources.gpus % needed == 0 and resources.gpus >= needed):
        return offer
    return Offer(offer.name, offer.value, {**offer.also, "gpus": needed})


def _holds_weights(share: float, around: Circumstances) -> bool:
    """Whether such a part of a GPU holds the weights and what the framework needs."""
    device = next(iter(around.estimate.devices), None) if around.estimate is not None else None
    if device is None or device.total_bytes is None or around.weights_bytes is None:
        return True
    needed = around.weights_bytes + (device.overhead_bytes or 0) + (device.activations_bytes or 0)
    return share * device.total_bytes >= needed


def _short(name: str) -> str:
    return name.removeprefix("arguments.").removeprefix("resources.")


def _text(value: SettingValue) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
