"""Users of every role for tests, made through the API as an administrator would."""

import secrets
from dataclasses import dataclass
from typing import Any

from support.application import Running

COOKIE = "vllm_manager_session"


@dataclass(frozen=True, slots=True)
class Person:
    """A user who is logged in."""

    id: str
    username: str
    password: str
    role: str
    cookie: str
    csrf: str

    @property
    def headers(self) -> dict[str, str]:
        """What their browser sends with a change."""
        return {"cookie": f"{COOKIE}={self.cookie}", "x-csrf-token": self.csrf}


async def logged_in(control: Running, username: str, password: str) -> tuple[str, str]:
    """Log in without touching the client's own cookies; return cookie and CSRF token."""
    body = {"username": username, "password": password}
    answer = await control.client.post("/api/v1/auth/login", json=body)
    control.client.cookies.clear()
    assert answer.status_code == 200, answer.text
    return answer.cookies[COOKIE], answer.json()["csrf_token"]


async def person(control: Running, role: str, username: str | None = None) -> Person:
    """Make a user with a password and log them in."""
    name = username or f"{role}-{secrets.token_hex(4)}"
    password = secrets.token_urlsafe(15)
    body: dict[str, Any] = {"username": name, "role": role, "password": password}
    answer = await control.client.post("/api/v1/users", json=body, headers=control.bearer)
    assert answer.status_code == 201, answer.text
    cookie, csrf = await logged_in(control, name, password)
    return Person(answer.json()["id"], name, password, role, cookie, csrf)


async def administrator(control: Running) -> Person:
    """Log the first administrator in."""
    cookie, csrf = await logged_in(control, control.username, control.password)
    answer = await control.client.get("/api/v1/auth/me", headers=control.bearer)
    me = answer.json()["user"]
    return Person(me["id"], control.username, control.password, "administrator", cookie, csrf)
