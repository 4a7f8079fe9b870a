"""`join`, `login`, `logout`, `whoami`: what is sent, what is kept, and to whom it is sent again."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cli.conftest import Run
from support.rest_server import RestServer
from vllm_manager.cli.main import app
from vllm_manager.kit.errors import Problem

SESSION: dict[str, Any] = {
    "user": {"id": "usr_1", "username": "ada", "role": "member"},
    "teams": [],
    "csrf_token": "of-the-session",
    "expires_at": "2026-11-30T10:00:00Z",
}
ENDED = {"type": "t", "title": "T", "status": 401, "detail": "No.", "code": "not_authenticated"}
LINK = "/api/v1/auth/links"
LOGIN = "/api/v1/auth/login"


@pytest.fixture(autouse=True)
def opens(server: RestServer) -> None:
    """Make the server open a session at both doors."""
    cookie = {"set-cookie": "vllm_manager_session=secret; HttpOnly; Path=/"}
    for route in (f"POST {LINK}", f"POST {LOGIN}"):
        server.answer(route, SESSION)
        server.headers[route] = cookie
    server.answer(f"GET {LINK}", {"kind": "invitation", "username": "ada", "expires_at": "x"})
    server.answer("GET /api/v1/auth/me", SESSION)
    server.answer("POST /api/v1/auth/logout", {})


@pytest.fixture
def run(server: RestServer, tmp_path: Path) -> Run:
    """Run verbs without a key of their own."""

    def run_verb(*words: str, typed: str | None = None, url: str | None = None) -> Result:
        environment = {
            "VLLM_MANAGER_URL": url or server.url,
            "VLLM_MANAGER_TOKEN": None,
            "VLLM_MANAGER_HOME": str(tmp_path / "home"),
        }
        return CliRunner(env=environment).invoke(app, list(words), input=typed)

    return run_verb


def logins(home: Path) -> Path:
    return home / "home" / "secrets" / "logins.json"


def test_a_login_is_kept_privately_and_used_by_the_verbs_that_follow(
    server: RestServer, run: Run, tmp_path: Path
) -> None:
    done = run("login", "ada", typed="correct horse\n")
    assert "Logged in as ada" in done.stdout
    assert server.calls[0].body == {"username": "ada", "password": "correct horse"}
    assert "correct horse" not in done.output
    assert stat.S_IMODE(logins(tmp_path).stat().st_mode) == 0o600
    assert run("whoami").stdout.startswith("ada, member")
    sent = server.calls[-1].headers
    assert sent["cookie"] == "vllm_manager_session=secret"
    assert sent["x-csrf-token"] == "of-the-session"
    assert "secret" not in run("whoami", "--json").stdout


def test_a_link_is_taken_from_an_argument_or_from_standard_input(
    server: RestServer, run: Run
) -> None:
    link = f"{server.url}/join#one-time"
    assert "Logged in as ada" in run("join", link, typed="correct horse\n").stdout
    assert "Logged in as ada" in run("join", "-", typed=f"{link}\ncorrect horse\n").stdout
    sent = [call.body for call in server.calls if call.method == "POST"]
    assert sent == [{"password": "correct horse"}] * 2
    assert {call.headers["x-link-token"] for call in server.calls} == {"one-time"}


@pytest.mark.parametrize("link", ["one-time", "http://manager.test/join", "file:///join#x"])
def test_what_is_no_link_is_misuse(server: RestServer, run: Run, link: str) -> None:
    assert run("join", link, typed="correct horse\n").exit_code == 2
    assert server.calls == []


def test_a_key_that_is_named_goes_before_the_login(server: RestServer, run: Run) -> None:
    run("login", "ada", typed="correct horse\n")
    run("whoami", "--token", "vm-named")
    assert server.calls[-1].headers["authorization"] == "Bearer vm-named"
    assert "cookie" not in server.calls[-1].headers


def test_a_login_goes_to_its_own_server_alone(server: RestServer, run: Run) -> None:
    run("login", "ada", typed="correct horse\n")
    other = server.url.replace("127.0.0.1", "localhost")
    run("whoami", url=other)
    assert "cookie" not in server.calls[-1].headers


def test_logout_ends_the_login_here_and_there(server: RestServer, run: Run, tmp_path: Path) -> None:
    run("login", "ada", typed="correct horse\n")
    assert "Logged out" in run("logout").stdout
    assert server.calls[-1].path == "/api/v1/auth/logout"
    assert json.loads(logins(tmp_path).read_text()) == {}


def test_a_login_that_has_ended_says_what_to_do_and_can_be_forgotten(
    server: RestServer, run: Run, tmp_path: Path
) -> None:
    run("login", "ada", typed="correct horse\n")
    server.answer("GET /api/v1/auth/me", ENDED, status=401)
    caught = run("whoami").exception
    assert isinstance(caught, Problem)
    assert "vllm-manager login ada" in caught.details.remediation[-1].label
    assert run("logout").exit_code == 0
    assert json.loads(logins(tmp_path).read_text()) == {}


def test_a_file_that_another_version_wrote_is_no_login(
    server: RestServer, run: Run, tmp_path: Path
) -> None:
    logins(tmp_path).parent.mkdir(parents=True)
    for text in ("[]", "{", json.dumps({server.url: {"name": "ada"}})):
        logins(tmp_path).write_text(text)
        run("whoami")
        assert "cookie" not in server.calls[-1].headers


def test_one_changes_one_s_own_password_with_two_lines(server: RestServer, run: Run) -> None:
    server.answer("POST /api/v1/auth/password", {})
    done = run("password", typed="the old one\ncorrect horse\n")
    assert "is changed" in done.stdout
    sent = {"current_password": "the old one", "new_password": "correct horse"}
    assert server.calls[-1].body == sent
    assert "horse" not in done.output


def test_one_s_own_logins_are_listed_and_ended_one_by_one(server: RestServer, run: Run) -> None:
    login = {
        "id": "ses_1",
        "address": "192.0.2.7",
        "user_agent": "curl",
        "created_at": "2026-11-23T10:00:00Z",
        "last_seen_at": "2026-11-23T10:00:00Z",
        "expires_at": "2026-11-30T10:00:00Z",
        "is_current": True,
    }
    server.answer("GET /api/v1/auth/sessions", {"items": [login], "next_cursor": None})
    server.answer("DELETE /api/v1/auth/sessions/ses_1", {})
    assert "ses_1 (this one)" in run("sessions").stdout
    assert json.loads(run("sessions", "--json").stdout)["items"] == [login]
    assert "has ended" in run("sessions", "--end", "ses_1").stdout
    assert server.calls[-1].method == "DELETE"
