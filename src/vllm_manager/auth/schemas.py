"""What access says and hears over HTTP, and what it tells the other rooms."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, SecretStr

Role = Literal["administrator", "operator", "member", "viewer"]
"""What a user may do.

`administrator`: everything. `operator`: deploys, configures, downloads, and sees everything but
other people's secrets. `member`: uses models, and has keys. `viewer`: sees what a member sees, and
the monitoring; uses no model.
"""
ROLES: tuple[Role, ...] = get_args(Role)
Kind = Literal["person", "service"]
"""A service account has no password: it comes in by keys alone."""

LinkKind = Literal["invitation", "reset"]


class Login(BaseModel):
    """A name and a password."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"username": "admin", "password": "the one in secrets/admin.json"}]
        },
    )

    username: str = Field(min_length=1, max_length=64)
    password: SecretStr = Field(min_length=1, max_length=1024)


class UserView(BaseModel):
    """Who is asking."""

    id: str
    username: str
    role: Role


class TeamRef(BaseModel):
    """A team, by id and name."""

    id: str
    name: str


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
                    "teams": [{"id": "team_01kb2m3n4p5q6r7s8t9v0w1x2y", "name": "search"}],
                    "csrf_token": "6Yd1kR0m8iXQ2nS4vT7wB9zC3fG5hJ-LpKuEoAaNxMs",
                    "expires_at": "2026-11-30T10:00:00Z",
                }
            ]
        }
    )

    user: UserView
    teams: list[TeamRef] = Field(
        default=[], description="The teams of the user, the longest membership first."
    )
    csrf_token: str | None = Field(
        description="Send it as `X-CSRF-Token` with unsafe methods; null for a bearer key."
    )
    expires_at: datetime | None = Field(description="Null for a key that never expires.")


class SessionInfo(BaseModel):
    """A login in force: where it is used, and from when to when."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "ses_01kb2m3n4p5q6r7s8t9v0w1x2y",
                    "address": "192.0.2.7",
                    "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Firefox/145.0",
                    "created_at": "2026-11-23T10:00:00Z",
                    "last_seen_at": "2026-11-23T11:30:00Z",
                    "expires_at": "2026-11-30T11:30:00Z",
                    "is_current": True,
                }
            ]
        }
    )

    id: str
    address: str | None = Field(description="Where it was used last; kept to five minutes.")
    user_agent: str | None
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    is_current: bool = Field(description="Whether it is the one that asks.")


class LinkView(BaseModel):
    """Whom a one-time link is for."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "kind": "invitation",
                    "username": "anna",
                    "expires_at": "2026-11-26T10:00:00Z",
                }
            ]
        }
    )

    kind: LinkKind
    username: str
    expires_at: datetime


class LinkAccept(BaseModel):
    """The password to set."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"password": "correct horse battery staple"}]},
    )

    password: SecretStr = Field(
        min_length=1, max_length=1024, description="At least 12 characters."
    )


class PasswordChange(BaseModel):
    """One's present password and a new one."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "current_password": "the one until now",
                    "new_password": "correct horse battery staple",
                }
            ]
        },
    )

    current_password: SecretStr = Field(min_length=1, max_length=1024)
    new_password: SecretStr = Field(
        min_length=1, max_length=1024, description="At least 12 characters."
    )


@dataclass(frozen=True, slots=True)
class Caller:
    """Where a request comes from, with what program, and with the cookie of which login."""

    address: str
    agent: str = ""
    session_token: str | None = None


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
    manages: bool = True
    """False for a key that is for asking models and for nothing else."""

    def view(self, csrf_token: str | None, teams: list[TeamRef]) -> SessionView:
        user = UserView(id=self.user_id, username=self.username, role=self.role)
        return SessionView(
            user=user, teams=teams, csrf_token=csrf_token, expires_at=self.expires_at
        )


@dataclass(frozen=True, slots=True)
class Actor:
    """Who a request turned out to be from, though it came without a credential."""

    user_id: str
    username: str
    credential: str | None = None
    """Id of the login that it opened."""

    @classmethod
    def of(cls, principal: Principal) -> "Actor":
        return cls(principal.user_id, principal.username, principal.session_id)


@dataclass(frozen=True, slots=True)
class Opened:
    """A new login: the cookie's value, the CSRF token that goes with it, and who it is."""

    token: str
    csrf_token: str
    principal: Principal
