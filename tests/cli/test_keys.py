"""`keys ls|create|show|change|rotate|revoke`: what a person reads, and what is sent."""

import json
from typing import Any

from cli.conftest import Run
from support.rest_server import RestServer
from vllm_manager.kit.errors import Problem

PATH = "/api/v1/keys"
NO_LIMITS: dict[str, Any] = {
    "requests_per_minute": None,
    "tokens_per_minute": None,
    "concurrent_requests": None,
    "tokens_per_day": None,
    "tokens_per_month": None,
}
KEY: dict[str, Any] = {
    "id": "key_1",
    "name": "reports",
    "hint": "vm-…x2Qk",
    "state": "active",
    "owner": {"id": "usr_1", "username": "ada", "kind": "person"},
    "team": {"id": "team_1", "name": "research"},
    "models": ["demo"],
    "addresses": None,
    "management": False,
    "priority": "normal",
    "limits": {**NO_LIMITS, "tokens_per_minute": 1000},
    "created_by": "usr_1",
    "created_at": "2026-11-23T10:00:00Z",
    "expires_at": None,
    "revoked_at": None,
    "last_used_at": None,
    "replaced_by": None,
}
POLICY: dict[str, Any] = {
    "scope": "team",
    "subject": "team_1",
    "name": "research",
    "limits": {**NO_LIMITS, "tokens_per_month": 50_000},
    "updated_at": None,
    "used": {"day": "2026-11-23", "tokens_today": 1234, "tokens_this_month": 4321},
}


def listed(server: RestServer, *keys: dict[str, Any]) -> None:
    server.answer(f"GET {PATH}", {"items": list(keys), "next_cursor": None})


def sent(server: RestServer, method: str) -> list[Any]:
    return [call.body for call in server.calls if call.method == method]


def test_ls_shows_owner_team_state_and_last_use(server: RestServer, run: Run) -> None:
    listed(server, KEY)
    done = run("keys", "ls", "--owner", "ada")
    for words in ("reports", "key_1", "vm-…x2Qk", "ada", "research", "active", "never"):
        assert words in done.stdout
    assert server.calls[0].query["owner"] == ["ada"]


def test_ls_without_keys_says_what_to_do(server: RestServer, run: Run) -> None:
    listed(server)
    assert "keys create" in run("keys", "ls").stdout


def test_create_prints_the_key_alone_on_standard_output(server: RestServer, run: Run) -> None:
    server.answer(f"POST {PATH}", {"secret": "vm-secret", "key": KEY}, status=201)
    done = run("keys", "create", "reports", "--model", "demo", "--tokens-per-minute", "1_000")
    assert done.stdout == "vm-secret\n"
    assert "shown this once" in done.stderr
    [asked] = sent(server, "POST")
    assert (asked["models"], asked["addresses"]) == (["demo"], None)
    assert asked["limits"] == {"tokens_per_minute": 1000}


def test_an_end_is_a_span_or_a_date(server: RestServer, run: Run) -> None:
    server.answer(f"POST {PATH}", {"secret": "vm-secret", "key": KEY}, status=201)
    for given in ("90d", "2999-01-31", "2999-01-31T12:00:00Z"):
        assert run("keys", "create", "x", "--expires", given).exit_code == 0
    assert all(asked["expires_at"][:2] in ("20", "29") for asked in sent(server, "POST"))
    assert sent(server, "POST")[2]["expires_at"] == "2999-01-31T12:00:00+00:00"
    for wrong in ("soon", "90", "31.1.2999"):
        assert run("keys", "create", "x", "--expires", wrong).exit_code == 2


def test_a_limit_is_a_number_or_none(server: RestServer, run: Run) -> None:
    done = run("keys", "create", "x", "--tokens-per-day", "many")
    assert done.exit_code == 2
    assert server.calls == []


def test_show_lists_every_limit_and_what_is_used(server: RestServer, run: Run) -> None:
    listed(server, KEY)
    effective = {"key": "key_1", "tightest": NO_LIMITS, "items": [POLICY]}
    server.answer("GET /api/v1/limits/effective", effective)
    done = run("keys", "show", "reports")
    for words in ("vm-…x2Qk", "for research", "demo", "anywhere", "1,000 tokens/min", "never"):
        assert words in done.stdout
    assert "team research: 50,000 tokens/month; used 1,234 tokens today, 4,321" in done.stdout
    assert json.loads(run("keys", "show", "reports", "--json").stdout)["effective"] == effective


def test_change_sends_what_was_given_and_keeps_other_limits(server: RestServer, run: Run) -> None:
    server.answer(f"GET {PATH}/key_1", KEY)
    server.answer(f"PATCH {PATH}/key_1", KEY)
    run("keys", "change", "key_1", "--all-models", "--address", "10.0.0.0/8", "--expires", "never")
    run("keys", "change", "key_1", "--tokens-per-day", "9", "--name", "new")
    first, second = sent(server, "PATCH")
    assert first == {"models": None, "addresses": ["10.0.0.0/8"], "expires_at": None}
    assert second == {"name": "new", "limits": {**KEY["limits"], "tokens_per_day": 9}}
    done = run("keys", "change", "key_1", "--all-models", "--model", "demo")
    assert done.exit_code == 2


def test_rotate_prints_the_new_key_and_until_when_the_old_one_works(
    server: RestServer, run: Run
) -> None:
    server.answer(f"GET {PATH}/key_1", KEY, {**KEY, "expires_at": "2026-11-24T10:00:00Z"})
    server.answer(f"POST {PATH}/key_1/rotate", {"secret": "vm-new", "key": KEY}, status=201)
    done = run("keys", "rotate", "key_1", "--old-until", "2h")
    assert done.stdout == "vm-new\n"
    assert "2026-11-24T10:00:00Z" in done.stderr
    assert sent(server, "POST")[0]["old_until"] is not None


def test_revoke_asks_first(server: RestServer, run: Run) -> None:
    listed(server, KEY)
    server.answer(f"POST {PATH}/key_1/revoke", {**KEY, "state": "revoked"})
    assert run("keys", "revoke", "reports", typed="n\n").exit_code == 1
    assert sent(server, "POST") == []
    assert "is revoked" in run("keys", "revoke", "reports", "--yes").stdout


def test_of_several_keys_of_a_name_one_is_named_by_its_id(server: RestServer, run: Run) -> None:
    listed(server, KEY, {**KEY, "id": "key_2"}, {**KEY, "id": "key_3", "state": "replaced"})
    caught = run("keys", "show", "reports").exception
    assert isinstance(caught, Problem)
    assert caught.code == "key_ambiguous"
    assert "key_2" in caught.details.detail
    assert "key_3" not in caught.details.detail
    missing = run("keys", "show", "other").exception
    assert isinstance(missing, Problem)
    assert missing.code == "key_not_found"


def test_after_a_rotation_the_name_is_the_new_key_s(server: RestServer, run: Run) -> None:
    listed(server, {**KEY, "state": "replaced"}, {**KEY, "id": "key_2"})
    server.answer(f"POST {PATH}/key_2/revoke", {**KEY, "id": "key_2", "state": "revoked"})
    assert run("keys", "revoke", "reports", "--yes").exit_code == 0
