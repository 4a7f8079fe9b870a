"""`show`, `nodes` and `operations` against a server."""

import json
from collections.abc import Callable
from typing import Any

from typer.testing import Result

from support.answers import deployment, operation
from support.rest_server import RestServer

Run = Callable[..., Result]

SPEC: dict[str, Any] = {
    "model": "a/b",
    "revision": "v2",
    "config": {"name": "chat", "version": 3},
    "resources": {"cpus": 1.0, "gpus": None},
    "arguments": {"max_model_len": 4096},
    "environment": {"TOKEN": "secret-value"},
}
NODE = {"id": "n", "ip": "10.0.0.2", "hostname": "gpu-a", "gpus": [{"index": 1}, {"index": 3}]}
METRICS = {"requests_running": 4.0, "requests_waiting": 2.0, "kv_cache_usage_ratio": 0.51}
REPLICA = {"replica_id": "r1", "node": NODE, "phase": "ready", "attempt": 2, "metrics": METRICS}
SILENT = {
    "replica_id": "r2",
    "phase": "unreachable",
    "attempt": None,
    "metrics": None,
    "node": {"id": "n", "ip": None, "hostname": None, "gpus": None},
}


def serve(server: RestServer, **more: Any) -> None:
    told = deployment(spec=SPEC, stale=True, degradations=[], **more)
    server.answer("GET /api/v1/deployments/demo", told)
    server.answer("GET /api/v1/deployments/demo/replicas", {"items": [REPLICA, SILENT]})
    events = [
        {"at": "2026-11-23T10:00:05Z", "kind": "phase", "message": "Now ready."},
        {"at": "2026-11-23T10:00:00Z", "kind": "error", "message": "[b]It ended.[/b]"},
    ]
    server.answer("GET /api/v1/deployments/demo/events", {"items": events})


def test_show_tells_settings_replicas_and_events_the_newest_last(
    run: Run, server: RestServer
) -> None:
    serve(server)
    done = run("show", "demo")
    assert done.exit_code == 0, done.output
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["Model", "a/b", "@", "v2"] in lines
    assert ["Config", "chat@3"] in lines
    assert ["Argument", "max_model_len=4096"] in lines
    assert ["r1", "ready", "gpu-a", "1,", "3", "2", "4", "2", "51%"] in lines
    assert ["r2", "unreachable", "–", "–", "–", "–", "–", "–"] in lines
    assert done.stdout.index("[b]It ended.[/b]") < done.stdout.index("Now ready.")
    assert "`restart` makes it so" in done.stdout


def test_show_names_variables_without_their_values(run: Run, server: RestServer) -> None:
    serve(server)
    shown = run("show", "demo").stdout
    assert "TOKEN" in shown
    assert "secret-value" not in shown


def test_show_asks_for_as_many_events_as_are_wanted(run: Run, server: RestServer) -> None:
    serve(server)
    run("show", "demo", "--events", "3")
    assert server.calls[-1].query["limit"] == ["3"]
    server.calls.clear()
    found = json.loads(run("show", "demo", "--events", "0", "--json").stdout)
    assert found["events"] == []
    assert [call.path.rpartition("/")[2] for call in server.calls] == ["demo", "replicas"]


def test_nodes_tells_what_each_has_and_why_one_is_dead(run: Run, server: RestServer) -> None:
    alive = {
        "id": "aaaabbbbccccdddd",
        "ip": "10.0.0.1",
        "hostname": None,
        "is_head": True,
        "state": "alive",
        "state_message": None,
        "cpus": 8.0,
        "gpus": 0.5,
        "memory_bytes": 2**34,
    }
    dead = {**alive, "hostname": "gpu-b", "is_head": False, "state": "dead", "cpus": None}
    dead["state_message"] = "no heartbeat"
    server.answer("GET /api/v1/nodes", {"items": [alive, dead]})
    lines = [line.split() for line in run("nodes").stdout.splitlines()]
    assert lines[1] == ["aaaabbbbcccc", "(head)", "10.0.0.1", "alive", "8", "0.5", "16.0", "GiB"]
    assert lines[2][:4] == ["gpu-b", "10.0.0.1", "dead", "–"]
    assert lines[2][-2:] == ["no", "heartbeat"]


def test_no_nodes_are_not_an_empty_table(run: Run, server: RestServer) -> None:
    server.answer("GET /api/v1/nodes", {"items": []})
    assert "vllm-manager doctor" in run("nodes").stdout


def test_operations_tells_how_far_each_is(run: Run, server: RestServer) -> None:
    known = operation(kind="model.download", progress=0.25, created_at="2026-11-23T10:00:00Z")
    unknown = {**known, "progress": None, "message": "Waits."}
    server.answer("GET /api/v1/operations", {"items": [known, unknown]})
    done = run("operations", "--status", "running", "--limit", "5")
    assert server.calls[0].query == {"limit": ["5"], "status": ["running"]}
    lines = [line.split() for line in done.stdout.splitlines()]
    assert lines[1][:4] == ["model.download", "demo", "running", "25%"]
    assert lines[2][3] == "–"
