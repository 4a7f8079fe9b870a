"""Handing the server to others, on the command line alone: invite, join, key, limit, use, audit."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import openai
import pytest

from support.product import Product
from support.ray_cluster import wait_until

pytestmark = pytest.mark.engine

TEAM, MEMBER, KEY = "research", "clara", "reports of clara"
PASSWORD = "correct horse battery staple"  # noqa: S105 - of no use anywhere
MODEL = "demo"


def said(who: Product, *words: str, typed: str = "") -> str:
    done = who.cli(*words, typed=typed)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


def from_elsewhere(ready: Product, home: Path) -> Product:
    """Return the command line as on the member's own machine: another home, a server by name."""
    kept = {k: v for k, v in ready.environment.items() if not k.startswith("VLLM_MANAGER_")}
    address = {
        "VLLM_MANAGER_HOME": str(home),
        "VLLM_MANAGER_URL": f"http://127.0.0.1:{ready.port}",
    }
    return dataclasses.replace(ready, home=home, environment={**kept, **address})


def application(ready: Product, key: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"http://127.0.0.1:{ready.port}/v1", api_key=key, max_retries=0)


def stream(api: openai.OpenAI) -> int:
    """Ask for a streamed answer, and return how many pieces came."""
    answer = api.chat.completions.create(
        model=MODEL,
        messages=[{"role": "user", "content": "What is vLLM Manager?"}],
        max_tokens=300,
        stream=True,
    )
    with answer:
        return sum(1 for _ in answer)


def until_refused(api: openai.OpenAI) -> openai.RateLimitError:
    """Stream until there is no room. A minute's worth is a handful of answers."""
    for _ in range(500):
        try:
            assert stream(api) > 0
        except openai.RateLimitError as refused:
            return refused
    raise AssertionError("500 answers were within 1,000 tokens a minute")


def is_let_in(api: openai.OpenAI) -> bool:
    try:
        api.models.list()
    except openai.AuthenticationError:
        return False
    return True


def id_of(who: Product, list_verb: str, name: str) -> str:
    """Return the id of the one of this name, as the verb's `ls` has it."""
    (found,) = [one for one in who.json(list_verb, "ls")["items"] if one["name"] == name]
    return found["id"]


def used(who: Product, by: str, subject: str) -> dict[str, Any] | None:
    """Return the use of the one with this id; None while none is counted."""
    found = [one for one in who.json("usage", "--by", by)["items"] if one[by] == subject]
    return found[0] if found and found[0]["completion_tokens"] else None


def test_a_member_is_invited_held_to_a_limit_counted_and_revoked(
    ready: Product, tmp_path: Path
) -> None:
    member = from_elsewhere(ready, tmp_path / "home-of-clara")
    said(ready, "teams", "create", TEAM)
    link = said(ready, "users", "invite", MEMBER, "--team", TEAM)
    assert member.cli("whoami").returncode == 1
    assert f"Logged in as {MEMBER}" in said(member, "join", "-", typed=f"{link}\n{PASSWORD}\n")
    assert f"{MEMBER}, member" in said(member, "whoami")
    late = member.cli("join", link, typed=PASSWORD)
    assert late.returncode == 1
    assert member.cli("users", "invite", "someone").returncode == 1

    limits = ("--model", MODEL, "--tokens-per-minute", "1,000")
    key = said(member, "keys", "create", KEY, *limits)
    with application(ready, key) as api:
        wait_until(lambda: is_let_in(api), 60, "the key works")
        assert [model.id for model in api.models.list()] == [MODEL]
        refused = until_refused(api)
        assert refused.response.headers["x-ratelimit-limit-tokens"] == "1000"
        assert int(refused.response.headers["retry-after"]) > 0
        assert f"key “{KEY}” may use 1,000 tokens a minute" in refused.message
        own, team = id_of(member, "keys", KEY), id_of(ready, "teams", TEAM)
        wait_until(lambda: used(member, "key", own), 120, "the member sees the use")
        wait_until(lambda: used(ready, "team", team), 120, "the administrator sees it by team")
        said(ready, "keys", "revoke", KEY, "--yes")
        wait_until(lambda: not is_let_in(api), 60, "the key is refused")

    steps = {
        "createTeam": "admin",
        "createInvitation": "admin",
        "acceptLink": MEMBER,
        "createKey": MEMBER,
        "revokeKey": "admin",
    }
    for action, actor in steps.items():
        (entry, *_) = ready.json("audit", "ls", "--action", action, "--actor", actor)["items"]
        assert entry["outcome"] == "done", entry
    assert "entries are as they were written" in said(ready, "audit", "verify")
    assert member.cli("audit", "ls").returncode == 1

    assert "Logged out" in said(member, "logout")
    assert member.cli("whoami").returncode == 1
    kept = json.loads((member.home / "secrets" / "logins.json").read_text())
    assert kept == {}
