"""`users` and `teams`: what a person reads, and what is sent."""

import json
from typing import Any

import pytest

from cli.conftest import Run
from support.rest_server import RestServer
from vllm_manager.kit.errors import Problem

TEAM: dict[str, Any] = {
    "id": "team_1",
    "name": "research",
    "created_at": "2026-11-23T10:00:00Z",
    "members": [
        {"user_id": "usr_1", "username": "ada", "role": "member", "since": "2026-11-23T10:00:00Z"}
    ],
}
USER: dict[str, Any] = {
    "id": "usr_1",
    "username": "ada",
    "role": "member",
    "kind": "person",
    "status": "active",
    "email": None,
    "teams": [{"id": "team_1", "name": "research"}],
    "created_at": "2026-11-23T10:00:00Z",
    "last_login_at": None,
    "disabled_at": None,
}
LINK: dict[str, Any] = {
    "id": "link_1",
    "kind": "invitation",
    "user": {**USER, "status": "invited"},
    "token": "secret",
    "url": "http://manager.test/join#secret",
    "expires_at": "2026-11-26T10:00:00Z",
}


@pytest.fixture(autouse=True)
def lists(server: RestServer) -> None:
    server.answer("GET /api/v1/users", {"items": [USER], "next_cursor": None})
    server.answer("GET /api/v1/teams", {"items": [TEAM], "next_cursor": None})


def sent(server: RestServer, method: str) -> list[Any]:
    return [call.body for call in server.calls if call.method == method]


def test_ls_shows_role_state_and_teams(run: Run) -> None:
    done = run("users", "ls")
    for words in ("ada", "member", "active", "research", "never", "usr_1"):
        assert words in done.stdout
    assert json.loads(run("users", "ls", "--json").stdout)["items"] == [USER]


def test_invite_prints_the_link_alone_on_standard_output(server: RestServer, run: Run) -> None:
    server.answer("POST /api/v1/invitations", LINK)
    done = run("users", "invite", "ada", "--role", "operator", "--team", "research")
    assert done.stdout == "http://manager.test/join#secret\n"
    assert "shown this once" in done.stderr
    assert sent(server, "POST") == [
        {"username": "ada", "role": "operator", "email": None, "team_ids": ["team_1"]}
    ]


def test_a_password_comes_from_standard_input(server: RestServer, run: Run) -> None:
    server.answer("POST /api/v1/users", USER)
    done = run("users", "create", "ada", typed="correct horse battery\n")
    assert done.exit_code == 0
    [body] = sent(server, "POST")
    assert body["password"] == "correct horse battery"  # noqa: S105 - of no use anywhere
    assert "correct horse" not in done.output
    assert run("users", "create", "ada", typed="").exit_code == 2


def test_a_service_account_is_made_without_password(server: RestServer, run: Run) -> None:
    server.answer("POST /api/v1/users", {**USER, "kind": "service"})
    assert run("users", "create", "nightly", "--service").exit_code == 0
    [body] = sent(server, "POST")
    assert body["kind"] == "service"
    assert "password" not in body


def test_roles_and_state_are_changed_by_name(server: RestServer, run: Run) -> None:
    server.answer("PATCH /api/v1/users/usr_1", {**USER, "role": "operator"})
    server.answer("POST /api/v1/users/usr_1/disable", {**USER, "status": "disabled"})
    server.answer("POST /api/v1/users/usr_1/enable", USER)
    server.answer("POST /api/v1/users/usr_1/reset", {**LINK, "kind": "reset"})
    assert "operator" in run("users", "role", "ada", "operator").stdout
    assert sent(server, "PATCH") == [{"role": "operator"}]
    assert "shut out" in run("users", "disable", "ada").stdout
    assert "may come in again" in run("users", "enable", "ada").stdout
    assert run("users", "reset", "ada").stdout == "http://manager.test/join#secret\n"


def test_who_is_not_known_is_said(run: Run) -> None:
    done = run("users", "disable", "nobody")
    assert isinstance(done.exception, Problem)
    assert done.exception.code == "user_not_found"
    done = run("teams", "rm", "nothing")
    assert isinstance(done.exception, Problem)
    assert done.exception.code == "team_not_found"


def test_sessions_are_listed_and_ended(server: RestServer, run: Run) -> None:
    session = {
        "id": "ses_1",
        "address": "192.0.2.7",
        "user_agent": "Firefox",
        "created_at": "2026-11-23T10:00:00Z",
        "last_seen_at": "2026-11-23T10:00:00Z",
        "expires_at": "2026-11-30T10:00:00Z",
        "is_current": False,
    }
    path = "/api/v1/users/usr_1/sessions"
    server.answer(f"GET {path}", {"items": [session], "next_cursor": None})
    server.answer(f"DELETE {path}", {"ended": 1})
    done = run("users", "sessions", "ada")
    assert "192.0.2.7" in done.stdout
    assert "Firefox" in done.stdout
    assert "1 logins ended" in run("users", "sessions", "ada", "--end").stdout
    assert json.loads(run("users", "sessions", "ada", "--end", "--json").stdout) == {"ended": 1}


def test_teams_are_made_filled_emptied_and_deleted(server: RestServer, run: Run) -> None:
    server.answer("POST /api/v1/teams", TEAM)
    server.answer("PUT /api/v1/teams/team_1/members/usr_1", TEAM)
    server.answer("DELETE /api/v1/teams/team_1/members/usr_1", TEAM)
    server.answer("DELETE /api/v1/teams/team_1", {})
    assert "team_1" in run("teams", "create", "research").stdout
    assert "ada" in run("teams", "ls").stdout
    for words in (("add", "research", "ada"), ("remove", "research", "ada"), ("rm", "research")):
        assert run("teams", *words).exit_code == 0
    paths = [call.path for call in server.calls if call.method in ("PUT", "DELETE")]
    assert paths == [
        "/api/v1/teams/team_1/members/usr_1",
        "/api/v1/teams/team_1/members/usr_1",
        "/api/v1/teams/team_1",
    ]


def test_invitations_are_listed_and_taken_back_by_name(server: RestServer, run: Run) -> None:
    invited = {
        "id": "link_1",
        "user_id": "usr_2",
        "username": "anna",
        "role": "member",
        "created_by": "usr_1",
        "created_at": "2026-11-23T10:00:00Z",
        "expires_at": "2026-11-26T10:00:00Z",
    }
    server.answer("GET /api/v1/invitations", {"items": [invited], "next_cursor": None})
    server.answer("DELETE /api/v1/invitations/link_1", {})
    listed = run("users", "invitations").stdout
    assert "anna" in listed
    assert "link_1" in listed
    assert json.loads(run("users", "invitations", "--json").stdout)["items"] == [invited]
    assert "anna is no longer invited" in run("users", "withdraw", "anna").stdout
    assert server.calls[-1].path == "/api/v1/invitations/link_1"
    with pytest.raises(Problem) as caught:
        raise run("users", "withdraw", "bert").exception or AssertionError
    assert caught.value.code == "invitation_not_found"
