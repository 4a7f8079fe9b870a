"""`usage`: as a table, as CSV, and what is asked for it."""

import json

from cli.conftest import Run
from support.rest_server import RestServer

ROW = {
    "model": None,
    "key": "key_1",
    "user": None,
    "team": None,
    "day": "2026-11-24",
    "requests": 1200,
    "errors": 3,
    "prompt_tokens": 56000,
    "completion_tokens": 7,
    "cached_tokens": 0,
}


def test_sums_are_shown_by_what_was_asked(server: RestServer, run: Run) -> None:
    server.answer("GET /api/v1/usage", {"items": [ROW], "next_cursor": None})
    done = run("usage", "--by", "key", "--by", "day", "--from", "2026-11-01")
    assert done.exit_code == 0, done.output
    for words in ("key_1", "2026-11-24", "1,200", "56,000"):
        assert words in done.output
    query = server.calls[0].query
    assert query["group_by"] == ["key", "day"]
    assert query["from"][0].startswith("2026-11-01T00:00:00")


def test_it_can_be_read_by_programs(server: RestServer, run: Run) -> None:
    server.answer("GET /api/v1/usage", {"items": [ROW], "next_cursor": None})
    done = run("usage", "--json")
    assert json.loads(done.output)["items"] == [ROW]


def test_no_use_is_said(server: RestServer, run: Run) -> None:
    server.answer("GET /api/v1/usage", {"items": [], "next_cursor": None})
    assert "Nothing was asked" in run("usage").output
