"""What one worker of each pipeline stage holds: weights, temporaries, graphs, adapters, cache."""

from collections.abc import Mapping
from dataclasses import dataclass

from vllm_manager.configs.fit import activations as parts
from vllm_manager.configs.fit import defaults, kv_cache, weights
from vllm_manager.configs.fit.architecture import Architecture
from vllm_manager.configs.fit.engine_settings import EngineSettings
from vllm_manager.configs.fit.kv_cache import Cache
from vllm_manager.configs.fit.schemas import DeviceKind
from vllm_manager.configs.fit.weights import Weights


@dataclass(frozen=True, slots=True)
class Model:
    """What is known of a model: its architecture, its parameters by dtype, its stored bytes."""

    architecture: Architecture
    parameters: Mapping[str, int] | None
    stored_bytes: int | None


@dataclass(frozen=True, slots=True)
class Stage:
    """One worker of a stage, but for the size of its cache. Unknown is None; sizes in bytes."""

    weights: int | None
    activations: int | None
    graphs: int
    lora: int
    cache: Cache | None


def weights_of(model: Model, settings: EngineSettings) -> Weights:
    """Return the weights of a model as the engine loads them, all workers together."""
    return weights.loaded(
        model.architecture,
        model.parameters,
        model.stored_bytes,
        defaults.element_bytes(model.architecture, settings),
        settings.quantization,
    )


def stages_of(
    model: Model,
    settings: EngineSettings,
    kind: DeviceKind,
    memory_bytes: int | None,
    *,
    wide_states: bool = False,
) -> list[Stage]:
    """Return the stages of the pipeline in order; `memory_bytes` is the size of one device."""
    architecture = model.architecture
    element = defaults.element_bytes(architecture, settings)
    total = weights_of(model, settings).total_bytes
    tokens, requests = defaults.batch(architecture, settings, kind, memory_bytes)
    rules = defaults.cache_rules(
        architecture, settings, kind, memory_bytes, wide_states=wide_states
    )
    tp, pp = settings.tensor_parallel_size, settings.pipeline_parallel_size
    peak = parts.activations(architecture, tokens, requests, element, tp)
    adapters = parts.adapters(architecture, settings, element) // (tp * pp)
    layers = architecture.layers
    stages: list[Stage] = []
    first = 0
    for place, count in enumerate(weights.stages(len(layers or ()), pp)):
        ends = (place == 0) + (place == pp - 1)
        share = count / len(layers) if layers else 1 / pp
        held = None
        if total is not None:
            held = weights.on_device(architecture, total, element, tp, share, ends)
        cache = None
        if layers is not None and rules is not None:
            cache = kv_cache.plan(architecture, layers[first : first + count], rules)
        captured = parts.graphs(settings, count, requests) if kind == "gpu" else 0
        stages.append(Stage(held, peak, captured, adapters, cache))
        first += count
    return stages
