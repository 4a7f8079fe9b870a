"""`explain`: the cause with proof and remedies, the remedy done, and what slows a model down."""

from typing import Any

from cli.conftest import Run
from support.rest_server import RestServer
from vllm_manager.cli.explain import change_of

ERROR: dict[str, Any] = {
    "title": "The context does not fit",
    "code": "kv_cache_too_small",
    "detail": "The largest context that fits is 16,384 tokens.",
    "causes": [{"message": "The engine exited with code 1.", "evidence": "ValueError: To serve"}],
    "remediation": [
        {
            "label": "Set max_model_len to 16384 and retry",
            "action": "set_argument",
            "arguments": {"name": "max_model_len", "value": 16384},
        },
        {"label": "Read the logs", "action": "open", "arguments": {"path": "/deployments/demo"}},
    ],
}
DEPLOYMENT: dict[str, Any] = {
    "name": "demo",
    "phase": "failed",
    "desired": "running",
    "last_error": ERROR,
    "spec": {"arguments": {"max_model_len": 131072, "odd": 1}, "resources": {"cpus": 1}},
}
PATH = "/api/v1/deployments/demo"


def test_a_failure_is_told_with_proof_and_numbered_remedies(server: RestServer, run: Run) -> None:
    server.answer(f"GET {PATH}", DEPLOYMENT)
    done = run("explain", "demo")
    assert done.exit_code == 0, done.output
    for words in ("does not fit", "16,384", "ValueError: To serve", "--do 1", "Read the logs"):
        assert words in done.stdout


def test_a_remedy_is_done_by_its_number(server: RestServer, run: Run) -> None:
    server.answer(f"GET {PATH}", DEPLOYMENT)
    server.answer(f"PATCH {PATH}", DEPLOYMENT)
    operation = {"id": "op_1", "kind": "deployment.restart", "subject": "demo", "status": "pending"}
    server.answer(f"POST {PATH}/restart", {"operation": operation, "deployment": DEPLOYMENT})
    done = run("explain", "demo", "--do", "1", "--no-wait")
    assert done.exit_code == 0, done.output
    asked = [(call.method, call.path) for call in server.calls]
    assert asked[1:] == [("PATCH", PATH), ("POST", f"{PATH}/restart")]


def test_a_remedy_changes_what_its_setting_belongs_to() -> None:
    assert change_of(DEPLOYMENT, "odd", None) == {"arguments": {"max_model_len": 131072}}
    assert change_of(DEPLOYMENT, "replicas", 2) == {"replicas": 2}
    assert change_of(DEPLOYMENT, "tensor_parallel_size", 2) == {
        "resources": {"cpus": 1, "tensor_parallel_size": 2}
    }


def test_a_slow_model_is_told_what_slows_it_down(server: RestServer, run: Run) -> None:
    server.answer(f"GET {PATH}", {**DEPLOYMENT, "phase": "ready", "last_error": None})
    cause = {"kind": "engine_queue", "share": 0.6, "cause": "Requests wait.", "advice": "Add one."}
    server.answer(f"GET {PATH}/performance", {"summary": "It takes 10 s.", "causes": [cause]})
    done = run("explain", "demo")
    assert done.exit_code == 0, done.output
    assert "60%" in done.stdout
    assert "Add one." in done.stdout
