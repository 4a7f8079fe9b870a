"""What users look like to an administrator."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from vllm_manager.auth.schemas import Kind, LinkKind, Role, TeamRef

UserStatus = Literal["active", "invited", "disabled"]
Username = Annotated[
    str,
    Field(
        pattern=r"^[a-z0-9]([a-z0-9._@-]{0,62}[a-z0-9])?$",
        description="Lower-case letters, digits and `._@-`; at most 64.",
    ),
]
Email = Annotated[str, Field(max_length=254, pattern=r"^[^@\s]+@[^@\s]+$")]
TeamIds = Annotated[list[str], Field(max_length=100, description="Teams to put them into.")]

_USER: dict[str, Any] = {
    "id": "usr_01kb2m3n4p5q6r7s8t9v0w1x2y",
    "username": "anna",
    "role": "member",
    "kind": "person",
    "status": "active",
    "email": "anna@example.org",
    "teams": [{"id": "team_01kb2m3n4p5q6r7s8t9v0w1x2y", "name": "search"}],
    "created_at": "2026-11-23T10:00:00Z",
    "last_login_at": "2026-11-23T11:00:00Z",
    "disabled_at": None,
}


def _with(example: dict[str, Any]) -> ConfigDict:
    return ConfigDict(extra="forbid", json_schema_extra={"examples": [example]})


class UserDetails(BaseModel):
    """A person or a service account."""

    model_config = ConfigDict(json_schema_extra={"examples": [_USER]})

    id: str
    username: str
    role: Role
    kind: Kind
    status: UserStatus = Field(
        description="`invited`: has not set a password yet, so can't log in."
    )
    email: str | None
    teams: list[TeamRef]
    created_at: datetime
    last_login_at: datetime | None
    disabled_at: datetime | None


class UserCreate(BaseModel):
    """A user to make without an invitation."""

    model_config = _with({"username": "nightly", "role": "member", "kind": "service"})

    username: Username
    role: Role = "member"
    kind: Kind = "person"
    email: Email | None = None
    password: SecretStr | None = Field(
        default=None, max_length=1024, description="For a person; a service account has none."
    )
    team_ids: TeamIds = []


class UserChange(BaseModel):
    """What to change of a user; what is left out stays."""

    model_config = _with({"role": "operator"})

    role: Role | None = None
    email: Email | None = None


class InvitationCreate(BaseModel):
    """Whom to invite, as what."""

    model_config = _with({"username": "anna", "role": "member", "email": "anna@example.org"})

    username: Username
    role: Role = "member"
    email: Email | None = None
    team_ids: TeamIds = []


class Invitation(BaseModel):
    """An invitation that was neither accepted nor has expired."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "link_01kb2m3n4p5q6r7s8t9v0w1x2y",
                    "user_id": _USER["id"],
                    "username": "anna",
                    "role": "member",
                    "created_by": "usr_01kb2m3n4p5q6r7s8t9v0w1x2z",
                    "created_at": "2026-11-23T10:00:00Z",
                    "expires_at": "2026-11-26T10:00:00Z",
                }
            ]
        }
    )

    id: str
    user_id: str
    username: str
    role: Role
    created_by: str | None
    created_at: datetime
    expires_at: datetime


class LinkIssued(BaseModel):
    """A one-time link. Its token is shown here and never again."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "link_01kb2m3n4p5q6r7s8t9v0w1x2y",
                    "kind": "invitation",
                    "user": {**_USER, "status": "invited", "last_login_at": None},
                    "token": "6Yd1kR0m8iXQ2nS4vT7wB9zC3fG5hJ-LpKuEoAaNxMs",
                    "url": "https://models.example.org/join#6Yd1kR0m8iXQ2nS4vT7wB9zC3fG5hJ-LpKuEo",
                    "expires_at": "2026-11-26T10:00:00Z",
                }
            ]
        }
    )

    id: str
    kind: LinkKind
    user: UserDetails
    token: str
    url: str = Field(
        default="",
        description="The page to open. The token stands behind `#`, which browsers send nowhere.",
    )
    expires_at: datetime


class SessionsEnded(BaseModel):
    """How many logins were ended."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"ended": 2}]})

    ended: int
