"""What keys say and hear over HTTP, and the limits that a key can be born with."""

from datetime import datetime
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from vllm_manager.auth.schemas import Kind

PREFIX = "vm-"
_MAX_RATE = 10**12

State = Literal["active", "replaced", "expired", "revoked"]
"""`replaced`: rotated, and still valid until `expires_at`. Only the last two don't work."""

Priority = Literal["low", "normal", "high"]
"""Which requests go first where they must wait for a model, from the last to the first."""

Figure = Annotated[int | None, Field(ge=1, le=_MAX_RATE)]
Name = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")]
Model = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f]+$")]
Models = Annotated[
    list[Model] | None,
    Field(min_length=1, max_length=100, description="Models it may use; null: all."),
]
Addresses = Annotated[
    list[Annotated[str, Field(max_length=64)]] | None,
    Field(
        min_length=1,
        max_length=100,
        description="Networks (CIDR) or addresses that it may come from; null: any.",
    ),
]
Management = Annotated[
    bool | None,
    Field(
        description="Whether it opens the rest of the API too, with its owner's role; else it is "
        "for asking models alone. Null: yes, unless it names models."
    ),
]
Subject = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")]


class Limits(BaseModel):
    """What may be used at most. Null: no such limit. Tokens are those read and written together."""

    model_config = ConfigDict(extra="forbid")

    requests_per_minute: Figure = None
    tokens_per_minute: Figure = None
    concurrent_requests: Figure = Field(default=None, description="Requests under way at once.")
    tokens_per_day: Figure = Field(default=None, description="Per calendar day, in UTC.")
    tokens_per_month: Figure = Field(default=None, description="Per calendar month, in UTC.")

    @property
    def is_empty(self) -> bool:
        """True where nothing is limited."""
        return not any(self.model_dump().values())


NO_LIMITS = Limits()


class KeyRequest(BaseModel):
    """A key that is wanted."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "name": "nightly reports",
                    "models": ["demo"],
                    "expires_at": "2027-11-23T00:00:00Z",
                    "limits": {"tokens_per_minute": 1000},
                }
            ]
        },
    )

    name: Name = Field(description="What it is for, so that people know it again.")
    owner: Subject | None = Field(
        default=None,
        description="Id or name of the user. Null: yourself. Others need an administrator.",
    )
    team: Subject | None = Field(
        default=None,
        description="Id or name of the team whose use it counts as. "
        "Null: the one that the owner has been in the longest.",
    )
    models: Models = None
    addresses: Addresses = None
    management: Management = None
    expires_at: AwareDatetime | None = Field(default=None, description="Null: never.")
    priority: Priority = Field(
        default="normal",
        description="Which requests go first where they must wait for a model. "
        "`high` takes an operator or an administrator.",
    )
    limits: Limits = NO_LIMITS


class KeyChange(BaseModel):
    """What shall be different. Members that are left out stay as they are."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"models": ["demo", "support"], "addresses": None}]},
    )

    name: Name | None = None
    models: Models = None
    addresses: Addresses = None
    management: Management = None
    expires_at: AwareDatetime | None = Field(default=None, description="Null: never.")
    priority: Priority | None = Field(
        default=None, description="`high` takes an operator or an administrator."
    )
    limits: Limits | None = Field(
        default=None,
        description="All five in place of those before. Only an administrator raises any.",
    )


class KeyRotation(BaseModel):
    """How a key is replaced by a new one."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"old_until": "2026-11-24T10:00:00Z"}]}
    )

    old_until: AwareDatetime | None = Field(
        default=None,
        description="Until when the old key works beside the new one, at most 30 days. "
        "Null: for 24 hours.",
    )
    expires_at: AwareDatetime | None = Field(
        default=None, description="When the new key expires. Null: when the old one would have."
    )


class Owner(BaseModel):
    """Whose key it is."""

    id: str
    username: str
    kind: Kind


class KeyTeam(BaseModel):
    """The team whose use the key counts as."""

    id: str
    name: str


KEY_EXAMPLE: dict[str, Any] = {
    "id": "key_01kb2m3n4p5q6r7s8t9v0w1x2y",
    "name": "nightly reports",
    "hint": "vm-…x2Qk",
    "state": "active",
    "owner": {"id": "usr_01kb2m3n4p5q6r7s8t9v0w1x2y", "username": "ada", "kind": "person"},
    "team": {"id": "team_01kb2m3n4p5q6r7s8t9v0w1x2y", "name": "research"},
    "models": ["demo"],
    "addresses": ["10.0.0.0/8"],
    "management": False,
    "priority": "normal",
    "limits": {
        "requests_per_minute": None,
        "tokens_per_minute": 1000,
        "concurrent_requests": None,
        "tokens_per_day": None,
        "tokens_per_month": None,
    },
    "created_by": "usr_01kb2m3n4p5q6r7s8t9v0w1x2y",
    "created_at": "2026-11-23T10:00:00Z",
    "expires_at": "2027-11-23T00:00:00Z",
    "revoked_at": None,
    "last_used_at": None,
    "replaced_by": None,
}


class EndingKey(NamedTuple):
    """A key in force that ends soon, as other rooms are told of it."""

    id: str
    name: str
    owner: str
    """The user's name."""
    created_at: datetime
    expires_at: datetime


class KeyView(BaseModel):
    """A key as it may be shown: never the key itself."""

    model_config = ConfigDict(json_schema_extra={"examples": [KEY_EXAMPLE]})

    id: str
    name: str
    hint: str = Field(description="Its beginning and its last four characters.")
    state: State
    owner: Owner
    team: KeyTeam | None
    models: list[str] | None = Field(description="Models it may use; null: all.")
    addresses: list[str] | None = Field(description="Networks it may come from; null: any.")
    management: bool = Field(description="Whether it opens the rest of the API, too.")
    priority: Priority = Field(description="Which requests go first where they must wait.")
    limits: Limits
    created_by: str | None = Field(
        description="Id of the user who made it; null for the one made at the first start."
    )
    created_at: datetime
    expires_at: datetime | None = Field(description="Null: never.")
    revoked_at: datetime | None
    last_used_at: datetime | None = Field(
        description="When a model was last asked with it, to the minute; null: never."
    )
    replaced_by: str | None = Field(description="Id of the key that it was rotated to.")


class NewKey(BaseModel):
    """A key that was just made."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"secret": "vm-Zk1w…(shown this once)", "key": KEY_EXAMPLE},
            ]
        }
    )

    secret: str = Field(description="The key itself. It is shown this once and kept nowhere.")
    key: KeyView
