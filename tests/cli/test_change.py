"""`change` and `scale` against a server."""

import json
from collections.abc import Callable
from pathlib import Path

from typer.testing import Result

from support.answers import deployment, operation
from support.rest_server import RestServer

Run = Callable[..., Result]

SPEC = {
    "name": "demo",
    "model": "demo",
    "resources": {"cpus": 1.0, "gpus": 2, "tensor_parallel_size": 2},
    "arguments": {"max_model_len": 4096, "seed": 1},
    "environment": {"A": "1", "B": "2"},
}


def serve(server: RestServer, *, stale: bool = True) -> None:
    server.answer("GET /api/v1/deployments/demo", deployment(spec=SPEC))
    server.answer("PATCH /api/v1/deployments/demo", deployment(spec=SPEC, stale=stale))


def sent(server: RestServer) -> object:
    (call,) = (call for call in server.calls if call.method == "PATCH")
    return call.body


def test_what_is_not_given_stays(run: Run, server: RestServer) -> None:
    serve(server)
    words = "change demo --arg max-model-len=1024 --no-arg seed --env C=3 --no-env A --tp 1"
    done = run(*words.split(), "--max-queued-requests", "0")
    assert done.exit_code == 0, done.output
    assert sent(server) == {
        "resources": {"cpus": 1.0, "gpus": 2, "tensor_parallel_size": 1},
        "arguments": {"max_model_len": 1024},
        "environment": {"B": "2", "C": "3"},
        "max_queued_requests": 0,
    }


def test_fields_that_are_not_named_are_not_sent(run: Run, server: RestServer) -> None:
    serve(server)
    run("change", "demo", "--config", "chat@3", "--force")
    assert sent(server) == {"config": {"name": "chat", "version": 3}, "force": True}


def test_a_whole_spec_from_a_file_can_be_sent_back(
    run: Run, server: RestServer, tmp_path: Path
) -> None:
    serve(server)
    file = tmp_path / "spec.json"
    file.write_text(json.dumps({**SPEC, "engine": "vllm", "start": True}))
    run("change", "demo", "-f", str(file), "--replicas", "3")
    fields = {key: value for key, value in SPEC.items() if key != "name"}
    assert sent(server) == {**fields, "replicas": 3}


def test_it_says_whether_a_restart_is_needed(run: Run, server: RestServer) -> None:
    serve(server)
    assert "vllm-manager restart demo" in run("change", "demo", "--arg", "seed=2").stdout
    serve(server, stale=False)
    assert run("change", "demo", "--max-queued-requests", "4").stdout == "demo is changed\n"


def test_it_restarts_where_that_is_asked_for_and_needed(run: Run, server: RestServer) -> None:
    accepted = {"deployment": deployment(), "operation": operation()}
    server.answer("POST /api/v1/deployments/demo/restart", accepted, status=202)
    serve(server)
    assert run("change", "demo", "--arg", "seed=2", "--restart", "--no-wait").exit_code == 0
    assert [call.method for call in server.calls] == ["GET", "PATCH", "POST"]
    server.calls.clear()
    serve(server, stale=False)
    run("change", "demo", "--arg", "seed=2", "--restart", "--no-wait")
    assert [call.method for call in server.calls] == ["GET", "PATCH"]


def test_nothing_is_sent_where_nothing_is_to_change(run: Run, server: RestServer) -> None:
    done = run("change", "demo", "--force")
    assert done.exit_code == 2
    assert "say what is to change" in done.stderr
    assert server.calls == []


def test_what_is_not_there_can_not_be_taken_out(run: Run, server: RestServer) -> None:
    serve(server)
    done = run("change", "demo", "--no-arg", "max_num_seqs")
    assert done.exit_code == 2
    assert "no “max_num_seqs” to take out" in done.stderr
    assert [call.method for call in server.calls] == ["GET"]


def test_scale_sends_the_replicas_alone(run: Run, server: RestServer) -> None:
    serve(server, stale=False)
    assert run("scale", "demo", "3").stdout == "demo is changed\n"
    assert sent(server) == {"replicas": 3}
    assert run("scale", "demo", "0").exit_code == 2
