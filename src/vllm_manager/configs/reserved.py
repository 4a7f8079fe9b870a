"""Engine arguments that a deployment may not set, and why."""

from collections.abc import Mapping
from typing import Final

_OURS = "It is set by vLLM Manager."
_SPEC = "Use the deployment's own field for it."
_SECURITY = "It opens, or weakens, access to the engine; access is managed by the gateway."
_CODE = "It loads code that was not installed with the engine."
_LAYOUT = "Placement over processes and nodes is managed by vLLM Manager."

RESERVED: Final[Mapping[str, str]] = {
    **dict.fromkeys(("host", "port", "uds", "served_model_name", "root_path", "headless"), _OURS),
    **dict.fromkeys(("model", "revision", "tensor_parallel_size", "pipeline_parallel_size"), _SPEC),
    **dict.fromkeys(
        (
            "api_key",
            "middleware",
            "hf_token",
            "allowed_local_media_path",
            "grpc",
            "grpc_port",
            "ssl_ca_certs",
            "ssl_cert_reqs",
            "ssl_certfile",
            "ssl_ciphers",
            "ssl_keyfile",
            "enable_ssl_refresh",
            "allowed_origins",
            "allow_credentials",
            "trust_request_chat_template",
            "trust_request_mm_kwargs",
            "enable_log_requests",
            "enable_log_outputs",
        ),
        _SECURITY,
    ),
    **dict.fromkeys(
        (
            "trust_remote_code",
            "worker_cls",
            "worker_extension_cls",
            "scheduler_cls",
            "logits_processors",
            "io_processor_plugin",
            "reasoning_parser_plugin",
            "tool_parser_plugin",
            "model_class_overrides",
            "logging_config",
            "log_config_file",
            "tool_server",
            "config",
        ),
        _CODE,
    ),
    **dict.fromkeys(
        (
            "api_server_count",
            "nnodes",
            "node_rank",
            "master_addr",
            "master_port",
            "distributed_executor_backend",
            "data_parallel_address",
            "data_parallel_backend",
            "data_parallel_external_lb",
            "data_parallel_hybrid_lb",
            "data_parallel_multi_port_external_lb",
            "data_parallel_rank",
            "data_parallel_rpc_port",
            "data_parallel_size",
            "data_parallel_size_local",
            "data_parallel_start_rank",
            "data_parallel_supervisor_port",
            "device_ids",
        ),
        _LAYOUT,
    ),
}
"""Name of the argument → why it is refused."""

CODE_MEMBERS: Final = frozenset(
    name for name, why in RESERVED.items() if why == _CODE and name != "config"
)
"""The same, wherever they stand in a JSON value."""

SAFE_LOAD_FORMATS: Final = ("safetensors", "fastsafetensors", "runai_streamer", "mistral", "dummy")
"""Formats that can't run code while they load. `auto` falls back to pickle, so it is not one."""

RESERVED_ENVIRONMENT: Final = (
    "VLLM_MANAGER_",
    "RAY_",
    "PYTHON",
    "LD_",
    "DYLD_",
    "VLLM_API_KEY",
    "VLLM_PLUGINS",
    "VLLM_SERVER_DEV_MODE",
    "VLLM_ALLOW_INSECURE_SERIALIZATION",
    "VLLM_ALLOW_RUNTIME_LORA_UPDATING",
    "VLLM_LOGGING_CONFIG_PATH",
    "CUDA_VISIBLE_DEVICES",
    "CUDA_DEVICE_ORDER",
    "PATH",
    "HOME",
)
"""Beginnings of environment names that a deployment may not set."""
