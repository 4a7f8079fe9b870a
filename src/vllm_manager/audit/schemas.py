"""What the audit log says, and what is told to it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Kind = Literal["intent", "result", "anchor"]
Outcome = Literal["done", "refused", "failed", "unknown"]
"""`refused`: by a rule (4xx). `failed`: by a fault (5xx). `unknown`: the process ended before it
could be written down; the change may have been made."""

EXAMPLE: dict[str, Any] = {
    "seq": 4711,
    "at": "2026-11-23T10:00:00Z",
    "actor_id": "usr_01kb2m3n4p5q6r7s8t9v0w1x2y",
    "actor": "anna",
    "credential": "ses_01kb2m3n4p5q6r7s8t9v0w1x2y",
    "address": "192.0.2.7",
    "action": "revokeKey",
    "subject": "key_01kb2m3n4p5q6r7s8t9v0w1x2z",
    "fields": [],
    "outcome": "done",
    "status": 200,
    "code": None,
    "request_id": "req_01kb2m3n4p5q6r7s8t9v0w1x30",
    "hash": "9f2c…",
}


@dataclass(frozen=True, slots=True)
class Attempt:
    """A change that somebody is about to make. It holds names, never values."""

    action: str
    """The operation's id in the API's description."""
    actor_id: str | None = None
    actor: str | None = None
    """The user's name; at a login the name that was given."""
    credential: str | None = None
    """Id of the session or key."""
    address: str | None = None
    subject: str | None = None
    fields: list[str] = field(default_factory=list[str])
    request_id: str | None = None


class AuditEntry(BaseModel):
    """Something that was done, or tried, and what came of it."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    seq: int = Field(description="Its number in the log.")
    at: datetime
    actor_id: str | None = Field(description="Id of the user; null where nobody was logged in.")
    actor: str | None = Field(description="The user's name; at a login the name that was given.")
    credential: str | None = Field(description="Id of the login or key that it was done with.")
    address: str | None = Field(description="Where it came from.")
    action: str = Field(description="The operation's id in the API's description.")
    subject: str | None = Field(description="What it was done to, by name or id.")
    fields: list[str] = Field(description="What was given or changed, by name; values never are.")
    outcome: Outcome
    status: int | None = Field(description="The status that was answered; null: not known.")
    code: str | None = Field(description="The problem's code, where it was refused or failed.")
    request_id: str | None
    hash: str = Field(description="The entry's own hash in the chain.")


class ChainReport(BaseModel):
    """Whether the log is as it was written."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "ok": True,
                    "entries": 9422,
                    "first_seq": 1,
                    "last_seq": 9422,
                    "head": "9f2c…",
                    "broken_at": None,
                    "reason": None,
                }
            ]
        }
    )

    ok: bool
    entries: int = Field(description="So many were verified.")
    first_seq: int | None
    last_seq: int | None
    head: str | None = Field(
        description="The newest entry's hash. Kept elsewhere, it shows if newer ones are cut off."
    )
    broken_at: int | None = Field(description="Number of the first entry that does not fit.")
    reason: str | None
