"""What a server answers: deployments and operations in the shapes of docs/reference/api.md."""

from typing import Any


def deployment(name: str = "demo", phase: str = "ready", **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "uid": "dep_1",
        "spec": {"name": name, "model": "demo", "start": True},
        "phase": phase,
        "reason": None,
        "desired": "running",
        "since": "2026-11-23T10:00:00Z",
        "replicas_desired": 1,
        "replicas_ready": 1,
        "last_error": None,
        **more,
    }


def operation(status: str = "running", subject: str = "demo", **more: Any) -> dict[str, Any]:
    return {"id": "op_1", "subject": subject, "status": status, "message": None, **more}


PROBLEM = {
    "type": "urn:vllm-manager:problem:kv_cache_too_small",
    "title": "Too small",
    "status": 500,
    "detail": "The KV cache is too small for 4,096 tokens.",
    "code": "kv_cache_too_small",
    "causes": [{"message": "The engine said so.", "evidence": "ValueError: max seq len (4096)"}],
    "remediation": [{"label": "Set max_model_len to 1024."}],
}
