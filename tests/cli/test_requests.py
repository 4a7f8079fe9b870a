"""`requests`: listed, shown, cancelled, captured."""

import json
from typing import Any

from cli.conftest import Run
from support.rest_server import RestServer

ITEM: dict[str, Any] = {
    "id": "req_1",
    "deployment": "demo",
    "model": "demo",
    "replica": "r1",
    "path": "/v1/completions",
    "stream": True,
    "state": "decode",
    "is_active": True,
    "is_current": True,
    "is_cancelling": False,
    "status": None,
    "status_class": None,
    "started_at": "2026-11-23T10:00:00Z",
    "seconds": 4.2,
    "ttft_seconds": 0.2,
    "tokens_per_second": 31.52,
    "prompt_tokens": None,
    "completion_tokens": 1260,
    "cached_tokens": None,
    "user": "usr_1",
    "user_name": "ada",
    "team": None,
    "key": "key_1",
    "key_name": "laptop",
    "key_last_four": "x9Qa",
    "key_class": "user",
    "client": "10.0.0.7",
    "worker": 1,
    "has_bodies": False,
}
CAPTURE = {
    "deployment": "demo",
    "until": "2026-11-23T10:10:00Z",
    "requests_left": 20,
    "keep_hours": 1,
    "started_by": "ada",
}


def serve(server: RestServer, *items: dict[str, Any], silent: int = 0, **more: Any) -> None:
    page = {"items": list(items), "next_cursor": None, "workers": 1, "silent_workers": silent}
    server.answer("GET /api/v1/requests", page)
    server.answer("GET /api/v1/requests/capture", {"items": more.get("captures", [])})


def test_those_under_way_are_listed(server: RestServer, run: Run) -> None:
    serve(server, ITEM)
    done = run("requests", "--deployment", "demo")
    assert done.exit_code == 0, done.output
    for words in ("req_1", "decode", "4.2 s", "0.2 s", "31.5", "1,260", "ada"):
        assert words in done.output
    assert server.calls[0].query["state"] == ["active"]
    assert server.calls[0].query["deployment"] == ["demo"]


def test_those_that_ended_are_listed_when_asked_for(server: RestServer, run: Run) -> None:
    serve(server)
    assert "Nothing ended lately" in run("requests", "--recent").output
    assert server.calls[0].query["state"] == ["recent"]


def test_what_is_not_current_is_said_to_be_so(server: RestServer, run: Run) -> None:
    serve(server, {**ITEM, "is_current": False}, silent=1)
    output = run("requests").output
    assert "decode?" in output
    assert "have not been heard for 10 s" in output


def test_a_capture_that_is_on_is_said(server: RestServer, run: Run) -> None:
    serve(server, captures=[CAPTURE])
    assert "are captured until 2026-11-23T10:10:00Z, for ada" in run("requests").output


def test_programs_get_the_page(server: RestServer, run: Run) -> None:
    serve(server, ITEM, captures=[CAPTURE])
    assert json.loads(run("requests", "--json").output)["items"] == [ITEM]


def test_one_is_shown(server: RestServer, run: Run) -> None:
    server.answer("GET /api/v1/requests/req_1", ITEM)
    output = run("requests", "show", "req_1").output
    for words in ("10.0.0.7", "laptop (…x9Qa)", "decode"):
        assert words in output


def test_one_is_cancelled(server: RestServer, run: Run) -> None:
    server.answer("POST /api/v1/requests/req_1/cancel", {**ITEM, "is_cancelling": True})
    done = run("requests", "cancel", "req_1")
    assert done.exit_code == 0, done.output
    assert "is being cancelled" in done.output


def test_bodies_are_captured_printed_and_erased(server: RestServer, run: Run) -> None:
    server.answer("PUT /api/v1/requests/capture/demo", CAPTURE)
    assert "the bodies of 20 more" in run("requests", "capture", "demo", "--minutes", "5").output
    assert server.calls[0].body == {"minutes": 5, "requests": 20, "keep_hours": 1}
    found = {"request": "asked", "response": "answered", "is_cut": True}
    server.answer("POST /api/v1/requests/req_1/reveal", found)
    output = run("requests", "bodies", "req_1").output
    for words in ("asked", "answered", "cut at 64 KiB"):
        assert words in output
    server.answer("DELETE /api/v1/requests/capture/demo", {})
    assert run("requests", "capture", "demo", "--erase").exit_code == 0
    assert server.calls[-1].query == {"erase": ["true"]}


def test_the_end_of_a_capture_is_told_to_programs_as_json(server: RestServer, run: Run) -> None:
    server.answer("DELETE /api/v1/requests/capture/demo", {"deployment": "demo"})
    done = run("requests", "capture", "demo", "--off", "--json")
    assert json.loads(done.stdout) == {"deployment": "demo"}
