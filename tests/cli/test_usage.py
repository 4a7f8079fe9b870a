"""`usage`: as a table, as CSV, and what is asked for it; and the prices."""

import json
from typing import Any

import pytest

from cli.conftest import Run
from support.rest_server import RestServer

ROW: dict[str, Any] = {
    "model": None,
    "key": "key_1",
    "key_name": "nightly",
    "user": None,
    "user_name": None,
    "team": None,
    "team_name": None,
    "day": "2026-11-24",
    "requests": 1200,
    "ok": 1190,
    "errors": 3,
    "client_errors": 2,
    "server_errors": 1,
    "client_left": 7,
    "cancelled": 0,
    "limited": 311,
    "turned_away": 20,
    "refused": 2,
    "prompt_tokens": 56000,
    "completion_tokens": 7,
    "cached_tokens": 0,
    "latency_mean_seconds": 1.0,
    "latency_p50_seconds": 0.91,
    "latency_p95_seconds": 2.5,
    "ttft_mean_seconds": None,
    "ttft_p50_seconds": None,
    "ttft_p95_seconds": None,
    "cost": 12.345,
    "currency": "EUR",
    "unpriced_requests": 10,
}
PRICE: dict[str, Any] = {
    "model": "demo",
    "valid_from": "2026-11-01",
    "is_current": True,
    "input_per_million": 0.5,
    "cached_input_per_million": None,
    "output_per_million": 1.0755,
    "currency": "EUR",
    "updated_at": "2026-11-23T10:00:00Z",
}
PRICES = "/api/v1/usage/prices"


def test_sums_are_shown_by_what_was_asked(server: RestServer, run: Run) -> None:
    server.answer("GET /api/v1/usage", {"items": [ROW], "next_cursor": None})
    done = run("usage", "--by", "key", "--by", "day", "--from", "2026-11-01", "--model", "demo")
    assert done.exit_code == 0, done.output
    for words in (
        "nightly",
        "2026-11-24",
        "1,200",
        "56,000",
        "0.91s",
        "2.50s",
        "12.35",
        "COST EUR",
    ):
        assert words in " ".join(done.output.split()), words
    assert "10 requests were for models that had no price" in done.output
    assert "Refused beside these: 311 by a limit, 20 for want of room" in done.output
    query = server.calls[0].query
    assert query["group_by"] == ["key", "day"]
    assert query["model"] == ["demo"]
    assert query["from"][0].startswith("2026-11-01T00:00:00")


def test_the_id_stands_for_what_has_no_name_any_more(server: RestServer, run: Run) -> None:
    gone = {**ROW, "key_name": None, "cost": None, "currency": None}
    server.answer("GET /api/v1/usage", {"items": [gone], "next_cursor": None})
    output = run("usage", "--by", "key").output
    assert "key_1" in output
    assert "had no price" not in output


def test_it_can_be_read_by_programs(server: RestServer, run: Run) -> None:
    server.answer("GET /api/v1/usage", {"items": [ROW], "next_cursor": None})
    done = run("usage", "--json")
    assert json.loads(done.output)["items"] == [ROW]


def test_no_use_is_said(server: RestServer, run: Run) -> None:
    server.answer("GET /api/v1/usage", {"items": [], "next_cursor": None})
    assert "Nothing was asked" in run("usage").output


def test_prices_are_listed_with_as_many_decimals_as_they_have(server: RestServer, run: Run) -> None:
    older = {**PRICE, "valid_from": "2026-01-01", "is_current": False}
    server.answer(f"GET {PRICES}", {"items": [PRICE, older], "next_cursor": None})
    lines = run("usage", "prices", "ls").output.splitlines()
    assert lines[1].split() == ["demo", "2026-11-01", "0.50", "0.50", "1.0755", "EUR", "today"]
    assert lines[2].split()[-1] == "EUR"


def test_no_price_is_said_with_how_to_set_one(server: RestServer, run: Run) -> None:
    server.answer(f"GET {PRICES}", {"items": [], "next_cursor": None})
    assert "usage prices set MODEL" in run("usage", "prices", "ls").output


@pytest.mark.parametrize("model", ["demo", "organisation/model"])
def test_a_price_is_set_from_a_day_on(server: RestServer, run: Run, model: str) -> None:
    address = f"{PRICES}/{model.replace('/', '%2F')}"
    server.answer(f"PUT {address}", {**PRICE, "model": model})
    done = run("usage", "prices", "set", model, "--in", "0.5", "--out", "1", "--from", "2026-11-01")
    assert done.exit_code == 0, done.output
    assert server.calls[0].body == {
        "input_per_million": 0.5,
        "cached_input_per_million": None,
        "output_per_million": 1.0,
        "valid_from": "2026-11-01",
    }
    assert "from 2026-11-01 on" in done.output


def test_a_price_below_nothing_is_misuse(run: Run) -> None:
    assert run("usage", "prices", "set", "demo", "--in", "-1", "--out", "1").exit_code == 2


def test_a_price_is_removed_by_its_day(server: RestServer, run: Run) -> None:
    server.answer(f"DELETE {PRICES}/demo", {})
    assert run("usage", "prices", "rm", "demo", "--from", "2026-11-01").exit_code == 0
    assert server.calls[0].query == {"valid_from": ["2026-11-01"]}
