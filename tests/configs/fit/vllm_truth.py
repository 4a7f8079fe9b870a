"""Asks the installed vLLM what KV cache models take: run in the engine environment.

Reads `[{"config": …, "tensor_parallel_size": 1, "arguments": {…}, "memory_bytes": …}]` on standard
input and prints `TRUTH` and a list of answers. The model is vLLM's own class, built from the
config on the meta device, so that no weight takes memory; its layers' own `get_kv_cache_spec`,
vLLM's own block size, grouping and capacity follow, as `EngineCore` calls them. A quantisation of
the weights is left out: it has no part in the KV cache, and its kernels are not all for CPU.
More than one GPU is told to vLLM as a tensor-parallel group of that size. `narrowed` names sizes
that have no part in the cache either, for a class that can't be built on the meta device.
"""

import json
import logging
import os
import sys
import tempfile
import traceback
from collections import Counter
from importlib import import_module
from pathlib import Path
from typing import Any

os.environ.update(VLLM_LOGGING_LEVEL="ERROR", HF_HUB_OFFLINE="1", VLLM_USE_V2_MODEL_RUNNER="0")
os.environ.setdefault("VLLM_CPU_OMP_THREADS_BIND", "nobind")


def _module(name: str) -> Any:
    """Import what is only there in the engine environment."""
    return import_module(name)


torch = _module("torch")
parallel_state = _module("vllm.distributed.parallel_state")
attention = _module("vllm.model_executor.layers.attention")
layer_base = _module("vllm.model_executor.layers.attention_layer_base")
kv_cache_utils = _module("vllm.v1.core.kv_cache_utils")
interface = _module("vllm.v1.kv_cache_interface")
worker_base = _module("vllm.v1.worker.worker_base")
EngineArgs = _module("vllm.engine.arg_utils").EngineArgs
UsageContext = _module("vllm.usage.usage_lib").UsageContext
set_current_vllm_config = _module("vllm.config").set_current_vllm_config
initialize_model = _module("vllm.model_executor.model_loader.utils").initialize_model
resolve_kv_cache_layout = _module("vllm.v1.attention.backends.utils").resolve_kv_cache_layout
customize_attention_spec = _module("vllm.v1.worker.utils").customize_attention_spec


def answer(case: dict[str, Any]) -> dict[str, Any]:
    config = {k: v for k, v in case["config"].items() if k != "quantization_config"}
    if "text_config" in config:  # Pictures have no part in it, and need libraries of their own.
        (name,) = config["architectures"]
        text_class = name.replace("ForConditionalGeneration", "ForCausalLM")
        config = {"dtype": "bfloat16", **config["text_config"], "architectures": [text_class]}
    config |= case.get("narrowed", {})
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "config.json").write_text(json.dumps(config))
        vllm_config = EngineArgs(
            model=folder,
            tensor_parallel_size=case["tensor_parallel_size"],
            distributed_executor_backend="mp",
            skip_tokenizer_init=True,
            enforce_eager=True,
            load_format="dummy",
            **case["arguments"],
        ).create_engine_config(UsageContext.OPENAI_API_SERVER)
        return measure(vllm_config, case)


def measure(vllm_config: Any, case: dict[str, Any]) -> dict[str, Any]:
    device = "cpu" if "narrowed" in case else "meta"
    specs = build(vllm_config, case["tensor_parallel_size"], device)
    resolve_kv_cache_layout(
        vllm_config,
        [[x.name for x in layouts_of(vllm_config)]],
        specs.values(),
    )
    per_layer = Counter(describe(s) for s in specs.values())
    (cache,) = kv_cache_utils.get_kv_cache_configs(
        vllm_config, [dict(specs)], [case["memory_bytes"]]
    )
    tokens, concurrency = kv_cache_utils.get_kv_cache_capacity(vllm_config, cache)
    return {
        "layers": [[*key, n] for key, n in sorted(per_layer.items())],
        "block_tokens": vllm_config.cache_config.block_size,
        "blocks": cache.num_blocks,
        "block_bytes": kv_cache_utils._pool_bytes_per_block(vllm_config, cache.kv_cache_groups)
        if cache.kv_cache_groups
        else 0,
        "groups": sorted(
            [len(g.layer_names), next(iter(interface.iter_layer_specs(g.kv_cache_spec))).block_size]
            for g in cache.kv_cache_groups
        ),
        "max_model_len": vllm_config.model_config.max_model_len,
        "tokens": tokens,
        "concurrency": round(concurrency, 6),
    }


def layouts_of(vllm_config: Any) -> Any:
    return worker_base.get_supported_kv_cache_layouts(
        worker_base.get_current_attn_backends(vllm_config)
    )


def build(vllm_config: Any, tensor_parallel_size: int, device: str) -> dict[str, Any]:
    parallel_state._TP.world_size = tensor_parallel_size
    with set_current_vllm_config(vllm_config), torch.device(device):
        default = torch.get_default_dtype()
        torch.set_default_dtype(vllm_config.model_config.dtype)
        try:
            initialize_model(vllm_config)
        finally:
            torch.set_default_dtype(default)
    _module("vllm.platforms").current_platform.update_block_size_for_backend(vllm_config)
    found: dict[str, Any] = {}
    for name, layer in vllm_config.compilation_config.static_forward_context.items():
        if not isinstance(layer, layer_base.AttentionLayerBase):
            continue
        if isinstance(layer, attention.Attention) and layer.kv_sharing_target_layer_name:
            continue
        spec = layer.get_kv_cache_spec(vllm_config)
        if isinstance(spec, interface.AttentionSpec):
            spec = customize_attention_spec(layer.get_attn_backend(), spec)
        if spec is not None:
            found[name] = spec
    return found


def describe(spec: Any) -> tuple[str, int, int, int, int]:
    """Return kind, page, tokens of a block, content of a page without padding, window."""
    content = getattr(spec, "unpadded_page_size_bytes", None)
    if content is None:
        content = spec.real_page_size_bytes
    window = getattr(spec, "sliding_window", None) or getattr(spec, "attention_chunk_size", None)
    block = -1 if type(spec).__name__ == "MambaSpec" else spec.block_size
    return type(spec).__name__, spec.page_size_bytes, block, content, window or 0


def main() -> None:
    logging.disable(logging.WARNING)
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{tempfile.mkdtemp()}/rendezvous", rank=0, world_size=1
    )
    parallel_state._WORLD = parallel_state.init_world_group([0], 0, "gloo")
    vllm_config = EngineArgs(model=sys.argv[1], skip_tokenizer_init=True).create_engine_config()
    with set_current_vllm_config(vllm_config):
        parallel_state.initialize_model_parallel(1, 1)
    parallel_state._EP = parallel_state._TP
    answers: list[Any] = []
    for case in json.load(sys.stdin):
        try:
            answers.append(answer(case))
        except Exception:
            answers.append({"error": traceback.format_exc()[-1500:]})
        print(case.get("name"), "error" in answers[-1], file=sys.stderr, flush=True)
    print("TRUTH" + json.dumps(answers))


if __name__ == "__main__":
    main()
