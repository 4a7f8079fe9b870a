"""The engine's command line and environment, made from a replica's specification."""

import importlib.util
import os
import sys
from collections.abc import Mapping
from typing import Any

from vllm_manager_engine import model_folder, secret
from vllm_manager_engine.failures.failure import Failure
from vllm_manager_engine.model_folder import Model
from vllm_manager_engine.spec import ReplicaSpec

MIB = 1024 * 1024
_KV_CACHE_LEAST_BYTES = 256 * MIB
_KV_CACHE_MOST_BYTES = 4096 * MIB

# Ours, or ways to run code that nobody checked. The control plane refuses them first.
_RESERVED = (
    "api-key", "config", "data-parallel-address", "grpc", "grpc-port", "headless", "hf-token",
    "host", "io-processor-plugin", "logits-processors", "master-addr", "master-port",
    "middleware", "model", "nnodes", "node-rank", "port", "reasoning-parser-plugin",
    "root-path", "served-model-name", "ssl-ca-certs", "ssl-certfile", "ssl-keyfile",
    "tool-parser-plugin", "tool-server", "trust-remote-code", "uds", "worker-cls",
    "worker-extension-cls",
)  # fmt: skip
_SAFE_LOAD_FORMATS = ("safetensors", "fastsafetensors", "runai_streamer", "mistral", "dummy")

# With these, `vllm serve` starts more than one server, which only it knows how to do.
_SEVERAL_SERVERS = ("data-parallel-", "api-server-count")

