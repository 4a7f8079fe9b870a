"""Examples of what the API says, for schemas that bring none of their own."""

from typing import Any

from vllm_manager.api.catalog_examples import CATALOG_EXAMPLES

_METRICS = {
    "requests_running": 2.0,
    "requests_waiting": 0.0,
    "kv_cache_usage_ratio": 0.04,
    "prompt_tokens_total": 1302.0,
    "generation_tokens_total": 504.0,
}
_NODE = {"id": "ad02faedc0a6", "ip": "127.0.0.1", "hostname": "gpu-a"}
_DEPLOYMENT: dict[str, Any] = {
    "name": "demo",
    "uid": "dep_01kb2m3n4p5q6r7s8t9v0w1x2y",
    "spec": {
        "name": "demo",
        "model": "demo",
        "revision": None,
        "config": None,
        "engine": "vllm",
        "replicas": 1,
        "autoscaling": None,
        "resources": {
            "cpus": 1.0,
            "gpus": None,
            "tensor_parallel_size": 1,
            "pipeline_parallel_size": 1,
        },
        "arguments": {"max_model_len": 1024},
        "environment": {},
        "lora_modules": [],
        "max_concurrent_requests": None,
        "start": True,
    },
    "generation": 1,
    "desired": "running",
    "phase": "loading",
    "reason": "Loading weights, 50 %",
    "since": "2026-11-23T10:00:04Z",
    "last_progress_at": "2026-11-23T10:00:12Z",
    "progress": 0.5,
    "log_line": "Loading safetensors checkpoint shards: 50% Completed | 1/2",
    "deadline_at": "2026-11-23T10:10:12Z",
    "attempt": 1,
    "next_retry_at": None,
    "stale": False,
    "config": None,
    "fetch": None,
    "estimate": None,
    "measured": None,
    "comparison": None,
    "degradations": [],
    "last_error": None,
    "replicas_desired": 1,
    "replicas_ready": 0,
    "timeline": [
        {"phase": "starting", "state": "done", "seconds": 3.4, "expected_seconds": 3.1},
        {"phase": "loading", "state": "running", "seconds": 8.0, "expected_seconds": 9.5},
        {"phase": "warming", "state": "expected", "seconds": None, "expected_seconds": 1.2},
    ],
    "how": "cold",
    "how_reason": None,
    "metrics": None,
    "created_at": "2026-11-23T10:00:00Z",
    "updated_at": "2026-11-23T10:00:12Z",
}
_OPERATION = {
    "id": "op_01kb2m3n4p5q6r7s8t9v0w1x2y",
    "kind": "deployment.create",
    "subject": "demo",
    "status": "running",
    "progress": 0.5,
    "message": "Loading weights, 50 %",
    "error": None,
    "created_at": "2026-11-23T10:00:00Z",
    "updated_at": "2026-11-23T10:00:12Z",
    "finished_at": None,
}

EXAMPLES: dict[str, dict[str, Any]] = {
    **CATALOG_EXAMPLES,
    "Deployment": _DEPLOYMENT,
    "DeploymentAccepted": {"deployment": _DEPLOYMENT, "operation": _OPERATION},
    "DeploymentChange": {"replicas": 2, "arguments": {"max_model_len": 2048}},
    "Replica": {
        "replica_id": "8f3kq2lm",
        "node": _NODE,
        "phase": "ready",
        "reason": None,
        "endpoint": "http://127.0.0.1:41234",
        "attempt": 1,
        "supervisor_pid": 4711,
        "engine_pid": 4720,
        "reported_at": "2026-11-23T10:00:40Z",
        "metrics": _METRICS,
        "failure": None,
    },
    "LogLine": {
        "number": 120,
        "at": "2026-11-23T10:00:12.123Z",
        "replica": "8f3kq2lm",
        "attempt": 1,
        "stream": "stderr",
        "text": "Loading safetensors checkpoint shards: 50% Completed | 1/2",
    },
    "DeploymentEvent": {
        "id": "evt_01kb2m3n4p5q6r7s8t9v0w1x2y",
        "at": "2026-11-23T10:00:04Z",
        "kind": "phase",
        "phase": "loading",
        "message": "Now loading.",
        "problem": None,
    },
    "ArgumentList": {
        "engine": "vllm",
        "version": "0.32.0",
        "items": [
            {
                "name": "max_model_len",
                "flag": "--max-model-len",
                "aliases": [],
                "type": "integer",
                "choices": None,
                "default": None,
                "help": "Longest context, in tokens.",
                "reserved": None,
            }
        ],
        "next_cursor": None,
    },
}
