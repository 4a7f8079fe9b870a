"""`logs` of the product: from the server, and from the files where it is down."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from support.rest_server import RestServer
from vllm_manager.cli.main import app
from vllm_manager.cli.product_log import Newest, Read

pytestmark = pytest.mark.integration

Run = Callable[..., Result]
NOW = datetime(2026, 6, 1, tzinfo=UTC)


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


def reader_of(lines: list[dict[str, Any]]) -> Read:
    """Return a reader of pages, newest line first, of what is in `lines` then."""

    def read(**query: Any) -> tuple[list[dict[str, Any]], str | None]:
        wanted = [one for one in lines if at(one) >= datetime.fromisoformat(query["from"])]
        wanted.sort(key=at, reverse=True)
        begin = int(query["cursor"] or 0)
        end = begin + query["limit"]
        return wanted[begin:end], str(end) if end < len(wanted) else None

    return read


def at(line: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(line["time"])


def burst(first: int, last: int, second: float = 0) -> list[dict[str, Any]]:
    began = datetime(2026, 1, 1, 12, tzinfo=UTC) + timedelta(seconds=second)
    times = [began + timedelta(microseconds=10 * number) for number in range(first, last)]
    return [
        entry(0, f"{number}") | {"id": f"b{number}", "time": time.isoformat()}
        for number, time in zip(range(first, last), times, strict=True)
    ]


def test_following_shows_each_line_once_and_all_of_a_burst() -> None:
    shown = [entry(1, "a"), entry(2, "b")]
    held = [*shown]
    newest = Newest.of(shown, NOW)
    assert newest.take(reader_of(held), {}, NOW) == []
    held += burst(0, 5000, second=3)
    come = newest.take(reader_of(held), {}, NOW)
    assert [one["message"] for one in come] == [f"{number}" for number in range(5000)]
    assert newest.take(reader_of(held), {}, NOW) == []


def test_following_shows_what_was_written_late_and_nothing_older_than_the_tail() -> None:
    held = [entry(1, "older"), entry(10, "a"), entry(20, "b")]
    newest = Newest.of(held[1:], NOW)
    held.append(entry(18, "written late"))
    come = newest.take(reader_of(held), {}, NOW)
    assert [one["message"] for one in come] == ["written late"]


def test_following_for_long_remembers_the_last_seconds_alone() -> None:
    held: list[dict[str, Any]] = []
    newest = Newest.of([], at(entry(0, "")))
    for second in range(0, 60, 2):
        held += burst(second * 100, second * 100 + 100, second)
        assert len(newest.take(reader_of(held), {}, NOW)) == 100
        assert len(newest.known) <= 400


def test_following_says_where_more_came_than_it_reads() -> None:
    newest = Newest.of([], at(entry(0, "")))
    gap, *come = newest.take(reader_of(burst(0, 60_000)), {}, NOW)
    assert "more lines came" in gap["message"]
    assert come[-1]["message"] == "59999"


def test_following_as_json_prints_an_object_per_line(run: Run, server: RestServer) -> None:
    first = {"items": [entry(1, "a")], "next_cursor": None}
    second = {"items": [entry(2, "b"), entry(1, "a")], "next_cursor": None}
    server.answers["GET /api/v1/logs"] = [(200, first), (200, second), (500, {})]
    done = run("logs", "--follow", "--json")
    assert [json.loads(one)["message"] for one in done.stdout.splitlines()] == ["a", "b"]


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
