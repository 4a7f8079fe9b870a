"""What access says and hears over HTTP, and what it tells the other rooms."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

Role = Literal["administrator", "operator", "member", "viewer"]
"""What a user may do.

`administrator`: everything. `operator`: deploys, configures, downloads, and sees everything but
other people's secrets. `member`: uses models, and has keys. `viewer`: sees what a member sees, and
the monitoring; uses no model.
"""
ROLES: tuple[Role, ...] = get_args(Role)
Kind = Literal["person", "service"]
"""A service account has no password: it comes in by keys alone."""


class Login(BaseModel):
    """A name and a password."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"username": "admin", "password": "the one in secrets/admin.json"}]
        },
    )

    username: str = Field(min_length=1, max_length=64)
    password: str = Field(min_length=1, max_length=1024)


class UserView(BaseModel):
    """Who is asking."""

    id: str
    username: str
    role: Role


class SessionView(BaseModel):
    """A login, or a key in use."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "user": {
                        "id": "usr_01kb2m3n4p5q6r7s8t9v0w1x2y",
                        "username": "admin",
                        "role": "administrator",
                    },
                    "csrf_token": "6Yd1kR0m8iXQ2nS4vT7wB9zC3fG5hJ-LpKuEoAaNxMs",
                    "expires_at": "2026-11-30T10:00:00Z",
                }
            ]
        }
    )

    user: UserView
    csrf_token: str | None = Field(
        description="Send it as `X-CSRF-Token` with unsafe methods; null for a bearer key."
    )
    expires_at: datetime | None = Field(description="Null for a key that never expires.")


@dataclass(frozen=True, slots=True)
class Principal:
    """Whoever a valid credential stands for.

    `session_id` is set for a login, `key_id` for a bearer key; exactly one of them is. `team_id`
    is the key's team, or the one that the user has been in the longest.
    """

    user_id: str
    username: str
    role: Role
    team_id: str | None
    session_id: str | None
    key_id: str | None
    csrf_fingerprint: str | None
    expires_at: datetime | None

    def view(self, csrf_token: str | None) -> SessionView:
        user = UserView(id=self.user_id, username=self.username, role=self.role)
        return SessionView(user=user, csrf_token=csrf_token, expires_at=self.expires_at)


@dataclass(frozen=True, slots=True)
class Opened:
    """A new login: the cookie's value, the CSRF token that goes with it, and who it is."""

    token: str
    csrf_token: str
    principal: Principal


@dataclass(frozen=True, slots=True)
class KeyFact:
    """A key that is in force, as the gateway must know it."""

    fingerprint: str
    id: str
    user_id: str
    name: str
    team_id: str | None
    models: list[str] | None
    """The models it may use; None means all. A viewer's key may use none."""
    addresses: list[str] | None
    """The networks (CIDR) it may come from; None means any."""
    expires_at: float | None


@dataclass(frozen=True, slots=True)
class SessionFact:
    """A login that is in force, as the gateway must know it."""

    fingerprint: str
    id: str
    user_id: str
    team_id: str | None
    role: Role
    csrf_fingerprint: str
    expires_at: float
