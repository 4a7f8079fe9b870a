"""`explain`: the cause with proof and remedies, the remedy done, and what slows a model down."""

from typing import Any

from cli.conftest import Run
from support.rest_server import RestServer
from vllm_manager.cli.remedies import change_of
from vllm_manager.kit.errors import Problem

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


def test_an_argument_without_a_value_is_taken_out() -> None:
    assert change_of(DEPLOYMENT, {"odd": None}) == {"arguments": {"max_model_len": 131072}}


def test_settings_that_go_together_are_one_change() -> None:
    settings = {"tensor_parallel_size": 2, "gpus": 2, "replicas": 1, "enforce_eager": True}
    assert change_of(DEPLOYMENT, settings) == {
        "resources": {"cpus": 1, "tensor_parallel_size": 2, "gpus": 2},
        "replicas": 1,
        "arguments": {**DEPLOYMENT["spec"]["arguments"], "enforce_eager": True},
    }


def failing(action: str, **arguments: Any) -> dict[str, Any]:
    """Return a deployment whose error has one remedy."""
    remedy = {"label": "Mend it", "action": action, "arguments": arguments}
    return {**DEPLOYMENT, "last_error": {**ERROR, "remediation": [remedy]}}


def operation(status: str, **told: Any) -> dict[str, Any]:
    shared = {"id": "op_0", "kind": "k", "subject": "s", "message": None, "error": None}
    return {**shared, "status": status, **told}


def mended(server: RestServer, run: Run, *words: str, typed: str | None = None) -> list[Any]:
    """Do the first remedy; return the calls that changed something."""
    accepted = operation("pending", subject="demo")
    server.answer(f"POST {PATH}/restart", {"operation": accepted, "deployment": DEPLOYMENT})
    done = run("explain", "demo", "--do", "1", "--no-wait", *words, typed=typed)
    assert done.exit_code == 0, done.output
    return [(c.method, c.path, c.body) for c in server.calls if c.method != "GET"]


def test_damaged_files_are_asked_for_again_before_it_is_restarted(
    server: RestServer, run: Run
) -> None:
    server.answer(f"GET {PATH}", failing("refetch", model_id="org--name@c0ffee"))
    verify = "/api/v1/models/org--name%40c0ffee/verify"
    server.answer(f"POST {verify}", {"operation": operation("running")})
    damaged = Problem("model_damaged", "x.safetensors", status=422).details.model_dump(mode="json")
    server.answer("GET /api/v1/operations/op_0", operation("failed", error=damaged))
    calls = mended(server, run)
    assert calls == [("POST", verify, {"refetch": True}), ("POST", f"{PATH}/restart", None)]


def test_it_is_not_restarted_where_the_files_could_not_be_checked(
    server: RestServer, run: Run
) -> None:
    server.answer(f"GET {PATH}", failing("refetch", model_id="m@1"))
    broken = Problem("disk_failed", "No.", status=500).details.model_dump(mode="json")
    failed = operation("failed", message="No.", error=broken)
    server.answer("POST /api/v1/models/m%401/verify", {"operation": failed})
    caught = run("explain", "demo", "--do", "1").exception
    assert isinstance(caught, Problem)
    assert caught.code == "disk_failed"


def test_a_model_is_downloaded_by_its_remedy(server: RestServer, run: Run) -> None:
    server.answer(f"GET {PATH}", failing("download", repo="org/name", revision="main"))
    server.answer("POST /api/v1/downloads", {"id": "dl_1"})
    asked = {"repo": "org/name", "revision": "main"}
    calls = mended(server, run)
    assert calls == [("POST", "/api/v1/downloads", asked), ("POST", f"{PATH}/restart", None)]


def test_a_token_is_read_and_set_by_its_remedy(server: RestServer, run: Run) -> None:
    server.answer(f"GET {PATH}", failing("set_token", scope="installation"))
    server.answer("PUT /api/v1/catalog/token", {"is_set": True})
    calls = mended(server, run, typed="hf_new\n")
    assert calls[0] == ("PUT", "/api/v1/catalog/token", {"token": "hf_new"})
    assert calls[1][1] == f"{PATH}/restart"
    assert next(c for c in server.calls if c.method == "PUT").query == {"scope": ["installation"]}


def test_another_deployment_is_stopped_before_this_one_starts(server: RestServer, run: Run) -> None:
    server.answer(f"GET {PATH}", failing("stop", name="other"))
    server.answer("POST /api/v1/deployments/other/stop", {"operation": operation("running")})
    server.answer("GET /api/v1/operations/op_0", operation("succeeded"))
    refused = run("explain", "demo", "--do", "1", typed="n\n")
    assert refused.exit_code != 0
    calls = mended(server, run, "--yes")
    assert [path for _, path, _ in calls] == [
        "/api/v1/deployments/other/stop",
        f"{PATH}/restart",
    ]


def test_what_is_to_be_looked_at_is_told_by_its_address(server: RestServer, run: Run) -> None:
    server.answer(f"GET {PATH}", failing("visit", url="https://hub.example/org/name"))
    assert "https://hub.example/org/name" in run("explain", "demo", "--do", "1").stdout
    server.answer(f"GET {PATH}", failing("open", path="/library"))
    assert f"{server.url}/library" in run("explain", "demo", "--do", "1").stdout
    assert all(call.method == "GET" for call in server.calls)


def test_the_error_of_a_deployment_that_is_ready_again_is_not_mended(
    server: RestServer, run: Run
) -> None:
    server.answer(f"GET {PATH}", {**DEPLOYMENT, "phase": "ready"})
    caught = run("explain", "demo", "--do", "1").exception
    assert isinstance(caught, Problem)
    assert caught.code == "nothing_to_mend"


def test_a_slow_model_is_told_what_slows_it_down(server: RestServer, run: Run) -> None:
    server.answer(f"GET {PATH}", {**DEPLOYMENT, "phase": "ready", "last_error": None})
    cause = {"kind": "engine_queue", "share": 0.6, "cause": "Requests wait.", "advice": "Add one."}
    server.answer(f"GET {PATH}/performance", {"summary": "It takes 10 s.", "causes": [cause]})
    done = run("explain", "demo")
    assert done.exit_code == 0, done.output
    assert "60%" in done.stdout
    assert "Add one." in done.stdout
