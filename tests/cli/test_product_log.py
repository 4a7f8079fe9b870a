"""`logs` of the product: from the server, and from the files where it is down."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from support.rest_server import RestServer
from vllm_manager.cli.main import app
from vllm_manager.cli.product_log import unseen

Run = Callable[..., Result]


def entry(number: int, message: str, **more: Any) -> dict[str, Any]:
    at = f"2026-01-01T12:00:{number:02d}.000Z"
    return {"id": str(number), "time": at, "process": "gateway", "message": message, **more}


def test_lines_come_oldest_first_and_say_whose_they_are(run: Run, server: RestServer) -> None:
    items = [entry(2, "[b]new", level="error"), entry(1, "old", request_id="req_1")]
    server.answer("GET /api/v1/logs", {"items": items, "next_cursor": None})
    done = run("logs", "--process", "gateway", "--process", "browser", "--level", "info")
    assert done.stdout.splitlines() == [
        "2026-01-01T12:00:01.000Z         gateway: old  [request_id=req_1]",
        "2026-01-01T12:00:02.000Z ERROR   gateway: [b]new",
    ]
    assert server.calls[0].query == {
        "process": ["gateway", "browser"],
        "level": ["info"],
        "limit": ["100"],
    }


def test_one_request_is_asked_for_by_its_id(run: Run, server: RestServer) -> None:
    server.answer("GET /api/v1/logs", {"items": [entry(1, "x")], "next_cursor": None})
    assert run("logs", "--request", "req_1", "--json").exit_code == 0
    assert server.calls[0].query["request_id"] == ["req_1"]


def test_a_long_tail_is_read_page_by_page(run: Run, server: RestServer) -> None:
    first = {"items": [entry(n, f"{n}") for n in (4, 3)], "next_cursor": "c"}
    second = {"items": [entry(n, f"{n}") for n in (2, 1)], "next_cursor": "d"}
    server.answer("GET /api/v1/logs", first, second)
    done = run("logs", "--tail", "4", "--json")
    assert [one["message"] for one in json.loads(done.stdout)["items"]] == ["1", "2", "3", "4"]
    assert server.calls[1].query["cursor"] == ["c"]


def test_following_shows_a_line_once() -> None:
    known: set[str] = set()
    assert len(unseen([entry(1, "a"), entry(2, "b")], known)) == 2
    assert unseen([entry(2, "b"), entry(3, "c")], known) == [entry(3, "c")]


def test_the_tries_of_a_deployment_are_listed(run: Run, server: RestServer) -> None:
    failed = {
        "replica": "r1",
        "generation": 2,
        "attempt": 3,
        "incarnation": "i",
        "node": "gpu-a",
        "began_at": "2026-01-01T12:00:00Z",
        "ended_at": "2026-01-01T12:01:00Z",
        "state": "failed",
        "phase": "failed",
        "failure": {"code": "out_of_memory", "detail": "No [room]."},
        "lines": 1234,
        "lines_dropped": 0,
        "size_bytes": 2048,
    }
    server.answer(
        "GET /api/v1/deployments/demo/logs/attempts", {"items": [failed], "next_cursor": None}
    )
    done = run("logs", "demo", "--attempts")
    assert "1,234" in done.stdout
    assert "failed" in done.stdout


def test_everything_that_is_kept_is_printed(run: Run, server: RestServer) -> None:
    server.answer("GET /api/v1/deployments/demo/logs/download", b"one\ntwo\n")
    done = run("logs", "demo", "--all", "--attempt", "2")
    assert done.stdout == "one\ntwo\n"
    assert server.calls[0].query == {"attempt": ["2"], "format": ["text"]}


def test_where_the_server_is_down_its_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    line = {"time": "2026-01-01T12:00:00Z", "level": "error", "message": "Not started: port"}
    (tmp_path / "logs" / "control-plane.log").write_text(json.dumps(line) + "\n")
    environment = {"VLLM_MANAGER_HOME": str(tmp_path), "VLLM_MANAGER_PORT": "9"}
    done = CliRunner(env=environment).invoke(app, ["logs", "--level", "warning"])
    assert "ERROR   control-plane: Not started: port" in done.stdout
    assert "does not answer" in done.stderr
    assert CliRunner(env=environment).invoke(app, ["logs", "demo"]).stdout == ""
