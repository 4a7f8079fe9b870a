"""`limits ls|set|rm`: what a person reads, and what is sent."""

from typing import Any

from cli.conftest import Run
from cli.test_keys import KEY, NO_LIMITS, POLICY
from support.rest_server import RestServer
from vllm_manager.kit.errors import Problem

PATH = "/api/v1/limits"


def answers(server: RestServer, path: str, **limits: int) -> None:
    """Have these limits there, and accept others."""
    policy: dict[str, Any] = {**POLICY, "limits": {**NO_LIMITS, **limits}}
    server.answer(f"GET {PATH}/{path}", policy)
    server.answer(f"PUT {PATH}/{path}", policy)
    server.answer(f"DELETE {PATH}/{path}", {})


def changes(server: RestServer) -> list[tuple[str, str, Any]]:
    return [(c.method, c.path, c.body) for c in server.calls if c.method != "GET"]


def test_ls_lists_them(server: RestServer, run: Run) -> None:
    whole = {**POLICY, "scope": "installation", "subject": None, "name": None}
    server.answer(f"GET {PATH}", {"items": [POLICY, whole], "next_cursor": None})
    done = run("limits", "ls", "--scope", "team")
    for words in ("team", "research", "50,000 tokens/month", "installation"):
        assert words in done.stdout
    assert server.calls[0].query["scope"] == ["team"]


def test_set_keeps_what_is_not_given(server: RestServer, run: Run) -> None:
    answers(server, "installation", tokens_per_minute=5, concurrent_requests=3)
    done = run("limits", "set", "installation", "--tokens-per-minute", "none", "--tokens-per-day=7")
    assert done.exit_code == 0
    wanted = {**NO_LIMITS, "concurrent_requests": 3, "tokens_per_day": 7}
    assert changes(server) == [("PUT", f"{PATH}/installation", wanted)]


def test_names_are_turned_into_ids(server: RestServer, run: Run) -> None:
    team, user = {"id": "team_1", "name": "research"}, {"id": "usr_1", "username": "ada"}
    server.answer("GET /api/v1/teams", {"items": [team], "next_cursor": None})
    server.answer("GET /api/v1/users", {"items": [user], "next_cursor": None})
    server.answer("GET /api/v1/keys", {"items": [KEY], "next_cursor": None})
    named = (
        ("team", "research", "team_1"),
        ("user", "ada", "usr_1"),
        ("key", "reports", "key_1"),
        ("model", "demo", "demo"),
    )
    for scope, name, subject in named:
        answers(server, f"{scope}/{subject}")
        assert run("limits", "rm", scope, name).exit_code == 0, scope
    assert [path for _, path, _ in changes(server)] == [f"{PATH}/{s}/{i}" for s, _, i in named]
    caught = run("limits", "rm", "team", "sales").exception
    assert isinstance(caught, Problem)
    assert caught.code == "team_not_found"


def test_it_must_be_clear_whose_and_what(server: RestServer, run: Run) -> None:
    for words in (
        ("set", "installation"),
        ("set", "team", "--tokens-per-day", "7"),
        ("set", "installation", "demo", "--tokens-per-day", "7"),
        ("rm", "planet", "earth"),
    ):
        assert run("limits", *words).exit_code == 2, words
    assert server.calls == []
