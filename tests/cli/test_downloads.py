"""`pull` and `downloads` against a server."""

import json
from collections.abc import Callable
from typing import Any

from typer.testing import Result

from support.answers import PROBLEM
from support.rest_server import RestServer
from vllm_manager.kit.errors import Problem

Run = Callable[..., Result]
PATH = "/api/v1/downloads"


def download(state: str = "running", **more: Any) -> dict[str, Any]:
    """Return a download as the API gives it."""
    return {
        "id": "dl_1",
        "repo": "acme/tiny-chat",
        "revision": "main",
        "commit": "c1899de289a04d12100db370d81485cdf75e47ca",
        "state": state,
        "stalled": False,
        "message": None,
        "bytes_done": 512,
        "bytes_total": 2048,
        "bytes_per_second": 256.0,
        "eta_seconds": 6.0,
        "error": None,
        **more,
    }


def test_pull_waits_until_the_model_is_here(run: Run, server: RestServer) -> None:
    server.answer(f"POST {PATH}", download("queued"), status=202)
    server.answer(f"GET {PATH}/dl_1", download(), download("succeeded", bytes_done=2048))
    done = run("pull", "acme/tiny-chat", "--revision", "v1", "--include", "*.json")
    assert (done.exit_code, done.stdout) == (
        0,
        "acme/tiny-chat is succeeded at commit c1899de289a0\n",
    )
    assert server.calls[0].body == {
        "repo": "acme/tiny-chat",
        "revision": "v1",
        "include": ["*.json"],
        "priority": 0,
    }


def test_pull_that_fails_tells_why(run: Run, server: RestServer) -> None:
    server.answer(f"POST {PATH}", download("queued"), status=202)
    server.answer(f"GET {PATH}/dl_1", download("failed", error=PROBLEM))
    failed = run("pull", "acme/tiny-chat")
    assert isinstance(failed.exception, Problem)
    assert failed.exception.code == PROBLEM["code"]


def test_pull_without_waiting_returns_at_once(run: Run, server: RestServer) -> None:
    server.answer(f"POST {PATH}", download("queued"), status=202)
    assert run("pull", "acme/tiny-chat", "--no-wait").stdout == "acme/tiny-chat is queued\n"
    assert len(server.calls) == 1


def test_downloads_lists_share_speed_and_time_left(run: Run, server: RestServer) -> None:
    server.answer(f"GET {PATH}", {"items": [download()], "next_cursor": None})
    row = run("downloads").stdout.splitlines()[1]
    for told in ("acme/tiny-chat", "running", "25 %", "256 B/s", "6.0 s", "dl_1"):
        assert told in row


def test_a_stalled_download_is_shown_as_such(run: Run, server: RestServer) -> None:
    server.answer(f"GET {PATH}", {"items": [download(stalled=True)], "next_cursor": None})
    assert "stalled" in run("downloads", "ls").stdout


def test_downloads_of_nothing_say_how_to_begin(run: Run, server: RestServer) -> None:
    server.answer(f"GET {PATH}", {"items": [], "next_cursor": None})
    assert "vllm-manager pull" in run("downloads").stdout


def test_downloads_as_json_is_one_document(run: Run, server: RestServer) -> None:
    server.answer(f"GET {PATH}", {"items": [download()], "next_cursor": None})
    assert json.loads(run("downloads", "--json").stdout)["items"][0]["id"] == "dl_1"


def test_a_download_is_named_by_its_model_as_well(run: Run, server: RestServer) -> None:
    server.answer(f"GET {PATH}", {"items": [download()], "next_cursor": None})
    server.answer(f"POST {PATH}/dl_1/pause", download("paused"), status=202)
    assert run("downloads", "pause", "acme/tiny-chat").stdout == "acme/tiny-chat is paused\n"


def test_a_model_that_was_never_asked_for_is_said(run: Run, server: RestServer) -> None:
    server.answer(f"GET {PATH}", {"items": [], "next_cursor": None})
    failed = run("downloads", "cancel", "acme/none")
    assert isinstance(failed.exception, Problem)
    assert failed.exception.code == "download_not_found"
