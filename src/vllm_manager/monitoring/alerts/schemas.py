"""What alerts, silences and receivers look like to a client."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from vllm_manager.configs import Strict
from vllm_manager.kit.errors import Remedy
from vllm_manager.monitoring.alerts.rules import BY_NAME, Severity

State = Literal["active", "resolved", "all"]
Event = Literal["fired", "resolved", "test"]
ReceiverKind = Literal["webhook", "email"]


def _known_rule(value: str) -> str:
    if value not in BY_NAME:
        raise ValueError(f"There is no rule “{value}”. Known: {', '.join(sorted(BY_NAME))}.")
    return value


def _plain(value: str) -> str:
    if not value.isprintable():
        raise ValueError("It holds characters that can't be shown.")
    return value


RuleName = Annotated[str, Field(max_length=64), AfterValidator(_known_rule)]
Text = Annotated[str, AfterValidator(_plain)]

_ALERT: dict[str, Any] = {
    "id": "alr_01kb2m3n4p5q6r7s8t9v0w1x2y",
    "rule": "disk_low",
    "subject": "/srv/models",
    "severity": "warning",
    "title": "The disk of models is nearly full",
    "detail": "41.2 of 500 GiB are free at /srv/models.",
    "deployment": None,
    "remediation": [],
    "since": "2026-11-23T10:00:00Z",
    "updated_at": "2026-11-23T10:05:00Z",
    "resolved_at": None,
    "acknowledged_at": None,
    "acknowledged_by": None,
    "note": None,
    "silenced_until": None,
    "is_known": True,
}


class Alert(BaseModel):
    """Something that needs, or needed, attention."""

    model_config = ConfigDict(json_schema_extra={"examples": [_ALERT]})

    id: str
    rule: str
    subject: str = Field(description="What it is about: a deployment, a GPU, a path.")
    severity: Severity
    title: str
    detail: str = Field(description="What is so, with numbers, and what to do.")
    deployment: str | None = Field(
        description="The deployment that it is about, which its remedies are done to."
    )
    remediation: list[Remedy]
    since: datetime
    updated_at: datetime
    resolved_at: datetime | None = Field(description="Null while it is on.")
    acknowledged_at: datetime | None
    acknowledged_by: str | None = Field(description="Who sees to it.")
    note: str | None = Field(description="What they said about it.")
    silenced_until: datetime | None = Field(description="Nobody is told until then.")
    is_known: bool = Field(
        description="False where it can't be known now whether it is still so: what would tell has "
        "gone silent."
    )


class Acknowledgement(Strict):
    """Says that somebody sees to it."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"note": "A new disk comes on Monday."}]}
    )

    note: Text | None = Field(default=None, max_length=1000)


class AlertRule(BaseModel):
    """One thing that is watched."""

    name: str
    about: str
    hold_seconds: float = Field(description="How long it must hold before anybody is told.")


_RULE: dict[str, Any] = {
    "name": "gpu_hot",
    "about": "A GPU is at 85 °C or more.",
    "hold_seconds": 60.0,
}
_SILENCE: dict[str, Any] = {
    "id": "sil_01kb2m3n4p5q6r7s8t9v0w1x2y",
    "rule": "gpu_hot",
    "subject": None,
    "reason": "The air conditioning is serviced.",
    "created_by": "anna",
    "created_at": "2026-11-23T10:00:00Z",
    "ends_at": "2026-11-23T12:00:00Z",
}
_RECEIVER: dict[str, Any] = {
    "id": "rcv_01kb2m3n4p5q6r7s8t9v0w1x2y",
    "name": "on-call",
    "kind": "webhook",
    "target": "https://chat.example.com/…",
    "is_signed": True,
    "least_severity": "warning",
    "is_enabled": True,
    "created_at": "2026-11-23T10:00:00Z",
    "delivered_at": "2026-11-23T10:05:00Z",
    "failed_at": None,
    "last_error": None,
    "waiting": 0,
}


class AlertRules(BaseModel):
    """Everything that is watched."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"items": [_RULE], "next_cursor": None}]}
    )

    items: list[AlertRule]
    next_cursor: None = None


class SilenceRequest(Strict):
    """Quiet about alerts of a rule, a subject, both; of everything where neither is given."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"rule": "gpu_hot", "seconds": 7200, "reason": "The air conditioning is serviced."}
            ]
        },
    )

    rule: RuleName | None = None
    subject: Text | None = Field(default=None, min_length=1, max_length=255)
    seconds: int = Field(ge=60, le=90 * 86_400, description="How long, from now.")
    reason: Text = Field(min_length=1, max_length=1000)


class Silence(BaseModel):
    """A time of quiet. Alerts are shown all the same; nobody is told of them."""

    model_config = ConfigDict(json_schema_extra={"examples": [_SILENCE]})

    id: str
    rule: str | None
    subject: str | None
    reason: str
    created_by: str
    created_at: datetime
    ends_at: datetime


class ReceiverRequest(Strict):
    """Who is to be told."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "name": "on-call",
                    "kind": "webhook",
                    "target": "https://chat.example.com/hooks/3f9d",
                    "least_severity": "warning",
                }
            ]
        },
    )

    name: str = Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")
    kind: ReceiverKind
    target: str = Field(
        min_length=3,
        max_length=2000,
        description="Address of the webhook, or of mail. Kept encrypted; only its host is shown.",
    )
    secret: str | None = Field(
        default=None,
        min_length=16,
        max_length=200,
        description="Signs what is sent to a webhook (`X-Vllm-Manager-Signature`).",
    )
    least_severity: Severity = "warning"


class ReceiverChange(Strict):
    """What is to be different."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"is_enabled": False}]}
    )

    target: str | None = Field(default=None, min_length=3, max_length=2000)
    secret: str | None = Field(default=None, min_length=16, max_length=200)
    least_severity: Severity | None = None
    is_enabled: bool | None = None


class Receiver(BaseModel):
    """Who is told, and whether that works."""

    model_config = ConfigDict(json_schema_extra={"examples": [_RECEIVER]})

    id: str
    name: str
    kind: ReceiverKind
    target: str = Field(description="Of a webhook the host alone.")
    is_signed: bool
    least_severity: Severity
    is_enabled: bool
    created_at: datetime
    delivered_at: datetime | None = Field(description="When something last arrived there.")
    failed_at: datetime | None = Field(description="When something last did not.")
    last_error: str | None
    waiting: int = Field(description="Messages that are not delivered yet.")
