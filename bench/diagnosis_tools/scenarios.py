"""What is made to fail, and which cause must be named for it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from diagnosis_tools import models
from diagnosis_tools.models import Break

Arguments = Callable[[Path], list[str]]
Environment = Callable[[Path], dict[str, str]]


@dataclass(frozen=True)
class Scenario:
    """One failure, produced for real. Callables get a folder of their own to put things in."""

    name: str
    code: str
    """The cause that must be named."""
    breaks: tuple[Break, ...] = ()
    """What is done to a copy of the demo model; none: the demo model itself."""
    model: str | None = None
    """Another model than the demo: of the test hub."""
    arguments: tuple[str, ...] | Arguments = ()
    environment: Mapping[str, str] | Environment = field(default_factory=dict[str, str])
    parallel: int = 1
    limits: Mapping[str, int] = field(default_factory=dict[str, int])
    job: Mapping[str, Any] = field(default_factory=dict[str, Any])
    spec: Mapping[str, Any] = field(default_factory=dict[str, Any])
    within: tuple[str, ...] = ()
    """Shell commands in a mount namespace of its own, before the engine starts."""


def _args(*words: str) -> dict[str, Any]:
    return {"arguments": words}


def _shadow(name: str, text: str) -> Environment:
    """Put a Python module in the place of an installed one."""

    def make(folder: Path) -> dict[str, str]:
        (folder / "shadow").mkdir()
        (folder / "shadow" / f"{name}.py").write_text(text)
        return {"PYTHONPATH": str(folder / "shadow")}

    return make


def _adapter(**config: Any) -> Arguments:
    """Name an adapter that has no more than a configuration."""

    def make(folder: Path) -> list[str]:
        (folder / "adapter").mkdir()
        members: dict[str, Any] = {
            "peft_type": "LORA", "r": 8, "lora_alpha": 16, "bias": "none",
            "target_modules": ["q_proj", "v_proj"], "base_model_name_or_path": "demo",
        }  # fmt: skip
        (folder / "adapter" / "adapter_config.json").write_text(json.dumps(members | config))
        (folder / "adapter" / "adapter_model.safetensors").write_bytes(
            (models.DEMO / models.WEIGHTS).read_bytes()
        )
        return ["--enable-lora", "--lora-modules", f"sql={folder / 'adapter'}"]

    return make


def _in(name: str) -> Environment:
    return lambda folder: {name: str(folder / "place")}


_KILL = {"when": "ready", "act": "kill -9 $CORE"}
_FULL = (
    "mkdir -p {f}/place && mount -t tmpfs -o size=64k t {f}/place && "
    "(cat /dev/zero > {f}/place/fill || :)"
)
_GPTQ = {"quant_method": "gptq", "bits": 4, "group_size": 128, "desc_act": False}
_GUARDED = {"HF_HUB_DISABLE_XET": "1"}

ARGUMENTS = (
    Scenario("unknown-argument", "unknown_argument", **_args("--frobnicate", "3")),
    Scenario("no-such-choice", "bad_argument", **_args("--dtype", "float12")),
    Scenario("not-a-number", "bad_argument", **_args("--max-num-seqs", "many")),
    Scenario("share-above-one", "bad_argument", **_args("--gpu-memory-utilization", "1.7")),
    Scenario("broken-json", "bad_argument", **_args("--speculative-config", "{bad")),
    Scenario("context-beyond-the-model", "context_too_long", **_args("--max-model-len", "99999")),
    Scenario(
        "batch-below-context",
        "batch_too_small",
        **_args("--max-num-batched-tokens", "256", "--no-enable-chunked-prefill"),
    ),
    Scenario("heads-not-divisible", "parallel_size_unfit", parallel=3),
    Scenario(
        "quantization-unsupported",
        "quantization_unsupported",
        **_args("--quantization", "fp_quant"),
    ),
    Scenario("quantization-unknown", "quantization_unsupported", **_args("--quantization", "q17")),
    Scenario(
        "quantization-differs",
        "quantization_mismatch",
        breaks=(models.configured(quantization_config=_GPTQ),),
        **_args("--quantization", "awq"),
    ),
    Scenario("quantized-nowhere", "quantization_missing", **_args("--quantization", "awq")),
    Scenario("runner-wrong", "wrong_task", **_args("--runner", "pooling", "--convert", "none")),
    Scenario("attention-backend", "bad_argument", **_args("--attention-backend", "WARP")),
)

MODELS = (
    Scenario(
        "no-architecture",
        "unsupported_model",
        (models.configured(architectures=["FooForCausalLM"]),),
    ),
    Scenario("no-model-type", "unsupported_model", (models.configured(model_type="foo"),)),
    Scenario(
        "code-of-its-own",
        "code_refused",
        (models.configured(model_type="foo", auto_map={"AutoConfig": "foo.FooConfig"}),),
    ),
    Scenario("config-missing", "model_not_found", (models.without("config.json"),)),
    Scenario("config-cut", "config_invalid", (models.cut("config.json", 0.5),)),
    Scenario("dtype-unknown", "dtype_unsupported", (models.configured(dtype="float12"),)),
    Scenario(
        "tokenizer-missing",
        "tokenizer_missing",
        (models.without("tokenizer.json", "tokenizer_config.json"),),
    ),
    Scenario("tokenizer-cut", "tokenizer_invalid", (models.cut("tokenizer.json", 0.5),)),
    Scenario("tokenizer-empty", "tokenizer_invalid", (models.holding("tokenizer.json", b""),)),
    Scenario("tokenizer-class", "tokenizer_missing", (models.without("tokenizer.json"),)),
    Scenario(
        "template-file-missing",
        "chat_template_missing",
        **_args("--chat-template", "/nowhere/chat.jinja"),
    ),
    Scenario("weights-cut", "weights_corrupt", (models.cut(models.WEIGHTS, 0.6),)),
    Scenario("weights-cut-in-header", "weights_corrupt", (models.cut(models.WEIGHTS, 0.0005),)),
    Scenario("weights-flipped", "weights_corrupt", (models.flipped_header,)),
    Scenario("weights-huge-header", "weights_corrupt", (models.header_of(1 << 40),)),
    Scenario("weights-empty", "weights_corrupt", (models.holding(models.WEIGHTS, b""),)),
    Scenario("weights-incomplete", "weights_incomplete", (models.dropped_tensor,)),
    Scenario("weights-unknown", "weights_mismatch", (models.unknown_tensor,)),
    Scenario(
        "weights-other-shape", "weights_mismatch", (models.configured(intermediate_size=1024),)
    ),
    Scenario("weights-missing", "model_not_found", (models.without(models.WEIGHTS),)),
    Scenario("lora-rank", "lora_rank_too_high", arguments=_adapter(r=64)),
    Scenario(
        "lora-missing",
        "lora_missing",
        **_args("--enable-lora", "--lora-modules", "sql=/nowhere/adapter"),
    ),
    Scenario("lora-modules", "lora_mismatch", arguments=_adapter()),
)

MEMORY = (
    Scenario(
        "kv-too-small",
        "kv_cache_too_small",
        **_args("--kv-cache-memory-bytes", "1M", "--max-model-len", "2048"),
    ),
    Scenario("kv-too-large", "out_of_memory", **_args("--kv-cache-memory-bytes", "900G")),
    Scenario("address-space", "out_of_memory", limits={"v": 1_500_000}),
    Scenario("oom-killer", "host_out_of_memory", job={"memory_bytes": 700_000_000}),
    Scenario(
        "oom-killer-at-kv",
        "host_out_of_memory",
        job={"memory_bytes": 1_500_000_000},
        **_args("--kv-cache-memory-bytes", "3G"),
    ),
)

HOST = (
    Scenario("core-killed", "core_killed", job=_KILL),
    Scenario("core-killed-loading", "core_killed", job={"when": "loading", "act": "kill -9 $CORE"}),
    Scenario("engine-killed", "was_killed", job={"when": "ready", "act": "kill -9 $ENGINE"}),
    Scenario("core-crashed", "core_killed", job={"when": "ready", "act": "kill -4 $CORE"}),
    Scenario("engine-crashed", "engine_crashed", job={"when": "ready", "act": "kill -6 $ENGINE"}),
    Scenario(
        "engine-ended", "stopped_from_outside", job={"when": "ready", "act": "kill -15 $ENGINE"}
    ),
    Scenario("guard-killed", "guard_lost", job={"when": "ready", "act": "kill -9 $GUARD"}),
    Scenario("worker-killed", "rank_lost", parallel=2, job=_KILL),
    Scenario(
        "core-frozen",
        "start_hung",
        job={"when": "loading", "act": "kill -19 $CORE"},
        spec={"idle_deadline_seconds": 8},
    ),
    Scenario(
        "engine-frozen",
        "engine_hung",
        job={"when": "ready", "act": "kill -19 $CORE", "seconds": 40},
    ),
    Scenario("too-long", "start_timeout", spec={"start_deadline_seconds": 6}),
    Scenario("ports-taken", "port_taken", job={"taken_ports": True}),
    Scenario("files", "too_many_files", limits={"n": 48}),
    Scenario("file-size", "file_too_large", limits={"f": 8}),
    Scenario(
        "disk-full",
        "disk_full",
        environment=_in("VLLM_CACHE_ROOT"),
        within=(_FULL,),
        **_args("--no-enforce-eager"),
    ),
    Scenario(
        "read-only",
        "read_only",
        environment=_in("VLLM_CACHE_ROOT"),
        within=("mkdir -p {f}/place && mount -t tmpfs -o ro t {f}/place",),
        **_args("--no-enforce-eager"),
    ),
    Scenario(
        "permission",
        "permission_denied",
        (models.unreadable("config.json", models.WEIGHTS, "tokenizer.json"),),
        job={"without": "dac_override"},
    ),
    Scenario(
        "shared-memory",
        "shared_memory_full",
        parallel=2,
        within=("mount -t tmpfs -o size=64k t /dev/shm",),
    ),
    Scenario(
        "program-missing",
        "program_missing",
        environment={"PATH": "/nowhere"},
        **_args("--no-enforce-eager"),
    ),
    Scenario(
        "module-missing",
        "missing_dependency",
        environment=_shadow("cloudpickle", "import nothing_of_this_name\n"),
    ),
    Scenario(
        "library-missing",
        "library_missing",
        environment=_shadow("cloudpickle", "import ctypes\nctypes.CDLL('libcudart.so.12')\n"),
    ),
    Scenario(
        "version-mismatch",
        "version_mismatch",
        environment=_shadow("cloudpickle", "from transformers.utils import NothingOfThisName\n"),
    ),
    Scenario(
        "no-cuda",
        "no_gpu",
        environment=_shadow("cloudpickle", "import torch\ntorch.zeros(1).cuda()\n"),
    ),
)


def _hub(name: str, code: str, model: str, **more: Any) -> Scenario:
    return Scenario(name, code, model=model, environment=more.pop("environment", _GUARDED), **more)


HUB = (
    _hub("hub-gated", "model_gated", "acme/gated-chat"),
    _hub("hub-missing", "model_not_found", "acme/nothing"),
    _hub("hub-revision", "revision_not_found", "acme/demo", spec={"revision": "v9"}),
    _hub(
        "hub-token",
        "token_rejected",
        "acme/demo",
        job={"fault": {"status": 401, "message": "Invalid user token."}},
    ),
    _hub("hub-slow-down", "hub_limited", "acme/demo", job={"fault": {"status": 429}}),
    _hub(
        "hub-away",
        "hub_unreachable",
        "acme/demo",
        environment={"HF_ENDPOINT": "http://127.0.0.1:9"},
    ),
    _hub("hub-offline", "hub_unreachable", "acme/demo", environment={"HF_HUB_OFFLINE": "1"}),
)

ALL = (*ARGUMENTS, *MODELS, *MEMORY, *HOST, *HUB)