_CPU_DEFAULTS = {
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    # Structured output crashed the other runner on CPU (vLLM 0.32).
    "VLLM_USE_V2_MODEL_RUNNER": "0",
}
_ALWAYS = {"VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1", "PYTHONUNBUFFERED": "1"}
# CUDA would count the fastest GPU as the first; NVML and Ray count along the bus.
_FOR_GPU = {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
# vLLM's own choice is gRPC; the gateway speaks HTTP, and both are to have one address.
_FOR_TRACES = {"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf"}
# Not the engine's business: our settings, and Ray's, with its token.
_STRIPPED_PREFIXES = ("VLLM_MANAGER_", "RAY_", "FAKE_")


def refusal(spec: ReplicaSpec) -> Failure | None:
    """Return why these arguments are not passed on, or None."""
    for argument in spec.arguments:
        name = _option(argument)
        # The engine's parser takes any unambiguous beginning for the whole name.
        reserved = next((r for r in _RESERVED if name and r.startswith(name)), None)
        if reserved is not None:
            return Failure(
                "bad_argument",
                f"--{reserved} is reserved and can't be set by a deployment. Remove it.",
                evidence=argument,
            )
    return _load_format_refusal(spec)


def _load_format_refusal(spec: ReplicaSpec) -> Failure | None:
    given = _value(spec, "load-format")
    if given is None or given in _SAFE_LOAD_FORMATS:
        return None
    return Failure(
        "bad_argument",
        f"The load format {given} may read pickles, which can run any code. Use safetensors.",
        evidence=f"--load-format {given}",
    )


def missing(spec: ReplicaSpec) -> Failure | None:
    """Return that the engine is not installed here, or None."""
    if spec.engine == "fake" or importlib.util.find_spec("vllm") is not None:
        return None
    return Failure(
        "engine_missing",
        f"vLLM is not installed in {sys.prefix} on this node. Run the set-up again.",
    )


def command(spec: ReplicaSpec, model: Model, host: str, port: int) -> list[str]:
    """Return the whole command line."""
    options = [
        *("--host", host, "--port", str(port)),
        *("--served-model-name", spec.deployment),
        *("--middleware", f"{secret.RequireSecret.__module__}.{secret.RequireSecret.__name__}"),
        *_parallel(spec),
        *_defaults(spec, model),
        *_traces(spec),
        *(["--trust-remote-code"] if spec.trusted_code else []),
        *spec.arguments,
    ]
    if spec.revision is not None and model.folder is None:
        options += ["--revision", spec.revision]
    return [sys.executable, "-m", *_program(spec, model), *options]


def _program(spec: ReplicaSpec, model: Model) -> list[str]:
    if spec.engine == "fake":
        return ["vllm_manager_engine.fake", "serve", model.name]
    if any(_option(a).startswith(_SEVERAL_SERVERS) for a in spec.arguments):
        return ["vllm.entrypoints.cli.main", "serve", model.name]
    return ["vllm_manager_engine.launch", "--model", model.name]


def _parallel(spec: ReplicaSpec) -> list[str]:
    if spec.world_size == 1:
        return []
    sizes = {
        "--tensor-parallel-size": spec.tensor_parallel_size,
        "--pipeline-parallel-size": spec.pipeline_parallel_size,
    }
    options = [text for name, size in sizes.items() for text in (name, str(size))]
    if _value(spec, "distributed-executor-backend") is None:
        options += ["--distributed-executor-backend", "mp"]
    return options


def _defaults(spec: ReplicaSpec, model: Model) -> list[str]:
    """Return what is set where the deployment says nothing."""
    options: list[str] = []
    if _value(spec, "load-format") is None:
        options += ["--load-format", "safetensors"]
    if not _has(spec, "disable-uvicorn-access-log"):
        options.append("--disable-uvicorn-access-log")
    if not _has(spec, "enable-log-requests"):
        options.append("--enable-log-requests")
    if spec.gpus:
        return options
    if not _has(spec, "enforce-eager"):
        options.append("--enforce-eager")
    if not _has(spec, "kv-cache-memory-bytes") and "VLLM_CPU_KVCACHE_SPACE" not in spec.environment:
        size = kv_cache_bytes(model_folder.config(model), _max_model_len(spec))
        options += ["--kv-cache-memory-bytes", str(size)]
    return options


def _traces(spec: ReplicaSpec) -> list[str]:
    return ["--otlp-traces-endpoint", _traces_url(spec)] if _sends_traces(spec) else []


def _sends_traces(spec: ReplicaSpec) -> bool:
    """Whether spans go where the product's go: a deployment may have named another place."""
    return spec.otlp_endpoint is not None and not _has(spec, "otlp-traces-endpoint")


def _traces_url(spec: ReplicaSpec) -> str:
    return f"{(spec.otlp_endpoint or '').rstrip('/')}/v1/traces"


def kv_cache_bytes(config: Mapping[str, Any], max_model_len: int | None) -> int:
    """Return a KV cache for a small machine: two requests of full length, within bounds.

    The engine touches all of it at once on CPU. Per token it is keys and values, in 16 bit, for
    each layer and key-value head.
    """
    text = config.get("text_config") or config
    heads = text.get("num_attention_heads") or 1
    head_size = text.get("head_dim") or (text.get("hidden_size") or 0) // heads
    kv_heads = text.get("num_key_value_heads") or heads
    per_token = 4 * (text.get("num_hidden_layers") or 0) * kv_heads * head_size
    length = max_model_len or text.get("max_position_embeddings") or 0
    if not per_token or not length:
        return 1024 * MIB
    return min(max(2 * per_token * length, _KV_CACHE_LEAST_BYTES), _KV_CACHE_MOST_BYTES)


def environment(
    spec: ReplicaSpec, model: Model, inherited: Mapping[str, str], engine_secret: str
) -> dict[str, str]:
    """Return the engine's environment. `CUDA_VISIBLE_DEVICES` stays as Ray has set it."""
    kept = {k: v for k, v in inherited.items() if not k.startswith(_STRIPPED_PREFIXES)}
    for_cpu = _CPU_DEFAULTS | {"OMP_NUM_THREADS": str(_threads(spec))}
    devices = _FOR_GPU if spec.gpus else for_cpu
    offline = {} if model.folder is None else {"HF_HUB_OFFLINE": "1"}
    traced = _FOR_TRACES | {"OTEL_SERVICE_NAME": spec.deployment} if _sends_traces(spec) else {}
    own = {secret.VARIABLE: engine_secret}
    return kept | _ALWAYS | devices | offline | traced | _asked(spec) | own


def _asked(spec: ReplicaSpec) -> dict[str, str]:
    return {k: v for k, v in spec.environment.items() if not k.startswith("VLLM_MANAGER_")}


def _threads(spec: ReplicaSpec) -> int:
    return max(1, min(int(spec.cpus), os.cpu_count() or 1) // spec.world_size)


def _option(argument: str) -> str:
    """Return the bare name in `--some_name.key=value`, or an empty string for a value."""
    if not argument.startswith("--"):
        return ""
    return argument[2:].partition("=")[0].partition(".")[0].replace("_", "-")


def _has(spec: ReplicaSpec, name: str) -> bool:
    return any(_option(a) in (name, f"no-{name}") for a in spec.arguments)


def _value(spec: ReplicaSpec, name: str) -> str | None:
    for index, argument in enumerate(spec.arguments):
        if _option(argument) == name:
            _, equals, inline = argument.partition("=")
            rest = spec.arguments[index + 1 : index + 2]
            return inline if equals else (rest[0] if rest else None)
    return None


def _max_model_len(spec: ReplicaSpec) -> int | None:
    given = _value(spec, "max-model-len")
    return int(given) if given and given.isdigit() else None
